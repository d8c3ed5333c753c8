# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests may do behind the APIs: as users of devices, as other administrators."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..clock import parse_instant
from . import classic, groups
from .check_in import check_in, send_inventory
from .device import KINDS, ODD_SECTIONS, App, Device, Effects
from .errors import stable_id
from .fleet import SYSTEM_APPS, WORK_APP, make_device, tiktok
from .resources import RESOURCES
from .truth import truth_of

if TYPE_CHECKING:
    from .jamf_server import JamfServer

PATCHABLE = {
    item.name for item in fields(Device)
} - {"number", "kind", "apps", "record", "profiles", "sent", "sent_apps", "effects", "declarations_synced", "shell", "spelled", "received",
     "earlier"}  # fmt: skip


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
    found = found or [item for key, item in server.ghosts.items() if selector and selector in (key, item.serial, item.udid)]
    if not found:
        raise ValueError(f"no device {selector!r}")
    return found


def carry_out(server: JamfServer, order: dict[str, Any]) -> dict[str, Any]:
    """One operation on devices: {op, device, ...}. Returns the keys it touched and what it was refused."""
    operation = order["op"]
    if operation == "enroll":
        return {"op": operation, "devices": [enroll(server, order).key], "refused": []}
    if operation == "reenroll":
        return {"op": operation, "devices": [reenroll(server, each, order).key for each in selected_devices(server, order["device"])],
                "refused": []}  # fmt: skip
    if operation == "look":
        found = {device.key: truth_of(server, device) for device in selected_devices(server, order["device"])}
        return {"op": operation, "devices": list(found), "refused": [], "truth": found}
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: enroll, reenroll, look, {', '.join(OPERATIONS)}")
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
        if name == "odd_sections" and not set(value.values()) <= ODD_SECTIONS:
            raise ValueError(f"a section can only be {', '.join(sorted(ODD_SECTIONS))}")
        if isinstance(getattr(device, name), datetime) and isinstance(value, str):
            value = parse_instant(value)
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
    if app.id is None or app.id not in {other.id for other in device.apps}:
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
    if device.key not in server.devices or server.devices[device.key] is not device:
        return "no record"
    if device.shell:
        return "no device"
    check_in(server, device)
    return None


def order_inventory(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    if not device.sends_inventory or device.shell:
        return "sends no inventory"
    send_inventory(server, device)
    return None


def misreport(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """Inventories spell an app differently from what it is: {app, set: {id?, name?, file?}, drop?: [those that a row leaves out]}.

    "mark" in the place of a spelling puts an invisible mark before it, "case" turns its letters' case. The device isn't touched.
    """
    found = installed(device, order)
    if not found:
        return "not installed"
    for app in found:
        spelling: dict[str, Any] = {}
        for name, value in order.get("set", {}).items():
            if name not in ("id", "name", "file", "version"):
                raise ValueError(f"can't spell {name!r} of an app")
            real = str(getattr(app, name))
            spelling[name] = f"\u200e{real}" if value == "mark" else real.swapcase() if value == "case" else value
        spelling["dropped"] = tuple(order.get("drop", ()))
        before = app._replace(**device.spelled.get(app.id, {}))
        device.spelled[app.id] = spelling
        known = tuple(app._replace(**spelling) if row == before else row for row in device.record.apps)
        device.record = device.record._replace(apps=known)
    groups.recalculate(server, device)
    return None


def unmanage(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The user removes the management profile, and everything goes with it; the record stays and says so."""
    if not device.managed:
        return "not managed"
    device.leave()
    device.managed = False
    groups.recalculate(server, device)
    return None


def delete_record(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """An administrator deletes the record. The device keeps what it has, and nothing can reach it any more."""
    if device.key not in server.devices:
        return "no record"
    server.forget(device)
    server.pending.pop(device.key, None)
    server.ghosts[device.key] = device
    return None


def unenroll(server: JamfServer, device: Device, order: dict[str, Any]) -> str | None:
    """The device leaves: its profiles go, and so does its record."""
    server.forget(device)
    return None


OPERATIONS: dict[str, Callable[[JamfServer, Device, dict[str, Any]], str | None]] = {
    "patch": patch, "install": install, "remove": remove, "launch": launch, "rename_app": rename_app, "check_in": order_check_in,
    "inventory": order_inventory, "unenroll": unenroll, "misreport": misreport, "unmanage": unmanage, "delete_record": delete_record,
}  # fmt: skip


def enroll(server: JamfServer, order: dict[str, Any]) -> Device:
    """A new device: {op: enroll, kind, serial?, apps?, set?}. It has sent an inventory and hasn't checked in yet."""
    if order["kind"] not in KINDS:
        raise ValueError(f"unknown kind {order['kind']!r}; known: {', '.join(KINDS)}")
    mac = KINDS[order["kind"]].platform == "macos"
    number = server.new_number(mac)
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
    device.earlier = None
    return device


def reenroll(server: JamfServer, device: Device, order: dict[str, Any]) -> Device:
    """A device enrolls again: {record?, wipe?, set?}. It is the same by serial number and UDID and has another management id.

    record: what becomes of the record of before. "gone" (deleted) and the device gets a new id; "unmanaged" or "managed" stay in the
    inventory as they were last and belong to no device; "same" is taken over with its id.
    wipe: apps of the user are gone, too.
    """
    kept = order.get("record", "gone")
    if kept not in ("gone", "unmanaged", "managed", "same"):
        raise ValueError(f"a record of before can't be {kept!r}")
    device.leave()
    server.pending.pop(device.key, None)
    own = [*SYSTEM_APPS[device.traits.platform], WORK_APP[device.traits.platform]]
    server.reenrolled += 1
    new = replace(
        device,
        number=device.number if kept == "same" else server.new_number(device.is_mac),
        management_id=stable_id("reenrolled", server.seed, server.reenrolled),
        enrolled=server.clock.now,
        last_check_in=server.clock.now,
        managed=True,
        online=True,
        shell=False,
        apps=[app for app in device.apps if app in own] if order.get("wipe") else list(device.apps),
        profiles={},
        sent={},
        sent_apps={},
        effects=Effects(),
        spelled=dict(device.spelled),
        earlier=None,
    )
    if kept in ("unmanaged", "managed"):
        device.shell, device.online, device.managed, device.apps = True, False, kept == "managed", []
        groups.recalculate(server, device)
    elif device.key in server.devices and kept == "gone":
        server.forget(device)
    server.ghosts.pop(device.key, None)
    patch(server, new, {"set": order.get("set", {})})
    server.enlist(new)
    send_inventory(server, new)
    new.earlier = None
    return new


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
    if any(name.startswith("throttle_") for name in content):
        server.throttle = [server.settings.throttle_after, server.settings.throttle_refusals]


def revoke_tokens(server: JamfServer, _content: Any) -> None:
    """Every token issued so far is refused from now on."""
    server.identities.revoke_all()


ORDERS: dict[str, Callable[[JamfServer, Any], Any]] = {
    "plant": plant, "patch": patch_object, "remove": remove_object, "group": make_group, "settings": change_settings,
    "revoke_tokens": revoke_tokens,
}  # fmt: skip
