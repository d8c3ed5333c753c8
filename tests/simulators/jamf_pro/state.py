# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole server as plain data, for tests that compare before and after."""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING, Any

from ..clock import instant
from .classic import describe
from .device import Device
from .resources import RESOURCES
from .truth import truth_of

if TYPE_CHECKING:
    from .jamf_server import JamfServer

IDENTITY = ("PayloadUUID", "PayloadIdentifier")


def described(server: JamfServer) -> dict[str, Any]:
    """Equal servers give equal JSON once "volatile" is dropped."""
    objects: dict[str, list[dict[str, Any]]] = {}
    volatile: dict[str, dict[str, Any]] = {}
    for path, resource in RESOURCES.items():
        objects[path] = []
        for stored in server.stores[path]:
            item = describe(server, resource, stored)
            if "payloads" in item.get("general", {}):
                general = item["general"]
                volatile[f"{path}/{stored['id']}"] = {"uuid": general.pop("uuid"), "rounds": stored["round"]}
                profile = plistlib.loads(general.pop("payloads").encode())
                general["profile"] = {key: value for key, value in profile.items() if key not in IDENTITY}
                general["profile"]["PayloadContent"] = [
                    {key: value for key, value in payload.items() if key not in IDENTITY} for payload in profile["PayloadContent"]
                ]
            objects[path].append({**item, **({"description": stored["description"]} if "description" in stored else {})})
    return {
        "devices": [describe_device(device) for device in server.devices.values()],
        "objects": objects,
        "truth": {device.key: truth_of(server, device) for device in (*server.devices.values(), *server.ghosts.values())},
        "volatile": {
            "now": instant(server.clock.now),
            "virtual_seconds": round(server.seconds, 3),
            "objects": volatile,
            "devices": {
                device.key: {
                    "last_check_in": instant(device.last_check_in),
                    "last_inventory": instant(device.last_inventory),
                    "profile_identifiers": sorted(device.profiles),
                }
                for device in server.devices.values()
            },
            "commands": [dict(command) for command in server.commands],
            "tokens_issued": server.identities.issued,
        },
    }


def describe_device(device: Device) -> dict[str, Any]:
    """What a person with the device in hand and the web interface open would see."""
    effects = device.effects
    return {
        "key": device.key, "id": device.number, "name": device.name, "serial": device.serial, "udid": device.udid,
        "management_id": device.management_id, "kind": device.kind, "platform": device.traits.platform,
        "ownership": device.traits.ownership, "supervised": device.supervised, "managed": device.managed, "online": device.online,
        "agent": device.agent, "os_version": device.os_version, "user": device.user, "department": device.department,
        "building": device.building, "apps": device.describe_apps(), "reported_apps": [app.id for app in device.record.apps],
        "profiles": sorted(profile.name for profile in device.profiles.values()),
        "failed_profiles": sorted(f"{path}/{number}" for (path, number), sent in device.sent.items() if sent.status == "failed"),
        "denied_urls": list(effects.denied_urls), "conflicts": bool(effects.conflicts),
        "restricted_software": [restriction._asdict() for restriction in effects.restrictions],
    }  # fmt: skip
