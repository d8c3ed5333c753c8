# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over random policies and fleets: they converge, they lift all of ours and nothing else, and no moment reaches who is spared."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import capabilities as names
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.capabilities import MECHANISMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MACOS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.server_state import ServerState
from tests.support.cases import several
from tests.support.jamf_pro.pure_server import Run, reached
from tests.support.jamf_pro.random_policies import devices, policies
from tests.support.mdm_samples import app, policy
from tests.support.random_policies import APPS

Untouched = dict[tuple[str, str], set[int]]


def spared(*runs: Run) -> Untouched:
    """(mechanism, app) -> positions of the devices on which none of the runs wants it."""
    return {
        (mechanism, each): {
            index
            for index in range(len(runs[0].fleet))
            if not any(one.mechanism == mechanism and each in one.app_ids for run in runs for one in run.requirements[index])
        }
        for mechanism in MECHANISMS
        for each in APPS
    }


def hold(state: ServerState, run: Run, untouched: Untouched) -> None:
    """No object of this moment reaches a device that no run wants it on."""
    for each in state.profiles:
        hit = reached(state, each.profile.family, each.profile.scope, run.fleet)
        for name in APPS:
            if f".{name}.".encode() in each.profile.payloads or f"{name}.example".encode() in each.profile.payloads:
                assert not hit & untouched[(each.marker.mechanism, name)], (each.profile.name, name)
    for record in state.records:
        hit = reached(state, MACOS, record.scope, run.fleet)
        for name in APPS:
            if record.process_name == f"{name.title()}.app":
                # What ends a process may still stand where a run now wants it deleted too.
                harmed = untouched[(names.MACOS_DELETE, name)]
                assert not hit & (harmed if record.delete else harmed & untouched[(names.MACOS_KILL, name)]), record.name


@several(quick=20, full=80)
def test_a_plan_converges_and_no_moment_of_it_reaches_who_is_spared(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), devices())
    def check(made: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        run = Run(made, fleet)
        untouched = spared(run)
        state = run.state
        for moment in run.moments():
            hold(moment, run, untouched)
            state = moment
        again = Run(made, fleet, state).plan()
        assert again.plan.summaries() == []
        assert again.drift == ()

    check()


@several(quick=15, full=60)
def test_every_covering_reaches_what_it_says_once_the_plan_is_carried_out(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), devices())
    def check(made: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        state = Run(made, fleet).applied()
        after = Run(made, fleet, state)
        scopes = {each.profile.name: (each.profile.family, each.profile.scope) for each in state.profiles}
        planned = after.plan()
        for control_state in planned.control_states.all:
            assert control_state.changes == ()
            assert control_state.new == frozenset()
            if control_state.control in scopes:
                family, scope = scopes[control_state.control]
                assert control_state.covers <= reached(state, family, scope, after.fleet)
            else:
                records = [each for each in state.records if each.name.startswith(control_state.control)]
                assert records
                assert all(control_state.covers <= reached(state, MACOS, each.scope, after.fleet) for each in records)
        # Every device on which something is wanted and can be had is reached, or said not to be.
        for mechanism, row_of in MECHANISMS.items():
            for index, (member, requirements) in enumerate(zip(after.fleet, after.requirements, strict=True)):
                row = names.capability_of(member.device.record)
                able = any(mechanism in row.support(action).mechanisms for action in ("remove", "block", "block_web"))
                wanted = {name for requirement in requirements if requirement.mechanism == mechanism for name in requirement.app_ids}
                reaching = [each for each in planned.control_states.all if each.mechanism == mechanism and index in each.covers]
                told = {name for each in reaching for name in each.apps}
                expected = wanted if able and member.device.platform in row_of.platforms else set()
                # Of the sites an exemption may leave all open, and then there is nothing to block.
                assert told <= expected if mechanism in (names.IOS_WEB, names.MACOS_WEB) else told == expected

    check()


@several(quick=20, full=80)
def test_a_lift_takes_away_all_of_ours_and_nothing_else(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), devices())
    def check(made: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        others = (policy("other", rules=[{"name": "All", "when": {"work_apps": True}, "actions": ["block"]}], apps=[app("capcut")]),)
        before = Run(others, fleet).applied()
        state = Run(made, fleet, before).applied()
        ended = [replace(each, state="lifted") for each in made]
        run = Run(ended, fleet, state)
        for moment in run.moments():
            state = moment
        assert state == before
        assert Run(ended, fleet, state).plan().plan.summaries() == []

    check()


@several(quick=20, full=80)
def test_going_from_one_ban_to_another_converges_and_spares_those_whom_both_spare(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), policies(), devices())
    def check(first: tuple[Policy, ...], second: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        former = Run(first, fleet)
        state = former.applied()
        ids = {each.id for each in second}
        ended = tuple(replace(each, state="lifted") for each in first if each.id not in ids)
        run = Run((*second, *ended), fleet, state)
        untouched = spared(former, run)
        for moment in run.moments():
            hold(moment, run, untouched)
            state = moment
        again = Run((*second, *ended), fleet, state).plan()
        assert again.plan.summaries() == []

    check()
