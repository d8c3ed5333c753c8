# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, nodes, paths, faults, and the tests' own door."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.jamf_pro import start
from tests.simulators.jamf_pro.device import KINDS
from tests.support.jamf_pro.jamf_pro_client import (
    CONTRACT,
    DETAIL,
    PROFILES,
    RESTRICTED,
    SMART,
    TIKTOK,
    Jamf,
    block,
    cdata,
    check_classic,
    check_pro,
    payload_text,
    profile_xml,
    tenant,
)

CHECKOUT = Path(__file__).resolve().parents[3]
VERSION = "/api/v1/jamf-pro-version"


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def steady(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "volatile"}


def test_an_api_client_gets_a_token_that_serves_both_apis(jamf: Jamf) -> None:
    assert jamf.oauth().json["expires_in"] == 60
    assert jamf.get(VERSION).json["version"].startswith("11.32")
    assert jamf.get(PROFILES).status == 200
    assert (jamf.oauth(client_secret="wrong").status, jamf.oauth(grant_type="password").status) == (401, 400)
    assert "Read Mobile Devices" in jamf.get("/api/v1/auth").json["account"]["privilegesBySite"]["-1"]


@pytest.mark.parametrize(("paths", "new", "old"), [("both", 200, 200), ("old", 404, 200), ("new", 200, 404)])
def test_older_servers_have_the_older_token_path(jamf: Jamf, paths: str, new: int, old: int) -> None:
    jamf.sim.objects({"settings": {"oauth_paths": paths}})
    assert (jamf.oauth().status, jamf.oauth("/api/oauth/token").status) == (new, old)


def test_a_user_gets_a_token_keeps_it_alive_and_gives_it_back(jamf: Jamf) -> None:
    assert jamf.basic("wrong").status == 401
    assert jamf.call("POST", "/api/v1/auth/keep-alive").code == "INVALID_PRIVILEGE"
    first = jamf.token = jamf.basic().json["token"]
    jamf.token = jamf.call("POST", "/api/v1/auth/keep-alive").json["token"]
    assert jamf.get(VERSION, Authorization=f"Bearer {first}").status == 401
    assert jamf.get(RESTRICTED).status == 200
    assert jamf.call("POST", "/api/v1/auth/invalidate-token").status == 204
    assert jamf.get(VERSION).code == "INVALID_TOKEN"


def test_tokens_expire_and_can_be_revoked(jamf: Jamf) -> None:
    jamf.sim.objects({"settings": {"client_token_lifetime": 0}})
    jamf.token = jamf.oauth().json["access_token"]
    time.sleep(0.01)
    assert jamf.get(VERSION).status == 401
    refused = jamf.get(PROFILES)
    assert (refused.status, refused.headers["content-type"]) == (401, "text/html;charset=UTF-8")
    jamf.sim.objects({"settings": {"client_token_lifetime": 60}})
    jamf.token = jamf.oauth().json["access_token"]
    jamf.sim.objects({"revoke_tokens": None})
    assert jamf.get(VERSION).status == 401


def test_a_missing_privilege_is_403_and_no_401(jamf: Jamf) -> None:
    jamf.sim.objects({"settings": {"privileges": ["Read Computers", "Create Smart Mobile Device Groups"]}})
    assert jamf.get(DETAIL).code == "INVALID_PRIVILEGE"
    assert jamf.get(PROFILES).status == 403
    group = "<mobile_device_group><name>g</name><is_smart>false</is_smart></mobile_device_group>"
    assert jamf.call("POST", "/JSSResource/mobiledevicegroups/id/0", group).status == 403
    jamf.make("/JSSResource/mobiledevicegroups", group.replace("false", "true"))


def test_without_the_cookie_a_read_after_a_write_may_see_the_past(jamf: Jamf) -> None:
    number = jamf.make(RESTRICTED, restricted("one"))
    assert jamf.get(f"{RESTRICTED}/id/{number}").status == 200
    jamf.sim.reset()
    jamf.token = jamf.oauth().json["access_token"]
    jamf.cookie = None
    number = jamf.make(RESTRICTED, restricted("two"))
    assert jamf.get(f"{RESTRICTED}/id/{number}").status == 404
    assert [jamf.get(f"{RESTRICTED}/id/{number}").status for _unused in range(2)] == [200, 200]


def restricted(name: str) -> str:
    general = f"<general><name>{name}</name><process_name>TikTok</process_name></general>"
    return f"<restricted_software>{general}</restricted_software>"


def test_another_node_answers_when_a_test_says_so(jamf: Jamf) -> None:
    number = jamf.make(RESTRICTED, restricted("one"))
    jamf.sim.faults([{"match": {"method": "GET", "path": "restrictedsoftware"}, "nth": 1, "kind": "stale"}])
    assert [jamf.get(f"{RESTRICTED}/id/{number}").status for _unused in range(2)] == [404, 200]


def test_the_check_against_the_contract_sees_what_is_wrong(vendor_file: Callable[[str], Path]) -> None:
    assert vendor_file(CONTRACT).is_file()
    path = "/api/v2/mobile-devices/detail"
    entry = {"method": "GET", "path": path, "query": {"secton": "x"}, "headers": {"Authorization": "Bearer x"}, "status": 200, "body": None}
    row = {"mobileDeviceId": 7, "deviceType": "iOS", "general": None, "applications": None}
    found = check_pro({**entry, "response": {"totalCount": 1, "results": [row]}})
    assert found == [".results[].mobileDeviceId is 7, not str", "unknown query secton"]
    assert check_pro({**entry, "headers": {}, "response": {}}) == ["no bearer token"]
    write = {"method": "PUT", "path": f"{RESTRICTED}/id/1", "status": 200, "body": "<software/>", "response": None}
    assert check_classic(write) == ["wrong status", "the root is software"]
    read = {
        "method": "GET",
        "path": f"{RESTRICTED}/id/1",
        "status": 200,
        "response": "<restricted_software><general/></restricted_software>",
    }
    assert "restricted_software/general/name is missing" in check_classic(read)


@pytest.mark.parametrize("body", [{"criteria": ["x"]}, {"criteria": {}}, {}])
def test_a_body_of_the_wrong_shape_is_refused(jamf: Jamf, body: dict[str, Any]) -> None:
    assert jamf.call("POST", SMART, {**body, "groupName": "" if not body else "g"}).status == 400


def test_the_server_may_be_below_a_path_and_behind_the_gateway() -> None:
    with tenant(5, base_path="/api/proclassic/tenant/1", gateway=True) as jamf:
        number = jamf.make(RESTRICTED, restricted("one"))
        assert jamf.get(f"{RESTRICTED}/id/{number}/subset/scope").status == 403
        command = {"commandData": {"commandType": "DEVICE_INFORMATION"}, "clientData": [{"managementId": "x"}]}
        assert jamf.call("POST", "/api/v2/mdm/commands", command).status == 403
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(jamf.sim.url + VERSION, timeout=10)


def test_ordered_failures(jamf: Jamf) -> None:
    jamf.sim.faults([
        {"match": {"path": "jamf-pro-version"}, "nth": 1, "kind": "429", "retry_after": 7},
        {"match": {"path": "jamf-pro-version"}, "nth": 2, "kind": "503", "retry_after": None},
        {"match": {"method": "POST", "path": "restrictedsoftware"}, "nth": 1, "kind": "timeout_after_effect"},
    ])  # fmt: skip
    first, second = jamf.get(VERSION), jamf.get(VERSION)
    assert (first.status, first.headers["retry-after"]) == (429, "7")
    assert (second.status, second.text[:6]) == (503, "<html>")
    with pytest.raises(ConnectionError):
        jamf.make(RESTRICTED, restricted("lost"))
    assert jamf.get(f"{RESTRICTED}/name/lost").status == 200


def test_the_same_seed_gives_the_same_fleet_with_every_kind_and_gap() -> None:
    with start(devices=60, seed=7) as one, start(devices=60, seed=7) as two, start(devices=60, seed=8) as other:
        assert one.state() == two.state()
        assert one.state() != other.state()
        devices = one.state()["devices"]
    assert {device["kind"] for device in devices} == set(KINDS)
    assert {device["managed"] for device in devices} == {device["online"] for device in devices} == {True, False}
    assert max(Counter(device["name"] for device in devices).values()) > 1
    assert any(device["serial"] == "" for device in devices)
    assert any(device["platform"] == "macos" and not device["agent"] for device in devices)
    with_app = [device for device in devices if TIKTOK in [app["id"] for app in device["apps"]]]
    assert 0.15 <= len(with_app) / len(devices) <= 0.5


def test_state_is_equal_after_reset(jamf: Jamf) -> None:
    before = jamf.sim.state()
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(payload_text(block(TIKTOK)))))
    jamf.sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    jamf.sim.clock(advance=86400, check_in=True)
    jamf.put(PROFILES, number, profile_xml("Ban", cdata(payload_text(block(TIKTOK)))))
    assert steady(jamf.sim.state()) != steady(before)
    jamf.sim.reset()
    assert jamf.sim.state() | {"volatile": 0} == before | {"volatile": 0}
    assert jamf.sim.requests() == []


def test_a_write_of_the_same_changes_only_what_is_volatile(jamf: Jamf) -> None:
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(payload_text(block(TIKTOK)))))
    before = jamf.sim.state()
    jamf.put(PROFILES, number, profile_xml("Ban", cdata(payload_text(block(TIKTOK)))))
    after = jamf.sim.state()
    assert steady(after) == steady(before)
    assert after["volatile"]["objects"] != before["volatile"]["objects"]


def test_users_and_other_administrators_act_behind_our_back(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised")
    orders = [{"op": "remove", "device": device["serial"], "app": "tiktok"}, {"op": "install", "device": device["key"], "app": "tiktok"}]
    jamf.sim.devices(orders)
    assert TIKTOK in [app["id"] for app in jamf.again(device)["apps"]]
    enrolled = jamf.sim.devices([{"op": "enroll", "kind": "ipad_supervised", "serial": "S1", "apps": ["tiktok"]}])[0]["devices"]
    jamf.sim.devices([{"op": "patch", "device": "S1", "set": {"os_version": "27.0"}}, {"op": "inventory", "device": "S1"}])
    assert jamf.get(f"{DETAIL}?filter=osVersion%3E%3D27&page-size=1").json["totalCount"] == len(enrolled) == 1
    jamf.sim.devices([{"op": "unenroll", "device": "S1"}])
    assert jamf.get(f"{DETAIL}?filter=serialNumber==S1").json["totalCount"] == 0
    number = jamf.sim.objects({"plant": {"path": "restrictedsoftware", "xml": restricted("foreign")}})[0]["plant"]
    jamf.sim.objects({"patch": {"path": "restrictedsoftware", "id": number, "xml": restricted("renamed")}})
    assert jamf.stored(RESTRICTED, number)["general"]["name"] == "renamed"
    jamf.sim.objects({"remove": {"path": "restrictedsoftware", "id": number}})
    assert jamf.get(f"{RESTRICTED}/id/{number}").status == 404
    for wrong in ({"explode": {}}, {"settings": {"no": 1}}, {"plant": {"path": "restrictedsoftware", "xml": "<restricted_software/>"}}):
        with pytest.raises(ValueError, match=r"."):
            jamf.sim.objects(wrong)
    assert jamf.get(SMART).json["totalCount"] == 0


def test_the_command_line_announces_itself_in_one_line() -> None:
    command = [sys.executable, "-m", "tests.simulators", "jamf_pro", "--port", "0", "--devices", "5", "--seed", "1"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        announced = json.loads(process.stdout.readline())
        with urllib.request.urlopen(announced["control"] + "/state", timeout=10) as answer:
            assert len(json.load(answer)["devices"]) == 5
        # An inventory takes it as it stands: one way to log in, the other one beside it.
        assert set(announced["connection"]) == {"url", "base_path", "client_id", "client_secret"}
        assert set(announced["user_login"]) == {"username", "password"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
