# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bans over a real NanoHUB: one address, one key, and a server that wakes devices up whenever it is told to have them look.

It has no push certificate, as no server of the tests has one. So whenever it queues a command for declarations it answers with an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.kmfddm import Kmfddm
from tests.support.mdm_samples import policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, OTHER, PREFIX, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

SET = f"{PREFIX}.city-Apps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}


def phones(hub: NanoServers, *versions: str) -> list[FakeDevice]:
    return [hub.device(os_version=version, apps=[BANNED, OTHER]) for version in versions]


def kinds_done(device: FakeDevice) -> list[str]:
    return [kind for kind, _uuid, _status in device.done]


def test_who_could_not_be_woken_up_is_told_once_and_never_again(nanohub: NanoServers, tmp_path: Path) -> None:
    devices = phones(nanohub, "27.0", "27.0", "27.0")
    ban = Ban(nanohub, tmp_path, devices, inventory="never")
    city = policy(rules=[BLOCK])
    made = ban.converge(city)
    (warning,) = made.values["warnings_of_servers"]
    assert "3 devices were not woken up" in warning
    assert "push error" in warning
    ban.connect()
    assert [kinds_done(device) for device in devices] == [["DeclarativeManagement"]] * 3
    assert [device.can_open(BANNED.identifier) for device in devices] == [False] * 3
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(devices[0])])
    ban.converge(spared)
    ban.connect()
    assert devices[0].can_open(BANNED.identifier)
    ended = ban.converge(*lifted(spared))
    assert [change for change in ended.changes() if change.startswith("command")] == []
    ban.connect()
    ban.skip(hours=1)
    assert ban.run(*lifted(spared)).writes() == []
    assert [device.can_open(BANNED.identifier) for device in devices] == [True] * 3
    assert NanoApi(nanohub).kmfddm("GET", "/declarations").json() is None


def test_devices_that_were_not_told_are_told_by_the_next_run_and_only_they(nanohub: NanoServers, tmp_path: Path) -> None:
    heard, unheard = phones(nanohub, "27.0", "27.0")
    ban = Ban(nanohub, tmp_path, [heard, unheard], inventory="never")
    city = policy(rules=[BLOCK])
    # The log knows one of them only, so there are two requests; the second one fails before anything is queued.
    ban.rotate_log()
    ban.connect(heard)
    nanohub.kmfddm.faults([{"match": {"method": "POST", "path": "/v1/notify"}, "nth": 2, "kind": "500"}])
    made = ban.run(city)
    assert len(made.values["warnings_of_servers"]) == 2
    nanohub.kmfddm.faults([])
    again = ban.run(city)
    assert again.sent("POST") == [f"POST v1/notify?id={unheard.id}"]
    assert ban.run(city).writes() == []
    ban.connect()
    assert [kinds_done(device) for device in (heard, unheard)] == [["DeclarativeManagement"]] * 2


def test_an_enrolment_that_the_server_does_not_know_keeps_nobody_from_being_told(nanohub: NanoServers, tmp_path: Path) -> None:
    known, unknown = phones(nanohub, "27.0", "27.0")
    ban = Ban(nanohub, tmp_path, [known], inventory="never")
    ban.devices.append(unknown)
    ban.converge(policy(rules=[BLOCK]))
    ban.connect(known)
    assert not known.can_open(BANNED.identifier)
    ban.converge(*lifted(policy(rules=[BLOCK])))
    ban.connect(known)
    assert known.can_open(BANNED.identifier)


def test_commands_are_queued_too_where_they_can_not_be_pushed(nanohub: NanoServers, tmp_path: Path) -> None:
    (device,) = phones(nanohub, "26.1")
    ban = Ban(nanohub, tmp_path, [device], inventory="never", push=True)
    made = ban.run(policy(rules=[BLOCK]))
    assert [warning for warning in made.values["warnings_of_servers"] if warning.startswith("Not woken up: ")]
    assert [each["status"] for each in made.exchanges if each["path"].startswith("/v1/enqueue")] == [500]
    assert ban.run(policy(rules=[BLOCK])).writes() == []
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    nanohub.nanomdm.forget_requests()


def test_declarations_that_the_server_adds_for_every_device_are_nobodys_business(nanohub_factory: NanoFactory, tmp_path: Path) -> None:
    hub = nanohub_factory.start("nanohub", options=["-dmshard"])
    (device,) = phones(hub, "27.0")
    ban = Ban(hub, tmp_path, [device], inventory="never")
    ban.converge(policy(rules=[BLOCK]))
    ban.connect()
    rows = NanoApi(hub).declaration_status(device.id)
    assert len(rows) == 3
    assert len([name for name in rows if name.startswith(PREFIX)]) == 2
    told = ban.converge(policy(rules=[BLOCK]))
    assert (told.values["conflicts"], told.values["drift"]) == ([], [])
    ban.converge(*lifted(policy(rules=[BLOCK])))
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert [name for name in device.declarations.held if name.startswith(PREFIX)] == []
    assert len(device.declarations.held) == 1
    nanohub_factory.finish(hub)


def test_a_declaration_that_goes_while_a_run_is_at_it_is_told(
    nanohub: NanoServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ban = Ban(nanohub, tmp_path, phones(nanohub, "27.0"), inventory="never")
    api = NanoApi(nanohub)
    put = Kmfddm.put_set_declaration

    def deleted_before(self: Kmfddm, name: str, identifier: str, **more: Any) -> bool:
        api.kmfddm("DELETE", f"/declarations/{identifier}")
        return put(self, name, identifier, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Kmfddm, "put_set_declaration", deleted_before)
        failed = ban.run(policy(rules=[BLOCK]), expect_failure=True)
    assert "declaration not found" in failed.message
    assert "The declaration was deleted meanwhile; run again" in failed.message
    ban.converge(policy(rules=[BLOCK]))


def test_a_key_that_is_wrong_is_told_without_telling_it(nanohub: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nanohub, tmp_path, phones(nanohub, "27.0"), inventory="never")
    wrong = ban.run(policy(rules=[BLOCK]), expect_failure=True, nanohub_api_key="not-the-key-of-anybody")
    assert "401" in wrong.message
    assert "not-the-key-of-anybody" not in str(wrong.values)
