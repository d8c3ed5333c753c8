# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queueing commands with a real NanoMDM, on both kinds of storage, and with a real NanoHUB."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api import nanomdm as client
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.command_uuids import command_mark, mark_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enqueued
from tests.support.loopback import Answer, FakeClock, Server
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_clients import Clients, clients_of

ASK = {"RequestType": "ProfileList"}
MARK = command_mark("ban", ASK)


@pytest.fixture(params=["nano", "nano_pgsql", "nanohub"])
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    with clients_of(request.getfixturevalue(request.param)) as opened:
        yield opened


@pytest.fixture
def in_sql(nano_pgsql: object) -> Iterator[Clients]:
    with clients_of(nano_pgsql) as opened:  # type: ignore[arg-type]
        yield opened


def enrolled(clients: Clients, count: int) -> list[FakeDevice]:
    devices = [clients.servers.device(udid="AAAAAAAA-0000-4000-8000-%012d" % number) for number in range(count)]
    for device in devices:
        device.enrol()
    return devices


def ask(clients: Clients, ids: list[str], idempotency_key: str = "1") -> Enqueued:
    return clients.nanomdm.enqueue(ASK, ids, MARK, idempotency_key, push=False)


def test_a_command_is_queued_once_however_often_it_is_asked_for(clients: Clients) -> None:
    one, two = enrolled(clients, 2)
    first = ask(clients, [one.id, two.id, one.id])
    assert (first.queued, first.already, first.unknown, first.failed, first.warnings) == ({one.id, two.id}, set(), set(), {}, ())
    again = ask(clients, [two.id, one.id])
    assert (again.queued, again.already, again.uuids) == (set(), {one.id, two.id}, first.uuids)
    assert {mark_of(uuid) for uuid in first.uuids.values()} == {MARK}
    assert ask(clients, [one.id, two.id], "2").queued == {one.id, two.id}, "another key is another command"
    assert one.connect() == two.connect() == [("ProfileList", "Acknowledged")] * 2
    assert ask(clients, [one.id, two.id]).already == {one.id, two.id}, "also when it was carried out"


@pytest.mark.parametrize("trouble", ["timeout_after_effect", "502_after_effect", "drop", "bad_json", "html"])
def test_a_lost_answer_is_found_out_by_sending_the_same_uuid_again(clients: Clients, trouble: str) -> None:
    (device,) = enrolled(clients, 1)
    clients.servers.nanomdm.faults([{"match": {"method": "PUT"}, "nth": 1, "kind": trouble}])
    assert ask(clients, [device.id]).queued == {device.id}
    assert len(clients.servers.nanomdm.requests()) == 2
    assert device.connect() == [("ProfileList", "Acknowledged")], "and the device gets it once"


def test_a_server_that_never_answers_leaves_it_open(clients: Clients) -> None:
    (device,) = enrolled(clients, 1)
    clients.servers.nanomdm.faults([{"match": {"method": "PUT"}, "nth": number, "kind": "502"} for number in (1, 2)])
    result = ask(clients, [device.id])
    assert (result.queued, result.already, list(result.failed)) == (set(), set(), [device.id])
    assert "nobody knows" in result.failed[device.id]
    assert len(clients.servers.nanomdm.requests()) == 2
    clients.servers.nanomdm.faults([])
    assert ask(clients, [device.id]).queued == {device.id}


def test_ids_without_an_enrolment_are_found_in_sql_and_all_others_get_the_command_once(in_sql: Clients) -> None:
    devices = enrolled(in_sql, 9)
    ids = [device.id for device in devices]
    wrong = ["NOBODY", ids[0].lower()]
    result = ask(in_sql, ids + wrong)
    assert (result.queued, result.unknown, result.failed) == (set(ids), set(wrong), {})
    assert len(set(result.uuids.values())) > 1, "each request that went through has a CommandUUID of its own"
    again = ask(in_sql, ids + wrong)
    assert (again.queued, again.already, again.unknown, again.uuids) == (set(), set(ids), set(wrong), result.uuids)
    assert [device.connect() for device in devices] == [[("ProfileList", "Acknowledged")]] * 9


def test_the_search_for_unknown_ids_has_an_end(in_sql: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_HALVINGS", 20)
    result = ask(in_sql, ["NOBODY-%03d" % number for number in range(64)])
    assert len(result.unknown) + len(result.failed) == 64
    assert result.failed
    assert "too many" in next(iter(result.failed.values()))
    assert len(in_sql.servers.nanomdm.requests()) == 21


def test_a_storage_in_memory_takes_unknown_ids_so_queued_means_requested_only(nano: object) -> None:
    with clients_of(nano) as clients:  # type: ignore[arg-type]
        assert ask(clients, ["NOBODY"]).queued == {"NOBODY"}


def test_many_ids_go_in_chunks_that_stay_the_same(clients: Clients) -> None:
    (device,) = enrolled(clients, 1)
    ids = [device.id] * 400
    assert ask(clients, ids).queued == {device.id}
    assert len(clients.servers.nanomdm.requests()) == 1


def test_a_command_that_the_server_does_not_take_fails_with_its_words(clients: Clients) -> None:
    (device,) = enrolled(clients, 1)
    result = clients.nanomdm.enqueue({"NoRequestType": 1}, [device.id], MARK, "1", push=False)
    assert (result.queued, result.failed) == (set(), {device.id: "decoding command: invalid command"})


def test_a_wrong_key_and_check_mode_stop_everything(clients: Clients) -> None:
    known = clients.servers.connection
    url = known.get("nanomdm_url") or known["nanohub_url"]
    wrong = client.NanoMdm(url, "a-wrong-secret", clients.connection, False, clients.nanomdm.place)
    with pytest.raises(RequestFailed, match="401") as caught:
        wrong.enqueue(ASK, ["ANY"], MARK, "1", push=False)
    assert "a-wrong-secret" not in str(caught.value) + repr(wrong)
    clients.servers.nanomdm.forget_requests()
    with clients_of(clients.servers, check_mode=True) as watching, pytest.raises(WriteInCheckMode):
        ask(watching, ["ANY"])
    assert clients.servers.nanomdm.requests() == []


def told(document: dict[str, Any], status: int) -> Enqueued:
    """What comes of an answer of NanoMDM's own form."""
    with clients_of_script(Answer(status, document)) as opened:
        return opened.enqueue(ASK, ["ONE", "TWO"], MARK, "1")


@contextlib.contextmanager
def clients_of_script(answer: Answer) -> Iterator[client.NanoMdm]:
    server = Server(answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with open_connection({}, timeout=10, deadline=100, clock=FakeClock(), source=random.Random(1)) as connection:
            yield client.NanoMdm(server.url, "key", connection, False)
    finally:
        server.shutdown()
        server.server_close()


DONE = {"command_uuid": "76abd7c3-86e9-831e-829b-15494de96164", "request_type": "ProfileList"}


@pytest.mark.parametrize("status", [200, 207, 500])
def test_what_goes_wrong_about_waking_devices_up_is_a_warning_under_any_status(status: int) -> None:
    result = told({**DONE, "push_error": "no certificate", "status": {"ONE": {"push_error": "bad token"}}}, status)
    assert (result.queued, result.failed) == ({"ONE", "TWO"}, {})
    assert result.warnings == ("Not woken up: no certificate", "Not woken up: bad token")


@pytest.mark.parametrize(
    "document",
    [
        {"command_error": "the disk is full", "push_error": "no certificate"},
        {**DONE, "command_error": "the disk is full"},
        {**DONE, "status": {"TWO": {"command_error": "the disk is full"}}},
        {"error": "the disk is full"},
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_an_error_of_the_command_means_not_queued_under_any_status(document: dict[str, Any], status: int) -> None:
    result = told(document, status)
    assert (result.queued, result.warnings) == (set(), ())
    assert result.failed == {"ONE": "the disk is full", "TWO": "the disk is full"}


@pytest.mark.parametrize(
    "error",
    [
        "command already exists: 76abd7c3-86e9-831e-829b-15494de96164",
        'pq: duplicate key value violates unique constraint "commands_pkey"',
        "Error 1062: Duplicate entry '76abd7c3' for key 'commands.PRIMARY'",
    ],
)
def test_a_repeated_uuid_means_queued_before(error: str) -> None:
    result = told({"command_error": error}, 500)
    assert (result.already, result.queued, result.failed) == ({"ONE", "TWO"}, set(), {})


def test_an_answer_that_says_nothing_is_no_success() -> None:
    assert set(told({}, 200).failed) == {"ONE", "TWO"}
