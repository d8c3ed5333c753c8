# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every fleet, and what a batch may cost."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider, covers_whole_scope, decide, decide_all
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import now_utc, parse_policy
from tests.support.policy_samples import CATALOG, FULL, document, exemption, policy

NOW = now_utc("2023-05-01T00:00:00Z")
POLICIES = [
    parse_policy(FULL, "full.yml", CATALOG),
    policy(review=["capcut"], exemptions=[exemption(devices=["S2"], expires="2023-04-01")]),
]
fleets = st.lists(
    st.fixed_dictionaries(
        {"serial": st.sampled_from(["SERIAL1", "S2", "S3", "S4"])},
        optional={
            "ownership": st.sampled_from(["corporate", "personal", "shared", "company", None, 1, True]),
            "user": st.sampled_from(["ada", "bob", "eve", None]),
            "work_apps": st.sampled_from([True, False, 1, "yes", None]),
            "accesses": st.one_of(st.none(), st.lists(st.sampled_from(["mail", "files", "cms"]), max_size=2), st.just({"mail": True})),
            "groups": st.one_of(st.none(), st.lists(st.sampled_from(["a", 1, True, None]), max_size=5)),
            "department": st.sampled_from(["press", "it", "", None]),
        },
    ),
    max_size=12,
)


@given(fleets)
def test_a_batch_decides_as_one_by_one(fleet: list[dict[str, Any]]) -> None:
    batch = [found.to_plain() for found in decide_all(POLICIES, fleet, NOW)]
    assert batch == [decide(POLICIES, device, NOW).to_plain() for device in fleet]


def test_devices_that_a_dict_takes_for_alike_are_told_apart() -> None:
    banned = policy(rules=[{"name": "x", "when": {"managed": True, "tags": [1]}, "actions": ["remove"]}])
    fleet = [{"serial": "A", "managed": managed, "tags": tags} for managed in (True, 1, 1.0) for tags in (1, [1], [True], True, [1.0], "1")]
    batch = [found.scope for found in decide_all([banned], fleet, NOW)]
    assert batch == [decide([banned], device, NOW).scope for device in fleet]
    assert set(batch) == {"in_scope", "unclassified"}


@given(fleets, st.randoms(use_true_random=False))
def test_the_order_of_devices_does_not_matter(fleet: list[dict[str, Any]], chance: random.Random) -> None:
    shuffled = list(range(len(fleet)))
    chance.shuffle(shuffled)
    straight = [found.to_plain() for found in decide_all(POLICIES, fleet, NOW)]
    mixed = [found.to_plain() for found in decide_all(POLICIES, [fleet[position] for position in shuffled], NOW)]
    assert [straight[position] for position in shuffled] == mixed


@given(fleets)
def test_devices_share_nothing_that_can_be_changed(fleet: list[dict[str, Any]]) -> None:
    plain = [found.to_plain() for found in decide_all(POLICIES, fleet, NOW)]
    before = repr(plain[1:])
    for found in plain[:1]:
        found["notes"].append("x")
        for app in found["apps"].values():
            app["actions"].append("wipe")
            app["policies"].clear()
    assert repr(plain[1:]) == before


exemptions = st.lists(
    st.one_of(
        st.just(exemption(id="A", devices=["S3"])),
        st.just(exemption(id="B", devices=["S2", "S4"], users=["bob"])),
        st.just(exemption(id="C", devices=None, users=["eve"], follow_user=True)),
        st.just(exemption(id="D", devices=None, when={"department": "press"})),
        st.just(exemption(id="E", devices=["S4"], domains=["ads.tiktok.com"])),
        st.just(exemption(id="F", devices=["S3"], granted="2023-03-01", expires="2023-04-01")),
    ),
    unique_by=lambda item: item["id"],
    max_size=6,
)


@given(exemptions, fleets)
def test_an_exemption_never_adds_an_action(held: list[dict[str, Any]], fleet: list[dict[str, Any]]) -> None:
    bare, relaxed = policy(), policy(exemptions=held or None)
    for without, with_them in zip(decide_all([bare], fleet, NOW), decide_all([relaxed], fleet, NOW), strict=True):
        assert set(with_them.apps["tiktok"].actions) <= set(without.apps["tiktok"].actions)
        assert with_them.scope == without.scope


@given(fleets)
def test_unknown_is_never_enforced(fleet: list[dict[str, Any]]) -> None:
    for device, found in zip(fleet, decide_all([policy()], fleet, NOW), strict=True):
        enforced = found.apps["tiktok"].verdict == "enforce"
        assert enforced == (device.get("ownership") == "corporate")
        if found.scope != "in_scope":
            assert all(app.actions == () for app in found.apps.values())


@given(fleets, st.sampled_from(["ownership", "work_apps", "accesses", "department", "groups"]))
def test_forgetting_an_attribute_never_adds_an_action(fleet: list[dict[str, Any]], attribute: str) -> None:
    # Without exemptions: what is forgotten could also be what an exemption rests on.
    plain_policy = policy(rules=FULL["rules"], timezone="Europe/Prague")
    for device in fleet:
        known = decide([plain_policy], device, NOW).apps["tiktok"]
        forgotten = decide([plain_policy], {key: value for key, value in device.items() if key != attribute}, NOW).apps["tiktok"]
        assert forgotten.actions in ((), known.actions)


@given(fleets)
def test_no_verdict_but_enforce_has_actions_and_every_reason_is_a_sentence(fleet: list[dict[str, Any]]) -> None:
    for found in decide_all(POLICIES, fleet, NOW):
        for app in found.apps.values():
            assert bool(app.actions) == (app.verdict == "enforce")
            assert app.reason.endswith(".")
            assert "\n" not in app.reason
            assert bool(app.missing) or app.verdict != "unclassified"


def test_an_exemption_that_leaves_nobody_is_named() -> None:
    held = policy(exemptions=[exemption(devices=["S1", "S2"]), exemption(id="EX-2", devices=["S3"], domains=["ads.tiktok.com"])])
    fleet = [{"serial": name, "ownership": "corporate"} for name in ("S1", "S2")]
    assert covers_whole_scope([held], decide_all([held], fleet, NOW)) == ["small/EX-1"]
    # Devices out of scope don't count, one left in scope is enough, and one device alone is no blanket.
    personal = {"serial": "P", "ownership": "personal"}
    assert covers_whole_scope([held], decide_all([held], [*fleet, personal], NOW)) == ["small/EX-1"]
    assert covers_whole_scope([held], decide_all([held], [*fleet, {"serial": "S9", "ownership": "corporate"}], NOW)) == []
    assert covers_whole_scope([held], decide_all([held], fleet[:1], NOW)) == []


def large(rules: int, held: int) -> Policy:
    """A policy with a rule for each department, and exemptions by device, by user and by condition."""
    return parse_policy(
        document(
            rules=[
                {"name": f"Rule {n}", "when": {"department": f"d{n}", "ownership": ["corporate", "shared"]}, "actions": ["remove"]}
                for n in range(rules)
            ],
            exemptions=[
                exemption(id=f"EX-{n}", devices=[f"S{n}"])
                if n % 3
                else exemption(id=f"EX-{n}", devices=None, users=[f"u{n}"], follow_user=True)
                if n % 2
                else exemption(id=f"EX-{n}", devices=None, when={"department": f"d{n % rules}", "floor": n})
                for n in range(held)
            ],
        ),
        "large.yml",
        CATALOG,
    )


def fleet_of(count: int) -> list[dict[str, Any]]:
    return [
        {
            "serial": f"S{n}",
            "user": f"u{n // 2}",
            "department": f"d{n % 600}",
            "ownership": ("corporate", "personal", "shared", None)[n % 4],
            "floor": n % 7,
        }
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def large_policy() -> Policy:
    return large(500, 5000)


def evaluations(banned: Policy, fleet: list[dict[str, Any]]) -> int:
    decider = Decider([banned], NOW)
    for device in fleet:
        decider.decide(device)
    return decider.tally.evaluations


@pytest.mark.long
def test_100000_devices_cost_no_more_rules_than_there_are_kinds_of_devices(large_policy: Policy) -> None:
    kinds = len({(device["department"], device["ownership"], device["floor"]) for device in fleet_of(100_000)})
    few, many = evaluations(large_policy, fleet_of(20_000)), evaluations(large_policy, fleet_of(100_000))
    # One rule is asked for a device of a department; each device that an exemption names is a kind of its own.
    assert many <= 2 * (kinds + 5000)
    assert many - few <= 100


@pytest.mark.heavy
def test_cost_grows_with_devices_not_with_devices_times_rules(large_policy: Policy) -> None:
    # The worst case for the memory: every device is unlike every other.
    def unlike(count: int) -> list[dict[str, Any]]:
        return [{**device, "floor": n} for n, device in enumerate(fleet_of(count))]

    one, two = evaluations(large_policy, unlike(5_000)), evaluations(large_policy, unlike(10_000))
    assert two <= 2 * one + 100
    assert two <= 2 * 10_000
    assert evaluations(large(50, 500), unlike(5_000)) >= one / 11


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_large_policy_decides_as_a_plain_reading_would(large_policy: Policy, number: int) -> None:
    device = fleet_of(number + 1)[number]
    found = decide([large_policy], device, NOW).apps["tiktok"]
    department = int(device["department"][1:])
    if department >= 500 or device["ownership"] == "personal":
        assert found.verdict == "out_of_scope"
    elif device["ownership"] is None:
        assert found.verdict == "unclassified"
    else:
        assert found.leading is not None
        assert found.leading.rule == f"Rule {department}"
        assert found.verdict in ("enforce", "exempt")
