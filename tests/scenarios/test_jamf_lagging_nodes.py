# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lift right after a ban, on a Jamf Pro of several nodes that learn of each other's writes late: nothing counts as lifted that stands."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.jamf_pro.jamf_tenant import NOW, JamfTenant, jamf_tenant
from tests.support.target_runs import lifted, plain

LATER = "2023-03-20T09:05:00Z"


def outcomes(run: Any) -> Counter[tuple[str, str]]:
    """Of mobile devices, which are all that a profile for them may be on."""
    return Counter((row["outcome"], row["reason"]) for row in run.rows if row["row"] == "device" and row["device"].startswith("mobile:"))


@pytest.mark.fault_kind("T1", "a list of another node that has not heard of what we made")
@pytest.mark.parametrize("lag", [1, 2, 3, 4])
def test_a_lift_right_after_a_ban_never_calls_lifted_what_stands(tmp_path: Path, lag: int) -> None:
    with jamf_tenant(tmp_path) as city:
        city.settings(nodes=2, node_lag=lag)
        policy = plain("uk")
        city.run(policy, NOW)
        assert ours(city)
        for _again in range(4):
            run = city.run(lifted(policy), LATER)
            if ours(city):
                assert ("not_in_force", "ban_lifted") not in outcomes(run)
                assert outcomes(run)[("not_in_force", "lift_pending")]
        assert not ours(city)


def ours(city: JamfTenant) -> list[str]:
    """Names of the profiles of ours that stand."""
    profiles = city.every_object()["mobiledeviceconfigurationprofiles"]
    return [each["general"]["name"] for each in profiles if each["general"]["name"].startswith("BAN uk ")]
