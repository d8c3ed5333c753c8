# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet, the tests' own door, and the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import Redactor
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.options import connection_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import argument_spec, open_target
from tests.simulators.intune import start
from tests.simulators.intune.device import KINDS, ZERO_GUID
from tests.simulators.intune.management import AGENTS
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import CATALOG, PROFILES, TIKTOK, Graph, again, app_ids, blocked_list, device_of

CHECKOUT = Path(__file__).resolve().parents[3]


def steady(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "volatile"}


def test_the_same_seed_gives_the_same_tenant() -> None:
    with start(devices=60, seed=7) as one, start(devices=60, seed=7) as two, start(devices=60, seed=8) as other:
        assert one.state() == two.state()
        assert one.state() != other.state()


def test_the_fleet_has_every_kind_and_every_gap(sim: Simulation) -> None:
    devices = sim.state()["devices"]
    assert {device["kind"] for device in devices} == set(KINDS)
    assert any(device["ownership"] == "unknown" for device in devices)
    assert any(device["azure_id"] == ZERO_GUID for device in devices)
    assert any(device["user"] is None for device in devices)
    assert any(not device["online"] for device in devices)
    assert any(device["serial"] is None for device in devices)
    assert max(Counter(device["user"] for device in devices if device["user"]).values()) == 2
    assert all(device["directory_id"] not in (device["id"], device["azure_id"]) for device in devices)
    names = Counter(app["name"] for device in devices for app in device["apps"])
    assert 0.2 <= names["TikTok"] / len(devices) <= 0.35
    assert {"TikTok Lite", "TikTok Downloader", "CapCut", "WeChat", "Microsoft Teams"} <= set(names)


def test_state_is_equal_after_reset_and_volatile_holds_what_moves(sim: Simulation, eager: Graph) -> None:
    before = sim.state()
    eager.make(CATALOG, blocked_list(TIKTOK))
    sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    sim.clock(advance=86400, check_in=True)
    assert steady(sim.state()) != steady(before)
    sim.reset()
    assert steady(sim.state()) == steady(before)
    assert sim.requests() == []
    key = sim.state()["objects"]["deviceConfigurations"][0]["id"]
    eager.patch(f"{PROFILES}/{key}", {"@odata.type": sim.state()["objects"]["deviceConfigurations"][0]["@odata.type"]})
    assert steady(sim.state()) == steady(before)


def test_every_exchange_is_kept(sim: Simulation, graph: Graph) -> None:
    graph.post(CATALOG, blocked_list(TIKTOK))
    graph.get(f"{CATALOG}?$top=5")
    token, post, get = sim.requests()
    assert token["body"]["client_secret"] == sim.connection["client_secret"]
    assert (post["method"], post["path"], post["status"]) == ("POST", f"/graph{CATALOG}", 201)
    assert post["body"]["name"] == post["response"]["name"] == "BAN ios"
    assert post["headers"]["Authorization"].startswith("Bearer ")
    assert (get["query"], get["url"]) == ({"$top": "5"}, f"{sim.url}/graph{CATALOG}?$top=5")
    assert "request-id" in get["response_headers"]


def test_users_do_things_with_their_devices(sim: Simulation) -> None:
    device = device_of(sim, "ios_personal")
    key = device["id"]
    [removed] = sim.devices([{"op": "remove", "device": device["serial"] or key, "app": TIKTOK}])
    assert removed == {"op": "remove", "devices": [key], "refused": []}
    assert TIKTOK not in app_ids(again(sim, device))
    assert sim.devices([{"op": "remove", "device": key, "app": TIKTOK}])[0]["refused"][0]["reason"] == "not installed"
    sim.devices([{"op": "patch", "device": key, "set": {"ownership": "company", "supervised": True}}])
    assert (again(sim, device)["ownership"], again(sim, device)["supervised"]) == ("company", True)
    sim.devices([{"op": "remove_work_apps", "device": key}])
    assert again(sim, device)["work_access"] is False
    assert not any(app["managed"] for app in again(sim, device)["apps"])
    count = len(sim.state()["devices"])
    sim.devices([{"op": "unenroll", "device": key}, {"op": "enroll", "kind": "ios_supervised", "serial": "S1", "apps": ["tiktok"]}])
    devices = sim.state()["devices"]
    assert len(devices) == count
    assert devices[-1]["serial"] == "S1"
    assert TIKTOK in app_ids(devices[-1])


def test_administrators_do_things_behind_our_back(sim: Simulation, eager: Graph) -> None:
    body = {"@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "BAN name clash"}
    path = "deviceManagement/deviceConfigurations"
    one, two = (order["plant"] for order in sim.objects([{"plant": {"path": path, "body": body}}] * 2))
    assert one != two
    sim.objects({"patch": {"path": path, "id": one, "body": {"description": "changed"}}})
    assert eager.get(f"/beta/{path}/{one}").body["description"] == "changed"
    everybody = {"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
    sim.objects({"assign": {"path": path, "id": two, "assignments": [everybody]}})
    assert len(eager.get(f"/beta/{path}/{two}/assignments").body["value"]) == 1
    sim.objects({"remove": {"path": path, "id": one}})
    assert eager.get(f"/beta/{path}/{one}").status == 404
    group = sim.objects({"group": {"name": "Exempt", "members": ["user00001@city.example"]}})[0]["group"]
    sim.objects({"members": {"group": group, "remove": ["user00001@city.example"], "add": ["user00002@city.example"]}})
    assert len(eager.get(f"/v1.0/groups/{group}/members").body["value"]) == 1
    for wrong in ({"explode": {}}, {"settings": {"no_such": 1}}, {"plant": {"path": path, "body": {**body, "x": 1}}}):
        with pytest.raises(ValueError, match=r"."):
            sim.objects(wrong)


def control(sim: Simulation, verb: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{sim.control}/{verb}", data, timeout=10) as answer:
        return json.load(answer)


def test_the_control_plane_is_reachable_over_http(sim: Simulation) -> None:
    assert control(sim, "state") == sim.state()
    assert control(sim, "truth") == sim.truth()
    assert control(sim, "requests") == []
    assert control(sim, "clock", {"now": "2023-03-02T00:00:00Z"}) == {"now": "2023-03-02T00:00:00+00:00"}
    assert control(sim, "faults", []) == {}
    key = sim.state()["devices"][0]["id"]
    assert control(sim, "devices", [{"op": "check_in", "device": key}])[0]["devices"] == [key]
    with pytest.raises(urllib.error.HTTPError) as refused:
        control(sim, "devices", [{"op": "explode", "device": key}])
    assert refused.value.code == 400
    assert "unknown operation" in json.load(refused.value)["error"]


def assert_usable(given: dict[str, Any]) -> None:
    """Demand that the module takes the connection as it stands, and comes in with it."""
    checked = ArgumentSpecValidator(argument_spec()).validate({"policy": [{}], **given})
    assert checked.error_messages == []
    with connection_of(checked.validated_parameters, Redactor()) as connection:
        target = open_target(checked.validated_parameters, [], connection, True)
        held = target.graph.credentials.permissions()
    assert held is not None
    assert "DeviceManagementManagedDevices.Read.All" in held


def test_the_connection_is_what_an_inventory_takes(sim: Simulation) -> None:
    assert_usable(dict(sim.connection))


def test_a_tenant_with_every_agent_can_be_had_on_the_command_line() -> None:
    command = [sys.executable, "-m", "tests.simulators", "intune", "--devices", "5", "--agents"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        with urllib.request.urlopen(announced["control"] + "/truth", timeout=10) as answer:
            assert {device["agent"] for device in json.load(answer)["devices"]} == AGENTS
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_the_command_line_announces_itself_in_one_line_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "tests.simulators", "intune", "--port", "0", "--devices", "5", "--seed", "1"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        with urllib.request.urlopen(announced["control"] + "/state", timeout=10) as answer:
            assert len(json.load(answer)["devices"]) == 5
        assert_usable(announced["connection"])
        assert set(announced["connection"]) == {
            "tenant_id", "client_id", "client_secret", "graph_url", "authority_url", "defender_url", "managed_identity_url",
        }  # fmt: skip
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
