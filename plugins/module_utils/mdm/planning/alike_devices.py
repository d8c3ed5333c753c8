# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of a fleet that are alike in all that planning goes by, so that it looks at each kind once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from .fleet import FleetDevice, alike_of


@dataclass(frozen=True, slots=True)
class AlikeDevices:
    """Devices with the same shared attributes, the same decision and the same ownership.

    Args:
        example: one of them.
        positions: of each of them in the fleet, ascending.
    """

    example: FleetDevice
    positions: list[int]

    def split(self, some: Collection[int]) -> tuple[Sequence[int], Sequence[int]]:
        """Those that are among some devices of the fleet, and the others."""
        if not some:
            return (), self.positions
        return [index for index in self.positions if index in some], [index for index in self.positions if index not in some]


def alike_devices(fleet: Sequence[FleetDevice], facts: Sequence[Any] = ()) -> list[AlikeDevices]:
    """The kinds of devices of a fleet, in the order of their first ones.

    Args:
        facts: something about each device, by position; those of one kind have the identical one. Empty for nothing.
    """
    found: dict[tuple[int, int, str | None, int], AlikeDevices] = {}
    for index, member in enumerate(fleet):
        device = member.device
        key = (id(alike_of(device.record)), id(member.decision.verdicts), device.native_ownership, id(facts[index]) if facts else 0)
        kind = found.get(key)
        if kind is None:
            kind = found[key] = AlikeDevices(member, [])
        kind.positions.append(index)
    return [*found.values()]
