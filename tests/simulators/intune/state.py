# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tenant as plain data, for tests that compare before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import instant
from . import management
from .device import Device
from .exports import stable_job

if TYPE_CHECKING:
    from .tenant import Tenant

# Fields that change with every write or with time, and say nothing about what is in force.
VOLATILE_FIELDS = {"createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "version"}


def described(tenant: Tenant) -> dict[str, Any]:
    """Equal tenants give equal JSON once "volatile" is dropped."""
    stores = {path: sorted(store, key=lambda item: str(item["id"])) for path, store in tenant.stores.items()}
    objects = {path: [without_volatile(item) for item in items] for path, items in stores.items()}
    for group in objects["groups"]:
        group["members"] = sorted(tenant.members.get(group["id"], {}))
    objects["indicators"] = [
        {name: value for name, value in item.items() if name not in ("lastUpdateTime", "creationTimeDateTimeUtc", "id")}
        for item in sorted(tenant.indicators.values(), key=lambda item: (item["indicatorType"], item["indicatorValue"]))
    ]
    return {
        "devices": [describe_device(tenant, device) for device in tenant.devices.values()],
        "objects": {path.rsplit("/", 1)[-1] if path != "identity/conditionalAccess/policies" else "conditionalAccessPolicies": items
                    for path, items in objects.items()},
        "volatile": {
            "now": tenant.now(),
            "devices": {device.id: {"last_sync": instant(device.last_sync), "last_inventory": instant(device.last_inventory),
                                    "actions": device.actions} for device in tenant.devices.values()},
            "objects": {path: {item["id"]: {name: item[name] for name in VOLATILE_FIELDS & set(item)} for item in items}
                        for path, items in stores.items()},
            "exportJobs": [stable_job(job) for job in tenant.jobs.values()],
            "managed_play": {"approved": list(tenant.play.approved), "waiting": dict(tenant.play.waiting)},
            "tokens_issued": tenant.identities.issued,
            "app_service_identity_header": tenant.identities.identity_header,
        },
    }  # fmt: skip


def without_volatile(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in VOLATILE_FIELDS}


def describe_device(tenant: Tenant, device: Device) -> dict[str, Any]:
    """What a person with the device in hand and the portal open would see."""
    state, grace_ends = tenant.compliance(device)
    effects = device.effects
    return {
        "id": device.id, "name": device.name, "serial": device.serial, "kind": device.kind, "platform": device.platform,
        "ownership": device.ownership, "supervised": device.supervised, "enrollment": device.traits.enrollment,
        "agent": device.management_agent, "management_state": management.state_of(device), "workloads": management.shown_workloads(device),
        "operating_system": device.traits.operating_system, "os_version": device.os_version, "online": device.online,
        "user": device.user, "user_name": tenant.users[device.user].principal_name if device.user else None,
        "azure_id": device.azure_id, "directory_id": device.directory_id, "apps": device.describe_apps(),
        "compliance": state, "grace_ends": grace_ends, "work_access": tenant.work_access(device) and not device.removed_work_apps,
        "notifications": list(device.notifications), "blocked_domains": list(effects.domains), "controls": list(effects.controls),
        "conflicts": list(effects.conflicts), "errors": list(effects.errors),
        "retired": any(a["action"] == "retire" for a in device.actions),
        "violations": {policy: list(apps) for policy, apps in device.violations.items()},
    }  # fmt: skip
