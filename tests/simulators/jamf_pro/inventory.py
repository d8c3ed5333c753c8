# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the Pro API: sections, pages with a silent cap, filters (Jamf Pro fact sheet, 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..clock import instant
from ..exchange import Request, Response
from . import odd_answers
from .cost import page_seconds
from .device import App, Device, Record
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
    "general.reportDate": general("reportDate"), "general.lastContactTime": general("lastContactTime"),
    "general.lastEnrolledDate": general("lastEnrolledDate"),
    "general.remoteManagement.managed": lambda row: row["general"]["remoteManagement"]["managed"],
    "hardware.serialNumber": lambda row: row["hardware"]["serialNumber"],
    "operatingSystem.version": lambda row: row["operatingSystem"]["version"],
    "userAndLocation.building": place("building"), "userAndLocation.department": place("department"),
    "userAndLocation.username": place("username"),
}  # fmt: skip


MOBILE_APP = {"identifier": "id", "name": "name", "version": "version", "shortVersion": "version"}
MAC_APP = {"name": "file", "version": "version", "bundleId": "id"}


def camel(section: str) -> str:
    first, *rest = section.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def location(device: Device) -> Row:
    return {"username": device.user, "realName": device.user.capitalize(), "department": device.department, "building": device.building}


def known_of(device: Device, behind: bool) -> tuple[Record, datetime]:
    """What the server knows of a device; on a node that is behind, what it knew before the last inventory."""
    return device.earlier if behind and device.earlier is not None else (device.record, device.last_inventory)


def reported(app: App, names: dict[str, str], more: Row) -> Row:
    """An app's row. names: the inventory's names of an app's attributes."""
    shown = {name: getattr(app, attribute) for name, attribute in names.items() if attribute not in app.dropped}
    return {**shown, **more}


def mobile_row(device: Device, behind: bool = False) -> Row:
    traits = device.traits
    record, last_inventory = known_of(device, behind)
    return {
        "odd": device.odd_sections,
        "mobileDeviceId": str(device.number), "deviceType": "tvOS" if traits.platform == "tvos" else "iOS",
        "general": {
            "udid": device.udid, "displayName": device.name, "managed": device.managed, "supervised": record.supervised,
            "managementId": device.management_id, "osVersion": record.os_version, "deviceOwnershipType": traits.ownership,
            "lastInventoryUpdateDate": instant(last_inventory), "lastEnrolledDate": instant(device.enrolled),
            "sharedIpad": traits.shared, "declarativeDeviceManagementEnabled": device.declarations_synced is not None,
        },
        "hardware": {"serialNumber": device.serial, "model": traits.model}, "userAndLocation": location(device),
        "applications": [
            reported(app, MOBILE_APP, {
                "managementStatus": "Managed" if app.managed else "Unmanaged", "validationStatus": True, "bundleSize": "120 MB",
                "dynamicSize": "5 MB",
            })
            for app in record.apps
        ],
        "profiles": [{"displayName": profile.name, "identifier": key} for key, profile in sorted(device.profiles.items())],
    }  # fmt: skip


def mac_row(device: Device, behind: bool = False) -> Row:
    record, last_inventory = known_of(device, behind)
    return {
        "odd": device.odd_sections,
        "id": str(device.number), "udid": device.udid,
        "general": {
            "name": device.name, "managementId": device.management_id, "supervised": record.supervised,
            "remoteManagement": {"managed": device.managed}, "reportDate": instant(last_inventory),
            "lastContactTime": instant(device.last_check_in), "lastEnrolledDate": instant(device.enrolled),
        },
        "hardware": {"serialNumber": device.serial, "model": device.traits.model}, "userAndLocation": location(device),
        "operatingSystem": {"name": "macOS", "version": record.os_version},
        "applications": [
            reported(app, MAC_APP, {"path": f"/Applications/{app.file}" if app.file is not None else None, "macAppStore": False})
            for app in record.apps
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
    query, key = request.query, next(iter(fields.values()))
    kind = odd_answers.struck(request, odd_answers.PAGES)
    if query.get("filter"):
        test = Parser(query["filter"], fields).parse()
        if not server.settings.ignore_filters and kind != "filter_ignored":
            rows = [row for row in rows if test(row)]
    if kind == "short_list":
        rows = [row for row in rows if odd_answers.in_site(key(row))]
    page, size = whole_number(query, "page", 0), whole_number(query, "page-size", 100)
    size = max(1, min(size, server.settings.page_cap))
    rows = ordered(rows, query.get("sort") or sort, fields, page, key)
    return odd_answers.page_of(kind, rows, page, size)


def sections_asked(request: Request, known: tuple[str, ...]) -> list[str]:
    asked = [part for name, value in parse_qsl(request.raw_query) if name == "section" for part in value.split(",")]
    for section in asked:
        if section not in known:
            raise Refusal(400, "INVALID_PARAMETER", f"There is no section {section}", "section")
    return asked or ["GENERAL"]


def visible(server: JamfServer, request: Request, fleet: dict[int, Device]) -> list[tuple[Device, bool]]:
    """The devices that the account sees, and whether the answering node is behind. That one doesn't know newcomers."""
    behind = is_behind(server, request)
    return [
        (device, behind)
        for device in fleet.values()
        if not (behind and device.earlier is None) and (not server.settings.site_restricted or odd_answers.in_site(str(device.number)))
    ]


def is_behind(server: JamfServer, request: Request) -> bool:
    return server.settings.nodes > 1 and odd_answers.struck(request, frozenset({"stale"})) is not None


def lone(server: JamfServer, request: Request, fleet: dict[int, Device], number: str) -> tuple[Device, bool]:
    """One device by its id. Raises Refusal where the account sees no such one."""
    device = fleet.get(int(number))
    found = visible(server, request, {} if device is None else {device.number: device})
    if not found:
        raise Refusal(404, "NOT_FOUND", "Not Found")
    if found[0][0].corrupt:
        raise Refusal(500, "INTERNAL_SERVER_ERROR", "The record could not be read")
    return found[0]


def get_mobile_device(server: JamfServer, request: Request, number: str) -> Response:
    """GET /api/v2/mobile-devices/{id}: what a device is, and nothing of what is on it."""
    device, _behind = lone(server, request, server.mobiles, number)
    return Response(200, {
        "id": str(device.number), "name": device.name, "serialNumber": device.serial, "wifiMacAddress": "", "udid": device.udid,
        "phoneNumber": "", "model": device.traits.model, "modelIdentifier": "", "username": device.user, "type": device.traits.platform,
        "managementId": device.management_id, "softwareUpdateDeviceId": "",
    })  # fmt: skip


def get_mobile_detail(server: JamfServer, request: Request, number: str) -> Response:
    """GET /api/v2/mobile-devices/{id}/detail: flat, and shaped unlike a row of the list; apps are below the platform's name."""
    device, behind = lone(server, request, server.mobiles, number)
    row = mobile_row(device, behind)
    general_part, platform = row["general"], device.traits.platform
    own = {"model": device.traits.model, "supervised": general_part["supervised"], "shared": device.traits.shared}
    sections = {name: section(row, name) for name in ("applications",) if row["odd"].get(name) != "missing"}
    return Response(200, {
        "id": row["mobileDeviceId"], "name": device.name, "serialNumber": device.serial, "udid": device.udid,
        "managed": general_part["managed"], "managementId": device.management_id, "osVersion": general_part["osVersion"],
        "lastInventoryUpdateTimestamp": general_part["lastInventoryUpdateDate"],
        "deviceOwnershipLevel": general_part["deviceOwnershipType"],
        "lastEnrollmentTimestamp": general_part["lastEnrolledDate"], "location": row["userAndLocation"],
        "declarativeDeviceManagementEnabled": general_part["declarativeDeviceManagementEnabled"],
        "site": {"id": "-1", "name": "None"}, "type": platform,
        "ios": {**own, **sections} if platform == "ios" else None, "tvos": {**own, **sections} if platform == "tvos" else None,
    })  # fmt: skip


def get_computer(server: JamfServer, request: Request, number: str, every_section: bool) -> Response:
    """GET /api/v1|v2|v3/computers-inventory/{id} with the sections asked for, computers-inventory-detail/{id} with all."""
    asked = list(MAC_SECTIONS) if every_section else sections_asked(request, MAC_SECTIONS)
    row = mac_row(*lone(server, request, server.macs, number))
    return Response(200, shown(row, asked, MAC_SECTIONS, ("id", "udid")))


def list_mobile_devices(server: JamfServer, request: Request) -> Response:
    """GET /api/v2/mobile-devices/detail. One corrupt record on the page spoils it."""
    asked = sections_asked(request, MOBILE_SECTIONS)
    rows = [mobile_row(device, behind) for device, behind in visible(server, request, server.mobiles)]
    total, page = paged(server, request, rows, MOBILE_FIELDS, "displayName:asc")
    if any(server.mobiles[int(row["mobileDeviceId"])].corrupt for row in page):
        raise Refusal(500, "INTERNAL_SERVER_ERROR", "A record could not be read")
    server.spend(page_seconds(len(page), "APPLICATIONS" in asked, server.settings.mobile_row_weight))
    return inventory(total, page, asked, MOBILE_SECTIONS, ("mobileDeviceId", "deviceType"))


def list_computers(server: JamfServer, request: Request) -> Response:
    """GET /api/v1|v2|v3/computers-inventory. Without a section the page is as heavy as with all."""
    asked = sections_asked(request, MAC_SECTIONS)
    rows = [mac_row(device, behind) for device, behind in visible(server, request, server.macs)]
    total, page = paged(server, request, rows, MAC_FIELDS, "general.name:asc")
    heavy = "APPLICATIONS" in asked or "section" not in request.query
    server.spend(page_seconds(len(page), heavy, server.settings.row_weight))
    return inventory(total, page, asked, MAC_SECTIONS, ("id", "udid"))


def inventory(total: int, page: list[Row], asked: list[str], known: tuple[str, ...], always: tuple[str, ...]) -> Response:
    return Response(200, {"totalCount": total, "results": [shown(row, asked, known, always) for row in page]})


def shown(row: Row, asked: list[str], known: tuple[str, ...], always: tuple[str, ...]) -> Row:
    """A record as readers see it: sections that weren't asked for are null."""
    sections = {camel(name): section(row, camel(name)) if name in asked else None for name in known}
    return {
        **{name: row[name] for name in always},
        **{name: part for name, part in sections.items() if row["odd"].get(name) != "missing"},
    }


def section(row: Row, name: str) -> Any:
    """A section of a record, or what a test put in its place."""
    part, odd = row.get(name, []), row["odd"].get(name)
    if odd in ("null_item", "text_item"):
        return [*part, None if odd == "null_item" else odd_answers.TEXT] if isinstance(part, list) else part
    return {"null": None, "text": odd_answers.TEXT, "list": [], "object": {}}.get(odd, part)
