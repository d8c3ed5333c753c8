# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the servers: fronts that record and spoil, the webhook log, the contract, and that nothing is left behind."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from tests.support.nanomdm import contract, postgres, sockets
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.binaries import INSTALLER
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.server_process import NotStarted, ServerProcess


def enqueue_status(api: NanoApi, device: str) -> int:
    """The status of a command sent through the front, 0 where the connection was cut."""
    try:
        answer = requests.put(
            f"{api.servers.nanomdm.url}/v1/enqueue/{device}?nopush=1", data=COMMAND, auth=("nanomdm", "key-of-nanomdm"), timeout=30
        )
    except requests.ConnectionError:
        return 0
    return answer.status_code


COMMAND = (
    b'<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CommandUUID</key><string>C1</string>'
    b"<key>Command</key><dict><key>RequestType</key><string>DeviceInformation</string></dict></dict></plist>"
)


def test_exchanges_are_recorded_as_the_simulators_do(api: NanoApi) -> None:
    device = api.servers.device()
    device.enrol()
    assert enqueue_status(api, device.id) == 200
    (exchange,) = api.servers.nanomdm.requests()
    assert (exchange["method"], exchange["path"], exchange["query"]) == ("PUT", f"/v1/enqueue/{device.id}", {"nopush": "1"})
    assert (exchange["status"], exchange["fault"], exchange["body"]) == (200, None, COMMAND.decode())
    assert exchange["response"] == {"no_push": True, "command_uuid": "C1", "request_type": "DeviceInformation"}
    api.servers.nanomdm.forget_requests()
    assert api.servers.nanomdm.requests() == []


@pytest.mark.parametrize(
    ("kind", "status", "happens"),
    [
        ("drop", 0, False),
        ("timeout_after_effect", 0, True),
        ("502", 502, False),
        ("503", 503, False),
        ("html", 502, False),
        ("502_after_effect", 502, True),
        ("bad_json", 200, True),
    ],
)
def test_a_failure_is_one_and_the_command_came_through_or_not(api: NanoApi, kind: str, status: int, happens: bool) -> None:
    device = api.servers.device()
    device.enrol()
    api.servers.nanomdm.faults([{"match": {"method": "PUT", "path": "/v1/enqueue"}, "kind": kind}])
    assert enqueue_status(api, device.id) == status
    assert device.connect() == ([("DeviceInformation", "Acknowledged")] if happens else [])
    assert [exchange["fault"] for exchange in api.servers.nanomdm.requests()] == [kind]
    # One order, one failure.
    assert enqueue_status(api, device.id) == (500 if happens else 200)


def test_a_held_answer_outlasts_a_client(api: NanoApi) -> None:
    device = api.servers.device()
    device.enrol()
    api.servers.nanomdm.faults([{"kind": "held"}])
    url = f"{api.servers.nanomdm.url}/v1/enqueue/{device.id}?nopush=1"
    with pytest.raises(requests.ReadTimeout):
        requests.put(url, data=COMMAND, auth=("nanomdm", "key-of-nanomdm"), timeout=0.2)
    assert device.connect() == [("DeviceInformation", "Acknowledged")]
    api.servers.nanomdm.release()


def test_webhook_events_are_lines_as_the_vendor_describes_them(api: NanoApi, vendor_file: Callable[[str], Path]) -> None:
    schema = json.loads(vendor_file("nanomdm/webhook-event.schema.json").read_text(encoding="utf-8"))
    device = api.servers.device()
    device.enrol()
    api.enqueue([device.id], "DeviceInformation")
    device.connect()
    device.check_out()
    api.servers.webhook.wait_for(lambda events: len(events) >= 5)
    lines = api.servers.webhook.path.read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert sorted(event["topic"] for event in events) == [
        "mdm.Authenticate",
        "mdm.CheckOut",
        "mdm.Connect",
        "mdm.Connect",
        "mdm.TokenUpdate",
    ]
    for event in events:
        jsonschema.validate(event, schema)


def test_signed_events_are_written_and_unsigned_ones_refused(nano_factory: NanoFactory) -> None:
    servers = nano_factory.start(webhook_key="a key")
    servers.device().enrol()
    assert len(servers.webhook.wait_for(lambda events: len(events) >= 2)) == 2
    body = b'{"topic":"mdm.Connect","created_at":"2026-01-01T00:00:00Z"}'
    right = base64.b64encode(hmac.new(b"a key", body, hashlib.sha256).digest()).decode()
    statuses = [
        requests.post(servers.webhook.url, data=body, headers=headers, timeout=30).status_code
        for headers in ({}, {"X-Hmac-Signature": "wrong"}, {"X-Hmac-Signature": right})
    ]
    assert statuses == [401, 401, 200]
    assert (servers.webhook.refused, len(servers.webhook.events())) == (2, 3)
    nano_factory.finish(servers)


def exchanges(api: NanoApi) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    device = api.servers.device()
    device.enrol()
    api.enqueue([device.id], "DeviceInformation")
    api.put_declaration("org.example.x", "org.example", {})
    api.kmfddm("GET", "/declarations/org.example.x")
    return api.servers.nanomdm.requests(), api.servers.kmfddm.requests()


@pytest.mark.parametrize(
    ("server", "spoil", "says"),
    [
        ("nanomdm", {"status": 201}, "not documented"),
        ("nanomdm", {"response": {"no_push": "yes"}}, "not of type 'boolean'"),
        ("nanomdm", {"response": {"something": 1}}, "'something' was unexpected"),
        ("nanomdm", {"method": "DELETE"}, "no such method"),
        ("nanomdm", {"url": "http://127.0.0.1/v2/enqueue/x"}, "no such path"),
        ("nanomdm", {"url": "http://127.0.0.1/v1/enqueue/x?push=1"}, "the query has push"),
        ("nanomdm", {"headers": {}}, "without Basic authorization"),
        ("nanomdm", {"response_headers": {"Content-Type": "text/html"}}, "should be application/json"),
        ("kmfddm", {"body": {"Identifier": 1}}, "not of type 'string'"),
    ],
)
def test_the_contract_finds_what_is_wrong(
    api: NanoApi, vendor_file: Callable[[str], Path], server: str, spoil: dict[str, Any], says: str
) -> None:
    for name in contract.DOCUMENTS:
        vendor_file(f"nanomdm/{name}")
    good = exchanges(api)[0 if server == "nanomdm" else 1][0]
    assert contract.violations(server, [good]) == []
    found = contract.violations(server, [{**copy.deepcopy(good), **spoil}])
    assert [line for line in found if says in line], found


def test_every_known_deviation_is_one(api: NanoApi, vendor_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in contract.DOCUMENTS:
        vendor_file(f"nanomdm/{name}")
    device = api.servers.device(supervised=False)
    device.enrol()
    for path in ("/declarations", "/sets", "/set-declarations/none", "/enrollment-sets/none", "/declaration-sets/none"):
        api.kmfddm("GET", path)
    api.put_declaration("org.example.x", "com.apple.configuration.app.settings", {})
    api.assign("s", ["org.example.x"], [device.id])
    device.connect()
    api.declaration_status(device.id)
    for path in ("/enrollment-sets-all/", "/enrollment-sets-all/sets/"):
        api.kmfddm("DELETE", path + device.id)
    body = COMMAND.replace(b"C1", b"C2")
    url = f"{api.servers.nanomdm.url}/v1/enqueue/{device.id}?nopush=1"
    assert requests.post(url, data=body, auth=("nanomdm", "key-of-nanomdm"), timeout=30).status_code == 200
    deviations = contract.KNOWN_DEVIATIONS
    monkeypatch.setattr(contract, "KNOWN_DEVIATIONS", ())
    found = contract.contract_violations(api.servers)
    monkeypatch.undo()
    unseen = [
        (server, method, path, part)
        for server, method, path, part, _reason in deviations
        if not any(line.startswith(f"{server}: {method} {path}") and part in line for line in found)
    ]
    assert unseen == []


def test_nothing_leaves_loopback_and_a_push_would_be_noticed(api: NanoApi) -> None:
    api.servers.device().enrol()
    api.servers.assert_nothing_was_pushed()
    requests.get(f"{api.servers.nanomdm.url}/v1/push/X", auth=("nanomdm", "key-of-nanomdm"), timeout=30)
    with pytest.raises(AssertionError, match="/v1/push/X"):
        api.servers.assert_nothing_was_pushed()
    api.servers.nanomdm.forget_requests()


def test_addresses_are_read_as_the_kernel_writes_them() -> None:
    assert str(sockets._address("0100007F")) == "127.0.0.1"
    assert str(sockets._address("0000000000000000FFFF00000100007F")) == "127.0.0.1"
    assert sockets._address("00000000000000000000000001000000").is_loopback
    assert not sockets._address("08080808").is_loopback


def test_closing_ends_the_servers_and_frees_their_ports(nano_factory: NanoFactory) -> None:
    servers = nano_factory.start()
    pids = [process.child.pid for process in servers.processes]
    nano_factory.finish(servers)
    assert [pid for pid in pids if os.path.exists(f"/proc/{pid}")] == []
    with pytest.raises(requests.ConnectionError):
        requests.get(servers.nanomdm.url, timeout=5)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = ServerProcess(["sh", "-c", "echo no such option >&2; exit 3"], tmp_path / "log")
    with pytest.raises(NotStarted, match=r"(?s)ended with status 3.*no such option"):
        server.wait_until(lambda: False)


@pytest.mark.parametrize(("options", "status"), [([], 3), (["--optional"], 0)])
def test_without_go_it_is_said_what_to_install(tmp_path: Path, options: list[str], status: int) -> None:
    installer = tmp_path / "tools" / INSTALLER.name
    installer.parent.mkdir()
    shutil.copy(INSTALLER, installer)
    environment = {"PATH": os.environ["PATH"], "GO": str(tmp_path / "no-go"), "CI": "false"}
    done = subprocess.run([str(installer), *options], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (status, "")
    assert "apt-get install golang-go" in done.stderr


def test_without_postgresql_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "_ELSEWHERE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (problem,) = postgres.missing_prerequisites()
    assert "apt-get install postgresql" in problem
