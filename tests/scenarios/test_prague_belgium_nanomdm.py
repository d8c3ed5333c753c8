# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prague's and Belgium's rules on real NanoMDM and KMFDDM servers: asset facts decide, private devices get a word, and six months end."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_tenant import MANAGED_TIKTOK, SITE, TIKTOK, Organisation, is_blocked
from tests.support.nanomdm.servers import NanoServers

PAID = ("paid_purchase", "paid_subscription", "paid_use")
#: Six months from 10 March, 00:00 in Brussels.
LAST_SECOND = datetime.fromisoformat("2023-09-09T21:59:59+00:00")
END = datetime.fromisoformat("2023-09-09T22:00:00+00:00")


@pytest.fixture(params=["inmem", pytest.param("pgsql", marks=pytest.mark.long)])
def servers(request: pytest.FixtureRequest) -> NanoServers:
    """Fresh servers, with each of NanoMDM's storages in turn."""
    found: NanoServers = request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}[request.param])
    return found


def notices(organisation: Organisation) -> list[dict[str, object]]:
    path = organisation.evidence_dir / "nanomdm.notices.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_P1_P2_work_phones_and_tablets_are_cleaned_and_a_return_is_a_recurrence(servers: NanoServers, tmp_path: Path) -> None:
    phone = servers.device(os_version="26.1", apps=[MANAGED_TIKTOK])
    tablet = servers.device(platform="iPad", os_version="27.0", apps=[MANAGED_TIKTOK])
    laptop = servers.device(platform="Mac", os_version="27.0", apps=[MANAGED_TIKTOK])
    outside = servers.device(os_version="27.0", apps=[MANAGED_TIKTOK])
    city = Organisation(servers, tmp_path, [phone, tablet, laptop, outside])
    city.assets = {each.facts.serial: {"accesses_city_systems": each is not outside} for each in city.devices}
    policy = city.policy("prague")
    city.put_in_force(policy)
    city.connect()
    asked = city.put_in_force(policy)
    assert asked.outcomes("tiktok") == {
        phone.id: ("removal_requested", ""), tablet.id: ("removal_requested", ""),
        laptop.id: ("out_of_scope", ""), outside.id: ("out_of_scope", ""),
    }  # fmt: skip
    assert asked.changes() == [f"command removal {TIKTOK.identifier}"]
    city.connect()
    assert [each.is_installed(TIKTOK.identifier) for each in city.devices] == [False, False, True, True]
    city.skip(hours=25)
    told = city.settle(policy)
    assert {told.outcomes("tiktok")[each.id] for each in (phone, tablet)} == {("removed", "")}
    # The policy does not block, so the app can come back.
    phone.install_app(MANAGED_TIKTOK)
    city.skip(hours=25)
    city.settle(policy)
    city.skip(hours=25)
    again = city.settle(policy)
    assert not phone.is_installed(TIKTOK.identifier)
    assert again.outcomes("tiktok")[phone.id][0] == "recurred"
    assert again.outcomes("tiktok")[tablet.id][0] != "recurred"
    city.end(policy)
    assert city.touched([laptop, outside]) == []


def test_P3_P4_private_devices_get_a_word_and_no_write_at_all(nano: NanoServers, tmp_path: Path) -> None:
    told = nano.device(os_version="27.0", apps=[TIKTOK])
    told_unsupervised = nano.device(platform="iPad", supervised=False, apps=[TIKTOK])
    in_own_part = nano.device(supervised=False, enrollment="user", apps=[TIKTOK])
    spared, unknown = nano.device(os_version="27.0", apps=[TIKTOK]), nano.device(os_version="26.1", apps=[TIKTOK])
    city = Organisation(nano, tmp_path, [told, told_unsupervised, in_own_part, spared, unknown])
    city.owners = {each.id: "personal" for each in city.devices}
    known = {told: True, told_unsupervised: True, in_own_part: True, spared: False}
    city.assets = {each.facts.serial: {"accesses_city_systems": has_access} for each, has_access in known.items()}
    before = city.holdings()
    policy = city.policy("prague")
    made = city.put_in_force(policy)
    assert [change.split()[:2] for change in made.changes()] == [["command", "notice"]]
    assert {each["device"] for each in notices(city)} == {told.id, told_unsupervised.id, in_own_part.id}
    assert len(notices(city)) == 3
    assert "Prague City Hall" in str(notices(city)[0]["body"])
    assert made.outcomes("tiktok")[spared.id] == ("out_of_scope", "")
    assert made.outcomes("tiktok")[unknown.id] == ("unclassified", "")
    # P4: nobody learns whether it is there.
    assert {row["before"] for row in made.rows if row["row"] == "device"} == {"not_observed"}
    city.settle(policy)
    city.skip(days=40)
    city.settle(policy)
    city.end(policy)
    # Zero mutating calls in the whole life of the ban.
    assert city.written == []
    assert [each.done for each in city.devices] == [[]] * 5
    assert city.holdings() == before
    assert len(notices(city)) == 3


def expected(paid: tuple[str | None, ...], ownership: str) -> str:
    """The verdict of a device, by the policy's own words."""
    if {"full", "part"} & set(paid):
        return "enforce"
    if None in paid:
        return "unclassified"
    return "advise" if ownership == "personal" else "out_of_scope"


@pytest.mark.long
def test_B1_B2_B5_who_pays_decides_on_sixty_eight_devices_and_the_end_leaves_no_trace(nano: NanoServers, tmp_path: Path) -> None:
    combinations = list(itertools.product(("full", "part", "none", None), repeat=3))
    wanted: dict[str, str] = {}
    fleet: list[FakeDevice] = []
    assets, owners = {}, {}
    for number, paid in enumerate([*combinations, *[("none", "none", "none")] * 4]):
        kind: dict[str, Any] = {"platform": ("iPhone", "iPad")[number % 2], "os_version": ("26.1", "27.0")[number // 2 % 2]}
        device = nano.device(udid=f"B1-{number:03d}", apps=[(TIKTOK, MANAGED_TIKTOK)[number // 4 % 2]], **kind)
        fleet.append(device)
        owners[device.id] = ("corporate", "personal")[number // 3 % 2]
        assets[device.facts.serial] = {name: value for name, value in zip(PAID, paid, strict=True) if value}
        wanted[device.id] = expected(paid, owners[device.id])
    state = Organisation(nano, tmp_path, fleet)
    state.owners, state.assets = owners, assets
    state.plant_neighbours(*fleet[::4])
    before = state.holdings()
    policy = state.policy("belgium")
    made = state.put_in_force(policy)
    verdicts = {row["device"]: row for row in made.rows if row["row"] == "device"}
    by_actions = {each: "advise" if verdicts[each]["actions"] == ["advise"] else verdicts[each]["verdict"] for each in wanted}
    assert by_actions == wanted
    assert set(wanted.values()) == {"enforce", "unclassified", "advise", "out_of_scope"}
    assert {each["device"] for each in notices(state)} == {each for each, verdict in wanted.items() if verdict == "advise"}
    state.connect()
    # B2: at once, before anything has been asked or removed.
    for device in fleet:
        is_in = wanted[device.id] == "enforce"
        assert (is_blocked(device), device.can_visit(SITE)) == (is_in, not is_in), device
    state.settle(policy)
    state.skip(hours=25)
    told = state.settle(policy)
    for number, device in enumerate(fleet):
        if wanted[device.id] == "enforce":
            # A private phone that the government pays for is no exception.
            managed = number // 4 % 2 == 1
            outcome = ("removed", "") if managed else ("blocked_not_removed", "user_installed")
            assert told.outcomes("tiktok")[device.id] == outcome, (device, owners[device.id])
            assert device.is_installed(TIKTOK.identifier) != managed
    there = [each.is_installed(TIKTOK.identifier) for each in fleet]
    ended = state.end(policy)
    assert not [change for change in ended.changes() if change.startswith("create")]
    assert state.holdings() == before
    for device, is_there in zip(fleet, there, strict=True):
        # B5: nothing comes back, and what is there can be opened.
        assert (device.is_installed(TIKTOK.identifier), device.can_open(TIKTOK.identifier)) == (is_there, is_there)
        assert (device.installed_profiles(), device.blocked_sites()) == ({}, [])
    assert state.touched(each for each in fleet if wanted[each.id] != "enforce") == []


def test_B3_B4_six_months_are_months_and_nobody_forgets_the_end(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[TIKTOK])
    state = Organisation(nano, tmp_path, [phone], inventory="never")
    state.assets = {phone.facts.serial: {"paid_use": "full"}}
    policy = state.policy("belgium")
    state.put_in_force(policy)
    state.connect()
    notes, due = {}, {}
    for day in ("2023-08-10", "2023-08-11", "2023-09-03"):
        state.now = datetime.fromisoformat(day + "T09:00:00+00:00")
        run = state.run(policy)
        assert run.writes() == []
        notes[day], due[day] = [note for note in run.values["notes"] if "2023-09-10" in note], run.values["decision_due"]
    assert (notes["2023-08-10"], bool(notes["2023-08-11"]), "last warning" in notes["2023-09-03"][0]) == ([], True, True)
    for now, is_due in ((LAST_SECOND, False), (END, True)):
        state.now = now
        run = state.run(policy)
        assert (run.writes(), run.values["decision_due"]) == ([], is_due)
    assert is_blocked(phone)
    # B4: the extension is one line.
    extended = state.policy("belgium", **{"until: P6M": "until: P1Y"})
    run = state.run(extended)
    assert (run.writes(), run.values["decision_due"]) == ([], False)


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_B3_on_expiry_lift_takes_away_what_we_made_at_the_end_and_not_a_second_before(
    servers: NanoServers, tmp_path: Path, version: str
) -> None:
    phone = servers.device(os_version=version, apps=[TIKTOK])
    state = Organisation(servers, tmp_path, [phone], inventory="never")
    state.assets = {phone.facts.serial: {"paid_purchase": "part"}}
    before = state.holdings()
    policy = state.policy("belgium", **{"on_expiry: keep": "on_expiry: lift"})
    state.put_in_force(policy)
    state.connect()
    state.now = LAST_SECOND
    assert state.run(policy).writes() == []
    assert (is_blocked(phone), phone.can_visit(SITE)) == (True, False)
    state.now = END
    state.put_in_force(policy)
    state.connect()
    assert (is_blocked(phone), phone.can_visit(SITE), phone.installed_profiles()) == (False, True, {})
    assert state.holdings() == before
