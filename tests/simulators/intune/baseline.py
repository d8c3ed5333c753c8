# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a living tenant holds before anybody bans anything: objects of administrators that must survive untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .policies import RESOURCES, new_object

if TYPE_CHECKING:
    from .tenant import Tenant

ALL_DEVICES = {"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
ALL_USERS = {"target": {"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}
BLOCK_NOW = [{"ruleName": "PasswordRequired", "scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 0}]}]
OBJECTS: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    ("deviceManagement/deviceConfigurations", {
        "@odata.type": "#microsoft.graph.androidDeviceOwnerGeneralDeviceConfiguration", "displayName": "Android corporate baseline",
        "description": "Store open except for what is blocked", "playStoreMode": "blockList",
    }, [ALL_DEVICES]),
    ("deviceManagement/deviceConfigurations", {
        "@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "iOS baseline", "description": None,
        "passcodeRequired": True,
    }, [ALL_DEVICES]),
    ("deviceManagement/deviceCompliancePolicies", {
        "@odata.type": "#microsoft.graph.iosCompliancePolicy", "displayName": "iOS passcode", "passcodeRequired": True,
        "scheduledActionsForRule": BLOCK_NOW,
    }, [ALL_USERS]),
    ("deviceAppManagement/mobileApps", {
        "@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "Microsoft Teams", "publisher": "Microsoft",
        "bundleId": "com.microsoft.skype.teams", "appStoreUrl": "https://apps.apple.com/app/id1113153706",
        "applicableDeviceType": {"iPad": True, "iPhoneAndIPod": True}, "minimumSupportedOperatingSystem": {"v13_0": True},
    }, [{**ALL_USERS, "intent": "required"}]),
    ("deviceAppManagement/mobileApps", {
        "@odata.type": "#microsoft.graph.androidManagedStoreApp", "displayName": "Microsoft Teams", "publisher": "Microsoft",
        "packageId": "com.microsoft.teams", "appIdentifier": "com.microsoft.teams",
    }, [{**ALL_USERS, "intent": "required"}]),
    ("identity/conditionalAccess/policies", {
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy", "displayName": "Require a compliant device", "state": "enabled",
        "conditions": {"users": {"includeUsers": ["All"]}, "applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"]},
        "grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"]},
    }, []),
]  # fmt: skip


def plant(tenant: Tenant, path: str, body: dict[str, Any], assignments: list[dict[str, Any]]) -> str:
    """Put an object into the tenant as an administrator would have, long ago. Returns its id."""
    from .assigning import completed

    resource = RESOURCES[path]
    tenant.contracts["beta"].check(resource.type, body)
    stored = new_object(tenant, resource, body)
    if resource.assigned_as:
        stored["assignments"] = [completed(stored, item) for item in assignments]
        if "isAssigned" in stored:
            stored["isAssigned"] = bool(assignments)
    tenant.stores[path].put(stored["id"], stored, 0)
    return str(stored["id"])


def plant_group(tenant: Tenant, name: str, members: list[str]) -> str:
    """A security group with these directory ids in it. Returns its id."""
    key = tenant.new_id("groups")
    tenant.stores["groups"].put(key, {
        "@odata.type": "#microsoft.graph.group", "id": key, "displayName": name, "description": None, "groupTypes": [],
        "mailEnabled": False, "mailNickname": name.lower().replace(" ", "-"), "securityEnabled": True, "membershipRule": None,
        "visibility": None, "createdDateTime": tenant.now(), "deletedDateTime": None,
    }, 0)  # fmt: skip
    tenant.members[key] = dict.fromkeys(members)
    return key


def furnish(tenant: Tenant) -> None:
    """The objects above and a few groups."""
    for path, body, assignments in OBJECTS:
        plant(tenant, path, body, assignments)
    tag = {"@odata.type": "#microsoft.graph.roleScopeTag", "id": "0", "displayName": "Default", "description": "Default", "isBuiltIn": True}
    tenant.stores["deviceManagement/roleScopeTags"].put("0", tag, 0)
    users = list(tenant.users)
    phones = [device.directory_id for device in tenant.devices.values() if device.kind == "ios_supervised"]
    plant_group(tenant, "IT pilots", users[:3])
    plant_group(tenant, "Communications", [key for key in users[:1000] if tenant.users[key].department == "Communications"])
    plant_group(tenant, "City iPhones", phones[:1000])
