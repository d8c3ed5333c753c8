# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bans over a real NanoHUB: one address, one key, and a server that wakes devices up whenever it is told to have them look.

It has no push certificate, as no server of the tests has one. So whenever it queues a command for declarations it answers with an error.
"""

from __future__ import annotations

from pathlib import Path

from tests.nano.api_client import NanoApi
from tests.nano.fake_device import FakeDevice
from tests.nano.servers import NanoServers
from tests.unit.mdm.mdm_samples import policy

from .nano_run import BANNED, OTHER, PREFIX, Ban, lifted

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
