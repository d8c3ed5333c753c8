# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what devices keep. Unknown is not a change: who is unclassified keeps what of ours is there, who is in a scope or in a group of
ours by name and is not shown by the inventory keeps that place, and a control for whole platforms stands although none of them is shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.native_scope import NativeScope
from ...mdm.planning.requirements import Requirement, RequirementsOf
from ...mdm.run.known_fleet import LoneLookUps
from ...policy.decide import Decider
from ...policy.model import AppDecision, Decision, Policy, PolicyVerdict, Verdicts
from ...policy.policy_phase import RUNNING, PolicyPhase
from .contents import names_in_profile, names_in_record
from .controls import Control, DesiredControls, platforms_of
from .kept import Kept
from .objects import AUTOMATIC, COMPUTER, MACOS, Scope
from .requirements import PLATFORMS
from .scope_members import Audience, ScopeMembers
from .server_state import ServerState

#: Combinations of rules that are looked through for the one that a control was made of.
_MOST_COMBINATIONS = 2000


@dataclass(frozen=True)
class _Object:
    """An object of ours and the requirement that it was made of. grows: what is wanted of it now is more than what it does."""

    requirement: Requirement
    name: str
    family: str
    scope: Scope
    grows: bool


_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


class _Table(Generic[_Key, _Item]):
    """Sets by keys; a key without anything is not there."""

    def __init__(self) -> None:
        self.sets: dict[_Key, set[_Item]] = {}

    def add(self, key: _Key, *items: _Item) -> None:
        """Put something in."""
        if items:
            self.sets.setdefault(key, set()).update(items)

    def frozen(self) -> dict[_Key, frozenset[_Item]]:
        """The sets as they are now."""
        return {key: frozenset(items) for key, items in self.sets.items()}


class Keeper:
    """Looks for one run.

    Args:
        fleet: all devices, with their decisions.
        requirements: per device, what its decision requires.
        requirements_of: what a decision requires of the server.
        state: what the server holds.
        controls: makes the controls of these requirements.
        native_scopes: which requirements are sure for whole platforms, of mobile devices and of Macs.
        look_ups: asks for devices that the fleet doesn't show.
    """

    def __init__(
        self,
        fleet: Sequence[FleetDevice],
        requirements: Sequence[frozenset[Requirement]],
        requirements_of: RequirementsOf,
        decider: Decider,
        state: ServerState,
        controls: DesiredControls,
        native_scopes: Sequence[NativeScope],
        look_ups: LoneLookUps,
    ) -> None:
        self.fleet = fleet
        self.requirements = requirements
        self.requirements_of = requirements_of
        self.decider = decider
        self.state = state
        self.controls = controls
        self.native_scopes = native_scopes
        self.look_ups = look_ups
        self.groups = {group.id: group for group in state.groups}
        self.scope_members = ScopeMembers(fleet, state.groups)
        self.asked: Mapping[str, bool | None] = {}
        self.policies = {policy_phase.policy.id: policy_phase.policy for policy_phase in decider.policy_phases}

    def kept(self, desired: Sequence[Control]) -> Kept:
        """What the plan must leave as it is.

        Args:
            desired: the controls that are wanted if nothing is kept.

        Raises:
            FleetDoubted: where too many devices would have to be asked for.
            RequestFailed, OutOfTime
        """
        natives = {control.requirement: control.native for control in desired}
        spared_anyway = {control.requirement: control.control_scope.exclude for control in desired}
        found = list(self._objects())
        self.asked = self._asked(found)
        held, left_alone, freed = _Table[int, Requirement](), _Table[int, Requirement](), _Table[int, Requirement]()
        members, spared, excepted = _Table[Requirement, int](), _Table[Requirement, int](), _Table[Requirement, int]()
        standing: dict[Requirement, frozenset[str]] = {}
        changing: dict[str, None] = {}
        for each in found:
            sure, maybe = self._reached(each)
            keeping = [
                index
                for index in maybe
                if each.requirement not in self.requirements[index] and self._is_unclassified(index, each.requirement)
            ]
            if keeping and each.grows:
                changing[each.name] = None
            else:
                for index in keeping:
                    (held if index in sure else left_alone).add(index, each.requirement)
            scope = each.scope
            members.add(each.requirement, *self._unseen(each, scope.devices, scope.groups))
            spared.add(each.requirement, *self._unseen(each, scope.excluded_devices, scope.excluded_groups))
            for number in self._numbers(scope.excluded_devices, scope.excluded_groups):
                position = self.scope_members.index_of(each.family, number)
                if position is not None and self._is_doubtful(position, each.requirement):
                    spared.add(each.requirement, number)
                    freed.add(position, each.requirement)
                shown = self.scope_members.shown_index_of(each.family, number)
                if (
                    shown is not None
                    and str(number) not in spared_anyway.get(each.requirement, ())
                    and self._is_exempt(shown, each.requirement)
                ):
                    excepted.add(each.requirement, number)
            platforms = self._platforms(each)
            if platforms - natives.get(each.requirement, frozenset()):
                standing[each.requirement] = platforms
        tables = (held.frozen(), left_alone.frozen(), freed.frozen(), members.frozen(), spared.frozen(), excepted.frozen())
        return Kept(*tables, standing, tuple(changing))

    # Objects and what they were made of.

    def _objects(self) -> Iterator[_Object]:
        if not (self.state.profiles or self.state.records):
            return
        profiles, records = self._by_name(frozenset().union(*self.requirements))
        if any((each.profile.family, each.profile.name) not in profiles for each in self.state.profiles) or any(
            each.name not in records for each in self.state.records
        ):
            more_profiles, more_records = self._by_name(frozenset(self._possible_requirements()))
            profiles, records = {**more_profiles, **profiles}, {**more_records, **records}
        for owned in self.state.profiles:
            profile = owned.profile
            control = profiles.get((profile.family, profile.name))
            if control is not None:
                there = names_in_profile(profile.payloads)
                wanted = names_in_profile(control.payloads or b"") or frozenset()
                grows = there is None or profile.deployment != AUTOMATIC or not wanted <= there
                yield _Object(control.requirement, profile.name, profile.family, profile.scope, grows)
        for record in self.state.records:
            control = records.get(record.name)
            if control is not None:
                deletes = any(each.delete for each in control.records if each.name == record.name)
                grows = not record.kill or not record.exact or (deletes and not record.delete)
                yield _Object(control.requirement, record.name, MACOS, record.scope, grows or not names_in_record(record))

    def _by_name(self, requirements: Iterable[Requirement]) -> tuple[dict[tuple[str, str], Control], dict[str, Control]]:
        """Names of profiles and of records -> the controls that have them."""
        controls = [control for control in map(self.controls.bare, requirements) if control is not None]
        profiles = {(control.family, control.name): control for control in controls if control.payloads is not None}
        return profiles, {record.name: control for control in controls for record in control.records}

    def _possible_requirements(self) -> Iterator[Requirement]:
        """What the policies in force require of some device, or would require if there were one."""
        choices = [[None, *_rules(policy_phase)] for policy_phase in self.decider.policy_phases if _is_in_force(policy_phase)]
        for chosen in itertools.islice(itertools.product(*choices), _MOST_COMBINATIONS):
            decision = self._decision([each for each in chosen if each is not None])
            for platform in dict.fromkeys(itertools.chain(*PLATFORMS.values())):
                yield from self.requirements_of({"platform": platform}, decision)

    def _decision(self, chosen: Sequence[tuple[Policy, tuple[str, ...]]]) -> Decision:
        by_app: dict[str, list[PolicyVerdict]] = {}
        for policy, actions in chosen:
            for app in policy.apps:
                by_app.setdefault(app.id, []).append(PolicyVerdict(policy.id, "enforce", policy.state, actions))
        apps = {
            app: AppDecision(app, "enforce", _actions(verdicts), (), verdicts[0], tuple(verdicts), None, (), (), "")
            for app, verdicts in by_app.items()
        }
        return Decision("any", Verdicts(self.decider.now, "in_scope", apps, (), ()))

    # Who keeps them.

    def _reached(self, each: _Object) -> tuple[frozenset[int], frozenset[int]]:
        """Whom an object reaches for sure, and whom perhaps: of some devices it isn't told whether they are in a smart group."""
        audience = Audience.of_scope(each.scope)
        sure = self.scope_members.of_audience(each.family, audience, self.scope_members.groups)
        return sure, sure if audience.narrowed else self.scope_members.of_audience(
            each.family, audience, self.scope_members.groups, maybe=True
        )

    def _is_unclassified(self, index: int, requirement: Requirement) -> bool:
        """Whether a device may keep a control: of every app it is wanted, or it is not known whether it is."""
        apps = self.fleet[index].decision.apps
        verdicts: set[str] = set()
        for each in requirement.apps:
            app = apps.get(each.id)
            if app is None or app.verdict == "exempt":
                return False
            verdicts |= {verdict.verdict for verdict in app.policies if verdict.policy in each.policies}
        return "unclassified" in verdicts and verdicts <= {"enforce", "unclassified"}

    def _is_doubtful(self, index: int, requirement: Requirement) -> bool:
        """Whether it is not known that a device that is excepted from a control is no exception any more."""
        member = self.fleet[index]
        apps = [member.decision.apps[app] for app in requirement.app_ids if app in member.decision.apps]
        if any(app.verdict == "exempt" for app in apps):
            return False
        if any(verdict.verdict == "unclassified" for app in apps for verdict in app.policies if verdict.policy in requirement.policies):
            return True
        exemptions = [each for policy in requirement.policies for each in self.policies[policy].exemptions]
        record = member.device.record
        return (not record.get("serial") and any(each.devices for each in exemptions)) or (
            not record.get("user") and any(each.users for each in exemptions)
        )

    def _is_exempt(self, index: int, requirement: Requirement) -> bool:
        """Whether a device that is excepted from a control is exempt, whatever else the server says of it now: called unmanaged or
        somebody's own it may be managed again before the next run, and the control would meet it without its exception.
        """
        member = self.fleet[index]
        apps = (member.decision.apps.get(app) for app in requirement.app_ids)
        return any(app is not None and app.verdict == "exempt" for app in apps) or self.decider.exemptions.names(
            member.device.record, requirement.app_ids
        )

    def _numbers(self, devices: Iterable[int], groups: Iterable[int]) -> set[int]:
        """Devices that a scope names, by themselves and by static groups of ours."""
        found = set(devices)
        for number in groups:
            group = self.groups.get(number)
            if group is not None and not group.smart:
                found |= group.members or frozenset()
        return found

    def _asked(self, objects: Iterable[_Object]) -> Mapping[str, bool | None]:
        """Whether the devices that scopes and groups of ours name, and the fleet doesn't show, are managed."""
        names = set()
        for each in objects:
            scope = each.scope
            numbers = self._numbers(scope.devices, scope.groups) | self._numbers(scope.excluded_devices, scope.excluded_groups)
            names |= {_name_of(each.family, number) for number in numbers if not self.scope_members.is_shown(each.family, number)}
        return self.look_ups.managed(names, "they lose the places that they have by name") if names else {}

    def _unseen(self, each: _Object, devices: Iterable[int], groups: Iterable[int]) -> set[int]:
        return {
            number
            for number in self._numbers(devices, groups)
            if not self.scope_members.is_shown(each.family, number) and self.asked[_name_of(each.family, number)] is not False
        }

    def _platforms(self, each: _Object) -> frozenset[str]:
        """Platforms that a control is for as a whole, as far as the policies still want it there whoever has such a device."""
        found: set[str] = {"macos"} if each.family == MACOS and each.scope.everything else set()
        for number in each.scope.groups:
            group = self.groups.get(number)
            found |= platforms_of(group.criteria) if group is not None and group.smart else set()
        if not found:
            return frozenset()
        sure = {
            platform
            for native_scope in self.native_scopes
            for platform in found & set(PLATFORMS[each.requirement.mechanism])
            if "corporate" in native_scope.ownerships(each.requirement, (platform,))
        }
        return frozenset(sure)


def _is_in_force(policy_phase: PolicyPhase) -> bool:
    return policy_phase.phase == RUNNING and policy_phase.policy.state == "enforced"


def _rules(policy_phase: PolicyPhase) -> list[tuple[Policy, tuple[str, ...]]]:
    """What each rule of a policy asks for now, each demand once."""
    policy = policy_phase.policy
    demands = dict.fromkeys(
        policy.rules[number].stages[stage].actions for number, stage in enumerate(policy_phase.stages) if stage is not None
    )
    return [(policy, actions) for actions in demands]


def _actions(verdicts: Iterable[PolicyVerdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(action for verdict in verdicts for action in verdict.actions))


def _name_of(family: str, number: int) -> str:
    return "%s:%d" % (COMPUTER if family == MACOS else family, number)
