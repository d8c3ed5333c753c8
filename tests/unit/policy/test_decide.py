# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions about devices: the scenarios at the level of the pure core."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import ACTIONS, VERDICTS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.policy_samples import decision, exemption, policy, verdict

BOTH = [
    {"name": "Work devices", "when": {"ownership": ["corporate", "shared"], "accesses_city_systems": True}, "actions": ["remove"]},
    {"name": "Private devices", "when": {"ownership": "personal", "accesses_city_systems": True}, "actions": ["advise"]},
]


def rule(when: Any, actions: list[str], name: str = "Only rule") -> dict[str, Any]:
    return {"name": name, "when": when, "actions": actions}


def test_P1_work_devices_with_access_are_enforced() -> None:
    found = verdict(policy(rules=BOTH), {"serial": "S", "platform": "ipados", "ownership": "corporate", "accesses_city_systems": True})
    assert (found["verdict"], found["actions"], found["rule"]) == ("enforce", ["remove"], "Work devices")
    assert 'rule "Work devices"' in found["reason"]


def test_P3_private_devices_with_access_are_advised_only() -> None:
    found = verdict(policy(rules=BOTH), {"serial": "S", "ownership": "personal", "accesses_city_systems": True})
    assert (found["verdict"], found["actions"]) == ("enforce", ["advise"])


def test_P4_private_devices_without_access_are_out_of_scope() -> None:
    found = verdict(policy(rules=BOTH), {"serial": "S", "ownership": "personal", "accesses_city_systems": False})
    assert (found["verdict"], found["actions"], found["would"], found["rule"]) == ("out_of_scope", [], [], None)


def test_P7_an_overlay_adds_actions_and_both_policies_are_named() -> None:
    city = policy(policy="city", rules=[rule({"ownership": "corporate"}, ["remove"], "City devices")])
    overlay = policy(policy="overlay", rules=[rule({"critical": True}, ["remove", "block", "block_web"], "Critical")])
    found = verdict([city, overlay], {"serial": "S", "ownership": "corporate", "critical": True})
    assert found["actions"] == ["remove", "block", "block_web"]
    assert (found["rule"], [item["policy"] for item in found["policies"]]) == ("Critical", ["city", "overlay"])
    assert "city" in found["reason"]
    assert "overlay" in found["reason"]
    ordinary = verdict([city, overlay], {"serial": "S", "ownership": "corporate", "critical": False})
    assert (ordinary["actions"], ordinary["rule"]) == (["remove"], "City devices")


@pytest.mark.parametrize(
    ("device", "scope", "missing"),
    [
        ({"ownership": "corporate"}, "in_scope", []),
        ({"ownership": "personal"}, "out_of_scope", []),
        ({}, "unclassified", ["ownership"]),
        ({"ownership": None}, "unclassified", ["ownership"]),
        ({"ownership": "unknown"}, "unclassified", ["ownership"]),
        ({"ownership": ""}, "unclassified", ["ownership"]),
    ],
)
def test_U1_unknown_ownership_is_unclassified_and_untouched(device: dict[str, Any], scope: str, missing: list[str]) -> None:
    found = decision(policy(), {"serial": "S", **device}).to_plain()
    assert found["scope"] == scope
    assert found["apps"]["tiktok"]["missing"] == missing
    assert (found["apps"]["tiktok"]["actions"] == []) is (scope != "in_scope")


def test_U2_without_stages_the_first_moment_enforces() -> None:
    assert verdict(policy(), {"serial": "S", "ownership": "corporate"}, "2023-03-01T00:00:00+01:00")["verdict"] == "enforce"
    early = verdict(policy(), {"serial": "S", "ownership": "corporate"}, "2023-02-28T23:59:59+01:00")
    assert (early["verdict"], early["actions"], early["would"]) == ("pending", [], ["remove", "block"])


def test_U3_an_exemption_names_itself_and_spares_no_sibling() -> None:
    banned = policy(exemptions=[exemption(category="enforcement", mitigations=["separate device"])])
    found = verdict(banned, {"serial": "S1", "ownership": "corporate"})
    assert (found["verdict"], found["actions"], found["would"]) == ("exempt", [], ["remove", "block"])
    assert found["exemption"] == {
        "id": "EX-1",
        "state": "active",
        "policy": "small",
        "category": "enforcement",
        "reason": "Case work",
        "approved_by": "Head of Security",
        "granted": "2023-03-02",
        "expires": "2023-12-31",
        "mitigations": ["separate device"],
        "domains": [],
    }
    for part in ("EX-1", "Head of Security", "Case work", "2023-12-31"):
        assert part in found["reason"]
    assert verdict(banned, {"serial": "S2", "ownership": "corporate"})["verdict"] == "enforce"
    assert verdict(banned, {"id": "S1", "serial": "X", "ownership": "corporate"})["verdict"] == "exempt"


def test_U5_users_and_devices() -> None:
    following = policy(exemptions=[exemption(devices=None, users=["ada"], follow_user=True)])
    bound = policy(exemptions=[exemption(devices=["S1"], users=["ada"])])
    device_only = policy(exemptions=[exemption(devices=["S1"])])

    def exempt(banned: Any, serial: str, user: str | None) -> bool:
        return bool(verdict(banned, {"serial": serial, "user": user, "ownership": "corporate"})["verdict"] == "exempt")

    assert [exempt(following, serial, user) for serial, user in (("S1", "ada"), ("S2", "ada"), ("S1", "bob"), ("S1", None))] == [
        True,
        True,
        False,
        False,
    ]
    assert [exempt(bound, serial, user) for serial, user in (("S1", "ada"), ("S2", "ada"), ("S1", "bob"), ("S1", None))] == [
        True,
        False,
        False,
        False,
    ]
    assert [exempt(device_only, serial, user) for serial, user in (("S1", "ada"), ("S2", "ada"), ("S1", None))] == [True, False, True]


def test_U6_review_is_counted_for_devices_in_scope_and_never_acted_on() -> None:
    watched = policy(review=["wechat"])
    inside = verdict(watched, {"serial": "S", "ownership": "corporate"}, app="wechat")
    assert (inside["verdict"], inside["actions"], inside["would"]) == ("review", [], [])
    assert verdict(watched, {"serial": "S", "ownership": "personal"}, app="wechat")["verdict"] == "out_of_scope"


PAID = {"any": [{"paid_purchase": ["full", "part"]}, {"paid_subscription": ["full", "part"]}, {"paid_use": ["full", "part"]}]}


@pytest.mark.parametrize("values", list(itertools.product(["full", "part", "none", None], repeat=3)))
def test_B1_truth_table(values: tuple[str | None, ...]) -> None:
    device = {"serial": "S", "ownership": "personal", **dict(zip(("paid_purchase", "paid_subscription", "paid_use"), values, strict=True))}
    expected = "in_scope" if {"full", "part"} & set(values) else "unclassified" if None in values else "out_of_scope"
    found = decision(policy(rules=[rule(PAID, ["remove", "block", "block_web"])]), device)
    assert found.scope == expected
    missing = {name for name in ("paid_purchase", "paid_subscription", "paid_use") if device[name] is None}
    assert set(found.apps["tiktok"].missing) == (missing if expected == "unclassified" else set())


def belgium(**effective: Any) -> Any:
    return policy(timezone="Europe/Brussels", effective={"from": "2023-03-10", "until": "P6M", **effective})


WORK = {"serial": "S", "ownership": "corporate"}


def test_B3_six_calendar_months_then_a_decision_is_due() -> None:
    assert decision(belgium(), WORK, "2023-09-09T23:59:59+02:00").decision_due == ()
    for now in ("2023-09-10T00:00:00+02:00", "2023-12-01T00:00:00Z"):
        found = decision(belgium(), WORK, now)
        assert found.decision_due == ("small",)
        assert found.apps["tiktok"].verdict == "enforce"
        assert any("a decision is due" in note for note in found.notes)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2023-08-10T23:59:00+02:00", None),
        ("2023-08-11T00:00:00+02:00", "ends in 30 days, on 2023-09-10"),
        ("2023-09-03T00:00:00+02:00", "ends in 7 days, on 2023-09-10; a decision is then due (last warning)"),
        ("2023-09-09T12:00:00+02:00", "ends in 1 day,"),
        ("2023-09-11T12:00:00+02:00", "ended on 2023-09-10 (1 day ago)"),
    ],
)
def test_B3_warnings(now: str, said: str | None) -> None:
    notes = decision(belgium(), WORK, now).notes
    assert (said is None and notes == ()) or (said is not None and any(said in note for note in notes)), notes


def test_B3_lift_on_expiry() -> None:
    lifting = belgium(on_expiry="lift")
    assert verdict(lifting, WORK, "2023-09-09T23:59:59+02:00")["verdict"] == "enforce"
    after = decision(lifting, WORK, "2023-09-10T00:00:00+02:00")
    assert (after.apps["tiktok"].verdict, after.apps["tiktok"].actions, after.decision_due) == ("lifted", (), ())


def test_B4_an_extension_is_one_line() -> None:
    now = "2023-12-01T00:00:00Z"
    assert decision(belgium(), WORK, now).decision_due == ("small",)
    assert decision(belgium(until="P12M"), WORK, now).decision_due == ()


def test_B5_lifted_asks_for_nothing() -> None:
    found = verdict(policy(state="lifted"), WORK)
    assert (found["verdict"], found["actions"], found["would"]) == ("lifted", [], [])
    assert verdict(policy(state="lifted"), {"serial": "S"})["verdict"] == "lifted"
    assert verdict(policy(state="lifted"), {"serial": "S", "ownership": "personal"})["verdict"] == "out_of_scope"


def test_B6_three_governments_three_dates_and_a_proposal() -> None:
    flemish = policy(policy="flemish", effective={"from": "2023-03-09T00:00:00+01:00"})
    federal = policy(policy="federal", effective={"from": "2023-03-10T00:00:00+01:00"})
    walloon = policy(policy="walloon", state="report_only", effective={"from": "2023-03-09T00:00:00+01:00"})
    now = "2023-03-09T12:00:00+01:00"
    assert [verdict(one, WORK, now)["verdict"] for one in (flemish, federal, walloon)] == ["enforce", "pending", "report_only"]
    proposed = verdict(walloon, WORK, now)
    assert (proposed["actions"], proposed["would"]) == ([], ["remove", "block"])


def commission(deadline: str = "2023-03-15T00:00:00") -> Any:
    return policy(
        timezone="Europe/Brussels",
        effective={"from": "2023-02-23", "review_on": "2023-09-01"},
        rules=[
            rule({"ownership": ["corporate", "shared"]}, ["remove", "block"], "Official devices"),
            {
                "name": "Personal devices with work apps",
                "when": {"ownership": "personal", "work_apps": True},
                "stages": [{"actions": ["advise"]}, {"from": deadline, "actions": ["advise", "withdraw_access"]}],
            },
        ],
    )


@pytest.mark.parametrize(
    ("now", "actions"),
    [
        ("2023-03-14T23:59:59+01:00", ["advise"]),
        ("2023-03-15T00:00:00+01:00", ["advise", "withdraw_access"]),
        ("2023-03-15T00:00:01+01:00", ["advise", "withdraw_access"]),
        ("2023-03-14T22:59:59Z", ["advise"]),
        ("2023-03-14T23:00:00Z", ["advise", "withdraw_access"]),
    ],
)
def test_E3_E4_the_deadline_is_one_exact_moment(now: str, actions: list[str]) -> None:
    found = verdict(commission(), {"serial": "S", "ownership": "personal", "work_apps": True}, now)
    assert found["actions"] == actions
    before = actions == ["advise"]
    assert found["next_stage_from"] == ("2023-03-14T23:00:00Z" if before else None)
    assert "T00:00" not in found["reason"], "a caller is told the day, not a timestamp"
    assert found["stage"] == (0 if before else 1)


@pytest.mark.parametrize(
    ("now", "actions"), [("2023-03-26T00:59:59Z", ["advise"]), ("2023-03-26T01:00:00Z", ["advise", "withdraw_access"])]
)
def test_E4_a_deadline_on_the_day_the_clock_changes(now: str, actions: list[str]) -> None:
    assert (
        verdict(commission("2023-03-26T03:00:00"), {"serial": "S", "ownership": "personal", "work_apps": True}, now)["actions"] == actions
    )


def test_E1_E6_two_scopes_and_leaving_by_removing_the_work_apps() -> None:
    now = "2023-04-01T00:00:00Z"
    assert verdict(commission(), {"serial": "S", "ownership": "corporate"}, now)["rule"] == "Official devices"
    assert verdict(commission(), {"serial": "S", "ownership": "personal", "work_apps": False}, now)["verdict"] == "out_of_scope"
    assert verdict(commission(), {"serial": "S", "ownership": "personal"}, now)["missing"] == ["work_apps"]


def test_E8_an_overdue_review_is_noted() -> None:
    assert not decision(commission(), WORK, "2023-08-31T12:00:00Z").notes
    assert decision(commission(), WORK, "2023-09-01T12:00:00Z").notes == ("small: the review is due today",)
    assert decision(commission(), WORK, "2023-09-04T12:00:00Z").notes == ("small: the review planned for 2023-09-01 is 3 days overdue",)


def test_E9_two_organisations_two_dates_one_run() -> None:
    commission_policy = policy(
        policy="commission", effective={"from": "2023-03-15T00:00:00+01:00"}, rules=[rule({"org": "ec"}, ["remove"])]
    )
    parliament = policy(policy="parliament", effective={"from": "2023-03-20T00:00:00+01:00"}, rules=[rule({"org": "ep"}, ["remove"])])
    now = "2023-03-16T00:00:00Z"
    assert verdict([commission_policy, parliament], {"serial": "S", "org": "ec"}, now)["verdict"] == "enforce"
    assert verdict([commission_policy, parliament], {"serial": "S", "org": "ep"}, now)["verdict"] == "pending"


def test_the_first_match_wins_and_a_possible_match_before_it_leaves_the_device_unclassified() -> None:
    rules = [
        rule({"department": "press"}, ["advise"], "Press"),
        rule({"ownership": "corporate"}, ["remove"], "Others"),
        rule({"floor": 1}, ["audit"], "Never asked"),
    ]
    banned = policy(rules=rules)
    assert verdict(banned, {"serial": "S", "ownership": "corporate", "department": "press"})["actions"] == ["advise"]
    assert verdict(banned, {"serial": "S", "ownership": "corporate", "department": "it"})["actions"] == ["remove"]
    found = verdict(banned, {"serial": "S", "ownership": "corporate"})
    assert (found["verdict"], found["missing"]) == ("unclassified", ["department"])


@pytest.mark.parametrize(
    ("now", "expected", "state"),
    [
        ("2023-03-01T22:59:59Z", "enforce", None),
        ("2023-03-01T23:00:00Z", "exempt", "active"),
        ("2023-12-31T22:59:59Z", "exempt", "active"),
        ("2023-12-31T23:00:00Z", "enforce", "expired"),
    ],
)
def test_an_exemption_covers_its_first_and_its_last_day(now: str, expected: str, state: str | None) -> None:
    found = verdict(policy(exemptions=[exemption()]), {"serial": "S1", "ownership": "corporate"}, now)
    assert found["verdict"] == expected
    assert (found["exemption"]["state"] if found["exemption"] else None) == state
    if state == "expired":
        assert "has expired" in found["reason"]


def test_an_exemption_by_condition_must_be_sure() -> None:
    banned = policy(exemptions=[exemption(devices=None, when={"department": "press"})])
    for department, expected in (("press", "exempt"), ("it", "enforce"), (None, "enforce")):
        assert verdict(banned, {"serial": "S", "ownership": "corporate", "department": department})["verdict"] == expected


def test_an_exemption_for_sites_leaves_the_app_banned() -> None:
    banned = policy(
        rules=[rule({"ownership": "corporate"}, ["remove", "block", "block_web"])],
        exemptions=[exemption(domains=["ads.tiktok.com"]), exemption(id="EX-2", domains=["business.tiktok.com"])],
    )
    found = verdict(banned, {"serial": "S1", "ownership": "corporate"})
    assert (found["verdict"], found["actions"]) == ("enforce", ["remove", "block", "block_web"])
    assert found["exemption"]["domains"] == ["ads.tiktok.com", "business.tiktok.com"]
    # Another policy that blocks the site keeps it blocked.
    other = policy(policy="other", rules=[rule({"ownership": "corporate"}, ["block_web"])])
    assert verdict([banned, other], {"serial": "S1", "ownership": "corporate"})["exemption"]["domains"] == []


def test_an_exemption_of_one_policy_does_not_switch_off_another() -> None:
    first = policy(exemptions=[exemption()])
    second = policy(policy="second", rules=[rule({"ownership": "corporate"}, ["block_web"])])
    found = verdict([first, second], {"serial": "S1", "ownership": "corporate"})
    assert (found["verdict"], found["actions"], found["would"]) == ("enforce", ["block_web"], ["remove", "block"])
    assert found["exemption"]["id"] == "EX-1"
    assert "EX-1 of policy small does not switch off" in found["reason"]


def test_an_exemption_for_some_apps_leaves_the_others_banned() -> None:
    banned = policy(apps=["tiktok", "capcut"], exemptions=[exemption(apps=["capcut"])])
    device = {"serial": "S1", "ownership": "corporate"}
    assert verdict(banned, device, app="capcut")["verdict"] == "exempt"
    assert verdict(banned, device)["verdict"] == "enforce"


def test_of_several_exemptions_the_active_one_that_lasts_longest_counts() -> None:
    banned = policy(
        exemptions=[
            exemption(id="OLD", expires="2023-04-01"),
            exemption(id="SHORT", expires="2023-06-01"),
            exemption(id="LONG", expires="2023-08-01"),
            exemption(id="SITES", domains=["ads.tiktok.com"]),
        ]
    )
    assert verdict(banned, {"serial": "S1", "ownership": "corporate"})["exemption"]["id"] == "LONG"


def test_exemptions_that_end_soon_are_noted() -> None:
    banned = policy(exemptions=[exemption(expires="2023-05-05")])
    (note,) = decision(banned, {"serial": "S1", "ownership": "corporate"}).notes
    assert note == "small: exemption EX-1 ends in 5 days (2023-05-05)"
    assert decision(banned, {"serial": "S2", "ownership": "corporate"}).notes == ()


def test_a_device_needs_a_name_and_policies_ids_of_their_own() -> None:
    with pytest.raises(PolicyError, match="without id, serial and name"):
        decision(policy(), {"ownership": "corporate"})
    with pytest.raises(PolicyError, match="an id of its own"):
        decision([policy(), policy()], {"serial": "S"})


def test_the_plain_form_keeps_the_contract() -> None:
    found = decision(policy(), {"id": "D", "serial": "S", "ownership": "corporate"}).to_plain()
    assert list(found) == ["device", "now", "scope", "apps", "decision_due", "notes"]
    assert (found["device"], found["now"]) == ("D", "2023-05-01T00:00:00Z")
    assert list(found["apps"]["tiktok"]) == [
        "verdict",
        "actions",
        "would",
        "rule",
        "stage",
        "stage_from",
        "next_stage_from",
        "policies",
        "exemption",
        "missing",
        "reason",
    ]
    assert list(found["apps"]["tiktok"]["policies"][0]) == ["policy", "rule", "stage", "state", "actions", "exemption", "verdict"]
    assert found["apps"]["tiktok"]["verdict"] in VERDICTS
    assert set(found["apps"]["tiktok"]["actions"]) <= set(ACTIONS)
