# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant as data: plans are made against it and carried out on it without a request, step by step, so that every moment can be seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.native_scope import NativeScope
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.ownership import read_marker
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_result import PlanResult
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import Requirement, requirements_of_policies
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import steps
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.controls import (
    ControlSettings,
    Desired,
    DesiredControls,
    chances_of,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import (
    ALL_USERS,
    COMPLIANCE_POLICY,
    EXCLUDED_GROUP,
    RESOURCES,
    AppAssignment,
    AppObject,
    Filter,
    Group,
    Owned,
    Target,
    TenantState,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.planner import Planner, PlannerSettings
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.requirements import MANAGED_PLATFORMS, mechanisms
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.scope_members import ScopeMembers, Standing
from tests.unit.mdm.mdm_samples import NOW, fleet

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
            self.standing(),
            chances_of(self.fleet, requirements_of, decider),
        ).desired()
        self.adopt = adopt

    def plan(self) -> PlanResult:
        return Planner(self.state, self.policies, self.fleet, PlannerSettings(self.adopt)).plan(self.desired)

    def standing(self) -> Standing:
        ids = frozenset(policy.id for policy in self.policies)
        return Standing(self.state, ScopeMembers(self.state, self.fleet), ids)

    def moments(self) -> Iterator[TenantState]:
        """The tenant after each step of the plan."""
        state = self.state
        for change in self.plan().plan.changes:
            state = carried_out(state, change.step)
            yield state

    def applied(self) -> TenantState:
        """The tenant after the whole plan."""
        return list(itertools.chain((self.state,), self.moments()))[-1]


def carried_out(state: TenantState, step: Any) -> TenantState:
    """What a tenant holds after one step; a step that needs what is not there is an error."""
    ids = {**state.group_ids(), **state.filter_ids()}
    number = len(state.owned) + len(state.groups) + len(state.filters) + len(state.apps)
    at = f"2023-03-20T09:00:{number % 60:02d}Z"

    def by_id(target: Target) -> Target:
        if not target.by_name:
            return target
        return Target(target.kind, ids[target.group] if target.group else "", ids[target.filter] if target.filter else "")

    if isinstance(step, steps.CreateGroup):
        group = Group(f"g:{step.name}", step.name, _marker(step.description), at, {each: f"o:{each}" for each in step.members})
        assert step.name not in ids
        return replace(state, groups=(*state.groups, group))
    if isinstance(step, steps.ChangeMembers):
        groups = []
        for group in state.groups:
            members = dict(group.members)
            if group.name == step.group:
                members.update({each: f"o:{each}" for each in step.add})
                assert set(step.remove.items()) <= set(members.items())
                members = {name: each for name, each in members.items() if name not in step.remove}
            groups.append(replace(group, members=members))
        assert step.group in state.group_ids()
        return replace(state, groups=tuple(groups))
    if isinstance(step, steps.CreateFilter):
        assert step.name not in ids
        made = Filter(f"f:{step.name}", step.name, _marker(step.description), step.rule, at)
        return replace(state, filters=(*state.filters, made))
    if isinstance(step, steps.WriteFilterRule):
        return replace(state, filters=tuple(replace(each, rule=step.rule) if each.id == step.id else each for each in state.filters))
    if isinstance(step, (steps.AddPlayApp, steps.CreateStoreApp)):
        kind = "androidManagedStoreApp" if isinstance(step, steps.AddPlayApp) else "winGetApp"
        app = AppObject(f"a:{kind}:{step.package}", kind, step.package, frozenset({step.package}), _marker(step.notes), ())
        assert app.id not in {each.id for each in state.apps}
        return replace(state, apps=(*state.apps, app))
    if isinstance(step, steps.ChangeAppAssignments):
        return _assigned(state, step, [by_id(target) for target in step.add])
    if isinstance(step, steps.WriteObject):
        return _written(state, step, at, None if step.targets is None else frozenset(map(by_id, step.targets)))
    if isinstance(step, steps.Delete):
        used = {t.group for each in state.owned for t in each.targets} | {t.filter for each in state.owned for t in each.targets}
        used |= {name for app in state.apps for each in app.assignments for name in (each.target.group, each.target.filter)}
        assert step.id not in used, f"{step.id} is deleted while something refers to it"
        return replace(
            state,
            owned=tuple(each for each in state.owned if each.id != step.id),
            groups=tuple(each for each in state.groups if each.id != step.id),
            filters=tuple(each for each in state.filters if each.id != step.id),
            apps=tuple(each for each in state.apps if each.id != step.id),
        )
    return state


def _marker(text: str) -> Any:
    marker = read_marker(text)
    assert marker is not None
    return marker


def _assigned(state: TenantState, step: steps.ChangeAppAssignments, added: Sequence[Target]) -> TenantState:
    def is_meant(app: AppObject) -> bool:
        return app.id == step.app_id if step.app_id else app.odata_type in step.odata_types and step.identifier in app.identifiers

    (found,) = (app for app in state.apps if is_meant(app))
    kept = [each for each in found.assignments if each.id not in step.remove]
    assert len(kept) == len(found.assignments) - len(step.remove)
    new = [AppAssignment(f"{found.id}/{target}", "uninstall", target) for target in added]
    assert not {each.target for each in kept} & set(added), "a second assignment to the same target is ignored"
    changed = replace(found, assignments=(*kept, *new))
    return replace(state, apps=tuple(changed if app.id == found.id else app for app in state.apps))


def _written(state: TenantState, step: steps.WriteObject, at: str, targets: frozenset[Target] | None) -> TenantState:
    resource = RESOURCES[step.resource]
    old = next((each for each in state.owned if each.id == step.id), None)
    body: dict[str, Any] = {**(old.body if old else {}), **(step.body or {})}
    if step.body is not None:
        body.update({"id": step.id or f"x:{step.name}", resource.name_key: step.name, "description": step.description})
    if step.resource == COMPLIANCE_POLICY and step.grace_hours is not None:
        action = {"actionType": "block", "gracePeriodHours": step.grace_hours}
        body["scheduledActionsForRule"] = [{"scheduledActionConfigurations": [action]}]
    new = Owned(
        step.resource,
        str(body["id"]),
        str(body[resource.name_key]),
        _marker(body["description"]),
        body,
        targets if targets is not None else old.targets if old else frozenset(),
        old.created_at if old else at,
        at,
    )
    return replace(state, owned=(*(each for each in state.owned if each.id != new.id), new))


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
