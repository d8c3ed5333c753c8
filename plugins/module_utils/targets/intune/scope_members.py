# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices of a fleet assignments reach, as the service evaluates them: scopes, filters and groups. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from ...mdm.planning.alike_devices import AlikeDevices, alike_devices
from ...mdm.planning.fleet import FleetDevice
from .capabilities import MECHANISMS, TYPES
from .objects import ALL_DEVICES, ALL_USERS, EXCLUDED_GROUP, GROUP, Target, TenantState

_OWNERSHIP_WORDS: Mapping[str | None, str] = {"corporate": "Corporate", "personal": "Personal", None: "Unknown"}
_QUOTED = re.compile(r'"([^"]*)"')


class ScopeMembers:
    """Answers whom assignments reach, and whom the controls reach that stand in the tenant before the plan.

    A device whose ownership its management doesn't say, and about which nobody can decide, may well be in a native scope: an answer may
    have lost what the service itself still knows. Nothing new is put there on such a chance, and nothing is taken away either, so those
    who may be reached (``possible``) are told apart from those who are.

    Args:
        state: what the tenant holds.
        fleet: every device.
        policies: ids of the run's policies.
        unseen: name of a group of ours -> members that the list of devices doesn't show and that are not known to be gone: they stay.
    """

    def __init__(
        self,
        state: TenantState,
        fleet: Sequence[FleetDevice],
        policies: frozenset[str] = frozenset(),
        unseen: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.state = state
        self.fleet = fleet
        self.policies = policies
        self.unseen = unseen or {}
        #: Member of a group -> positions of the devices that it stands for; and the members that are placed, None for all of the fleet.
        self._positions_of: dict[str, list[int]] = {}
        self._placed: frozenset[str] | None = frozenset()
        #: Id of a group or filter of ours -> who is in the group, or the rule of the filter.
        self.scopes: dict[Hashable, Any] = {group.id: frozenset(group.members) for group in state.groups}
        self.scopes.update({each.id: each.rule for each in state.filters})
        #: Id of a group or filter of ours -> the policies that it is for.
        self._policies_of = {each.id: each.marker.policies for each in state.scopes}

    @cached_property
    def kinds(self) -> list[AlikeDevices]:
        """The fleet by kinds of devices."""
        return alike_devices(self.fleet)

    @cached_property
    def unplaced(self) -> frozenset[int]:
        """Positions of the devices that may be in any native scope."""
        return frozenset(chain.from_iterable(kind.positions for kind in self.kinds if is_unplaced(kind.example)))

    # Members of groups.

    def of_member(self, member: str) -> Sequence[int]:
        """Positions of the devices that a member of a group stands for, by its name in the directory."""
        self._place((member,))
        return self._positions_of.get(member, ())

    def of_members(self, members: Collection[str]) -> Iterator[int]:
        """Positions of the devices that members of groups stand for."""
        self._place(members)
        return chain.from_iterable(self._positions_of.get(member, ()) for member in members)

    def devices_of(self, members: Collection[str], by_user: bool) -> Iterator[tuple[str, int]]:
        """Positions of the devices whose user, or which themselves, are among some members, each with that member."""
        for index in sorted(set(self.of_members(members))):
            device = self.fleet[index].device
            member = device.user_id if by_user else device.directory_id
            if member in members:
                yield member, index

    def _place(self, members: Collection[str]) -> None:
        """Find the devices of some members.

        A fleet has many more names than groups have, and a run with nothing to do asks for members of groups that are there. So the first
        time those are found and nobody else; all of the fleet are once somebody else is asked for.
        """
        if self._placed is None or self._placed.issuperset(members):
            return
        groups = [known for known in self.scopes.values() if not isinstance(known, str)]
        wanted = None if self._placed else frozenset(members).union(*groups)
        self._positions_of.clear()
        for index, member in enumerate(self.fleet):
            for name in dict.fromkeys((member.device.directory_id, member.device.user_id)):
                if name and (wanted is None or name in wanted):
                    self._positions_of.setdefault(name, []).append(index)
        self._placed = wanted

    # Assignments.

    def of_targets(
        self, mechanism: str, targets: Iterable[Target], possible: bool = False, scopes: Mapping[Hashable, Any] | None = None
    ) -> frozenset[int]:
        """Positions of the devices that assignments reach.

        Args:
            possible: with those that they may reach.
            scopes: groups and filters as they will be; None for as they are.
        """
        known = self.scopes if scopes is None else scopes
        platforms = MECHANISMS[mechanism].platforms if mechanism in MECHANISMS else ()
        included: list[Iterable[int]] = []
        excluded: set[int] = set()
        for target in targets:
            if target.kind == EXCLUDED_GROUP:
                excluded.update(self._of_group(known.get(target.group, ()), platforms))
            elif target.filter and target.filter not in known:
                # Somebody else's filter: whom it lets through can't be told, so nobody is counted.
                continue
            elif target.kind == GROUP:
                found = self._of_group(known.get(target.group, ()), platforms)
                included.append(found.intersection(self._let_through(target, known, platforms, possible)) if target.filter else found)
            elif target.kind == ALL_DEVICES:
                included.append(self._let_through(target, known, platforms, possible))
            elif target.kind == ALL_USERS:
                let_through = self._let_through(target, known, platforms, possible)
                included.append(index for index in let_through if self.fleet[index].device.user_id)
        reached = chain.from_iterable(included)
        return frozenset({index for index in reached if index not in excluded} if excluded else set(reached))

    def _of_group(self, members: Collection[str], platforms: Sequence[str]) -> set[int]:
        return {index for index in self.of_members(members) if self.fleet[index].device.platform in platforms}

    def _let_through(self, target: Target, known: Mapping[Hashable, Any], platforms: Sequence[str], possible: bool) -> Iterator[int]:
        """Positions of the devices of some platforms that the filter of an assignment lets through; all of them where it has none."""
        words = set(_QUOTED.findall(known[target.filter])) if target.filter else set()
        include = target.filter_type != "exclude"
        for kind in self.kinds:
            device = kind.example.device
            if device.platform not in platforms:
                continue
            named = _OWNERSHIP_WORDS.get(device.native_ownership, "Unknown") in words
            if not target.filter or named == include or (possible and is_unplaced(kind.example)):
                yield from kind.positions

    # Controls that stand.

    @property
    def may_reach(self) -> bool:
        """Whether anything stands by whose native scope a device could be reached that nobody can place."""
        return bool(self.state.filters and self.unplaced)

    def members(self, name: str) -> frozenset[str]:
        """Who is in a group of ours now."""
        return next((frozenset(group.members) for group in self.state.groups if group.name == name), frozenset())

    def policies_of(self, targets: Iterable[Target]) -> frozenset[str]:
        """The policies that the groups and filters of ours are for to which assignments go."""
        return frozenset(policy for target in targets for scope in target.scopes for policy in self._policies_of.get(scope, ()))

    def is_ours(self, target: Target) -> bool:
        """Whether an assignment goes to a group or filter of the run's policies: nobody else would make it."""
        return not self.policies.isdisjoint(self.policies_of((target,)))

    def reached(self, mechanism: str, name: str, spec: str, possible: bool = False) -> frozenset[int]:
        """Positions of the devices that an object of ours reaches now.

        Args:
            spec: what its marker has to say that it holds.
            possible: with those that it may reach.
        """
        found: frozenset[int] = frozenset()
        for each in self.state.owned:
            ours = each.marker.mechanism == mechanism and not self.policies.isdisjoint(each.marker.policies)
            if ours and (each.name, each.marker.sha256) == (name, spec):
                # An assignment that lost its filter to somebody reaches devices by accident: that is nothing to keep.
                reached = self.of_targets(mechanism, [target for target in each.targets if target.scopes], possible)
                found = found | reached if found else reached
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
            if scoped and not any(each.filter and self._policies_of.get(each.filter) == scoped for each in ours):
                ours = []
            by_app.append(self.of_targets(mechanism, ours, bool(scoped)))
        return frozenset.intersection(*by_app) if by_app else frozenset()


def is_unplaced(member: FleetDevice) -> bool:
    """Whether nobody knows a device's ownership, and nobody can decide about an app on it."""
    unsure = any(app.verdict == "unclassified" for app in member.decision.apps.values())
    return unsure and member.device.native_ownership is None
