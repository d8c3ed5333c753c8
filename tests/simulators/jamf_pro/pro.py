# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pro API, /api: JSON both ways (Jamf Pro fact sheet, 2 to 4 and 6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..exchange import Request, Response
from . import commands, groups, inventory, odd_answers
from .errors import Refusal
from .resources import SEARCH_TYPES

if TYPE_CHECKING:
    from .jamf_server import JamfServer

GROUPS = "mobile-device-groups"
# The Pro API's names of a criterion, and the Classic ones it is stored under.
CRITERION = {
    "name": "name", "priority": "priority", "andOr": "and_or", "searchType": "search_type", "value": "value",
    "openingParen": "opening_paren", "closingParen": "closing_paren",
}  # fmt: skip
GROUP_FIELDS: inventory.Fields = {"groupId": lambda row: row["groupId"], "groupName": lambda row: row["groupName"]}


def answer(server: JamfServer, request: Request, path: str, node: int) -> Response:
    """One request; `path` is what follows /api/."""
    if path in ("v1/oauth/token", "oauth/token") and request.method == "POST":
        return server.identities.oauth(request, f"/api/{path}")
    if path == "v1/auth/token" and request.method == "POST":
        return server.identities.user_token(request)
    if path == "v1/auth/keep-alive" and request.method == "POST":
        return server.identities.keep_alive(request)
    if path == "v1/auth/invalidate-token" and request.method == "POST":
        return server.identities.invalidate(request)
    server.identities.require(request)
    for method, pattern, handler in ROUTES:
        match = pattern.fullmatch(path)
        if match and method == request.method:
            odd_answers.must_be_there(request, classic=False)
            return odd_answers.bent_json(request, handler(server, request, node, *match.groups()))
    if any(pattern.fullmatch(path) for _method, pattern, _handler in ROUTES):
        raise Refusal(405, "METHOD_NOT_ALLOWED", "The method is not allowed here")
    raise not_found()


def not_found() -> Refusal:
    return Refusal(404, "NOT_FOUND", "Not Found")


def whoami(server: JamfServer, request: Request, node: int) -> Response:
    return Response(200, server.identities.whoami())


def version(server: JamfServer, request: Request, node: int) -> Response:
    return Response(200, {"version": server.settings.version})


def mobile_devices(server: JamfServer, request: Request, node: int) -> Response:
    server.allow("Read Mobile Devices")
    return inventory.list_mobile_devices(server, request)


def computers(server: JamfServer, request: Request, node: int) -> Response:
    server.allow("Read Computers")
    return inventory.list_computers(server, request)


def mobile_device(server: JamfServer, request: Request, node: int, number: str) -> Response:
    server.allow("Read Mobile Devices")
    return inventory.get_mobile_device(server, request, number)


def mobile_detail(server: JamfServer, request: Request, node: int, number: str) -> Response:
    server.allow("Read Mobile Devices")
    return inventory.get_mobile_detail(server, request, number)


def computer(server: JamfServer, request: Request, node: int, every_section: str | None, number: str) -> Response:
    server.allow("Read Computers")
    return inventory.get_computer(server, request, number, every_section is not None)


def privilege(verb: str, kind: str) -> str:
    return f"{verb} {'Smart' if kind == 'smart' else 'Static'} Mobile Device Groups"


def described(group: dict[str, Any], kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "groupId": str(group["id"]), "groupName": group["name"], "groupDescription": group.get("description", ""),
        "siteId": str(group["site"]), "count": len(group["mobile_devices"]),
    }  # fmt: skip
    if kind == "smart":
        row["criteria"] = [{name: item[stored] for name, stored in CRITERION.items()} for item in group["criteria"]]
    return row


def seen(server: JamfServer, kind: str, number: str, node: int) -> dict[str, Any]:
    group = server.stores[groups.MOBILE].read(int(number), node)
    if group is None or (group["is_smart"] == "true") != (kind == "smart"):
        raise not_found()
    return group


def list_groups(server: JamfServer, request: Request, node: int, kind: str) -> Response:
    server.allow(privilege("Read", kind))
    found = [item for item in server.stores[groups.MOBILE].read_all(node) if (item["is_smart"] == "true") == (kind == "smart")]
    total, page = inventory.paged(server, request, [described(item, kind) for item in found], GROUP_FIELDS, "groupId:asc")
    return Response(200, {"totalCount": total, "results": page})


def get_group(server: JamfServer, request: Request, node: int, kind: str, number: str) -> Response:
    server.allow(privilege("Read", kind))
    return Response(200, described(seen(server, kind, number, node), kind))


def delete_group(server: JamfServer, request: Request, node: int, kind: str, number: str) -> Response:
    server.allow(privilege("Delete", kind))
    seen(server, kind, number, 0)
    server.stores[groups.MOBILE].remove(int(number), node, server.settings.node_lag)
    return Response(204)


def members(server: JamfServer, request: Request, node: int, kind: str, number: str) -> Response:
    """The members of a group, paged like the inventory."""
    server.allow(privilege("Read", kind))
    group = seen(server, kind, number, node)
    fleet = {member: server.mobiles[member] for member in group["mobile_devices"] if member in server.mobiles}
    rows = [inventory.mobile_row(device, behind) for device, behind in inventory.visible(server, request, fleet)]
    total, page = inventory.paged(server, request, rows, inventory.MOBILE_FIELDS, "displayName:asc")
    results = [
        {
            "mobileDeviceId": row["mobileDeviceId"], "udid": row["general"]["udid"], "displayName": row["general"]["displayName"],
            "serialNumber": row["hardware"]["serialNumber"], "managementId": row["general"]["managementId"],
        }
        for row in page
    ]  # fmt: skip
    return Response(200, {"totalCount": total, "results": results})


def checked_name(server: JamfServer, body: dict[str, Any], number: int | None) -> str:
    name = body.get("groupName")
    if not isinstance(name, str) or not name.strip():
        raise Refusal(400, "REQUIRED_FIELD", "groupName is required", "groupName")
    if any(item["name"] == name and item["id"] != number for item in server.stores[groups.MOBILE]):
        raise Refusal(400, "DUPLICATE_FIELD", "A group has this name already", "groupName")
    return name


def criterion(item: dict[str, Any]) -> dict[str, Any]:
    stored = {classic: item.get(name) for name, classic in CRITERION.items()}
    if stored["search_type"] not in SEARCH_TYPES:
        stored["search_type"] = "is"
    return {
        **stored, "name": str(stored["name"]), "value": str(stored["value"] or ""), "priority": int(stored["priority"] or 0),
        "and_or": "or" if stored["and_or"] == "or" else "and", "opening_paren": bool(stored["opening_paren"]),
        "closing_paren": bool(stored["closing_paren"]),
    }  # fmt: skip


def write_smart(server: JamfServer, request: Request, node: int, number: str | None = None) -> Response:
    """POST and PUT of a smart group: worked out over the whole fleet inside the request."""
    server.allow(privilege("Update" if number else "Create", "smart"))
    key = None if number is None else int(seen(server, "smart", number, 0)["id"])
    body = server.json_of(request)
    criteria = server.objects_in({"criteria": [], **body}, "criteria")
    document = {
        "name": checked_name(server, body, key), "description": str(body.get("groupDescription") or ""), "is_smart": "true",
        "site": int(body.get("siteId") or -1), "criteria": [criterion(item) for item in criteria], "mobile_devices": [],
    }  # fmt: skip
    groups.settle(server, groups.MOBILE, document)
    return stored_group(server, document, key, node, "smart")


def stored_group(server: JamfServer, document: dict[str, Any], key: int | None, node: int, kind: str) -> Response:
    store, lag = server.stores[groups.MOBILE], server.settings.node_lag
    server.spend(len(server.devices) * server.settings.fan_out_seconds_per_device)
    if key is None:
        key = store.add(document, node, lag)
        return Response(201, {"id": str(key), "href": f"/api/v1/{GROUPS}/{kind}-groups/{key}"})
    store.put(key, {**document, "id": key}, node, lag)
    return Response(200, described({**document, "id": key}, kind))


def write_static(server: JamfServer, request: Request, node: int, number: str | None = None) -> Response:
    """POST and PATCH of a static group: all three fields must be there, or the server stumbles."""
    server.allow(privilege("Update" if number else "Create", "static"))
    before = None if number is None else seen(server, "static", number, 0)
    body = server.json_of(request)
    if "siteId" not in body:
        raise Refusal(403, "FORBIDDEN", "Forbidden")
    if "groupName" not in body or not isinstance(body.get("assignments"), list):
        raise Refusal(500, "INTERNAL_SERVER_ERROR", "Internal Server Error")
    name = checked_name(server, body, None if before is None else int(before["id"]))
    chosen = set(before["mobile_devices"]) if before else set()
    for item in server.objects_in(body, "assignments"):
        text = str(item.get("mobileDeviceId"))
        device = server.mobiles.get(int(text)) if text.isdigit() else None
        if device is None or not device.managed:
            raise Refusal(400, "INVALID_DEVICE", f"The device {text} can't be a member", "assignments")
        if item.get("selected"):
            chosen.add(device.number)
        else:
            chosen.discard(device.number)
    document = {
        "name": name, "description": str(body.get("groupDescription") or (before or {}).get("description", "")), "is_smart": "false",
        "site": int(body["siteId"] or -1), "criteria": [], "mobile_devices": sorted(chosen),
    }  # fmt: skip
    return stored_group(server, document, None if before is None else int(before["id"]), node, "static")


ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("GET", "v1/auth", whoami),
        ("GET", "v1/jamf-pro-version", version),
        ("GET", "v2/mobile-devices/detail", mobile_devices),
        ("GET", "v[123]/computers-inventory", computers),
        ("GET", r"v2/mobile-devices/(\d+)", mobile_device),
        ("GET", r"v2/mobile-devices/(\d+)/detail", mobile_detail),
        ("GET", r"v[123]/computers-inventory(-detail)?/(\d+)", computer),
        ("GET", rf"v[12]/{GROUPS}/(smart|static)-groups", list_groups),
        ("GET", rf"v[12]/{GROUPS}/(smart|static)-groups/(\d+)", get_group),
        ("DELETE", rf"v[12]/{GROUPS}/(smart|static)-groups/(\d+)", delete_group),
        ("GET", rf"v[12]/{GROUPS}/(smart|static)-group-membership/(\d+)", members),
        ("POST", rf"v[12]/{GROUPS}/smart-groups", write_smart),
        ("PUT", rf"v[12]/{GROUPS}/smart-groups/(\d+)", write_smart),
        ("POST", rf"v[23]/{GROUPS}/static-groups", write_static),
        ("PATCH", rf"v[23]/{GROUPS}/static-groups/(\d+)", write_static),
        ("POST", "v2/mdm/commands", lambda server, request, node: commands.create(server, request)),
        ("GET", "v2/mdm/commands", lambda server, request, node: commands.list_commands(server, request)),
        ("POST", "v2/mdm/blank-push", lambda server, request, node: commands.blank_push(server, request)),
        ("POST", r"v1/ddm/([\w-]+)/sync", lambda server, request, node, key: commands.sync_declarations(server, key)),
        ("GET", r"v1/ddm/([\w-]+)/status-items", lambda server, request, node, key: commands.status_items(server, key)),
    )
]
