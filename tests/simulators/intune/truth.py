# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is really so, device by device, whatever the service says of it: the measure of a report.

Nothing here is asked through Graph, and nothing of the collection is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import instant
from . import management
from .check_in import would_have
from .device import App, Device

if TYPE_CHECKING:
    from .tenant import Tenant


def told(tenant: Tenant) -> dict[str, Any]:
    """Every device that is or was managed here. README.md describes the form."""
    return {
        "now": tenant.now(),
        "devices": [
            *(true_of(tenant, device, True) for device in tenant.devices.values()),
            *(true_of(tenant, device, False) for device in tenant.departed.values()),
        ],
    }


def true_of(tenant: Tenant, device: Device, enrolled: bool) -> dict[str, Any]:
    state, _grace_ends = tenant.compliance(device)
    return {
        "id": device.id, "serial": device.serial, "kind": device.kind, "platform": device.platform, "ownership": device.ownership,
        "user": tenant.users[device.user].principal_name if device.user in tenant.users else None,
        "enrolled": enrolled, "replaced_by": device.replaced_by, "online": enrolled and device.online,
        "agent": device.management_agent, "management_state": management.state_of(device),
        "lets_through": sorted(management.let_through(device)) if enrolled else [],
        "apps": [true_of_app(device, app) for app in sorted(device.apps, key=lambda app: (app.id, app.profile))],
        "controls": [
            {"id": key, "name": arrived.name, "in_force": key not in device.effects.conflicts}
            for key, arrived in sorted(device.arrived.items())
        ],
        "pending": pending(tenant, device) if enrolled else [],
        "blocked_domains": list(device.effects.domains),
        "restricted": state in ("noncompliant", "inGracePeriod") and bool(device.failing),
        "work_access": enrolled and tenant.work_access(device) and not device.removed_work_apps,
        "last_contact": instant(device.last_sync), "last_inventory": instant(device.last_inventory) if has_sent_inventory(device) else None,
    }  # fmt: skip


def has_sent_inventory(device: Device) -> bool:
    return device.sends_inventory or bool(device.reported)


def true_of_app(device: Device, app: App) -> dict[str, Any]:
    listed = app.name if app.listed_as == "" else app.listed_as
    return {
        "id": app.id, "name": app.name, "listed_as": listed, "version": app.version, "package": app.package, "profile": app.profile,
        "managed": app.managed, "launchable": not (device.is_hidden(app) or device.is_launch_blocked(app)),
        "in_inventory": any((other.id, other.profile) == (app.id, app.profile) for other in device.reported),
    }  # fmt: skip


def pending(tenant: Tenant, device: Device) -> list[dict[str, str]]:
    """What a contact now would bring or take: {id, name, change}, the change being apply, update or release."""
    has, will = device.arrived, would_have(tenant, device)
    changes = [{"id": key, "name": will[key].name, "change": "apply"} for key in will if key not in has]
    changes += [{"id": key, "name": has[key].name, "change": "release"} for key in has if key not in will]
    changes += [
        {"id": key, "name": will[key].name, "change": "update"} for key in will if key in has and will[key].digest != has[key].digest
    ]
    return sorted(changes, key=lambda change: (change["change"], change["id"]))
