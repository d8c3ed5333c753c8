# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom each change of a plan reaches and whom it releases, by following the plan change by change over what the server holds. Pure.

An object has its effect on whoever is in its scope, as the server works it out: devices and groups, without those that are excluded. So
a group does nothing by itself, and a change of one concerns whoever comes into a scope by it, or leaves one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...engine.plan import Change
from ...mdm.planning.ownership import Marker
from ...policy.model import Policy
from . import steps
from .contents import apps_named, names_in_profile, names_in_record
from .controls import WantedScope
from .objects import AUTOMATIC, MACOS, Group, Profile, RestrictedSoftware, Scope
from .scope_members import Audience, ScopeMembers
from .server_state import ServerState

_PROFILE, _RECORD = "profile", "record"


@dataclass(frozen=True)
class Standing:
    """An object as it has its effect.

    Args:
        names: what it blocks; None where it can't be read.
        policies: ids of the policies that it was made for; empty where that is not told.
    """

    family: str
    names: frozenset[str] | None
    audience: Audience
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropped:
    """Apps that a write takes from devices to which it gives others: positions of the devices that still have them until contact."""

    control: str
    apps: tuple[str, ...]
    devices: frozenset[int]


class Effects:
    """Follows one plan.

    Args:
        scope_members: answers for the fleet, with the groups as they are before the plan.
        policies: those of the run.
    """

    def __init__(self, scope_members: ScopeMembers, state: ServerState, policies: Sequence[Policy]) -> None:
        self.scope_members = scope_members
        self.policies = tuple(policies)
        self.groups: dict[Hashable, Group] = dict(scope_members.groups)
        self.ids = state.group_ids()
        self.dropped: dict[str, Dropped] = {}
        self.objects: dict[tuple[str, str, Hashable], Standing] = {}
        for each in state.profiles:
            self.objects[(_PROFILE, each.profile.family, each.profile.id)] = _standing_profile(each.profile, each.marker)
        for record in state.records:
            self.objects[(_RECORD, MACOS, record.id)] = _standing_record(record)

    def told(self, changes: Iterable[tuple[int, Change]]) -> list[tuple[int, Change]]:
        """The changes, in the order in which they are made, each with whom it reaches and releases."""
        return [(phase, self._told(change)) for phase, change in sorted(changes, key=lambda pair: pair[0])]

    def _told(self, change: Change) -> Change:
        step = change.step
        if isinstance(step, steps.CreateGroup):
            self.groups[self._key(step.group.name)] = step.group
        elif isinstance(step, steps.UpdateGroup):
            return self._regrouped(change, replace(step.group, members=None))
        elif isinstance(step, steps.ChangeMembers):
            return self._regrouped(change, replace(step.group, members=step.members))
        elif isinstance(step, steps.WriteProfile):
            number = step.profile.id or step.profile.name
            names = names_in_profile(step.profile.payloads)
            return self._written(change, (_PROFILE, step.profile.family, number), names, self._audience(step.scope), step.adds)
        elif isinstance(step, steps.WriteRecord):
            number = step.record.id or step.record.name
            scope = step.record.scope
            return self._written(change, (_RECORD, MACOS, number), names_in_record(step.record), _audience_of(scope), False)
        elif isinstance(step, (steps.DeleteProfile, steps.DeleteRecord)):
            return self._deleted(change, step)
        return change

    def _written(
        self, change: Change, key: tuple[str, str, Hashable], names: frozenset[str] | None, audience: Audience, adds: bool
    ) -> Change:
        before = self.objects.get(key)
        self.objects[key] = after = Standing(key[1], names, audience)
        has_it = self._maybe(after)
        reaches, releases = has_it, frozenset[int]()
        dropped: frozenset[str] = frozenset()
        if before is not None:
            had_it = self._maybe(before)
            dropped = (before.names or frozenset()) - (names or frozenset())
            if before.names is not None and not (adds or (names or frozenset()) - before.names):
                reaches = (has_it - had_it) | (self._sure(after) - self._sure(before))
            # What can't be read, or isn't sent by itself, may still be on those who had it.
            releases = had_it if dropped else had_it - has_it
        apps = change.apps
        lost = apps_named(self.policies, key[1], dropped)
        if lost and not reaches:
            apps = tuple(sorted({*apps, *lost}))
        elif lost:
            # Of these apps the change says nothing itself: nobody is reached for their sake.
            self.dropped[change.key] = Dropped(change.name, lost, releases)
        return replace(change, reaches=reaches, releases=releases, apps=apps)

    def _deleted(self, change: Change, step: steps.DeleteProfile | steps.DeleteRecord) -> Change:
        if isinstance(step, steps.DeleteProfile):
            key: tuple[str, str, Hashable] = (_PROFILE, step.profile.family, step.profile.id)
        else:
            key = (_RECORD, MACOS, step.record.id)
        before = self.objects.pop(key, None)
        if before is None:
            return change
        own = [policy for policy in self.policies if not before.policies or policy.id in before.policies]
        named = apps_named(own, before.family, before.names or frozenset())
        apps = named or tuple(sorted({app.id for policy in own for app in (*policy.apps, *policy.review)}))
        return replace(change, releases=self._maybe(before), apps=apps)

    def _regrouped(self, change: Change, group: Group) -> Change:
        """A group that is there gets other members, or its criteria back."""
        concerned = [each for each in self.objects.values() if group.id in each.audience.groups | each.audience.excluded_groups]
        before = [(self._sure(each), self._maybe(each)) for each in concerned]
        self.groups[group.id] = group
        reaches: frozenset[int] = frozenset()
        releases: frozenset[int] = frozenset()
        for each, (sure, maybe) in zip(concerned, before, strict=True):
            now = self._maybe(each)
            reaches |= (now - maybe) | (self._sure(each) - sure)
            releases |= maybe - now
        return replace(change, reaches=reaches, releases=releases)

    # Whom an object reaches.

    def _sure(self, each: Standing) -> frozenset[int]:
        return self.scope_members.of_audience(each.family, each.audience, self.groups)

    def _maybe(self, each: Standing) -> frozenset[int]:
        """Whom it may have reached: nobody can look into what others put into its scope."""
        if each.names is not None and not each.names:
            return frozenset()
        return self.scope_members.of_audience(each.family, replace(each.audience, narrowed=False), self.groups, maybe=True)

    def _key(self, name: str) -> Hashable:
        return self.ids.get(name, name)

    def _audience(self, scope: WantedScope) -> Audience:
        groups, excluded = (frozenset(self._key(name) for name in names) for names in (scope.groups, scope.excluded_groups))
        return Audience(scope.everything, scope.devices, groups, scope.excluded_devices, excluded)


def _audience_of(scope: Scope) -> Audience:
    return Audience.of_scope(scope)


def _standing_profile(profile: Profile, marker: Marker) -> Standing:
    # What users may fetch themselves is on no device for sure, and what can't be read may do anything.
    names = names_in_profile(profile.payloads) if profile.deployment == AUTOMATIC else frozenset()
    return Standing(profile.family, names, _audience_of(profile.scope), marker.policies)


def _standing_record(record: RestrictedSoftware) -> Standing:
    return Standing(MACOS, names_in_record(record), _audience_of(record.scope))


def apps_of_groups(controls: Iterable[Any]) -> Mapping[str, tuple[str, ...]]:
    """Name of a group -> ids of the apps of the controls that go by it."""
    found: dict[str, set[str]] = {}
    for control in controls:
        for group in control.groups:
            found.setdefault(group.name, set()).update(control.apps)
    return {name: tuple(sorted(apps)) for name, apps in found.items()}
