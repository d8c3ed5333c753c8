# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as data: plans are made against it and carried out on it without a request, step by step, so that every moment can be seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.native_scope import NativeScope
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.ownership import read_marker
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_draft import Step
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_result import PlanResult, plan_result
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.instants import utc_text
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.controls import JamfControls, WantedScope
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.devices import MODEL_WORDS, device_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import (
    COMPUTER,
    MACOS,
    MOBILE,
    Group,
    InventoryRow,
    Profile,
    RestrictedSoftware,
    Scope,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.owned_names import is_tagged_for
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.plan import draft_plan
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.requirements import MOBILE_PLATFORMS, requirements_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.resources.surroundings import Surroundings
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.server_state import OwnedProfile, ServerState
from tests.support.mdm_samples import NOW, fleet

MODELS = {"ios": "iPhone 12", "ipados": "iPad Air", "tvos": "Apple TV 4K", "macos": "MacBook Air"}


def device(number: int = 1, platform: str = "ios", **row: Any) -> ManagedDevice:
    """A supervised device of the organisation; what else it is follows from its number."""
    known = {
        "family": COMPUTER if platform == "macos" else MOBILE,
        "id": number,
        "serial": f"SN{number:04d}",
        "device_type": "tvOS" if platform == "tvos" else "iOS",
        "model": MODELS[platform],
        "os_version": "16.3",
        "managed": True,
        "supervised": True,
        "ownership": "" if platform == "macos" else "Institutional",
        "user": f"user{number}@city.example",
        "last_inventory": "2023-03-20T08:00:00.123Z",
        **row,
    }
    return device_of(InventoryRow(**known))


def hand_over(notices: tuple[Notice, ...]) -> None:
    """Stands for an outbox: a server as data sends nothing."""


class Run:
    """Everything of one run up to its plan. Other policies' objects are left out of what it sees, as the reader does."""

    def __init__(
        self,
        policies: Sequence[Policy],
        devices: Iterable[ManagedDevice],
        state: ServerState | None = None,
        now: datetime = NOW,
        adopt: bool = False,
    ) -> None:
        self.state = state or ServerState()
        self.policies = tuple(policies)
        self.ids = frozenset(policy.id for policy in policies)
        self.fleet: list[FleetDevice] = fleet(self.policies, devices, now)
        decider = Decider(self.policies, now)
        wanted = requirements_of(self.policies, True)
        self.requirements = [wanted(each.device.record, each.decision) for each in self.fleet]
        mobile = NativeScope(self.policies, decider, wanted, MOBILE_PLATFORMS, {"supervised": True, "enrollment": "device"})
        macs = NativeScope(self.policies, decider, wanted, ("macos",), {"enrollment": "device"})
        self.desired = JamfControls(self.policies, self.fleet, self.requirements, (mobile, macs), "BAN").desired()
        self.now = utc_text(now)
        self.adopt = adopt

    def plan(self, notices: Sequence[Notice] = ()) -> PlanResult:
        around = Surroundings(None, seen(self.state, self.ids), self.fleet, self.policies, self.now)
        return plan_result(draft_plan(around, self.desired, self.adopt), notices, lambda told: Step(hand_over, (told,)))

    def moments(self) -> Iterator[ServerState]:
        """The server after each step of the plan."""
        state = self.state
        for change in self.plan().plan.changes:
            state = carried_out(state, change.step)
            yield state

    def applied(self) -> ServerState:
        """The server after the whole plan."""
        return list(itertools.chain((self.state,), self.moments()))[-1]


def seen(state: ServerState, policies: frozenset[str]) -> ServerState:
    """What a run over some policies reads."""
    return replace(
        state,
        profiles=tuple(each for each in state.profiles if not policies.isdisjoint(each.marker.policies)),
        records=tuple(each for each in state.records if is_tagged_for(each.name, policies)),
        groups=tuple(each for each in state.groups if not policies.isdisjoint(_marker(each.description).policies)),
    )


def carried_out(state: ServerState, step: Step) -> ServerState:
    """What a server holds after one step; a step that needs what is not there is an error."""
    return _VERBS[step.verb.__name__](state, *step.args)


def _create_group(state: ServerState, group: Group) -> ServerState:
    assert group.name not in state.group_ids()
    number = max((each.id for each in state.groups), default=0) + 1
    return replace(state, groups=(*state.groups, replace(group, id=number)))


def _correct_group(state: ServerState, group: Group) -> ServerState:
    assert group.id in {each.id for each in state.groups}
    return replace(state, groups=tuple(group if each.id == group.id else each for each in state.groups))


def _change_members(state: ServerState, group: Group, members: frozenset[int]) -> ServerState:
    (current,) = (each for each in state.groups if each.id == group.id)
    assert current.members == group.members, "the plan was made from another membership"
    return _correct_group(state, replace(current, members=members))


def _delete_group(state: ServerState, group: Group) -> ServerState:
    used = {number for each in state.profiles for number in each.profile.scope.groups | each.profile.scope.excluded_groups}
    assert group.id not in used, f"{group.name} is deleted while a profile goes by it"
    return replace(state, groups=tuple(each for each in state.groups if each.id != group.id))


def _write_profile(state: ServerState, profile: Profile, scope: WantedScope, *_more: object) -> ServerState:
    ids = state.group_ids()
    groups, excluded = (frozenset(ids[name] for name in names) for names in (scope.groups, scope.excluded_groups))
    number = profile.id or max((each.profile.id for each in state.profiles), default=0) + 1
    written = replace(profile, id=number, scope=Scope(scope.everything, scope.devices, groups, scope.excluded_devices, excluded))
    kept = tuple(each for each in state.profiles if (each.profile.family, each.profile.id) != (profile.family, number))
    assert profile.id == 0 or len(kept) < len(state.profiles)
    return replace(state, profiles=(*kept, OwnedProfile(written, _marker(written.description))))


def _delete_profile(state: ServerState, profile: Profile) -> ServerState:
    return replace(state, profiles=tuple(each for each in state.profiles if each.profile != profile))


def _write_record(state: ServerState, record: RestrictedSoftware, _seen: object) -> ServerState:
    number = record.id or max((each.id for each in state.records), default=0) + 1
    others = tuple(each for each in state.records if each.id != number)
    assert record.name not in {each.name for each in others}
    return replace(state, records=(*others, replace(record, id=number)))


def _delete_record(state: ServerState, record: RestrictedSoftware) -> ServerState:
    return replace(state, records=tuple(each for each in state.records if each.id != record.id))


_VERBS: dict[str, Callable[..., ServerState]] = {
    "create_group": _create_group,
    "correct_group": _correct_group,
    "change_members": _change_members,
    "delete_group": _delete_group,
    "write_profile": _write_profile,
    "delete_profile": _delete_profile,
    "write_record": _write_record,
    "delete_record": _delete_record,
    "hand_over": lambda state, *_args: state,
}


def _marker(text: str) -> Any:
    marker = read_marker(text)
    assert marker is not None
    return marker


def reached(state: ServerState, family: str, scope: Scope, devices: Sequence[FleetDevice]) -> set[int]:
    """Positions of the devices that a scope reaches, by the product's words: only managed ones, in the scope and in no exclusion."""
    groups = {group.id: group for group in state.groups}
    hit = set()
    for index, each in enumerate(devices):
        is_mac = each.device.platform == "macos"
        if is_mac is not (family == MACOS) or not each.device.directory_id:
            continue
        number = int(each.device.directory_id)
        inside = scope.everything or number in scope.devices or any(is_member(groups[group], each, number) for group in scope.groups)
        outside = number in scope.excluded_devices or any(is_member(groups[group], each, number) for group in scope.excluded_groups)
        if inside and not outside:
            hit.add(index)
    return hit


def is_member(group: Group, each: FleetDevice, number: int) -> bool:
    """Whether a device is in a group; smart ones go by supervision and model."""
    if not group.smart:
        return number in (group.members or ())
    words = [one.value for one in group.criteria if one.name == "Model"]
    model = MODELS.get(each.device.platform, "")
    assert set(words) <= {word for listed in MODEL_WORDS.values() for word in listed}
    return each.device.record["supervised"] is True and any(word in model for word in words)
