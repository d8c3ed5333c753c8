# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says of a fleet as a whole: why nothing is known of its devices, and which exemptions spare nobody."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.fleet_notes import notes_of_fleet
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support.policy_samples import decider, exemption, policy

NOW = datetime(2023, 5, 1, tzinfo=timezone.utc)


def rule(when: Any) -> list[dict[str, Any]]:
    return [{"name": "Some", "when": when, "actions": ["block"]}]


def notes(policies: list[Policy], *devices: dict[str, Any]) -> list[str]:
    decide = decider(policies).decide
    return notes_of_fleet(policies, [(device, decide(device)) for device in devices], NOW)


@pytest.mark.fault_kind("D1", "a misspelt attribute leaves everybody unclassified, and nobody says which")
def test_who_is_unclassified_is_told_with_what_is_missing() -> None:
    mistyped = policy(rules=rule({"ownerhip": "corporate"}), exemptions=None)
    fleet = [{"id": f"d{number}", "ownership": "corporate"} for number in range(60)]
    assert notes([mistyped], *fleet) == [
        "60 devices are unclassified, because no ownerhip is known of them; perhaps ownership is meant"
    ]
    right = policy(rules=rule({"ownership": "corporate"}), exemptions=None)
    assert notes([right], *fleet, {"id": "x"}) == ["1 device is unclassified, because no ownership is known of it"]
    assert notes([right], *fleet) == []


@pytest.mark.fault_kind("D1", "an exemption that another policy overrules, in silence")
def test_an_exemption_that_another_policy_overrules_is_told() -> None:
    spared = exemption(id="EX-1", devices=["S1"], apps=None, expires="2023-12-31")
    one = policy(policy="one", rules=rule({"ownership": "corporate"}), exemptions=[spared])
    two = policy(policy="two", rules=rule({"ownership": "corporate"}), exemptions=None)
    device = {"id": "d1", "serial": "S1", "ownership": "corporate"}
    assert notes([one, two], device) == ["exemption one/EX-1 does not spare 1 device: policy two asks for the same app there"]
    assert notes([one], device) == []


@pytest.mark.fault_kind("D1", "an exemption that has not begun, in silence")
def test_an_exemption_that_has_not_begun_is_told() -> None:
    coming = exemption(id="EX-2", devices=["S1"], apps=None, granted="2023-06-01", expires="2023-12-31")
    asked = policy(rules=rule({"ownership": "corporate"}), exemptions=[coming])
    assert notes([asked]) == ["exemption small/EX-2 spares nobody yet: it begins 2023-06-01"]
