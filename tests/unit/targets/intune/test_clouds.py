# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each national cloud is."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.clouds import CLOUDS, choose_cloud


@pytest.mark.parametrize(
    ("name", "login", "graph"),
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("gcc", "login.microsoftonline.com", "graph.microsoft.com"),
        ("gcc_high", "login.microsoftonline.us", "graph.microsoft.us"),
        ("dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_hosts_are_those_of_the_vendor(name: str, login: str, graph: str) -> None:
    cloud = choose_cloud(name)
    assert (cloud.authority_url, cloud.graph_url) == (f"https://{login}", f"https://{graph}")
    assert cloud == CLOUDS[name]


def test_addresses_can_be_corrected() -> None:
    cloud = choose_cloud("china", "http://127.0.0.1:81/", "http://127.0.0.1:82/", "https://defender.example/")
    assert (cloud.graph_url, cloud.authority_url) == ("http://127.0.0.1:81", "http://127.0.0.1:82")
    assert cloud.defender_url == "https://defender.example"
    assert choose_cloud("china").defender_url is None


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(AppbanError, match="Did you mean gcc_high") as caught:
        choose_cloud("gcc-high")
    assert all(name in caught.value.next_step for name in CLOUDS)
    for option in ("graph_url", "authority_url", "defender_url"):
        with pytest.raises(AppbanError, match=f"{option} is not an https URL"):
            choose_cloud(**{option: "http://graph.example"})
