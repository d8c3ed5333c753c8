# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declarations of somebody else under our names, and in our sets: they are never overwritten, never deleted, and hinder no lift."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.mdm_samples import policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, PREFIX, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T8e", "a stranger's declaration under our name or in our set")
SET = f"{PREFIX}.city-Apps"
APP_SETTINGS, ACTIVATION = "com.apple.configuration.app.settings", "com.apple.activation.simple"
THEIRS = {"Allowed": {"DeniedApps": ["com.their.app"]}}
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
CITY = policy(rules=[BLOCK])


def begun(nano: NanoServers, tmp_path: Path, **options: Any) -> tuple[Ban, NanoApi, FakeDevice]:
    phone = nano.device(os_version="27.0", apps=[BANNED])
    return Ban(nano, tmp_path, [phone], inventory="never", **options), NanoApi(nano), phone


def declarations(api: NanoApi) -> dict[str, Any]:
    return {each: api.kmfddm("GET", f"/declarations/{each}").json()["Payload"] for each in api.kmfddm("GET", "/declarations").json() or []}


def members(api: NanoApi, name: str = SET) -> list[str]:
    return sorted(api.kmfddm("GET", f"/set-declarations/{name}").json() or [])


def plant_pair(api: NanoApi, *devices: FakeDevice) -> None:
    """A configuration of our name and type, with an activation that also activates something else."""
    api.put_declaration(f"{SET}.cfg", APP_SETTINGS, THEIRS)
    api.put_declaration("org.their.cfg", APP_SETTINGS, THEIRS)
    api.put_declaration(f"{SET}.act", ACTIVATION, {"StandardConfigurations": [f"{SET}.cfg", "org.their.cfg"]})
    api.assign(SET, [f"{SET}.cfg", f"{SET}.act", "org.their.cfg"], [each.id for each in devices])


def plant_configuration(api: NanoApi, *_devices: FakeDevice) -> None:
    """A configuration of our name and type alone."""
    api.put_declaration(f"{SET}.cfg", APP_SETTINGS, THEIRS)


def plant_set(api: NanoApi, *devices: FakeDevice) -> None:
    """A set of our name with something of theirs in it, given to a device."""
    api.put_declaration("org.their.cfg", APP_SETTINGS, THEIRS)
    api.assign(SET, ["org.their.cfg"], [each.id for each in devices])


@pytest.mark.parametrize("plant", [plant_pair, plant_configuration, plant_set])
def test_what_somebody_has_under_our_name_is_not_taken_over_unless_it_may_be(nano: NanoServers, tmp_path: Path, plant: Any) -> None:
    ban, api, phone = begun(nano, tmp_path)
    plant(api, phone)
    before = declarations(api), members(api)
    for check in (True, False):
        stopped = ban.run(CITY, check=check, expect_failure=True)
        assert SET in stopped.message
        assert "adopt" in stopped.message
        assert (stopped.writes(), (declarations(api), members(api))) == ([], before)
    ban.converge(CITY, adopt=True)
    ban.connect()
    assert not phone.can_open(BANNED.identifier)


@pytest.mark.parametrize("plant", [plant_pair, plant_configuration, plant_set])
def test_a_lift_leaves_what_somebody_has_under_our_name_and_has_nothing_to_do(nano: NanoServers, tmp_path: Path, plant: Any) -> None:
    ban, api, phone = begun(nano, tmp_path)
    plant(api, phone)
    before = declarations(api), members(api)
    ban.connect()
    for _time in range(2):
        done = ban.run(*lifted(CITY))
        assert (done.changed, done.changes(), done.writes()) == (False, [], [])
    assert (declarations(api), members(api)) == before


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_a_lift_takes_ours_out_of_the_set_leaves_theirs_and_ends(nano: NanoServers, tmp_path: Path, ledger: str) -> None:
    ban, api, phone = begun(nano, tmp_path)
    ban.converge(CITY)
    ban.connect()
    api.put_declaration("org.their.cfg", APP_SETTINGS, THEIRS)
    api.kmfddm("PUT", f"/set-declarations/{SET}?declaration=org.their.cfg")
    if ledger == "lost":
        shutil.rmtree(ban.evidence_dir)
    ended = ban.run(*lifted(CITY))
    assert ended.changed
    assert [note for note in ended.values["notes"] if "org.their.cfg" in note]
    assert (declarations(api), members(api)) == ({"org.their.cfg": THEIRS}, ["org.their.cfg"])
    ban.connect()
    assert phone.can_open(BANNED.identifier)
    for _time in range(2):
        again = ban.run(*lifted(CITY))
        assert (again.changed, again.changes(), again.writes()) == (False, [], [])
    assert members(api) == ["org.their.cfg"]


def test_a_ban_is_back_in_a_set_in_which_a_stranger_was_left(nano: NanoServers, tmp_path: Path) -> None:
    ban, api, phone = begun(nano, tmp_path)
    ban.converge(CITY)
    api.put_declaration("org.their.cfg", APP_SETTINGS, THEIRS)
    api.kmfddm("PUT", f"/set-declarations/{SET}?declaration=org.their.cfg")
    ban.run(*lifted(CITY))
    ban.converge(CITY)
    ban.connect()
    assert not phone.can_open(BANNED.identifier)
    assert members(api) == sorted([f"{SET}.act", f"{SET}.cfg", "org.their.cfg"])


def test_what_we_made_is_known_again_without_a_ledger(nano: NanoServers, tmp_path: Path) -> None:
    ban, api, phone = begun(nano, tmp_path)
    ban.converge(CITY)
    ban.connect()
    shutil.rmtree(ban.evidence_dir)
    assert ban.run(CITY).changes() == []
    shutil.rmtree(ban.evidence_dir)
    ban.run(*lifted(CITY))
    assert declarations(api) == {}
    ban.connect()
    assert phone.can_open(BANNED.identifier)
