# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices of a fleet an assignment reaches, as the service evaluates it: scopes, filters and groups as they are, or will be. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...mdm.planning.fleet import FleetDevice
from .objects import ALL_DEVICES, ALL_USERS, EXCLUDED_GROUP, GROUP, Filter, Group, Target, TenantState
from .requirements import PLATFORMS, TYPES

_OWNERSHIP_WORDS: Mapping[str | None, str] = {"corporate": "Corporate", "personal": "Personal", None: "Unknown"}
_QUOTED = re.compile(r'"([^"]*)"')


class ScopeMembers:
    """Answers whom assignments reach.

    A device whose ownership its management doesn't say, and about which nobody can decide, may well be in a native scope: an answer may
    have lost what the service itself still knows. Nothing new is put there on such a chance, and nothing is taken away either, so those
    who may be reached (``possible``) are told apart from those who are.

    Args:
        state: what the tenant holds.
        fleet: every device.
        members: name of a group -> its members once the plan is carried out; groups that are not named stay as they are.
        rules: the same of filters and their rules.
    """

    def __init__(
        self,
        state: TenantState,
        fleet: Sequence[FleetDevice],
        members: Mapping[str, frozenset[str]] | None = None,
        rules: Mapping[str, str] | None = None,
    ) -> None:
        self.fleet = fleet
        self._members: dict[str, frozenset[str]] = {}
        self._rules: dict[str, str] = {}
        for group in state.groups:
            self._members[group.id] = frozenset(group.members)
            # By name it is the first one of that name, as everywhere.
            self._members["name:" + group.name] = frozenset(group.members)
        for each in state.filters:
            self._rules[each.id] = self._rules["name:" + each.name] = each.rule
        group_names = {group.id: group.name for group in state.groups}
        filter_names = {each.id: each.name for each in state.filters}
        for name, listed in (members or {}).items():
            self._members["name:" + name] = listed
            self._members.update({key: listed for key, known in group_names.items() if known == name})
        for name, rule in (rules or {}).items():
            self._rules["name:" + name] = rule
            self._rules.update({key: rule for key, known in filter_names.items() if known == name})

    @cached_property
    def unplaced(self) -> frozenset[int]:
        """Positions of the devices that may be in any native scope."""
        return frozenset(index for index, member in enumerate(self.fleet) if is_unplaced(member))

    @cached_property
    def _of_platform(self) -> dict[str, list[int]]:
        """Platform -> positions of its devices."""
        found: dict[str, list[int]] = {}
        for index, member in enumerate(self.fleet):
            found.setdefault(member.device.platform, []).append(index)
        return found

    @cached_property
    def _of_member(self) -> dict[str, list[int]]:
        """Member of groups -> positions of the devices that it stands for. Large, so made only where a group is asked for."""
        found: dict[str, list[int]] = {}
        for index, member in enumerate(self.fleet):
            device, user = member.device.directory_id, member.device.user_id
            if device:
                found.setdefault(device, []).append(index)
            if user and user != device:
                found.setdefault(user, []).append(index)
        return found

    def of_members(self, mechanism: str, members: Iterable[str]) -> frozenset[int]:
        """Positions of the devices that a mechanism has an object for and that some members of a group stand for."""
        named = tuple(members)
        found = {index for member in named for index in self._of_member.get(member, ())} if named else set()
        return frozenset(index for index in found if self.fleet[index].device.platform in PLATFORMS[mechanism])

    def of_targets(self, mechanism: str, targets: Iterable[Target], possible: bool = False) -> frozenset[int]:
        """Positions of the devices that assignments reach. possible: with those that they may reach."""
        included: set[int] = set()
        excluded: set[int] = set()
        for target in targets:
            if target.kind in (GROUP, EXCLUDED_GROUP):
                members = self._members.get(_key(target.group, target.by_name), frozenset())
                found = self.of_members(mechanism, members)
                if target.kind == EXCLUDED_GROUP:
                    excluded |= found
                else:
                    included |= self._filtered(found, target, possible)
            elif target.kind in (ALL_DEVICES, ALL_USERS):
                every = (index for platform in PLATFORMS[mechanism] for index in self._of_platform.get(platform, ()))
                if target.kind == ALL_USERS:
                    every = (index for index in list(every) if self.fleet[index].device.user_id)
                included |= self._filtered(every, target, possible)
        return frozenset(included - excluded)

    def released(self, then: ScopeMembers, mechanism: str, before: Iterable[Target], after: Iterable[Target]) -> frozenset[int]:
        """Positions of the devices that assignments reach, or may reach, and others do not any more.

        Args:
            then: how things stand afterwards.
        """
        old, new = tuple(before), tuple(after)
        surely = self.of_targets(mechanism, old) - then.of_targets(mechanism, new)
        return surely | (self.of_targets(mechanism, old, possible=True) - then.of_targets(mechanism, new, possible=True))

    def _filtered(self, indexes: Iterable[int], target: Target, possible: bool) -> frozenset[int]:
        if not target.filter:
            return frozenset(indexes)
        rule = self._rules.get(_key(target.filter, target.by_name))
        if rule is None:
            # Somebody else's filter: whom it lets through can't be told, so nobody is counted.
            return frozenset()
        words = set(_QUOTED.findall(rule))
        wanted = target.filter_type != "exclude"
        return frozenset(
            index
            for index in indexes
            if (_OWNERSHIP_WORDS.get(self.fleet[index].device.native_ownership, "Unknown") in words) == wanted
            or (possible and index in self.unplaced)
        )


def is_unplaced(member: FleetDevice) -> bool:
    """Whether nobody knows a device's ownership, and nobody can decide about an app on it."""
    return member.device.native_ownership is None and any(app.verdict == "unclassified" for app in member.decision.apps.values())


def _key(name: str, by_name: bool) -> str:
    return "name:" + name if by_name else name


@dataclass(frozen=True)
class Standing:
    """What stands in the tenant of the run's controls, before the plan.

    Args:
        policies: ids of the run's policies.
        unseen: name of a group of ours -> members that the list of devices doesn't show and that are not known to be gone: they stay.
    """

    state: TenantState
    scope_members: ScopeMembers
    policies: frozenset[str]
    unseen: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def _scopes(self) -> frozenset[str]:
        named: list[Group | Filter] = [*self.state.groups, *self.state.filters]
        return frozenset(each.id for each in named if not self.policies.isdisjoint(each.marker.policies))

    @property
    def may_reach(self) -> bool:
        """Whether anything stands by whose native scope a device could be reached that nobody can place."""
        return bool(self.state.filters and self.scope_members.unplaced)

    def policies_of(self, targets: Iterable[Target]) -> frozenset[str]:
        """The policies that the groups and filters of ours are for to which assignments go."""
        used = {name for target in targets for name in (target.group, target.filter)}
        named: list[Group | Filter] = [*self.state.groups, *self.state.filters]
        return frozenset(policy for each in named if each.id in used for policy in each.marker.policies)

    @cached_property
    def _filters(self) -> dict[str, tuple[str, ...]]:
        """Id of a filter of ours -> the policies that it is for."""
        return {each.id: tuple(each.marker.policies) for each in self.state.filters}

    @cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        return {group.name: frozenset(group.members) for group in reversed(self.state.groups)}

    def members(self, group: str) -> frozenset[str]:
        """Who is in a group of ours now."""
        return self._members.get(group, frozenset())

    def is_ours(self, target: Target) -> bool:
        """Whether an assignment goes to a group or filter of the run's policies: nobody else would make it."""
        return bool({target.group, target.filter} & self._scopes)

    def reached(self, mechanism: str, name: str, spec: str = "", possible: bool = False) -> frozenset[int]:
        """Positions of the devices that an object of ours reaches now.

        Args:
            spec: only if its marker says that it holds this; empty for whatever it holds.
            possible: with those that it may reach.
        """
        found: frozenset[int] = frozenset()
        for each in self.state.owned:
            ours = each.marker.mechanism == mechanism and not self.policies.isdisjoint(each.marker.policies)
            if ours and each.name == name and spec in ("", each.marker.sha256):
                # An assignment that lost its filter to somebody reaches devices by accident: that is nothing to keep.
                targets = [target for target in each.targets if target.group or target.filter] if spec else each.targets
                found |= self.scope_members.of_targets(mechanism, targets, possible)
        return found

    def reached_by_apps(self, mechanism: str, identifiers: Iterable[str], scoped: tuple[str, ...] = ()) -> frozenset[int]:
        """Positions of the devices that our uninstall assignments of all of some apps reach now.

        Args:
            identifiers: exact names of the apps.
            scoped: only by the native scope of these policies, with those that it may reach; empty for whatever surely reaches them.
        """
        by_app = []
        for name in identifiers:
            listed = [app for app in self.state.apps if app.odata_type in TYPES[mechanism] and name in app.identifiers]
            ours = [each.target for app in listed for each in app.assignments if each.intent == "uninstall" and self.is_ours(each.target)]
            if scoped and not any(self._filters.get(each.filter) == scoped for each in ours):
                ours = []
            by_app.append(self.scope_members.of_targets(mechanism, ours, bool(scoped)))
        return frozenset.intersection(*by_app) if by_app else frozenset()
