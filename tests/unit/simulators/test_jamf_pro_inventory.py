# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pro API: inventory, groups and commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulators.jamf_pro.cost import page_seconds
from tests.support.jamf_pro.jamf_pro_client import COMPUTERS, DETAIL, SMART, STATIC, TIKTOK, Jamf, tenant

COMMANDS = "/api/v2/mdm/commands"


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def walk(jamf: Jamf, path: str, size: int, key: str, sort: str) -> list[str]:
    found: list[str] = []
    for page in range(50):
        rows = jamf.get(f"{path}?page={page}&page-size={size}&sort={sort}").json["results"]
        found += [row[key] for row in rows]
        if not rows:
            break
    return found


def test_sections_that_were_not_asked_for_are_null(jamf: Jamf) -> None:
    row = jamf.get(f"{DETAIL}?page-size=1").json["results"][0]
    assert row["general"]["managementId"]
    assert (row["applications"], row["hardware"]) == (None, None)
    row = jamf.get(f"{COMPUTERS}?section=GENERAL&section=APPLICATIONS&page-size=1").json["results"][0]
    assert all(app["name"].endswith(".app") for app in row["applications"])
    assert jamf.get(f"{DETAIL}?section=SECRETS").status == 400
    assert jamf.get("/api/v1/computers-inventory").json["totalCount"] == jamf.get("/api/v2/computers-inventory").json["totalCount"]


def test_big_pages_are_cut_without_a_word(jamf: Jamf) -> None:
    jamf.sim.objects({"settings": {"page_cap": 20}})
    answer = jamf.get(f"{DETAIL}?page-size=40").json
    assert len(answer["results"]) == 20 < answer["totalCount"]


def test_a_walk_is_whole_only_with_a_unique_order(jamf: Jamf) -> None:
    everybody = {str(item["id"]) for item in jamf.sim.state()["devices"] if item["platform"] != "macos"}
    walked = walk(jamf, DETAIL, 7, "mobileDeviceId", "mobileDeviceId:asc")
    assert walked == sorted(everybody, key=int)
    assert set(walk(jamf, DETAIL, 7, "mobileDeviceId", "managed:asc")) != everybody


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("managed==true;supervised==false", lambda item: item["managed"] and not item["supervised"]),
        ("osVersion>=15 and osVersion<16", lambda item: item["os_version"].startswith("15")),
        ("department=in=(Police,'Parks'),building==\"Dep*\"", lambda item: item["department"] in ("Police", "Parks")
         or item["building"] == "Depot"),
        ("(serialNumber!=JP* or supervised==true);managed==true", lambda item: item["managed"]
         and (not item["serial"] or item["supervised"])),
    ],
)  # fmt: skip
def test_filters(jamf: Jamf, rule: str, wanted: Any) -> None:
    expected = [item for item in jamf.sim.state()["devices"] if item["platform"] != "macos" and wanted(item)]
    assert jamf.get(f"{DETAIL}?page-size=1&filter={quote(rule)}").json["totalCount"] == len(expected) > 0


@pytest.mark.parametrize("rule", ["applications==x", "groups==x", "managed", "managed==true;", "(managed==true", "managed=in=true"])
def test_filters_that_do_not_exist(jamf: Jamf, rule: str) -> None:
    assert jamf.get(f"{DETAIL}?filter={quote(rule)}").status == 400


def test_pages_take_as_long_as_was_measured() -> None:
    assert page_seconds(500, True, 1) == pytest.approx(13, abs=1)
    assert 14 <= page_seconds(1000, True, 1) <= 45
    assert page_seconds(2000, True, 1) > 90


def test_the_seconds_of_big_pages_are_counted_and_not_slept() -> None:
    with tenant(1) as jamf:
        path = f"{COMPUTERS}?section=APPLICATIONS&page-size=2000"
        jamf.sim.devices([{"op": "enroll", "kind": "mac_supervised"}])
        jamf.sim.objects({"settings": {"row_weight": 5000}})
        answer = jamf.get(path)
        assert (answer.status, answer.text[:6]) == (504, "<html>")
        assert jamf.get(f"{COMPUTERS}?section=GENERAL&page-size=2000").status == 200
        assert jamf.sim.state()["volatile"]["virtual_seconds"] > 90


def test_one_corrupt_record_spoils_its_page(jamf: Jamf) -> None:
    jamf.sim.devices([{"op": "patch", "device": "m3", "set": {"corrupt": True}}])
    assert jamf.get(f"{DETAIL}?sort=mobileDeviceId&page-size=2&page=0").status == 200
    assert jamf.get(f"{DETAIL}?sort=mobileDeviceId&page-size=2&page=1").code == "INTERNAL_SERVER_ERROR"


def test_unmanaged_apps_are_collected_only_if_the_server_is_told_to(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised")
    jamf.sim.objects({"settings": {"collect_unmanaged_apps": False}})
    jamf.sim.devices([{"op": "inventory", "device": device["key"]}])
    assert TIKTOK not in jamf.again(device)["reported_apps"]
    owned = jamf.device("iphone_user_enrollment")
    assert TIKTOK not in owned["reported_apps"]


def smart(name: str, *criteria: tuple[str, str, str], joined: str = "and") -> dict[str, Any]:
    rows = [
        {"name": field, "priority": i, "andOr": joined, "searchType": search, "value": value, "openingParen": False, "closingParen": False}
        for i, (field, search, value) in enumerate(criteria)
    ]
    return {"groupName": name, "groupDescription": "ours", "siteId": "-1", "criteria": rows}


def member_ids(jamf: Jamf, number: str) -> set[str]:
    path = f"/api/v1/mobile-device-groups/smart-group-membership/{number}?page-size=500"
    return {row["mobileDeviceId"] for row in jamf.get(path).json["results"]}


def test_smart_groups_know_what_the_last_inventory_knew(jamf: Jamf) -> None:
    made = jamf.call("POST", SMART, smart("Has TikTok", ("App Identifier", "is", TIKTOK), ("Supervised", "is", "Supervised")))
    number = made.json["id"]
    devices = jamf.sim.state()["devices"]
    knows = {str(item["id"]) for item in devices if item["platform"] != "macos" and item["supervised"] and TIKTOK in item["reported_apps"]}
    assert member_ids(jamf, number) == knows
    device = jamf.device("iphone_supervised")
    key = str(device["id"])
    assert key in knows
    jamf.sim.devices([{"op": "remove", "device": device["key"], "app": "tiktok"}, {"op": "check_in", "device": device["key"]}])
    assert key in member_ids(jamf, number)
    jamf.sim.devices([{"op": "inventory", "device": device["key"]}])
    assert key not in member_ids(jamf, number)
    jamf.sim.devices([{"op": "install", "device": device["key"], "app": "tiktok"}])
    assert key not in member_ids(jamf, number)
    jamf.sim.clock(advance=86400, check_in=True)
    assert key in member_ids(jamf, number)
    assert jamf.call("DELETE", f"{SMART}/{number}").status == 204


def test_criteria_that_do_not_exist_come_back_different(jamf: Jamf) -> None:
    made = jamf.call("POST", SMART, smart("Odd", ("Application Identifier", "resembles", "x"))).json["id"]
    criterion = jamf.get(f"{SMART}/{made}").json["criteria"][0]
    assert (criterion["name"], criterion["searchType"]) == ("Username", "is")
    assert jamf.call("PUT", f"{SMART}/{made}", smart("Both", ("App Name", "like", "tik"), ("Managed", "is", "Managed"))).status == 200
    assert jamf.call("POST", SMART, smart("Both")).code == "DUPLICATE_FIELD"
    assert [row["groupName"] for row in jamf.get(f"{SMART}?page-size=5").json["results"]] == ["Both"]


def test_static_groups_stumble_over_what_is_missing(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised")
    chosen = {"mobileDeviceId": str(device["id"]), "selected": True}
    number = jamf.call("POST", STATIC, {"groupName": "Exempt", "siteId": "-1", "assignments": [chosen]}).json["id"]
    assert jamf.call("PATCH", f"{STATIC}/{number}", {"groupName": "Exempt", "siteId": "-1"}).status == 500
    assert jamf.call("PATCH", f"{STATIC}/{number}", {"groupName": "Exempt", "assignments": []}).status == 403
    unknown = {"groupName": "Exempt", "siteId": "-1", "assignments": [{"mobileDeviceId": "9999", "selected": True}]}
    assert jamf.call("PATCH", f"{STATIC}/{number}", unknown).code == "INVALID_DEVICE"
    removed = {"groupName": "Exempt", "siteId": "-1", "assignments": [{**chosen, "selected": False}]}
    assert jamf.call("PATCH", f"{STATIC}/{number}", removed).json["count"] == 0


def test_commands_wait_for_the_next_check_in(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised")
    client = {"managementId": device["management_id"]}
    jamf.sim.devices([{"op": "remove", "device": device["key"], "app": "tiktok"}])
    order = {"commandData": {"commandType": "INSTALLED_APPLICATION_LIST"}, "clientData": [client]}
    [made] = jamf.call("POST", COMMANDS, order).json
    assert jamf.get(f"{COMMANDS}?filter=uuid=={made['id']}").json["results"][0]["commandState"] == "PENDING"
    jamf.sim.devices([{"op": "check_in", "device": device["key"]}])
    assert TIKTOK not in jamf.again(device)["reported_apps"]
    assert jamf.get(f"{COMMANDS}?filter=status==ACKNOWLEDGED").json["totalCount"] == 1
    refused = jamf.call("POST", COMMANDS, {**order, "commandData": {"commandType": "REMOVE_APPLICATION"}})
    assert refused.code == "INVALID_COMMAND_TYPE"
    push = jamf.call("POST", "/api/v2/mdm/blank-push", {"clientManagementIds": [device["management_id"], "nobody"]})
    assert push.json == {"errorUuids": ["nobody"]}
    jamf.call("POST", f"/api/v1/ddm/{device['management_id']}/sync")
    path = f"/JSSResource/commandflush/mobiledevices/id/{device['id']}/status/Pending%2BFailed"
    assert jamf.call("DELETE", path).status == 200
    assert jamf.get(f"{COMMANDS}?filter=active==true").json["totalCount"] == 0
    jamf.call("POST", f"/api/v1/ddm/{device['management_id']}/sync")
    jamf.sim.devices([{"op": "check_in", "device": device["key"]}])
    assert jamf.get(f"/api/v1/ddm/{device['management_id']}/status-items").json["statusItems"]
    mac = jamf.device("mac_supervised")
    assert jamf.call("POST", f"/JSSResource/computercommands/command/BlankPush/id/{mac['id']}").status == 201
