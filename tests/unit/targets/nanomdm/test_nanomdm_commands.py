# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lives of bans by NanoMDM's commands: profiles that are sent, apps that are removed, questions, and devices that put things off."""

from __future__ import annotations

import plistlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.mdm_samples import app, policy
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, MANAGED, OTHER, PREFIX, Ban, lifted
from tests.support.nanomdm.profile_host import ProfileHost
from tests.support.nanomdm.servers import NanoServers

NAME = f"{PREFIX}.city-SentApps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
REMOVE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove"]}
BOTH = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}
SITES = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block_web"]}
#: There is no KMFDDM.
ALONE: dict[str, Any] = {"kmfddm_url": None, "kmfddm_api_key": None}


@pytest.fixture(params=["inmem", "pgsql"])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    """Fresh servers, with each of NanoMDM's storages in turn."""
    found: NanoServers = request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}[request.param])
    return found


def phone(nano: NanoServers, version: str = "26.1", **facts: Any) -> FakeDevice:
    """A supervised phone with the banned app and a private one."""
    return nano.device(os_version=version, **{"apps": [BANNED, OTHER], **facts})


def kinds(device: FakeDevice, since: int = 0) -> list[tuple[str, str]]:
    return [(kind, status) for kind, _uuid, status in device.done[since:]]


def test_a_profile_is_sent_once_counts_when_it_is_acknowledged_and_goes_with_the_ban(servers: NanoServers, tmp_path: Path) -> None:
    old, new, unsupervised = phone(servers), phone(servers, "27.0"), phone(servers, supervised=False)
    ban = Ban(servers, tmp_path, [old, new, unsupervised], inventory="never", **ALONE)
    city = policy(rules=[BLOCK])
    made = ban.converge(city)
    # A device of version 27 still takes the older key of a profile.
    assert (made.changes(), len(made.writes())) == ([f"command profile {NAME}"], 1)
    assert servers.kmfddm.requests() == []
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in ban.devices] == [False, False, True]
    assert list(old.installed_profiles()) == [NAME]
    assert unsupervised.done == []
    assert ban.converge(city).writes() == []
    ended = ban.converge(*lifted(city))
    assert ended.changes() == [f"command ended profile {NAME}"]
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in ban.devices] == [True, True, True]
    assert ban.run(*lifted(city)).writes() == []


def test_a_profile_that_is_only_sent_is_called_nothing_more(nano: NanoServers, tmp_path: Path) -> None:
    device = phone(nano)
    ban = Ban(nano, tmp_path, [device])
    ban.run(policy(rules=[BLOCK]), **ALONE)
    device.lock()
    ban.connect()
    # It has answered what it was asked, and put the profile off: the app is there and can be opened.
    assert kinds(device).count(("InstallProfile", "NotNow")) >= 1
    told = ban.run(policy(rules=[BLOCK]), **ALONE)
    (outcome,) = told.outcomes().values()
    assert device.can_open(BANNED.identifier)
    assert outcome[0] not in ("blocked_not_removed", "compliant")


def test_a_profile_that_was_put_off_and_came_after_its_removal_is_removed_again(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    device = phone(nano_pgsql)
    ban = Ban(nano_pgsql, tmp_path, [device], inventory="never", **ALONE)
    city = policy(rules=[BLOCK])
    ban.converge(city)
    device.lock()
    ban.connect()
    ban.converge(*lifted(city))
    ban.connect()
    assert ("RemoveProfile", "Error") in kinds(device)
    device.unlock()
    ban.skip(minutes=5)
    ban.connect()
    assert list(device.installed_profiles()) == [NAME], "the device was to install what it had put off"
    again = ban.converge(*lifted(city))
    assert again.changes() == [f"command ended profile {NAME}"]
    ban.connect()
    assert device.installed_profiles() == {}
    assert device.can_open(BANNED.identifier)
    ban.skip(days=3)
    assert ban.run(*lifted(city)).writes() == []


def test_an_exempt_device_loses_the_profile_before_anything_else_is_done(servers: NanoServers, tmp_path: Path) -> None:
    first, second = phone(servers), phone(servers)
    ban = Ban(servers, tmp_path, [first, second], inventory="never", **ALONE)
    ban.converge(policy(rules=[BLOCK]))
    ban.connect()
    third = phone(servers)
    ban.enrol(third)
    made = ban.converge(policy(rules=[BLOCK], exemptions=[ban.exemption(second)]))
    assert made.changes() == [f"command ended profile {NAME}", f"command profile {NAME}"]
    assert [write.rpartition("/")[2] for write in made.writes()] == [second.id, third.id]
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (first, second, third)] == [False, True, False]


def test_a_device_that_enrols_again_gets_the_profile_again(servers: NanoServers, tmp_path: Path) -> None:
    device, other = phone(servers), phone(servers)
    ban = Ban(servers, tmp_path, [device, other], inventory="never", **ALONE)
    city = policy(rules=[BLOCK])
    ban.converge(city)
    ban.connect()
    ban.skip(hours=1)
    ban.enrol(device)
    assert device.can_open(BANNED.identifier)
    made = ban.converge(city)
    assert made.writes() == [f"PUT /v1/enqueue/{device.id}"]
    ban.connect()
    assert not device.can_open(BANNED.identifier)


def test_another_ban_list_replaces_the_profile_in_its_place(nano: NanoServers, tmp_path: Path) -> None:

    device = phone(nano)
    ban = Ban(nano, tmp_path, [device], inventory="never", **ALONE)
    ban.converge(policy(rules=[BLOCK]))
    ban.connect()
    ban.skip(hours=1)
    made = ban.converge(policy(rules=[BLOCK], apps=[app("wechat")]))
    assert made.changes() == [f"command profile {NAME}"]
    ban.connect()
    (profile,) = device.installed_profiles().values()
    assert profile["PayloadContent"][0]["blockedAppBundleIDs"] == ["com.wechat.app"]
    assert device.can_open(BANNED.identifier)


def test_without_a_ledger_a_second_apply_queues_nothing_a_second_time(servers: NanoServers, tmp_path: Path) -> None:
    devices = [phone(servers) for _number in range(3)]
    ban = Ban(servers, tmp_path, devices, inventory="never", **ALONE)
    city = policy(rules=[BLOCK])
    ban.converge(city)
    shutil.rmtree(ban.evidence_dir)
    again = ban.run(city)
    assert len(again.writes()) == 1, "the server must be asked, because nobody remembers"
    assert not again.changed
    ban.connect()
    assert [kinds(each) for each in devices] == [[("InstallProfile", "Acknowledged")]] * 3


def test_apps_are_asked_for_by_name_once_in_a_period(servers: NanoServers, tmp_path: Path) -> None:
    devices = [phone(servers), phone(servers, supervised=False), phone(servers, enrollment="user", supervised=False)]
    ban = Ban(servers, tmp_path, devices)
    city = policy(rules=[{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["audit"]}])
    made = ban.converge(city)
    assert [change.split()[:2] for change in made.changes()] == [["command", "question"]]
    ban.connect()
    assert [len(each.done) for each in devices] == [1, 1, 0]
    told = ban.run(city)
    assert told.outcomes() == {
        devices[0].id: ("violating", ""), devices[1].id: ("violating", ""), devices[2].id: ("not_observable", "user_enrollment"),
    }  # fmt: skip
    ban.skip(hours=23)
    assert ban.run(city).writes() == []
    ban.skip(hours=2)
    assert len(ban.run(city).writes()) == 1
    ban.connect()
    assert [len(each.done) for each in devices] == [2, 2, 0]


def test_without_a_log_nothing_is_asked_and_nobody_claims_to_know(nano: NanoServers, tmp_path: Path) -> None:
    device = phone(nano, "27.0")
    ban = Ban(nano, tmp_path, [device], webhook_log=None)
    city = policy(rules=[BOTH])
    made = ban.converge(city)
    assert not [change for change in made.changes() if "question" in change]
    ban.connect()
    told = ban.run(city)
    assert told.outcomes() == {device.id: ("not_observable", "no_backend")}
    assert [note for note in told.values["notes"] if "webhook_log" in note]


def test_a_managed_app_is_removed_and_proved_gone_only_by_a_later_list(servers: NanoServers, tmp_path: Path) -> None:
    device = phone(servers, apps=[MANAGED, OTHER])
    ban = Ban(servers, tmp_path, [device])
    city = policy(rules=[REMOVE])
    ban.converge(city)
    ban.connect()
    made = ban.converge(city)
    assert made.changes() == ["command removal com.banned.app"]
    assert made.outcomes() == {device.id: ("removal_requested", "")}
    ban.connect()
    assert not device.is_installed(BANNED.identifier)
    # It has said that it did it; whether the app is gone only another list tells.
    assert ban.run(city).outcomes() == {device.id: ("removal_requested", "")}
    ban.skip(hours=25)
    ban.run(city)
    ban.connect()
    proved = ban.run(city)
    assert proved.outcomes() == {device.id: ("removed", "")}
    assert proved.writes() == []


def test_an_app_that_comes_back_is_removed_again_by_another_command(servers: NanoServers, tmp_path: Path) -> None:
    device = phone(servers, apps=[MANAGED])
    ban = Ban(servers, tmp_path, [device])
    city = policy(rules=[REMOVE])
    for _time in range(2):
        for _turn in range(2):
            ban.run(city)
            ban.connect()
        ban.skip(hours=25)
        ban.run(city)
        ban.connect()
        ban.run(city)
        device.install_app(MANAGED)
        ban.skip(hours=25)
    removals = [uuid for kind, uuid, _status in device.done if kind == "RemoveApplication"]
    assert len(removals) == len(set(removals)) == 2


def test_an_app_that_its_user_installed_is_asked_to_go_once_and_then_known_to_stay(servers: NanoServers, tmp_path: Path) -> None:
    supervised, private = phone(servers), phone(servers, supervised=False)
    ban = Ban(servers, tmp_path, [supervised, private])
    city = policy(rules=[BOTH])
    for _turn in range(4):
        ban.run(city)
        ban.connect()
    assert [kind for kind, _status in kinds(supervised)].count("RemoveApplication") == 1
    told = ban.run(city)
    assert (told.writes(), told.outcomes()) == (
        [],
        {supervised.id: ("blocked_not_removed", "user_installed"), private.id: ("cannot_enforce", "unsupervised")},
    )
    # A day later the list shows it again, and that is no other finding.
    ban.skip(hours=25)
    ban.run(city)
    ban.connect()
    ban.run(city)
    assert [kind for kind, _status in kinds(supervised)].count("RemoveApplication") == 1


def test_sites_are_blocked_by_a_profile_on_supervised_devices_only(servers: NanoServers, tmp_path: Path) -> None:
    supervised, private, mac = phone(servers, "27.0"), phone(servers, supervised=False), servers.device(platform="Mac", os_version="26.1")
    ban = Ban(servers, tmp_path, [supervised, private, mac], inventory="never")
    city = policy(rules=[SITES])
    ban.converge(city)
    ban.connect()
    assert not supervised.can_visit("https://banned.example/x")
    assert private.done == mac.done == []
    assert not ban.run(city, web_block="none").failed
    ban.connect()
    assert supervised.can_visit("https://banned.example/x"), "web_block: none takes it away again"


def test_hosted_profiles_are_declared_to_older_devices_and_deleted_at_the_end(nano: NanoServers, tmp_path: Path) -> None:

    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "somebody-elses.mobileconfig").write_bytes(b"theirs")
    old, new = phone(nano), phone(nano, "27.0")
    with ProfileHost(nano.authority, tmp_path) as host:
        ban = Ban(nano, tmp_path, [old, new], inventory="never", profile_dir=str(folder), profile_url=host.url)
        city = policy(rules=[{**BLOCK, "actions": ["block", "block_web"]}])
        made = ban.converge(city)
        assert [change for change in made.changes() if change.startswith("command")] == []
        for file in folder.iterdir():
            host.publish("/" + file.name, file.read_bytes())
        ban.connect()
        assert [each.can_open(BANNED.identifier) for each in (old, new)] == [False, False]
        assert [each.can_visit("https://banned.example") for each in (old, new)] == [False, False]
        ban.converge(*lifted(city))
        ban.connect()
        assert [each.can_open(BANNED.identifier) for each in (old, new)] == [True, True]
        assert [each.can_visit("https://banned.example") for each in (old, new)] == [True, True]
        assert [file.name for file in folder.iterdir()] == ["somebody-elses.mobileconfig"]


def test_enrolments_and_answers_come_from_the_database(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    device, gone = phone(nano_pgsql, "27.0"), phone(nano_pgsql, "27.0")
    ban = Ban(nano_pgsql, tmp_path, [device, gone], webhook_log=None, enrollments=None, enrollments_sql=nano_pgsql.dsn)
    gone.check_out()
    city = policy(rules=[{**BOTH, "when": {"platform": "ios"}}])
    # The database does not say that a device is supervised, so it is asked first of all.
    ban.converge(city)
    ban.connect()
    ban.converge(city)
    ban.connect()
    told = ban.run(city)
    assert not device.can_open(BANNED.identifier)
    assert told.outcomes()[device.id][0] in ("blocked_not_removed", "removal_requested")
    assert told.outcomes()[gone.id] == ("cannot_enforce", "not_registered")


def test_a_profile_says_what_it_is_for(nano: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nano, tmp_path, [phone(nano)], inventory="never", **ALONE)
    ban.run(policy(rules=[BLOCK]))
    (sent,) = [each for each in nano.nanomdm.requests() if each["method"] == "PUT"]
    body = sent["body"] if isinstance(sent["body"], bytes) else str(sent["body"]).encode()
    profile = plistlib.loads(plistlib.loads(body)["Command"]["Payload"])
    assert profile["PayloadIdentifier"] == NAME
    assert (profile["PayloadDisplayName"], profile["PayloadDescription"]) == ("Blocked apps: Banned", "Made for the ban city.")


def test_an_app_that_several_policies_remove_from_some_devices_is_removed_from_each_once(nano: NanoServers, tmp_path: Path) -> None:
    small, large = phone(nano), phone(nano, platform="iPad")
    ban = Ban(nano, tmp_path, [small, large])
    policies = policy(rules=[REMOVE]), policy("school", rules=[{**REMOVE, "when": {"platform": "ipados"}}])
    ban.run(*policies)
    ban.connect()
    ban.skip(minutes=1)
    removed = ban.converge(*policies)
    # The same command for both, although one of them is under one more policy.
    assert removed.changes() == ["command removal com.banned.app"]
    assert {device for device, (outcome, _reason) in removed.outcomes().items() if outcome == "removal_requested"} == {small.id, large.id}
    ban.connect()
    assert [kinds(device).count(("RemoveApplication", "Error")) for device in (small, large)] == [1, 1]
    ban.skip(minutes=1)
    assert [each for each in ban.run(*policies).changes() if "removal" in each] == []
