# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asset facts found by serial number, however it is spelled. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .model import Decision, Device
from .names_compared import comparable
from .nearest_serials import nearest_serials, shown_names
from .problems import show

_MOST_EXAMPLES = 5


class AssetIndex:
    """Asset facts of a document.

    facts: serial number as it is written -> attribute -> value. No two of the serial numbers differ in spelling only.
    """

    def __init__(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        self._facts = facts
        self._written = {comparable(serial): serial for serial in facts if comparable(serial)}

    def join(self, device: Mapping[str, Any]) -> dict[str, Any]:
        """A device with the asset facts of its serial number.

        Facts fill in what the target doesn't know; where both know an attribute, the target's own value stands.
        """
        return {**device, **self.missing(device)}

    def missing(self, device: Mapping[str, Any]) -> dict[str, Any]:
        """The asset facts that a target doesn't know of a device; empty for none."""
        written = self._written.get(comparable(device.get("serial"))) if self._written else None
        if written is None:
            return {}
        return {attribute: value for attribute, value in self._facts[written].items() if device.get(attribute) is None}

    def unmatched(self, devices: Iterable[tuple[Device, Decision]]) -> list[str]:
        """Serial numbers, as they are written and in their order, that no device has."""
        missing = dict(self._written)
        for device, _decision in devices:
            missing.pop(comparable(device.get("serial")), None)
        return list(missing.values())

    def __len__(self) -> int:
        return len(self._facts)


def notes_of_assets(index: AssetIndex, devices: Iterable[tuple[Device, Decision]], of_a_part: bool = False) -> list[str]:
    """How many rows of asset facts match no device, with some of them, those first that one slip of the pen explains.

    Args:
        devices: every device of the fleet with the decision about it.
        of_a_part: the run serves a part of a fleet.
    """
    fleet = list(devices) if len(index) else []
    unmatched = index.unmatched(fleet)
    if not unmatched:
        return []
    nearest = nearest_serials(unmatched, shown_names(fleet))
    examples = []
    for serial in sorted(unmatched, key=lambda each: each not in nearest)[:_MOST_EXAMPLES]:
        near = " or ".join(show(each) for each in nearest.get(serial, ()))
        examples.append(show(serial) + (" (perhaps %s is meant)" % near if near else ""))
    part = "; rows of devices of other parts of the fleet may be among them" if of_a_part else ""
    told = (len(unmatched), len(index), ", ".join(examples), part)
    return ["asset facts: %d of %d rows match no device of this target, such as %s%s" % told]
