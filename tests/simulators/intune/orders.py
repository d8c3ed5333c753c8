# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests may do to the tenant behind Graph's back: as users of devices, as other administrators, as time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from ..clock import parse_instant
from . import management
from .assigning import completed
from .baseline import plant, plant_group
from .check_in import check_in
from .device import KINDS, App, Device
from .errors import stable_id
from .fleet import User, installed_apps, make_device, tiktok

if TYPE_CHECKING:
    import random

    from .tenant import Tenant

PATCHABLE = {item.name for item in fields(Device)} - {
    "apps",
    "reported",
    "effects",
    "failing",
    "violations",
    "notifications",
    "actions",
    "arrived",
    "replaced_by",
    "id",
}


def instant_of(value: Any) -> datetime:
    return value if isinstance(value, datetime) else parse_instant(str(value))


# Graph's names of what can be set, and what is checked.
GRAPH_NAMES = {
    "managementAgent": "agent", "managementState": "management_state", "configurationManagerClientEnabledFeatures": "workloads",
}  # fmt: skip
CHECKS: dict[str, Callable[[Any], Any]] = {
    "agent": management.checked_agent, "management_state": management.checked_state, "workloads": management.checked_workloads,
    "enrolled": instant_of, "last_sync": instant_of, "last_inventory": instant_of,
}  # fmt: skip


def selected_devices(tenant: Tenant, selector: Any) -> list[Device]:
    """By id, by serial, "all", a list of these, or a mapping of attributes such as {"kind": "ios_supervised"}."""
    if selector == "all":
        return list(tenant.devices.values())
    if isinstance(selector, list):
        return [device for item in selector for device in selected_devices(tenant, item)]
    if isinstance(selector, dict):
        return [device for device in tenant.devices.values() if all(getattr(device, name) == value for name, value in selector.items())]
    if selector in tenant.devices:
        return [tenant.devices[selector]]
    found = [device for device in tenant.devices.values() if device.serial == selector]
    if not found:
        raise ValueError(f"no device {selector!r}")
    return found


def carry_out(tenant: Tenant, order: dict[str, Any]) -> dict[str, Any]:
    """One operation on devices: {op, device, ...}. Returns the ids it touched and what it was refused."""
    operation = order["op"]
    if operation == "enroll":
        return {"op": operation, "devices": [enroll(tenant, order).id], "refused": []}
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: enroll, {', '.join(OPERATIONS)}")
    touched, refused = [], []
    for device in selected_devices(tenant, order["device"]):
        reason = OPERATIONS[operation](tenant, device, order)
        if reason is None:
            touched.append(device.id)
        else:
            refused.append({"device": device.id, "reason": reason})
    return {"op": operation, "devices": touched, "refused": refused}


def patch(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    for said, value in order["set"].items():
        name = GRAPH_NAMES.get(said, said)
        if name not in PATCHABLE:
            raise ValueError(f"can't set {said!r} of a device; known: {', '.join(sorted([*PATCHABLE, *GRAPH_NAMES]))}")
        setattr(device, name, CHECKS.get(name, lambda content: content)(value))
    tenant.forget_directory_index()
    return None


def app_of(device: Device, order: dict[str, Any]) -> App:
    """The app of an order: "tiktok", or {id, name, version, publisher, package, store_id, managed, profile, listed_as}.

    listed_as, in the order or in the app: how inventories spell its name, null included.
    """
    app = plain_app_of(device, order)
    return app._replace(listed_as=order["listed_as"]) if "listed_as" in order else app


def plain_app_of(device: Device, order: dict[str, Any]) -> App:
    default_profile = "work" if device.kind in ("android_fully_managed", "android_dedicated") else "personal"
    profile = order.get("profile", default_profile)
    if order["app"] == "tiktok":
        return tiktok(device.platform, "28.1.0", profile, order.get("managed", False))
    return App(**{"profile": profile, **order["app"]})


def install(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The user installs an app, unless something on the device prevents it."""
    app = app_of(device, order)
    reason = device.why_not_installable(app)
    if reason is None and app.id not in {other.id for other in device.apps if other.profile == app.profile}:
        device.apps.append(app)
    return reason


def is_meant(app: App, order: dict[str, Any]) -> bool:
    return ("TikTok" if order["app"] == "tiktok" else order["app"]) in (app.id, app.name)


def list_as(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """From its next inventory on the device spells an app's name otherwise: {app, name}; null is a name, too."""
    if not any(is_meant(app, order) for app in device.apps):
        return "not installed"
    device.apps = [app._replace(listed_as=order["name"]) if is_meant(app, order) else app for app in device.apps]
    return None


def remove(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The user deletes an app, given by id or name; "tiktok" means TikTok."""
    kept = [app for app in device.apps if not is_meant(app, order)]
    if len(kept) == len(device.apps):
        return "not installed"
    device.apps = kept
    return None


def order_check_in(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    check_in(tenant, device)
    return None


def order_inventory(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The device sends its list of apps now, if it can. A contact alone sends it when seven days are over."""
    if not device.sends_inventory:
        return "sends no inventory"
    if management.INVENTORY not in management.let_through(device):
        return "what manages the device takes no inventory"
    tenant.inventory.upload(device, device.apps)
    device.last_inventory = tenant.clock.now
    return None


def no_inventory(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The device has never sent a list of apps, and sends none."""
    tenant.inventory.forget(device)
    device.sends_inventory = False
    return None


def unenroll(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The device leaves the management, and with it what the management brought; the record is gone."""
    tenant.inventory.forget(device)
    del tenant.devices[device.id]
    device.leave()
    tenant.departed[device.id] = device
    tenant.forget_directory_index()
    return None


def remove_work_apps(tenant: Tenant, device: Device, order: dict[str, Any]) -> str | None:
    """The user takes every work app off a personal device."""
    device.apps = [app for app in device.apps if not app.managed]
    device.removed_work_apps = True
    return None


OPERATIONS = {
    "patch": patch, "install": install, "remove": remove, "check_in": order_check_in, "inventory": order_inventory, "unenroll": unenroll,
    "remove_work_apps": remove_work_apps, "list_as": list_as, "no_inventory": no_inventory,
}  # fmt: skip


class NoChance:
    """Stands in for the fleet's generator: a device that a test enrols is made of what the test says."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def random(self) -> float:
        return 1.0

    def randint(self, low: int, _high: int) -> int:
        return low

    def choice(self, values: list[Any]) -> Any:
        return values[0]

    def getrandbits(self, _bits: int) -> int:
        return int(self.tenant.new_id("device").replace("-", ""), 16)


def enroll(tenant: Tenant, order: dict[str, Any]) -> Device:
    """A new device: {op: enroll, kind, user?, serial?, apps?, set?, inventory?}. It hasn't checked in yet.

    replaces: the device enrols again, under new ids, and its old record is gone. Kind, user, serial number and the user's own apps are the
        old one's unless the order says otherwise; with wiped: true the apps are gone.
    inventory: false: it has sent no list of apps yet, and sends none.
    """
    old = None
    if "replaces" in order:
        [old] = selected_devices(tenant, order["replaces"])
        unenroll(tenant, old, {})
        order = {"kind": old.kind, "serial": old.serial, "user": old.user, **order}
    if order["kind"] not in KINDS:
        raise ValueError(f"unknown kind {order['kind']!r}; known: {', '.join(KINDS)}")
    user = tenant.users.get(order.get("user") or "") or (None if "user" in order else new_user(tenant))
    chance = cast("random.Random", NoChance(tenant))
    # The number decides about gaps in the record; this one has none.
    device = make_device(1, order["kind"], user, False, chance)
    device.serial = order.get("serial", f"NEW{tenant.ids_given:06d}")
    device.name = f"new-{tenant.ids_given:06d}"
    device.enrolled = device.last_sync = device.last_inventory = tenant.clock.now
    device.apps = installed_apps(order["kind"], False, chance)
    if old is not None:
        old.replaced_by = device.id
        device.ownership, device.supervised = old.ownership, old.supervised
        device.model, device.manufacturer, device.os_version = old.model, old.manufacturer, old.os_version
        if not order.get("wiped"):
            had = {app.id for app in device.apps}
            device.apps += [app for app in old.apps if app.id not in had]
    tenant.devices[device.id] = device
    # What was reported before a device was this one counts for nothing.
    device.reported = ()
    if order.get("set"):
        patch(tenant, device, order)
    for app in order.get("apps", []):
        install(tenant, device, {"app": app})
    if order.get("inventory", True) and device.sends_inventory:
        tenant.inventory.upload(device, device.apps)
    else:
        device.sends_inventory = False
    tenant.forget_directory_index()
    return device


def new_user(tenant: Tenant) -> User:
    number = len(tenant.users) + 1
    user = User(stable_id("user", tenant.seed, number), number)
    tenant.users[user.id] = user
    return user


def change(tenant: Tenant, order: dict[str, Any]) -> dict[str, Any]:
    """One order to other administrators: see ORDERS for the kinds."""
    unknown = set(order) - set(ORDERS)
    if unknown:
        raise ValueError(f"unknown orders: {', '.join(sorted(unknown))}; known: {', '.join(ORDERS)}")
    return {name: ORDERS[name](tenant, content) for name, content in order.items()}


def plant_object(tenant: Tenant, content: dict[str, Any]) -> str:
    """{path, body, assignments?}: an object of an administrator's own. Returns its id."""
    return plant(tenant, content["path"], content["body"], content.get("assignments", []))


def patch_object(tenant: Tenant, content: dict[str, Any]) -> None:
    """{path, id, body}: somebody changes top-level fields, of our objects too."""
    store = tenant.stores[content["path"]]
    stored = {**store.objects[content["id"]], **content["body"]}
    tenant.contracts["beta"].check(str(stored["@odata.type"]).removeprefix("#microsoft.graph."), stored)
    store.put(content["id"], stored, 0)


def remove_object(tenant: Tenant, content: dict[str, Any]) -> None:
    """{path, id}: somebody deletes it, even where Graph would refuse."""
    tenant.stores[content["path"]].remove(content["id"])


def assign_object(tenant: Tenant, content: dict[str, Any]) -> None:
    """{path, id, assignments, add?}: somebody replaces the assignments, or adds to them."""
    store = tenant.stores[content["path"]]
    stored = store.objects[content["id"]]
    new = [completed(stored, item) for item in content["assignments"]]
    whole = [*(stored["assignments"] if content.get("add") else []), *new]
    flag = {"isAssigned": bool(whole)} if "isAssigned" in stored else {}
    store.put(content["id"], {**stored, "assignments": whole, **flag}, 0)


def directory_ids(tenant: Tenant, names: list[str]) -> list[str]:
    """Directory ids of users (id or principal name) and devices (Intune id, serial or directory id)."""
    found = []
    for name in names:
        user = tenant.users.get(name) or next((user for user in tenant.users.values() if user.principal_name == name), None)
        if user is not None:
            found.append(user.id)
        elif name in tenant.directory_index():
            found.append(name)
        else:
            found += [device.directory_id for device in selected_devices(tenant, name)]
    return found


def make_group(tenant: Tenant, content: dict[str, Any]) -> str:
    """{name, members?}. Returns its id."""
    return plant_group(tenant, content["name"], directory_ids(tenant, content.get("members", [])))


def change_members(tenant: Tenant, content: dict[str, Any]) -> None:
    """{group, add?, remove?}."""
    members = tenant.members[content["group"]]
    members.update(dict.fromkeys(directory_ids(tenant, content.get("add", []))))
    for key in directory_ids(tenant, content.get("remove", [])):
        members.pop(key, None)


def plant_indicator(tenant: Tenant, content: dict[str, Any]) -> str:
    """An indicator of another application's."""
    key = str(int(tenant.new_id("indicators")[:8], 16))
    now = tenant.now()
    tenant.indicators[key] = {
        "expirationTime": None, "rbacGroupNames": [], "generateAlert": False, "createdBy": "another-application", "lastUpdateTime": now,
        "creationTimeDateTimeUtc": now, **content, "id": key,
    }  # fmt: skip
    return key


def change_settings(tenant: Tenant, content: dict[str, Any]) -> None:
    """Any of the names in settings.py."""
    tenant.settings.update(content)


def revoke_tokens(tenant: Tenant, _content: Any) -> None:
    """Every token issued so far is refused from now on."""
    tenant.identities.revoke_all()


ORDERS: dict[str, Callable[[Tenant, Any], Any]] = {
    "plant": plant_object,
    "patch": patch_object,
    "remove": remove_object,
    "assign": assign_object,
    "group": make_group,
    "members": change_members,
    "indicator": plant_indicator,
    "settings": change_settings,
    "revoke_tokens": revoke_tokens,
}
