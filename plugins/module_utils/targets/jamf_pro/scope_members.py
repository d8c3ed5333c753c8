# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices the scope of an object reaches today, as far as groups of ours tell. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...mdm.planning.fleet import FleetDevice
from .controls import platforms_of
from .devices import family_of, number_of
from .objects import COMPUTER, MACOS, Group, Scope

_NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Audience:
    """Whom an object is for, its groups by whatever names them.

    Args:
        narrowed: somebody else has put something into the scope that may keep the object from devices.
    """

    everything: bool = False
    devices: frozenset[int] = frozenset()
    groups: frozenset[Hashable] = frozenset()
    excluded_devices: frozenset[int] = frozenset()
    excluded_groups: frozenset[Hashable] = frozenset()
    narrowed: bool = False

    @classmethod
    def of_scope(cls, scope: Scope) -> Audience:
        """Of an object that is there."""
        narrowed = any(each.startswith(("limitations", "exclusions")) for each in scope.foreign)
        return cls(
            scope.everything, scope.devices, frozenset(scope.groups), scope.excluded_devices, frozenset(scope.excluded_groups), narrowed
        )


@dataclass(frozen=True)
class FamilyRoster:
    """Which devices of one family numbers stand for."""

    scope_members: ScopeMembers
    family: str

    def index_of(self, member: str) -> int | None:
        """The position of a device in the fleet; None for one that is not there, or not managed."""
        return self.scope_members.index_of(self.family, int(member))

    def shown_index_of(self, member: str) -> int | None:
        """The position of a device in the fleet, managed or not; None for one that is not there."""
        return self.scope_members.shown_index_of(self.family, int(member))

    def device_id(self, member: str) -> str:
        """What records call the device."""
        return "%s:%s" % (COMPUTER if self.family == MACOS else self.family, member)


class ScopeMembers:
    """Answers for one fleet.

    Args:
        fleet: all devices.
        groups: groups of ours, static ones with their members.
    """

    def __init__(self, fleet: Sequence[FleetDevice], groups: Iterable[Group]) -> None:
        self.fleet = fleet
        self.groups: dict[Hashable, Group] = {group.id: group for group in groups}
        self._by_number: dict[tuple[str, int], int] = {
            (family_of(each.device), int(each.device.directory_id)): index for index, each in enumerate(fleet) if each.device.directory_id
        }
        numbers = ((family_of(each.device), number_of(each.device)) for each in fleet)
        self._shown = {key: index for index, key in enumerate(numbers) if key[1]}
        self._of_family: dict[str, set[int]] = {}
        for (family, _number), index in self._by_number.items():
            self._of_family.setdefault(family, set()).add(index)
        self._native: dict[str | None, set[int]] = {}
        for index, each in enumerate(fleet):
            self._native.setdefault(each.device.native_ownership, set()).add(index)
        #: By platform those of which it is not known whether a smart group has them: their supervision or their model isn't told.
        self._doubtful: dict[str | None, set[int]] = {}
        for index, each in enumerate(fleet):
            device = each.device
            if device.native_ownership is None and device.directory_id and device.record.get("supervised") is not False:
                self._doubtful.setdefault(device.platform, set()).add(index)

    def index_of(self, family: str, number: int) -> int | None:
        """The position of a device in the fleet; None for one that is not there, or not managed."""
        return self._by_number.get((family, number))

    def shown_index_of(self, family: str, number: int) -> int | None:
        """The position of a device in the fleet, managed or not; None for one that is not there."""
        return self._shown.get((family, number))

    def of_scope(self, family: str, scope: Scope, within: frozenset[int]) -> frozenset[int]:
        """Positions of the devices that a scope reaches for sure, of those asked for."""
        return self.of_audience(family, Audience.of_scope(scope), self.groups) & within

    def of_audience(self, family: str, audience: Audience, groups: Mapping[Hashable, Group], maybe: bool = False) -> frozenset[int]:
        """Positions of the devices that an object reaches for sure: groups of others count for nothing, and where somebody else narrowed
        the scope nobody can tell.

        Args:
            groups: groups of ours.
            maybe: those too that it may reach, as far as something is known of them.
        """
        if not maybe and (audience.narrowed or not all(self._is_known(groups.get(each)) for each in audience.excluded_groups)):
            return _NOBODY
        reached = set(self._of_family.get(family, ())) if audience.everything else set()
        for each in audience.groups:
            reached |= self._of_group(family, groups.get(each), maybe)
        excluded: set[int] = set()
        for each in audience.excluded_groups:
            excluded |= self._of_group(family, groups.get(each))
        reached |= self._of_numbers(family, audience.devices)
        excluded |= self._of_numbers(family, audience.excluded_devices)
        return frozenset(reached - excluded)

    def _is_known(self, group: Group | None) -> bool:
        """Whether it is known who is in a group: one of ours, and a static one whose members were read."""
        return group is not None and (group.smart or group.members is not None)

    def _of_group(self, family: str, group: Group | None, maybe: bool = False) -> set[int]:
        if group is None:
            return set()
        if not group.smart:
            return self._of_numbers(family, group.members or frozenset())
        platforms = platforms_of(group.criteria)
        tables = (self._native, self._doubtful) if maybe else (self._native,)
        return set().union(*(table.get(platform, ()) for table in tables for platform in platforms))

    def _of_numbers(self, family: str, numbers: frozenset[int]) -> set[int]:
        found = (self.index_of(family, number) for number in numbers)
        return {index for index in found if index is not None}
