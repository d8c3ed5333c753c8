# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups, users and device objects."""

from __future__ import annotations

import re
from typing import Any

from ..exchange import Response
from .call import Call, not_found
from .device import ZERO_GUID, Device
from .errors import directory_refusal
from .fleet import User

FILTERS = frozenset({("displayName", "eq"), ("displayName", "startswith"), ("id", "eq"), ("mailNickname", "eq"), ("deviceId", "eq"),
                     ("userPrincipalName", "eq"), ("userPrincipalName", "startswith"), ("mail", "eq"), ("department", "eq")})  # fmt: skip
DEVICE_ID_CLAUSES = re.compile(r"\s*deviceId eq '[^']*'(\s+or\s+deviceId eq '[^']*')*\s*")


def user_document(user: User) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.user", "id": user.id, "accountEnabled": True, "displayName": user.display_name,
        "userPrincipalName": user.principal_name, "mail": user.principal_name, "department": user.department, "userType": "Member",
    }  # fmt: skip


def device_document(device: Device) -> dict[str, Any]:
    """The directory's object of a device: its id is not its deviceId, and only the latter is Intune's azureADDeviceId."""
    return {
        "@odata.type": "#microsoft.graph.device", "id": device.directory_id, "deviceId": device.azure_id, "displayName": device.name,
        "accountEnabled": True, "isManaged": True, "operatingSystem": device.traits.operating_system,
        "operatingSystemVersion": device.os_version, "manufacturer": device.manufacturer, "model": device.model, "physicalIds": [],
        "deviceOwnership": {"company": "Company", "personal": "Personal"}.get(device.ownership, "Unknown"),
    }  # fmt: skip


def list_users(call: Call) -> Response:
    users = call.tenant.users
    if "$filter" not in call.query:
        return call.page(list(users.values()), lambda user: call.shown("user", user_document(user)), directory=True)
    rows = call.filtered([user_document(user) for user in users.values()], FILTERS, True, "user")
    return call.collection("user", rows, directory=True)


def get_user(call: Call, key: str) -> Response:
    """By id or by principal name."""
    found = call.tenant.users.get(key) or next((user for user in call.tenant.users.values() if user.principal_name == key.lower()), None)
    return call.object("user", user_document(found) if found else None)


def directory_devices(call: Call) -> list[Device]:
    return [device for device in call.tenant.devices.values() if device.azure_id != ZERO_GUID]


def list_directory_devices(call: Call) -> Response:
    devices = directory_devices(call)
    text = call.query.get("$filter")
    if text is None:
        return call.page(devices, lambda device: call.shown("device", device_document(device)), directory=True)
    if DEVICE_ID_CLAUSES.fullmatch(text):
        # The usual question; a big fleet must not be written out for it.
        wanted = {value.lower() for value in re.findall(r"'([^']*)'", text)}
        devices = [device for device in devices if device.azure_id in wanted]
    rows = call.filtered([device_document(device) for device in devices], FILTERS, True, "device")
    return call.collection("device", rows, directory=True)


def get_directory_device(call: Call, key: str) -> Response:
    found = next((device for device in directory_devices(call) if device.directory_id == key), None)
    return call.object("device", device_document(found) if found else None)


def list_groups(call: Call) -> Response:
    rows = call.filtered(call.tenant.stores["groups"].read_all(call.stale), FILTERS, True, "group")
    return call.collection("group", rows, directory=True)


def get_group(call: Call, key: str) -> Response:
    return call.object("group", call.tenant.stores["groups"].read(key, call.stale))


def create_group(call: Call) -> Response:
    body = call.body()
    bound = body.pop("members@odata.bind", []) if isinstance(body, dict) else []
    written = call.contract.check("group", body)
    for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled"):
        if written.get(name) is None:
            raise directory_refusal(400, f"A value is required for property '{name}' of resource 'Group'.", "Request_BadRequest")
    if written["mailEnabled"] or not written["securityEnabled"]:
        raise directory_refusal(400, "The service does not currently support writes of mail-enabled groups.", "Request_BadRequest")
    if len(bound) > 20:
        raise directory_refusal(400, "At most 20 members can be given with a new group.", "Request_BadRequest")
    members = {member_id(call, reference): None for reference in bound}
    key = call.tenant.new_id("groups")
    stored = {
        "description": None, "groupTypes": [], "membershipRule": None, "visibility": None, **written,
        "@odata.type": "#microsoft.graph.group",
        "id": key, "createdDateTime": call.tenant.now(), "deletedDateTime": None,
    }  # fmt: skip
    call.tenant.members[key] = members
    call.tenant.stores["groups"].put(key, stored, call.tenant.settings.group_lag)
    return call.object("group", stored, 201)


def patch_group(call: Call, key: str) -> Response:
    """Also adds up to 20 members at once."""
    existing_group(call, key)
    body = call.body()
    bound = body.pop("members@odata.bind", []) if isinstance(body, dict) else []
    written = call.contract.check("group", body)
    if len(bound) > 20:
        raise directory_refusal(400, "At most 20 members can be added in one request.", "Request_BadRequest")
    for reference in bound:
        add(call, key, member_id(call, reference))
    if written:
        call.tenant.stores["groups"].change(key, 0, **written)
    # The description of the service allows 200 with the group or 204; the service answers 204.
    return Response(204)


def delete_group(call: Call, key: str) -> Response:
    existing_group(call, key)
    call.tenant.stores["groups"].remove(key)
    call.tenant.members.pop(key, None)
    return Response(204)


def existing_group(call: Call, key: str) -> dict[str, None]:
    if call.tenant.stores["groups"].truth(key) is None:
        raise not_found(call.segments)
    return call.tenant.members.setdefault(key, {})


def member_id(call: Call, reference: Any) -> str:
    """The id in a reference to .../directoryObjects/ID, users/ID or devices/ID of something that exists."""
    match = re.search(r"/(?:directoryObjects|users|devices)/([0-9a-fA-F-]{36})$", str(reference))
    if match is None:
        raise directory_refusal(400, f"Invalid object reference: {reference}", "Request_BadRequest")
    key = match.group(1).lower()
    if key not in call.tenant.users and key not in call.tenant.directory_index():
        raise directory_refusal(404, f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
                                "Request_ResourceNotFound")  # fmt: skip
    return key


def add(call: Call, group: str, member: str) -> None:
    members = existing_group(call, group)
    if member in members:
        raise directory_refusal(400, "One or more added object references already exist for the following modified properties: 'members'.",
                                "Request_BadRequest")  # fmt: skip
    before_change(call, group)
    members[member] = None


def before_change(call: Call, group: str) -> None:
    """Readers of the member list may see the past for a while."""
    call.tenant.members_before[group] = dict(call.tenant.members[group])
    call.tenant.member_lag[group] = call.tenant.settings.member_lag


def add_member(call: Call, group: str) -> Response:
    existing_group(call, group)
    body = call.body()
    if not isinstance(body, dict) or set(body) != {"@odata.id"}:
        raise directory_refusal(400, "The body must be one reference, @odata.id.", "Request_BadRequest")
    add(call, group, member_id(call, body["@odata.id"]))
    return Response(204)


def remove_member(call: Call, group: str, member: str) -> Response:
    members = existing_group(call, group)
    if member not in members:
        raise not_found(["groups", member])
    before_change(call, group)
    del members[member]
    return Response(204)


def list_members(call: Call, group: str) -> Response:
    if call.tenant.stores["groups"].read(group, call.stale) is None:
        raise not_found(call.segments)
    index = call.tenant.directory_index()
    members = call.tenant.members.get(group, {})
    if call.stale or call.tenant.member_lag.get(group, 0) > 0:
        call.tenant.member_lag[group] = call.tenant.member_lag.get(group, 0) - 1
        members = call.tenant.members_before.get(group, members)
    rows = []
    for member in members:
        if member in call.tenant.users:
            rows.append(user_document(call.tenant.users[member]))
        elif member in index:
            rows.append(device_document(index[member]))
    return call.page(rows, lambda row: call.shown(str(row["@odata.type"]).removeprefix("#microsoft.graph."), row), directory=True)
