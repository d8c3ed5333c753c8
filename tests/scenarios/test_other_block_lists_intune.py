# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's list of blocked apps is told of before ours joins it: on a device with both, Intune applies neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import bodies
from tests.support.intune.tenant import lifted, plain, tenant

NOW = "2023-03-20T09:00:00Z"
CATALOG = "deviceManagement/configurationPolicies"
POLICY = "#microsoft.graph.deviceManagementConfigurationPolicy"
PROFILES = "deviceManagement/deviceConfigurations"

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]


def test_C1_other_lists_of_blocked_apps_are_named_before_ours_is_written(tmp_path: Path) -> None:
    policy = plain("uk")
    catalog = {"name": "Games off", "description": "by hand", **bodies.ios_blocked_apps(["com.example.game"])}
    profile = {"displayName": "Old games profile", "description": "by hand", **bodies.ios_hidden_apps({"com.example.game": "Game"})}
    harmless = {"displayName": "No camera", "@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "cameraBlocked": True}
    with tenant(tmp_path, now=NOW) as city:
        city.simulation.objects([{"plant": {"path": CATALOG, "body": {**catalog, "@odata.type": POLICY}}}])
        city.simulation.objects([{"plant": {"path": PROFILES, "body": body}} for body in (profile, harmless)])
        for run in (city.run(policy, NOW, check=True), city.run(policy, NOW)):
            told = [line for line in run.values["conflicts"] if "conflict" in line]
            assert len(told) == 2
            assert told[0].startswith("Games off ")
            assert told[1].startswith("Old games profile ")
        # In the steady state nobody asks: it would cost a request for twenty policies.
        again = city.run(policy, NOW)
        assert again.values["conflicts"] == []
        city.run(lifted(policy), NOW)
        assert {"Games off"} <= {each["name"] for each in city.state()["objects"]["configurationPolicies"]}
