# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Graph's words to ours: devices of every enrollment, and which conditional access policies count."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS, PLATFORMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.odata import directory_name, instant
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.capabilities import capability_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.devices import device_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import Target, app_object, target_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.reader import covers_everybody, demanding_compliance
from tests.contract.shapes import Contract

GOOGLE = "googleCloudDevicePolicyController"


def body(**changes: Any) -> dict[str, Any]:
    return {"id": "1", "operatingSystem": "iOS", "managedDeviceOwnerType": "company", "isSupervised": True, **changes}


@pytest.mark.fault_kind("T3", "Intune: ids of users and devices in another letter case, and zeros for none")
def test_ids_of_the_directory_are_one_however_they_are_spelled() -> None:
    name = "0a1b2c3d-0000-4000-8000-00000000abcd"
    for spelled in (name, name.upper()):
        found = device_of(body(userId=spelled, azureADDeviceId=spelled))
        assert (found.user_id, found.directory_id) == (name, name)
        assert directory_name(spelled) == name
    nobody = "00000000-0000-0000-0000-000000000000"
    for none in (nobody, "", None, 5):
        assert (device_of(body(userId=none)).user_id, device_of(body(azureADDeviceId=none)).directory_id) == ("", "")


@pytest.mark.parametrize(
    ("system", "owner", "kind", "agent", "platform", "enrollment", "row"),
    [
        ("iOS", "company", "appleBulkWithUser", "mdm", "ios", "device", "ios_supervised"),
        ("iOS", "company", "appleBulkWithoutUser", "mdm", "ios", "device", "ios_supervised"),
        ("iPadOS", "company", "appleBulkWithUser", "mdm", "ipados", "device", "ios_supervised"),
        ("iOS", "personal", "userEnrollment", "mdm", "ios", "device", "ios_personal_supervised"),
        ("iOS", "personal", "appleUserEnrollment", "mdm", "ios", "user", "ios_user_enrollment"),
        ("iOS", "personal", "appleUserEnrollmentWithServiceAccount", "mdm", "ios", "user", "ios_user_enrollment"),
        ("iOS", "personal", "appleAccountDrivenUserEnrollment", "mdm", "ios", "user", "ios_user_enrollment"),
        ("Android", "company", "androidEnterpriseFullyManaged", GOOGLE, "android", "fully_managed", "android_fully_managed"),
        ("Android", "company", "androidEnterpriseDedicatedDevice", GOOGLE, "android", "dedicated", "android_fully_managed"),
        ("Android", "company", "androidEnterpriseCorporateWorkProfile", GOOGLE, "android", "cope", "android_cope"),
        ("AndroidEnterprise", "personal", "userEnrollment", GOOGLE, "android", "work_profile", "android_work_profile"),
        ("Android", "company", "userEnrollment", GOOGLE, "android", None, "other"),
        ("Android", "personal", "userEnrollment", "mdm", "android", None, "other"),
        ("Android", "company", "androidAOSPUserlessDeviceEnrollment", "intuneAosp", "android", None, "unreached"),
        ("Windows", "company", "windowsAzureADJoin", "mdm", "windows", "device", "windows_corporate"),
        ("Windows", "personal", "userEnrollment", "mdm", "windows", "device", "windows_personal"),
        ("Windows", "unknown", "windowsCoManagement", "configurationManagerClientMdm", "windows", "device", "windows_personal"),
        ("Windows", "company", "windowsCoManagement", "configurationManagerClientMdm", "windows", "device", "windows_co_managed"),
        ("Windows", "company", "windowsAzureADJoin", "msSense", "windows", "device", "unreached"),
        ("Windows", "company", "windowsAzureADJoin", GOOGLE, "windows", "device", "unreached"),
        ("Windows", "company", "windowsAzureADJoin", None, "windows", "device", "unreached"),
        ("macOS", "company", "appleBulkWithUser", "mdm", "macos", "device", "macos_corporate"),
        ("macOS", "company", "appleBulkWithUser", "jamf", "macos", "device", "unreached"),
        ("Linux (Ubuntu)", "company", "unknown", "mdm", None, "device", "other"),
        ("", "company", "unknownFutureValue", "mdm", None, "device", "other"),
    ],
)
def test_devices_of_every_enrollment(
    system: str, owner: str, kind: str, agent: str | None, platform: str | None, enrollment: str | None, row: str
) -> None:
    found = device_of(body(operatingSystem=system, managedDeviceOwnerType=owner, deviceEnrollmentType=kind, managementAgent=agent))
    assert (found.record["platform"], found.record["enrollment"]) == (platform, enrollment)
    assert capability_of(found.record).kind == row


def test_no_enrollment_that_graph_knows_is_forgotten(graph_contract: dict[str, Contract]) -> None:
    """Whatever Graph may call it, the record speaks our words, and user enrollment is never taken for that of a whole device."""
    kinds = next(
        shape.enum
        for name, each in graph_contract["beta"].types.items()
        if name.endswith("managedDevice")
        for key, shape in each.properties.items()
        if key == "deviceEnrollmentType"
    )
    assert len(kinds) > 15
    for kind in kinds:
        for system in ("iOS", "iPadOS", "Android", "Windows", "macOS"):
            for owner in ("unknown", "company", "personal"):
                record = device_of(body(operatingSystem=system, managedDeviceOwnerType=owner, deviceEnrollmentType=kind)).record
                assert record["platform"] in PLATFORMS
                assert record["enrollment"] in (*ENROLLMENTS, None)
                if "UserEnrollment" in kind and system in ("iOS", "iPadOS", "macOS"):
                    assert record["enrollment"] == "user"


def test_what_intune_does_not_say_stays_unknown() -> None:
    found = device_of({"id": "1", "serialNumber": "", "managedDeviceOwnerType": "unknown", "lastSyncDateTime": "0001-01-01T00:00:00Z"})
    assert {name for name, value in found.record.items() if value is not None} == {"id", "enrollment", "work_apps"}
    assert (found.native_ownership, found.directory_id, found.user_id, found.synced_at) == (None, "", "", "")
    assert device_of(body(operatingSystem="Windows", isSupervised=False)).record["supervised"] is None


def test_a_device_that_is_not_registered_has_no_name_in_the_directory() -> None:
    assert device_of(body(azureADDeviceId="00000000-0000-0000-0000-000000000000")).directory_id == ""
    assert device_of(body(azureADDeviceId="5f0c")).directory_id == "5f0c"


@pytest.mark.parametrize(
    ("state", "withdrawn"),
    [("noncompliant", True), ("inGracePeriod", False), ("compliant", False), ("unknown", False), ("conflict", False), (None, False)],
)
def test_access_is_lost_with_compliance_and_not_before(state: str | None, withdrawn: bool) -> None:
    assert device_of(body(complianceState=state)).access_withdrawn == withdrawn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-03-20T09:00:00Z", "2023-03-20T09:00:00Z"),
        ("2023-03-20T09:00:00.1234567Z", "2023-03-20T09:00:00Z"),
        ("0001-01-01T00:00:00Z", ""),
        ("2023-03-20T09:00:00+02:00", ""),
        (None, ""),
        ("", ""),
    ],
)
def test_instants_of_the_service(text: str | None, expected: str) -> None:
    assert instant(text) == expected


def access(
    operator: str | None = "OR", controls: tuple[str, ...] = ("compliantDevice",), state: str = "enabled", **grant: Any
) -> list[str]:
    policy = {"displayName": "P", "state": state, "grantControls": {"operator": operator, "builtInControls": list(controls), **grant}}
    return list(demanding_compliance([policy]))


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (access(), True),
        (access("AND", ("mfa", "compliantDevice")), True),
        (access("OR", ("mfa", "compliantDevice")), False),
        (access("OR", ("domainJoinedDevice", "compliantDevice")), False),
        (access("AND", ("mfa",)), False),
        (access(state="enabledForReportingButNotEnforced"), False),
        (access(state="disabled"), False),
        (access("OR", termsOfUse=["t"]), False),
        (access("OR", authenticationStrength={"id": "s"}), False),
        (access("AND", termsOfUse=["t"]), True),
        (access(None), True),
        (list(demanding_compliance([{"state": "enabled", "grantControls": None}])), False),
    ],
)
def test_a_policy_counts_if_nothing_else_opens_the_door(found: list[str], counts: bool) -> None:
    assert found == (["P"] if counts else [])


def test_a_filter_of_type_none_is_no_filter() -> None:
    wire = {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget", "deviceAndAppManagementAssignmentFilterId": "f"}
    assert target_of({**wire, "deviceAndAppManagementAssignmentFilterType": "none"}).filter == ""
    assert target_of({**wire, "deviceAndAppManagementAssignmentFilterType": "exclude"}).filter_type == "exclude"
    assert target_of(None) == Target("")


@pytest.mark.parametrize(
    "target", [Target("allDevicesAssignmentTarget", filter="f"), Target("groupAssignmentTarget", "g"), Target("x", "g", "f")]
)
def test_a_target_survives_the_wire(target: Target) -> None:
    assert target_of(target.to_wire()) == target


def test_an_app_goes_by_all_its_names() -> None:
    app = app_object(
        {"id": "1", "@odata.type": "#microsoft.graph.androidManagedStoreApp", "appIdentifier": "app:com.x", "packageId": "com.x"}
    )
    assert (app.odata_type, app.identifiers, app.marker) == ("androidManagedStoreApp", {"com.x"}, None)


@pytest.mark.parametrize(
    ("platforms", "counts"),
    [
        (None, True),
        ({"includePlatforms": ["all"]}, True),
        ({"includePlatforms": ["android", "iOS"]}, True),
        ({"includePlatforms": ["windows"]}, False),
        ({"includePlatforms": ["all"], "excludePlatforms": ["iOS"]}, False),
    ],
)
def test_a_policy_for_other_platforms_takes_no_access_from_an_iphone(platforms: dict[str, Any] | None, counts: bool) -> None:
    grant = {"operator": "OR", "builtInControls": ["compliantDevice"]}
    policy = {"displayName": "P", "state": "enabled", "grantControls": grant, "conditions": {"platforms": platforms}}
    assert bool(list(demanding_compliance([policy]))) is counts


@pytest.mark.parametrize(
    ("users", "apps", "everybody"),
    [
        ({"includeUsers": ["All"]}, {"includeApplications": ["All"]}, True),
        ({"includeUsers": ["All"], "excludeUsers": []}, {"includeApplications": ["All"], "excludeApplications": []}, True),
        ({"includeUsers": ["All"], "excludeUsers": ["break-glass"]}, {"includeApplications": ["All"]}, False),
        ({"includeUsers": ["All"], "excludeGroups": ["pilots"]}, {"includeApplications": ["All"]}, False),
        ({"includeGroups": ["staff"]}, {"includeApplications": ["All"]}, False),
        ({"includeUsers": ["All"]}, {"includeApplications": ["Office365"]}, False),
        ({"includeUsers": ["All"]}, {"includeApplications": ["All"], "excludeApplications": ["mail"]}, False),
    ],
)
def test_whoever_conditional_access_leaves_out_is_noticed(users: dict[str, Any], apps: dict[str, Any], everybody: bool) -> None:
    assert covers_everybody({"conditions": {"users": users, "applications": apps}}) is everybody
