# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the action plugin asks a host first, and by what it knows a look again."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.action import host_app
from ansible_collections.appban.endpoint.plugins.action.host_app import acts, look_digest

APP: dict[str, Any] = {"id": "tiktok", "identifiers": {"deb": ["tiktok-desktop"]}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"apps": [APP]}, True),
        ({"apps": [{**APP, "remove": None, "block": None, "state": None}]}, True),
        ({"apps": [APP], "remove": False}, True),
        ({"apps": [APP], "remove": False, "block": "false"}, False),
        ({"apps": [APP], "remove": False, "block": False}, False),
        ({"apps": [{**APP, "remove": False, "block": "false"}, APP]}, True),
        ({"apps": [APP], "state": "lifted"}, False),
        ({"apps": [{**APP, "state": "lifted"}]}, False),
        ({"apps": []}, False),
        ({}, False),
    ],
)
def test_a_host_is_asked_first_where_a_look_may_have_been_kept(options: dict[str, Any], expected: bool) -> None:
    assert acts(options) is expected


def test_a_look_is_known_by_all_that_decides_what_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"apps": [APP], "block": "true", "now": "2023-03-20T09:00:00Z"}
    digest = look_digest(asked)
    for same in ({"now": "2024-01-01T00:00:00Z"}, {"plan_only": True}, {"lock_timeout": 5}, {"approved": []}, {"look_digest": "x"}):
        assert look_digest({**asked, **same}) == digest, same
    others = (
        {"block": "strong"},
        {"backends": ["apt"]},
        {"users": ["all"]},
        {"others": "lift"},
        {"comment": ["another policy"]},
        {"apps": [{**APP, "identifiers": {"deb": ["capcut"]}}]},
    )
    for other in others:
        assert look_digest({**asked, **other}) != digest, other
    monkeypatch.setattr(host_app, "collection_version", lambda: "9.9.9")
    assert look_digest(asked) != digest
