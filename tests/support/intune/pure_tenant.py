# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant as data: plans are made against it and carried out on it without a request, step by step, so that every moment can be seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.native_scope import NativeScope
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.ownership import read_marker
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_draft import PlanDraft, Step
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_result import PlanResult, plan_result
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import Requirement, requirements_of_policies
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.capabilities import MANAGED_PLATFORMS, mechanisms
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.controls import (
    ControlSettings,
    Desired,
    DesiredControls,
    chances_of,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import (
    ALL_USERS,
    APPS,
    EXCLUDED_GROUP,
    AppAssignment,
    AppObject,
    Collection,
    Filter,
    Group,
    Owned,
    Target,
    TenantState,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.plan import draft_plan
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.resources.surroundings import Surroundings
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.scope_members import ScopeMembers
from tests.support.mdm_samples import NOW, fleet

_OWNERSHIP_WORDS = {"corporate": "Corporate", "personal": "Personal", None: "Unknown"}


class Run:
    """Everything of one run up to its plan."""

    def __init__(
        self,
        policies: Sequence[Policy],
        devices: Iterable[ManagedDevice],
        state: TenantState | None = None,
        now: datetime = NOW,
        settings: ControlSettings | None = None,
        adopt: bool = False,
    ) -> None:
        self.state = state or TenantState()
        self.policies = tuple(policies)
        self.fleet: list[FleetDevice] = fleet(self.policies, devices, now)
        decider = Decider(self.policies, now)
        requirements_of = requirements_of_policies(self.policies, mechanisms("browser"))
        self.requirements: list[frozenset[Requirement]] = [requirements_of(each.device.record, each.decision) for each in self.fleet]
        armed = {each.name: each.marker.fact("armed") for each in self.state.owned if each.marker.fact("armed")}
        native_scope = NativeScope(self.policies, decider, requirements_of, MANAGED_PLATFORMS)
        self.desired: Desired = DesiredControls(
            self.policies,
            self.fleet,
            self.requirements,
            native_scope,
            settings or ControlSettings(),
            now,
            armed,
            self.scope_members(),
            chances_of(self.scope_members(), requirements_of, decider),
        ).desired()
        self.adopt = adopt

    def plan(self, notices: Sequence[Notice] = (), ordered: frozenset[str] = frozenset()) -> PlanResult:
        draft = PlanDraft(self.fleet, self.policies, self.adopt)
        draft_plan(Surroundings(self.scope_members(), self.policies, ordered=ordered), self.desired, draft)
        return plan_result(draft, notices, lambda told: Step(send, (told,)), wait=False)

    def scope_members(self) -> ScopeMembers:
        return ScopeMembers(self.state, self.fleet, frozenset(policy.id for policy in self.policies))

    def moments(self) -> Iterator[TenantState]:
        """The tenant after each step of the plan."""
        state = self.state
        for change in self.plan().plan.changes:
            state = carried_out(state, change.step)
            yield state

    def applied(self) -> TenantState:
        """The tenant after the whole plan."""
        return list(itertools.chain((self.state,), self.moments()))[-1]


def send(notices: tuple[Notice, ...]) -> None:
    """Stands for the Company Portal: a tenant as data sends nothing."""


def carried_out(state: TenantState, step: Step) -> TenantState:
    """What a tenant holds after one step; a step that needs what is not there is an error."""
    if step.verb.__name__ == "write_object":
        return _write_object(state, step.verb.__self__.collection, *step.args)  # type: ignore[attr-defined]
    return _VERBS[step.verb.__name__](state, *step.args)


def _at(state: TenantState) -> str:
    number = len(state.owned) + len(state.groups) + len(state.filters) + len(state.apps)
    return f"2023-03-20T09:00:{number % 60:02d}Z"


def _by_id(state: TenantState, target: Target) -> Target:
    ids = state.scope_ids()
    return replace(target, group=ids[target.group] if target.group else "", filter=ids[target.filter] if target.filter else "")


def _create_group(state: TenantState, name: str, description: str, _by_user: bool, members: Sequence[str]) -> TenantState:
    assert name not in state.scope_ids()
    group = Group(f"g:{name}", name, _marker(description), {each: f"o:{each}" for each in members})
    return replace(state, groups=(*state.groups, group))


def _change_members(
    state: TenantState, name: str, _by_user: bool, joining: Sequence[str], leaving: Mapping[str, str]
) -> TenantState:
    assert name in state.scope_ids()
    groups = []
    for group in state.groups:
        members = dict(group.members)
        if group.name == name:
            members.update({each: f"o:{each}" for each in joining})
            assert set(leaving.items()) <= set(members.items())
            members = {each: object_id for each, object_id in members.items() if each not in leaving}
        groups.append(replace(group, members=members))
    return replace(state, groups=tuple(groups))


def _create_filter(state: TenantState, name: str, description: str, _platform: str, rule: str) -> TenantState:
    assert name not in state.scope_ids()
    return replace(state, filters=(*state.filters, Filter(f"f:{name}", name, _marker(description), rule)))


def _correct_rule(state: TenantState, object_id: str, _name: str, _description: str, rule: str) -> TenantState:
    return replace(state, filters=tuple(replace(each, rule=rule) if each.id == object_id else each for each in state.filters))


def _app_made(state: TenantState, kind: str, package: str, notes: str) -> TenantState:
    app = AppObject(f"a:{kind}:{package}", kind, package, frozenset({package}), _marker(notes), ())
    assert app.id not in {each.id for each in state.apps}
    return replace(state, apps=(*state.apps, app))


def _change_assignments(
    state: TenantState, odata_types: frozenset[str], identifier: str, app_id: str, added: Sequence[Target], removed: Sequence[str]
) -> TenantState:
    def is_meant(app: AppObject) -> bool:
        return app.id == app_id if app_id else app.odata_type in odata_types and identifier in app.identifiers

    (found,) = (app for app in state.apps if is_meant(app))
    kept = [each for each in found.assignments if each.id not in removed]
    assert len(kept) == len(found.assignments) - len(removed)
    targets = [_by_id(state, target) for target in added]
    new = [AppAssignment(f"{found.id}/{target}", "uninstall", target) for target in targets]
    assert not {each.target for each in kept} & set(targets), "a second assignment to the same target is ignored"
    changed = replace(found, assignments=(*kept, *new))
    return replace(state, apps=tuple(changed if app.id == found.id else app for app in state.apps))


def _write_object(state: TenantState, collection: Collection, *written: Any) -> TenantState:
    object_id, name, description, new_body, new_targets, grace_hours = written
    targets = None if new_targets is None else frozenset(_by_id(state, target) for target in new_targets)
    old = next((each for each in state.owned if each.id == object_id), None)
    body: dict[str, Any] = {**(old.body if old else {}), **(new_body or {})}
    if new_body is not None:
        body.update({"id": object_id or f"x:{name}", collection.name_key: name, "description": description})
    if grace_hours is not None:
        action = {"actionType": "block", "gracePeriodHours": grace_hours}
        body["scheduledActionsForRule"] = [{"scheduledActionConfigurations": [action]}]
    new = Owned(
        collection.key,
        str(body["id"]),
        str(body[collection.name_key]),
        _marker(body["description"]),
        body,
        targets if targets is not None else old.targets if old else frozenset(),
        old.created_at if old else _at(state),
        _at(state),
    )
    return replace(state, owned=(*(each for each in state.owned if each.id != new.id), new))


def _delete(state: TenantState, _collection: Collection, object_id: str) -> TenantState:
    used = {scope for each in state.owned for target in each.targets for scope in target.scopes}
    used |= {scope for app in state.apps for each in app.assignments for scope in each.target.scopes}
    assert object_id not in used, f"{object_id} is deleted while something refers to it"
    return replace(
        state,
        owned=tuple(each for each in state.owned if each.id != object_id),
        groups=tuple(each for each in state.groups if each.id != object_id),
        filters=tuple(each for each in state.filters if each.id != object_id),
        apps=tuple(each for each in state.apps if each.id != object_id),
    )


_VERBS: dict[str, Callable[..., TenantState]] = {
    "create_group": _create_group,
    "change_members": _change_members,
    "create_filter": _create_filter,
    "correct_rule": _correct_rule,
    "add_play_app": lambda state, package, notes: _app_made(state, "androidManagedStoreApp", package, notes),
    "create_store_app": lambda state, package, _title, notes: _app_made(state, "winGetApp", package, notes),
    "change_assignments": _change_assignments,
    "delete": _delete,
    "delete_app": lambda state, app: _delete(state, APPS, app.id),
    "send": lambda state, *_args: state,
}


def _marker(text: str) -> Any:
    marker = read_marker(text)
    assert marker is not None
    return marker


def reached(state: TenantState, targets: Iterable[Target], devices: Sequence[FleetDevice], platforms: Sequence[str]) -> set[int]:
    """Positions of the devices that an assignment reaches, by Microsoft's words: included by scope or group, and in no excluded group."""
    groups: Mapping[str, Group] = {group.id: group for group in state.groups}
    rules = {each.id: each.rule for each in state.filters}
    included, excluded = set(), set()
    for index, each in enumerate(devices):
        if each.device.platform not in platforms:
            continue
        names = {each.device.directory_id, each.device.user_id} - {""}
        for target in targets:
            if target.kind == EXCLUDED_GROUP:
                excluded |= {index} if names & set(groups[target.group].members) else set()
            elif target.group:
                included |= {index} if names & set(groups[target.group].members) else set()
            elif target.kind == ALL_USERS and not each.device.user_id:
                # Nobody's device is no user's.
                continue
            elif f'"{_OWNERSHIP_WORDS[each.device.native_ownership]}"' in (rules[target.filter] if target.filter else '"Corporate"'):
                included.add(index)
    return included - excluded
