# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who an assignment set reaches: includes, excludes, filters, and the rules about mixing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .device import ZERO_GUID, Device
from .filter_rule import parse_rule

if TYPE_CHECKING:
    from .tenant import Tenant

FILTER_ID = "deviceAndAppManagementAssignmentFilterId"
FILTER_TYPE = "deviceAndAppManagementAssignmentFilterType"
FILTER_PLATFORMS = {
    "iOS": ("ios",), "macOS": ("macos",), "windows10AndLater": ("windows",), "android": (), "androidForWork": ("android",),
    "androidWorkProfile": ("android",),
}  # fmt: skip
ANDROID_KINDS = {
    "androidForWork": {"android_fully_managed", "android_dedicated", "android_cope"},
    "androidWorkProfile": {"android_work_profile"},
}


def target_kind(target: dict[str, Any]) -> str:
    return str(target.get("@odata.type", "")).removeprefix("#microsoft.graph.")


def target_key(target: dict[str, Any]) -> tuple[str, str]:
    """Two targets with the same key are duplicates."""
    return target_kind(target), str(target.get("groupId") or "")


def without_duplicates(assignments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of two assignments to one target the second is ignored (Intune fact sheet, 1.7)."""
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for assignment in assignments:
        kept.setdefault(target_key(assignment.get("target") or {}), assignment)
    return list(kept.values())


def membership(tenant: Tenant, group: str, device: Device) -> set[str]:
    """As what a group contains the device: "device" itself, its "user", both or none."""
    members = tenant.members.get(group, {})
    found = set()
    if device.azure_id != ZERO_GUID and device.directory_id in members:
        found.add("device")
    if device.user is not None and device.user in members:
        found.add("user")
    return found


def reached_as(tenant: Tenant, device: Device, assignments: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Map every intent that reaches the device to how it does ("user", "device"). Policies have the one intent "apply".

    An exclusion group takes away only what an include of its own kind gave (Intune fact sheet, 1.9).
    """
    excluded: set[str] = set()
    for assignment in assignments:
        target = assignment["target"]
        if target_kind(target) == "exclusionGroupAssignmentTarget":
            excluded |= membership(tenant, target["groupId"], device)
    found: dict[str, set[str]] = {}
    for assignment in assignments:
        target = assignment["target"]
        kinds = included_as(tenant, device, target) - excluded
        if kinds and passes_filter(tenant, device, target):
            found.setdefault(assignment.get("intent", "apply"), set()).update(kinds)
    return found


def included_as(tenant: Tenant, device: Device, target: dict[str, Any]) -> set[str]:
    kind = target_kind(target)
    if kind == "allDevicesAssignmentTarget":
        return {"device"}
    if kind == "allLicensedUsersAssignmentTarget":
        return {"user"} if device.user else set()
    if kind == "groupAssignmentTarget":
        return membership(tenant, target["groupId"], device)
    return set()


def passes_filter(tenant: Tenant, device: Device, target: dict[str, Any]) -> bool:
    mode = target.get(FILTER_TYPE) or "none"
    if mode == "none" or not target.get(FILTER_ID):
        return True
    stored = tenant.stores["deviceManagement/assignmentFilters"].truth(target[FILTER_ID])
    matches = stored is not None and filter_matches(stored, device)
    return matches if mode == "include" else not matches


def filter_matches(stored: dict[str, Any], device: Device) -> bool:
    platform = stored["platform"]
    if device.platform not in FILTER_PLATFORMS.get(platform, ()):
        return False
    if platform in ANDROID_KINDS and device.kind not in ANDROID_KINDS[platform]:
        return False
    return bool(parse_rule(stored["rule"])(device))


def effective_intent(reached: dict[str, set[str]]) -> str | None:
    """The intent that wins on a device: required beats uninstall, uninstall beats available (Intune fact sheet, 1.8)."""
    for intent in ("required", "uninstall", "available"):
        if intent in reached:
            return intent
    return None
