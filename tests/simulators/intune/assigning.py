# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignments on their way in: what the service checks, what it adds."""

from __future__ import annotations

from typing import Any

from .assignments import FILTER_ID, FILTER_TYPE, target_kind, without_duplicates
from .call import Call
from .errors import Refusal

ALL_DEVICES = "adadadad-808e-44e2-905a-0b7873a8a531"
ALL_USERS = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
INTENTS = ["available", "required", "uninstall", "availableWithoutEnrollment"]


def taken_over(call: Call, owner: dict[str, Any], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Check a set of assignments for an object and complete them. Duplicates of a target are dropped silently."""
    for item in items:
        check(call, owner, item)
    return without_duplicates([completed(owner, item) for item in items])


def check(call: Call, owner: dict[str, Any], item: dict[str, Any]) -> None:
    target = item.get("target")
    if not target:
        raise Refusal(400, "The assignment's target is missing.")
    kind = target_kind(target)
    if kind in ("groupAssignmentTarget", "exclusionGroupAssignmentTarget"):
        check_group(call, target)
    if (target.get(FILTER_TYPE) or "none") != "none":
        if kind == "exclusionGroupAssignmentTarget":
            raise Refusal(400, "Assignment filters can't be used with excluded groups.")
        if call.tenant.stores["deviceManagement/assignmentFilters"].truth(str(target.get(FILTER_ID))) is None:
            raise Refusal(400, f"The assignment filter '{target.get(FILTER_ID)}' does not exist.")
    elif target.get(FILTER_ID):
        raise Refusal(400, "An assignment filter needs a filter type of include or exclude.")
    if "intent" in item and "mobileApps" in call.segments:
        check_app_settings(owner, item)


def check_group(call: Call, target: dict[str, Any]) -> None:
    """A created group is usable here only after a while (Intune fact sheet, 4)."""
    groups = call.tenant.stores["groups"]
    group = target.get("groupId")
    if not group or groups.read(group) is None:
        raise Refusal(400, f"The group '{group}' of the assignment target was not found.")


def check_app_settings(owner: dict[str, Any], item: dict[str, Any]) -> None:
    """isRemovable goes with required only; two others are refused with uninstall (Intune fact sheet, 5)."""
    settings = item.get("settings")
    if not settings:
        return
    kind = str(owner["@odata.type"]).removeprefix("#microsoft.graph.")
    said = str(settings["@odata.type"]).removeprefix("#microsoft.graph.")
    if said.lower() != f"{kind}AssignmentSettings".lower():
        raise Refusal(400, f"Assignment settings of type {said} don't fit an app of type {kind}.")
    intent = item.get("intent")
    if intent != "required" and settings.get("isRemovable") is not None:
        raise Refusal(400, "isRemovable is only supported with the required intent.")
    if intent == "uninstall":
        for name in ("uninstallOnDeviceRemoval", "preventManagedAppBackup"):
            if settings.get(name) is not None:
                raise Refusal(400, f"{name} is not supported with the uninstall intent.")


def completed(owner: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """The assignment as the service keeps it. Ids are made of the object's and the target's, as Intune makes them."""
    target = {FILTER_ID: None, FILTER_TYPE: "none", **item["target"]}
    kind = target_kind(target)
    target_id = target.get("groupId") or {"allDevicesAssignmentTarget": ALL_DEVICES, "allLicensedUsersAssignmentTarget": ALL_USERS}.get(
        kind, ""
    )
    whole = {**item, "target": target, "source": "direct", "sourceId": owner["id"]}
    if "intent" in item and item["intent"] in INTENTS:
        whole["id"] = f"{target_id}_{INTENTS.index(item['intent'])}_0"
        whole.setdefault("settings", None)
    else:
        whole["id"] = f"{owner['id']}_{target_id}"
    return whole
