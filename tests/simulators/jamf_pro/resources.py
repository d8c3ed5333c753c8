# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Classic API serves, and the fixed schema of each (Jamf Pro fact sheet, 4 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .classic_xml import Leaf, Many, Ref, Refs

SITE = Ref("sites", "None")
CATEGORY = Ref("categories", "No category assigned")
PLACES = {"buildings": Refs("building", "buildings"), "departments": Refs("department", "departments")}
PEOPLE = {"users": Refs("user"), "user_groups": Refs("user_group")}
JSS_PEOPLE = {"jss_users": Refs("user"), "jss_user_groups": Refs("user_group")}
MOBILE = {
    "mobile_devices": Refs("mobile_device", "mobile_devices"),
    "mobile_device_groups": Refs("mobile_device_group", "mobile_device_groups"),
}
MACS = {"computers": Refs("computer", "computers"), "computer_groups": Refs("computer_group", "computer_groups")}
SEGMENTS = {"network_segments": Refs("network_segment")}
MOBILE_SCOPE: dict[str, Any] = {
    "all_mobile_devices": Leaf(False), "all_jss_users": Leaf(False), **MOBILE, **PLACES, **JSS_PEOPLE,
    "limitations": {**PEOPLE, **SEGMENTS, "ibeacons": Refs("ibeacon")},
    "exclusions": {**MOBILE, **PLACES, **PEOPLE, **SEGMENTS, **JSS_PEOPLE, "ibeacons": Refs("ibeacon")},
}  # fmt: skip
MAC_SCOPE: dict[str, Any] = {
    "all_computers": Leaf(False), "all_jss_users": Leaf(False), **MACS, **PLACES, **JSS_PEOPLE,
    "limitations": {**PEOPLE, **SEGMENTS, "ibeacons": Refs("ibeacon")},
    "exclusions": {**MACS, **PLACES, **PEOPLE, **SEGMENTS, **JSS_PEOPLE, "ibeacons": Refs("ibeacon")},
}  # fmt: skip
# Always read back so; what is written counts for the one request (Jamf Pro fact sheet, 6).
REDEPLOY = Leaf("Newly Assigned", server=True)
SEARCH_TYPES = (
    "is", "is not", "has", "does not have", "like", "not like", "member of", "not member of", "greater than", "less than",
    "greater than or equal", "less than or equal", "more than x days ago", "less than x days ago", "matches regex",
)  # fmt: skip
CRITERIA = Many(
    "criterion",
    {
        "name": Leaf(), "priority": Leaf(0), "and_or": Leaf("and", ("and", "or")), "search_type": Leaf("is", SEARCH_TYPES),
        "value": Leaf(), "opening_paren": Leaf(False), "closing_paren": Leaf(False),
    },
)  # fmt: skip
NAMED = {"id": Leaf(0, server=True), "name": Leaf(required=True)}


@dataclass(frozen=True)
class Resource:
    """One collection of the Classic API. `nested`: id and name are in "general"."""

    path: str
    root: str
    roots: str
    item: str
    schema: dict[str, Any]
    privilege: str
    nested: bool = True


PROFILE_GENERAL = {
    **NAMED, "description": Leaf(), "level": Leaf("Device Level", ("Device Level", "User Level")), "site": SITE, "category": CATEGORY,
    "uuid": Leaf(server=True),
    "deployment_method": Leaf("Install Automatically", ("Install Automatically", "Make Available in Self Service")),
    "redeploy_on_update": REDEPLOY, "payloads": Leaf(required=True),
}  # fmt: skip
MAC_PROFILE_GENERAL = {
    **NAMED, "description": Leaf(), "site": SITE, "category": CATEGORY,
    "distribution_method": Leaf("Install Automatically", ("Install Automatically", "Make Available in Self Service")),
    "user_removable": Leaf(False), "level": Leaf("computer", ("computer", "user")), "uuid": Leaf(server=True),
    "redeploy_on_update": REDEPLOY, "payloads": Leaf(required=True),
}  # fmt: skip
SELF_SERVICE = {"self_service_description": Leaf(), "feature_on_main_page": Leaf(False)}
RESTRICTED_SCOPE = {
    "all_computers": Leaf(False), **MACS, **PLACES, "exclusions": {**MACS, **PLACES, "users": Refs("user")},
}  # fmt: skip
RESTRICTED_GENERAL = {
    **NAMED, "process_name": Leaf(required=True), "match_exact_process_name": Leaf(False), "send_notification": Leaf(False),
    "kill_process": Leaf(False), "delete_executable": Leaf(False), "display_message": Leaf(), "site": SITE,
}  # fmt: skip
DEPLOYMENT_TYPES = ("Install Automatically/Prompt Users to Install", "Make Available in Self Service")
APP_GENERAL = {
    **NAMED, "display_name": Leaf(), "description": Leaf(), "bundle_id": Leaf(required=True), "version": Leaf(), "category": CATEGORY,
    "site": SITE, "itunes_store_url": Leaf(), "deployment_type": Leaf(DEPLOYMENT_TYPES[0], DEPLOYMENT_TYPES),
    "deploy_automatically": Leaf(False),
    "deploy_as_managed_app": Leaf(False), "remove_app_when_mdm_profile_is_removed": Leaf(False), "take_over_management": Leaf(False),
    "allow_user_to_delete": Leaf(True), "free": Leaf(True),
}  # fmt: skip
GROUP = {"is_smart": Leaf("", ("true", "false"), required=True), "site": SITE, "criteria": CRITERIA}


def plain(path: str, root: str, privilege: str, **more: Any) -> Resource:
    return Resource(path, root, path, root, {**NAMED, **more}, privilege, nested=False)


RESOURCES = {
    resource.path: resource
    for resource in (
        Resource("mobiledeviceconfigurationprofiles", "configuration_profile", "configuration_profiles", "configuration_profile",
                 {"general": PROFILE_GENERAL, "scope": MOBILE_SCOPE, "self_service": SELF_SERVICE}, "iOS Configuration Profiles"),
        Resource("osxconfigurationprofiles", "os_x_configuration_profile", "os_x_configuration_profiles", "os_x_configuration_profile",
                 {"general": MAC_PROFILE_GENERAL, "scope": MAC_SCOPE, "self_service": SELF_SERVICE}, "macOS Configuration Profiles"),
        Resource("restrictedsoftware", "restricted_software", "restricted_software", "restricted_software_title",
                 {"general": RESTRICTED_GENERAL, "scope": RESTRICTED_SCOPE}, "Restricted Software"),
        Resource("mobiledeviceapplications", "mobile_device_application", "mobile_device_applications", "mobile_device_application",
                 {"general": APP_GENERAL, "scope": MOBILE_SCOPE,
                  "vpp": {"assign_vpp_device_based_licenses": Leaf(False), "vpp_admin_account_id": Leaf(-1)}}, "Mobile Device Apps"),
        Resource("mobiledevicegroups", "mobile_device_group", "mobile_device_groups", "mobile_device_group",
                 {**NAMED, **GROUP, "mobile_devices": Refs("mobile_device", "mobile_devices", True)}, "Mobile Device Groups", False),
        Resource("computergroups", "computer_group", "computer_groups", "computer_group",
                 {**NAMED, **GROUP, "computers": Refs("computer", "computers", True)}, "Computer Groups", False),
        plain("categories", "category", "Categories", priority=Leaf(9)),
        plain("buildings", "building", "Buildings"),
        plain("departments", "department", "Departments"),
    )
}  # fmt: skip
# The collections that references name, and where they are kept.
COLLECTIONS = {
    "mobile_device_groups": "mobiledevicegroups", "computer_groups": "computergroups", "categories": "categories",
    "buildings": "buildings", "departments": "departments",
}  # fmt: skip
