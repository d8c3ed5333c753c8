# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans against a server as data: their order, what they need, what shares a group, what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_result import PlanResult
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.resources.profiles import PROFILE
from tests.support.jamf_pro.pure_server import Run, device
from tests.support.mdm_samples import NOW, app, exemption, policy

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
WEB = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block", "block_web"]}
POLICE = {"name": "Police", "when": {"department": "police"}, "actions": ["block"]}
PHONES = [device(number, department="police" if number < 3 else "parks") for number in range(1, 7)]
BLOCKED = "BAN city iOS blocked apps"
EXEMPT = "BAN city mobile devices (exempt)"


def kinds(planned: PlanResult) -> list[str]:
    return [f"{change.op} {change.kind}" for change in planned.plan.changes]


def names(planned: PlanResult, kind: str) -> list[str]:
    return [change.name for change in planned.plan.changes if change.kind == kind]


def over(run: Run, *policies: Any, fleet: Any = None) -> Run:
    """A second run over what the first one made."""
    return Run(policies or run.policies, fleet or [each.device for each in run.fleet], run.applied())


def test_exceptions_and_scopes_are_there_before_what_goes_by_them() -> None:
    planned = Run([policy(rules=[WEB], exemptions=[exemption(devices=["SN0001"])])], PHONES).plan()
    assert kinds(planned) == ["create mobile device group", "create mobile device group", *["create configuration profile"] * 2]
    for change in planned.plan.changes[2:]:
        assert {f"mobile device group:{EXEMPT}", "mobile device group:BAN city supervised iPhone, iPad"} == set(change.needs)


def test_a_lift_takes_the_profiles_first_and_the_groups_last() -> None:
    made = policy(rules=[WEB], exemptions=[exemption(devices=["SN0001"])])
    planned = over(Run([made], PHONES), replace(made, state="lifted")).plan()
    assert kinds(planned) == [*["delete configuration profile"] * 2, *["delete mobile device group"] * 2]
    for change in planned.plan.changes[2:]:
        assert set(change.needs) == {each.key for each in planned.plan.changes[:2]}, "what refers to it has to be gone before"


def test_a_notice_is_handed_over_before_what_it_announces() -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    notices = [Notice("mobile:1", 0, "city/Corporate/", ("banned",), "Please remove Banned", "It is banned.")]
    planned = run.plan(notices)
    assert kinds(planned) == ["create mobile device group", "command notice", "create configuration profile"]
    _group, notice, profile = planned.plan.changes
    assert notice.key in profile.needs, "without the notice the profile must not be written"


def test_what_a_notice_does_not_announce_waits_for_none() -> None:
    first = Run([policy(rules=[BLOCK])], PHONES)
    run = over(first, policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0002"])]))
    # The first device has had the block before, and is told only now.
    notices = [Notice("mobile:1", 0, "city/Corporate/", ("banned",), "Please remove Banned", "It is banned.")]
    planned = run.plan(notices)
    (profile,) = (change for change in planned.plan.changes if change.kind == PROFILE)
    assert "command notice" in kinds(planned)
    assert not [need for need in profile.needs if need.startswith("notice:")]


def test_block_and_web_filter_of_one_policy_share_the_group_of_exceptions() -> None:
    planned = Run([policy(rules=[WEB], exemptions=[exemption(devices=["SN0001"])])], PHONES).plan()
    assert names(planned, "mobile device group") == ["BAN city supervised iPhone, iPad", EXEMPT]


def test_exceptions_that_differ_have_groups_of_their_own() -> None:
    both = [app(), app("wechat")]
    exemptions = [exemption(devices=["SN0001"]), exemption("EX-2", devices=["SN0002"], apps=["banned"], domains=["banned.example"])]
    planned = Run([policy(rules=[WEB], apps=both, exemptions=exemptions)], PHONES).plan()
    assert names(planned, "mobile device group") == [
        "BAN city supervised iPhone, iPad",
        f"{BLOCKED} (exempt)",
        "BAN city iOS web filter (exempt)",
        "BAN city mobile devices (members)",
    ], "who may see a site has the block of the app, and a filter that leaves the site open"


def test_who_becomes_exempt_joins_before_a_profile_grows_and_who_was_leaves_after() -> None:
    first = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    second = policy(rules=[BLOCK], apps=[app(), app("wechat")], exemptions=[exemption(devices=["SN0002"])])
    planned = over(Run([first], PHONES), second).plan()
    assert kinds(planned) == ["update mobile device group members", f"update {PROFILE}", "update former mobile device group members"]


def test_a_population_that_changes_renames_the_profile_and_keeps_it() -> None:
    first = policy(rules=[BLOCK])
    run = over(Run([first], PHONES), policy(rules=[POLICE]))
    (change,) = (each for each in run.plan().plan.changes if each.kind == PROFILE)
    assert (change.op, change.step.args[0].id) == ("update", run.state.profiles[0].profile.id)
    assert change.step.args[2] is False, "who has it keeps it as it is"


def test_when_it_was_written_makes_no_difference_by_itself() -> None:
    made = policy(rules=[BLOCK])
    later = Run([made], PHONES, Run([made], PHONES).applied(), now=NOW + timedelta(days=3))
    assert later.plan().plan.summaries() == []
    (control_state,) = later.plan().control_states.all
    assert control_state.changed_at == "2023-03-20T09:00:00Z"


def test_who_had_a_profile_is_told_from_who_comes_to_it() -> None:
    made = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    planned = over(Run([made], PHONES), policy(rules=[BLOCK])).plan()
    stands, comes = planned.control_states.all
    assert (sorted(stands.covers), stands.changes) == ([1, 2, 3, 4, 5], ())
    assert (sorted(comes.covers), sorted(comes.new & comes.named)) == ([0], [0])
    assert comes.changes


@pytest.mark.parametrize("ids", [(7,), (7, 8)])
def test_a_profile_of_somebody_else_with_our_name_is_refused(ids: tuple[int, ...]) -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    run.state = replace(run.state, foreign={(PROFILE, BLOCKED): ids})
    with pytest.raises(AppbanError, match="BAN city iOS blocked apps"):
        run.plan()
    run.adopt = True
    if len(ids) > 1:
        with pytest.raises(AppbanError, match="id 7, 8"):
            run.plan()
    else:
        (change,) = (each for each in run.plan().plan.changes if each.kind == PROFILE)
        assert change.step.verb.__name__ == "write_profile"
        assert (change.op, change.step.args[0].id) == ("update", 7)


def test_two_profiles_of_ours_with_one_name_are_refused() -> None:
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    (owned,) = run.state.profiles
    twin = replace(owned, profile=replace(owned.profile, id=9))
    run.state = replace(run.state, profiles=(owned, twin))
    with pytest.raises(AppbanError, match=r"two objects of ours \(configuration profile\)"):
        run.plan()


def test_a_member_that_is_not_managed_any_more_stays_where_it_is() -> None:
    made = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001", "SN0002"])])
    fleet = [device(1, managed=False), *PHONES[1:]]
    planned = over(Run([made], PHONES), policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0002"])]), fleet=fleet).plan()
    assert planned.plan.summaries() == [], "the server takes no change for a device that it doesn't manage"


def test_a_supervised_device_of_unknown_model_is_spared_by_name() -> None:
    made = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    (group,) = (each for each in Run([made], [device(1, model=""), *PHONES[1:]]).applied().groups if not each.smart)
    assert group.members == {1}
