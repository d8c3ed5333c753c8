# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations, sets and statuses, against a real KMFDDM and devices behind a real NanoMDM, and against a real NanoHUB."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.api_key import NANOHUB_DECLARATIONS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.kmfddm import Kmfddm, is_only_not_pushed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Notified
from tests.support.loopback import Answer, rig
from tests.support.nanomdm.fleet import all_at_once
from tests.support.nanomdm.nano_clients import (
    ACTIVATION,
    CONFIGURATION,
    SET,
    Clients,
    activation_document,
    block_document,
    clients_of,
)
from tests.support.nanomdm.servers import NanoServers


@pytest.fixture(params=["nano", "nanohub"])
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    with clients_of(request.getfixturevalue(request.param)) as opened:
        yield opened


@pytest.fixture
def pair(nano: NanoServers) -> Iterator[Clients]:
    with clients_of(nano) as opened:
        yield opened


@pytest.fixture
def hub(nanohub: NanoServers) -> Iterator[Clients]:
    with clients_of(nanohub) as opened:
        yield opened


def put_control(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    for document in (block_document(), activation_document()):
        assert kmfddm.put_declaration(document)
        assert kmfddm.put_set_declaration(SET, str(document["Identifier"]))


def test_a_server_with_nothing_in_it_lists_nothing(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    assert (kmfddm.declarations(), kmfddm.sets(), kmfddm.declaration("nowhere")) == ([], [], None)
    assert kmfddm.set_declarations("nowhere") == kmfddm.enrollment_sets("NOWHERE") == []
    assert kmfddm.statuses(["NOWHERE"]) == {"NOWHERE": ()}


def test_each_write_changes_something_once_and_then_nothing(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    put_control(clients)
    assert not kmfddm.put_declaration({**block_document(), "ServerToken": "of our own"})
    assert not kmfddm.put_set_declaration(SET, CONFIGURATION)
    assert (kmfddm.put_enrollment_set("DEVICE-1", SET), kmfddm.put_enrollment_set("DEVICE-1", SET)) == (True, False)
    assert kmfddm.declarations() == [ACTIVATION, CONFIGURATION]
    found = kmfddm.declaration(CONFIGURATION)
    assert found is not None
    assert found.pop("ServerToken")
    assert found == block_document()
    assert kmfddm.put_declaration(block_document("com.example.other"))
    assert (kmfddm.sets(), kmfddm.set_declarations(SET)) == ([SET], [ACTIVATION, CONFIGURATION])
    assert kmfddm.enrollments_sets(["DEVICE-2", "DEVICE-1"]) == {"DEVICE-1": [SET], "DEVICE-2": []}

    assert (kmfddm.delete_enrollment_set("DEVICE-1", SET), kmfddm.delete_enrollment_set("DEVICE-1", SET)) == (True, False)
    for identifier in (ACTIVATION, CONFIGURATION):
        assert (kmfddm.delete_set_declaration(SET, identifier), kmfddm.delete_set_declaration(SET, identifier)) == (True, False)
        assert (kmfddm.delete_declaration(identifier), kmfddm.delete_declaration(identifier)) == (True, False)
    assert (kmfddm.declarations(), kmfddm.sets()) == ([], [])
    writes = [each for each in clients.servers.kmfddm.requests() if each["method"] != "GET" and each["path"] != "/v1/declarations"]
    assert {each["query"].get("nonotify") for each in writes if "declarations/" not in each["path"]} == {"1"}
    assert clients.servers.notifier.requests() == [], "no write wakes devices up by itself"


def test_an_enrolment_keeps_its_set_when_the_set_is_emptied(clients: Clients) -> None:
    put_control(clients)
    clients.kmfddm.put_enrollment_set("DEVICE-1", SET)
    for identifier in (ACTIVATION, CONFIGURATION):
        clients.kmfddm.delete_set_declaration(SET, identifier)
    assert clients.kmfddm.sets() == []
    assert clients.kmfddm.enrollment_sets("DEVICE-1") == [SET], "it would get whatever comes into that set next"


def test_a_declaration_that_somebody_uses_says_so(clients: Clients) -> None:
    put_control(clients)
    with pytest.raises(RequestFailed, match="referenced by 1 sets") as caught:
        clients.kmfddm.delete_declaration(CONFIGURATION)
    assert (caught.value.status, "take it out of that set" in caught.value.next_step) == (500, True)
    with pytest.raises(RequestFailed, match="declaration not found") as caught:
        clients.kmfddm.put_set_declaration(SET, "org.example.ban.other.cfg")
    assert "run again" in caught.value.next_step


def test_a_dotted_prefix_of_another_identifier_can_not_be_deleted_which_is_why_ours_are_siblings(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    for identifier in ("org.x.tiktok", "org.x.tiktok.act"):
        kmfddm.put_declaration({**block_document(), "Identifier": identifier})
        kmfddm.put_set_declaration("org.x.set", identifier)
    kmfddm.delete_set_declaration("org.x.set", "org.x.tiktok")
    with pytest.raises(RequestFailed, match="referenced by"):
        kmfddm.delete_declaration("org.x.tiktok")


@pytest.mark.parametrize("trouble", ["timeout_after_effect", "502_after_effect", "drop"])
def test_a_write_whose_answer_is_lost_is_looked_up_and_not_sent_again(clients: Clients, trouble: str) -> None:
    put_control(clients)
    front = clients.servers.kmfddm
    writes = [
        lambda: clients.kmfddm.put_declaration(block_document("com.example.other")),
        lambda: clients.kmfddm.put_enrollment_set("DEVICE-1", SET),
        lambda: clients.kmfddm.delete_set_declaration(SET, ACTIVATION),
        lambda: clients.kmfddm.delete_declaration(ACTIVATION),
    ]
    for write in writes:
        front.forget_requests()
        front.faults([{"match": {"method": method}, "nth": 1, "kind": trouble} for method in ("PUT", "DELETE")])
        if trouble == "drop":
            with pytest.raises(UncertainWrite):
                write()
            front.faults([])
        else:
            assert write()
        assert [entry["method"] for entry in front.requests()].count("GET") == 1
        assert len(front.requests()) == 2
        if trouble == "drop":
            assert write()


def test_in_check_mode_nothing_is_sent_but_reads(clients: Clients) -> None:
    with clients_of(clients.servers, check_mode=True) as watching:
        kmfddm = watching.kmfddm
        writes = [
            lambda: kmfddm.put_declaration(block_document()),
            lambda: kmfddm.delete_declaration(CONFIGURATION),
            lambda: kmfddm.put_enrollment_set("DEVICE-1", SET),
            lambda: kmfddm.notify(["DEVICE-1"]),
        ]
        for write in writes:
            with pytest.raises(WriteInCheckMode):
                write()
        assert clients.servers.kmfddm.requests() == []
        assert kmfddm.declarations() == []


def test_a_wrong_key_is_told_and_never_shown(clients: Clients) -> None:
    known = clients.servers.connection
    url = known.get("kmfddm_url") or known["nanohub_url"]
    wrong = type(clients.kmfddm)(url, "a-wrong-secret", clients.connection, False, place=clients.kmfddm.place)
    with pytest.raises(RequestFailed, match="401") as caught:
        wrong.declarations()
    assert "a-wrong-secret" not in str(caught.value) + repr(wrong)


def test_a_device_tells_what_is_in_force_and_what_was_taken_away(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    put_control(clients)
    device = clients.servers.device(udid="AAAAAAAA-0000-4000-8000-000000000001", platform="iPhone", os_version="27.0")
    device.enrol()
    kmfddm.put_enrollment_set(device.id, SET)
    assert kmfddm.statuses([device.id]) == {device.id: ()}, "it was given it and has said nothing yet"
    assert kmfddm.notify([device.id]).told == {device.id}
    device.connect()
    found = {status.identifier: status for status in kmfddm.statuses([device.id])[device.id]}
    assert {name: status.in_force for name, status in found.items()} == {CONFIGURATION: True, ACTIVATION: True}
    assert all(status.received_at.endswith("Z") and status.server_token for status in found.values())
    kmfddm.put_declaration(block_document("com.example.other"))
    assert [status.in_force for status in kmfddm.statuses([device.id])[device.id]] == [True, False], "it has the old one still"
    kmfddm.delete_enrollment_set(device.id, SET)
    assert [status.current for status in kmfddm.statuses([device.id])[device.id]] == [False, False]


def test_a_device_that_refuses_a_declaration_says_why(clients: Clients) -> None:
    kmfddm = clients.kmfddm
    put_control(clients)
    device = clients.servers.device(udid="AAAAAAAA-0000-4000-8000-000000000002", platform="iPhone", os_version="17.5")
    device.enrol()
    kmfddm.put_enrollment_set(device.id, SET)
    kmfddm.notify([device.id])
    device.connect()
    refused = {status.identifier: status for status in kmfddm.statuses([device.id])[device.id]}[CONFIGURATION]
    assert (refused.in_force, refused.valid == "valid") == (False, False)
    assert refused.reasons
    assert all(refused.reasons)


def test_all_devices_are_woken_up_though_the_server_forgets_all_but_thirty_at_a_time(pair: Clients) -> None:
    kmfddm = pair.kmfddm
    put_control(pair)
    ids = ["DEVICE-%02d" % number for number in range(40)]
    for each in ids:
        kmfddm.put_enrollment_set(each, SET)
    notifier = pair.servers.notifier

    kmfddm.session.put("declarations", body=block_document("com.example.other"), what="store it and notify all", accept={304})
    theirs = [entry for entry in notifier.requests() if entry["status"] == 200]
    assert sum(entry["path"].count(",") + 1 for entry in theirs) == 30, "if it told all 40, our chunks would not be needed any more"

    notifier.forget_requests()
    assert kmfddm.notify(ids) == Notified(frozenset(ids))
    sent = notifier.requests()
    assert [entry["status"] for entry in sent] == [200, 200]
    assert sorted(each for entry in sent for each in entry["path"].rpartition("/")[2].split(",")) == ids


def test_statuses_of_many_devices_take_few_requests(clients: Clients) -> None:
    ids = ["%08X-0000-4000-8000-000000000000" % number for number in range(1000)]
    front = clients.servers.kmfddm
    found = clients.kmfddm.statuses([*ids, *ids])
    assert (len(found), set(found.values())) == (1000, {()})
    assert len(front.requests()) == 7
    assert max(len(entry["url"]) for entry in front.requests()) < 7_000


def test_a_nanohub_that_can_not_wake_up_has_queued_the_command_for_all_the_same(hub: Clients) -> None:
    put_control(hub)
    devices = [hub.servers.device(udid="AAAAAAAA-0000-4000-8000-%012d" % number, os_version="27.0") for number in range(40)]
    for device in devices:
        device.enrol()
        hub.kmfddm.put_enrollment_set(device.id, SET)
    ids = [device.id for device in devices]
    # One that no device has is in the same request as devices, and one is in a request of its own.
    found = hub.kmfddm.notify([*ids, "AAAAAAAA-NOBODY"], ["NOBODY"])
    assert (found.told, set(found.asleep), found.warnings) == ({*ids, "AAAAAAAA-NOBODY", "NOBODY"}, {*ids, "AAAAAAAA-NOBODY", "NOBODY"}, ())
    assert [each["status"] for each in hub.servers.kmfddm.requests()[-3:]] == [500, 500, 500]
    assert all("push error: " in words for words in found.asleep.values())
    assert [device.connect() for device in devices] == [[("DeclarativeManagement", "Acknowledged")]] * 40


def test_a_nanohub_that_fails_otherwise_has_told_nobody(hub: Clients) -> None:
    hub.servers.kmfddm.faults([{"match": {"method": "POST", "path": "/v1/notify"}, "nth": 1, "kind": "500"}])
    found = hub.kmfddm.notify(["D1", "D2"])
    assert (found.told, found.asleep) == (frozenset(), {})
    assert "no healthy upstream" in found.warnings[0]


# The texts are those of the source of NanoHUB v0.2.0 and of MySQL; no MySQL was at hand.
_MYSQL = "Error 1452 (23000): Cannot add or update a child row: a foreign key constraint fails (`nano`.`enrollment_queue`, CONSTRAINT ...)"


def test_an_unknown_enrolment_that_refuses_a_piece_in_sql_costs_nobody_else_the_command() -> None:
    refused = Answer(500, {"error": "enqueueing DM command: enqueue error: " + _MYSQL})
    with rig(refused, refused, Answer(204), Answer(204)) as r:
        kmfddm = Kmfddm(r.server.url, "key", r.connection, False, place=NANOHUB_DECLARATIONS)
        found = kmfddm.notify(["A", "B", "C"])
        assert [request.path for request in r.server.seen] == ["/api/v1/ddm/notify"] * 4
    assert found == Notified(frozenset("ABC"), {}, ("the server does not know the enrolment A",))


@pytest.mark.parametrize(
    ("error", "only_not_pushed"),
    [
        ('enqueueing DM command: push error: retrieving push cert for topic "com.apple.mgmt.x": not found', True),
        ("enqueueing DM command: status errors (1): last error for D: push error: push data missing for id", True),
        ("enqueueing DM command: push error: x; push error: x; status errors (2): last error for D: push error: y", True),
        ("enqueueing DM command: enqueue error: command already exists: U", False),
        ("enqueueing DM command: push error: x; push error: x; status errors (1): last error for U: enqueue error: disk full", False),
        ("enqueueing DM command: raw push enqueue: decoding command: x", False),
        ("retrieving enrollment ids: x", False),
        ("", False),
    ],
)
def test_only_a_push_that_failed_leaves_the_command_queued(error: str, only_not_pushed: bool) -> None:
    assert is_only_not_pushed(error) == only_not_pushed


def test_what_many_devices_said_is_read_whole_however_the_server_sends_it(hub: Clients) -> None:
    put_control(hub)
    devices = [hub.servers.device(udid="AAAAAAAA-0000-4000-8000-%012d" % number, os_version="27.0") for number in range(30)]
    for device in devices:
        device.enrol()
        hub.kmfddm.put_enrollment_set(device.id, SET)
    hub.kmfddm.notify([device.id for device in devices])
    all_at_once(devices)
    api = hub.servers.apis(straight=True)[1]
    ids = ",".join(device.id for device in devices)
    answer = requests.get(f"{api.root}/declaration-status/{ids}", auth=(api.user, api.key), timeout=30)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    # Past the front, which would send it in one piece.
    straight = Kmfddm(api.root.removesuffix("/" + NANOHUB_DECLARATIONS.root), api.key, hub.connection, False, place=NANOHUB_DECLARATIONS)
    found = straight.statuses([*(device.id for device in devices), "NOBODY"])
    assert {device: len(said) for device, said in found.items()} == {**{device.id: 2 for device in devices}, "NOBODY": 0}
