# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the pinned KMFDDM treats declarations, sets and enrolments, and what it learns from a device."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.declaration_rules import ACTIVATION, APP_SETTINGS
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import TIKTOK

DENIED = {"Allowed": {"DeniedApps": [TIKTOK.identifier]}}
CFG, ACT = "org.example.ban.tiktok.cfg", "org.example.ban.tiktok.act"


def put_ban(api: NanoApi, ids: list[str], predicate: str | None = None) -> None:
    """The declarations of a ban, its set, and its devices."""
    payload = {"StandardConfigurations": [CFG], **({} if predicate is None else {"Predicate": predicate})}
    assert api.put_declaration(CFG, APP_SETTINGS, DENIED) == 204
    assert api.put_declaration(ACT, ACTIVATION, payload) == 204
    assert set(api.assign("org.example.ban.tiktok", [CFG, ACT], ids)) == {204}


def device_with_tiktok(api: NanoApi, **facts: Any) -> FakeDevice:
    device = api.servers.device(apps=[TIKTOK], **{"os_version": "27.0", **facts})
    device.enrol()
    return device


def test_a_change_is_204_and_no_change_is_304(api: NanoApi) -> None:
    # The published document has the two texts the other way round for declarations.
    declaration = {"Identifier": CFG, "Type": APP_SETTINGS, "Payload": DENIED}
    assert api.kmfddm("PUT", "/declarations", declaration).status_code == 204
    assert api.kmfddm("PUT", "/declarations", dict(reversed(declaration.items()))).status_code == 304
    assert api.kmfddm("PUT", "/declarations", {**declaration, "Payload": {"Allowed": {"DeniedApps": []}}}).status_code == 204
    for path in ("/set-declarations/s?declaration=" + CFG, "/enrollment-sets/D?set=s"):
        assert [api.kmfddm("PUT", path).status_code for _time in range(2)] == [204, 304]
    for path in ("/enrollment-sets/D?set=s", "/set-declarations/s?declaration=" + CFG, "/declarations/" + CFG):
        assert [api.kmfddm("DELETE", path).status_code for _time in range(2)] == [204, 304]


def test_what_was_written_can_be_read_back(api: NanoApi) -> None:
    put_ban(api, ["D1"])
    assert sorted(api.kmfddm("GET", "/declarations").json()) == [ACT, CFG]
    declaration = api.kmfddm("GET", f"/declarations/{CFG}").json()
    assert declaration.pop("ServerToken")
    assert declaration == {"Identifier": CFG, "Type": APP_SETTINGS, "Payload": DENIED}
    assert api.kmfddm("GET", "/sets").json() == ["org.example.ban.tiktok"]
    assert sorted(api.kmfddm("GET", "/set-declarations/org.example.ban.tiktok").json()) == [ACT, CFG]
    assert api.kmfddm("GET", "/enrollment-sets/D1").json() == ["org.example.ban.tiktok"]


def test_what_is_not_there_is_404_or_null(api: NanoApi) -> None:
    assert api.kmfddm("GET", "/declarations/org.example.none").status_code == 404
    for path in ("/set-declarations/none", "/enrollment-sets/none", "/declarations", "/sets"):
        answer = api.kmfddm("GET", path)
        assert (answer.status_code, answer.json()) == (200, None)


def test_a_wrong_key_is_refused(api: NanoApi) -> None:
    api._kmfddm.auth = ("kmfddm", "wrong")
    assert api.kmfddm("GET", "/declarations").status_code == 401


def test_an_unknown_declaration_does_not_go_into_a_set(api: NanoApi) -> None:
    answer = api.kmfddm("PUT", "/set-declarations/s?declaration=org.example.none")
    assert answer.status_code == 500
    assert "declaration not found" in answer.json()["error"]


def test_a_declaration_in_a_set_is_not_deleted(api: NanoApi) -> None:
    put_ban(api, [])
    answer = api.kmfddm("DELETE", f"/declarations/{CFG}")
    assert answer.status_code == 500
    assert "declaration is referenced by" in answer.json()["error"]


def test_a_name_that_begins_another_can_not_be_deleted_while_the_other_is_in_a_set(api: NanoApi) -> None:
    for identifier in ("org.example.ban", "org.example.ban.act"):
        assert api.put_declaration(identifier, APP_SETTINGS, DENIED) == 204
    assert api.assign("s", ["org.example.ban.act"], []) == [204]
    assert api.kmfddm("DELETE", "/declarations/org.example.ban").status_code == 500
    assert api.kmfddm("DELETE", "/set-declarations/s?declaration=org.example.ban.act").status_code == 204
    assert api.kmfddm("DELETE", "/declarations/org.example.ban").status_code == 204


def test_names_that_differ_in_their_last_part_do_not_disturb_each_other(api: NanoApi) -> None:
    put_ban(api, [])
    assert api.kmfddm("DELETE", f"/set-declarations/org.example.ban.tiktok?declaration={CFG}").status_code == 204
    assert api.kmfddm("DELETE", f"/declarations/{CFG}").status_code == 204


def test_assigning_a_set_queues_one_command_and_the_device_applies_it(api: NanoApi) -> None:
    device, other = device_with_tiktok(api), device_with_tiktok(api)
    put_ban(api, [device.id])
    assert [exchange["method"] for exchange in api.servers.notifier.requests()] == ["PUT"]
    assert device.visible_apps() == [TIKTOK.identifier]
    assert device.connect() == [("DeclarativeManagement", "Acknowledged")]
    assert device.connect() == other.connect() == []
    assert (device.visible_apps(), device.is_installed(TIKTOK.identifier)) == ([], True)
    assert other.can_open(TIKTOK.identifier)
    status = api.declaration_status(device.id)
    assert {name: (row["active"], row["valid"], row["current"]) for name, row in status.items()} == {
        ACT: (True, "valid", True),
        CFG: (True, "valid", True),
    }
    assert api.declaration_status(other.id) == {}


def test_the_status_is_not_current_between_a_change_and_the_next_report(api: NanoApi) -> None:
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    device.connect()
    assert api.put_declaration(CFG, APP_SETTINGS, {"Allowed": {"DeniedApps": ["org.example.other"]}}) == 204
    assert api.declaration_status(device.id)[CFG]["current"] is False
    assert device.connect() == [("DeclarativeManagement", "Acknowledged")]
    assert api.declaration_status(device.id)[CFG]["current"] is True
    assert device.can_open(TIKTOK.identifier)


def test_nobody_is_told_where_nothing_changed(api: NanoApi) -> None:
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    device.connect()
    api.servers.notifier.forget_requests()
    assert api.put_declaration(CFG, APP_SETTINGS, DENIED) == 304
    assert api.assign("org.example.ban.tiktok", [CFG, ACT], [device.id]) == [304, 304, 304]
    assert api.servers.notifier.requests() == []


def test_a_device_that_enrols_again_needs_a_kick(api: NanoApi) -> None:
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    device.connect()
    device.enrol()
    assert api.assign("org.example.ban.tiktok", [CFG, ACT], [device.id]) == [304, 304, 304]
    assert device.connect() == []
    assert device.can_open(TIKTOK.identifier)
    # The server still shows what the device said before.
    assert api.declaration_status(device.id)[CFG]["active"] is True
    assert api.kmfddm("POST", f"/notify?id={device.id}").status_code == 204
    assert device.connect() == [("DeclarativeManagement", "Acknowledged")]
    assert not device.can_open(TIKTOK.identifier)


def test_taking_a_device_out_of_all_sets_and_back_is_a_kick_too(api: NanoApi) -> None:
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    device.connect()
    device.enrol()
    # The document has the path without its second part.
    assert api.kmfddm("DELETE", f"/enrollment-sets-all/{device.id}").status_code == 404
    assert api.kmfddm("DELETE", f"/enrollment-sets-all/sets/{device.id}").status_code == 204
    assert api.assign("org.example.ban.tiktok", [], [device.id]) == [204]
    device.connect()
    assert not device.can_open(TIKTOK.identifier)


def test_lifting_shows_the_app_again(api: NanoApi) -> None:
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    device.connect()
    assert api.kmfddm("DELETE", f"/enrollment-sets/{device.id}?set=org.example.ban.tiktok").status_code == 204
    assert device.connect() == [("DeclarativeManagement", "Acknowledged")]
    assert (device.can_open(TIKTOK.identifier), device.declarations.held) == (True, {})
    # A report without declarations changes nothing at the server (storage/kv/status.go): the last one that had some stays in sight.
    assert {(row["active"], row["current"]) for row in api.declaration_status(device.id).values()} == {(True, False)}


@pytest.mark.parametrize(
    ("facts", "code"),
    [({"supervised": False}, "Error.NotSupported"), ({"os_version": "26.1"}, "Error.UnknownDeclarationType")],
    ids=["unsupervised", "older system"],
)
def test_a_device_that_can_not_apply_it_says_so(api: NanoApi, facts: dict[str, object], code: str) -> None:
    device = device_with_tiktok(api, **facts)
    put_ban(api, [device.id])
    device.connect()
    assert device.can_open(TIKTOK.identifier)
    row = api.declaration_status(device.id)[CFG]
    assert (row["active"], row["valid"], row["reasons"][0]["code"]) == (False, "invalid", code)
    errors = api.kmfddm("GET", f"/status-errors/{device.id}").json()[device.id]
    assert [error["path"] for error in errors] == [".StatusItems.management.declarations.configurations"]


def test_a_predicate_leaves_a_device_out(api: NanoApi) -> None:
    device, exempt = device_with_tiktok(api), device_with_tiktok(api, serial="EXEMPT1")
    put_ban(api, [device.id, exempt.id], "@status(device.identifier.serial-number) != 'EXEMPT1'")
    device.connect()
    exempt.connect()
    assert (device.can_open(TIKTOK.identifier), exempt.can_open(TIKTOK.identifier)) == (False, True)
    assert api.declaration_status(exempt.id)[ACT]["active"] is False


def test_a_payload_is_not_looked_at(api: NanoApi) -> None:
    assert api.put_declaration("org.example.odd.cfg", "org.example.no.such.type", {"x": 1}) == 204


def test_the_query_of_the_enqueue_url_is_lost(api: NanoApi) -> None:
    # So a server that has a push certificate is asked for a push, whatever the option -enqueue says.
    device = device_with_tiktok(api)
    put_ban(api, [device.id])
    assert [exchange["query"] for exchange in api.servers.notifier.requests()] == [{}]


def test_only_the_first_thirty_devices_of_a_set_hear_of_a_change(api: NanoApi) -> None:
    # KMFDDM tells NanoMDM of thirty devices in a request (notifier/foss/foss.go) and has used up the command's text after the first.
    devices = [device_with_tiktok(api) for _number in range(31)]
    put_ban(api, [device.id for device in devices])
    for device in devices:
        device.connect()
    api.servers.notifier.forget_requests()
    assert api.put_declaration(CFG, APP_SETTINGS, {"Allowed": {"DeniedApps": ["org.example.other"]}}) == 204
    assert [exchange["status"] for exchange in api.servers.notifier.requests()] == [200, 500]
    told = [device for device in devices if device.connect()]
    assert len(told) == 30
    assert sum(device.can_open(TIKTOK.identifier) for device in devices) == 30
