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

from ...engine.previous_record import PreviousRecord, Remembered
from ...policy.asset_index import AssetIndex
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Decision, Verdicts
from ...policy.names_compared import comparable
from ..planning.fleet import OWN_ATTRIBUTES, DeviceRecord, FleetDevice, ListBeginsAgain, ManagedDevice, RecordPool, alike_of
from .fleet_store import FleetStore
from .known_fleet import FleetMemory, LoneLookUps, check_fleet_size

#: What is known of devices that are alike, and id and serial number of each of them.
DeviceClass = tuple[Mapping[str, Any], list[tuple[str, "str | None"]]]


class ReadFleet:
    """The devices of a target, and those that it had and that its list doesn't have now.

    Devices are decided about one by one while the list is still being read; until it is whole nothing rests on that.

    Args:
        devices: the target's, as its list has them.
        memory: what was known of them.
        decider: the run's.
        assets: the asset facts.
        latest: contacts after this instant have not come yet.
        until_enrolled: attributes that may be others since a device enrolled again.
        accepted: the size that somebody has confirmed; None for none.
        members: where the devices are kept.

    Raises:
        FleetDoubted: where it has become much shorter since the last run.
    """

    def __init__(
        self,
        devices: Iterable[ManagedDevice | ListBeginsAgain],
        memory: FleetMemory,
        decider: Decider,
        assets: AssetIndex,
        latest: datetime,
        until_enrolled: frozenset[str] = frozenset(),
        accepted: int | None = None,
        members: FleetStore | None = None,
    ) -> None:
        self.members = FleetStore() if members is None else members
        self.memory = memory
        self._latest = utc_text(latest)
        self._pool = RecordPool()
        self._deciding = _Deciding(decider)
        self._assets = assets
        self._until_enrolled = until_enrolled
        #: Shared attributes and remembered facts, by identity, of which the latter add nothing to the former.
        self._complete: dict[tuple[int, int], bool] = {}
        ids = self._read(devices)
        unlisted = {device: known for device, known in self.previous.in_scope.items() if device not in ids}
        serials: frozenset[str] = frozenset()
        if unlisted:
            serials = frozenset(filter(None, (comparable(member.device.record.get("serial")) for member in self.members)))
        check_fleet_size(self.previous, ids, serials, accepted)
        self.is_confirmed = accepted == len(self.members)
        #: Devices in scope of the last run of which neither the id nor the serial number is in the list -> their serial numbers.
        self.not_listed: dict[str, str | None] = {
            device: known.serial for device, known in unlisted.items() if comparable(known.serial) not in serials
        }
        # What was known of all others has been made use of.
        memory.forget_all_but(self.not_listed)

    def _read(self, devices: Iterable[ManagedDevice | ListBeginsAgain]) -> set[str]:
        """Read the members of the fleet; their ids."""
        ids: set[str] = set()
        self._begin()
        for device in devices:
            if isinstance(device, ListBeginsAgain):
                ids = set()
                self._begin()
                continue
            name = device.id
            if name in ids:
                # A device that a list has twice is one device.
                self._doubled += 1
                continue
            ids.add(name)
            self.members.append(self._member(name, self._of_this_time(device)))
        return ids

    def _begin(self) -> None:
        self.members.clear()
        self.memory.filled.clear()
        #: id -> since when what was remembered of a device is what was known.
        self._since: dict[str, Mapping[str, str]] = {}
        self._doubled = 0
        self._ahead = 0

    def judged(self) -> Iterator[tuple[Mapping[str, Any], Decision]]:
        """Every device with the decision about it."""
        return ((member.device.record, member.decision) for member in self.members)

    @property
    def verdicts(self) -> list[tuple[Verdicts, int]]:
        """What is decided about devices that are alike, with the number of them."""
        counts: dict[int, int] = {}
        known: dict[int, Verdicts] = {}
        for member in self.members:
            verdicts = member.decision.verdicts
            key = id(verdicts)
            known[key] = verdicts
            counts[key] = counts.get(key, 0) + 1
        return [(verdicts, counts[key]) for key, verdicts in known.items()]

    @property
    def previous(self) -> PreviousRecord:
        """What the last run knew."""
        return self.memory.previous

    def classes(self) -> Iterator[DeviceClass]:
        """Devices in scope by what is known of them."""
        classes: dict[str, DeviceClass] = {}
        # Devices of one record and one decision that have not been told from memory are of one class.
        alike: dict[tuple[int, int], list[tuple[str, str | None]]] = {}
        for member in self.members:
            if member.decision.scope != "in_scope":
                continue
            record, device = member.device.record, member.device.id
            kind = (id(alike_of(record)), id(member.decision.verdicts))
            since = self._since.get(device, {})
            devices = None if since else alike.get(kind)
            if devices is None:
                devices = _devices_of(classes, self.memory.facts_of(member, since))
                if not since:
                    alike[kind] = devices
            serial = record.get("serial")
            devices.append((device, None if serial is None else str(serial)))
        return _in_order(classes)

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
        classes: dict[str, DeviceClass] = {}
        for device, serial in sorted(self.not_listed.items()):
            facts = self.previous.in_scope[device].facts
            since = facts.get("missing_since") or now
            if since >= forgotten and (check_mode or not look_ups.found_gone(device, serial)):
                _devices_of(classes, {"facts": {}, **facts, "missing_since": since}).append((device, serial))
        return _in_order(classes)

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
        return replace(device, synced_at="", inventory_at="")

    def _member(self, name: str, device: ManagedDevice) -> FleetDevice:
        record = self._pool.record_of(device.record)
        known = self.previous.in_scope.get(name)
        if known is not None and known.serial and not record.serial:
            record = self._pool.record_of(self.memory.identify(record))
        elif known is not None and known.serial == record.serial:
            # One text for both of them, as long as what was known is kept.
            record.serial = known.serial
        # What the assets say now goes before what was known.
        said = self._assets.missing(record)
        if said:
            record = self._pool.record_of({**record, **said})
        decided_by = record
        if known is not None and not self._is_complete(record, known):
            whole, since, other = self.memory.fill(record, device.enrolled_at, self._until_enrolled)
            record, decided_by = self._pool.record_of(whole), self._pool.record_of(other)
            if since:
                self._since[name] = since
        if record is not device.record:
            device = replace(device, record=record)
        return FleetDevice(device, self._deciding.about(name, decided_by))

    def _is_complete(self, record: DeviceRecord, known: Remembered) -> bool:
        key = (id(record.alike), id(known.facts))
        complete = self._complete.get(key)
        if complete is None:
            complete = self._complete[key] = self.memory.knows_nothing_more(record, known)
        return complete


class _Deciding:
    """Decides about records of one pool, once for those that share their attributes and that the same exemptions name."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._own = tuple(attribute for attribute in decider.attributes if attribute in OWN_ATTRIBUTES)
        self._known: dict[tuple[int, tuple[int, ...]], Verdicts] = {}

    def about(self, name: str, record: DeviceRecord) -> Decision:
        """The decision about a device of some name."""
        if self._own or not record.id:
            # Its name may be another one.
            return self._decider.decide(record)
        key = (id(record.alike), self._decider.exemptions.named(record))
        verdicts = self._known.get(key)
        if verdicts is None:
            verdicts = self._known[key] = self._decider.decide(record).verdicts
        return Decision(name, verdicts)


def _devices_of(classes: dict[str, DeviceClass], facts: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The devices of the class that some facts make."""
    return classes.setdefault(json.dumps(facts, sort_keys=True, default=str), (facts, []))[1]


def _in_order(classes: Mapping[str, DeviceClass]) -> Iterator[DeviceClass]:
    return (classes[key] for key in sorted(classes))
