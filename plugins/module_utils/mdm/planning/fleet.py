# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The devices of a tenant, each with what the policies decide about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ...policy.instants import InstantError, read_now, utc_text
from ...policy.model import Decision

#: Attributes that name a device or a person, or change with every contact: what a device has for itself.
OWN_ATTRIBUTES = frozenset(("id", "serial", "name", "user", "last_seen"))


class DeviceRecord(Mapping[str, Any]):
    """The attributes of a device. Devices that are alike in all but their own attributes share one mapping of the others.

    So a large fleet needs little memory, and what rests on shared attributes alone is worked out once for all that share them, by the
    identity of ``alike``. :class:`RecordPool` makes records.

    Args:
        alike: what it shares with others; never changed.
        id, serial, name, user, last_seen: its own.
    """

    __slots__ = ("alike", "id", "last_seen", "name", "serial", "user")

    def __init__(self, alike: Mapping[str, Any], id: Any, serial: Any, name: Any, user: Any, last_seen: Any) -> None:  # noqa: A002
        self.alike = alike
        self.id = id
        self.serial = serial
        self.name = name
        self.user = user
        self.last_seen = last_seen

    def __getitem__(self, attribute: str) -> Any:
        return getattr(self, attribute) if attribute in OWN_ATTRIBUTES else self.alike[attribute]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of an attribute."""
        return getattr(self, key) if key in OWN_ATTRIBUTES else self.alike.get(key, default)

    def __iter__(self) -> Iterator[str]:
        yield from ("id", "serial", "name", "user", "last_seen")
        yield from self.alike

    def __len__(self) -> int:
        return len(OWN_ATTRIBUTES) + len(self.alike)

    def __repr__(self) -> str:
        return "DeviceRecord(%r)" % dict(self)


def alike_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a device shares with those that are alike; all of its attributes where nothing is shared."""
    return record.alike if isinstance(record, DeviceRecord) else record


class RecordPool:
    """Makes the records of a fleet, with one mapping for all that share it. Mappings live as long as the pool does."""

    def __init__(self) -> None:
        self._shared: dict[Any, dict[str, Any]] = {}
        self._adopted: dict[int, Mapping[str, Any]] = {}

    def record_of(self, attributes: Mapping[str, Any]) -> DeviceRecord:
        """A device's attributes as a record."""
        if isinstance(attributes, DeviceRecord):
            # As long as a mapping is kept, no other one gets its identity.
            self._adopted[id(attributes.alike)] = attributes.alike
            return attributes
        get = attributes.get
        alike = {name: value for name, value in attributes.items() if name not in OWN_ATTRIBUTES}
        return DeviceRecord(self.shared(alike), get("id"), get("serial"), get("name"), get("user"), get("last_seen"))

    def shared(self, alike: dict[str, Any]) -> dict[str, Any]:
        """The one mapping that is equal to some attributes, in values and in their types."""
        try:
            key = tuple([(name, type(value), _frozen(value)) for name, value in alike.items()])
            return self._shared.setdefault(key, alike)
        except TypeError:
            # A value that can't be compared in this way is shared with nobody; the pool keeps it, as it keeps all others.
            return self._shared.setdefault(("unshared", len(self._shared)), alike)


def _frozen(value: Any) -> Any:
    return tuple([(type(each), each) for each in value]) if isinstance(value, list) else value


class ListBeginsAgain:
    """Stands among the devices of a list: those before it are of a list that was not whole, and count for nothing."""


@dataclass(frozen=True, slots=True)
class ManagedDevice:
    """One device as its management knows it, in the collection's words.

    Args:
        record: the device attributes that policies speak of, asset facts joined; plain values.
        native_ownership: ownership as the target itself knows it, which is what a native scope goes by.
        directory_id: its name in the directory, by which groups are told who belongs to them; empty where it has none.
        user_id: the user in the directory who is tied to it; empty for none.
        access_withdrawn: its management calls it non-compliant, so that it loses what is tied to compliance.
        synced_at: its last contact, an instant in UTC (``2023-03-15T08:00:00Z``); empty where it has had none.
        enrolled_at: when it last enrolled: what it told then, it told before any control could reach it; empty where nobody says.
        inventory_at: instant of its list of apps; empty takes the last contact.
        inventory_days: its list of apps comes with a contact, but not with each: it may be this many days older than the last one, and not
            older than its enrollment.
    """

    record: Mapping[str, Any]
    native_ownership: str | None = None
    directory_id: str = ""
    user_id: str = ""
    access_withdrawn: bool = False
    synced_at: str = ""
    enrolled_at: str = ""
    inventory_at: str = ""
    inventory_days: int = 0

    @property
    def id(self) -> str:
        """Its id at the target."""
        record = self.record
        return str(record.id if isinstance(record, DeviceRecord) else record["id"])

    @property
    def looked_at(self) -> str:
        """Instant of the look that what is said of its apps rests on, or the earliest that it can be of: for readers and for its age."""
        if not self.inventory_days:
            return self.inventory_at or self.synced_at
        synced_at = self.synced_at
        day = _days_before(synced_at[:10], self.inventory_days)
        before = day and day + synced_at[10:]
        return before and max(before, min(self.enrolled_at, synced_at))

    @property
    def looked_by(self) -> str:
        """The latest instant of that look, for what it must be newer than."""
        return self.synced_at if self.inventory_days else self.looked_at

    @property
    def platform(self) -> str:
        """Its platform, empty where that is unknown."""
        return str(alike_of(self.record).get("platform") or "")


@lru_cache(maxsize=8192)
def _days_before(day: str, days: int) -> str:
    """The day some days before another one; empty for none."""
    try:
        return utc_text(read_now(day + "T00:00:00Z") - timedelta(days=days))[:10]
    except (InstantError, OverflowError):
        return ""


@dataclass(frozen=True, slots=True)
class FleetDevice:
    """A device and the decision about it."""

    device: ManagedDevice
    decision: Decision
