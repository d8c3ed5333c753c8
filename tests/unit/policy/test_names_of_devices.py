# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serial numbers, device ids and users are compared without what nobody sees and without letter case, wherever documents name them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.device_spellings import AROUND, DEVICE, SPELLINGS
from tests.support.policy_samples import exemption, policy, verdict


def held(device: dict[str, Any], **changes: Any) -> str:
    word: str = verdict(policy(exemptions=[exemption(**changes)]), device)["verdict"]
    return word


@pytest.mark.fault_kind("D1", "serial numbers of exemptions")
@pytest.mark.parametrize("written", SPELLINGS)
def test_an_exemption_finds_its_device_however_its_serial_is_spelled(written: str) -> None:
    assert held(DEVICE, devices=[written]) == "exempt"


@pytest.mark.fault_kind("D1", "serial numbers of inventories")
@pytest.mark.parametrize("told", [*SPELLINGS, *AROUND])
def test_an_exemption_finds_its_device_however_an_inventory_spells_it(told: str) -> None:
    assert held({**DEVICE, "serial": told}, devices=["C02AB1CDXYZ9"]) == "exempt"


@pytest.mark.fault_kind("D1", "device ids and users of exemptions")
@pytest.mark.parametrize(
    "changes",
    [
        {"devices": ["7f6d"]},
        {"devices": None, "users": ["ada@city.example"], "follow_user": True},
        {"devices": ["7F6D"], "users": ["ADA@CITY.EXAMPLE\u200b"]},
    ],
)
def test_ids_and_users_are_compared_alike(changes: dict[str, Any]) -> None:
    assert held(DEVICE, **changes) == "exempt"


@pytest.mark.fault_kind("D1", "serial numbers in rules")
@pytest.mark.parametrize("count", [1, 12])
def test_rules_compare_serials_alike(count: int) -> None:
    rules = [
        {"name": "rule %d" % n, "when": {"serial": ["C02AB1CDXYZ%d" % (9 - n), "s%d" % n]}, "actions": ["remove"]} for n in range(count)
    ]
    found = verdict(policy(rules=rules), {"serial": "c02ab1cdxyz9\u200e"})
    assert (found["verdict"], found["rule"]) == ("enforce", "rule 0")


@pytest.mark.parametrize("other", ["C02AB1CDXYZ8", "C02AB1CDXYZ", "02AB1CDXYZ9", "C02AB1CD XYZ9", "CO2AB1CDXYZ9"])
def test_what_would_only_match_by_guess_does_not(other: str) -> None:
    assert held(DEVICE, devices=[other]) == "enforce"
