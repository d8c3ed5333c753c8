# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Apple device can be made to enforce: held against Apple's schema, and never more than is certain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import REASONS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.declarations import APP_SETTINGS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.enforcement import (
    FIRST_BLOCK_PROFILE,
    FIRST_DECLARATION,
    FIRST_WEB_FILTER,
    block_form,
    os_version_tuple,
    why_no_block,
    why_no_web_filter,
)
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.restrictions import BLOCK_KEYS, RESTRICTIONS
from tests.contract.apple_schema import PLATFORMS, AppleSchema

WEB_FILTER = "com.apple.webcontent-filter"
SYSTEMS = {"ios": "iOS", "ipados": "iOS", "tvos": "tvOS", "visionos": "visionOS", "macos": "macOS", "watchos": "watchOS"}
RECORDS = st.fixed_dictionaries(
    {
        "platform": st.sampled_from([*SYSTEMS, "android", "", None]),
        "os_version": st.sampled_from([None, "", "junk", "7.0", "9.3", "10.15.7", "11.0", "17.4.1", "26.2", "27", "27.0", "28.1"]),
        "supervised": st.sampled_from([True, False, None]),
        "enrollment": st.sampled_from(["user", "device", "none", None]),
    }
)


def record(platform: str, version: str | None, supervised: Any = True, enrollment: str | None = "device") -> dict[str, Any]:
    return {"platform": platform, "os_version": version, "supervised": supervised, "enrollment": enrollment}


def cut(version: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Without zeros at the end, so that 27 and 27.0 are one."""
    while version and version[-1] == 0:
        version = version[:-1]
    return version


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("17.4.1", (17, 4, 1)),
        ("27", (27, 0, 0)),
        (" 9.3 ", (9, 3, 0)),
        ("iPadOS 18.0 (22A3354)", (18, 0, 0)),
        ("Mac OS X 10.15.7", (10, 15, 7)),
        ("27.0b3", (27, 0, 0)),
        ("16.4.1 (a)", (16, 4, 1)),
        ("10.3.3.1", (10, 3, 3, 1)),
        ("21E219", None),
        ("17.4.", None),
        ("", None),
        ("unknown", None),
        ("17.4-rc1", None),
        ("١٧.٤", None),
        (None, None),
        (27.0, None),
    ],
)
def test_a_version_is_its_numbers(text: Any, numbers: tuple[int, ...] | None) -> None:
    assert os_version_tuple(text) == numbers


@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_versions(text: str) -> None:
    found = os_version_tuple(text)
    assert found is None or len(found) >= 3


def test_first_versions_of_a_block_are_those_of_apples_schema(apple_schema: AppleSchema) -> None:
    document, newer = apple_schema.payload(RESTRICTIONS), apple_schema.facts["legacy_restrictions_payload"]
    for platform, system in SYSTEMS.items():
        versions = [document.support(system, key).introduced for key in BLOCK_KEYS]
        known = [version for version in versions if version is not None]
        if not known and isinstance(newer["blockedAppBundleIDs"].get(system), dict):
            # The folder's files are older than the key of this platform; its facts are not.
            known = [tuple(int(number) for number in newer["blockedAppBundleIDs"][system]["introduced"].split("."))]
        assert FIRST_BLOCK_PROFILE.get(platform) == (cut(min(known)) if known else None), platform


def test_first_versions_of_the_declaration_are_those_of_apples_schema(apple_schema: AppleSchema) -> None:
    document = apple_schema.declaration(APP_SETTINGS)
    for platform, system in SYSTEMS.items():
        key = "Allowed.DeniedBinaries" if system == "macOS" else "Allowed.DeniedApps"
        assert FIRST_DECLARATION.get(platform) == cut(document.support(system, key).introduced), platform
        if platform in FIRST_DECLARATION:
            assert document.support(system, key).enrollments == ("supervised",)


def test_version_27_keeps_the_profile_that_it_deprecates(apple_schema: AppleSchema) -> None:
    for fact in (
        apple_schema.facts["legacy_restrictions_payload"]["blockedAppBundleIDs"][system] for system in ("iOS", "tvOS", "visionOS")
    ):
        assert fact["deprecated"] == "27.0"
        assert "removed" not in fact
    assert block_form(record("ios", "27.0"), declarations=False) == "profile"
    assert block_form(record("visionos", "27.0"), declarations=False) == "profile"


def test_first_versions_of_a_web_filter_are_those_of_apples_schema(apple_schema: AppleSchema) -> None:
    document = apple_schema.payload(WEB_FILTER)
    for platform, system in SYSTEMS.items():
        versions = [document.support(system, key).introduced for key in ("DenyListURLs", "BlacklistedURLs")]
        known = [version for version in versions if version is not None] if document.support(system).introduced else []
        assert FIRST_WEB_FILTER.get(platform) == (cut(min(known)) if known else None), platform
    assert "must be present for unsupervised" in " ".join(document.key("ContentFilterUUID")["content"].split())


def test_no_platform_of_apples_is_forgotten() -> None:
    assert set(SYSTEMS.values()) == set(PLATFORMS)


@pytest.mark.parametrize(
    ("device", "form", "reason"),
    [
        (record("ios", "17.4"), "profile", ""),
        (record("ipados", "26.1"), "profile", ""),
        (record("ios", "27.0"), "declaration", ""),
        (record("ios", "27"), "declaration", ""),
        (record("ios", "9.3"), "profile", ""),
        (record("ios", "9.2.1"), "", "no_backend"),
        (record("ios", None), "profile", ""),
        (record("ios", "17.4", None), "", "unsupervised"),
        (record("ios", "17.4", "true"), "", "unsupervised"),
        (record("ios", "17.4", False), "", "unsupervised"),
        (record("ios", "17.4", False, "user"), "", "user_enrollment"),
        (record("ios", "17.4", True, "user"), "", "user_enrollment"),
        (record("ios", "17.4", True, None), "profile", ""),
        (record("ios", "17.4", True, "none"), "", "no_backend"),
        (record("tvos", "10.2"), "", "no_backend"),
        (record("tvos", "11.0"), "profile", ""),
        (record("tvos", None), "profile", ""),
        (record("visionos", "26.4"), "", "no_backend"),
        (record("visionos", "27.0"), "declaration", ""),
        (record("visionos", None), "", "no_backend"),
        (record("macos", "26.2"), "", "no_backend"),
        (record("macos", None), "", "no_backend"),
        (record("macos", "27.0"), "", "no_identifier"),
        (record("macos", "27.0", None), "", "unsupervised"),
        (record("watchos", "27.0"), "", "no_backend"),
        (record("android", "14"), "", "no_backend"),
        ({}, "", "no_backend"),
    ],
)
def test_a_block_takes_the_form_that_the_device_has(device: dict[str, Any], form: str, reason: str) -> None:
    assert (block_form(device), why_no_block(device)) == (form, reason)


def test_a_mac_goes_by_signatures_since_27() -> None:
    assert block_form(record("macos", "27.0"), signature_known=True) == "declaration"
    assert block_form(record("macos", "26.9"), signature_known=True) == ""
    assert why_no_block(record("macos", "27.0", None), signature_known=True) == "unsupervised"
    assert why_no_block(record("macos", "27.0", True, "user"), signature_known=True) == "user_enrollment"
    assert why_no_block(record("macos", "27.0"), declarations=False, signature_known=True) == "no_backend"


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (record("ios", "17.4"), ""),
        (record("ios", None), ""),
        (record("ios", "6.1"), "no_backend"),
        (record("ios", "17.4", None), "unsupervised"),
        (record("ipados", "17.4", False, "user"), "user_enrollment"),
        (record("visionos", "1.1"), ""),
        (record("visionos", "1.0"), "no_backend"),
        (record("visionos", None), ""),
        (record("tvos", "27.0"), "no_backend"),
        (record("macos", "27.0"), "no_backend"),
        (record("watchos", "27.0"), "no_backend"),
        (record("ios", "17.4", True, "none"), "no_backend"),
    ],
)
def test_a_web_filter_is_for_supervised_devices_that_have_one(device: dict[str, Any], reason: str) -> None:
    assert why_no_web_filter(device) == reason


@given(RECORDS, st.booleans(), st.booleans())
def test_a_device_blocks_or_there_is_a_reason(device: dict[str, Any], declarations: bool, signature: bool) -> None:
    form, reason = block_form(device, declarations, signature), why_no_block(device, declarations, signature)
    assert (form in ("profile", "declaration")) == (reason == "")
    assert reason == "" or (form == "" and reason in REASONS)
    assert why_no_web_filter(device) in ("", *REASONS)
    if device["supervised"] is not True or device["enrollment"] in ("user", "none"):
        assert reason
        assert why_no_web_filter(device)
    if not declarations:
        assert form != "declaration"
