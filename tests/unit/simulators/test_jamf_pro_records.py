# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of devices: one by one, odd ones, and those of devices that come again, leave or are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.jamf_pro.jamf_pro_client import COMPUTERS, DETAIL, SMART, TIKTOK, Jamf, tenant

MOBILE = "/api/v2/mobile-devices"
COMPUTER = "/api/v1/computers-inventory"


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def with_tiktok(jamf: Jamf, kind: str) -> dict[str, Any]:
    device = jamf.device(kind)
    jamf.sim.devices([{"op": "install", "device": device["key"], "app": "tiktok"}, {"op": "inventory", "device": device["key"]}])
    return jamf.again(device)


def row_of(jamf: Jamf, device: dict[str, Any]) -> dict[str, Any]:
    """A device's row in the inventory, with all that is asked for."""
    path, key = (COMPUTERS, "id") if device["platform"] == "macos" else (DETAIL, "mobileDeviceId")
    rows = jamf.get(f"{path}?section=GENERAL&section=HARDWARE&section=APPLICATIONS&page-size=500").json["results"]
    found: dict[str, Any] = next(row for row in rows if row[key] == str(device["id"]))
    return found


def app_row(jamf: Jamf, device: dict[str, Any]) -> dict[str, Any]:
    """The row of TikTok: rows keep the order of the apps that are there, however they are spelled."""
    place = [app["id"] for app in device["apps"]].index(TIKTOK)
    return dict(row_of(jamf, device)["applications"][place])


def test_one_mobile_device_is_looked_up(jamf: Jamf) -> None:
    device = with_tiktok(jamf, "iphone_supervised")
    short = jamf.get(f"{MOBILE}/{device['id']}").json
    assert (short["id"], short["serialNumber"], short["managementId"]) == (str(device["id"]), device["serial"], device["management_id"])
    detail = jamf.get(f"{MOBILE}/{device['id']}/detail").json
    assert (detail["serialNumber"], detail["managed"], detail["type"], detail["tvos"]) == (device["serial"], True, "ios", None)
    assert TIKTOK in [app["identifier"] for app in detail["ios"]["applications"]]
    row = row_of(jamf, device)
    assert detail["lastInventoryUpdateTimestamp"] == row["general"]["lastInventoryUpdateDate"]
    television = jamf.device("apple_tv")
    assert jamf.get(f"{MOBILE}/{television['id']}/detail").json["tvos"]["applications"]


def test_one_computer_is_looked_up(jamf: Jamf) -> None:
    device = with_tiktok(jamf, "mac_supervised")
    for version in ("v1", "v2", "v3"):
        row = jamf.get(f"/api/{version}/computers-inventory/{device['id']}").json
        assert (row["id"], row["general"]["managementId"], row["applications"]) == (str(device["id"]), device["management_id"], None)
    asked = jamf.get(f"{COMPUTER}/{device['id']}?section=APPLICATIONS").json
    assert TIKTOK in [app["bundleId"] for app in asked["applications"]]
    every = jamf.get(f"{COMPUTER}-detail/{device['id']}").json
    assert (every["hardware"]["serialNumber"], every["applications"]) == (device["serial"], asked["applications"])


def test_who_is_not_there_is_404_and_who_may_not_ask_is_403(jamf: Jamf) -> None:
    paths = [f"{MOBILE}/9999", f"{MOBILE}/9999/detail", f"{COMPUTER}/9999", f"{COMPUTER}-detail/9999"]
    assert [jamf.get(path).code for path in paths] == ["NOT_FOUND"] * 4
    jamf.sim.objects({"settings": {"privileges": []}})
    assert [jamf.get(path).code for path in paths] == ["INVALID_PRIVILEGE"] * 4


def test_a_corrupt_record_is_500_by_itself_too(jamf: Jamf) -> None:
    jamf.sim.devices([{"op": "patch", "device": "m1", "set": {"corrupt": True}}])
    assert (jamf.get(f"{MOBILE}/1").status, jamf.get(f"{MOBILE}/1/detail").status) == (500, 500)


@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
def test_one_is_found_by_serial_number(jamf: Jamf, kind: str) -> None:
    device = jamf.device(kind)
    path, field = (COMPUTERS, "hardware.serialNumber") if kind.startswith("mac") else (DETAIL, "serialNumber")
    found = jamf.get(f"{path}?section=HARDWARE&filter={field}==%22{device['serial']}%22").json
    assert (found["totalCount"], found["results"][0]["hardware"]["serialNumber"]) == (1, device["serial"])
    assert jamf.get(f"{path}?filter={field}==%22nobody%22").json == {"totalCount": 0, "results": []}


@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
@pytest.mark.fault_kind("T3", "Jamf Pro simulator")
def test_apps_are_spelled_in_ways_that_nobody_sees(jamf: Jamf, kind: str) -> None:
    device = with_tiktok(jamf, kind)
    mac = kind.startswith("mac")
    shown, identifier = ("file", "bundleId") if mac else ("name", "identifier")
    order = {"op": "misreport", "device": device["key"], "app": "tiktok"}
    jamf.sim.devices([{**order, "set": {shown: "mark", "id": "case"}}])
    row = app_row(jamf, device)
    assert (row["name"], row[identifier]) == ("\u200eTikTok.app" if mac else "\u200eTikTok", TIKTOK.swapcase())
    jamf.sim.devices([{**order, "set": {shown: "Tik\u200bTok"}}, {"op": "inventory", "device": device["key"]}])
    assert app_row(jamf, device)["name"] == "Tik\u200bTok"
    jamf.sim.devices([{**order, "set": {shown: None, "id": None}}])
    row = app_row(jamf, device)
    assert (row["name"], row[identifier]) == (None, None)
    jamf.sim.devices([{**order, "drop": [shown, "id"]}])
    assert not {"name", identifier} & set(app_row(jamf, device))
    # The device itself is what it was.
    assert jamf.again(device)["apps"] == device["apps"]
    for wrong in ({"set": {"managed": True}}, {"app": "com.example.absent"}):
        if "app" in wrong:
            assert jamf.sim.devices([{**order, **wrong}])[0]["refused"][0]["reason"] == "not installed"
        else:
            with pytest.raises(ValueError, match="can't spell"):
                jamf.sim.devices([{**order, **wrong}])


def test_smart_groups_go_by_the_spelling(jamf: Jamf) -> None:
    device = with_tiktok(jamf, "iphone_supervised")
    rule = {"name": "App Identifier", "priority": 0, "andOr": "and", "searchType": "is", "value": TIKTOK,
            "openingParen": False, "closingParen": False}  # fmt: skip
    made = jamf.call("POST", SMART, {"groupName": "g", "groupDescription": "", "siteId": "-1", "criteria": [rule]}).json["id"]

    def is_member() -> bool:
        path = f"/api/v1/mobile-device-groups/smart-group-membership/{made}?page-size=500"
        return str(device["id"]) in [row["mobileDeviceId"] for row in jamf.get(path).json["results"]]

    assert is_member()
    jamf.sim.devices([{"op": "misreport", "device": device["key"], "app": "tiktok", "set": {"id": None}}])
    assert not is_member()


@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
def test_sections_may_be_anything(jamf: Jamf, kind: str) -> None:
    device = with_tiktok(jamf, kind)
    right = row_of(jamf, device)
    seen = {}
    for odd in ("missing", "null", "text", "list", "object", "null_item", "text_item"):
        jamf.sim.devices([{"op": "patch", "device": device["key"], "set": {"odd_sections": {"applications": odd}}}])
        row = row_of(jamf, device)
        seen[odd] = row.get("applications", "missing")
        assert {**row, "applications": None} == {**right, "applications": None}
    apps = right["applications"]
    assert seen == {
        "missing": "missing", "null": None, "text": "unavailable", "list": [], "object": {}, "null_item": [*apps, None],
        "text_item": [*apps, "unavailable"],
    }  # fmt: skip
    jamf.sim.devices([{"op": "patch", "device": device["key"], "set": {"odd_sections": {"general": "null", "hardware": "missing"}}}])
    row = row_of(jamf, device)
    assert (row["general"], "hardware" in row, row["applications"]) == (None, False, apps)
    with pytest.raises(ValueError, match="a section can only be"):
        jamf.sim.devices([{"op": "patch", "device": device["key"], "set": {"odd_sections": {"general": "purple"}}}])


def test_a_lone_record_is_as_odd(jamf: Jamf) -> None:
    odd = {"odd_sections": {"applications": "null"}}
    jamf.sim.devices([{"op": "patch", "device": ["m1", "c1"], "set": odd}])
    detail = jamf.get(f"{MOBILE}/1/detail").json
    assert detail[detail["type"]]["applications"] is None
    assert jamf.get(f"{COMPUTER}-detail/1").json["applications"] is None


@pytest.mark.fault_kind("T8d", "Jamf Pro simulator")
def test_a_device_in_daily_contact_may_send_no_inventory(jamf: Jamf) -> None:
    mac = with_tiktok(jamf, "mac_supervised")
    before = row_of(jamf, mac)["general"]
    jamf.sim.devices([{"op": "patch", "device": mac["key"], "set": {"sends_inventory": False}}])
    jamf.sim.devices([{"op": "remove", "device": mac["key"], "app": "tiktok"}])
    jamf.sim.clock(advance=29 * 86400, check_in=True)
    now = row_of(jamf, mac)
    assert now["general"]["reportDate"] == before["reportDate"]
    assert now["general"]["lastContactTime"] > before["lastContactTime"]
    assert TIKTOK in [app["bundleId"] for app in now["applications"]]
    assert jamf.sim.devices([{"op": "inventory", "device": mac["key"]}])[0]["refused"][0]["reason"] == "sends no inventory"
    jamf.sim.devices([{"op": "patch", "device": mac["key"], "set": {"last_inventory": "2022-01-01T00:00:00Z"}}])
    assert row_of(jamf, mac)["general"]["reportDate"] == "2022-01-01T00:00:00Z"


@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
@pytest.mark.parametrize("record", ["gone", "unmanaged", "managed", "same"])
def test_a_device_enrolls_again(jamf: Jamf, kind: str, record: str) -> None:
    before = with_tiktok(jamf, kind)
    jamf.sim.clock(advance=3600)
    [answer] = jamf.sim.devices([{"op": "reenroll", "device": before["key"], "record": record}])
    devices = {item["key"]: item for item in jamf.sim.state()["devices"]}
    now = devices[answer["devices"][0]]
    assert (now["serial"], now["udid"], now["managed"], now["profiles"]) == (before["serial"], before["udid"], True, [])
    assert now["management_id"] != before["management_id"]
    assert (now["id"] == before["id"]) is (record == "same")
    assert now["apps"] == before["apps"]
    lone = COMPUTER if kind.startswith("mac") else MOBILE
    assert jamf.get(f"{lone}/{before['id']}").status == (404 if record == "gone" else 200)
    if record in ("managed", "unmanaged"):
        old = devices[before["key"]]
        assert (old["managed"], old["online"], old["serial"]) == (record == "managed", False, before["serial"])
        assert row_of(jamf, old)["applications"] == row_of(jamf, now)["applications"]
        assert jamf.sim.devices([{"op": "check_in", "device": old["key"]}])[0]["refused"]


def test_a_wiped_device_comes_back_without_its_users_apps(jamf: Jamf) -> None:
    before = with_tiktok(jamf, "iphone_supervised")
    [answer] = jamf.sim.devices([{"op": "reenroll", "device": before["key"], "wipe": True, "set": {"supervised": False}}])
    now = next(item for item in jamf.sim.state()["devices"] if item["key"] == answer["devices"][0])
    assert TIKTOK not in [app["id"] for app in now["apps"]]
    assert (now["supervised"], now["reported_apps"]) == (False, [app["id"] for app in now["apps"]])
    with pytest.raises(ValueError, match="record of before"):
        jamf.sim.devices([{"op": "reenroll", "device": now["key"], "record": "lost"}])


def test_no_id_is_given_twice(jamf: Jamf) -> None:
    first = jamf.sim.devices([{"op": "enroll", "kind": "iphone_supervised", "serial": "A"}])[0]["devices"][0]
    jamf.sim.devices([{"op": "unenroll", "device": first}])
    assert jamf.sim.devices([{"op": "enroll", "kind": "iphone_supervised", "serial": "B"}])[0]["devices"] != [first]


def test_a_record_is_deleted_and_its_device_goes_on(jamf: Jamf) -> None:
    device = with_tiktok(jamf, "iphone_supervised")
    group = jamf.sim.objects({"group": {"name": "g", "members": [device["key"]]}})[0]["group"]
    jamf.sim.devices([{"op": "delete_record", "device": device["key"]}])
    assert jamf.get(f"{MOBILE}/{device['id']}").status == 404
    assert jamf.get(f"{DETAIL}?filter=serialNumber=={device['serial']}").json["totalCount"] == 0
    assert jamf.stored("/JSSResource/mobiledevicegroups", group)["mobile_devices"] == []
    reasons = [
        jamf.sim.devices([{"op": op, "device": device["serial"]}])[0]["refused"][0]["reason"] for op in ("check_in", "delete_record")
    ]
    assert reasons == ["no record", "no record"]
    [again] = jamf.sim.devices([{"op": "reenroll", "device": device["serial"]}])
    assert again["devices"] != [device["key"]]
    assert jamf.get(f"{DETAIL}?filter=serialNumber=={device['serial']}").json["totalCount"] == 1


def test_a_device_that_is_managed_no_more_stays_in_the_inventory(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised")
    jamf.sim.devices([{"op": "unmanage", "device": device["key"]}])
    assert row_of(jamf, device)["general"]["managed"] is False
    assert jamf.get(f"{MOBILE}/{device['id']}/detail").json["managed"] is False
    assert jamf.sim.devices([{"op": "unmanage", "device": device["key"]}])[0]["refused"][0]["reason"] == "not managed"
