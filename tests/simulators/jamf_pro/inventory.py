# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the Pro API: sections, pages with a silent cap, filters (Jamf Pro fact sheet, 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..clock import instant
from ..exchange import Request, Response
from .cost import page_seconds
from .device import Device
from .errors import Refusal
from .rsql import Parser, ordered

if TYPE_CHECKING:
    from .jamf_server import JamfServer

Row = dict[str, Any]
Fields = dict[str, Callable[[Row], Any]]
MOBILE_SECTIONS = (
    "GENERAL", "HARDWARE", "USER_AND_LOCATION", "PURCHASING", "SECURITY", "APPLICATIONS", "EBOOKS", "NETWORK", "SERVICE_SUBSCRIPTIONS",
    "CERTIFICATES", "PROFILES", "USER_PROFILES", "PROVISIONING_PROFILES", "SHARED_USERS", "EXTENSION_ATTRIBUTES", "GROUPS",
)  # fmt: skip
MAC_SECTIONS = (
    "GENERAL", "APPLICATIONS", "CONFIGURATION_PROFILES", "HARDWARE", "OPERATING_SYSTEM", "GROUP_MEMBERSHIPS", "USER_AND_LOCATION",
    "SECURITY", "PURCHASING", "DISK_ENCRYPTION", "STORAGE", "PRINTERS", "SERVICES", "LOCAL_USER_ACCOUNTS", "CERTIFICATES", "ATTACHMENTS",
    "PLUGINS", "PACKAGE_RECEIPTS", "FONTS", "LICENSED_SOFTWARE", "IBEACONS", "SOFTWARE_UPDATES", "EXTENSION_ATTRIBUTES",
    "CONTENT_CACHING",
)  # fmt: skip


def general(name: str) -> Callable[[Row], Any]:
    return lambda row: row["general"][name]


def place(name: str) -> Callable[[Row], Any]:
    return lambda row: row["userAndLocation"][name]


MOBILE_FIELDS: Fields = {
    "mobileDeviceId": lambda row: row["mobileDeviceId"], "serialNumber": lambda row: row["hardware"]["serialNumber"],
    **{name: general(name) for name in ("udid", "displayName", "managed", "supervised", "osVersion", "lastInventoryUpdateDate",
                                        "declarativeDeviceManagementEnabled", "sharedIpad", "managementId", "deviceOwnershipType")},
    "building": place("building"), "department": place("department"), "username": place("username"),
}  # fmt: skip
MAC_FIELDS: Fields = {
    "id": lambda row: row["id"], "udid": lambda row: row["udid"], "general.name": general("name"),
    "general.managementId": general("managementId"), "general.supervised": general("supervised"),
    "general.reportDate": general("reportDate"),
    "general.remoteManagement.managed": lambda row: row["general"]["remoteManagement"]["managed"],
    "hardware.serialNumber": lambda row: row["hardware"]["serialNumber"],
    "operatingSystem.version": lambda row: row["operatingSystem"]["version"],
    "userAndLocation.building": place("building"), "userAndLocation.department": place("department"),
    "userAndLocation.username": place("username"),
}  # fmt: skip


def camel(section: str) -> str:
    first, *rest = section.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def location(device: Device) -> Row:
    return {"username": device.user, "realName": device.user.capitalize(), "department": device.department, "building": device.building}


def mobile_row(device: Device) -> Row:
    traits = device.traits
    return {
        "mobileDeviceId": str(device.number), "deviceType": "tvOS" if traits.platform == "tvos" else "iOS",
        "general": {
            "udid": device.udid, "displayName": device.name, "managed": device.managed, "supervised": device.record.supervised,
            "managementId": device.management_id, "osVersion": device.record.os_version, "deviceOwnershipType": traits.ownership,
            "lastInventoryUpdateDate": instant(device.last_inventory), "lastEnrolledDate": instant(device.enrolled),
            "sharedIpad": traits.shared, "declarativeDeviceManagementEnabled": device.declarations_synced is not None,
        },
        "hardware": {"serialNumber": device.serial, "model": traits.model}, "userAndLocation": location(device),
        "applications": [
            {
                "identifier": app.id, "name": app.name, "version": app.version, "shortVersion": app.version,
                "managementStatus": "Managed" if app.managed else "Unmanaged", "validationStatus": True, "bundleSize": "120 MB",
                "dynamicSize": "5 MB",
            }
            for app in device.record.apps
        ],
        "profiles": [{"displayName": profile.name, "identifier": key} for key, profile in sorted(device.profiles.items())],
    }  # fmt: skip


def mac_row(device: Device) -> Row:
    return {
        "id": str(device.number), "udid": device.udid,
        "general": {
            "name": device.name, "managementId": device.management_id, "supervised": device.record.supervised,
            "remoteManagement": {"managed": device.managed}, "reportDate": instant(device.last_inventory),
            "lastContactTime": instant(device.last_check_in),
        },
        "hardware": {"serialNumber": device.serial, "model": device.traits.model}, "userAndLocation": location(device),
        "operatingSystem": {"name": "macOS", "version": device.record.os_version},
        "applications": [
            {"name": app.file, "path": f"/Applications/{app.file}", "version": app.version, "bundleId": app.id, "macAppStore": False}
            for app in device.record.apps
        ],
        "configurationProfiles": [
            {"displayName": profile.name, "profileIdentifier": key} for key, profile in sorted(device.profiles.items())
        ],
    }  # fmt: skip


def whole_number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise Refusal(400, "INVALID_PARAMETER", f"{name} must be a whole number", name)
    return int(text)


def paged(server: JamfServer, request: Request, rows: list[Row], fields: Fields, sort: str) -> tuple[int, list[Row]]:
    """(total, the page that was asked for). More rows than the cap are never given, and nobody says so."""
    query = request.query
    if query.get("filter"):
        test = Parser(query["filter"], fields).parse()
        rows = [row for row in rows if test(row)]
    page, size = whole_number(query, "page", 0), whole_number(query, "page-size", 100)
    size = max(1, min(size, server.settings.page_cap))
    key = next(iter(fields.values()))
    rows = ordered(rows, query.get("sort") or sort, fields, page, key)
    return len(rows), rows[page * size : (page + 1) * size]


def sections_asked(request: Request, known: tuple[str, ...]) -> list[str]:
    asked = [part for name, value in parse_qsl(request.raw_query) if name == "section" for part in value.split(",")]
    for section in asked:
        if section not in known:
            raise Refusal(400, "INVALID_PARAMETER", f"There is no section {section}", "section")
    return asked or ["GENERAL"]


def list_mobile_devices(server: JamfServer, request: Request) -> Response:
    """GET /api/v2/mobile-devices/detail. One corrupt record on the page spoils it."""
    asked = sections_asked(request, MOBILE_SECTIONS)
    rows = [mobile_row(device) for device in server.mobiles.values()]
    total, page = paged(server, request, rows, MOBILE_FIELDS, "displayName:asc")
    if any(server.mobiles[int(row["mobileDeviceId"])].corrupt for row in page):
        raise Refusal(500, "INTERNAL_SERVER_ERROR", "A record could not be read")
    server.spend(page_seconds(len(page), "APPLICATIONS" in asked, server.settings.mobile_row_weight))
    return inventory(total, page, asked, MOBILE_SECTIONS, ("mobileDeviceId", "deviceType"))


def list_computers(server: JamfServer, request: Request) -> Response:
    """GET /api/v1|v2|v3/computers-inventory. Without a section the page is as heavy as with all."""
    asked = sections_asked(request, MAC_SECTIONS)
    rows = [mac_row(device) for device in server.macs.values()]
    total, page = paged(server, request, rows, MAC_FIELDS, "general.name:asc")
    heavy = "APPLICATIONS" in asked or "section" not in request.query
    server.spend(page_seconds(len(page), heavy, server.settings.row_weight))
    return inventory(total, page, asked, MAC_SECTIONS, ("id", "udid"))


def inventory(total: int, page: list[Row], asked: list[str], known: tuple[str, ...], always: tuple[str, ...]) -> Response:
    """Sections that weren't asked for are null."""
    results = [
        {
            **{name: row[name] for name in always},
            **{camel(name): row.get(camel(name), []) if name in asked else None for name in known},
        }
        for row in page
    ]  # fmt: skip
    return Response(200, {"totalCount": total, "results": results})
