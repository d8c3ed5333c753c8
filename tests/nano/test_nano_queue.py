# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the pinned NanoMDM treats commands, with each of its storages: what an adapter has to live with."""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice

MALFORMED = [
    b"",
    b"no property list",
    plistlib.dumps({"CommandUUID": "x", "Command": {}}),
    plistlib.dumps({"Command": {"RequestType": "x"}}),
]
WORK = App("org.example.work", "Work", managed=True)
UNKNOWN = "00000000-DEAD-4000-8000-000000000000"


def enrolled(api: NanoApi, **facts: Any) -> FakeDevice:
    device = api.servers.device(**facts)
    device.enrol()
    return device


def is_pgsql(api: NanoApi) -> bool:
    return api.servers.dsn is not None


def test_a_command_for_two_known_devices_reaches_both(either: NanoApi) -> None:
    first, second = enrolled(either), enrolled(either)
    sent = either.enqueue([first.id, second.id], "DeviceInformation")
    assert sent.status == 200
    assert sent.answer == {"no_push": True, "command_uuid": sent.command_uuid, "request_type": "DeviceInformation"}
    assert first.connect() == second.connect() == [("DeviceInformation", "Acknowledged")]
    assert first.connect() == []


def test_a_wrong_key_is_refused(either: NanoApi) -> None:
    device = enrolled(either)
    either._nanomdm.auth = (either.servers.apis()[0].user, "wrong")
    answer = either._nanomdm.put(f"{either.servers.nanomdm.url}/v1/enqueue/{device.id}?nopush=1", data=b"", timeout=30)
    realm = "nanomdm" if either.servers.shared is None else "NanoHUB API"
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, f'Basic realm="{realm}"')
    assert device.connect() == []


def test_an_unknown_device_beside_a_known_one(either: NanoApi) -> None:
    device = enrolled(either)
    sent = either.enqueue([device.id, UNKNOWN], "DeviceInformation")
    if is_pgsql(either):
        # All or nothing, and no word about which of them it was.
        assert sent.status == 500
        assert "violates foreign key" in sent.answer["command_error"]
        assert "status" not in sent.answer
        assert device.connect() == []
    else:
        assert (sent.status, "command_error" in sent.answer) == (200, False)
        assert device.connect() == [("DeviceInformation", "Acknowledged")]


@pytest.mark.parametrize("spoil", [str.lower, lambda device: f"{device},", lambda device: f"{device[:-1]}"])
def test_ids_that_are_no_device_are_accepted_in_memory_and_refused_in_sql(either: NanoApi, spoil: Callable[[str], str]) -> None:
    device = enrolled(either, udid="ABCDEFAB-0000-4000-8000-ABCDEFABCDEF")
    sent = either.enqueue([spoil(device.id)], "DeviceInformation")
    assert sent.status == (500 if is_pgsql(either) else 200)


def test_the_same_device_twice_in_one_request(either: NanoApi) -> None:
    device = enrolled(either)
    sent = either.enqueue([device.id, device.id], "DeviceInformation")
    if is_pgsql(either):
        assert sent.status == 500
        assert "enrollment_queue_pkey" in sent.answer["command_error"]
        assert device.connect() == []
    else:
        assert sent.status == 200
        assert device.connect()[0] == ("DeviceInformation", "Acknowledged")


def test_a_command_uuid_is_taken_once_for_all_devices(either: NanoApi) -> None:
    first, second = enrolled(either), enrolled(either)
    number = str(uuid.uuid4())
    assert either.enqueue([first.id], "DeviceInformation", number).status == 200
    again = either.enqueue([second.id], "DeviceInformation", number)
    assert again.status == 500
    assert ("commands_pkey" if is_pgsql(either) else f"command already exists: {number}") in again.answer["command_error"]
    assert second.connect() == []
    assert len(first.connect()) == 1


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_command_is_a_500_that_says_why(either: NanoApi, body: bytes) -> None:
    device = enrolled(either)
    sent = either.enqueue_body([device.id], body)
    assert sent.status == 500
    assert sent.answer["command_error"]
    assert device.connect() == []


def test_a_device_that_checked_out_is_still_accepted(either: NanoApi) -> None:
    device = enrolled(either)
    device.check_out()
    assert either.enqueue([device.id], "DeviceInformation").status == 200


def test_enrolling_again_empties_the_queue(either: NanoApi) -> None:
    device = enrolled(either)
    assert either.enqueue([device.id], "DeviceInformation").status == 200
    device.enrol()
    assert device.connect() == []


def test_a_postponed_command_is_offered_again(either: NanoApi) -> None:
    device = enrolled(either, apps=[WORK])
    device.lock()
    sent = either.enqueue([device.id], "RemoveApplication", Identifier="org.example.work")
    assert device.connect() == [("RemoveApplication", "NotNow")]
    assert device.connect() == [("RemoveApplication", "NotNow")]
    assert device.is_installed("org.example.work")
    device.unlock()
    assert device.connect() == [("RemoveApplication", "Acknowledged")]
    assert not device.is_installed("org.example.work")
    assert device.connect() == []
    results = either.servers.webhook.wait_for_results(sent.command_uuid, 3)
    assert sorted(result["acknowledge_event"]["status"] for result in results) == ["Acknowledged", "NotNow", "NotNow"]


def test_a_postponed_command_comes_back_in_the_same_connection_after_another_one(pgsql: NanoApi) -> None:
    device = enrolled(pgsql, apps=[WORK])
    device.lock()
    pgsql.enqueue([device.id], "RemoveApplication", Identifier="org.example.work")
    pgsql.enqueue([device.id], "DeviceInformation")
    assert [status for _type, status in device.connect()] == ["NotNow", "Acknowledged", "NotNow"]
    device.unlock()
    assert device.connect() == [("RemoveApplication", "Acknowledged")]


def test_in_memory_a_postponed_command_is_lost_once_a_later_one_is_done(api: NanoApi) -> None:
    # NanoMDM's key-value storages (storage/kv/queue_ll.go, unlink) leave the postponed command pointing to the later one when that
    # is taken off. It is offered a second time, and taking it off again empties the whole queue.
    device = enrolled(api, apps=[WORK])
    device.lock()
    api.enqueue([device.id], "RemoveApplication", Identifier="org.example.work")
    api.enqueue([device.id], "DeviceInformation")
    assert device.connect() == [
        ("RemoveApplication", "NotNow"),
        ("DeviceInformation", "Acknowledged"),
        ("RemoveApplication", "NotNow"),
        ("DeviceInformation", "Acknowledged"),
    ]
    device.unlock()
    assert device.connect() == []
    assert device.is_installed("org.example.work")


def test_an_error_takes_the_command_off_the_queue(either: NanoApi) -> None:
    device = enrolled(either)
    sent = either.enqueue([device.id], "RemoveProfile", Identifier="org.example.absent")
    assert device.connect() == [("RemoveProfile", "Error")]
    assert device.connect() == []
    event = either.servers.webhook.wait_for_results(sent.command_uuid)[0]["acknowledge_event"]
    assert event["status"] == "Error"


def test_lifting_while_an_install_waits_leaves_the_profile_in_the_end(pgsql: NanoApi) -> None:
    device = enrolled(pgsql)
    device.lock()
    profile = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "org.example.ban", "PayloadUUID": "U"}
    pgsql.enqueue([device.id], "InstallProfile", Payload=plistlib.dumps({**profile, "PayloadContent": []}))
    pgsql.enqueue([device.id], "RemoveProfile", Identifier="org.example.ban")
    device.connect()
    device.unlock()
    assert ("RemoveProfile", "Error") in [(kind, status) for kind, _uuid, status in device.done]
    assert device.connect() == [("InstallProfile", "Acknowledged")]
    assert "org.example.ban" in device.installed_profiles()


def test_results_can_be_read_in_sql(pgsql: NanoApi, nano_postgres: NanoFactory) -> None:
    device = enrolled(pgsql)
    sent = pgsql.enqueue([device.id], "DeviceInformation")
    query = "SELECT command_uuid, request_type, status FROM view_queue"
    assert pgsql.servers.dsn
    rows = nano_postgres.cluster().rows(pgsql.servers.dsn, query)
    assert rows == [[sent.command_uuid, "DeviceInformation", ""]]
    device.connect()
    rows = nano_postgres.cluster().rows(pgsql.servers.dsn, query)
    assert rows == [[sent.command_uuid, "DeviceInformation", "Acknowledged"]]
