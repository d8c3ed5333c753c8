# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans against a tenant as data: their order, what they need, what they leave alone, what they say."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_result import PlanResult
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import (
    CONFIGURATION_POLICY,
    GROUP,
    RESOURCES,
    AppAssignment,
    AppObject,
    Owned,
    Target,
    TenantState,
)
from tests.support.intune.pure_tenant import Run
from tests.support.mdm_samples import app, device, exemption, policy

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
REMOVE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove"]}
WITHDRAW = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block", "withdraw_access"]}
POLICE = {"name": "Police", "when": {"department": "police"}, "actions": ["block"]}
PHONES = [device(number, department="police" if number < 3 else "parks") for number in range(1, 7)]
ROBOTS = [device(number, platform="android", supervised=None, enrollment="fully_managed") for number in range(1, 4)]
BLOCKED = "BAN city iOS blocked apps"


def kinds(planned: PlanResult) -> list[str]:
    return [f"{change.op} {change.kind}" for change in planned.plan.changes]


def written(change: Change) -> dict[str, Any]:
    """What the step of a change writes, by the names of the verb's arguments."""
    return inspect.signature(change.step.verb).bind(*change.step.args).arguments


def changed(run: Run, **objects: Any) -> Run:
    """The run over the same tenant with something in it changed by somebody."""
    run.state = replace(run.state, **objects)
    return run


def over(run: Run, *policies: Any, fleet: Any = None) -> Run:
    """A second run over what the first one made."""
    return Run(policies or run.policies, fleet or [each.device for each in run.fleet], run.applied())


def test_exceptions_come_first_and_the_loss_of_access_last() -> None:
    planned = Run([policy(rules=[WITHDRAW], exemptions=[exemption(devices=["SN0001"])])], PHONES).plan()
    assert sorted(kinds(planned)[:3]) == ["create filter", "create group", "create group"]
    assert kinds(planned)[3:] == ["create settings catalog policy", "create compliance policy"]
    for change in planned.plan.changes[3:]:
        assert {need.split(":")[0] for need in change.needs} == {"group", "filter"}


def test_a_lift_gives_access_back_first_and_takes_the_scopes_away_last() -> None:
    made = policy(rules=[WITHDRAW], exemptions=[exemption(devices=["SN0001"])])
    planned = over(Run([made], PHONES), replace(made, state="lifted")).plan()
    assert kinds(planned) == [
        "delete compliance policy", "delete settings catalog policy", "delete group", "delete group", "delete filter",
    ]  # fmt: skip
    keys = [change.key for change in planned.plan.changes]
    assert set(planned.plan.changes[-1].needs) == set(keys[:2]), "what refers to it has to be gone before"


def test_a_notice_goes_out_before_what_it_announces() -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    notices = [Notice("device-1", 0, "city/Corporate/", ("banned",), "Please remove Banned", "It is banned.")]
    planned = run.plan(notices)
    assert kinds(planned) == ["create filter", "command notice", "create settings catalog policy"]
    (change,) = (each for each in planned.plan.changes if each.kind == "notice")
    assert change.after == "Please remove Banned\nIt is banned.\nto 1 device:\n- SN0001\n"


def test_a_newly_exempt_device_is_left_out_before_anything_else_and_comes_back_after_it() -> None:
    made, exempting = policy(rules=[BLOCK]), policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    run = over(Run([made], PHONES), exempting)
    assert kinds(run.plan()) == ["create group", "update settings catalog policy"]
    (update,) = run.plan().plan.changes[1:]
    assert update.needs == (f"group:{BLOCKED} (exceptions)",)
    assert written(update)["body"] is None, "its settings are right"
    back = over(run, made)
    assert kinds(back.plan()) == ["update settings catalog policy", "delete group"]


def test_members_leave_before_and_join_after() -> None:
    run = Run([policy(rules=[POLICE])], PHONES)
    assert kinds(run.plan()) == ["create group", "create settings catalog policy"]
    moved = [device(number, department="police" if number in (2, 3) else "parks") for number in range(1, 7)]
    planned = over(run, fleet=moved).plan()
    assert kinds(planned) == ["update former group members", "update group members"]
    left, joined = planned.plan.changes
    assert (left.before, left.after) == ("- SN0001\n- SN0002\n", "- SN0002\n")
    assert joined.after == "- SN0001\n- SN0002\n- SN0003\n" or joined.after == "- SN0002\n- SN0003\n"
    (control_state,) = planned.control_states.all
    assert control_state.new == {2}


def test_a_device_that_is_gone_is_not_called_by_a_number() -> None:
    planned = over(Run([policy(rules=[POLICE])], PHONES), fleet=PHONES[1:]).plan()
    assert planned.plan.changes[0].before == "- SN0002\n- a device that is not in the list of devices\n"


def test_two_objects_of_one_name_are_one_and_the_older_stays() -> None:
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    (owned,) = run.state.owned
    twin = replace(owned, id="twin", created_at="2023-03-21T00:00:00Z")
    planned = changed(run, owned=(twin, owned)).plan()
    assert kinds(planned) == ["delete settings catalog policy"]
    assert planned.plan.changes[0].step.args == (RESOURCES[CONFIGURATION_POLICY], "twin")
    third = replace(twin, id="third")
    lifted = [replace(each, state="lifted") for each in run.policies]
    assert kinds(Run(lifted, PHONES, replace(run.state, owned=(twin, owned, third))).plan()).count("delete settings catalog policy") == 3


def test_another_policys_objects_are_another_runs() -> None:
    state = Run([policy("school", rules=[BLOCK])], PHONES).applied()
    assert Run([policy(rules=[BLOCK], state="lifted")], PHONES, state).plan().plan.changes == ()
    assert kinds(Run([policy(rules=[BLOCK])], PHONES, state).plan()) == ["create filter", "create settings catalog policy"]


def test_somebody_elses_object_of_our_name_stops_everything_or_is_taken_over() -> None:
    foreign = TenantState(foreign={(CONFIGURATION_POLICY, BLOCKED): "theirs", ("groups", "BAN unrelated"): "other"})
    run = Run([policy(rules=[BLOCK])], PHONES, foreign)
    with pytest.raises(AppbanError, match=r"objects of somebody else.*BAN city iOS blocked apps \(id theirs\).*adopt: true") as caught:
        run.plan()
    assert "unrelated" not in str(caught.value)
    planned = Run([policy(rules=[BLOCK])], PHONES, foreign, adopt=True).plan()
    assert kinds(planned) == ["create filter", "update settings catalog policy"]
    assert written(planned.plan.changes[1])["object_id"] == "theirs"


@pytest.mark.parametrize("collection", ["groups", "filters"])
def test_a_scope_of_somebody_else_is_never_taken_over(collection: str) -> None:
    names = {"groups": f"{BLOCKED} (exceptions)", "filters": "BAN city iOS devices, ownership corporate"}
    state = TenantState(foreign={(collection, names[collection]): "theirs"})
    made = policy(rules=[BLOCK], exemptions=[exemption(devices=["SN0001"])])
    with pytest.raises(AppbanError, match="objects of somebody else"):
        Run([made], PHONES, state, adopt=True).plan()


# Drift.


def drifted(run: Run, body: dict[str, Any] | None = None, **changes: Any) -> PlanResult:
    (owned,) = run.state.owned
    return changed(run, owned=(replace(owned, **changes, body={**owned.body, **(body or {})}),)).plan()


def test_what_somebody_did_to_a_control_is_said_and_undone() -> None:
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    planned = drifted(run, {"settings": []})
    assert planned.drift == (f"{BLOCKED} had other settings (settings)",)
    assert written(planned.plan.changes[0])["targets"] is None
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    unfiltered = frozenset({replace(target, filter="") for target in run.state.owned[0].targets})
    planned = drifted(run, targets=unfiltered)
    assert planned.drift == (f"{BLOCKED} was assigned without its filter",)
    assert written(planned.plan.changes[0])["body"] is None
    assert planned.control_states.all[0].new == frozenset(), "without its filter it reaches everybody"


def test_a_rule_of_a_filter_that_was_changed_is_drift() -> None:
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    (ours,) = run.state.filters
    planned = changed(run, filters=(replace(ours, rule='(device.deviceOwnership -eq "Personal")'),)).plan()
    assert kinds(planned) == ["update filter"]
    assert len(planned.drift) == 1


def test_a_change_of_the_policy_is_no_drift() -> None:
    run = Run([policy(rules=[BLOCK])], PHONES)
    planned = over(run, policy(rules=[BLOCK], apps=[app(), app("wechat")])).plan()
    assert kinds(planned) == ["update settings catalog policy"]
    assert planned.drift == ()
    assert "- com.wechat.app" in (planned.plan.changes[0].after or "")
    assert "- com.wechat.app" not in (planned.plan.changes[0].before or "")


def test_masked_values_stand_for_what_was_written_last() -> None:
    windows = [device(1, platform="windows", supervised=None)]
    run = over(Run([policy(rules=[BLOCK])], windows))
    masked = [{**each, "value": "****"} for each in run.state.owned[0].body["omaSettings"]]
    assert drifted(run, {"omaSettings": masked}).plan.changes == ()
    more = policy(rules=[BLOCK], apps=[app(), app("wechat")])
    run = over(Run([policy(rules=[BLOCK])], windows), more)
    assert len(drifted(run, {"omaSettings": masked}).plan.changes) == 1


def test_an_object_under_another_name_is_renamed_and_not_made_anew() -> None:
    """Two of them would be in conflict on the device, and none would leave it unblocked for a moment."""
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    planned = drifted(run, name="BAN city iOS blocked apps of old")
    (change,) = planned.plan.changes
    assert (change.op, written(change)["object_id"], written(change)["name"]) == ("update", run.state.owned[0].id, BLOCKED)


def test_grace_is_written_only_where_it_is_wrong() -> None:
    run = over(Run([policy(rules=[{**WITHDRAW, "actions": ["withdraw_access"]}])], PHONES))
    wrong = [{"scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 7}]}]
    planned = drifted(run, {"scheduledActionsForRule": wrong})
    (change,) = planned.plan.changes
    assert [written(change)[name] for name in ("grace_hours", "body", "targets")] == [0, None, None]
    assert "after 7 hours" in (change.before or "")
    assert "at once" in (change.after or "")


# Apps of the tenant's list.


def play_app(*assignments: AppAssignment, marker: Any = None) -> AppObject:
    return AppObject("play", "androidManagedStoreApp", "Banned", frozenset({"com.banned.android"}), marker, assignments)


ONE = policy(rules=[REMOVE], apps=[app(identifiers={"android_package": ["com.banned.android"]})])


def test_an_app_that_is_there_is_assigned_and_stays() -> None:
    run = Run([ONE], ROBOTS, TenantState(apps=(play_app(),)))
    assert kinds(run.plan()) == ["create filter", "create uninstall assignment"]
    lifted = over(run, replace(ONE, state="lifted"))
    assert kinds(lifted.plan()) == ["delete uninstall assignment", "delete filter"]
    assert lifted.applied() == TenantState(apps=(play_app(),))


def test_an_app_that_we_brought_in_goes_with_the_ban_unless_somebody_uses_it() -> None:
    run = over(Run([ONE], ROBOTS), replace(ONE, state="lifted"))
    assert kinds(run.plan()) == ["delete uninstall assignment", "delete app", "delete filter"]
    (ours,) = run.state.apps
    theirs = AppAssignment("x", "available", Target(GROUP, "theirs"))
    used = changed(run, apps=(replace(ours, assignments=(*ours.assignments, theirs)),))
    assert kinds(used.plan()) == ["delete uninstall assignment", "delete filter"]


@pytest.mark.parametrize(("intent", "works_against"), [("required", True), ("available", True), ("uninstall", False)])
def test_somebody_elses_assignment_is_told_of_and_left_alone(intent: str, works_against: bool) -> None:
    theirs = AppAssignment("x", intent, Target(GROUP, "theirs"))
    run = Run([ONE], ROBOTS, TenantState(apps=(play_app(theirs),)))
    planned = run.plan()
    assert bool(planned.conflicts) == works_against
    if works_against:
        assert planned.conflicts[0] == f"Banned (com.banned.android), an assignment of somebody else: {intent} for group theirs"
    assert planned.control_states.all[0].obstacle == ("foreign_assignment" if intent == "required" else "")
    assert theirs in run.applied().apps[0].assignments


def test_an_iphone_app_that_is_not_in_the_list_is_not_brought_in() -> None:
    """Intune takes off only what it installed itself."""
    planned = Run([policy(rules=[REMOVE])], PHONES).plan()
    assert [each for each in kinds(planned) if "uninstall" in each or "app" in each.split()] == []


def test_nothing_of_the_plan_is_made_twice() -> None:
    both = [policy(rules=[BLOCK]), policy("school", rules=[REMOVE, POLICE], apps=[app(), app("wechat")])]
    planned = Run(both, [*PHONES, *ROBOTS]).plan()
    keys = [change.key for change in planned.plan.changes]
    assert len(keys) == len(set(keys))


def test_twins_of_an_app_are_both_given_up_at_once() -> None:
    """Somebody listed the app a second time; the label of a change is what tells them apart."""
    run = over(Run([ONE], ROBOTS), replace(ONE, state="lifted"))
    (ours,) = run.state.apps
    twin = replace(ours, id="twin", assignments=tuple(replace(each, id=f"twin-{each.id}") for each in ours.assignments))
    planned = changed(run, apps=(ours, twin)).plan()
    assert kinds(planned).count("delete uninstall assignment") == 2
    assert kinds(planned).count("delete app") == 2


def test_owned_objects_without_a_place_in_this_run_are_lifted_whatever_they_hold() -> None:
    run = over(Run([policy(rules=[BLOCK])], PHONES))
    (owned,) = run.state.owned
    odd: Owned = replace(owned, id="odd", name="BAN city something", body={**owned.body, "omaSettings": [{"value": None}], "settings": []})
    assert "delete settings catalog policy" in kinds(changed(run, owned=(owned, odd)).plan())
