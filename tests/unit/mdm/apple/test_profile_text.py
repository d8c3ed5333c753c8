# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile as a person reads it in a diff."""

from __future__ import annotations

import plistlib

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profile_text import profile_lines
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profiles import configuration_profile, web_filter_payload
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.restrictions import blocked_apps_payload

LINES = [
    "com.apple.applicationaccess:",
    "  blacklistedAppBundleIDs:",
    "  - com.a",
    "  - com.b",
    "  blockedAppBundleIDs:",
    "  - com.a",
    "  - com.b",
]


def test_a_profile_is_what_it_sets() -> None:
    assert profile_lines(configuration_profile("x", "BAN x", [blocked_apps_payload(["com.b", "com.a"])])) == LINES
    web = profile_lines(configuration_profile("x", "BAN x", [web_filter_payload(["banned.example"])]))
    assert web[:2] == ["com.apple.webcontent-filter:", "  AutoFilterEnabled: False"]
    assert "  - https://banned.example" in web


def test_what_a_server_adds_without_effect_is_not_shown() -> None:
    profile = plistlib.loads(configuration_profile("x", "BAN x", [blocked_apps_payload(["com.a", "com.b"])]))
    (payload,) = profile["PayloadContent"]
    payload.update(PayloadEnabled=True, PayloadOrganization="City", allowCamera=True, forceEncryptedBackup=False)
    payload["blockedAppBundleIDs"] = ["com.b", "com.a"]
    assert profile_lines(plistlib.dumps(profile)) == LINES
    payload["allowCamera"] = False
    assert "  allowCamera: False" in profile_lines(plistlib.dumps(profile))


def test_a_site_is_shown_whatever_its_value() -> None:
    content = configuration_profile("x", "BAN x", [{"PayloadType": "com.x", "Setting": {"a": 1}, "List": [{"b": 2}, "c"]}])
    assert profile_lines(content) == ["com.x:", "  List:", "  - {'b': 2}", "  - c", "  Setting: {'a': 1}"]


def test_bytes_that_are_no_profile_are_refused() -> None:
    with pytest.raises(AppbanError, match="can't be read"):
        profile_lines(b"hello")
