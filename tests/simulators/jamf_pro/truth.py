# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of a device, whatever the server knows or says of it: read from the simulated device itself.

Inventories, faults and the account's rights have no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .check_in import wanted_apps, wanted_profiles, wanted_restrictions
from .device import Device, by_name

if TYPE_CHECKING:
    from .jamf_server import JamfServer


def truth_of(server: JamfServer, device: Device) -> dict[str, Any]:
    """One device: what is on it and opens, what has arrived of the server's objects, and what its next check-in will bring or take."""
    return {
        "id": device.number, "platform": device.traits.platform, "serial": device.serial, "managed": device.managed,
        "online": device.online, "record": server.devices.get(device.key) is device, "device": not device.shell,
        "apps": [
            {"id": app.id, "name": app.name, "file": app.file, "managed": app.managed, "opens": not device.why_not(app),
             "why": device.why_not(app)}
            for app in sorted(device.apps, key=by_name)
        ],
        "profiles": arrived_profiles(device),
        "restricted_software": [f"restrictedsoftware/{number}" for number in sorted(device.received)],
        "app_records": [f"mobiledeviceapplications/{number}" for number in sorted(device.sent_apps)],
        "blocked": sorted(device.effects.hidden), "denied_urls": list(device.effects.denied_urls),
        "refused": sorted(written(key) for key, sent in device.sent.items() if sent.status == "failed"),
        "pending": pending(server, device),
        "commands": [command["commandType"] for command in server.pending.get(device.key, [])],
    }  # fmt: skip


def written(key: tuple[str, int]) -> str:
    return f"{key[0]}/{key[1]}"


def arrived_profiles(device: Device) -> list[dict[str, Any]]:
    """The profiles on a device, with the object that each is of; None for one that nothing will take away any more."""
    objects = {sent.identifier: written(key) for key, sent in device.sent.items() if sent.status == "installed"}
    found = [{"object": objects.get(identifier), "name": profile.name} for identifier, profile in device.profiles.items()]
    return sorted(found, key=lambda item: (item["object"] or "", item["name"]))


def pending(server: JamfServer, device: Device) -> list[dict[str, str]]:
    """What the next check-in will change: nothing where the server can't reach the device any more."""
    if not device.managed or device.shell or server.devices.get(device.key) is not device:
        return []
    changes = {}
    wanted = wanted_profiles(server, device)
    for key, stored in wanted.items():
        sent = device.sent.get(key)
        if sent is None or sent.round < stored["round"]:
            changes[written(key)] = "install" if sent is None else "update"
    changes.update({written(key): "remove" for key, sent in device.sent.items() if key not in wanted and sent.status == "installed"})
    if not device.is_mac:
        apps = wanted_apps(server, device)
        changes.update({f"mobiledeviceapplications/{number}": "install" for number in apps if number not in device.sent_apps})
        changes.update({f"mobiledeviceapplications/{number}": "remove" for number in device.sent_apps if number not in apps})
    records = wanted_restrictions(server, device) if device.is_mac and device.agent else {}
    here = dict(zip(device.received, device.effects.restrictions, strict=True))
    for number in {*records, *here}:
        if records.get(number) != here.get(number):
            change = "remove" if number not in records else "update" if number in here else "install"
            changes[f"restrictedsoftware/{number}"] = change
    return [{"object": name, "change": changes[name]} for name in sorted(changes)]
