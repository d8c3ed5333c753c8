# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MDM commands: queued here, carried out at the device's next check-in (Jamf Pro fact sheet, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..clock import instant
from ..exchange import Request, Response
from .device import Device
from .errors import NOT_FOUND, ClassicRefusal, Refusal, conflict, stable_id
from .groups import MACS, MOBILE, members_name
from .inventory import paged
from .privileges import BLANK_PUSH, COMMANDS, COMPUTER_COMMANDS, FLUSH

if TYPE_CHECKING:
    from .jamf_server import JamfServer

FIELDS = {
    "uuid": lambda row: row["uuid"], "clientManagementId": lambda row: row["client"]["managementId"],
    "command": lambda row: row["commandType"], "status": lambda row: row["commandState"],
    "active": lambda row: row["commandState"] == "PENDING",
}  # fmt: skip
FLUSHABLE = {"Pending": {"PENDING"}, "Failed": {"ERROR"}, "Pending+Failed": {"PENDING", "ERROR"}}


def queue(server: JamfServer, device: Device, kind: str, state: str = "PENDING") -> dict[str, Any]:
    """Put a command into a device's queue, or into its history."""
    server.commands_given += 1
    uuid = stable_id("command", server.seed, server.commands_given)
    command = {
        "uuid": uuid, "dateSent": instant(server.clock.now), "client": {"managementId": device.management_id}, "commandState": state,
        "commandType": kind, "device": device.key,
    }  # fmt: skip
    server.commands.append(command)
    if state == "PENDING":
        server.pending.setdefault(device.key, []).append(command)
    return command


def unknown_client(management_id: str) -> Refusal:
    return Refusal(400, "INVALID_ID", f"No device has the management id {management_id}", "managementId")


def by_management_id(server: JamfServer, text: str) -> Device:
    device = server.by_management_id().get(text)
    if device is None:
        raise unknown_client(text)
    return device


def create(server: JamfServer, request: Request) -> Response:
    """POST /api/v2/mdm/commands: one command for many devices, with one privilege per type."""
    if server.gateway:
        raise Refusal(403, "FORBIDDEN", "The gateway does not proxy this path")
    body = server.json_of(request)
    [data] = server.objects_in({"commandData": [body.get("commandData")]}, "commandData")
    kind = str(data.get("commandType"))
    if kind not in COMMANDS:
        raise Refusal(400, "INVALID_COMMAND_TYPE", f"{kind} can't be created here", "commandData.commandType")
    server.allow(COMMANDS[kind])
    clients = server.objects_in({"clientData": [], **body}, "clientData")
    if not clients:
        raise Refusal(400, "REQUIRED_FIELD", "clientData is required", "clientData")
    known = server.by_management_id()
    devices = []
    for client in clients:
        wanted = str(client.get("managementId"))
        if wanted not in known:
            raise unknown_client(wanted)
        devices.append(known[wanted])
    made = [queue(server, device, kind) for device in devices]
    return Response(201, [{"id": item["uuid"], "href": f"/api/v2/mdm/commands?filter=uuid=={item['uuid']}"} for item in made])


def list_commands(server: JamfServer, request: Request) -> Response:
    """GET /api/v2/mdm/commands."""
    server.allow("Read Mobile Devices")
    total, page = paged(server, request, list(server.commands), FIELDS, "uuid:asc")
    return Response(200, {"totalCount": total, "results": [{k: v for k, v in row.items() if k != "device"} for row in page]})


def blank_push(server: JamfServer, request: Request) -> Response:
    """POST /api/v2/mdm/blank-push; ids that nobody has come back as errors."""
    server.allow(BLANK_PUSH)
    known = {device.management_id for device in server.devices.values() if device.managed}
    wanted = server.json_of(request).get("clientManagementIds") or []
    return Response(200, {"errorUuids": [item for item in wanted if item not in known]})


def sync_declarations(server: JamfServer, management_id: str) -> Response:
    """POST /api/v1/ddm/{clientManagementId}/sync."""
    server.allow(COMMANDS["DECLARATIVE_MANAGEMENT"])
    queue(server, by_management_id(server, management_id), "DECLARATIVE_MANAGEMENT")
    return Response(204)


def status_items(server: JamfServer, management_id: str) -> Response:
    """GET /api/v1/ddm/{clientManagementId}/status-items. Status never tells of apps that users installed."""
    server.allow("Read Mobile Devices")
    device = by_management_id(server, management_id)
    if device.declarations_synced is None:
        return Response(200, {"statusItems": []})
    when = instant(device.declarations_synced)
    values = {"device.operating-system.version": device.os_version, "device.identifier.serial-number": device.serial}
    return Response(200, {"statusItems": [{"key": key, "value": value, "lastUpdateTime": when} for key, value in values.items()]})


def flush(server: JamfServer, parts: list[str]) -> Response:
    """DELETE /JSSResource/commandflush/{devices or groups}/id/{id}/status/{Pending, Failed or both}."""
    server.allow_classic(FLUSH)
    if len(parts) != 5 or parts[1] != "id" or parts[3] != "status" or not parts[2].isdigit():
        raise ClassicRefusal(404, NOT_FOUND)
    states = FLUSHABLE.get(unquote(parts[4]))
    if states is None:
        raise ClassicRefusal(400, "Error: the status must be Pending, Failed or Pending+Failed")
    number = int(parts[2])
    keys: set[str] = set()
    if parts[0] in ("mobiledevices", "computers"):
        keys = {f"{'m' if parts[0] == 'mobiledevices' else 'c'}{number}"} & set(server.devices)
    else:
        path = {"mobiledevicegroups": MOBILE, "computergroups": MACS}.get(parts[0])
        group = server.stores[path].objects.get(number) if path else None
        if path is not None and group is not None:
            keys = {f"{'m' if path == MOBILE else 'c'}{member}" for member in group[members_name(path)]}
    if not keys:
        raise ClassicRefusal(404, NOT_FOUND)
    server.commands = [item for item in server.commands if item["device"] not in keys or item["commandState"] not in states]
    if "PENDING" in states:
        for key in keys:
            server.pending.pop(key, None)
    text = f"<commandflush><status>{unquote(parts[4])}</status></commandflush>"
    return Response(200, headers={"Content-Type": "application/xml"}, body=text.encode())


def computer_command(server: JamfServer, parts: list[str]) -> Response:
    """POST /JSSResource/computercommands/command/{Command}/id/{ids}."""
    server.allow_classic(COMPUTER_COMMANDS)
    if len(parts) != 4 or parts[0] != "command" or parts[2] != "id":
        raise ClassicRefusal(404, NOT_FOUND)
    devices = []
    for text in parts[3].split(","):
        device = server.devices.get(f"c{text}")
        if device is None or not device.managed:
            raise conflict(f"Problem with computer {text}")
        devices.append(device)
    rows = "".join(
        f"<command><name>{parts[1]}</name><command_uuid>{queue(server, device, parts[1])['uuid']}</command_uuid></command>"
        for device in devices
    )
    body = f"<computer_command>{rows}</computer_command>"
    return Response(201, headers={"Content-Type": "application/xml"}, body=body.encode())
