# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the devices of a fleet: in memory, and from a bound on in a file of the run's own.

What many devices share (attributes, decisions) stays in memory once. What a device has for itself (ids, names, instants) is most of what a
fleet needs, and is read again from the file whenever somebody looks at the device.
"""

from __future__ import annotations

import marshal
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple, overload

from ...engine.errors import AppbanError
from ...policy.model import Decision, Verdicts
from ..planning.fleet import DeviceRecord, FleetDevice, ManagedDevice

#: Devices that are kept in memory, of which each takes about a kibibyte.
MOST_IN_MEMORY = 100_000
_READ_AT_ONCE = 1 << 18


class FleetUnreadable(AppbanError):
    """What was kept of the devices can't be read again."""


class _Shared(NamedTuple):
    """What devices that are alike have in common."""

    alike: Mapping[str, Any]
    native_ownership: str | None
    access_withdrawn: bool
    verdicts: Verdicts


class FleetStore(Sequence[FleetDevice]):
    """The devices of a fleet by their positions. Those that are added have records of a RecordPool, which shares what is alike.

    Args:
        most: devices that are kept in memory; None for as many as ever.

    Raises:
        AppbanError: by :meth:`append` and by the first look, where the file can't be written.
        FleetUnreadable: by every look, where it can't be read again.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = MOST_IN_MEMORY if most is None else most
        self._file: BinaryIO | None = None
        self.clear()

    def clear(self) -> None:
        """Forget all devices."""
        self.close()
        self._here: list[FleetDevice] = []
        #: Of each device in the file: the end of what it has for itself, and the number of what it shares.
        self._ends = array("q")
        self._kinds = array("l")
        self._shared: list[_Shared] = []
        self._numbers: dict[tuple[int, str | None, bool, int], int] = {}
        self._waiting: list[bytes] = []

    def append(self, member: FleetDevice) -> None:
        """Add a device."""
        if self._file is None:
            self._here.append(member)
            if len(self._here) > self._most:
                self._move()
        else:
            self._put(member)
            if len(self._waiting) >= 4096:
                self._flush()

    def close(self) -> None:
        """Give the file up, where there is one: a look at a device in it is an error from then on."""
        if self._file is not None:
            # What it could not take it can't take now either, and that has been told.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _move(self) -> None:
        """Move all devices to a file that has no name, so that nobody else reads it and nothing of it stays."""
        try:
            # It is open as long as the fleet is looked at, and closed by close().
            self._file = tempfile.TemporaryFile(prefix="appban.")  # noqa: SIM115
        except OSError as error:
            raise _unkept(error) from error
        members, self._here = self._here, []
        for member in members:
            self._put(member)
        self._flush()

    def _put(self, member: FleetDevice) -> None:
        device, verdicts, record = member.device, member.decision.verdicts, member.device.record
        if not isinstance(record, DeviceRecord):
            raise AssertionError("a record that shares nothing")
        key = (id(record.alike), device.native_ownership, device.access_withdrawn, id(verdicts))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._shared)
            # As long as it is kept here, nothing else gets its identity.
            self._shared.append(_Shared(record.alike, device.native_ownership, device.access_withdrawn, verdicts))
        own = marshal.dumps(
            (
                (record.id, record.serial, record.name, record.user, record.last_seen),
                (device.directory_id, device.user_id),
                (device.synced_at, device.enrolled_at, device.inventory_at, device.inventory_days),
                member.decision.device,
            )
        )
        self._waiting.append(own)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(own))
        self._kinds.append(number)

    def _flush(self) -> None:
        if self._file is None or not self._waiting:
            return
        try:
            self._file.seek(0, 2)
            self._file.writelines(self._waiting)
            self._file.flush()
        except OSError as error:
            raise _unkept(error) from error
        self._waiting.clear()

    # Reading.

    def __len__(self) -> int:
        return len(self._here) + len(self._ends)

    def __iter__(self) -> Iterator[FleetDevice]:
        if not self._ends:
            yield from self._here
            return
        self._flush()
        begin = at = 0
        text = b""
        for position, end in enumerate(self._ends):
            if end - begin > len(text):
                begin, text = at, self._read(at, end - at, _READ_AT_ONCE)
            yield self._made(position, text[at - begin : end - begin])
            at = end

    @overload
    def __getitem__(self, position: int) -> FleetDevice:
        ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[FleetDevice]:
        ...

    def __getitem__(self, position: int | slice) -> FleetDevice | Sequence[FleetDevice]:
        if isinstance(position, slice):
            return [self[each] for each in range(*position.indices(len(self)))]
        if not self._ends:
            return self._here[position]
        position = range(len(self._ends))[position]
        self._flush()
        begin = self._ends[position - 1] if position else 0
        return self._made(position, self._read(begin, self._ends[position] - begin))

    def _read(self, begin: int, least: int, most: int = 0) -> bytes:
        """What stands in the file from some place on: so much at least, and as much as there is up to a bound."""
        text = b""
        trouble = "it is cut off"
        try:
            if self._file is not None:
                self._file.seek(begin)
                text = self._file.read(max(least, most))
        except OSError as error:
            trouble = error.strerror or str(error)
        if len(text) < least:
            raise FleetUnreadable(
                "The devices of a large fleet can't be read again from their temporary file: %s" % trouble,
                tempfile.gettempdir(),
                "Look after the disk, or set TMPDIR to another one, and run again",
            )
        return text

    def _made(self, position: int, own: bytes) -> FleetDevice:
        shared = self._shared[self._kinds[position]]
        # This run wrote it, to a file without a name: nobody else could put anything there.
        named, (directory_id, user_id), instants, name = marshal.loads(own)  # noqa: S302
        record = DeviceRecord(shared.alike, *named)
        device = ManagedDevice(record, shared.native_ownership, directory_id, user_id, shared.access_withdrawn, *instants)
        return FleetDevice(device, Decision(name, shared.verdicts))


def _unkept(error: OSError) -> AppbanError:
    return AppbanError(
        "The devices of a large fleet can't be kept in a temporary file: %s" % (error.strerror or error),
        tempfile.gettempdir(),
        "Make room there, or set TMPDIR to a directory that has some: about half a kibibyte a device. Nothing was written to the target",
    )
