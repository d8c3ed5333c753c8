# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other administrators of the same tenant: their objects stay, ours are put right, and clashes are said before any write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.everything import LATER, NEXT_DAY, NOW, everything, picture
from tests.support.intune.tenant import Tenant, lifted, plain
from tests.support.intune.tenant_devices import (
    TIKTOK,
    bans,
    can_install_tiktok,
    can_open_tiktok,
    change,
    contact,
    device_of,
    devices_of,
    has_tiktok,
    install_tiktok,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    without_tiktok,
    written,
)

pytestmark = [pytest.mark.usefixtures("graph_contract", "no_waiting"), pytest.mark.long]

APPS = "deviceAppManagement/mobileApps"
CATALOG = "deviceManagement/configurationPolicies"
PROFILES = "deviceManagement/deviceConfigurations"
COMPLIANCE = "deviceManagement/deviceCompliancePolicies"
FILTERS = "deviceManagement/assignmentFilters"
ALL_DEVICES = {"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
PLAY_APP = {
    "@odata.type": "#microsoft.graph.androidManagedStoreApp", "displayName": "TikTok", "publisher": "TikTok Pte. Ltd.",
    "packageId": TIKTOK, "appIdentifier": TIKTOK,
}  # fmt: skip
IOS_APP = {
    "@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "publisher": "TikTok Pte. Ltd.", "bundleId": TIKTOK,
    "appStoreUrl": "https://apps.apple.com/app/id835599320", "applicableDeviceType": {"iPad": True, "iPhoneAndIPod": True},
    "minimumSupportedOperatingSystem": {"v13_0": True},
}  # fmt: skip


def order(city: Tenant, verb: str, **content: Any) -> Any:
    """Another administrator does something."""
    return city.simulation.objects({verb: content})[0][verb]


def to_group(group: str) -> dict[str, Any]:
    return {"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}


def stored(city: Tenant, path: str, name: str) -> dict[str, Any]:
    """An object by its name."""
    listed = city.state()["objects"][path.rsplit("/", 1)[-1]]
    return next(each for each in listed if name in (each.get("displayName"), each.get("name")))


def test_f_somebody_elses_assignments_of_a_banned_app_stay_and_are_reported(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        without_tiktok(city)
        phones = registered(city, kind="android_fully_managed", ownership="company")
        group = order(city, "group", name="Press office", members=[phones[0]["id"]])
        order(city, "plant", path=APPS, body=PLAY_APP, assignments=[{**to_group(group), "intent": "required"}])
        order(city, "plant", path=APPS, body=IOS_APP, assignments=[{**to_group(group), "intent": "available"}])
        contact(city, NOW)
        assert has_tiktok(device_of(city, phones[0]["id"]))
        before = city.state()
        foreign = [stored(city, APPS, "TikTok")["assignments"]]
        run = city.run(plain("uk"), NOW)
        assert [line for line in run.values["conflicts"] if "required" in line and TIKTOK in line]
        assert [line for line in run.values["conflicts"] if "available" in line]
        assert foreign[0][0] in stored(city, APPS, "TikTok")["assignments"]
        contact(city, LATER)
        second = city.run(plain("uk"), LATER)
        assert second.writes() == []
        assert second.values["conflicts"] == run.values["conflicts"]
        # Required wins over uninstall: the app is there and can be opened, and nothing may say that it is blocked or on its way out.
        assert can_open_tiktok(device_of(city, phones[0]["id"]))
        assert outcomes(second, [phones[0]]) == {("cannot_enforce", "foreign_assignment")}
        last = city.run(plain("uk"), LATER, on_conflict="fail", expect_failure=True)
        assert "somebody else's assignments work against the ban" in last.message
        assert last.writes() == []
        city.run(lifted(plain("uk")), LATER)
        assert city.state()["objects"] == before["objects"]


def test_f_on_conflict_fail_fails_only_after_everything_was_done(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        order(city, "plant", path=APPS, body=PLAY_APP, assignments=[{**ALL_DEVICES, "intent": "required"}])
        run = city.run(plain("uk"), NOW, on_conflict="fail", expect_failure=True)
        assert run.changed()
        assert "required for all devices" in run.message
        # There is no room for a second assignment to all devices, so none is tried, again and again.
        again = city.run(plain("uk"), NOW)
        assert again.writes() == []
        everybody = devices_of(city, kind="android_fully_managed", ownership="company")
        assert outcomes(again, everybody) <= {("cannot_enforce", "foreign_assignment"), ("not_observable", "inventory_incomplete")}


def test_f_somebody_elses_uninstallation_for_everybody_is_reported_and_does(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        order(city, "plant", path=APPS, body=PLAY_APP, assignments=[{**ALL_DEVICES, "intent": "uninstall"}])
        run = city.run(plain("uk"), NOW)
        assert [line for line in run.values["conflicts"] if "uninstall for all devices" in line]
        contact(city, LATER)
        assert city.run(plain("uk"), LATER).writes() == []
        contact(city, NEXT_DAY)
        android = devices_of(city, kind="android_fully_managed", ownership="company", online=True)
        assert outcomes(city.run(plain("uk"), NEXT_DAY), android) == {("not_observable", "inventory_incomplete")}
        city.run(lifted(plain("uk")), NEXT_DAY)
        assert stored(city, APPS, "TikTok")["assignments"]


def test_a_ban_that_comes_to_reach_more_devices_changes_its_filters(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("uk"), NOW)
        wider = written(tmp_path, "uk", **{"ownership: [corporate, shared]": "ownership: [corporate, shared, personal]"})
        city.run(wider, LATER)
        assert city.run(wider, LATER).writes() == []
        contact(city, NEXT_DAY)
        assert all(reached(city)[each["id"]] for each in registered(city, kind="android_work_profile"))
        city.run(plain("uk"), NEXT_DAY)
        contact(city, "2023-03-22T09:00:00Z")
        assert not any(reached(city)[each["id"]] for each in devices_of(city, ownership="personal"))


def clashes(city: Tenant) -> None:
    """Objects of somebody else that have the names of ours, one of each collection."""
    made = {each["displayName"] if "displayName" in each else each["name"]: (path, each) for path, each in every(city) if ours(each)}
    city.run(lifted(everything(city.evidence_dir.parent)), NOW)
    for name, (path, each) in made.items():
        if path == "groups":
            order(city, "group", name=name)
        elif path != "mobileApps":
            body = {key: each[key] for key in BODIES[path] if each.get(key) is not None}
            order(city, "plant", path=f"deviceManagement/{path}", body={**body, "description": "Mine"})


BODIES = {
    "configurationPolicies": ("@odata.type", "name", "platforms", "technologies", "settings"),
    "deviceConfigurations": (
        "@odata.type", "displayName", "compliantAppListType", "compliantAppsList", "omaSettings", "payload", "payloadName",
        "payloadFileName", "personalProfilePlayStoreMode", "personalProfilePersonalApplications", "deploymentChannel",
    ),
    "deviceCompliancePolicies": ("@odata.type", "displayName", "restrictedApps", "scheduledActionsForRule"),
    "assignmentFilters": ("@odata.type", "displayName", "platform", "rule"),
}  # fmt: skip


def every(city: Tenant) -> list[tuple[str, dict[str, Any]]]:
    return [(path, each) for path, listed in city.state()["objects"].items() for each in listed if path != "indicators"]


def ours(each: dict[str, Any]) -> bool:
    return "managed-by=appban.endpoint" in f"{each.get('description')} {each.get('notes')}"


def test_g_names_that_others_use_are_refused_before_any_write(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(everything(tmp_path), NOW)
        names = [name for key, name in bans(city).items() if key not in {each["id"] for path, each in every(city) if path == "mobileApps"}]
        clashes(city)
        before = city.state()
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert run.writes() == []
        assert city.state() == before
        assert len(names) > 15
        assert [name for name in names if name not in run.message] == []
        assert "Nothing was written" in run.message
        assert city.run(everything(tmp_path), NOW, check=True, expect_failure=True).message == run.message


def test_g_adopt_takes_over_what_has_our_names(tmp_path: Path) -> None:
    body = {
        "@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "BAN uk iOS blocked apps",
        "appsVisibilityListType": "appsInListCompliant", "appsVisibilityList": [
            {"@odata.type": "#microsoft.graph.appListItem", "appId": "com.example.mine", "name": "Mine"}
        ],
    }  # fmt: skip
    with prompt_tenant(tmp_path, NOW) as city:
        key = order(city, "plant", path=PROFILES, body=body, assignments=[ALL_DEVICES])
        assert "BAN uk iOS blocked apps" in city.run(plain("uk"), NOW, ios_mechanism="visibility_list", expect_failure=True).message
        assert city.run(plain("uk"), NOW, ios_mechanism="visibility_list", adopt=True).changed()
        assert stored(city, PROFILES, "BAN uk iOS blocked apps")["id"] == key
        assert key in bans(city)
        contact(city, LATER)
        phone = registered(city, kind="ios_supervised", ownership="company")[0]
        hidden = {app["id"] for app in device_of(city, phone["id"])["apps"] if app["hidden"]}
        assert hidden <= {TIKTOK, "com.ss.iphone.ugc.tiktok.lite"}
        assert city.run(plain("uk"), LATER, ios_mechanism="visibility_list").writes() == []


@pytest.mark.fault_kind("T8", "policies in runs of their own give one iPhone two lists of blocked apps: Intune applies neither")
@pytest.mark.parametrize("mechanism", ["settings_catalog", "visibility_list"])
def test_g_the_list_of_a_policy_of_another_run_is_named_before_a_second_one_is_written(tmp_path: Path, mechanism: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("uk"), NOW, ios_mechanism=mechanism)
        run = city.run(plain("calgary"), NOW, ios_mechanism=mechanism, check=True)
        [told] = [each for each in run.values["conflicts"] if "iPhones and iPads" in each]
        assert "BAN uk iOS blocked apps" in told
        assert "uk" in told
        assert "the same run" in told
        # Together they are one list, and there is nothing to say.
        both = city.run([plain("uk"), plain("calgary")], NOW, ios_mechanism=mechanism)
        assert [each for each in both.values["conflicts"] if "iPhones and iPads" in each] == []


@pytest.mark.parametrize("path", [CATALOG, PROFILES, COMPLIANCE])
def test_g_duplicates_of_ours_are_reduced_to_one(tmp_path: Path, path: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(everything(tmp_path), NOW)
        once = picture(city)
        kind = path.rsplit("/", 1)[-1]
        original = next(each for where, each in every(city) if where == kind and ours(each))
        body = {key: original[key] for key in (*BODIES[kind], "description") if original.get(key) is not None}
        assignments = [{"target": {k: v for k, v in each["target"].items() if v is not None}} for each in original["assignments"]]
        order(city, "plant", path=path, body=body, assignments=assignments)
        assert picture(city) != once
        run = city.run(everything(tmp_path), LATER)
        assert [change for change in run.changes() if not change.startswith("delete")] == []
        assert picture(city) == once
        assert city.run(everything(tmp_path), LATER).writes() == []


@pytest.mark.parametrize("name", ["BAN uk iOS blocked apps", "BAN uk Android personal block list", "BAN uk Windows AppLocker"])
def test_h_a_filter_that_another_tool_took_off_is_put_back_and_reported(tmp_path: Path, name: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        # A private device on which the control would have its effect if nothing held it back.
        kind = {"iOS": "ios_supervised", "Android": "android_cope", "Windows": "windows_corporate"}[name.split()[2]]
        personal = registered(city, kind=kind, ownership="company")[0]["id"]
        change(city, personal, ownership="personal")
        city.run(plain("uk"), NOW)
        once = picture(city)
        path = CATALOG if "iOS" in name else PROFILES
        order(city, "assign", path=path, id=stored(city, path, name)["id"], assignments=[ALL_DEVICES])
        contact(city, LATER)
        # AppLocker has no effect on a private Windows.
        assert name in reached(city)[personal] or "AppLocker" in name
        check = city.run(plain("uk"), LATER, check=True)
        assert check.values["drift"] == [f"{name} was assigned without its filter"]
        run = city.run(plain("uk"), LATER)
        assert run.values["drift"] == check.values["drift"]
        assert picture(city) == once
        contact(city, NEXT_DAY)
        assert reached(city)[personal] == set()
        again = city.run(plain("uk"), NEXT_DAY)
        assert (again.writes(), again.values["drift"]) == ([], [])


def test_h_a_filter_that_another_tool_took_off_an_uninstallation_is_put_back_too(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("uk"), NOW)
        once = picture(city)
        app = next(each for path, each in every(city) if path == "mobileApps" and each.get("packageId") == TIKTOK)
        order(city, "assign", path=APPS, id=app["id"], assignments=[{**ALL_DEVICES, "intent": "uninstall"}])
        run = city.run(plain("uk"), LATER)
        assert picture(city) == once
        assert run.values["drift"]
        assert city.run(plain("uk"), NEXT_DAY).writes() == []


def test_h_changed_settings_rules_and_members_are_put_right(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        policy = everything(tmp_path)
        city.run(policy, NOW)
        once = picture(city)
        filters = [each for path, each in every(city) if path == "assignmentFilters"]
        order(city, "patch", path=FILTERS, id=filters[0]["id"], body={"rule": '(device.deviceOwnership -eq "Personal")'})
        profile = next(
            each
            for path, each in every(city)
            if path == "deviceConfigurations" and each.get("personalProfilePlayStoreMode") == "blockedApps"
        )
        order(city, "patch", path=PROFILES, id=profile["id"], body={"personalProfilePersonalApplications": []})
        compliance = next(each for path, each in every(city) if path == "deviceCompliancePolicies" and ours(each))
        order(city, "patch", path=COMPLIANCE, id=compliance["id"], body={"restrictedApps": []})
        group = next(each for path, each in every(city) if path == "groups" and ours(each))
        stranger = registered(city, kind="ios_supervised", ownership="company")[-1]
        order(city, "members", group=group["id"], add=[stranger["id"]], remove=group["members"])
        run = city.run(policy, LATER)
        assert len(run.values["drift"]) >= 3
        assert picture(city) == once
        assert city.run(policy, LATER).writes() == []


def test_a_visibility_list_hides_only_what_it_lists(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised", ownership="company")[0]["id"]
        install_tiktok(city, phone)
        city.run(plain("uk"), NOW, ios_mechanism="visibility_list")
        contact(city, LATER)
        for device in devices_of(city, kind="ios_supervised", online=True, ownership="company"):
            assert {app["name"] for app in device["apps"] if app["hidden"]} <= {"TikTok", "TikTok Lite"}
            assert not can_open_tiktok(device)
            assert any(not app["hidden"] for app in device["apps"])
        assert not can_install_tiktok(city, phone)
        # The other mechanism, later: never both for longer than the run, and no moment without.
        assert city.run(plain("uk"), LATER).changed()
        contact(city, NEXT_DAY)
        assert [name for name in bans(city).values() if "iOS blocked apps" in name] == ["BAN uk iOS blocked apps"]
        assert not can_install_tiktok(city, phone)
        assert city.run(plain("uk"), NEXT_DAY).writes() == []


def test_applocker_keeps_no_other_app_from_starting(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        windows = registered(city, kind="windows_corporate", ownership="company")[0]["id"]
        other = {"id": "Microsoft.WindowsCalculator_8wekyb3d8bbwe", "name": "Calculator", "package": "Microsoft.WindowsCalculator"}
        city.simulation.devices([{"op": "install", "device": windows, "app": other}])
        city.run(plain("uk"), NOW)
        contact(city, LATER)
        for device in devices_of(city, kind="windows_corporate", ownership="company"):
            assert {app["name"] for app in device["apps"] if app["launch_blocked"]} <= {"TikTok"}
        assert device_of(city, windows)["errors"] == []
        assert not can_install_tiktok(city, windows)
        late = {"id": "Example.Later_1a2b3c4d5e6f7", "name": "Later", "package": "Example.Later"}
        assert city.simulation.devices([{"op": "install", "device": windows, "app": late}])[0]["refused"] == []


def test_two_bans_in_one_tenant_leave_each_other_alone(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("calgary"), NOW)
        calgary = picture(city)
        city.run(plain("uk"), NOW, target="uk")
        assert set(calgary) <= set(picture(city))
        assert city.run(plain("calgary"), NOW).writes() == []
        city.run(lifted(plain("uk")), NOW, target="uk")
        assert picture(city) == calgary
