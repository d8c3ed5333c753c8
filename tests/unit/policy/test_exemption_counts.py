# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many devices each exemption names, which of its names no device has, and which names are nearest."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.exemption_counts import count_exemptions, notes_of_exemptions
from ansible_collections.appban.endpoint.plugins.module_utils.policy.nearest_serials import nearest_serials
from tests.support.policy_samples import decider, exemption, policy

FLEET = ["00123456", "c02ab1cdxyz9"]


def counted(exemptions: list[dict[str, Any]], devices: list[dict[str, Any]], now: str = "2023-05-01T00:00:00Z") -> Any:
    made = decider([policy(exemptions=exemptions)], now)
    return count_exemptions(made.exemptions, [(device, made.decide(device)) for device in devices])


def devices(*serials: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": "d%d" % n, "serial": serial, "ownership": "corporate", **more} for n, serial in enumerate(serials)]


def notes(exemptions: list[dict[str, Any]], fleet: list[dict[str, Any]], **options: Any) -> list[str]:
    made = decider([policy(exemptions=exemptions)])
    judged = [(device, made.decide(device)) for device in fleet]
    return notes_of_exemptions(made.exemptions, count_exemptions(made.exemptions, judged), judged, **options)


@pytest.mark.fault_kind("D1", "an exemption whose serial number lost its zeros")
def test_a_lost_zero_is_told_with_the_serial_number_that_is_there() -> None:
    written = [exemption(devices=["123456", "C02AB1CDXYZ9"])]
    [found] = counted(written, devices(*FLEET))
    assert (found.policy, found.exemption, found.state, found.devices) == ("small", "EX-1", "active", 1)
    assert (found.unmatched, found.several) == (("devices[0]",), {})
    assert notes(written, devices(*FLEET)) == [
        "exemption small/EX-1: no device of this target is called '123456', perhaps '00123456' is meant"
    ]


@pytest.mark.fault_kind("D1", "one serial number that several devices have")
def test_one_serial_number_of_several_devices_is_told() -> None:
    fleet = devices("VM-1", "vm-1", "VM-1\u200b", "S2")
    [found] = counted([exemption(devices=["VM-1", "S2"])], fleet)
    assert (found.devices, found.several) == (4, {"devices[0]": 3})
    assert notes([exemption(devices=["VM-1", "S2"])], fleet) == [
        "exemption small/EX-1: the serial number 'VM-1' is that of 3 devices, and it holds for each of them"
    ]


def test_users_and_conditions_are_counted_too() -> None:
    fleet = [
        {"id": "a", "serial": "A1", "user": "Ada", "department": "press"},
        {"id": "b", "serial": "B1", "user": "ada", "department": "press"},
        {"id": "c", "serial": "C1", "user": "eve", "department": "police"},
    ]
    written = [
        exemption(id="U", devices=None, users=["ADA", "bob"], follow_user=True),
        exemption(id="W", devices=None, when={"department": "press"}),
        exemption(id="N", devices=None, when={"department": "fire"}),
        exemption(id="B", devices=["C1"], users=["ada"]),
    ]
    found = {each.exemption: each for each in counted(written, fleet)}
    assert {name: (each.devices, each.unmatched) for name, each in found.items()} == {
        "U": (2, ("users[1]",)),
        "W": (2, ()),
        "N": (0, ()),
        "B": (0, ()),
    }
    said = notes(written, fleet)
    assert "exemption small/U: no device of this target has the user of users[1]" in said
    assert "exemption small/N: its condition is true of no device of this target" in said
    assert "exemption small/B: its devices are there, and none of them has one of its users" in said
    assert not any("bob" in line for line in said), "a user's name is not for the record"


def test_what_has_not_begun_is_not_counted_and_what_has_ended_is_not_blamed() -> None:
    written = [exemption(id="OLD", devices=["X9"], expires="2023-04-01"), exemption(id="NEW", devices=["X8"], granted="2023-06-01")]
    assert [(each.exemption, each.state, each.devices) for each in counted(written, devices("S1"))] == [("OLD", "expired", 0)]
    assert notes(written, devices("S1")) == []


def test_of_a_part_of_a_fleet_a_name_may_be_another_part_s() -> None:
    said = notes([exemption(devices=["X9"])], devices("S1"), of_a_part=True)
    assert said[-1] == "this run serves a part of the fleet: a name that no device has here may be one of another part"


def test_many_unmatched_names_are_told_in_bounds() -> None:
    said = notes([exemption(devices=["QQQQ%04d" % n for n in range(40)])], devices("S1"))
    assert len(said) == 21
    assert said[-1] == "20 more names of exemptions are those of no device or of several; the record has all of them"


def test_nobody_out_of_scope_is_called_by_name() -> None:
    fleet = [{"id": "d", "serial": "00123456", "ownership": "personal"}]
    assert notes([exemption(devices=["123456"])], fleet) == ["exemption small/EX-1: no device of this target is called '123456'"]


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("123456", ["00123456"]),
        ("CO2AB1CDXYZ9", ["c02ab1cdxyz9"]),
        ("C02ABICDXYZ9", ["c02ab1cdxyz9"]),
        ("C02AB1CDYXZ9", ["c02ab1cdxyz9"]),
        ("C02AB1CDXYZ", ["c02ab1cdxyz9"]),
        ("SC02AB1CDXYZ9", ["c02ab1cdxyz9"]),
        ("C02A-B1CD-XYZ9", ["c02ab1cdxyz9"]),
        ("C02AB1CDXYZ7", ["c02ab1cdxyz9"]),
        ("F4GH5JK6LM7N", []),
        ("", []),
    ],
)
def test_the_nearest_serial_number(written: str, nearest: list[str]) -> None:
    assert list(nearest_serials([written], FLEET).get(written, ())) == nearest


def test_many_names_and_a_large_fleet_take_no_longer_than_both() -> None:
    def took(names: int, fleet: int) -> float:
        start = time.process_time()
        nearest_serials(["N%07d" % (n * 37) for n in range(names)], ("S%07d" % (n * 11) for n in range(fleet)))
        return time.process_time() - start

    once = took(100, 10_000)
    assert took(200, 20_000) < 3.5 * once + 0.5
