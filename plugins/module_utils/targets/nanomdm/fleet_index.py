# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of a run by their position and by their enrolment id. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.notice_changes import names_text
from ...mdm.planning.requirements import Requirement


class FleetIndex:
    """The devices of a run. requirements: per device, what is wanted of it."""

    def __init__(self, fleet: Sequence[FleetDevice], requirements: Sequence[frozenset[Requirement]]) -> None:
        self.fleet = fleet
        self.requirements = requirements

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {member.device.id: index for index, member in enumerate(self.fleet)}

    def id(self, index: int) -> str:
        """The enrolment id of a device."""
        return self.fleet[index].device.id

    def position(self, device: str) -> int | None:
        """The position of an enrolment; None for one that is not in the run."""
        return self._positions.get(device)

    def positions(self, devices: Iterable[str]) -> frozenset[int]:
        """The positions of enrolments, as far as they are in the run."""
        return frozenset(found for found in map(self.position, devices) if found is not None)

    def stays_banned(self, device: str) -> bool:
        """Whether anything is wanted of an enrolment: what it loses then, it only loses for another form of the same."""
        position = self.position(device)
        return position is not None and bool(self.requirements[position])

    def ids(self, indexes: Iterable[int]) -> tuple[str, ...]:
        """Enrolment ids in the order of the fleet."""
        return tuple(self.id(index) for index in sorted(indexes))

    def text(self, devices: Iterable[str]) -> str:
        """Enrolments by what a person knows them as, the first of them, a line each."""
        return names_text([self._name(device) for device in devices])

    def _name(self, device: str) -> str:
        index = self.position(device)
        if index is None:
            return "%s, which is not in the list of enrolments any more" % device
        return str(self.fleet[index].device.record.get("serial") or device)
