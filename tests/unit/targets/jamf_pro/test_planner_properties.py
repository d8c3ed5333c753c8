# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over random policies and fleets: they converge, they lift all of ours and nothing else, and no moment reaches who is spared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import capabilities as names
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.capabilities import MECHANISMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MACOS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.server_state import ServerState
from tests.support.jamf_pro.pure_server import Run, device, reached
from tests.support.mdm_samples import app, exemption, policy

APPS = ("banned", "wechat")
RULES: tuple[dict[str, Any], ...] = (
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "block_web"]},
    {"name": "Corporate blocked", "when": {"ownership": "corporate"}, "actions": ["block"]},
    {"name": "Police", "when": {"department": "police"}, "actions": ["remove", "block"]},
    {"name": "Supervised", "when": {"supervised": True}, "actions": ["block_web", "block"]},
    {"name": "iPads", "when": {"platform": ["ipados", "macos"]}, "actions": ["block"]},
    {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]},
    {"name": "All", "when": {"work_apps": True}, "actions": ["remove", "block"]},
)
EXEMPTIONS: tuple[dict[str, Any], ...] = (
    {"devices": ["SN0001"]},
    {"devices": ["SN0002"], "apps": ["wechat"]},
    {"devices": ["SN0003"], "domains": ["banned.example"], "apps": ["banned"]},
    {"users": ["user4@city.example"], "follow_user": True},
)
#: Most are those that a native scope reaches, because that is where an exception is needed.
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"platform": "ipados"},
    {"platform": "ipados", "supervised": False},
    {"ownership": "PersonalDeviceProfile", "supervised": False},
    {"ownership": "UserEnrollment", "supervised": False},
    {"model": ""},
    {"platform": "tvos"},
    {"managed": False},
    {"platform": "macos"},
    {"platform": "macos", "supervised": None},
    {"platform": "macos", "managed": False},
)


@st.composite
def devices(draw: st.DrawFn) -> list[ManagedDevice]:
    made = []
    for number in range(1, draw(st.integers(1, 9)) + 1):
        row = draw(st.sampled_from(KINDS))
        made.append(device(number, department=draw(st.sampled_from(("police", "parks", ""))), **row))
    return made


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, ...]:
    made = []
    for name in ("city", "school")[: draw(st.integers(1, 2))]:
        rules = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=2, unique_by=lambda rule: rule["name"]))
        chosen = draw(st.lists(st.sampled_from(EXEMPTIONS), max_size=2, unique_by=str))
        apps = draw(st.sampled_from((["banned"], ["banned", "wechat"], ["wechat"])))
        fitting = [each for each in chosen if set(each.get("apps", apps)) <= set(apps)]
        exemptions = [exemption(f"EX-{number}", **each) for number, each in enumerate(fitting)]
        banned = [app(each) for each in apps]
        try:
            made.append(policy(name, rules=rules, apps=banned, **({"exemptions": exemptions} if exemptions else {})))
        except PolicyError:
            # An exemption that covers its whole scope is refused; what is left is a policy all the same.
            made.append(policy(name, rules=rules, apps=banned))
    return tuple(made)


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


def test_a_plan_converges_and_no_moment_of_it_reaches_who_is_spared() -> None:
    @settings(max_examples=80)
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


def test_every_covering_reaches_what_it_says_once_the_plan_is_carried_out() -> None:
    @settings(max_examples=60)
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


def test_a_lift_takes_away_all_of_ours_and_nothing_else() -> None:
    @settings(max_examples=80)
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


def test_going_from_one_ban_to_another_converges_and_spares_those_whom_both_spare() -> None:
    @settings(max_examples=80)
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
