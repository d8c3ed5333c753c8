# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device told before something was ordered confirms nothing of that order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.exchange import Response
from tests.support.mdm_samples import policy
from tests.support.nanomdm.nano_run import BANNED, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
CITY = policy(rules=[BLOCK])


@pytest.mark.fault_kind("T8b", "a declaration's status that is older than the assignment it seems to confirm")
@pytest.mark.parametrize("source", ["log", "database"])
def test_a_status_from_before_the_release_does_not_confirm_the_new_assignment(nano_pgsql: NanoServers, tmp_path: Path, source: str) -> None:
    device, other = (nano_pgsql.device(os_version="27.0", apps=[BANNED]) for _number in range(2))
    options: dict[str, Any] = {"webhook_log": None, "enrollments_sql": nano_pgsql.dsn} if source == "database" else {}
    ban = Ban(nano_pgsql, tmp_path, [device, other], **options)
    ban.run(CITY)
    ban.connect()
    in_force = ban.run(CITY).outcomes()[device.id]
    assert in_force[0] == "blocked_not_removed"
    spared = policy(rules=[BLOCK], exemptions=[ban.exemption(device)])
    ban.run(spared)
    ban.skip(minutes=5)
    ban.connect()
    assert device.can_open(BANNED.identifier)
    ban.run(spared)
    ban.run(CITY)
    for _time in range(2):
        ban.skip(hours=1)
        again = ban.run(CITY)
        assert again.outcomes()[device.id] != in_force, "nothing was heard of it since, and nothing of ours is on it"
        assert again.writes() == []
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    assert ban.run(CITY).outcomes()[device.id] == in_force


@pytest.mark.fault_kind("T8b", "a declaration that was taken and given again before the device knew")
def test_a_device_that_never_heard_of_its_release_is_in_force_after_its_next_contact(nano: NanoServers, tmp_path: Path) -> None:
    device, other = (nano.device(os_version="27.0", apps=[BANNED]) for _number in range(2))
    ban = Ban(nano, tmp_path, [device, other])
    ban.run(CITY)
    ban.connect()
    in_force = ban.run(CITY).outcomes()[device.id]
    assert in_force[0] == "blocked_not_removed"
    ban.run(policy(rules=[BLOCK], exemptions=[ban.exemption(device)]))
    ban.run(CITY)
    ban.skip(minutes=5)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    again = ban.run(CITY)
    assert (again.outcomes()[device.id], again.writes()) == (in_force, [])


@pytest.mark.fault_kind("T8b", "a profile that is taken off and put on again within one second")
@pytest.mark.parametrize("source", ["log", "log in whole seconds", "database"])
def test_a_profile_that_came_back_within_a_second_is_in_force(nano_pgsql: NanoServers, tmp_path: Path, source: str) -> None:
    device, other = (nano_pgsql.device(os_version="26.1", apps=[BANNED]) for _number in range(2))
    options: dict[str, Any] = {"webhook_log": None, "enrollments_sql": nano_pgsql.dsn} if source == "database" else {}
    ban = Ban(nano_pgsql, tmp_path, [device, other], **options)
    ban.whole_seconds = source == "log in whole seconds"
    ban.run(CITY)
    ban.connect()
    in_force = ban.run(CITY).outcomes()[device.id]
    assert in_force[0] == "blocked_not_removed"
    ban.skip(minutes=5)
    ban.run(policy(rules=[BLOCK], exemptions=[ban.exemption(device)]))
    ban.skip(minutes=5)
    ban.run(CITY)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    again = ban.run(CITY)
    assert (again.outcomes()[device.id], again.writes()) == (in_force, [])


@pytest.mark.fault_kind("T8b", "a profile that is taken off after it was put on again")
def test_a_profile_that_a_late_removal_took_off_is_sent_again_and_once_only(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    device, other = (nano_pgsql.device(os_version="26.1", apps=[BANNED]) for _number in range(2))
    ban = Ban(nano_pgsql, tmp_path, [device, other])
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    ban.run(policy(rules=[BLOCK], exemptions=[ban.exemption(device)]))
    ban.skip(minutes=5)
    device.lock(["RemoveProfile"])
    ban.run(CITY)
    ban.connect()
    device.unlock()
    ban.skip(minutes=5)
    ban.connect()
    assert device.can_open(BANNED.identifier), "the removal that it had put off came last"
    assert "command profile" in " ".join(ban.run(CITY).changes())
    assert ban.run(CITY).writes() == []
    ban.skip(minutes=5)
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    again = ban.run(CITY)
    assert (again.outcomes()[device.id][0], again.writes()) == ("blocked_not_removed", [])


@pytest.mark.fault_kind("T1b", "supervision that is known from before a device enrolled again")
@pytest.mark.parametrize("listed", [True, None])
def test_a_device_that_enrolled_again_is_asked_whether_it_is_still_supervised(
    nano: NanoServers, tmp_path: Path, listed: bool | None
) -> None:
    device, other = (nano.device(os_version="26.1", apps=[BANNED]) for _number in range(2))
    ban = Ban(nano, tmp_path, [device, other])
    rows = [{**ban.row(each), "supervised": listed, "os_version": "26.1"} for each in ban.devices]
    for _time in range(3):
        ban.run(CITY, enrollments=rows)
        ban.connect()
        ban.skip(minutes=5)
    assert ban.run(CITY, enrollments=rows).outcomes()[device.id][0] == "blocked_not_removed"
    ban.skip(hours=1)
    device.facts = replace(device.facts, supervised=False)
    ban.enrol(device)
    ban.skip(minutes=5)
    for _time in range(4):
        told = ban.run(CITY, enrollments=rows)
        assert told.outcomes()[device.id][0] not in ("blocked_not_removed", "compliant"), "it is not supervised, and hides nothing"
        assert told.outcomes()[other.id][0] == "blocked_not_removed"
        ban.connect()
        ban.skip(minutes=5)
    assert device.can_open(BANNED.identifier)
    assert told.outcomes()[device.id] == ("cannot_enforce", "unsupervised")
    assert [kind for kind, _uuid, _status in device.done].count("DeviceInformation") == (1 if listed else 2)


@pytest.mark.fault_kind("T8c", "a device that puts off looking for its declarations")
@pytest.mark.parametrize("ending", [False, True])
def test_a_device_that_put_off_looking_for_its_declarations_is_told_again(nano: NanoServers, tmp_path: Path, ending: bool) -> None:
    device, other = (nano.device(os_version="27.0", apps=[BANNED]) for _number in range(2))
    ban = Ban(nano, tmp_path, [device, other])
    if ending:
        ban.run(CITY)
        ban.connect()
        # So that it is asked once more, and does something after what it puts off.
        ban.skip(hours=25)
    audit = policy("audit", rules=[{"name": "All", "when": {"ownership": "corporate"}, "actions": ["audit"]}])
    policies = (*lifted(CITY), audit) if ending else (CITY, audit)
    device.lock(["DeclarativeManagement"])
    ban.run(*policies)
    ban.skip(minutes=5)
    ban.connect()
    assert ban.run(*policies).writes() == []
    device.unlock()
    ban.skip(hours=25)
    # This storage has lost what was put off when the next command was done.
    ban.connect()
    assert device.can_open(BANNED.identifier) != ending
    assert "POST /v1/notify" in ban.run(*policies).writes()
    assert ban.run(*policies).writes() == []
    ban.skip(minutes=5)
    ban.connect()
    assert device.can_open(BANNED.identifier) == ending
    ban.skip(hours=25)
    assert "POST /v1/notify" not in ban.run(*policies).writes()


@pytest.mark.fault_kind("T8b", "a set that the server says it has taken from a device, and has not")
def test_a_set_that_stays_although_its_end_was_answered_fails_the_change(nano: NanoServers, tmp_path: Path) -> None:
    devices = [nano.device(os_version="27.0", apps=[BANNED]) for _number in range(2)]
    ban = Ban(nano, tmp_path, devices)
    ban.run(CITY)
    ban.connect()
    ban.skip(minutes=5)
    forward = nano.kmfddm._forward

    def without_effect(request: Any) -> Any:
        is_end = request.method == "DELETE" and request.path.startswith("/v1/enrollment-sets")
        return Response(204) if is_end else forward(request)

    nano.kmfddm._forward = without_effect  # type: ignore[method-assign]
    try:
        failed = ban.run(*lifted(CITY), expect_failure=True)
    finally:
        nano.kmfddm._forward = forward  # type: ignore[method-assign]
    assert "still have the set" in failed.message
    ban.run(*lifted(CITY))
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in devices] == [True, True]


@pytest.mark.fault_kind("T1b", "a list that has the serial numbers of two devices the wrong way round, or one of them twice")
@pytest.mark.parametrize("listed", ["swapped", "twice", "none"])
def test_an_exemption_goes_by_the_serial_number_that_a_device_tells_itself(nano: NanoServers, tmp_path: Path, listed: str) -> None:
    spared, other = (nano.device(os_version="26.1", apps=[BANNED]) for _number in range(2))
    ban = Ban(nano, tmp_path, [spared, other], inventory="never")
    serials = {"swapped": [other.facts.serial, spared.facts.serial], "twice": [spared.facts.serial] * 2, "none": [None, None]}[listed]
    rows = [{**ban.row(each), "serial": serial} for each, serial in zip(ban.devices, serials, strict=True)]
    told = ban.run(policy(rules=[BLOCK], exemptions=[ban.exemption(spared)]), enrollments=rows)
    ban.connect()
    assert [each.can_open(BANNED.identifier) for each in (spared, other)] == [True, False]
    notes = [note for note in told.values["notes"] if "serial number" in note]
    assert len(notes) == (listed != "none")


@pytest.mark.fault_kind("T1b", "one serial number on two enrolments")
def test_a_serial_number_that_two_devices_have_is_told(nano: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nano, tmp_path, [nano.device(os_version="26.1") for _number in range(2)], inventory="never")
    rows = [{**ban.row(each), "serial": "ONE"} for each in ban.devices]
    ban.rotate_log()
    notes = ban.run(CITY, enrollments=rows).values["notes"]
    assert [note for note in notes if "more than one enrolment" in note]
