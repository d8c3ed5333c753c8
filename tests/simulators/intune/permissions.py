# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which application permissions a path asks for (Intune fact sheet, 2.3)."""

from __future__ import annotations

from typing import Any

from .errors import Refusal, directory_refusal

MANAGED_DEVICES = "DeviceManagementManagedDevices"
CONFIGURATION = "DeviceManagementConfiguration"
APPS = "DeviceManagementApps"
SCRIPTS = "DeviceManagementScripts"
PRIVILEGED = f"{MANAGED_DEVICES}.PrivilegedOperations.All"
EVERY_ROLE = (
    f"{MANAGED_DEVICES}.Read.All", f"{MANAGED_DEVICES}.ReadWrite.All", PRIVILEGED, f"{CONFIGURATION}.Read.All",
    f"{CONFIGURATION}.ReadWrite.All", f"{APPS}.Read.All", f"{APPS}.ReadWrite.All", f"{SCRIPTS}.Read.All", f"{SCRIPTS}.ReadWrite.All",
    "Group.Read.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Create", "Group.ReadWrite.All", "User.Read.All",
    "Device.Read.All", "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Ti.ReadWrite",
)  # fmt: skip
DEVICE_ACTIONS = {"syncDevice", "retire", "remoteLock", "rebootNow", "sendCustomNotificationToCompanyPortal", "executeAction"}
AREAS = {
    "managedDevices": MANAGED_DEVICES, "managedDeviceOverview": MANAGED_DEVICES, "detectedApps": MANAGED_DEVICES,
    "deviceHealthScripts": SCRIPTS, "deviceShellScripts": SCRIPTS, "auditEvents": APPS,
}  # fmt: skip


def accepted_roles(method: str, segments: list[str]) -> set[str]:
    """Any of these is enough for the request."""
    writes = method != "GET"
    root = segments[0]
    if root == "groups":
        return group_roles(method, segments)
    if root in ("users", "devices"):
        name = "User" if root == "users" else "Device"
        return {f"{name}.ReadWrite.All"} | (set() if writes else {f"{name}.Read.All", "Directory.Read.All"})
    if root == "identity":
        return {"Policy.ReadWrite.ConditionalAccess"} if writes else {"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"}
    if root == "deviceAppManagement":
        return area_roles(APPS, writes)
    area = segments[1] if len(segments) > 1 else ""
    if segments[-1] in DEVICE_ACTIONS:
        return {PRIVILEGED}
    if area == "reports":
        # A report needs the permission to read its data, and nothing more.
        return area_roles(MANAGED_DEVICES, False)
    return area_roles(AREAS.get(area, CONFIGURATION), writes)


def area_roles(area: str, writes: bool) -> set[str]:
    return {f"{area}.ReadWrite.All"} | (set() if writes else {f"{area}.Read.All"})


def group_roles(method: str, segments: list[str]) -> set[str]:
    if method == "GET":
        return {"Group.Read.All", "GroupMember.Read.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All", "Directory.Read.All"}
    if "members" in segments:
        return {"GroupMember.ReadWrite.All", "Group.ReadWrite.All"}
    return {"Group.ReadWrite.All", "Group.Create"} if method == "POST" else {"Group.ReadWrite.All"}


def require_permission(claims: dict[str, Any], method: str, segments: list[str]) -> None:
    """Raises Refusal naming the permissions of which one is missing."""
    accepted = accepted_roles(method, segments)
    if accepted & set(claims["roles"]):
        return
    if segments[0] in ("groups", "users", "devices", "identity"):
        raise directory_refusal(403, "Insufficient privileges to complete the operation.", "Authorization_RequestDenied")
    raise Refusal(
        403,
        "Application is not authorized to perform this operation. Application must have one of the following scopes: "
        + ", ".join(sorted(accepted)),
    )
