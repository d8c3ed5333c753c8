# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to real NanoMDM and KMFDDM servers and to devices between two runs of a ban, and what must come of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from tests.simulators.exchange import Request, Response
from tests.support.cases import cases
from tests.support.intune.tenant_devices import exemption
from tests.support.mdm_samples import app
from tests.support.mdm_samples import policy as city_policy
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import lifted
from tests.support.nanomdm.nano_tenant import MANAGED_TIKTOK, TIKTOK, Organisation, is_blocked
from tests.support.nanomdm.profile_host import ProfileHost
from tests.support.nanomdm.servers import NanoServers

BOTH = ("26.1", "27.0")
SET = "org.example.ban.calgary-Apps"
SENT = "org.example.ban.calgary-SentApps"


@pytest.fixture(params=["inmem", pytest.param("pgsql", marks=pytest.mark.long)])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    """Fresh servers, with each of NanoMDM's storages in turn."""
    found: NanoServers = request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}[request.param])
    return found


def phones(nano: NanoServers, *versions: str, **facts: Any) -> list[FakeDevice]:
    return [nano.device(os_version=version, **{"apps": [TIKTOK], **facts}) for version in versions]


def blocked(devices: list[FakeDevice]) -> list[bool]:
    return [is_blocked(each) for each in devices]


# Both storages.


def test_an_id_that_no_server_knows_hinders_nobody_and_is_not_called_done(servers: NanoServers, tmp_path: Path) -> None:
    known = phones(servers, *BOTH, "26.1")
    strangers = phones(servers, *BOTH)
    city = Organisation(servers, tmp_path, known, inventory="never")
    city.devices += strangers
    policy = city.policy("calgary")
    first = city.run(policy)
    city.connect(*known)
    again = city.run(policy)
    assert blocked(known) == [True] * 3
    assert again.writes() == []
    for run in (first, again):
        assert {run.outcomes("tiktok")[each.id] for each in strangers} == {("not_observable", "awaiting_check_in")}
    city.run(*lifted(policy))
    city.connect(*known)
    assert blocked(known) == [False] * 3
    assert city.run(*lifted(policy)).writes() == []


def test_an_enrolment_twice_in_the_list_is_refused_before_anything_is_sent(servers: NanoServers, tmp_path: Path) -> None:
    (phone,) = phones(servers, "26.1")
    city = Organisation(servers, tmp_path, [phone])
    refused = city.run(city.policy("calgary"), expect_failure=True, enrollments=[city.row(phone), city.row(phone)])
    lower = city.run(
        city.policy("calgary"), expect_failure=True, enrollments=[city.row(phone), {**city.row(phone), "id": phone.id.lower()}]
    )
    assert ("a second time" in refused.message, "one spelling" in lower.message) == (True, True)
    assert refused.sent() + lower.sent() == []


def test_a_lost_ledger_makes_no_command_come_twice_and_the_outcomes_are_the_same(servers: NanoServers, tmp_path: Path) -> None:
    devices = phones(servers, *BOTH, apps=[MANAGED_TIKTOK]) + phones(servers, *BOTH)
    city = Organisation(servers, tmp_path, devices)
    policy = city.policy("calgary")
    city.put_in_force(policy)
    city.connect()
    city.run(policy)
    shutil.rmtree(city.evidence_dir)
    city.run(policy)
    told = city.settle(policy)
    assert told.outcomes("tiktok") == {
        **{each.id: ("blocked_not_removed", "user_installed") for each in devices[2:]},
        **{each.id: told.outcomes("tiktok")[each.id] for each in devices[:2]},
    }
    assert [each.is_installed(TIKTOK.identifier) for each in devices] == [False, False, True, True]
    for each in devices:
        uuids = [uuid for kind, uuid, _status in each.done if kind != "DeclarativeManagement"]
        assert len(uuids) == len(set(uuids))
        assert [kind for kind, _uuid, _status in each.done].count("RemoveApplication") == 1
    assert blocked(devices[2:]) == [True, True]
    city.end(policy)
    assert blocked(devices[2:]) == [False, False]


def test_a_device_that_enrols_again_under_its_old_id_is_covered_again(servers: NanoServers, tmp_path: Path) -> None:
    devices = phones(servers, *BOTH, *BOTH)
    city = Organisation(servers, tmp_path, devices)
    policy = city.policy("calgary")
    city.put_in_force(policy)
    city.settle(policy)
    assert blocked(devices) == [True] * 4
    city.skip(hours=1)
    city.enrol(*devices[:2])
    assert blocked(devices) == [False, False, True, True]
    made = city.put_in_force(policy)
    assert not [write for write in made.sent("P") if devices[2].id in write or devices[3].id in write]
    city.settle(policy)
    assert blocked(devices) == [True] * 4
    city.end(policy)
    assert blocked(devices) == [False] * 4


def test_a_locked_device_has_only_been_asked_and_is_done_once_it_is_unlocked(servers: NanoServers, tmp_path: Path) -> None:
    (phone,) = phones(servers, "26.1", apps=[MANAGED_TIKTOK])
    city = Organisation(servers, tmp_path, [phone])
    policy = city.policy("calgary")
    city.put_in_force(policy)
    phone.lock()
    city.connect()
    waiting = city.run(policy)
    city.connect()
    waiting = city.run(policy)
    assert waiting.outcomes("tiktok") == {phone.id: ("removal_requested", "")}
    assert phone.can_open(TIKTOK.identifier)
    assert city.run(policy).writes() == []
    phone.unlock()
    # One storage brings back what was put off, the other loses it; after a day it is sent once more.
    told = []
    for _day in range(3):
        city.skip(hours=25)
        for _turn in range(2):
            city.connect()
            is_there = phone.is_installed(TIKTOK.identifier)
            told.append((city.run(policy).outcomes("tiktok")[phone.id], is_there))
    assert ("removed", "") in [outcome for outcome, _is_there in told]
    assert {is_there for outcome, is_there in told if outcome[0] in ("removed", "compliant")} == {False}
    assert not phone.is_installed(TIKTOK.identifier)
    phone.install_app(TIKTOK)
    assert is_blocked(phone)
    city.end(policy)
    assert not is_blocked(phone)


def test_a_ban_that_is_back_before_devices_have_heard_of_its_end_holds(servers: NanoServers, tmp_path: Path) -> None:
    devices = phones(servers, *BOTH)
    city = Organisation(servers, tmp_path, devices, inventory="never")
    policy = city.policy("calgary")
    city.put_in_force(policy)
    city.connect()
    city.skip(minutes=10)
    city.put_in_force(*lifted(policy))
    city.skip(minutes=10)
    city.put_in_force(policy)
    city.connect()
    assert blocked(devices) == [True, True]
    city.settle(policy)
    city.end(policy)
    assert blocked(devices) == [False, False]


def test_a_profile_that_was_put_off_before_the_end_is_gone_in_the_end(servers: NanoServers, tmp_path: Path) -> None:
    (phone,) = phones(servers, "26.1")
    city = Organisation(servers, tmp_path, [phone], inventory="never")
    policy = city.policy("calgary")
    city.put_in_force(policy)
    phone.lock()
    city.connect()
    city.put_in_force(*lifted(policy))
    city.connect()
    phone.unlock()
    city.skip(minutes=10)
    city.connect()
    city.settle(*lifted(policy))
    assert (phone.installed_profiles(), is_blocked(phone)) == ({}, False)
    city.skip(days=3)
    assert city.run(*lifted(policy)).writes() == []


# Exemptions, versions, content.


def test_an_exemption_that_is_granted_later_frees_one_device_and_changes_nothing_for_the_others(
    servers: NanoServers, tmp_path: Path
) -> None:
    devices = phones(servers, *BOTH * 4)
    city = Organisation(servers, tmp_path, devices, inventory="never")
    city.put_in_force(city.policy("calgary"))
    city.connect()
    for spared in devices[2:4]:
        others = [each for each in devices if each is not spared]
        before = [(city.sets_of(each), each.installed_profiles(), each.declarations.held, len(each.done)) for each in others]
        exempt = city.policy("calgary", exemption(devices=[spared.facts.serial], category=None))
        city.skip(minutes=5)
        made = city.put_in_force(exempt)
        assert made.writes()
        assert [write for write in made.sent("P") + made.sent("D") if spared.id not in write] == []
        assert made.outcomes("tiktok")[spared.id] == ("exempt", "release_pending")
        city.connect()
        assert not is_blocked(spared)
        assert city.run(exempt).outcomes("tiktok")[spared.id] == ("exempt", "")
        assert [(city.sets_of(each), each.installed_profiles(), each.declarations.held, len(each.done)) for each in others] == before
        assert blocked(others) == [True] * 7
        # The exemption ends, and the block is back.
        city.skip(minutes=5)
        city.put_in_force(city.policy("calgary"))
        city.connect()
        assert is_blocked(spared)


@pytest.mark.parametrize("hosted", [False, True])
def test_a_device_that_goes_from_26_to_27_changes_the_form_of_its_block_without_a_moment_between(
    nano: NanoServers, tmp_path: Path, hosted: bool
) -> None:
    (phone,) = phones(nano, "26.1")
    folder = tmp_path / "served"
    folder.mkdir()
    with ProfileHost(nano.authority, tmp_path) as host:
        options = {"profile_dir": str(folder), "profile_url": host.url} if hosted else {}
        city = Organisation(nano, tmp_path, [phone], inventory="never", **options)
        policy = city.policy("calgary")
        city.put_in_force(policy)
        publish(host, folder)
        city.connect()
        assert (is_blocked(phone), bool(phone.profiles)) == (True, not hosted)
        phone.facts = type(phone.facts)(phone.facts.udid, phone.facts.serial, phone.facts.platform, "27.0")
        city.skip(hours=1)
        # The device comes by after every single write, and is never seen without the block.
        seen: list[bool] = []
        for front in (nano.kmfddm, nano.nanomdm):
            forward = front._forward

            def followed(request: Request, forward: Any = forward) -> Response | None:
                answer: Response | None = forward(request)
                if request.method != "GET":
                    phone.connect()
                    seen.append(is_blocked(phone))
                return answer

            front._forward = followed  # type: ignore[method-assign]
        city.run(policy)
        assert len(seen) >= 6
        assert set(seen) == {True}
        city.connect()
        city.settle(policy)
        assert (is_blocked(phone), phone.profiles, sorted(city.sets_of(phone))) == (True, {}, [SET])
        assert list(folder.iterdir()) == []
        city.end(policy)
        assert not is_blocked(phone)


def publish(host: ProfileHost, folder: Path) -> list[str]:
    """Serve what is in the folder and nothing else, as a web server does."""
    host.content.clear()
    for file in folder.iterdir():
        host.publish("/" + file.name, file.read_bytes())
    return sorted(host.content)


def test_hosted_profiles_get_another_address_with_another_content_and_are_gone_after_the_end(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, *BOTH)
    folder = tmp_path / "served"
    folder.mkdir()
    with ProfileHost(nano.authority, tmp_path) as host:
        city = Organisation(nano, tmp_path, devices, inventory="never", profile_dir=str(folder), profile_url=host.url)
        policy = city.policy("calgary")
        before = city.holdings()
        made = city.put_in_force(policy)
        assert made.changes()[0].startswith("create hosted profile org.example.ban.calgary-AppProfile")
        assert [change for change in made.changes() if change.startswith("command")] == []
        first = publish(host, folder)
        city.connect()
        assert blocked(devices) == [True, True]
        assert devices[0].declarations.held
        more = city.policy("calgary", **{"apps: [tiktok]": "apps: [tiktok, wechat]"})
        city.put_in_force(more)
        second = publish(host, folder)
        assert set(first).isdisjoint(second)
        assert len(first) == len(second) == 1
        city.connect()
        assert blocked(devices) == [True, True]
        devices[0].install_app(App("com.tencent.xin", "WeChat"))
        assert not devices[0].can_open("com.tencent.xin")
        city.end(more)
        assert publish(host, folder) == []
        assert blocked(devices) == [False, False]
        assert city.holdings() == before


def test_a_mac_of_version_27_denies_the_binary_by_team_and_signing_id(nano: NanoServers, tmp_path: Path) -> None:
    named = app(identifiers={"macos_bundle_id": ["com.banned.mac"], "apple_team_id": ["TEAM123456"]})
    banned = App("com.banned.mac", "Banned", team_id="TEAM123456", signing_id="com.banned.mac")
    namesake = App("com.other.mac", "Other", team_id="TEAM123456", signing_id="com.other.mac")
    new, old, loose = (
        nano.device(platform="Mac", os_version=version, supervised=supervised, apps=[banned, namesake])
        for version, supervised in (("27.0", True), ("26.1", True), ("27.0", False))
    )
    city = Organisation(nano, tmp_path, [new, old, loose])
    policy = city_policy(apps=[named], rules=[{"name": "All", "when": {"ownership": "corporate"}, "actions": ["block"]}])
    city.put_in_force(policy)
    told = city.settle(policy)
    assert [each.can_open("com.banned.mac") for each in (new, old, loose)] == [False, True, True]
    assert new.can_open("com.other.mac")
    assert told.outcomes("banned") == {
        new.id: ("blocked_not_removed", ""), old.id: ("cannot_enforce", "no_backend"), loose.id: ("cannot_enforce", "no_backend"),
    }  # fmt: skip
    city.end(policy)
    assert new.can_open("com.banned.mac")


# Others on the same server.


def test_a_foreign_declaration_with_our_name_stops_the_run_until_it_may_be_adopted(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, *BOTH)
    city = Organisation(nano, tmp_path, devices, inventory="never")
    city.api.put_declaration(f"{SET}.cfg", "com.apple.configuration.passcode.settings", {"RequirePasscode": True})
    before = city.holdings()
    for check in (True, False):
        stopped = city.run(city.policy("calgary"), check=check, expect_failure=True)
        assert (f"{SET}.cfg" in stopped.message, stopped.writes(), city.holdings()) == (True, [], before)
    city.put_in_force(city.policy("calgary"), adopt=True)
    city.connect()
    assert blocked(devices) == [True, True]


@cases("deed", ["edited", "set taken from a device", "out of the set", "deleted"], quick=2)
def test_what_somebody_did_to_our_declarations_is_mended_and_told(nano: NanoServers, tmp_path: Path, deed: str) -> None:
    devices = phones(nano, "27.0", "27.0")
    city = Organisation(nano, tmp_path, devices, inventory="never")
    policy = city.policy("calgary")
    city.put_in_force(policy)
    city.connect()
    stood = city.holdings()
    if deed == "edited":
        city.api.put_declaration(f"{SET}.cfg", "com.apple.configuration.app.settings", {"Allowed": {"DeniedApps": ["com.other"]}})
    elif deed == "out of the set":
        city.api.kmfddm("DELETE", f"/set-declarations/{SET}?declaration={SET}.act")
    elif deed == "deleted":
        for name in (f"{SET}.act", f"{SET}.cfg"):
            city.api.kmfddm("DELETE", f"/set-declarations/{SET}?declaration={name}")
            city.api.kmfddm("DELETE", f"/declarations/{name}")
    else:
        city.api.kmfddm("DELETE", f"/enrollment-sets/{devices[0].id}?set={SET}")
    city.connect()
    assert not is_blocked(devices[0])
    mended = city.put_in_force(policy)
    assert len(mended.values["drift"]) == 1, mended.values["drift"]
    city.connect()
    assert blocked(devices) == [True, True]
    assert city.holdings() == stood
    assert city.run(policy).values["drift"] == []


# Trouble.


@cases("survived", [5, 2, 9, 14])
def test_a_server_that_goes_down_in_mid_run_is_named_and_the_next_run_finishes(
    nano: NanoServers, tmp_path: Path, survived: int, no_waiting: object
) -> None:
    devices = phones(nano, *BOTH * 4)
    city = Organisation(nano, tmp_path, devices, inventory="never")
    before = city.holdings()
    policy = city.policy("calgary")
    for steps in ((policy,), lifted(policy)):
        nano.kmfddm.faults([{"match": {}, "nth": list(range(survived + 1, 400)), "kind": "drop"}])
        broken = city.run(*steps, expect_failure=True)
        assert nano.kmfddm.url in broken.message
        writes = [(each["method"], each["url"], str(each["body"])) for each in broken.exchanges if each["method"] != "GET"]
        assert len(writes) == len(set(writes)), "a write was sent again"
        nano.kmfddm.faults([])
        city.run(*steps)
        assert city.run(*steps).writes() == []
        city.connect()
        assert blocked(devices) == [steps[0].state == "enforced"] * 8
    assert city.holdings() == before


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.long
def test_a_run_that_is_killed_right_after_any_write_is_finished_by_the_next(
    nano: NanoServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Session.write
    devices = phones(nano, *BOTH)
    city = Organisation(nano, tmp_path, devices, inventory="never")
    policy = city.policy("calgary")
    before = city.holdings()
    whole = {}
    for number in range(1, 30):
        for steps in ((policy,), lifted(policy)):
            left = iter(range(number - 1, -1, -1))

            def until_killed(session: Session, *arguments: Any, left: Iterator[int] = left, **named: Any) -> Any:
                more = next(left, None)
                if more is None:
                    raise Killed
                answer = write(session, *arguments, **named)
                if more == 0:
                    raise Killed
                return answer

            city.skip(minutes=5)
            with monkeypatch.context() as patched:
                patched.setattr(Session, "write", until_killed)
                try:
                    city.run(*steps)
                    whole[steps[0].state] = number
                except Killed:
                    pass
            assert city.run(*steps).values["drift"] == [], "nobody else was at work"
            assert city.run(*steps).writes() == [], number
            city.connect()
            assert blocked(devices) == [steps[0].state == "enforced"] * 2, (number, steps[0].state)
        assert city.holdings() == before, number
        if len(whole) == 2:
            break
    assert len(whole) == 2, "the runs have more writes than were tried"
    assert min(whole.values()) > 6


def test_limits_stop_everything_before_any_write(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, *BOTH * 3)
    city = Organisation(nano, tmp_path, devices)
    policy = city.policy("calgary", "\nlimits: {max_devices: 5}\n")
    before = city.holdings()
    stopped = city.run(policy, expect_failure=True)
    assert (stopped.writes(), city.holdings()) == ([], before)
    city.connect()
    assert blocked(devices) == [False] * 6


# Where enrolments and answers come from.


def test_enrolments_and_answers_of_the_database_carry_a_whole_ban(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    mobile = phones(nano_pgsql, *BOTH)
    managed = phones(nano_pgsql, *BOTH, apps=[MANAGED_TIKTOK])
    gone = phones(nano_pgsql, "27.0")
    private = phones(nano_pgsql, "27.0")
    source: dict[str, Any] = {"webhook_log": None, "enrollments": None, "enrollments_sql": nano_pgsql.dsn}
    city = Organisation(nano_pgsql, tmp_path, [*mobile, *managed, *gone, *private], **source)
    gone[0].check_out()
    city.assets = {each.facts.serial: {"ownership": "personal" if each in private else "corporate"} for each in city.devices}
    policy = city.policy("calgary")
    city.run(policy)
    told = city.settle(policy)
    assert blocked(mobile) == [True, True]
    assert [each.is_installed(TIKTOK.identifier) for each in managed] == [False, False]
    found = told.outcomes("tiktok")
    assert {found[each.id] for each in mobile} == {("blocked_not_removed", "user_installed")}
    assert {found[each.id] for each in managed} == {("removal_requested", "")}
    assert (found[gone[0].id], found[private[0].id]) == (("cannot_enforce", "not_registered"), ("out_of_scope", ""))
    city.end(policy)
    assert blocked(mobile) == [False, False]
    assert city.touched([*gone, *private]) == []


def test_without_a_log_and_a_database_nobody_claims_to_know(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, *BOTH)
    city = Organisation(nano, tmp_path, devices, webhook_log=None)
    policy = city.policy("calgary")
    made = city.put_in_force(policy)
    city.connect()
    told = city.run(policy)
    for run in (made, told):
        assert set(run.outcomes("tiktok").values()) == {("not_observable", "no_backend")}
        assert [note for note in run.values["notes"] if "webhook_log" in note and "enrollments_sql" in note]
    # The block itself is there all the same.
    assert blocked(devices) == [True, True]
    city.end(policy)
    assert blocked(devices) == [False, False]


def test_without_a_log_an_unknown_id_keeps_nobody_asleep(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    known, strangers = phones(nano_pgsql, "27.0", "27.0", "27.0"), phones(nano_pgsql, "27.0")
    city = Organisation(nano_pgsql, tmp_path, known, webhook_log=None)
    city.devices += strangers
    made = city.run(city.policy("calgary"))
    # The server refuses a command for several devices where it lacks one of them, and KMFDDM keeps that to itself.
    assert made.writes().count("POST /v1/notify") == 4
    city.connect(*known)
    assert blocked(known) == [True] * 3


def test_what_is_only_reported_is_asked_for_where_it_can_be_seen_and_nothing_else_happens(nano: NanoServers, tmp_path: Path) -> None:
    supervised, loose = phones(nano, "27.0"), phones(nano, "26.1", supervised=False)
    own_part = phones(nano, "27.0", supervised=False, enrollment="user")
    city = Organisation(nano, tmp_path, [*supervised, *loose, *own_part])
    policy = city.policy("calgary", **{"state: enforced": "state: report_only"})
    made = city.put_in_force(policy)
    told = city.settle(policy)
    assert [change.split()[:2] for change in made.changes()] == [["command", "question"]]
    assert set(told.outcomes("tiktok").values()) == {("not_in_force", "report_only")}
    assert [told.row(each.id)["before"] for each in (*supervised, *loose, *own_part)] == ["present", "present", "not_observed"]
    assert blocked([*supervised, *loose, *own_part]) == [False] * 3
    assert city.touched(own_part) == []


# Size.


@pytest.mark.long
def test_a_steady_state_asks_nothing_of_single_devices_and_all_of_sixty_are_woken(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, *["27.0"] * 60)
    city = Organisation(nano, tmp_path, devices, inventory="never")
    policy = city.policy("calgary")
    made = city.run(policy)
    # Both declarations, both members of the set, a set for each device; KMFDDM would wake the first thirty only.
    assert made.values["requests"]["writes"] == 4 + 60 + 2
    city.connect()
    assert blocked(devices) == [True] * 60
    steady = city.run(policy)
    # The lists of declarations and of sets, both declarations, the set, and what 150 devices say in one request.
    assert steady.values["requests"] == {"reads": 5 + 1, "writes": 0, "retries": 0, "waits": 0, "waited": 0}
    newcomers = phones(nano, "27.0", "27.0", "27.0")
    city.enrol(*newcomers)
    grown = city.run(policy)
    assert grown.values["requests"] == {"reads": 6 + 3, "writes": 3 + 1, "retries": 0, "waits": 0, "waited": 0}
    city.connect()
    assert blocked(newcomers) == [True] * 3
    assert city.run(policy).values["requests"] == {"reads": 6, "writes": 0, "retries": 0, "waits": 0, "waited": 0}
    spared = city.policy("calgary", exemption(devices=[devices[40].facts.serial], category=None))
    assert city.run(spared).values["requests"]["writes"] == 1 + 1
    city.connect()
    assert blocked([*devices, *newcomers]).count(False) == 1
    # Sent ones: one request for all, none afterwards.
    older = phones(nano, *["26.1"] * 40)
    city.enrol(*older)
    sent = city.run(spared)
    assert sent.values["requests"]["writes"] == 1
    city.connect()
    assert blocked(older) == [True] * 40
    assert city.run(spared).values["requests"]["writes"] == 0
