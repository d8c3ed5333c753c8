# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes name the devices that they reach and those that they release, and what failed is told device by device."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mdm_samples import policy
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, MANAGED, Ban, Run, lifted
from tests.support.nanomdm.recording_front import RecordingFront
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T6", "failed releases and blocks of NanoMDM and KMFDDM")
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
BOTH = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}


def phones(nano: NanoServers, *versions: str) -> list[FakeDevice]:
    return [nano.device(os_version=version, apps=[BANNED]) for version in versions]


def refuse(front: RecordingFront, method: str, path: str) -> None:
    front.faults([{"match": {"method": method, "path": path}, "nth": list(range(1, 20)), "kind": "500"}])


def failing(run: Run) -> set[str]:
    return {device for device, (outcome, _reason) in run.outcomes().items() if outcome == "failed"}


def test_a_lift_whose_commands_are_refused_is_failed_on_those_devices_and_on_no_other(nano: NanoServers, tmp_path: Path) -> None:
    old, new = phones(nano, "26.1", "27.0")
    ban = Ban(nano, tmp_path, [old, new], inventory="never")
    city = policy(rules=[BLOCK])
    ban.run(city)
    ban.connect()
    refuse(nano.nanomdm, "PUT", "/v1/enqueue")
    broken = ban.run(*lifted(city), expect_failure=True)
    assert failing(broken) == {old.id}
    nano.nanomdm.faults([])
    ban.run(*lifted(city))
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (old, new)] == [True, True]


def test_an_exemption_whose_set_is_not_taken_away_is_failed_on_that_device_and_on_no_other(nano: NanoServers, tmp_path: Path) -> None:
    first, second, third = phones(nano, "27.0", "27.0", "27.0")
    ban = Ban(nano, tmp_path, [first, second, third], inventory="never")
    ban.run(policy(rules=[BLOCK]))
    ban.connect()
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(first, second)])
    refuse(nano.kmfddm, "DELETE", f"/v1/enrollment-sets/{first.id}")
    broken = ban.run(spared, expect_failure=True)
    assert failing(broken) == {first.id}
    nano.kmfddm.faults([])
    ban.run(spared)
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (first, second, third)] == [True, True, False]


def test_a_block_that_is_not_given_to_one_device_is_failed_on_that_device_and_on_no_other(nano: NanoServers, tmp_path: Path) -> None:
    first, second = phones(nano, "27.0", "27.0")
    ban = Ban(nano, tmp_path, [first, second], inventory="never")
    refuse(nano.kmfddm, "PUT", f"/v1/enrollment-sets/{first.id}")
    assert failing(ban.run(policy(rules=[BLOCK]), expect_failure=True)) == {first.id}


def test_the_plan_says_of_each_change_whom_it_reaches_and_whom_it_releases(nano: NanoServers, tmp_path: Path) -> None:
    old, new, spared = phones(nano, "26.1", "27.0", "27.0")
    old.install_app(MANAGED)
    ban = Ban(nano, tmp_path, [old, new, spared])
    city = policy(rules=[BOTH])
    ban.run(city)
    ban.connect()
    exempt = policy(rules=[BOTH], exemptions=[ban.exemption(spared)])
    made = ban.run(exempt)
    told = {row["kind"]: (row["reaches"], row["releases"]) for row in made.rows if row["row"] == "plan"}
    assert told["ended assignment"] == (0, 1)
    assert told["removal"] == (2, 0)
    ban.skip(hours=25)
    asked = {row["kind"]: (row["reaches"], row["releases"]) for row in ban.run(exempt).rows if row["row"] == "plan"}
    assert asked["question"] == (0, 0)
