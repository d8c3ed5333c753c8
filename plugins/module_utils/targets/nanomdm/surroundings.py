# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan is made from, and what carries it out: the servers, the fleet, and what is remembered and wanted of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from ...engine.errors import AppbanError, ChangeFailed
from ...mdm.http.concurrency import ordered_map
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.notice_changes import names_text
from ...mdm.run.ledger import Assigned, Ledger
from ...policy.instants import read_now, utc_text
from .api.kmfddm import Kmfddm
from .api.nanomdm import NanoMdm
from .controls import Desired, removed_by
from .names import ControlNames
from .objects import DeviceReport
from .profile_store import ProfileStore
from .profile_story import ProfileStory
from .reports import Reports
from .server_state import ServerState

AGAIN = "Run again; the next run does what is left"
ASK, NEVER = "ask", "never"
PROFILE, NO_WEB_BLOCK = "profile", "none"


@dataclass(frozen=True)
class NanoSettings:
    """What a user can choose of the target.

    Args:
        prefix: of declarations, sets and profiles; everything below it is ours.
        adopt: take over a declaration that has the name of one of ours and another type.
        web_block: ``profile`` or ``none``.
        inventory: ``ask`` devices for the banned apps, or ``never``.
        inventory_every: how often a device is asked at most, and how long a command that was put off waits until it is sent once more,
            because some storages lose such a command.
        push: whether NanoMDM is to wake devices up.
        accept_fleet_size: how many enrolments somebody has confirmed that there are; None for nobody.
    """

    prefix: str
    adopt: bool = False
    web_block: str = PROFILE
    inventory: str = ASK
    inventory_every: timedelta = timedelta(hours=24)
    push: bool = True
    accept_fleet_size: int | None = None


@dataclass(frozen=True)
class Servers:
    """Where a run reads and writes.

    Args:
        kmfddm: None where there is no such server.
        store: where profiles are hosted; None where they are not.
        reports: what devices have told.
    """

    nanomdm: NanoMdm
    kmfddm: Kmfddm | None
    store: ProfileStore | None
    reports: Reports


@dataclass
class Surroundings:
    """What one plan is made from and carried out with. Devices are given by enrolment id, or by position in the fleet where that is said.

    Args:
        ledger: what is remembered; what is done is written there.
        now: the run's instant.
        desired: what is wanted.
        state: what the servers hold, read just before.
    """

    servers: Servers
    settings: NanoSettings
    names: ControlNames
    ledger: Ledger
    now: datetime
    fleet: Sequence[FleetDevice]
    desired: Desired
    state: ServerState
    #: What the servers said beside their answers.
    warnings: list[str] = field(default_factory=list)
    #: Device -> why the server could not wake it up; a command is queued for it.
    asleep: dict[str, str] = field(default_factory=dict)

    @property
    def kmfddm(self) -> Kmfddm:
        """The server of declarations, which every plan with declarations has."""
        if self.servers.kmfddm is None:
            raise AssertionError("a plan with declarations and no server of them")
        return self.servers.kmfddm

    @property
    def store(self) -> ProfileStore:
        """Where profiles are hosted, which every plan with hosted profiles has."""
        if self.servers.store is None:
            raise AssertionError("a plan with hosted profiles and no place for them")
        return self.servers.store

    # Devices.

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {member.device.id: index for index, member in enumerate(self.fleet)}

    def id(self, index: int) -> str:
        """The enrolment id of a device, by its position."""
        return self.fleet[index].device.id

    def ids(self, indexes: Iterable[int]) -> tuple[str, ...]:
        """Enrolment ids in the order of the fleet, by positions."""
        return tuple(self.id(index) for index in sorted(indexes))

    def position(self, device: str) -> int | None:
        """The position of a device; None for one that is not in the run."""
        return self._positions.get(device)

    def positions(self, devices: Iterable[str]) -> frozenset[int]:
        """The positions of devices, as far as they are in the run."""
        return frozenset(found for found in map(self.position, devices) if found is not None)

    def report(self, device: str) -> DeviceReport:
        """What a device told."""
        return self.state.report(device)

    def text(self, devices: Iterable[str]) -> str:
        """Devices by their serial numbers, the first of them, a line each."""
        return names_text([self._shown(device) for device in devices])

    def _shown(self, device: str) -> str:
        index = self.position(device)
        if index is None:
            return "%s, which is not in the list of enrolments any more" % device
        return str(self.fleet[index].device.record.get("serial") or device)

    # What is wanted, and what is remembered.

    @cached_property
    def wanted_on(self) -> Mapping[str, frozenset[str]]:
        """Name of a control -> the devices that are to have it."""
        return {control.name: frozenset(self.ids(control.devices)) for control in self.desired.controls}

    def is_wanted(self, device: str, name: str) -> bool:
        """Whether a device is to have a control."""
        return device in self.wanted_on.get(name, ())

    def apps_of(self, name: str) -> tuple[str, ...]:
        """Ids of the apps that a control, or a command that removes an app, can be for."""
        bundle_id = removed_by(name)
        if not bundle_id:
            return self.names.apps_of(name)
        apps = [app for policy in self.names.policies.values() for app in policy.apps]
        return tuple(sorted({app.id for app in apps if any(each.value == bundle_id for each in app.identifiers)}))

    def assigned(self, device: str, name: str) -> Assigned | None:
        """What is remembered of a control that was given to a device."""
        return self.ledger.assigned.get((device, name))

    def released(self, device: str, name: str) -> Assigned | None:
        """What is remembered of a control that was taken from a device."""
        return self.ledger.released.get((device, name))

    def story(self, device: str, name: str) -> ProfileStory:
        """What is known of a profile that is sent by command on a device."""
        assigned, released = self.assigned(device, name), self.released(device, name)
        marks = self.desired.sent.get(name, frozenset())
        return ProfileStory(name, self.report(device), assigned, released, self.names.removal_mark(name), marks)

    def is_overdue(self, memory: Assigned) -> bool:
        """Whether something was done so long ago that it is done once more if a device has put it off."""
        return self.now - read_now(memory.at) >= self.settings.inventory_every

    # Carrying a plan out.

    def remember(self, events: Iterable[Mapping[str, object]]) -> None:
        """Write into the ledger."""
        self.ledger.write(utc_text(self.now), events)

    def try_each(self, devices: Iterable[str], write: Callable[[str], object]) -> dict[str, str]:
        """Write for each device, a few at a time. Returns why it failed, by device; one failure stops no other."""
        listed = list(devices)

        def attempt(device: str) -> str:
            try:
                write(device)
            except AppbanError as error:
                return str(error)
            return ""

        failed = {}
        for number, message in enumerate(ordered_map(attempt, listed), 1):
            self.servers.nanomdm.session.counters.progress.write("devices", number, len(listed))
            if message:
                failed[listed[number - 1]] = message
        return failed

    def refuse_failures(self, failed: Mapping[str, str], total: int, what: str) -> None:
        """Fail a change that failed for some of its devices. failed: why, by device."""
        if failed:
            device, message = min(failed.items())
            # Where all of them failed, the change did.
            devices = self.positions(failed) if len(failed) < total else None
            raise ChangeFailed("%d of %d devices %s. The first, %s: %s" % (len(failed), total, what, device, message), "", AGAIN, devices)

    def told(self) -> tuple[str, ...]:
        """What the servers said beside their answers, each thing once."""
        said = list(self.warnings)
        if self.asleep:
            what = "%d devices were not woken up for their declarations, and hear of them when they next make contact" % len(self.asleep)
            said.append(what + "; of %s the server said: %s" % min(self.asleep.items()))
        return tuple(dict.fromkeys(said))
