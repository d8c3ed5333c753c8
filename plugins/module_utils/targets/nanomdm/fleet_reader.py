# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The devices of a run: enrolments from a list, a file or the database, and what the devices have told of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ...mdm.planning.fleet import ManagedDevice
from ...mdm.run.known_fleet import FleetDoubted
from ...policy.names_compared import comparable
from .objects import DeviceReport, Enrollment
from .reports import Reports

_SERIAL = "serial:"


class FleetReader:
    """Reads the devices.

    Args:
        read_enrollments: gives the enrolments.
        accept_fleet_size: how many enrolments somebody has confirmed that there are; None for nobody.
    """

    def __init__(self, read_enrollments: Callable[[], Sequence[Enrollment]], source: Reports, accept_fleet_size: int | None) -> None:
        self.read_enrollments = read_enrollments
        self.source = source
        self.accept_fleet_size = accept_fleet_size
        self.enrollments: Sequence[Enrollment] = ()
        #: How many ids are spelled otherwise in the list, and how many devices have another serial number than their list says.
        self._respelled = self._corrected = 0
        #: Serial numbers that several enrolments have.
        self._doubled: list[str] = []

    def list_enrollments(self) -> Sequence[Enrollment]:
        """The enrolments as they are listed.

        Raises:
            FleetDoubted: where there are none.
        """
        enrollments = self.read_enrollments()
        if not enrollments and self.accept_fleet_size != 0:
            raise FleetDoubted(
                "stopped before any write: there are no enrolments in the list, and that is no order to let devices go",
                "",
                "Nothing was written. Check the list; if no device is left, run once with accept_fleet_size: 0",
            )
        return enrollments

    def devices(self, listed: Iterable[Enrollment], reports: Mapping[str, DeviceReport], remembered: Iterable[str]) -> list[ManagedDevice]:
        """The devices of enrolments, with what they have told.

        Args:
            remembered: ids that the ledger has.
        """
        self._respelled = self._corrected = 0
        self.enrollments = self._spelled(listed, reports, frozenset(remembered))
        devices = [self._device(each, reports.get(each.id) or DeviceReport()) for each in self.enrollments]
        serials = Counter(filter(None, (comparable(each.record.get("serial")) for each in devices)))
        written = {comparable(each.record.get("serial")): str(each.record.get("serial")) for each in devices}
        self._doubled = sorted(written[serial] for serial, count in serials.items() if count > 1)
        return devices

    def look_up(self, devices: Sequence[str], reports: Mapping[str, DeviceReport]) -> Mapping[str, bool | None]:
        """Ask for devices one by one, by enrolment id or by serial number.

        The database knows each. A list only knows whom it has; of others nobody can say, but for one that has told that it leaves.
        """
        names = {each: each.removeprefix(_SERIAL) for each in devices if each.startswith(_SERIAL)}
        ids = [each for each in devices if each not in names]
        if self.source.database is not None:
            by_id, by_serial = self.source.database.managed(ids, names.values())
            return {**by_id, **{each: by_serial[serial] for each, serial in names.items()}}
        listed = {each.id: each.managed for each in self.enrollments}
        serials: dict[str, bool] = {}
        for enrollment in self.enrollments:
            serials[enrollment.serial] = serials.get(enrollment.serial, False) or enrollment.managed
        found: dict[str, bool | None] = {each: serials.get(serial) for each, serial in names.items()}
        for each in ids:
            found[each] = False if each in reports and reports[each].checked_out_at else listed.get(each)
        return found

    def notes(self) -> Iterator[str]:
        """What a person should know of the list."""
        if self._respelled:
            yield "%d ids in the list are in another letter case than the server's; the server's are taken" % self._respelled
        if self._corrected:
            yield "%d devices told another serial number when they enrolled than the list has; theirs are taken" % self._corrected
        if self._doubled:
            about = len(self._doubled), ", ".join(self._doubled[:5])
            yield "%d serial numbers belong to more than one enrolment, such as %s: an exemption holds for all of them" % about

    def _spelled(
        self, listed: Iterable[Enrollment], reports: Mapping[str, DeviceReport], remembered: frozenset[str]
    ) -> Sequence[Enrollment]:
        """Enrolments with their ids as the server has them; to the server, another letter case is another device."""
        spelled = {each.lower(): each for each in (*sorted(remembered), *sorted(reports))}
        found = []
        for each in listed:
            known = each.id in reports or each.id in remembered
            identifier = each.id if known else spelled.get(each.id.lower(), each.id)
            self._respelled += identifier != each.id
            found.append(each if identifier == each.id else replace(each, id=identifier))
        return found

    def _device(self, enrollment: Enrollment, report: DeviceReport) -> ManagedDevice:
        """A device: its list says who has it, and what it says of itself counts for more than what its list does."""
        record = enrollment.record()
        if report.serial and report.serial != record.get("serial"):
            self._corrected += bool(record.get("serial"))
            record["serial"] = report.serial
        if report.supervised is not None:
            record["supervised"] = report.supervised
        if report.os_version:
            record["os_version"] = report.os_version
        if not enrollment.managed or report.checked_out_at:
            record["enrollment"] = "none"
        seen_at = max(enrollment.last_seen, report.seen_at)
        if seen_at:
            record["last_seen"] = seen_at
        return ManagedDevice(record, synced_at=seen_at, enrolled_at=report.enrolled_at)
