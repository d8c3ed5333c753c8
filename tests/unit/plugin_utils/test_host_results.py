# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's tasks returned becomes rows: one for every app of the decision, whatever went wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import Row
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import OUTCOMES
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.report import AppReport
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import VERDICTS
from ansible_collections.appban.endpoint.plugins.plugin_utils.host_results import result_of_host, rows_of_host, to_see
from tests.support.hosts.fake_host import LIFT, State, app, request, run
from tests.support.records import FINDING, NOW

DEVICE = {"id": "pc-1", "serial": None, "platform": "linux", "ownership": "corporate", "department": None}


def decision(**verdicts: str) -> dict[str, Any]:
    parts = {
        name: {
            "verdict": verdict,
            "actions": ["remove", "block"] if verdict == "enforce" else [],
            "policies": [{"policy": "city", "verdict": verdict}],
            "rule": None,
            "exemption": None,
            "reason": "",
        }
        for name, verdict in verdicts.items()
    }
    return {"apps": parts}


def report(**values: Any) -> dict[str, Any]:
    return asdict(AppReport(**values))


def rows(said: dict[str, Any], result: dict[str, Any], check_mode: bool = False, stopped: bool = False) -> dict[str, Row]:
    made = rows_of_host(DEVICE, said, result, NOW, check_mode, stopped)
    assert [row.app for row in made] == sorted(said["apps"])
    return {row.app: row for row in made}


def outcome(said: dict[str, Any], result: dict[str, Any], **more: bool) -> tuple[str, str]:
    row = rows(said, result, **more)["tiktok"]
    return row.outcome.name, row.outcome.reason


app_reports = st.fixed_dictionaries(
    {
        "before": st.none() | st.booleans(),
        "after": st.none() | st.booleans(),
        "why_not_seen": st.sampled_from(["", "no_backend"]),
        "removal": st.sampled_from(["none", "done"]),
        "removed_earlier": st.booleans(),
        "block": st.sampled_from(["none", "soft", "strong"]),
        "why_not_blocked": st.sampled_from(["", "no_block"]),
        "why_not_removed": st.sampled_from(["", "detect_only", "leftover_kept"]),
        "pending": st.booleans(),
        "unseen": st.sampled_from(["", "home_unreadable"]),
        "error": st.sampled_from(["", "error", "refused_dependents"]),
        "mechanism": st.lists(st.just("apt pin"), max_size=1),
        "findings": st.lists(st.just(FINDING), max_size=1),
    }
)
results = st.fixed_dictionaries(
    {},
    optional={
        "apps": st.dictionaries(st.sampled_from(["tiktok", "wechat", "capcut"]), app_reports),
        "failed": st.booleans(),
        "unreachable": st.booleans(),
        "unblocked": st.lists(st.just("apt: tiktok-desktop"), max_size=1),
    },
)


@given(
    verdicts=st.dictionaries(st.sampled_from(["tiktok", "wechat", "capcut"]), st.sampled_from(VERDICTS)),
    result=results,
    check_mode=st.booleans(),
    stopped=st.booleans(),
)
def test_every_app_of_the_decision_has_one_honest_row(
    verdicts: dict[str, str], result: dict[str, Any], check_mode: bool, stopped: bool
) -> None:
    for name, row in rows(decision(**verdicts), result, check_mode, stopped).items():
        plain = row.to_plain()
        assert plain["outcome"] in OUTCOMES
        assert (plain["seen_at"] is None) == (plain["before"] == "not_observed")
        if plain["outcome"] in ("removed", "recurred"):
            assert result["apps"][name]["removal"] == "done"
            assert not check_mode
        if plain["outcome"] == "compliant":
            assert verdicts[name] == "enforce"
            assert plain["before"] == "absent"
        if plain["before"] == "absent":
            assert not result["apps"][name]["unseen"], "not found in what was looked into is not absence"
        if verdicts[name] in ("out_of_scope", "unclassified", "not_applicable", "exempt", "lifted"):
            assert plain["findings"] == plain["mechanism"] == []
            assert plain["before"] == "not_observed"
        if result.get("unreachable") and verdicts[name] not in ("out_of_scope", "unclassified", "not_applicable"):
            assert plain["outcome"] == "unreachable"


def test_the_apply_tells_most_and_a_skipped_task_nothing() -> None:
    plan, apply = {"changed": True}, {"changed": False}
    assert result_of_host(plan, apply) is apply
    assert result_of_host(plan, {"skipped": True}) is plan
    assert result_of_host(plan, None) is plan
    assert result_of_host({"skipped": True}, {"skipped": True}) == {}
    assert result_of_host(None, None) == {}
    unreachable = {"unreachable": True}
    assert result_of_host(plan, unreachable) is unreachable


def test_a_host_that_never_answered_is_unreachable_and_not_in_order() -> None:
    assert outcome(decision(tiktok="enforce"), {"unreachable": True}) == ("unreachable", "")
    assert outcome(decision(tiktok="lifted"), {"unreachable": True}) == ("unreachable", "")
    assert outcome(decision(tiktok="unclassified"), {}) == ("unclassified", "")


def test_a_host_whose_task_failed_before_it_looked_is_failed() -> None:
    broken = {"failed": True, "msg": "the ledger of this host is damaged"}
    assert outcome(decision(tiktok="enforce"), broken) == ("failed", "error")
    assert outcome(decision(tiktok="review"), {}) == ("failed", "error"), "nothing ran although it was asked for"


def test_a_lift_that_failed_is_failed() -> None:
    assert outcome(decision(tiktok="lifted"), {"failed": True}) == ("failed", "error")
    assert outcome(decision(tiktok="exempt"), {"failed": True}) == ("failed", "error")
    assert outcome(decision(tiktok="not_applicable"), {"failed": True}) == ("failed", "error"), "its block from before may still stand"
    assert outcome(decision(tiktok="not_applicable"), {"apps": {}}) == ("not_applicable", "")
    assert outcome(decision(tiktok="lifted"), {"apps": {}}) == ("not_in_force", "ban_lifted")
    assert outcome(decision(tiktok="exempt"), {"apps": {}}) == ("exempt", "")
    assert outcome(decision(tiktok="lifted"), {"unblocked": ["apt: tiktok-desktop"]}, stopped=True) == ("failed", "limit_exceeded")


def test_a_stopped_run_names_the_apps_that_it_would_have_changed_and_only_those() -> None:
    result = {
        "apps": {
            "tiktok": report(before=True, after=True, block="soft", pending=True),
            "capcut": report(before=False, after=False, block="soft", mechanism=["apt pin"]),
            "wechat": report(before=True, after=True),
        }
    }
    made = rows(decision(tiktok="enforce", capcut="enforce", wechat="review"), result, stopped=True)
    assert {name: (row.outcome.name, row.outcome.reason) for name, row in made.items()} == {
        "tiktok": ("failed", "limit_exceeded"),
        "capcut": ("compliant", ""),
        "wechat": ("not_in_force", "under_review"),
    }
    assert made["tiktok"].before == "present"
    assert made["tiktok"].seen_at == NOW, "it was looked at, although nothing was done"


def test_check_mode_names_no_mechanism_that_does_not_stand_yet() -> None:
    result = {"apps": {"tiktok": report(before=False, after=False, block="soft", pending=True, mechanism=["apt pin"])}}
    row = rows(decision(tiktok="enforce"), result, check_mode=True)["tiktok"]
    assert (row.outcome.name, row.outcome.reason, row.mechanism) == ("violating", "check_mode", ())


@pytest.mark.parametrize(
    ("actions", "expected"),
    [(["remove", "block", "block_web"], ("cannot_enforce", "no_backend")), (["remove", "block"], ("compliant", ""))],
)
def test_C1_an_action_that_a_host_task_has_no_means_for_is_not_passed_over(actions: list[str], expected: tuple[str, str]) -> None:
    said = decision(tiktok="enforce")
    said["apps"]["tiktok"]["actions"] = actions
    assert outcome(said, {"apps": {"tiktok": report(before=False, after=False, block="soft")}}) == expected


def test_the_module_s_own_report_is_judged_from_end_to_end() -> None:
    """Detect, remove, block, recur, lift: what the host's code says, judged."""
    state = State()
    state.packages["dpkg"]["tiktok-deb"] = "1.0"
    said = decision(tiktok="enforce")
    asked = request(app("tiktok"), others="lift")

    def one(check: bool = False) -> tuple[str, str]:
        return outcome(said, run(state, asked, check=check)[0].to_plain(), check_mode=check)

    assert one(check=True) == ("violating", "check_mode")
    assert one() == ("removed", "")
    assert one() == ("compliant", "")
    assert one(check=True) == ("compliant", "")
    state.files.pop("/etc/apt.d/ban")
    state.packages["dpkg"]["tiktok-deb"] = "1.0"
    assert one() == ("recurred", "")
    lifted = run(state, LIFT)[0].to_plain()
    assert outcome(decision(tiktok="lifted"), lifted) == ("not_in_force", "ban_lifted")
    assert outcome(decision(tiktok="exempt"), lifted) == ("exempt", "")


NOT_IN_FORCE = [("review", "under_review"), ("pending", "not_yet_in_force"), ("report_only", "report_only")]


@pytest.mark.fault_kind("R4", "on a host a ban that is not in force counts as compliant or violating")
@pytest.mark.parametrize(("verdict", "reason"), NOT_IN_FORCE)
@pytest.mark.parametrize(("there", "word"), [(True, "present"), (False, "absent"), (None, "not_observed")])
def test_what_is_not_in_force_tells_whether_the_app_is_there_and_demands_nothing(
    verdict: str, reason: str, there: bool | None, word: str
) -> None:
    made = rows(decision(tiktok=verdict), {"apps": {"tiktok": report(before=there, after=there)}})["tiktok"]
    assert ((made.outcome.name, made.outcome.reason), made.before) == (("not_in_force", reason), word)


@pytest.mark.fault_kind("R4", "an app is called absent on a host of which a part was not looked into")
@pytest.mark.parametrize(("verdict", "reason"), NOT_IN_FORCE)
@pytest.mark.parametrize("unseen", ["home_unreadable", "place_unreadable", "account_unknown", "backend_left_out"])
def test_absent_is_said_of_a_host_that_was_looked_into_everywhere(verdict: str, reason: str, unseen: str) -> None:
    seen = {"apps": {"tiktok": report(before=False, after=False, unseen=unseen)}}
    made = rows(decision(tiktok=verdict), seen)["tiktok"]
    assert (made.outcome.name, made.outcome.reason, made.before, made.seen_at) == ("not_in_force", reason, "not_observed", None)
    found = {"apps": {"tiktok": report(before=True, after=True, unseen=unseen)}}
    assert rows(decision(tiktok=verdict), found)["tiktok"].before == "present", "found is found"
    enforced = rows(decision(tiktok="enforce"), {"apps": {"tiktok": report(before=False, after=False, block="soft", unseen=unseen)}})[
        "tiktok"
    ]
    assert (enforced.outcome.name, enforced.outcome.reason, enforced.before) == ("not_observable", unseen, "not_observed")


@pytest.mark.fault_kind("T8b", "a rehearsal calls a block lifted that still stands on the host")
@pytest.mark.parametrize(("verdict", "told"), [("lifted", ("not_in_force", "lift_pending")), ("exempt", ("exempt", "release_pending"))])
def test_a_rehearsal_says_that_a_block_still_stands(verdict: str, told: tuple[str, str]) -> None:
    result = {"apps": {}, "unblocked": ["apt: tiktok-desktop"]}
    assert outcome(decision(tiktok=verdict), result, check_mode=True) == told
    assert outcome(decision(tiktok=verdict), result)[1] != told[1], "an apply has taken it away"
    assert outcome(decision(tiktok=verdict), {"apps": {}}, check_mode=True)[1] != told[1]


@pytest.mark.parametrize("verdict", ["review", "pending", "report_only"])
def test_an_app_that_was_left_alone_for_want_of_a_fact_is_unclassified(verdict: str) -> None:
    said = decision(tiktok=verdict)
    said["apps"]["tiktok"]["policies"].append({"policy": "region", "verdict": "unclassified"})
    assert outcome(said, {}) == ("unclassified", "")


@pytest.mark.parametrize(("verdict", "told"), [("enforce", True), ("exempt", True), ("out_of_scope", False), ("unclassified", False)])
def test_drift_is_told_of_every_device_that_a_policy_is_about_and_of_no_other(verdict: str, told: bool) -> None:
    result = {"apps": {"tiktok": report(before=False, after=False, block="soft")}, "drift": ["apt: the pin was deleted"]}
    assert rows(decision(tiktok=verdict), result)["tiktok"].drift == (("apt: the pin was deleted",) if told else ())


def test_an_apply_that_failed_before_it_looked_forgets_nothing_of_the_plan() -> None:
    plan = {
        "apps": {
            "tiktok": report(before=True, after=True, pending=True, findings=[FINDING]),
            "capcut": report(why_not_seen="no_identifier"),
        },
        "changes": [{"op": "delete", "kind": "package", "name": "x"}],
    }
    failed = {"failed": True, "msg": "removing and blocking needs root"}
    found = result_of_host(plan, failed)
    assert found["msg"] == failed["msg"]
    made = rows(decision(tiktok="enforce", capcut="enforce"), dict(found))
    assert (made["tiktok"].before, made["tiktok"].outcome.name, made["tiktok"].outcome.reason) == ("present", "failed", "error")
    assert made["tiktok"].findings
    assert (made["capcut"].outcome.name, made["capcut"].outcome.reason) == ("not_observable", "no_identifier")
    assert result_of_host(plan, {"unreachable": True}) == {"unreachable": True}, "of a host that was lost nothing is known"


def test_what_a_person_has_to_see_is_told_with_its_host_and_place() -> None:
    result = {
        "apps": {
            "tiktok": report(remains=["/opt/app"], running=["7 /opt/app"]),
            "capcut": report(unseen="home_unreadable"),
        },
        "unseen": ["/home/jana could not be looked into: a link"],
        "notes": ["said elsewhere"],
    }
    assert to_see("pc-1", result) == [
        "pc-1: tiktok was removed, and /opt/app is still there",
        "pc-1: tiktok was removed, and process 7 /opt/app still runs from it",
        "pc-1: /home/jana could not be looked into: a link",
    ]
    assert to_see("pc-1", {"apps": {"tiktok": report()}, "notes": ["said elsewhere"]}) == []
