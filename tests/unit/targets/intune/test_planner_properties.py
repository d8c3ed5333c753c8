# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over random policies and fleets: they converge, they lift all of ours and nothing else, and no moment reaches who is spared."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.capabilities import MECHANISMS, TYPES
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import TenantState
from tests.support.cases import several
from tests.support.intune.pure_tenant import Run, reached
from tests.support.intune.random_policies import devices, policies
from tests.support.mdm_samples import app, policy
from tests.support.random_policies import APPS


def spared(*runs: Run) -> dict[tuple[str, str], set[int]]:
    """(mechanism, app) -> positions of the devices on which none of the runs wants it."""
    return {
        (mechanism, each): {
            index
            for index in range(len(runs[0].fleet))
            if not any(
                requirement.mechanism == mechanism and each in requirement.app_ids
                for run in runs
                for requirement in run.requirements[index]
            )
        }
        for mechanism in MECHANISMS
        for each in APPS
    }


def hold(state: TenantState, run: Run, untouched: dict[tuple[str, str], set[int]]) -> None:
    """No control of this moment reaches a device that no run wants it on."""
    names = {identifier.value: app.id for policy in run.policies for app in policy.apps for identifier in app.identifiers}
    for each in state.owned:
        hit = reached(state, each.targets, run.fleet, MECHANISMS[each.marker.mechanism].platforms)
        text = str(each.body)
        for name, owner in names.items():
            if f"'{name}'" in text:
                assert not hit & untouched[(each.marker.mechanism, owner)], (each.name, name)
    for listed in state.apps:
        for mechanism in (name for name, types in TYPES.items() if listed.odata_type in types):
            hit = reached(state, [each.target for each in listed.assignments], run.fleet, MECHANISMS[mechanism].platforms)
            for owner in {names[name] for name in listed.identifiers if name in names}:
                assert not hit & untouched[(mechanism, owner)], listed.name


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


@several(quick=10, full=40)
def test_every_covering_reaches_what_it_says_once_the_plan_is_carried_out(examples: int) -> None:
    @settings(max_examples=examples)
    @given(policies(), devices())
    def check(made: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
        state = Run(made, fleet).applied()
        after = Run(made, fleet, state)
        objects = {each.name: each for each in state.owned}
        for control_state in after.plan().control_states.all:
            assert control_state.changes == ()
            assert control_state.new == frozenset()
            if control_state.control in objects:
                hit = reached(state, objects[control_state.control].targets, after.fleet, MECHANISMS[control_state.mechanism].platforms)
                assert control_state.covers <= hit

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


@several(quick=15, full=60)
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
