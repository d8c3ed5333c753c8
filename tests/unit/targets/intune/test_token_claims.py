# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a token says about itself."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.token_methods import (
    granted_permissions,
    is_held,
    read_claims,
)


def token(claims: Any) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b"{}", json.dumps(claims).encode(), b"x"))


@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_claims_are_read_back(claims: dict[str, Any]) -> None:
    assert read_claims(token(claims)) == claims


@given(st.text())
def test_no_token_breaks_us(text: str) -> None:
    assert isinstance(read_claims(text), dict)
    assert read_claims("a." + text + ".c") is not None


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", token([1]), token("x"), "a." + "é" + ".c"])
def test_other_tokens_say_nothing(text: str) -> None:
    assert granted_permissions(read_claims(text)) is None


def test_application_and_delegated_permissions_are_found() -> None:
    assert granted_permissions({"roles": ["A.Read.All", 7]}) == {"A.Read.All"}
    assert granted_permissions({"scp": "A.Read.All B.Read.All"}) == {"A.Read.All", "B.Read.All"}
    assert granted_permissions({"appid": "x"}) == frozenset()
    assert granted_permissions({"sub": "x"}) is None


@pytest.mark.parametrize(
    ("permission", "granted", "held"),
    [
        ("DeviceManagementApps.Read.All", "DeviceManagementApps.Read.All", True),
        ("DeviceManagementApps.Read.All", "DeviceManagementApps.ReadWrite.All", True),
        ("DeviceManagementApps.ReadWrite.All", "DeviceManagementApps.Read.All", False),
        ("DeviceManagementApps.Read.All", "DeviceManagementConfiguration.ReadWrite.All", False),
        ("GroupMember.Read.All", "Directory.Read.All", True),
        ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", True),
        ("GroupMember.ReadWrite.All", "Directory.Read.All", False),
        ("Group.Create", "Group.ReadWrite.All", True),
        ("Group.ReadWrite.All", "Group.Create", False),
        ("Ti.ReadWrite", "Ti.ReadWrite.All", True),
        ("Ti.ReadWrite.All", "Ti.ReadWrite", False),
    ],
)
def test_some_permissions_hold_others(permission: str, granted: str, held: bool) -> None:
    assert is_held(permission, {granted}) is held
