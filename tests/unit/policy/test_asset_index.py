# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asset facts find their device however its serial number is spelled, and those that find none are known."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex, notes_of_assets
from tests.support.device_spellings import AROUND, DEVICE, SPELLINGS
from tests.support.policy_samples import decider, policy


@pytest.mark.fault_kind("D1", "asset facts")
@pytest.mark.parametrize("written", [*SPELLINGS, *AROUND])
def test_asset_facts_find_their_device_however_either_is_spelled(written: str) -> None:
    assert AssetIndex({written: {"department": "press"}}).join(DEVICE)["department"] == "press"
    assert AssetIndex({"c02ab1cdxyz9": {"department": "press"}}).join({**DEVICE, "serial": written})["department"] == "press"
    assert "department" not in AssetIndex({"c02ab1cdxyz8": {"department": "press"}}).join(DEVICE)


def test_facts_fill_in_only_what_the_target_does_not_know() -> None:
    device: dict[str, Any] = {"serial": "S1", "ownership": "personal", "department": None}
    index = AssetIndex({"S1": {"ownership": "corporate", "department": "press", "paid_use": "full"}})
    assert index.join(device) == {"serial": "S1", "ownership": "personal", "department": "press", "paid_use": "full"}
    assert index.join({"name": "x"}) == {"name": "x"}


def judged(*serials: str, **more: Any) -> list[Any]:
    made = decider([policy()])
    fleet = [{"id": "d%d" % n, "serial": serial, "ownership": "corporate", **more} for n, serial in enumerate(serials)]
    return [(device, made.decide(device)) for device in fleet]


@pytest.mark.fault_kind("D1", "rows of asset facts that match no device")
def test_rows_that_match_no_device_are_counted_with_examples() -> None:
    fleet = judged("00123456", "c02ab1cdxyz9")
    rows = ["X1", "X2", "X3", "X4", "X5", "X6", "123456", "C02AB1CDXYZ9\u200b"]
    index = AssetIndex({serial: {"paid": "x"} for serial in rows})
    assert notes_of_assets(index, fleet) == [
        "asset facts: 7 of 8 rows match no device of this target, such as '123456' (perhaps '00123456' is meant), 'X1', 'X2', 'X3', 'X4'"
    ]
    [said] = notes_of_assets(index, fleet, of_a_part=True)
    assert said.endswith("; rows of devices of other parts of the fleet may be among them")


def test_rows_that_match_are_not_told_and_nobody_out_of_scope_is_named() -> None:
    assert notes_of_assets(AssetIndex({"C02AB1CDXYZ9": {}}), judged("c02ab1cdxyz9")) == []
    assert notes_of_assets(AssetIndex({}), judged("c02ab1cdxyz9")) == []
    private = judged("00123456", ownership="personal")
    assert notes_of_assets(AssetIndex({"123456": {}}), private) == [
        "asset facts: 1 of 1 rows match no device of this target, such as '123456'"
    ]
