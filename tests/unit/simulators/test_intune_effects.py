# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What assigned objects do to devices, and only when those check in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import (
    ALL_DEVICES,
    ALL_USERS,
    APPS,
    CATALOG,
    COMPLIANCE,
    PROFILES,
    TIKTOK,
    Graph,
    again,
    app_ids,
    assigned,
    blocked_list,
    check_in,
    compliance,
    device_of,
    target,
)

IOS = "#microsoft.graph.iosGeneralDeviceConfiguration"
ANDROID = "#microsoft.graph.androidDeviceOwnerGeneralDeviceConfiguration"
ITEM = {"@odata.type": "#microsoft.graph.appListItem", "name": "TikTok", "appId": TIKTOK}


def hidden(device: dict[str, Any]) -> set[str]:
    return {app["id"] for app in device["apps"] if app["hidden"]}


def play_app(graph: Graph) -> str:
    """TikTok as a Managed Google Play app of the tenant."""
    body = {"@odata.type": "#microsoft.graph.androidManagedStoreApp", "displayName": "TikTok", "packageId": TIKTOK, "appIdentifier": TIKTOK}
    key: str = graph.sim.objects({"plant": {"path": APPS.removeprefix("/beta/"), "body": body}})[0]["plant"]
    return key


def test_nothing_happens_before_the_check_in(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    assigned(eager, CATALOG, blocked_list(TIKTOK))
    assert hidden(again(eager.sim, device)) == set()
    assert hidden(check_in(eager, device)) == {TIKTOK}


@pytest.mark.parametrize(("kind", "hides"), [("ios_supervised", True), ("ios_corporate", False), ("ios_personal", False)])
def test_a_blocked_list_hides_on_supervised_devices_only(eager: Graph, kind: str, hides: bool) -> None:
    device = device_of(eager.sim, kind)
    assigned(eager, CATALOG, blocked_list(TIKTOK))
    after = check_in(eager, device)
    assert (TIKTOK in hidden(after)) is hides
    assert TIKTOK in app_ids(after)


def test_a_blocked_app_cannot_be_installed_and_hidden_ones_reappear_when_the_block_goes(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    key = assigned(eager, CATALOG, blocked_list(TIKTOK))
    check_in(eager, device)
    [result] = eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok"}])
    assert result["refused"] == [{"device": device["id"], "reason": "hidden by a restriction"}]
    eager.delete(f"{CATALOG}/{key}")
    assert hidden(again(eager.sim, device)) == {TIKTOK}
    after = check_in(eager, device)
    assert hidden(after) == set()
    assert TIKTOK in app_ids(after)


def test_two_different_blocked_lists_are_a_conflict_and_nothing_changes(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    first = assigned(eager, CATALOG, blocked_list("com.tencent.xin"))
    check_in(eager, device)
    second = assigned(eager, CATALOG, blocked_list(TIKTOK))
    after = check_in(eager, device)
    assert sorted(after["conflicts"]) == sorted([first, second])
    assert TIKTOK not in hidden(after)
    eager.delete(f"{CATALOG}/{first}")
    assert hidden(check_in(eager, device)) == {TIKTOK}


@pytest.mark.parametrize(("polarity", "others_vanish"), [("appsNotInListCompliant", False), ("appsInListCompliant", True)])
def test_the_visibility_list_has_a_polarity(eager: Graph, polarity: str, others_vanish: bool) -> None:
    device = device_of(eager.sim, "ios_supervised")
    assigned(
        eager,
        PROFILES,
        {"@odata.type": IOS, "displayName": "x", "appsVisibilityListType": polarity, "appsVisibilityList": [ITEM]},
    )
    after = check_in(eager, device)
    assert hidden(after) == (app_ids(after) - {TIKTOK} if others_vanish else {TIKTOK})


@pytest.mark.parametrize(
    ("kind", "managed", "removed"),
    [
        ("ios_supervised", False, False),
        ("ios_supervised", True, True),
        ("windows_corporate", False, True),
        ("windows_personal", False, False),
        ("windows_personal", True, True),
    ],
)
def test_uninstall_removes_what_intune_installed(eager: Graph, kind: str, managed: bool, removed: bool) -> None:
    [enrolled] = eager.sim.devices([{"op": "enroll", "kind": kind}])
    device = {"id": enrolled["devices"][0]}
    eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok", "managed": managed}])
    if kind.startswith("ios"):
        body = {"@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "bundleId": TIKTOK}
    else:
        body = {"@odata.type": "#microsoft.graph.winGetApp", "displayName": "TikTok", "packageIdentifier": "9NH2GPH4JZS4"}
    assigned(eager, APPS, body, intent="uninstall")
    names = {app["name"] for app in check_in(eager, device)["apps"]}
    assert ("TikTok" not in names) is removed


@pytest.mark.parametrize(
    ("kind", "profile", "removed"),
    [
        ("android_fully_managed", "work", True),
        ("android_dedicated", "work", True),
        ("android_cope", "work", True),
        ("android_cope", "personal", False),
        ("android_work_profile", "work", True),
        ("android_work_profile", "personal", False),
    ],
)
def test_on_android_uninstall_removes_from_the_work_side_and_blocks(eager: Graph, kind: str, profile: str, removed: bool) -> None:
    [enrolled] = eager.sim.devices([{"op": "enroll", "kind": kind}])
    device = {"id": enrolled["devices"][0]}
    eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok", "profile": profile}])
    eager.assign(APPS, play_app(eager), ALL_DEVICES, intent="uninstall")
    assert (TIKTOK not in app_ids(check_in(eager, device))) is removed
    [result] = eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok", "profile": profile}])
    assert bool(result["refused"]) is removed


def test_taking_an_assignment_away_takes_the_app_away_where_the_device_is_the_companys(eager: Graph) -> None:
    devices = [
        {"id": eager.sim.devices([{"op": "enroll", "kind": kind}])[0]["devices"][0]} for kind in ("android_cope", "android_work_profile")
    ]
    key = play_app(eager)
    eager.assign(APPS, key, ALL_DEVICES, intent="required")
    assert [TIKTOK in app_ids(check_in(eager, device)) for device in devices] == [True, True]
    eager.assign(APPS, key)
    assert [TIKTOK in app_ids(check_in(eager, device)) for device in devices] == [False, True]


def test_the_managed_store_is_an_allow_list_unless_a_profile_says_otherwise(eager: Graph) -> None:
    device = device_of(eager.sim, "android_fully_managed", app=None)
    order = {"op": "install", "device": device["id"], "app": {"id": "com.example.game", "name": "Game"}}
    check_in(eager, device)
    assert eager.sim.devices([order])[0]["refused"] == []
    [baseline] = [item for item in eager.sim.state()["objects"]["deviceConfigurations"] if item.get("playStoreMode") == "blockList"]
    eager.patch(f"{PROFILES}/{baseline['id']}", {"@odata.type": ANDROID, "playStoreMode": "allowList"})
    eager.sim.devices([{"op": "remove", "device": device["id"], "app": "com.example.game"}])
    check_in(eager, device)
    assert "allow list" in eager.sim.devices([order])[0]["refused"][0]["reason"]


@pytest.mark.parametrize(("version", "removed"), [("13", True), ("10", False)])
def test_the_personal_side_of_cope_obeys_a_block_list(eager: Graph, version: str, removed: bool) -> None:
    [enrolled] = eager.sim.devices([{"op": "enroll", "kind": "android_cope", "set": {"os_version": version}}])
    device = {"id": enrolled["devices"][0]}
    eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok", "profile": "personal"}])
    body = {"@odata.type": ANDROID, "displayName": "x", "personalProfilePlayStoreMode": "blockedApps"}
    assigned(eager, PROFILES, {**body, "personalProfilePersonalApplications": [ITEM]})
    assert (TIKTOK not in app_ids(check_in(eager, device))) is removed
    [result] = eager.sim.devices([{"op": "install", "device": device["id"], "app": "tiktok", "profile": "personal"}])
    assert result["refused"][0]["reason"] == "blocked in the personal profile"


def test_grace_counts_from_when_the_device_failed_and_then_work_is_closed(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_personal", compliance="compliant")
    assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=72), ALL_USERS)
    eager.sim.clock(advance=10 * 3600)
    after = check_in(eager, device)
    assert (after["compliance"], after["grace_ends"], after["work_access"]) == ("inGracePeriod", "2023-03-04T10:00:00Z", True)
    record = eager.get(f"/v1.0/deviceManagement/managedDevices/{device['id']}").body
    assert record["complianceState"] == "inGracePeriod"
    assert record["complianceGracePeriodExpirationDateTime"] == "2023-03-04T10:00:00Z"
    eager.sim.clock(now="2023-03-04T10:00:00Z")
    after = again(eager.sim, device)
    assert (after["compliance"], after["work_access"]) == ("noncompliant", False)
    eager.sim.devices([{"op": "remove", "device": device["id"], "app": "tiktok"}])
    assert again(eager.sim, device)["work_access"] is False
    after = check_in(eager, device)
    assert (after["compliance"], after["work_access"]) == ("compliant", True)


def test_work_stays_open_without_a_conditional_access_policy_in_force(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_personal", compliance="compliant")
    assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=0), ALL_USERS)
    assert check_in(eager, device)["work_access"] is False
    path = "/v1.0/identity/conditionalAccess/policies"
    [policy] = eager.get(path).body["value"]
    eager.patch(f"{path}/{policy['id']}", {"state": "enabledForReportingButNotEnforced"})
    assert again(eager.sim, device)["work_access"] is True


def test_apple_user_enrollment_is_never_judged_by_its_apps(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_user_enrollment", compliance="compliant")
    assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=0), ALL_USERS)
    assert check_in(eager, device)["compliance"] == "compliant"


@pytest.mark.parametrize(
    ("kind", "aim", "polarity", "told"),
    [
        ("ios_personal", ALL_USERS, "appsNotInListCompliant", True),
        ("ios_supervised", ALL_USERS, "appsNotInListCompliant", True),
        ("ios_personal", ALL_DEVICES, "appsNotInListCompliant", False),
        ("ios_user_enrollment", ALL_USERS, "appsNotInListCompliant", False),
        ("ios_personal", ALL_USERS, "appsInListCompliant", False),
        ("mac_personal", ALL_USERS, "appsNotInListCompliant", True),
    ],
)
def test_a_prohibited_list_assigned_to_users_reports_violations(
    eager: Graph, kind: str, aim: dict[str, Any], polarity: str, told: bool
) -> None:
    device = device_of(eager.sim, kind)
    kind_of_profile = "#microsoft.graph.macOSGeneralDeviceConfiguration" if kind.startswith("mac") else IOS
    body = {"@odata.type": kind_of_profile, "displayName": "BAN report", "compliantAppListType": polarity, "compliantAppsList": [ITEM]}
    key = assigned(eager, PROFILES, body, aim)
    path = "/beta/deviceManagement/deviceConfigurationRestrictedAppsViolations"
    assert eager.get(path).body["value"] == []
    check_in(eager, device)
    violations = eager.get(path).body["value"]
    assert ([row["restrictedApps"] for row in violations] == [[{"appId": TIKTOK}]]) is told
    for row in violations:
        assert (row["deviceConfigurationId"], row["managedDeviceId"], row["userId"]) == (key, device["id"], device["user"])


def test_a_device_that_is_offline_does_not_come(sim: Simulation, eager: Graph) -> None:
    stale = next(device for device in sim.state()["devices"] if not device["online"])
    before = sim.state()["volatile"]["devices"][stale["id"]]["last_sync"]
    assert eager.post(f"/v1.0/deviceManagement/managedDevices/{stale['id']}/syncDevice").status == 204
    sim.clock(advance=3600, check_in=True)
    assert sim.state()["volatile"]["devices"][stale["id"]]["last_sync"] == before


def test_a_filter_that_somebody_deleted_reaches_nobody(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    path = "/beta/deviceManagement/assignmentFilters"
    rule = '(device.manufacturer -eq "Apple")'
    chosen = eager.make(path, {"displayName": "Apple", "platform": "iOS", "rule": rule})
    fields = {"deviceAndAppManagementAssignmentFilterId": chosen, "deviceAndAppManagementAssignmentFilterType": "include"}
    assigned(eager, CATALOG, blocked_list(TIKTOK), target("allDevices", **fields))
    assert hidden(check_in(eager, device)) == {TIKTOK}
    eager.sim.objects({"remove": {"path": path.removeprefix("/beta/"), "id": chosen}})
    assert hidden(check_in(eager, device)) == set()


def test_sync_brings_an_online_device_at_once_and_messages_reach_phones(eager: Graph) -> None:
    phone, computer = device_of(eager.sim, "ios_supervised"), device_of(eager.sim, "windows_corporate", app=None)
    assigned(eager, CATALOG, blocked_list(TIKTOK))
    assert eager.post(f"/v1.0/deviceManagement/managedDevices/{phone['id']}/syncDevice").status == 204
    assert hidden(again(eager.sim, phone)) == {TIKTOK}
    action = "sendCustomNotificationToCompanyPortal"
    message = {"notificationTitle": "TikTok", "notificationBody": "Remove it by 15 March."}
    assert eager.post(f"/beta/deviceManagement/managedDevices/{phone['id']}/{action}", message).status == 204
    assert again(eager.sim, phone)["notifications"] == [
        {"title": "TikTok", "body": message["notificationBody"], "at": "2023-03-01T00:00:00Z"}
    ]
    assert eager.post(f"/beta/deviceManagement/managedDevices/{computer['id']}/{action}", message).status == 400
    assert eager.post(f"/v1.0/deviceManagement/managedDevices/{phone['id']}/{action}", message).status == 400


def test_a_required_app_takes_the_users_copy_under_management(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    body = {"@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "bundleId": TIKTOK}
    key = assigned(eager, APPS, body, intent="required")
    check_in(eager, device)
    eager.assign(APPS, key, ALL_DEVICES, intent="uninstall")
    assert TIKTOK not in app_ids(check_in(eager, device))


def test_lifting_restores_the_objects(eager: Graph) -> None:
    before = eager.sim.state()["objects"]
    key = assigned(eager, CATALOG, blocked_list(TIKTOK), target("group", groupId=before["groups"][0]["id"]))
    assert eager.sim.state()["objects"] != before
    eager.assign(CATALOG, key)
    eager.delete(f"{CATALOG}/{key}")
    assert eager.sim.state()["objects"] == before


def test_actions_in_bulk_answer_for_every_device(eager: Graph) -> None:
    phone, computer = device_of(eager.sim, "ios_supervised"), device_of(eager.sim, "windows_corporate", app=None)
    message = {"notificationTitle": "TikTok", "notificationBody": "Remove it."}
    body = {"actionName": "customTextNotification", "deviceIds": [phone["id"], computer["id"], "none"], **message}
    answer = eager.post("/beta/deviceManagement/managedDevices/executeAction", body)
    assert answer.status == 200
    assert answer.body["successfulDeviceIds"] == [phone["id"]]
    assert answer.body["notSupportedDeviceIds"] == [computer["id"]]
    assert answer.body["notFoundDeviceIds"] == ["none"]
    assert again(eager.sim, phone)["notifications"][0]["body"] == "Remove it."
    assert eager.post("/beta/deviceManagement/managedDevices/executeAction", {**body, "deviceIds": ["x"] * 101}).status == 400


def test_changing_the_grace_changes_it_for_devices_that_failed_already(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_personal", compliance="compliant")
    key = assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=8760), ALL_USERS)
    assert check_in(eager, device)["compliance"] == "inGracePeriod"
    eager.sim.clock(advance=3600)
    rules = compliance(TIKTOK, hours=0)["scheduledActionsForRule"]
    eager.post(f"{COMPLIANCE}/{key}/scheduleActionsForRules", {"deviceComplianceScheduledActionForRules": rules})
    assert again(eager.sim, device)["compliance"] == "noncompliant"
    eager.assign(COMPLIANCE, key)
    assert check_in(eager, device)["compliance"] == "compliant"
    eager.assign(COMPLIANCE, key, ALL_USERS)
    rules = compliance(TIKTOK, hours=2)["scheduledActionsForRule"]
    eager.post(f"{COMPLIANCE}/{key}/scheduleActionsForRules", {"deviceComplianceScheduledActionForRules": rules})
    # Lifting during grace starts the count afresh.
    assert check_in(eager, device)["grace_ends"] == "2023-03-01T03:00:00Z"
