# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes an order new is in its CommandUUID: the enrolment, the period, the content. A server takes each UUID once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.mdm_samples import policy
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, MANAGED, Ban
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T8c", "a device that enrolled again is asked and told again")
AUDIT = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["audit"]}
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
REMOVE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove"]}


@pytest.fixture(params=["inmem", "pgsql"])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    """Fresh servers, with each of NanoMDM's storages in turn."""
    found: NanoServers = request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}[request.param])
    return found


def kinds(device: FakeDevice) -> list[str]:
    return [kind for kind, _uuid, _status in device.done]


def wiped(ban: Ban, device: FakeDevice) -> None:
    """Let a device be wiped and enrol again, a minute later; what waited for it is lost."""
    ban.skip(minutes=1)
    ban.enrol(device)


def test_a_question_is_asked_again_of_a_device_that_enrolled_again_on_the_same_day(servers: NanoServers, tmp_path: Path) -> None:
    phone = servers.device(os_version="27.0", apps=[BANNED])
    ban = Ban(servers, tmp_path, [phone])
    # A period of its own, whatever the time of day.
    audit = policy(rules=[AUDIT])
    ban.run(audit, inventory_every=24 * 365 * 50)
    wiped(ban, phone)
    assert ban.run(audit, inventory_every=24 * 365 * 50).changed
    ban.connect()
    assert kinds(phone) == ["DeviceInformation", "InstalledApplicationList"]
    assert ban.run(audit, inventory_every=24 * 365 * 50).outcomes() == {phone.id: ("violating", "")}


def test_a_profile_reaches_a_device_that_enrolled_again_although_the_ledger_is_lost(servers: NanoServers, tmp_path: Path) -> None:
    phone = servers.device(os_version="26.1", apps=[BANNED])
    ban = Ban(servers, tmp_path, [phone], inventory="never")
    city = policy(rules=[BLOCK])
    ban.run(city)
    ban.connect()
    wiped(ban, phone)
    shutil.rmtree(ban.evidence_dir)
    assert ban.run(city).changed
    ban.connect()
    assert not phone.can_open(BANNED.identifier)


def test_an_app_is_removed_from_a_device_that_enrolled_again_although_the_ledger_is_lost(servers: NanoServers, tmp_path: Path) -> None:
    phone = servers.device(os_version="26.1", apps=[MANAGED])
    ban = Ban(servers, tmp_path, [phone])
    city = policy(rules=[REMOVE])
    ban.run(city)
    ban.connect()
    ban.run(city)
    # It is wiped before it comes for the order.
    wiped(ban, phone)
    shutil.rmtree(ban.evidence_dir)
    ban.skip(hours=25)
    ban.run(city)
    ban.connect()
    ban.run(city)
    ban.connect()
    assert not phone.is_installed(MANAGED.identifier)


def test_a_known_question_to_a_device_of_unknown_enrolment_is_asked_once_more_and_no_more(servers: NanoServers, tmp_path: Path) -> None:
    phone = servers.device(os_version="27.0", apps=[BANNED])
    ban = Ban(servers, tmp_path, [phone])
    ban.rotate_log()
    audit = policy(rules=[AUDIT])
    ban.run(audit)
    ban.enrol(phone)
    ban.rotate_log()
    # Nobody remembers when it enrolled, or that it was asked.
    shutil.rmtree(ban.evidence_dir)
    assert ban.run(audit).changed
    assert ban.run(audit).writes() == []
    ban.connect()
    assert kinds(phone) == ["InstalledApplicationList"]
    assert ban.run(audit).outcomes() == {phone.id: ("violating", "")}


def test_the_same_run_again_without_a_ledger_asks_nobody_a_second_time(servers: NanoServers, tmp_path: Path) -> None:
    phones = [servers.device(os_version="27.0", apps=[BANNED]) for _number in range(3)]
    ban = Ban(servers, tmp_path, phones)
    ban.run(policy(rules=[AUDIT]))
    shutil.rmtree(ban.evidence_dir)
    assert not ban.run(policy(rules=[AUDIT])).changed
    ban.connect()
    assert [kinds(each) for each in phones] == [["InstalledApplicationList"]] * 3
