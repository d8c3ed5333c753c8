# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom each change of a plan reaches and releases, held against a server that the plan is carried out on step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MACOS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.server_state import ServerState
from tests.support.cases import several
from tests.support.jamf_pro.pure_server import Run, carried_out, device, reached
from tests.support.jamf_pro.random_policies import devices, policies
from tests.support.mdm_samples import IDENTIFIERS, app, exemption, policy
from tests.support.random_policies import APPS

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
PHONES = [device(number, department="police" if number < 3 else "parks") for number in range(1, 7)]
EVERYBODY = frozenset(range(6))
Effects = dict[int, set[tuple[str, str]]]


def effects(state: ServerState, run: Run) -> Effects:
    """What the server's objects do on each device, by its position."""
    found: Effects = {index: set() for index in range(len(run.fleet))}
    for each in state.profiles:
        held = {
            name for name in APPS if f".{name}.".encode() in each.profile.payloads or f"{name}.example".encode() in each.profile.payloads
        }
        for index in reached(state, each.profile.family, each.profile.scope, run.fleet):
            found[index] |= {(each.marker.mechanism, name) for name in held}
    for record in state.records:
        for index in reached(state, MACOS, record.scope, run.fleet):
            found[index] |= {(what, record.process_name) for what in ("kill", "delete") if getattr(record, what)}
    return found


def hold_change(change: Change, before: Effects, after: Effects, run: Run) -> None:
    """A change reaches at least whom it gives something and releases at least whom it takes something from; and nobody is reached on
    whom it is not enforced."""
    gained = {index for index in before if after[index] - before[index]}
    lost = {index for index in before if before[index] - after[index]}
    assert gained <= change.reaches, change.key
    assert lost <= change.releases, change.key
    for index in change.reaches:
        verdicts = [run.fleet[index].decision.apps[each].verdict for each in change.apps]
        assert verdicts, change.key
        assert set(verdicts) == {"enforce"}, (change.key, index)


def follow(run: Run) -> ServerState:
    state, before = run.state, effects(run.state, run)
    for change in run.plan().plan.changes:
        state = carried_out(state, change.step)
        after = effects(state, run)
        hold_change(change, before, after, run)
        before = after
    return state


@pytest.mark.fault_kind("T6", "Jamf Pro: every change says whom it reaches and releases")
@several(quick=20, full=80)
def test_changes_say_whom_they_reach_and_release(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), policies(), devices())
    def check(first: tuple[Policy, ...], second: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        state = follow(Run(first, fleet))
        ids = {each.id for each in second}
        ended = tuple(replace(each, state="lifted") for each in first if each.id not in ids)
        state = follow(Run((*second, *ended), fleet, state))
        follow(Run([replace(each, state="lifted") for each in (*second, *ended)], fleet, state))

    check()


def changed(run: Run, *policies: Any) -> dict[str, Change]:
    """The changes of a second run over what the first one made, by their keys."""
    later = Run(policies, [each.device for each in run.fleet], run.applied())
    return {change.key: change for change in later.plan().plan.changes}


@pytest.mark.fault_kind("T6", "Jamf Pro: the first profile reaches those in its scope, groups reach nobody")
def test_a_first_profile_reaches_whom_it_is_for() -> None:
    run = Run([policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])], PHONES)
    for change in run.plan().plan.changes:
        is_profile = change.kind == "configuration profile"
        assert change.reaches == (EVERYBODY - {0} if is_profile else frozenset()), change.key
        assert change.releases == frozenset()


@pytest.mark.fault_kind("T6", "Jamf Pro: an exemption releases one device, its end reaches it")
def test_an_exemption_releases_one_device_and_its_end_reaches_it() -> None:
    with_first = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    with_both = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001", "SN0002"])])
    (joins,) = changed(Run([with_first], PHONES), with_both).values()
    assert (joins.reaches, joins.releases, joins.apps) == (frozenset(), {1}, ("banned",))
    (leaves,) = changed(Run([with_both], PHONES), with_first).values()
    assert (leaves.reaches, leaves.releases, leaves.apps) == ({1}, frozenset(), ("banned",))


@pytest.mark.fault_kind("T6", "Jamf Pro: a lift releases everybody, and its apps are told")
def test_a_lift_releases_whom_the_profile_reached() -> None:
    made = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    found = changed(Run([made], PHONES), replace(made, state="lifted"))
    deleted = found["configuration profile:BAN city iOS blocked apps"]
    assert (deleted.reaches, deleted.releases, deleted.apps) == (frozenset(), EVERYBODY - {0}, ("banned",))
    assert all(change.releases == frozenset() for key, change in found.items() if "group" in key)


@pytest.mark.fault_kind("T6", "Jamf Pro: an app that leaves a control is released")
def test_an_app_that_leaves_a_profile_is_released_and_told() -> None:
    both = Run([policy(rules=[BLOCK]), policy("school", rules=[BLOCK], apps=[app("wechat")])], PHONES)
    found = changed(both, policy(rules=[BLOCK]), policy("school", rules=[BLOCK], apps=[app("wechat")], state="lifted"))
    (change,) = (each for each in found.values() if each.kind == "configuration profile")
    assert change.reaches == frozenset()
    assert change.releases == EVERYBODY
    assert "wechat" in change.apps


@pytest.mark.fault_kind("T6", "Jamf Pro: repair of drift reaches all that it repairs")
def test_a_repair_reaches_all_that_it_repairs() -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    state = run.applied()
    (owned,) = state.profiles
    emptied = replace(owned.profile, payloads=owned.profile.payloads.replace(b"com.banned.app", b"com.other.app"))
    later = Run(run.policies, PHONES, replace(state, profiles=(replace(owned, profile=emptied),)))
    (change,) = later.plan().plan.changes
    assert change.reaches == EVERYBODY


@pytest.mark.fault_kind("T6", "Jamf Pro: a smart group with other criteria is repaired for its devices")
def test_a_repaired_smart_group_reaches_its_devices() -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    state = run.applied()
    groups = tuple(replace(group, criteria=group.criteria[:1]) for group in state.groups)
    later = Run(run.policies, PHONES, replace(state, groups=groups))
    (change,) = later.plan().plan.changes
    assert (change.kind, change.reaches) == ("mobile device group", EVERYBODY)


@pytest.mark.fault_kind("T5", "Jamf Pro: a profile covers the apps that it names, and no others")
@pytest.mark.parametrize("actions", [["block"], ["block_web"], ["block", "block_web"]])
def test_a_control_covers_only_apps_that_it_names(actions: list[str]) -> None:
    nameless = app("wechat", identifiers={"display_name": ["WeChat"], "android_package": IDENTIFIERS["android_package"]})
    rule = {**BLOCK, "actions": actions}
    planned = Run([policy(rules=[rule], apps=[app(), nameless])], PHONES).plan()
    assert planned.control_states.all
    assert {each.apps for each in planned.control_states.all} == {frozenset({"banned"})}
    assert {change.apps for change in planned.plan.changes if change.kind == "configuration profile"} == {("banned",)}


@pytest.mark.fault_kind("T6", "Jamf Pro: a group that an ending object goes by is filled, or spares less, for another control")
@pytest.mark.parametrize(("before", "after"), [("block_web", "block"), ("block", "block_web")])
@pytest.mark.parametrize("spared", [False, True])
def test_nobody_comes_under_an_object_that_ends_in_the_same_plan(before: str, after: str, spared: bool) -> None:
    fleet = [device(number, department=name) for number, name in ((1, "parks"), (2, "police"), (3, "police"), (4, "police"))]

    def made(action: str, department: str, serial: str) -> Policy:
        rules = [{"name": "R", "when": {"ownership": "corporate"} if spared else {"department": department}, "actions": [action]}]
        return policy(rules=rules, exemptions=[exemption("EX-1", devices=[serial])] if spared else None)

    first, second = [made(before, "police", "SN0001")], [made(after, "parks", "SN0002")]
    state = Run(first, fleet).applied()
    run = Run(second, fleet, state)
    old, new = effects(state, run), effects(Run(second, fleet, state).applied(), run)
    for change in run.plan().plan.changes:
        state = carried_out(state, change.step)
        moment = effects(state, run)
        # Nothing is on anybody, at any moment, that was not there before and is not wanted now.
        assert {index: moment[index] - old[index] - new[index] for index in moment if moment[index] - old[index] - new[index]} == {}
