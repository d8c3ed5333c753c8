# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifted and exempt are pending until the device has confirmed it, and what arrives late is taken back again."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.nanomdm import NanoMdm
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enqueued
from tests.support.mdm_samples import policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, MANAGED, PREFIX, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T8b", "lifts and exemptions of NanoMDM and KMFDDM that have not arrived")
SENT = f"{PREFIX}.city-SentApps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
CITY = policy(rules=[BLOCK])
PENDING, DONE = ("not_in_force", "lift_pending"), ("not_in_force", "ban_lifted")


@pytest.fixture(params=["inmem", "pgsql"])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    """Fresh servers, with each of NanoMDM's storages in turn."""
    found: NanoServers = request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}[request.param])
    return found


def phone(nano: NanoServers, version: str = "26.1") -> FakeDevice:
    return nano.device(os_version=version, apps=[BANNED])


def told(ban: Ban, *policies: Any, **options: Any) -> set[tuple[str, str]]:
    return set(ban.run(*policies, **options).outcomes().values())


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_a_lift_is_pending_until_the_device_has_said_that_the_block_is_gone(servers: NanoServers, tmp_path: Path, version: str) -> None:
    device = phone(servers, version)
    ban = Ban(servers, tmp_path, [device], inventory="never")
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    assert told(ban, *lifted(CITY)) == {PENDING}
    # It is in contact for something else before it comes for its commands.
    device.update_token()
    device.wire.hang_up()
    ban.skip(minutes=5)
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {DONE}
    assert ban.run(*lifted(CITY)).writes() == []


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_an_exemption_is_pending_until_the_device_has_said_that_the_block_is_gone(
    servers: NanoServers, tmp_path: Path, version: str
) -> None:
    device, other = phone(servers, version), phone(servers, version)
    ban = Ban(servers, tmp_path, [device, other], inventory="never")
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(device)])
    assert ban.run(spared).outcomes()[device.id] == ("exempt", "release_pending")
    ban.connect(other)
    assert ban.run(spared).outcomes()[device.id] == ("exempt", "release_pending")
    ban.connect(device)
    assert ban.run(spared).outcomes()[device.id] == ("exempt", "")


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_a_device_that_enrolled_again_or_left_holds_nothing_any_more(servers: NanoServers, tmp_path: Path, version: str) -> None:
    again, left = phone(servers, version), phone(servers, version)
    ban = Ban(servers, tmp_path, [again, left], inventory="never")
    ban.run(CITY)
    ban.connect()
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.skip(minutes=5)
    left.check_out()
    servers.webhook.wait_for(lambda events: any(each["topic"] == "mdm.CheckOut" for each in events))
    ban.enrol(again)
    assert told(ban, *lifted(CITY)) == {DONE}


@pytest.mark.parametrize("exempt", [False, True])
def test_a_device_that_could_not_be_woken_is_pending_and_woken_by_the_next_run(nano: NanoServers, tmp_path: Path, exempt: bool) -> None:
    device, other = phone(nano, "27.0"), phone(nano, "27.0")
    ban = Ban(nano, tmp_path, [device, other], inventory="never")
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    ended = (policy(rules=[BLOCK], exemptions=[ban.exemption(device)]),) if exempt else lifted(CITY)
    nano.kmfddm.faults([{"match": {"method": "POST", "path": "/v1/notify"}, "nth": list(range(1, 9)), "kind": "500"}])
    asleep = ban.run(*ended)
    assert asleep.values["warnings_of_servers"]
    pending = ("exempt", "release_pending") if exempt else PENDING
    assert asleep.outcomes()[device.id] == pending
    # It comes by without having been told anything.
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    nano.kmfddm.faults([])
    woken = ban.run(*ended)
    assert (woken.writes(), woken.outcomes()[device.id]) == (["POST /v1/notify"], pending)
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert ban.run(*ended).outcomes()[device.id] == (("exempt", "") if exempt else DONE)


@pytest.mark.parametrize("ledger", ["kept", "lost"])
@pytest.mark.parametrize("source", ["log", "database"])
def test_a_profile_that_arrives_after_the_lift_is_taken_back_again(
    nano_pgsql: NanoServers, tmp_path: Path, ledger: str, source: str
) -> None:
    device = phone(nano_pgsql)
    options: dict[str, Any] = {"webhook_log": None, "enrollments_sql": nano_pgsql.dsn} if source == "database" else {}
    ban = Ban(nano_pgsql, tmp_path, [device], inventory="never", **options)
    ban.run(CITY)
    device.lock()
    ban.connect()
    ban.skip(minutes=5)
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.connect()
    assert told(ban, *lifted(CITY)) == {PENDING}, "it has put the profile off, and may still get it"
    device.unlock()
    ban.skip(minutes=5)
    if source == "database":
        # The database has the clock of the machine, in whole seconds.
        wait_a_second(nano_pgsql)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    if ledger == "lost":
        shutil.rmtree(ban.evidence_dir)
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.skip(minutes=5)
    if source == "database":
        wait_a_second(nano_pgsql)
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {DONE}
    assert ban.run(*lifted(CITY)).writes() == []


def wait_a_second(nano: NanoServers) -> None:
    """Until the database's clock shows another second."""
    api = NanoApi(nano)
    begin = nano_second(nano)
    while nano_second(nano) == begin:
        api.kmfddm("GET", "/sets")


def nano_second(nano: NanoServers) -> str:
    from tests.support.nanomdm.nano_clients import run_command

    assert nano.dsn is not None
    return run_command(["psql", nano.dsn, "-Atc", "SELECT date_trunc('second', now())"], {})[1]


def test_a_profile_that_was_put_off_and_lost_is_not_waited_for_for_ever(nano: NanoServers, tmp_path: Path) -> None:
    device = phone(nano)
    ban = Ban(nano, tmp_path, [device], inventory="never")
    ban.run(CITY)
    device.lock()
    ban.connect()
    ban.skip(minutes=5)
    ban.run(*lifted(CITY))
    ban.connect()
    device.unlock()
    ban.skip(hours=2)
    # This storage has lost what was put off: the device comes by and is not offered it any more.
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {DONE}


def test_without_a_ledger_an_exempt_device_loses_a_profile_that_its_answers_tell_of(servers: NanoServers, tmp_path: Path) -> None:
    device, other = phone(servers), phone(servers)
    ban = Ban(servers, tmp_path, [device, other], inventory="never")
    ban.run(CITY)
    ban.connect()
    shutil.rmtree(ban.evidence_dir)
    ban.skip(minutes=5)
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(device)])
    assert ban.run(spared).outcomes()[device.id] == ("exempt", "release_pending")
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (device, other)] == [True, False]
    assert ban.run(spared).outcomes()[device.id] == ("exempt", "")


def test_a_lift_without_a_ledger_takes_profiles_and_sets_back(servers: NanoServers, tmp_path: Path) -> None:
    old, new = phone(servers), phone(servers, "27.0")
    ban = Ban(servers, tmp_path, [old, new], inventory="never")
    ban.run(CITY)
    ban.connect()
    shutil.rmtree(ban.evidence_dir)
    ban.skip(minutes=5)
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (old, new)] == [True, True]
    assert told(ban, *lifted(CITY)) == {DONE}


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_an_end_that_was_confirmed_stays_confirmed_when_the_log_is_begun_anew(nano: NanoServers, tmp_path: Path, version: str) -> None:
    device = phone(nano, version)
    ban = Ban(nano, tmp_path, [device], inventory="never")
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    ban.run(*lifted(CITY))
    ban.connect()
    assert told(ban, *lifted(CITY)) == {DONE}
    ban.rotate_log()
    for _time in range(2):
        again = ban.run(*lifted(CITY))
        assert (set(again.outcomes().values()), again.writes()) == ({DONE}, [])
    # A ban that comes back is none of that.
    ban.skip(days=1)
    ban.run(CITY)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    ban.skip(minutes=5)
    assert told(ban, *lifted(CITY)) == {PENDING}


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_an_end_that_nobody_can_tell_of_any_more_is_not_pending_for_ever(nano: NanoServers, tmp_path: Path, version: str) -> None:
    device = phone(nano, version)
    ban = Ban(nano, tmp_path, [device], inventory="never")
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    ban.run(*lifted(CITY))
    ban.connect()
    # Its answer went with the log.
    ban.rotate_log()
    ban.skip(days=1)
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.skip(days=8)
    ban.connect()
    device.update_token()
    device.wire.hang_up()
    nano.webhook.wait_for(lambda events: events[-1]["topic"] == "mdm.TokenUpdate")
    again = ban.run(*lifted(CITY))
    assert (set(again.outcomes().values()), again.writes()) == ({DONE}, [])


def test_a_removal_that_still_waits_for_a_device_is_told_of_until_it_has_answered(servers: NanoServers, tmp_path: Path) -> None:
    device = servers.device(os_version="26.1", apps=[MANAGED])
    ban = Ban(servers, tmp_path, [device])
    removing = policy(rules=[{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove"]}])
    ban.run(removing)
    ban.connect()
    assert "command removal com.banned.app" in ban.run(removing).changes()
    ban.skip(minutes=5)
    # Nothing can take a command out of the queue.
    assert told(ban, *lifted(removing)) == {PENDING}
    ban.connect()
    assert told(ban, *lifted(removing)) == {DONE}
    assert ban.run(*lifted(removing)).writes() == []


@pytest.mark.parametrize("version", ["26.1", "27.0"])
@pytest.mark.parametrize("hours", [0, 24])
def test_an_end_that_was_told_does_not_count_for_what_was_sent_after_it(
    servers: NanoServers, tmp_path: Path, version: str, hours: int
) -> None:
    device = phone(servers, version)
    ban = Ban(servers, tmp_path, [device], inventory="never")
    # Ban, lift and ban once more before the device has fetched anything; all that it answers, it answers within one second.
    for policies in ((CITY,), lifted(CITY), (CITY,)):
        ban.run(*policies)
        ban.skip(hours=hours)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    for _time in range(2):
        assert told(ban, *lifted(CITY)) == {PENDING}
    assert ban.run(*lifted(CITY)).writes() == []
    ban.skip(hours=hours)
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {DONE}
    # And over again, from an end that is remembered.
    ban.run(CITY)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {PENDING}
    assert told(ban, *lifted(CITY)) == {PENDING}
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert told(ban, *lifted(CITY)) == {DONE}
    assert ban.run(*lifted(CITY)).writes() == []


def test_a_device_that_stops_half_way_through_its_queue_still_holds_what_came_last(nano: NanoServers, tmp_path: Path) -> None:
    device = phone(nano)
    ban = Ban(nano, tmp_path, [device], inventory="never")
    for policies in ((CITY,), lifted(CITY), (CITY,), lifted(CITY)):
        ban.run(*policies)
    # The first removal is told, and the second installation still waits.
    device.stop_after(2)
    ban.connect()
    device.stop_after(math.inf)
    assert device.can_open(BANNED.identifier)
    for _time in range(2):
        assert told(ban, *lifted(CITY)) == {PENDING}
    ban.connect()
    assert told(ban, *lifted(CITY)) == {DONE}


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_a_ban_that_came_back_before_the_lift_had_arrived_is_seen_to_stand(servers: NanoServers, tmp_path: Path, version: str) -> None:
    device = phone(servers, version)
    ban = Ban(servers, tmp_path, [device])
    for policies in ((CITY,), lifted(CITY), (CITY,)):
        ban.run(*policies)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    assert told(ban, CITY) == {("blocked_not_removed", "")}


@pytest.mark.parametrize("case", ["the first block", "another block", "a removal"])
def test_what_a_run_had_sent_when_it_was_killed_is_open_until_the_device_has_told_its_end(
    nano: NanoServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    device = nano.device(os_version="26.1", apps=[MANAGED])
    ban = Ban(nano, tmp_path, [device])
    city = policy(rules=[{**BLOCK, "actions": ["remove" if case == "a removal" else "block"]}])
    if case != "the first block":
        # It tells of its apps, and gets what is taken back again.
        for policies in ((city,), lifted(city)):
            ban.run(*policies)
            ban.connect()
        assert told(ban, *lifted(city)) == {DONE}
    ban.skip(minutes=5)
    with monkeypatch.context() as patch:
        patch.setattr(NanoMdm, "enqueue", killed_after(NanoMdm.enqueue))
        with pytest.raises(KeyboardInterrupt):
            ban.run(city)
    for _time in range(2):
        assert told(ban, *lifted(city)) == {PENDING}
    ban.connect()
    assert told(ban, *lifted(city)) == {DONE}


def killed_after(enqueue: Callable[..., Enqueued]) -> Callable[..., Enqueued]:
    """Queues commands, and lets the run die when it has queued one that changes something on devices."""

    def queue(self: NanoMdm, command: Mapping[str, Any], *arguments: Any, **options: Any) -> Enqueued:
        result = enqueue(self, command, *arguments, **options)
        if command["RequestType"] in {"InstallProfile", "RemoveApplication"}:
            raise KeyboardInterrupt
        return result

    return queue
