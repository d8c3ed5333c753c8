# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices the scope of an object reaches today, as far as groups of ours tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...mdm.fleet import FleetDevice
from .controls import criteria_of
from .devices import MODEL_WORDS
from .objects import COMPUTER, MACOS, Group, Scope


class Reach:
    """Answers for one fleet.

    Args:
        fleet: all devices.
        groups: groups of ours by their ids, static ones with their members.
    """

    def __init__(self, fleet: Sequence[FleetDevice], groups: Mapping[int, Group]) -> None:
        self.fleet = fleet
        self.groups = groups
        self._by_number: dict[tuple[str, int], int] = {
            (family_of(each), int(each.device.directory_id)): index for index, each in enumerate(fleet) if each.device.directory_id
        }

    def index_of(self, family: str, number: int) -> int | None:
        """The position of a device in the fleet; None for one that is not there, or not managed."""
        return self._by_number.get((family, number))

    def of_scope(self, family: str, scope: Scope, within: frozenset[int]) -> frozenset[int]:
        """Positions of the devices that a scope reaches for sure, of those asked for: groups of others count for nothing, and where
        somebody else narrowed the scope nobody can tell.
        """
        narrowed = any(each.startswith(("limitations", "exclusions")) for each in scope.foreign)
        if narrowed or not all(self._is_known(number) for number in scope.excluded_groups):
            return frozenset()
        reached = set(within) if scope.everything else set()
        for number in scope.groups:
            reached |= self._of_group(family, number, within)
        excluded: set[int] = set()
        for number in scope.excluded_groups:
            excluded |= self._of_group(family, number, within)
        reached |= self._of_numbers(family, scope.devices)
        excluded |= self._of_numbers(family, scope.excluded_devices)
        return frozenset(reached - excluded) & within

    def _is_known(self, number: int) -> bool:
        """Whether it is known who is in a group: one of ours, and a static one whose members were read."""
        group = self.groups.get(number)
        return group is not None and (group.smart or group.members is not None)

    def _of_group(self, family: str, number: int, within: frozenset[int]) -> set[int]:
        group = self.groups.get(number)
        if group is None:
            return set()
        if not group.smart:
            return self._of_numbers(family, group.members or frozenset())
        words = {each.value for each in group.criteria if each.name == "Model"}
        platforms = [platform for platform, models in MODEL_WORDS.items() if words.issuperset(models)]
        if group.criteria != criteria_of(platforms):
            return set()
        return {index for index in within if self.fleet[index].device.native_ownership in platforms}

    def _of_numbers(self, family: str, numbers: frozenset[int]) -> set[int]:
        found = (self.index_of(family, number) for number in numbers)
        return {index for index in found if index is not None}


def family_of(member: FleetDevice) -> str:
    """``MACOS`` or ``MOBILE``, as profiles and scopes distinguish them."""
    kind, _sep, _number = member.device.id.partition(":")
    return MACOS if kind == COMPUTER else kind
