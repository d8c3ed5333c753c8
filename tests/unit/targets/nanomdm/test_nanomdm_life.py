# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lives of declared bans, over real servers and with devices that do what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.mdm_samples import app, policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, MANAGED, OTHER, PREFIX, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

SET = f"{PREFIX}.city-Apps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
ADVISE = {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]}


@pytest.fixture(params=["inmem", pytest.param("nanohub", marks=pytest.mark.long)])
def nano(request: pytest.FixtureRequest, nano_factory: NanoFactory) -> Iterator[NanoServers]:
    """A pair of fresh servers; and, where there is time, a fresh NanoHUB in their place."""
    if request.param == "nanohub":
        request.getfixturevalue("nanohub_factory")
    servers = nano_factory.start(request.param)
    yield servers
    nano_factory.finish(servers)


def phones(nano: NanoServers, count: int, **facts: Any) -> list[FakeDevice]:
    """Supervised phones of version 27 with the banned app and a private one."""
    return [nano.device(os_version="27.0", apps=[BANNED, OTHER], **facts) for _number in range(count)]


def state(api: NanoApi, *devices: FakeDevice) -> dict[str, Any]:
    """All that KMFDDM holds, everybody's, without tokens that change with every write."""

    def read(path: str) -> Any:
        return api.kmfddm("GET", path).json()

    declarations = {name: read(f"/declarations/{name}") for name in read("/declarations") or []}
    return {
        "declarations": {name: (each["Type"], each["Payload"]) for name, each in declarations.items()},
        "sets": {name: sorted(read(f"/set-declarations/{name}") or []) for name in read("/sets") or []},
        "assigned": {each.id: sorted(read(f"/enrollment-sets/{each.id}") or []) for each in devices},
    }


def test_a_ban_blocks_spares_who_is_exempt_and_lifts_without_a_trace(nano: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(nano)
    phone, spared = phones(nano, 2)
    private = nano.device(os_version="27.0", supervised=False, apps=[BANNED, OTHER])
    ban = Ban(nano, tmp_path, [phone, spared, private])
    ban.owners[private.id] = "personal"
    api.put_declaration("org.neighbour.cfg", "com.apple.configuration.app.settings", {"Allowed": {"DeniedApps": ["com.neighbour.app"]}})
    api.put_declaration("org.neighbour.act", "com.apple.activation.simple", {"StandardConfigurations": ["org.neighbour.cfg"]})
    api.assign("neighbours", ["org.neighbour.cfg", "org.neighbour.act"], [phone.id, spared.id])
    before = state(api, *ban.devices)
    city = policy(rules=[BLOCK, ADVISE], exemptions=[ban.exemption(spared)])

    made = ban.converge(city)
    notice = "command notice city/Private/2023-03-01T00:00:00Z"
    assert made.changes()[:3] == [notice, f"create declarations {SET}", f"update assignment {SET}"]
    ban.connect()
    assert (phone.can_open(BANNED.identifier), spared.can_open(BANNED.identifier)) == (False, True)
    assert phone.is_installed(BANNED.identifier)
    assert private.can_open(BANNED.identifier)
    assert private.declarations.held == {}
    ban.later(minutes=1)
    told = ban.run(city)
    assert told.outcomes() == {
        phone.id: ("blocked_not_removed", ""), spared.id: ("exempt", ""), private.id: ("not_observable", "privacy_setting")
    }  # fmt: skip
    assert not [write for write in made.writes() if spared.id in write or private.id in write]

    ended = ban.converge(*lifted(city))
    assert ended.changes() == [f"update ended assignment {SET}", f"delete declarations {SET}"]
    ban.connect()
    assert phone.can_open(BANNED.identifier)
    assert state(api, *ban.devices) == before


def test_a_second_apply_reads_a_handful_for_any_number_of_devices_once_they_have_reported(nano: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nano, tmp_path, phones(nano, 32), inventory="never")
    city = policy(rules=[BLOCK])
    made = ban.run(city)
    # Two declarations, two members of the set, a set for each device, and thirty devices woken up at a time.
    assert made.values["requests"]["writes"] == 4 + 32 + 2
    ban.connect()
    again = ban.run(city)
    # The lists of declarations and sets, both declarations, the set, and what devices say, in one request.
    assert (again.values["requests"], again.changes()) == ({"reads": 6, "writes": 0, "retries": 0, "waits": 0, "waited": 0}, [])
    assert {outcome for outcome, _reason in again.outcomes().values()} == {"not_observable"}
    one_more = phones(nano, 1)
    ban.enrol(*one_more)
    grown = ban.run(city)
    assert grown.values["requests"] == {"reads": 7, "writes": 2, "retries": 0, "waits": 0, "waited": 0}
    assert f"PUT /v1/enrollment-sets/{one_more[0].id}" in grown.writes()


def test_an_exemption_that_is_granted_later_takes_the_block_from_that_device_only(nano: NanoServers, tmp_path: Path) -> None:
    first, second = phones(nano, 2)
    ban = Ban(nano, tmp_path, [first, second], inventory="never")
    ban.converge(policy(rules=[BLOCK]))
    ban.connect()
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(second)])
    made = ban.converge(spared)
    assert made.writes() == [f"DELETE /v1/enrollment-sets/{second.id}", "POST /v1/notify"]
    ban.connect()
    assert (first.can_open(BANNED.identifier), second.can_open(BANNED.identifier)) == (False, True)
    back = ban.converge(policy(rules=[BLOCK]))
    assert back.writes() == [f"PUT /v1/enrollment-sets/{second.id}", "POST /v1/notify"]
    ban.connect()
    assert not second.can_open(BANNED.identifier)


def test_a_device_that_never_connected_loses_the_block_with_its_exemption_too(nano: NanoServers, tmp_path: Path) -> None:
    first, second = phones(nano, 2)
    ban = Ban(nano, tmp_path, [first, second], inventory="never")
    ban.converge(policy(rules=[BLOCK]))
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(second)])
    ban.converge(spared)
    ban.connect()
    assert (first.can_open(BANNED.identifier), second.can_open(BANNED.identifier)) == (False, True)


def test_a_device_that_enrols_again_is_woken_up_although_nothing_changed_on_the_server(nano: NanoServers, tmp_path: Path) -> None:
    phone, quiet = phones(nano, 2)
    ban = Ban(nano, tmp_path, [phone, quiet], inventory="never")
    city = policy(rules=[BLOCK])
    ban.converge(city)
    ban.connect()
    ban.skip(hours=1)
    ban.enrol(phone)
    ban.connect()
    assert phone.can_open(BANNED.identifier)
    made = ban.converge(city)
    assert (made.changes(), made.sent("POST")) == ([f"command assignment {SET}"], [f"POST v1/notify?id={phone.id}"])
    assert made.writes() == ["POST /v1/notify"]
    ban.connect()
    assert not phone.can_open(BANNED.identifier)


def test_what_somebody_changed_of_ours_is_mended_and_told(nano: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(nano)
    (phone,) = phones(nano, 1)
    ban = Ban(nano, tmp_path, [phone], inventory="never")
    city = policy(rules=[BLOCK])
    ban.converge(city)
    ban.connect()
    api.put_declaration(f"{SET}.cfg", "com.apple.configuration.app.settings", {"Allowed": {"DeniedApps": ["com.other"]}})
    api.kmfddm("DELETE", f"/set-declarations/{SET}?declaration={SET}.act")
    ban.connect()
    assert phone.can_open(BANNED.identifier)
    mended = ban.converge(city)
    assert mended.changes() == [f"update declarations {SET}"]
    assert mended.values["drift"] == [f"somebody has changed or deleted {SET}.cfg"]
    ban.connect()
    assert not phone.can_open(BANNED.identifier)


def test_a_declaration_of_another_type_under_our_name_stops_the_run_unless_it_may_be_adopted(nano: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(nano)
    (phone,) = phones(nano, 1)
    ban = Ban(nano, tmp_path, [phone], inventory="never")
    api.put_declaration(f"{SET}.cfg", "com.apple.configuration.passcode.settings", {"RequirePasscode": True})
    stopped = ban.run(policy(rules=[BLOCK]), expect_failure=True)
    assert f"{SET}.cfg" in stopped.message
    assert "adopt" in stopped.message
    assert stopped.writes() == []
    ban.converge(policy(rules=[BLOCK]), adopt=True)
    ban.connect()
    assert not phone.can_open(BANNED.identifier)


def test_two_bans_leave_each_others_controls_alone_and_both_block(nano: NanoServers, tmp_path: Path) -> None:
    (phone,) = phones(nano, 1)
    phone.install_app(MANAGED)
    ban = Ban(nano, tmp_path, [phone], inventory="never")
    city, school = policy(rules=[BLOCK]), policy("school", rules=[BLOCK], apps=[app("wechat")])
    ban.converge(city)
    ban.converge(school)
    ban.connect()
    assert phone.declarations.denied_apps() >= {"com.banned.app", "com.wechat.app"}
    ban.converge(*lifted(city))
    ban.connect()
    assert phone.declarations.denied_apps() == {"com.wechat.app"}


def test_limits_stop_a_run_before_any_write(nano: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nano, tmp_path, phones(nano, 3), inventory="never")
    stopped = ban.run(policy(rules=[BLOCK]), expect_failure=True, limits={"max_devices": 2, "max_percent": None})
    assert stopped.writes() == []
    assert "3" in stopped.message


def test_apps_that_may_not_be_looked_at_are_never_asked_about(nano: NanoServers, tmp_path: Path) -> None:
    phone, stranger = phones(nano, 2)
    ban = Ban(nano, tmp_path, [phone, stranger])
    ban.owners[stranger.id] = "personal"
    ban.converge(policy(rules=[BLOCK]))
    ban.connect()
    assert [kind for kind, _uuid, _status in phone.done if kind == "InstalledApplicationList"]
    assert stranger.done == []
    # Asked for banned apps only, so nothing else is in what it answered.
    assert OTHER.identifier not in str(nano.webhook.events("mdm.Connect"))


def test_a_device_that_is_upgraded_to_version_27_never_shows_the_app_on_its_way_to_the_declaration(
    nano: NanoServers, tmp_path: Path
) -> None:
    phone = nano.device(os_version="26.4", apps=[BANNED, OTHER])
    ban = Ban(nano, tmp_path, [phone], inventory="never")
    city = policy(rules=[BLOCK])
    ban.converge(city)
    ban.connect()
    phone.facts = replace(phone.facts, os_version="27.0")
    ban.skip(hours=1)
    made = ban.converge(city)
    assert made.changes() == [
        f"create declarations {SET}", f"update assignment {SET}", f"command former profile {PREFIX}.city-SentApps"
    ]  # fmt: skip
    ban.connect()
    assert not phone.can_open(BANNED.identifier)
    assert phone.installed_profiles() == {}
    assert phone.declarations.denied_apps() == {BANNED.identifier}
