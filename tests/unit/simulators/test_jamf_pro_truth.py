# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of devices, whatever the server says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.jamf_pro.jamf_pro_client import (
    EVERYBODY,
    PROFILES,
    RESTRICTED,
    TIKTOK,
    Jamf,
    block,
    cdata,
    payload_text,
    profile_xml,
    tenant,
)

ALL = "<redeploy_on_update>All</redeploy_on_update>"
NOBODY = "<scope><all_mobile_devices>false</all_mobile_devices></scope>"


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def truth(jamf: Jamf, device: dict[str, Any] | str) -> dict[str, Any]:
    key = device if isinstance(device, str) else device["key"]
    found: dict[str, Any] = jamf.sim.state()["truth"][key]
    return found


def tiktok(jamf: Jamf, device: dict[str, Any]) -> tuple[bool, str]:
    return next((app["opens"], app["why"]) for app in truth(jamf, device)["apps"] if app["id"] == TIKTOK)


def ban(scope: str = EVERYBODY) -> str:
    return profile_xml("Ban", cdata(payload_text(block(TIKTOK))), scope, ALL)


def restricted(delete: bool, everybody: bool = True) -> str:
    flags = f"<kill_process>true</kill_process><delete_executable>{str(delete).lower()}</delete_executable>"
    general = f"<name>TikTok</name><process_name>TikTok.app</process_name>{flags}"
    scope = f"<scope><all_computers>{str(everybody).lower()}</all_computers></scope>"
    return f"<restricted_software><general>{general}</general>{scope}</restricted_software>"


def with_tiktok(jamf: Jamf, kind: str, **traits: Any) -> dict[str, Any]:
    device = jamf.device(kind, **traits)
    jamf.sim.devices([{"op": "install", "device": device["key"], "app": "tiktok"}])
    return device


def test_a_profile_is_pending_until_the_check_in_and_again_until_it_is_gone(jamf: Jamf) -> None:
    phone = with_tiktok(jamf, "iphone_supervised", os_version="16.3")
    number = jamf.make(PROFILES, ban())
    name = f"mobiledeviceconfigurationprofiles/{number}"
    assert truth(jamf, phone)["pending"] == [{"object": name, "change": "install"}]
    assert (truth(jamf, phone)["profiles"], tiktok(jamf, phone)) == ([], (True, ""))
    jamf.sim.clock(check_in=True)
    assert (truth(jamf, phone)["pending"], truth(jamf, phone)["profiles"]) == ([], [{"object": name, "name": "Ban"}])
    assert (tiktok(jamf, phone), truth(jamf, phone)["blocked"]) == ((False, "hidden"), [TIKTOK])
    jamf.put(PROFILES, number, ban())
    assert truth(jamf, phone)["pending"] == [{"object": name, "change": "update"}]
    jamf.put(PROFILES, number, ban(NOBODY))
    assert truth(jamf, phone)["pending"] == [{"object": name, "change": "remove"}]
    assert tiktok(jamf, phone) == (False, "hidden")
    jamf.sim.clock(check_in=True)
    assert (truth(jamf, phone)["pending"], tiktok(jamf, phone)) == ([], (True, ""))


def test_a_profile_that_nothing_takes_away_any_more_has_no_object(jamf: Jamf) -> None:
    phone = with_tiktok(jamf, "iphone_supervised", os_version="16.3")
    number = jamf.make(PROFILES, ban())
    jamf.sim.clock(check_in=True)
    jamf.put(PROFILES, number, ban())
    jamf.sim.clock(check_in=True)
    jamf.call("DELETE", f"{PROFILES}/id/{number}")
    jamf.sim.clock(check_in=True)
    assert truth(jamf, phone)["profiles"] == [{"object": None, "name": "Ban"}]
    assert tiktok(jamf, phone) == (False, "hidden")


def test_a_refused_profile_is_neither_there_nor_pending(jamf: Jamf) -> None:
    phone = jamf.device("iphone_user_enrollment")
    number = jamf.make(PROFILES, ban())
    jamf.sim.clock(check_in=True)
    found = truth(jamf, phone)
    assert (found["refused"], found["profiles"], found["pending"]) == ([f"mobiledeviceconfigurationprofiles/{number}"], [], [])


def test_restricted_software_arrives_at_macs_with_the_agent(jamf: Jamf) -> None:
    mac, bare = with_tiktok(jamf, "mac_supervised", agent=True), with_tiktok(jamf, "mac_supervised", agent=False)
    number = jamf.make(RESTRICTED, restricted(delete=False))
    name = f"restrictedsoftware/{number}"
    assert (truth(jamf, mac)["pending"], truth(jamf, bare)["pending"]) == ([{"object": name, "change": "install"}], [])
    jamf.sim.clock(check_in=True)
    assert (truth(jamf, mac)["restricted_software"], tiktok(jamf, mac)) == ([name], (False, "killed"))
    assert (truth(jamf, bare)["restricted_software"], tiktok(jamf, bare)) == ([], (True, ""))
    jamf.put(RESTRICTED, number, restricted(delete=True))
    assert (truth(jamf, mac)["pending"], tiktok(jamf, mac)) == ([{"object": name, "change": "update"}], (False, "killed"))
    jamf.sim.clock(check_in=True)
    assert tiktok(jamf, mac) == (False, "deleted")
    jamf.put(RESTRICTED, number, restricted(delete=True, everybody=False))
    assert truth(jamf, mac)["pending"] == [{"object": name, "change": "remove"}]
    jamf.sim.clock(check_in=True)
    assert (truth(jamf, mac)["pending"], tiktok(jamf, mac)) == ([], (True, ""))


def test_app_records_and_commands_are_pending_too(jamf: Jamf) -> None:
    phone = jamf.device("iphone_supervised")
    general = "<general><name>Signs</name><bundle_id>com.example.signs</bundle_id></general>"
    path = "/JSSResource/mobiledeviceapplications"
    number = jamf.make(path, f"<mobile_device_application>{general}{EVERYBODY}</mobile_device_application>")
    client = [{"managementId": phone["management_id"]}]
    jamf.call("POST", "/api/v2/mdm/commands", {"commandData": {"commandType": "DEVICE_INFORMATION"}, "clientData": client})
    name = f"mobiledeviceapplications/{number}"
    found = truth(jamf, phone)
    assert (found["pending"], found["commands"]) == ([{"object": name, "change": "install"}], ["DEVICE_INFORMATION"])
    jamf.sim.clock(check_in=True)
    found = truth(jamf, phone)
    assert (found["pending"], found["commands"], found["app_records"]) == ([], [], [name])
    jamf.call("DELETE", f"{path}/id/{number}")
    assert truth(jamf, phone)["pending"] == [{"object": name, "change": "remove"}]


@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
def test_who_leaves_has_nothing_any_more_and_whose_record_is_deleted_keeps_it(jamf: Jamf, kind: str) -> None:
    device = with_tiktok(jamf, kind, agent=kind.startswith("mac"))
    jamf.make(PROFILES, ban())
    jamf.make(RESTRICTED, restricted(delete=False))
    jamf.sim.clock(check_in=True)
    assert not tiktok(jamf, device)[0]
    jamf.sim.devices([{"op": "delete_record", "device": device["key"]}])
    found = truth(jamf, device)
    assert (found["record"], found["device"], found["serial"], found["pending"]) == (False, True, device["serial"], [])
    assert not tiktok(jamf, device)[0]
    [again] = jamf.sim.devices([{"op": "reenroll", "device": device["serial"]}])
    now = jamf.again({"key": again["devices"][0]})
    assert tiktok(jamf, now)[0]
    assert device["key"] not in jamf.sim.state()["truth"]
    jamf.sim.clock(check_in=True)
    assert not tiktok(jamf, now)[0]
    jamf.sim.devices([{"op": "unmanage", "device": now["key"]}])
    found = truth(jamf, now)
    assert (tiktok(jamf, now)[0], found["managed"], found["record"], found["pending"]) == (True, False, True, [])


def test_a_record_without_a_device_has_nothing(jamf: Jamf) -> None:
    phone = with_tiktok(jamf, "iphone_supervised")
    jamf.sim.devices([{"op": "reenroll", "device": phone["key"], "record": "managed"}])
    jamf.make(PROFILES, ban())
    found = truth(jamf, phone)
    assert (found["record"], found["device"], found["managed"], found["apps"], found["pending"]) == (True, False, True, [], [])


def test_the_truth_does_not_follow_what_the_server_says(jamf: Jamf) -> None:
    phone = with_tiktok(jamf, "iphone_supervised")
    before = truth(jamf, phone)
    jamf.sim.objects({"settings": {"site_restricted": True, "ignore_filters": True, "privileges": []}})
    jamf.sim.devices([
        {"op": "misreport", "device": phone["key"], "app": "tiktok", "set": {"id": None, "name": "mark"}},
        {"op": "patch", "device": phone["key"], "set": {"odd_sections": {"applications": "null"}, "corrupt": True}},
    ])  # fmt: skip
    jamf.sim.faults([{"match": {}, "nth": "all", "kind": "empty_list"}])
    assert truth(jamf, phone) == before
    [looked] = jamf.sim.devices([{"op": "look", "device": phone["serial"]}])
    assert looked == {"op": "look", "devices": [phone["key"]], "refused": [], "truth": {phone["key"]: before}}
