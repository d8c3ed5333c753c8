# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in policies and asset facts that match no device, or too many: told with the nearest one, in the result and in the record."""

from __future__ import annotations

import pytest

from .world import World


@pytest.mark.fault_kind("D1", "an exemption in another spelling, every target")
def test_an_exemption_in_another_spelling_spares_its_device(world: World) -> None:
    guest, banned, *_others = world.blockable()
    serial = world.serial(guest)
    spelled = "\u200e" + serial.swapcase()
    assert spelled.strip("\u200e") != serial
    run = world.run(world.policy(exempt=[spelled]), check=True)
    assert world.outcomes(run)[guest][0] == "exempt"
    assert world.outcomes(run)[banned][0] != "exempt"
    [row] = [row for row in run.rows if row["row"] == "exemption"]
    assert row == {
        "row": "exemption", "policy": "city", "exemption": "EX-1", "state": "active", "devices": 1, "unmatched": [], "several": {},
    }  # fmt: skip
    assert run.values["exemptions"] == [{"exemption": "city/EX-1", "state": "active", "devices": 1}]
    assert not any("EX-1" in note for note in run.values["notes"])


@pytest.mark.fault_kind("D1", "an exemption that names nobody, every target")
def test_an_exemption_that_names_nobody_is_told_with_the_nearest_serial_number(world: World) -> None:
    guest, *_others = world.blockable()
    serial = world.serial(guest)
    mistyped = serial[:-2] + serial[-1] + serial[-2] if serial[-1] != serial[-2] else serial[:-1]
    run = world.run(world.policy(exempt=[mistyped, "QQ-nothing-like-it"]), check=True)
    [row] = [row for row in run.rows if row["row"] == "exemption"]
    assert (row["devices"], row["unmatched"]) == (0, ["devices[0]", "devices[1]"])
    told = [note for note in run.values["notes"] if note.startswith("exemption city/EX-1: no device of this target is called ")]
    assert len(told) == 2
    [about] = [note for note in told if repr(mistyped) in note]
    assert repr(serial) in about
    assert [row["notes"] for row in run.rows if row["row"] == "totals"] == [run.values["notes"]]
    assert run.values["exemptions"] == [{"exemption": "city/EX-1", "state": "active", "devices": 0}]


@pytest.mark.fault_kind("D1", "rows of asset facts that match no device, every target")
def test_rows_of_asset_facts_that_match_no_device_are_counted(world: World) -> None:
    guest, *_others = world.blockable()
    serial = world.serial(guest)
    assets = world.directory / "assets.csv"
    assets.write_text(f"serial,department\n{serial.swapcase()},press\nX{serial},press\nQQ-nothing,press\n", encoding="utf-8")
    run = world.run(world.policy(), check=True, assets=str(assets))
    [told] = [note for note in run.values["notes"] if note.startswith("asset facts: ")]
    assert told.startswith(f"asset facts: 2 of 3 rows match no device of this target, such as 'X{serial}' (perhaps '{serial}'")
    assert told.endswith(", 'QQ-nothing'")
    assert [row["notes"] for row in run.rows if row["row"] == "totals"] == [run.values["notes"]]
