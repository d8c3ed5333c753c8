# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignment sets: how they are written, and whom they reach."""

from __future__ import annotations

import pytest

from tests.support.intune.graph_client import (
    ALL_DEVICES,
    ALL_USERS,
    APPS,
    CATALOG,
    FILTERS,
    TIKTOK,
    Graph,
    again,
    app_ids,
    blocked_list,
    device_of,
    target,
)

STORE_APP = {"@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "bundleId": TIKTOK}


def group(graph: Graph, *members: str) -> str:
    answer: str = graph.sim.objects({"group": {"name": f"g{len(members)}", "members": list(members)}})[0]["group"]
    return answer


def reached(graph: Graph, device: dict, key: str) -> bool:
    graph.sim.devices([{"op": "check_in", "device": device["id"]}])
    return key in again(graph.sim, device)["controls"]


def test_assign_replaces_the_whole_set(eager: Graph) -> None:
    key = eager.make(CATALOG, blocked_list(TIKTOK))
    answer = eager.assign(CATALOG, key, ALL_DEVICES)
    assert answer.status == 200
    assert len(answer.body["value"]) == 1
    eager.assign(CATALOG, key, target("group", groupId=group(eager)))
    [left] = eager.get(f"{CATALOG}/{key}/assignments").body["value"]
    assert left["target"]["@odata.type"] == "#microsoft.graph.groupAssignmentTarget"
    assert (left["source"], left["sourceId"]) == ("direct", key)
    eager.assign(CATALOG, key)
    assert eager.get(f"{CATALOG}/{key}?$expand=assignments").body["assignments"] == []


def test_of_two_assignments_to_one_target_the_second_is_ignored(eager: Graph) -> None:
    key = eager.make(APPS, STORE_APP)
    items = [{"intent": "uninstall", "target": ALL_DEVICES}, {"intent": "required", "target": ALL_DEVICES}]
    assert eager.post(f"{APPS}/{key}/assign", {"mobileAppAssignments": items}).status == 204
    assert [item["intent"] for item in eager.get(f"{APPS}/{key}/assignments").body["value"]] == ["uninstall"]


def test_single_assignments_of_an_app_come_and_go(eager: Graph) -> None:
    key = eager.make(APPS, STORE_APP)
    eager.assign(APPS, key, ALL_USERS, intent="available")
    new = eager.post(f"{APPS}/{key}/assignments", {"intent": "uninstall", "target": ALL_DEVICES})
    assert new.status == 201
    assert eager.post(f"{APPS}/{key}/assignments", {"intent": "uninstall", "target": ALL_DEVICES}).status == 400
    assert len(eager.get(f"{APPS}/{key}/assignments").body["value"]) == 2
    assert eager.delete(f"{APPS}/{key}/assignments/{new.body['id']}").status == 204
    assert [item["intent"] for item in eager.get(f"{APPS}/{key}?$expand=assignments").body["assignments"]] == ["available"]


@pytest.mark.parametrize(
    ("intent", "setting", "status"),
    [
        ("uninstall", "isRemovable", 400),
        ("uninstall", "uninstallOnDeviceRemoval", 400),
        ("uninstall", "preventManagedAppBackup", 400),
        ("available", "isRemovable", 400),
        ("required", "isRemovable", 204),
    ],
)
def test_settings_must_fit_the_intent(eager: Graph, intent: str, setting: str, status: int) -> None:
    key = eager.make(APPS, STORE_APP)
    settings = {"@odata.type": "#microsoft.graph.iosStoreAppAssignmentSettings", setting: True}
    items = [{"intent": intent, "target": ALL_DEVICES, "settings": settings}]
    assert eager.post(f"{APPS}/{key}/assign", {"mobileAppAssignments": items}).status == status
    assert eager.assign(APPS, key, ALL_DEVICES, intent="uninstall").status == 204


def test_a_new_group_is_not_known_at_once(graph: Graph) -> None:
    body = {"displayName": "x", "mailEnabled": False, "mailNickname": "x", "securityEnabled": True}
    fresh = graph.make("/v1.0/groups", body)
    key = graph.make(CATALOG, blocked_list(TIKTOK))
    assert graph.assign(CATALOG, key, target("group", groupId=fresh)).status == 400
    assert graph.assign(CATALOG, key, target("group", groupId=fresh)).status == 200
    assert graph.assign(CATALOG, key, target("group", groupId="00000000-0000-0000-0000-00000000dead")).status == 400


def test_filters_belong_to_include_targets_of_beta(eager: Graph) -> None:
    rule = '(device.deviceOwnership -eq "Corporate")'
    chosen = eager.make(FILTERS, {"displayName": "Corporate", "platform": "iOS", "rule": rule})
    fields = {"deviceAndAppManagementAssignmentFilterId": chosen, "deviceAndAppManagementAssignmentFilterType": "include"}
    key = eager.make(APPS, STORE_APP)
    assert eager.assign(APPS, key, target("exclusionGroup", groupId=group(eager), **fields), intent="uninstall").status == 400
    unknown = {**fields, "deviceAndAppManagementAssignmentFilterId": "00000000-0000-0000-0000-00000000dead"}
    assert eager.assign(APPS, key, target("allDevices", **unknown), intent="uninstall").status == 400
    assert eager.assign(APPS, key, target("allDevices", **fields), intent="uninstall").status == 204
    old = f"/v1.0/deviceAppManagement/mobileApps/{key}"
    assert set(eager.get(f"{old}/assignments").body["value"][0]["target"]) == {"@odata.type"}
    refused = eager.post(f"{old}/assign", {"mobileAppAssignments": [{"intent": "uninstall", "target": target("allDevices", **fields)}]})
    assert refused.status == 400
    # Writing through v1.0 drops the filter.
    eager.post(f"{old}/assign", {"mobileAppAssignments": [{"intent": "uninstall", "target": ALL_DEVICES}]})
    [left] = eager.get(f"{APPS}/{key}/assignments").body["value"]
    assert left["target"]["deviceAndAppManagementAssignmentFilterType"] == "none"


@pytest.mark.parametrize(
    ("include", "exclude", "stays"),
    [("user", "user", False), ("device", "device", False), ("user", "device", True), ("device", "user", True),
     ("all devices", "user", True), ("all devices", "device", False), ("all users", "user", False), ("all users", "device", True)],
)  # fmt: skip
def test_an_exclusion_counts_only_within_its_kind(eager: Graph, include: str, exclude: str, stays: bool) -> None:
    device = device_of(eager.sim, "ios_supervised")
    groups = {"user": group(eager, device["user"]), "device": group(eager, device["directory_id"])}
    included = {"all devices": ALL_DEVICES, "all users": ALL_USERS}.get(include) or target("group", groupId=groups[include])
    key = eager.make(CATALOG, blocked_list(TIKTOK))
    eager.assign(CATALOG, key, included)
    assert reached(eager, device, key)
    eager.assign(CATALOG, key, included, target("exclusionGroup", groupId=groups[exclude]))
    assert reached(eager, device, key) is stays


@pytest.mark.parametrize(
    ("rule", "mode", "matches"),
    [
        ('(device.deviceOwnership -eq "Corporate")', "include", True),
        ('(device.deviceOwnership -eq "corporate")', "exclude", False),
        ('(device.deviceOwnership -eq "Personal")', "include", False),
        ('(device.manufacturer -eq "Apple") and (device.model -in ["iPhone 12", "iPhone SE", "iPhone 13"])', "include", True),
        ('(device.manufacturer -ne "Apple") or (device.model -startsWith "iPad")', "include", False),
        ('not (device.deviceOwnership -eq "Personal")', "include", True),
    ],
)
def test_filters_choose_devices(eager: Graph, rule: str, mode: str, matches: bool) -> None:
    device = device_of(eager.sim, "ios_supervised", ownership="company")
    chosen = eager.make(FILTERS, {"displayName": "x", "platform": "iOS", "rule": rule})
    fields = {"deviceAndAppManagementAssignmentFilterId": chosen, "deviceAndAppManagementAssignmentFilterType": mode}
    key = eager.make(CATALOG, blocked_list(TIKTOK))
    eager.assign(CATALOG, key, target("allDevices", **fields))
    assert reached(eager, device, key) is matches


def test_a_device_of_unknown_ownership_is_neither(eager: Graph) -> None:
    device = device_of(eager.sim, "ios_supervised")
    eager.sim.devices([{"op": "patch", "device": device["id"], "set": {"ownership": "unknown"}}])
    for wanted in ("Corporate", "Personal"):
        rule = f'(device.deviceOwnership -eq "{wanted}")'
        chosen = eager.make(FILTERS, {"displayName": wanted, "platform": "iOS", "rule": rule})
        fields = {"deviceAndAppManagementAssignmentFilterId": chosen, "deviceAndAppManagementAssignmentFilterType": "include"}
        key = eager.make(CATALOG, blocked_list(TIKTOK, name=wanted))
        eager.assign(CATALOG, key, target("allDevices", **fields))
        assert not reached(eager, device, key)


@pytest.mark.parametrize(
    ("first", "second", "removed"), [("required", "uninstall", False), ("available", "uninstall", True), ("uninstall", "uninstall", True)]
)
def test_required_beats_uninstall_and_uninstall_beats_available(eager: Graph, first: str, second: str, removed: bool) -> None:
    device = device_of(eager.sim, "ios_supervised", app=None)
    app = {"id": TIKTOK, "name": "TikTok", "managed": True}
    eager.sim.devices([{"op": "remove", "device": device["id"], "app": "tiktok"}, {"op": "install", "device": device["id"], "app": app}])
    key = eager.make(APPS, STORE_APP)
    items = [
        {"intent": first, "target": ALL_USERS},
        {"intent": second, "target": target("group", groupId=group(eager, device["user"]))},
    ]
    eager.post(f"{APPS}/{key}/assign", {"mobileAppAssignments": items})
    eager.sim.devices([{"op": "check_in", "device": device["id"]}])
    assert (TIKTOK not in app_ids(again(eager.sim, device))) is removed
