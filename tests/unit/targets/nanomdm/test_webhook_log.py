# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhook logs: what real devices behind a real NanoMDM tell, and what a file can have in it besides."""

from __future__ import annotations

import base64
import json
import plistlib
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.webhook_log import WebhookReading, read_webhook_log
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.command_uuids import command_mark, command_uuid
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import DeviceReport, Interests
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.nano_clients import clients_of, open_database
from tests.support.nanomdm.servers import NanoServers

TIKTOK = "com.zhiliaoapp.musically"
OTHER = "com.example.other"
QUESTION = {"RequestType": "InstalledApplicationList", "Identifiers": [TIKTOK]}
ASKED = command_mark("ban", QUESTION)
INSTALL = command_mark("ban", {"RequestType": "InstallProfile", "Payload": b"profile"})
INTERESTS = Interests(frozenset({TIKTOK}), {ASKED: frozenset({TIKTOK})}, frozenset({INSTALL}), "org.example.ban.")


def connect(number: int, status: str, uuid: str, payload: dict[str, Any], device: str = "A", kind: str = "Device") -> str:
    """An event as NanoMDM posts it; the number is the minute of its instant."""
    raw = plistlib.dumps({"Status": status, "CommandUUID": uuid, "UDID": device, **payload})
    details = {"status": status, "command_uuid": uuid, "udid": device, "ids": {"id": device, "type": kind}}
    return event("mdm.Connect", number, acknowledge_event={**details, "raw_payload": base64.b64encode(raw).decode()})


def check_in(number: int, message: str, device: str = "A") -> str:
    raw = base64.b64encode(plistlib.dumps({"MessageType": message, "UDID": device})).decode()
    return event("mdm." + message, number, checkin_event={"udid": device, "raw_payload": raw, "ids": {"id": device, "type": "Device"}})


def event(topic: str, number: int, **details: Any) -> str:
    return json.dumps({"topic": topic, "created_at": "2026-03-01T12:%02d:00.123456789Z" % number, "event_id": "x", **details})


def at(number: int) -> str:
    return "2026-03-01T12:%02d:00Z" % number


def apps(*ids: str) -> dict[str, Any]:
    return {"InstalledApplicationList": [{"Identifier": each, "Name": each[-6:], "ShortVersion": "1.2"} for each in ids]}


def uuid_of(mark: str, idempotency_key: str = "1") -> str:
    return command_uuid(mark, ["A"], idempotency_key)


def read(tmp_path: Path, *lines: str, interests: Interests = INTERESTS) -> WebhookReading:
    path = tmp_path / "webhook.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return read_webhook_log(str(path), interests)


def report(tmp_path: Path, *lines: str) -> DeviceReport:
    reading = read(tmp_path, *lines)
    assert reading.problems == ()
    return reading.reports["A"]


def test_only_wanted_apps_are_kept(tmp_path: Path) -> None:
    found = report(tmp_path, connect(1, "Acknowledged", uuid_of(ASKED), apps(TIKTOK, OTHER)))
    assert (list(found.apps), found.apps[TIKTOK].version, found.apps[TIKTOK].at) == ([TIKTOK], "1.2", at(1))
    assert OTHER not in repr(found)


def test_an_app_is_gone_only_when_a_question_of_ours_about_it_says_so(tmp_path: Path) -> None:
    seen = connect(1, "Acknowledged", uuid_of(ASKED), apps(TIKTOK))
    somebody_elses = connect(2, "Acknowledged", "c7fc0872-f22f-4823-8ae0-f3d0174fb48a", apps(OTHER))
    found = report(tmp_path, seen, somebody_elses)
    assert (list(found.apps), found.asked) == ([TIKTOK], {TIKTOK: at(1)})
    found = report(tmp_path, seen, somebody_elses, connect(3, "Acknowledged", uuid_of(ASKED, "2"), apps()))
    assert (found.apps, found.asked) == ({}, {TIKTOK: at(3)})
    found = report(tmp_path, connect(2, "Acknowledged", "c7fc0872-f22f-4823-8ae0-f3d0174fb48a", apps(TIKTOK)))
    assert (list(found.apps), found.asked) == ([TIKTOK], {}), "that it is there is believed, whoever asked"


def test_events_out_of_order_end_in_the_same(tmp_path: Path) -> None:
    older, newer = (connect(number, "Acknowledged", uuid_of(ASKED, str(number)), apps(*[TIKTOK][: number % 2])) for number in (1, 2))
    assert report(tmp_path, older, newer).apps == report(tmp_path, newer, older).apps == {}


def test_the_last_word_on_a_command_stands_with_its_error_chain(tmp_path: Path) -> None:
    chain = [
        {"ErrorCode": 4001, "ErrorDomain": "MCInstallationErrorDomain", "LocalizedDescription": "Neplatný", "USEnglishDescription": "Bad"}
    ]
    not_now = connect(1, "NotNow", uuid_of(INSTALL), {})
    error = connect(2, "Error", uuid_of(INSTALL), {"ErrorChain": chain})
    assert report(tmp_path, not_now).results[INSTALL].status == "NotNow"
    result = report(tmp_path, not_now, error).results[INSTALL]
    assert (result.status, result.errors, result.at) == ("Error", ("MCInstallationErrorDomain 4001: Bad",), at(2))
    done = connect(3, "Acknowledged", uuid_of(INSTALL, "again"), {})
    assert report(tmp_path, not_now, error, done).results[INSTALL].status == "Acknowledged"
    assert report(tmp_path, connect(1, "Error", "c7fc0872-f22f-4823-8ae0-f3d0174fb48a", {})).results == {}


def test_enrolling_again_takes_everything_away(tmp_path: Path) -> None:
    before = [
        connect(1, "Acknowledged", uuid_of(INSTALL), {}),
        connect(2, "Acknowledged", uuid_of(ASKED), apps(TIKTOK)),
        connect(3, "Acknowledged", "x", {"ProfileList": [{"PayloadIdentifier": "org.example.ban.tiktok", "PayloadUUID": "U"}]}),
    ]
    found = report(tmp_path, *before)
    assert (len(found.results), found.profiles, found.profiles_at) == (2, {"org.example.ban.tiktok": "U"}, at(3))
    found = report(tmp_path, *before, check_in(4, "Authenticate"), check_in(5, "TokenUpdate"))
    assert (found.results, found.apps, found.asked, found.profiles, found.profiles_at) == ({}, {}, {}, {}, "")
    assert (found.enrolled_at, found.seen_at) == (at(4), at(5))
    about = connect(4, "Acknowledged", "x", {"QueryResponses": {"IsSupervised": True}})
    found = report(tmp_path, *before, about, check_in(0, "Authenticate"))
    assert (len(found.results), list(found.apps), found.profiles_at, found.supervised) == (2, [TIKTOK], at(3), True)
    found = report(tmp_path, *before, about, check_in(2, "Authenticate"))
    assert (found.results, found.apps, found.profiles_at, found.supervised) == ({}, {}, at(3), True)
    found = report(tmp_path, check_in(4, "Authenticate"), *before)
    assert (found.results, found.apps) == ({}, {}), "a straggler from before counts for nothing"


def test_a_device_that_left_is_back_when_it_enrols_again(tmp_path: Path) -> None:
    left = [check_in(1, "Authenticate"), check_in(2, "TokenUpdate"), check_in(3, "CheckOut")]
    assert report(tmp_path, *left).checked_out_at == at(3)
    assert report(tmp_path, *left, check_in(4, "Authenticate")).checked_out_at == ""
    assert report(tmp_path, *reversed(left)).checked_out_at == at(3), "in whatever order it is told"
    at_once = [check_in(1, message) for message in ("Authenticate", "TokenUpdate", "CheckOut")]
    assert report(tmp_path, *at_once).checked_out_at == at(1), "all in one second count in the order of the lines"
    assert report(tmp_path, *at_once, *at_once[:2]).checked_out_at == ""


def test_foreign_profiles_and_users_of_devices_leave_no_trace(tmp_path: Path) -> None:
    rows = [
        {"PayloadIdentifier": name, "PayloadUUID": "U"} for name in ("com.example.vpn", "org.example.ban.tiktok", "org.example.bananas")
    ]
    found = report(tmp_path, connect(1, "Acknowledged", "x", {"ProfileList": rows}))
    assert found.profiles == {"org.example.ban.tiktok": "U"}
    users = connect(1, "Acknowledged", uuid_of(ASKED), apps(TIKTOK), device="A:B", kind="User")
    assert read(tmp_path, users).reports == {}


def test_what_a_device_says_of_itself(tmp_path: Path) -> None:
    about = {"QueryResponses": {"IsSupervised": False, "OSVersion": "26.1", "DeviceName": "Anna's phone"}}
    found = report(tmp_path, connect(2, "Acknowledged", "x", about))
    assert (found.supervised, found.os_version, found.information_at) == (False, "26.1", at(2))
    assert "Anna" not in repr(found)


def test_half_a_last_line_is_no_problem_and_any_other_broken_line_is_told_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "webhook.jsonl"
    good = connect(1, "Acknowledged", uuid_of(ASKED), apps(TIKTOK))
    bad = [
        "{secret",
        "[]",
        '{"topic": "mdm.Connect"}',
        event("mdm.Connect", 1),
        good.replace('"raw_payload": "', '"raw_payload": "!secret'),
    ]
    broken_plist = base64.b64encode(b"<plist>secret").decode()
    details = {"status": "Acknowledged", "command_uuid": uuid_of(ASKED), "ids": {"id": "A", "type": "Device"}, "raw_payload": broken_plist}
    bad.append(event("mdm.Connect", 1, acknowledge_event=details))
    path.write_text("\n".join([*bad, "", good, good[: len(good) // 2]]), encoding="utf-8")
    reading = read_webhook_log(str(path), INTERESTS)
    assert [problem.partition(":")[0] for problem in reading.problems] == ["line %d" % number for number in range(1, 7)]
    assert "secret" not in " ".join(reading.problems)
    assert (list(reading.reports["A"].apps), reading.lines, reading.last_at) == ([TIKTOK], 8, at(1))


def test_a_line_that_is_too_long_is_passed_over_and_lines_are_still_numbered_right(tmp_path: Path) -> None:
    path = tmp_path / "webhook.jsonl"
    good = connect(1, "Acknowledged", uuid_of(ASKED), apps(TIKTOK))
    path.write_text("x" * 10_000 + "\n" + good + "\nnonsense\n" + "y" * 10_000, encoding="utf-8")
    reading = read_webhook_log(str(path), INTERESTS, longest_line=4_000)
    assert reading.problems == ("line 1: a line that is too long to be an event", "line 3: it is not JSON")
    assert list(reading.reports["A"].apps) == [TIKTOK]


def test_many_broken_lines_are_counted_and_a_missing_file_is_an_error(tmp_path: Path) -> None:
    reading = read(tmp_path, *["nonsense"] * 50)
    assert (len(reading.problems), reading.problems[-1]) == (21, "and 30 more lines")
    with pytest.raises(AppbanError, match="can't be read") as caught:
        read_webhook_log(str(tmp_path / "nowhere"), INTERESTS)
    assert "webhook_log" in caught.value.next_step


def test_only_the_enrolments_that_are_wanted_are_kept(tmp_path: Path) -> None:
    lines = [check_in(1, "Authenticate", device) for device in ("A", "B")]
    assert set(read(tmp_path, *lines, interests=Interests(enrollments=frozenset({"B"}))).reports) == {"B"}


@pytest.fixture(params=["nano", "nano_pgsql"])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    found: NanoServers = request.getfixturevalue(request.param)
    return found


def test_a_real_server_and_device_tell_it_that_way_and_its_database_the_same(servers: NanoServers) -> None:
    device = servers.device(
        udid="AAAAAAAA-0000-4000-8000-000000000001", platform="iPhone", os_version="26.1", apps=[App(TIKTOK, "TikTok", "3.1")]
    )
    device.enrol()
    remove = {"RequestType": "RemoveProfile", "Identifier": "org.example.ban.nothing"}
    removal = command_mark("ban", remove)
    interests = Interests(INTERESTS.bundle_ids, INTERESTS.questions, frozenset({removal}), INTERESTS.profile_prefix)
    with clients_of(servers) as clients:
        uuids = [clients.nanomdm.enqueue(QUESTION, [device.id], ASKED, "1", push=False).uuids[device.id]]
        uuids.append(clients.nanomdm.enqueue(remove, [device.id], removal, "1", push=False).uuids[device.id])
        device.connect()
        for uuid in uuids:
            servers.webhook.wait_for_results(uuid)
        reading = read_webhook_log(str(servers.webhook.path), interests)
        assert reading.problems == ()
        sources = [reading.reports]
        if servers.dsn is not None:
            sources.append(open_database(clients).reports(interests))
    for reports in sources:
        found = reports[device.id]
        assert (found.apps[TIKTOK].version, set(found.asked)) == ("3.1", {TIKTOK})
        assert {mark: result.status for mark, result in found.results.items()} == {ASKED: "Acknowledged", removal: "Error"}
        assert found.results[removal].errors
        assert found.enrolled_at <= found.asked[TIKTOK]
        assert found.checked_out_at == ""
