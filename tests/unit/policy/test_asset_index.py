# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asset facts find their device however its serial number is spelled, and those that find none are known."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex
from tests.unit.policy.test_names_of_devices import AROUND, DEVICE, SPELLINGS


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
