# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests may do behind the APIs: as users of devices, as other administrators."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from . import classic, groups
from .check_in import check_in, send_inventory
from .device import KINDS, App, Device
from .fleet import make_device, tiktok
from .resources import RESOURCES

if TYPE_CHECKING:
    from .jamf_server import JamfServer

PATCHABLE = {
    item.name for item in fields(Device)
} - {"number", "kind", "apps", "record", "profiles", "sent", "sent_apps", "effects", "declarations_synced"}  # fmt: skip


def selected_devices(server: JamfServer, selector: Any) -> list[Device]:
    """By key ("m7", "c3"), serial, UDID or management id, "all", a list of these, or attributes such as {"kind": "mac_supervised"}."""
    if selector == "all":
        return list(server.devices.values())
    if isinstance(selector, list):
        return [device for item in selector for device in selected_devices(server, item)]
    if isinstance(selector, dict):
        return [device for device in server.devices.values() if all(getattr(device, name) == value for name, value in selector.items())]
    if selector in server.devices:
        return [server.devices[selector]]
    found = [item for item in server.devices.values() if selector and selector in (item.serial, item.udid, item.management_id)]
    if not found:
        raise ValueError(f"no device {selector!r}")
    return found


def carry_out(server: JamfServer, order: dict[str, Any]) -> dict[str, Any]:
    """One operation on devices: {op, device, ...}. Returns the keys it touched and what it was refused."""
    operation = order["op"]
    if operation == "enroll":
        return {"op": operation, "devices": [enroll(server, order).key], "refused": []}
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: enroll, {', '.join(OPERATIONS)}")
    touched, refused = [], []
    for device in selected_devices(server, order["device"]):
        reason = OPERATIONS[operation](server, device, order)
        if reason is None:
            touched.append(device.key)
        else:
            refused.append({"device": device.key, "reason": reason})
    return {"op": operation, "devices": touched, "refused": refused}


def patch(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    for name, value in order["set"].items():
        if name not in PATCHABLE:
            raise ValueError(f"can't set {name!r} of a device; known: {', '.join(sorted(PATCHABLE))}")
        setattr(device, name, value)
    return None


def app_of(device: Device, order: dict[str, Any]) -> App:
    """The app of an order: "tiktok", or {id, name, version, managed, file}."""
    if order["app"] == "tiktok":
        return tiktok(device.traits.platform, managed=order.get("managed", False))
    return App(**order["app"])


def install(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The user installs an app. A block hides it and doesn't keep it away."""
    app = app_of(device, order)
    if app.id not in {other.id for other in device.apps}:
        device.apps.append(app)
    return None


def installed(device: Device, order: dict[str, Any]) -> list[App]:
    wanted = "TikTok" if order["app"] == "tiktok" else order["app"]
    return [app for app in device.apps if wanted in (app.id, app.name)]


def remove(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The user deletes an app, given by id or name; "tiktok" means TikTok."""
    gone = installed(device, order)
    device.apps = [app for app in device.apps if app not in gone]
    return None if gone else "not installed"


def launch(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The user opens an app; restricted software acts now, and only now."""
    found = installed(device, order)
    if not found:
        return "not installed"
    app = found[0]
    if device.is_hidden(app):
        return "hidden by a restriction"
    matching = [restriction for restriction in device.effects.restrictions if restriction.matches(app)]
    if any(restriction.delete for restriction in matching):
        device.apps.remove(app)
        return "deleted by restricted software"
    return "killed by restricted software" if device.is_killed(app) else None


def rename_app(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The user of a Mac gives an app's bundle another name: {app, file}."""
    found = installed(device, order)
    if not found or not device.is_mac:
        return "not installed"
    device.apps[device.apps.index(found[0])] = found[0]._replace(file=order["file"])
    return None


def order_check_in(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    if not device.managed:
        return "not managed"
    check_in(server, device)
    return None


def order_inventory(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    send_inventory(server, device)
    return None


def unenroll(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The device leaves: its profiles go, and so does its record."""
    server.forget(device)
    return None


OPERATIONS: dict[str, Callable[[JamfServer, Device, dict[str, Any]], str | None]] = {
    "patch": patch, "install": install, "remove": remove, "launch": launch, "rename_app": rename_app, "check_in": order_check_in,
    "inventory": order_inventory, "unenroll": unenroll,
}  # fmt: skip


def enroll(server: JamfServer, order: dict[str, Any]) -> Device:
    """A new device: {op: enroll, kind, serial?, apps?, set?}. It has sent an inventory and hasn't checked in yet."""
    if order["kind"] not in KINDS:
        raise ValueError(f"unknown kind {order['kind']!r}; known: {', '.join(KINDS)}")
    mac = KINDS[order["kind"]].platform == "macos"
    number = max([device.number for device in server.devices.values() if device.is_mac == mac], default=0) + 1
    # A place without gaps in the record.
    device = make_device(number, 34 * 23 * 7, order["kind"], False, random.Random(f"enrolled-{server.seed}-{mac}-{number}"))
    device.name = f"new-{device.key}"
    device.serial = order.get("serial", f"NEW{device.key.upper()}")
    device.enrolled = device.last_check_in = server.clock.now
    device.managed, device.agent, device.online = True, mac, True
    patch(server, device, {"set": order.get("set", {})})
    for app in order.get("apps", []):
        install(server, device, {"app": app})
    server.enlist(device)
    send_inventory(server, device)
    return device


def change(server: JamfServer, order: dict[str, Any]) -> dict[str, Any]:
    """One order to other administrators: see ORDERS for the kinds."""
    unknown = set(order) - set(ORDERS)
    if unknown:
        raise ValueError(f"unknown orders: {', '.join(sorted(unknown))}; known: {', '.join(ORDERS)}")
    return {name: ORDERS[name](server, content) for name, content in order.items()}


def everything_allowed(server: JamfServer, work: Callable[[], Any]) -> Any:
    """Other administrators have privileges of their own."""
    ours = server.settings.privileges
    server.settings.privileges = type(server.settings)().privileges
    try:
        return work()
    finally:
        server.settings.privileges = ours


def plant(server: JamfServer, content: dict[str, Any]) -> int:
    """{path, xml}: an object made in the web interface. Returns its id."""
    resource = RESOURCES[content["path"]]
    return int(everything_allowed(server, lambda: classic.save(server, resource, content["xml"].encode(), None, 0)))


def patch_object(server: JamfServer, content: dict[str, Any]) -> None:
    """{path, id, xml}: somebody changes what the XML names, of our objects too."""
    resource = RESOURCES[content["path"]]
    before = server.stores[resource.path].objects[content["id"]]
    everything_allowed(server, lambda: classic.save(server, resource, content["xml"].encode(), before, 0))


def remove_object(server: JamfServer, content: dict[str, Any]) -> None:
    """{path, id}: somebody deletes it."""
    server.stores[content["path"]].remove(content["id"])


def make_group(server: JamfServer, content: dict[str, Any]) -> int:
    """{name, members?}: a static group of mobile devices, or of Macs with {"macs": true}. Returns its id."""
    path = groups.MACS if content.get("macs") else groups.MOBILE
    members = sorted(device.number for name in content.get("members", []) for device in selected_devices(server, name))
    group = {"name": content["name"], "is_smart": "false", "site": -1, "criteria": [], groups.members_name(path): members}
    return server.stores[path].add(group)


def change_settings(server: JamfServer, content: dict[str, Any]) -> None:
    """Any of the names in settings.py."""
    server.settings.update(content)


def revoke_tokens(server: JamfServer, _content: Any) -> None:
    """Every token issued so far is refused from now on."""
    server.identities.revoke_all()


ORDERS: dict[str, Callable[[JamfServer, Any], Any]] = {
    "plant": plant, "patch": patch_object, "remove": remove_object, "group": make_group, "settings": change_settings,
    "revoke_tokens": revoke_tokens,
}  # fmt: skip
