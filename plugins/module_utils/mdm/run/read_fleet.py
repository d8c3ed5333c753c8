# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The devices of a run: each once, as its management knows it and as it was known, with the decision about it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ...engine.previous_record import PreviousRecord
from ...policy.asset_index import AssetIndex
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.names_compared import comparable
from ..planning.fleet import FleetDevice, ManagedDevice
from .known_fleet import FleetMemory, LoneLookUps, check_fleet_size

#: What is known of devices that are alike, and id and serial number of each of them.
DeviceClass = tuple[Mapping[str, Any], list[tuple[str, "str | None"]]]


class ReadFleet:
    """The devices of a target, and those that it had and that its list doesn't have now.

    Args:
        devices: the target's, as its list has them.
        memory: what was known of them.
        decider: the run's.
        assets: the asset facts.
        latest: contacts after this instant have not come yet.
        until_enrolled: attributes that may be others since a device enrolled again.
        accepted: the size that somebody has confirmed; None for none.

    Raises:
        FleetDoubted: where it has become much shorter since the last run.
    """

    def __init__(
        self,
        devices: Iterable[ManagedDevice],
        memory: FleetMemory,
        decider: Decider,
        assets: AssetIndex,
        latest: datetime,
        until_enrolled: frozenset[str] = frozenset(),
        accepted: int | None = None,
    ) -> None:
        self.memory = memory
        self.members: list[FleetDevice] = []
        #: id -> since when what was remembered of a device is what was known.
        self._since: dict[str, Mapping[str, str]] = {}
        self._doubled = 0
        self._ahead = 0
        self._latest = utc_text(latest)
        ids: dict[str, None] = {}
        for device in devices:
            if device.id in ids:
                # A device that a list has twice is one device.
                self._doubled += 1
                continue
            ids[device.id] = None
            self.members.append(self._member(self._of_this_time(device), decider, assets, until_enrolled))
        serials = frozenset(filter(None, (comparable(member.device.record.get("serial")) for member in self.members)))
        check_fleet_size(self.previous, ids, serials, accepted)
        self.is_confirmed = accepted == len(self.members)
        #: Devices in scope of the last run of which neither the id nor the serial number is in the list -> their serial numbers.
        self.not_listed: dict[str, str | None] = {
            device: known.serial
            for device, known in self.previous.in_scope.items()
            if device not in ids and comparable(known.serial) not in serials
        }  # fmt: skip

    @property
    def previous(self) -> PreviousRecord:
        """What the last run knew."""
        return self.memory.previous

    def classes(self) -> Iterator[DeviceClass]:
        """Devices in scope by what is known of them."""
        return _by_facts(
            (self.memory.facts_of(member, self._since.get(member.device.id, {})), member.device.id, member.device.record.get("serial"))
            for member in self.members
            if member.decision.scope == "in_scope"
        )

    def missing(self, look_ups: LoneLookUps, now: str, forgotten: str, check_mode: bool) -> Iterator[DeviceClass]:
        """Devices that were in scope, that the list doesn't have, and that nobody has found to be gone.

        The next run has to know of them, or a device that one list leaves out would come back as a stranger. After a while, and once
        somebody has confirmed the size of the fleet, they are forgotten.

        Args:
            look_ups: what was found out of single devices.
            now: the run's instant.
            forgotten: who is missing since before this instant is forgotten.
            check_mode: what a check finds out is told by the apply that follows it.
        """
        if self.is_confirmed:
            return iter(())
        missing = []
        for device, serial in sorted(self.not_listed.items()):
            facts = self.previous.in_scope[device].facts
            since = facts.get("missing_since") or now
            if since >= forgotten and (check_mode or not look_ups.found_gone(device, serial)):
                missing.append(({"facts": {}, **facts, "missing_since": since}, device, serial))
        return _by_facts(missing)

    def notes(self) -> Iterator[str]:
        """What a person should know of the reading."""
        yield from self.memory.notes()
        if self._doubled:
            yield "the list of devices has %d of them twice" % self._doubled
        if self._ahead:
            yield "the last contact of %d devices is in the future: a clock is wrong, and nothing rests on it" % self._ahead

    def _of_this_time(self, device: ManagedDevice) -> ManagedDevice:
        """A device without a contact that has not come yet: what a clock gone wrong says proves nothing."""
        if device.synced_at <= self._latest:
            return device
        self._ahead += 1
        return replace(device, synced_at="", inventory_at="", inventory_by="")

    def _member(self, device: ManagedDevice, decider: Decider, assets: AssetIndex, until_enrolled: frozenset[str]) -> FleetDevice:
        # What the assets say now goes before what was known.
        joined = assets.join(self.memory.identify(device.record))
        record, since, decided_by = self.memory.fill(joined, device.enrolled_at, until_enrolled)
        if since:
            self._since[device.id] = since
        return FleetDevice(replace(device, record=record), decider.decide(decided_by))


def _by_facts(devices: Iterable[tuple[Mapping[str, Any], str, Any]]) -> Iterator[DeviceClass]:
    """Devices with what is known of each of them, those that are alike together."""
    by_class: dict[str, DeviceClass] = {}
    for facts, device, serial in devices:
        key = json.dumps(facts, sort_keys=True, default=str)
        by_class.setdefault(key, (facts, []))[1].append((device, None if serial is None else str(serial)))
    for key in sorted(by_class):
        yield by_class[key]
