# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pinned NanoHUB does otherwise than NanoMDM and KMFDDM, and what it does alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.nanomdm.api_client import TIMEOUT, NanoApi
from tests.support.nanomdm.declaration_rules import ACTIVATION, APP_SETTINGS
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import TIKTOK, all_at_once
from tests.support.nanomdm.servers import NANOHUB_KEY, NanoServers

DENIED = {"Allowed": {"DeniedApps": [TIKTOK.identifier]}}
CFG, ACT, SET = "org.example.ban.tiktok.cfg", "org.example.ban.tiktok.act", "org.example.ban.tiktok"
NOBODY = "00000000-DEAD-4000-8000-000000000000"


@pytest.fixture
def hub(nanohub: NanoServers) -> Iterator[NanoApi]:
    client = NanoApi(nanohub)
    yield client
    client.close()


def put_ban(api: NanoApi) -> None:
    """The declarations of a ban and its set, which nobody is told of."""
    for identifier, kind, payload in ((CFG, APP_SETTINGS, DENIED), (ACT, ACTIVATION, {"StandardConfigurations": [CFG]})):
        document = {"Identifier": identifier, "Type": kind, "Payload": payload}
        assert api.kmfddm("PUT", "/declarations?nonotify=1", document).status_code == 204
        assert api.kmfddm("PUT", f"/set-declarations/{SET}?declaration={identifier}&nonotify=1").status_code == 204


def banned(api: NanoApi, count: int) -> list[FakeDevice]:
    """Devices that have the set and have not been told."""
    devices = [api.servers.device(apps=[TIKTOK], os_version="27.0") for _number in range(count)]
    all_at_once(devices, FakeDevice.enrol)
    for device in devices:
        assert api.kmfddm("PUT", f"/enrollment-sets/{device.id}?set={SET}&nonotify=1").status_code == 204
    return devices


def notify(api: NanoApi, *ids: str) -> requests.Response:
    return api.kmfddm("POST", "/notify?" + "&".join(f"id={each}" for each in ids))


def test_both_apis_have_one_key_and_one_user_and_are_elsewhere(nanohub: NanoServers) -> None:
    commands, declarations = nanohub.apis(straight=True)
    assert (commands.root.rpartition("/api/")[2], declarations.root.rpartition("/api/")[2]) == ("v1/nanomdm", "v1/ddm")
    address = commands.root.partition("/api/")[0]

    def status(path: str, user: str = "nanohub", key: str = NANOHUB_KEY) -> int:
        return requests.get(address + path, auth=(user, key), timeout=TIMEOUT).status_code

    assert [status("/api/v1/ddm/sets", user) for user in ("nanohub", "kmfddm", "nanomdm")] == [200, 401, 401]
    assert status("/api/v1/ddm/sets", key="wrong") == 401
    assert [status(path) for path in ("/v1/sets", "/api/v1/ddm/v1/sets", "/api/v1/nanomdm/v1/version")] == [404, 404, 404]
    # The same key opens NanoCMD's workflows, which lock and unlock devices.
    assert status("/api/v1/nanocmd/inventory?id=X") == 200


def test_no_api_lists_enrolments(nanohub: NanoServers) -> None:
    nanohub.device().enrol()
    address = nanohub.apis(straight=True)[0].root.partition("/api/")[0]
    paths = ("/v1/enrollments/query", *(f"/api/v1/nanomdm/{name}" for name in ("enrollments", "enrollments/query", "devices")))
    found = {path: requests.get(address + path, auth=("nanohub", NANOHUB_KEY), timeout=TIMEOUT).status_code for path in paths}
    assert set(found.values()) == {404}, found


def test_a_notification_that_can_not_be_pushed_is_an_error_and_queued_for_all(hub: NanoApi) -> None:
    put_ban(hub)
    first, second = banned(hub, 2)
    answer = notify(hub, first.id, second.id, NOBODY)
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("enqueueing DM command: push error: ")
    assert f"status errors (1): last error for {NOBODY}: push error: push data missing for id" in answer.json()["error"]
    assert first.connect() == second.connect() == [("DeclarativeManagement", "Acknowledged")]
    assert not first.can_open(TIKTOK.identifier)
    # There is no way not to push; past the front, because no document has such a query.
    straight = NanoApi(hub.servers, straight=True)
    assert straight.kmfddm("POST", f"/notify?id={first.id}&nopush=1").status_code == 500
    assert first.connect() == [("DeclarativeManagement", "Acknowledged")]


def test_every_device_of_forty_hears_of_a_change(hub: NanoApi) -> None:
    put_ban(hub)
    devices = banned(hub, 40)
    assert notify(hub, *(device.id for device in devices)).status_code == 500
    assert [each for each in all_at_once(devices) if each] == [[("DeclarativeManagement", "Acknowledged")]] * 40


def test_a_write_to_sets_that_notifies_is_an_error_after_it_was_stored(hub: NanoApi) -> None:
    put_ban(hub)
    (device,) = banned(hub, 1)
    answer = hub.kmfddm("DELETE", f"/enrollment-sets/{device.id}?set={SET}")
    assert (answer.status_code, "push error: " in answer.json()["error"]) == (500, True)
    assert hub.kmfddm("GET", f"/enrollment-sets/{device.id}").json() is None
    # A declaration's own write says nothing of it.
    hub.kmfddm("PUT", f"/enrollment-sets/{device.id}?set={SET}&nonotify=1")
    other = {"Identifier": CFG, "Type": APP_SETTINGS, "Payload": {"Allowed": {"DeniedApps": ["org.example.other"]}}}
    assert hub.kmfddm("PUT", "/declarations", other).status_code == 204
    assert hub.kmfddm("GET", f"/declarations/{CFG}").json()["Payload"] == other["Payload"]


def test_a_change_is_204_no_change_is_304_and_what_is_unknown_or_used_is_500(hub: NanoApi) -> None:
    put_ban(hub)
    document = {"Identifier": CFG, "Type": APP_SETTINGS, "Payload": DENIED}
    assert hub.kmfddm("PUT", "/declarations?nonotify=1", document).status_code == 304
    for path in (f"/set-declarations/{SET}?declaration={CFG}&nonotify=1", f"/enrollment-sets/D?set={SET}&nonotify=1"):
        hub.kmfddm("PUT", path)
        assert hub.kmfddm("PUT", path).status_code == 304
    unknown = hub.kmfddm("PUT", f"/set-declarations/{SET}?declaration=org.example.none&nonotify=1")
    assert (unknown.status_code, "declaration not found" in unknown.json()["error"]) == (500, True)
    used = hub.kmfddm("DELETE", f"/declarations/{CFG}")
    assert (used.status_code, "declaration is referenced by" in used.json()["error"]) == (500, True)
    member = f"/set-declarations/{SET}?declaration={CFG}&nonotify=1"
    for path in (f"/enrollment-sets/D?set={SET}&nonotify=1", member, f"/declarations/{CFG}"):
        assert [hub.kmfddm("DELETE", path).status_code for _time in range(2)] == [204, 304]
    assert (hub.kmfddm("GET", "/set-declarations/none").json(), hub.kmfddm("GET", "/enrollment-sets/none").json()) == (None, None)


def test_a_device_that_enrols_again_keeps_its_sets_and_is_told_nothing(hub: NanoApi) -> None:
    put_ban(hub)
    (device,) = banned(hub, 1)
    notify(hub, device.id)
    device.connect()
    device.enrol()
    assert hub.kmfddm("GET", f"/enrollment-sets/{device.id}").json() == [SET]
    assert device.connect() == []
    assert hub.declaration_status(device.id)[CFG]["active"] is True


def test_webhook_events_name_devices_as_those_of_nanomdm_do(hub: NanoApi) -> None:
    device = hub.servers.device()
    device.enrol()
    hub.enqueue([device.id], "DeviceInformation")
    device.connect()
    device.check_out()
    events = hub.servers.webhook.wait_for(lambda events: len(events) >= 5)
    topics = ["mdm.Authenticate", "mdm.CheckOut", "mdm.Connect", "mdm.Connect", "mdm.TokenUpdate"]
    assert sorted(event["topic"] for event in events) == topics
    assert {(event.get("acknowledge_event") or event["checkin_event"])["ids"]["id"] for event in events} == {device.id}


def test_only_nanohub_has_options_of_its_own_and_it_signs_nothing(nanohub_factory: NanoFactory) -> None:
    with pytest.raises(ValueError, match="only NanoHUB"):
        nanohub_factory.start("nanohub", webhook_key="a key")
    with pytest.raises(ValueError, match="only NanoHUB"):
        nanohub_factory.start(options=["-dmshard"])
