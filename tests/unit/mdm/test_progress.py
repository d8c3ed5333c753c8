# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits and how far a run is, as they are counted and written down while it runs."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ansible_collections.appban.endpoint.plugins.module_utils.engine.apply import apply_plan
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change, Plan
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http import watchdog
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.counters import MOST_KINDS, Counters
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.progress import Progress, Wait, kind_of_request
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.read_back import wait_until
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import Redactor
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from tests.support.loopback import Answer, Rig, rig


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "progress"
    found.touch()
    return found


def told(r: Rig, file: Path) -> Rig:
    r.connection.counters.progress = Progress(str(file), r.connection.redactor)
    return r


@pytest.mark.fault_kind("T9", "waits are told")
def test_a_wait_that_the_server_asked_for_is_told_and_counted(file: Path) -> None:
    throttled = Answer(429, headers={"Retry-After": "30"})
    with rig(throttled, throttled, Answer(200, {})) as r:
        told(r, file).session.get("users/anna.nowak@city.example/devices", what="read x")
        common = {"event": "wait", "seconds": 30.0, "asked_by": "server", "why": "HTTP 429", "of": 6, "request": "GET /users/*/devices"}
        assert events(file) == [{**common, "attempt": 1}, {**common, "attempt": 2}]
        assert r.connection.counters.kinds_of_waits() == [
            {"asked_by": "server", "why": "HTTP 429", "request": "GET /users/*/devices", "waits": 2, "waited": 60, "attempt": 2, "of": 6}
        ]


@pytest.mark.fault_kind("T9", "waits are told")
def test_our_own_back_off_is_told_before_it_begins(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(Answer(503), Answer(200, {})) as r:
        seen: list[int] = []
        sleep = r.clock.sleep

        def look_and_sleep(seconds: float) -> None:
            seen.append(len(events(file)))
            sleep(seconds)

        monkeypatch.setattr(r.clock, "sleep", look_and_sleep)
        told(r, file).session.get("things", what="read x")
        assert seen == [1]
        (event,) = events(file)
        assert (event["asked_by"], event["why"], event["attempt"]) == ("back_off", "HTTP 503", 1)


@pytest.mark.fault_kind("T9", "waits are told")
def test_a_server_that_is_not_there_says_so_with_its_two_attempts(file: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with rig() as r:
        told(r, file)
        with pytest.raises(RequestFailed):
            Session("http://127.0.0.1:%d" % port, r.session.authorize, r.connection, False).get("things", what="read x")
        (event,) = events(file)
        assert (event["asked_by"], event["attempt"], event["of"]) == ("back_off", 1, 2)
        assert event["why"].startswith("no connection to 127.0.0.1")


@pytest.mark.fault_kind("T9", "deletes that only the deadline ends")
def test_a_wait_without_a_number_of_attempts_says_so(file: Path) -> None:
    with rig(*[Answer(429, headers={"Retry-After": "1"})] * 7, Answer(204)) as r:
        told(r, file).session.delete("things/17", what="delete x")
        assert [(each["attempt"], each["of"]) for each in events(file)] == [(number, None) for number in range(1, 8)]


def test_settling_is_a_wait_of_its_own(file: Path) -> None:
    values = iter((None, None, "here"))
    with rig() as r:
        counters = told(r, file).connection.counters
        wait_until(lambda: next(values), bool, clock=r.clock, expected="the group BAN exists", counters=counters)
        assert [(each["seconds"], each["asked_by"], each["why"]) for each in events(file)] == [
            (1.0, "settle", "the group BAN exists"),
            (2.0, "settle", "the group BAN exists"),
        ]
        (kind,) = counters.kinds_of_waits()
        assert (kind["asked_by"], kind["request"], kind["waits"], kind["waited"]) == ("settle", None, 2, 3)
        assert counters.requests()["waits"] == 2


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://graph.microsoft.com/beta/deviceManagement/managedDevices?$filter=x", "GET /beta/deviceManagement/managedDevices"),
        ("https://x/v1.0/groups/6f1c2f6e-1d8a-4b36-8d39-0c8d7b2f5a11/members/$ref", "GET /v1.0/groups/*/members/$ref"),
        ("https://x/v1.0/users/anna", "GET /v1.0/users/*"),
        ("https://x/v1.0/users/anna.nowak%40city.example/x", "GET /v1.0/users/*/x"),
        ("https://x/v1/push/UDID-1,UDID-2", "GET /v1/push/*"),
        ("https://x/JSSResource/computers/id/17", "GET /JSSResource/computers/id/*"),
        ("https://x/JSSResource/mobiledevicegroups/name/Nowak", "GET /JSSResource/mobiledevicegroups/name/*"),
        ("https://x/api/v2/mobile-devices/SERIAL", "GET /api/v2/mobile-devices/*"),
        ("https://login.example/contoso.onmicrosoft.com/oauth2/v2.0/token", "GET /*/oauth2/v2.0/token"),
        ("http://127.0.0.1:8080", "GET "),
    ],
)
def test_an_address_is_told_without_ids_and_names(url: str, kind: str) -> None:
    assert kind_of_request("GET", url) == kind


def test_secrets_stay_out(file: Path) -> None:
    counters = Counters(Progress(str(file), Redactor("hunter22")))
    wait = Wait(1, "back_off", "the name hunter22.example can't be resolved", "GET /hunter22", 1, 2)
    counters.begin_wait(wait)
    counters.add_wait(wait)
    assert "hunter22" not in file.read_text()
    assert "hunter22" not in counters.kinds_of_waits()[0]["why"]


def test_how_far_it_is_is_told_twice_a_second_and_at_the_end(file: Path) -> None:
    now = iter(range(1000))
    progress = Progress(str(file), monotonic=lambda: next(now) / 10, every=0.5)
    for number in range(1, 13):
        progress.read("devices", number, 12)
    assert [each["done"] for each in events(file)] == [1, 6, 11, 12]
    assert events(file)[0] == {"event": "read", "things": "devices", "done": 1, "of": 12}


def test_every_change_of_a_plan_counts_whatever_becomes_of_it(file: Path) -> None:
    def execute(change: Change) -> None:
        if change.name == "b":
            raise AppbanError("no")

    changes = [Change("create", "kind", key, key, needs=("kind:b",) if key == "c" else ()) for key in "abcd"]
    now = iter(range(100))
    apply_plan(Plan(tuple(changes)), execute, Progress(str(file), monotonic=lambda: next(now)).changed)
    assert [(each["event"], each["done"], each["of"]) for each in events(file)] == [("changed", number, 4) for number in (1, 2, 3, 4)]


def test_nothing_is_written_where_nobody_asked(tmp_path: Path) -> None:
    Progress().read("devices", 1, 2)
    gone = Progress(str(tmp_path / "gone"))
    gone.read("devices", 1, 2)
    assert (list(tmp_path.iterdir()), gone.path) == ([], "")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("as it was")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    Progress(str(tmp_path / "link")).read("devices", 1, 2)
    assert (tmp_path / "precious").read_text() == "as it was"


def test_only_so_many_kinds_of_waits_are_returned() -> None:
    counters = Counters()
    for number in range(100):
        counters.add_wait(Wait(number, "server", "HTTP 429", "GET /%s" % ("x" * number), 1, 6))
    kinds = counters.kinds_of_waits()
    assert len(kinds) == MOST_KINDS
    assert kinds[0]["waited"] == 99


@pytest.mark.fault_kind("T9", "changes that failed are told as made")
def test_changes_that_failed_or_were_left_out_are_told_as_such(file: Path) -> None:
    changes = [Change("create", "kind", key, key, needs=("kind:b",) if key == "d" else ()) for key in "abcd"]

    def execute(change: Change) -> None:
        if change.name in ("b", "c"):
            raise AppbanError("no")

    apply_plan(Plan(tuple(changes)), execute, Progress(str(file), every=0).changed)
    assert [(each["done"], each["of"], each["failed"], each["skipped"]) for each in events(file)] == [
        (1, 4, 0, 0),
        (2, 4, 1, 0),
        (3, 4, 2, 0),
        (4, 4, 2, 1),
    ]


@pytest.mark.fault_kind("T9", "waits that round to nothing")
def test_a_wait_that_rounds_to_nothing_is_neither_told_nor_counted(file: Path) -> None:
    counters = Counters(Progress(str(file)))
    for seconds in (0.0, 0.049, 0.05):
        wait = Wait(seconds, "back_off", "x", "GET /x", 1, 2)
        counters.begin_wait(wait)
        counters.add_wait(wait)
    assert [each["seconds"] for each in events(file)] == [0.1]
    assert counters.requests()["waits"] == 1


@pytest.mark.fault_kind("T9", "an answer that did not come is waiting, too")
def test_answers_that_did_not_come_are_counted_as_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(timeout=30) as r:

        def request(*_words: object, **_more: object) -> None:
            r.clock.passed += 30
            raise requests.exceptions.ReadTimeout

        monkeypatch.setattr(requests.Session, "request", request)
        with pytest.raises(RequestFailed):
            r.session.get("x", what="read x")
        kinds = {each["asked_by"]: each for each in r.connection.counters.kinds_of_waits()}
        assert kinds["no_answer"] == {
            "asked_by": "no_answer",
            "why": "127.0.0.1 gave no answer within 30 s",
            "request": "GET /x",
            "waits": 6,
            "waited": 180,
            "attempt": 6,
            "of": 6,
        }
        assert r.connection.counters.requests()["waited"] >= 180


@pytest.mark.fault_kind("T9", "still running doesn't say what for")
def test_a_request_without_an_answer_is_told_and_its_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "UNANSWERED", 0.05)
    monkeypatch.setattr(watchdog, "TICK", 0.02)

    def late(_seen: object) -> Answer:
        ends = time.monotonic() + 5
        while not file.read_text() and time.monotonic() < ends:
            time.sleep(0.01)
        return Answer(200, {})

    with rig(late) as r:
        told(r, file).session.get("users/anna.nowak@city.example/devices", what="read x")
        r.session.get("quick", what="read x")
    first, second = events(file)
    assert (first["event"], first["request"], first["attempt"], first["of"]) == ("unanswered", "GET /users/*/devices", 1, 6)
    assert 0 <= first["seconds"] < 1
    assert second == {"event": "answered", "key": first["key"]}
