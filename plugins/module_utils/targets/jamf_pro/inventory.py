# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the devices of a Jamf Pro server, and of their apps only those that somebody asked for.

Whole lists of apps are personal data. They are dropped row by row while an answer is read; nothing here keeps or logs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...mdm.http.server_values import part, switch, text, whole_number
from ...policy.names_compared import comparable
from .api.inventory_walk import Inventory, Walk
from .api.jamf import Jamf
from .api.privileges import COMPUTERS_READ, MOBILE_DEVICES_READ
from .objects import COMPUTER, MOBILE, FoundApp, InventoryRow

#: Says of an app whether it is wanted.
Wanted = Callable[[FoundApp], bool]

MOBILE_DEVICES = Inventory(
    ("/api/v2/mobile-devices/detail",),
    "mobileDeviceId",
    "mobileDeviceId:asc",
    MOBILE_DEVICES_READ,
    "read the mobile devices",
    "mobile devices",
)
COMPUTERS = Inventory(
    ("/api/v3/computers-inventory", "/api/v2/computers-inventory", "/api/v1/computers-inventory"),
    "id",
    "id:asc",
    COMPUTERS_READ,
    "read the computers",
    "computers",
)
GENERAL = "GENERAL"
HARDWARE = "HARDWARE"
USER_AND_LOCATION = "USER_AND_LOCATION"
OPERATING_SYSTEM = "OPERATING_SYSTEM"
APPLICATIONS = "APPLICATIONS"
GROUP_MEMBERSHIPS = "GROUP_MEMBERSHIPS"


def mobile_devices(jamf: Jamf, wanted: Wanted | None = None) -> Iterator[InventoryRow]:
    """Yield every mobile device; one that the server can't read as a row that says so.

    Args:
        wanted: which apps to tell of; without it no apps are asked for at all.

    Raises:
        RequestFailed: also if the inventory ends before its end.
        OutOfTime
    """
    sections = (GENERAL, HARDWARE, USER_AND_LOCATION) + ((APPLICATIONS,) if wanted else ())
    for row in Walk(jamf, MOBILE_DEVICES, sections).rows():
        yield InventoryRow(MOBILE, unreadable=True) if row is None else mobile_device(row, wanted)


def computers(jamf: Jamf, wanted: Wanted | None = None, with_groups: bool = False) -> Iterator[InventoryRow]:
    """Yield every computer; arguments and errors as of ``mobile_devices``.

    Args:
        with_groups: whether to tell which groups each is in.
    """
    sections = (GENERAL, HARDWARE, USER_AND_LOCATION, OPERATING_SYSTEM) + ((APPLICATIONS,) if wanted else ())
    sections += (GROUP_MEMBERSHIPS,) if with_groups else ()
    for row in Walk(jamf, COMPUTERS, sections).rows():
        yield InventoryRow(COMPUTER, unreadable=True) if row is None else computer(row, wanted, with_groups)


def mobile_device(row: Mapping[str, Any], wanted: Wanted | None) -> InventoryRow:
    """A row of /api/v2/mobile-devices/detail."""
    general, hardware, place = part(row, "general"), part(row, "hardware"), part(row, "userAndLocation")
    apps = row.get("applications")
    return InventoryRow(
        MOBILE,
        whole_number(row.get("mobileDeviceId")),
        name=text(general, "displayName"),
        serial=text(hardware, "serialNumber"),
        device_type=text(row, "deviceType"),
        os_version=text(general, "osVersion"),
        model=text(hardware, "model"),
        managed=switch(general, "managed"),
        supervised=switch(general, "supervised"),
        ownership=text(general, "deviceOwnershipType"),
        last_inventory=text(general, "lastInventoryUpdateDate"),
        enrolled=text(general, "lastEnrolledDate"),
        user=text(place, "username"),
        department=text(place, "department"),
        apps=kept(apps, mobile_app, wanted),
        unread=unread(apps, mobile_app, MOBILE) if wanted else 0,
    )


def computer(row: Mapping[str, Any], wanted: Wanted | None, with_groups: bool) -> InventoryRow:
    """A row of /api/v3/computers-inventory, or of an older version."""
    general, hardware, place = part(row, "general"), part(row, "hardware"), part(row, "userAndLocation")
    groups = row.get("groupMemberships")
    return InventoryRow(
        COMPUTER,
        whole_number(row.get("id")),
        name=text(general, "name"),
        serial=text(hardware, "serialNumber"),
        device_type="macOS",
        os_version=text(part(row, "operatingSystem"), "version"),
        model=text(hardware, "model"),
        managed=switch(part(general, "remoteManagement"), "managed"),
        supervised=switch(general, "supervised"),
        last_inventory=text(general, "reportDate"),
        last_contact=text(general, "lastContactTime"),
        enrolled=text(general, "lastEnrolledDate"),
        user=text(place, "username"),
        department=text(place, "department"),
        apps=kept(row.get("applications"), mac_app, wanted),
        unread=unread(row.get("applications"), mac_app, COMPUTER) if wanted else 0,
        groups=frozenset(whole_number(each.get("groupId")) for each in groups) if with_groups and isinstance(groups, list) else None,
    )


def kept(apps: Any, read: Callable[[Mapping[str, Any]], FoundApp], wanted: Wanted | None) -> tuple[FoundApp, ...] | None:
    """The apps that are wanted, sorted; None if there is no list of apps."""
    if wanted is None or not isinstance(apps, list):
        return None
    found = (read(each) for each in apps if isinstance(each, dict))
    return tuple(sorted((app for app in found if wanted(app)), key=lambda app: (app.id, app.name, app.version)))


def unread(apps: Any, read: Callable[[Mapping[str, Any]], FoundApp], family: str) -> int:
    """How many rows of a list of apps don't say what they are: nobody can say of them that they are not a banned app.

    An app of a mobile device goes by its identifier alone; one of a Mac may have none, and then has a name.
    """
    listed = [read(each) if isinstance(each, dict) else FoundApp("", "") for each in apps] if isinstance(apps, list) else []
    return sum(not comparable(app.id) and (family == MOBILE or not comparable(app.name)) for app in listed)


def mobile_app(entry: Mapping[str, Any]) -> FoundApp:
    """An app of a mobile device."""
    status = text(entry, "managementStatus")
    version = text(entry, "shortVersion") or text(entry, "version")
    return FoundApp(text(entry, "identifier"), text(entry, "name"), version, status.lower().startswith("managed") if status else None)


def mac_app(entry: Mapping[str, Any]) -> FoundApp:
    """An app of a computer."""
    return FoundApp(text(entry, "bundleId"), text(entry, "name"), text(entry, "version"))
