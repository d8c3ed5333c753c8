# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restrictions payload: it blocks and does nothing else, and what others set beside it is seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profiles import configuration_profile
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.restrictions import (
    BLOCK_KEYS,
    RESTRICTIONS,
    blocked_apps_payload,
    blocked_ids,
    foreign_keys,
    is_default,
)
from tests.contract.apple_schema import AppleSchema


def test_a_block_is_both_names_of_the_list_and_nothing_else() -> None:
    assert blocked_apps_payload(["com.b", "com.a", "com.b"]) == {
        "PayloadType": RESTRICTIONS,
        "blockedAppBundleIDs": ["com.a", "com.b"],
        "blacklistedAppBundleIDs": ["com.a", "com.b"],
    }


def test_a_block_keeps_to_apples_schema(apple_schema: AppleSchema) -> None:
    profile = configuration_profile("endpoint.appban.x", "BAN x", [blocked_apps_payload(["com.a"])])
    for platform in ("iOS", "tvOS"):
        assert apple_schema.profile_violations(profile, platform) == []


def test_letter_case_of_a_bundle_id_is_kept() -> None:
    assert blocked_ids(blocked_apps_payload(["com.ss.iphone.ugc.Aweme"])) == {"com.ss.iphone.ugc.Aweme"}


@pytest.mark.parametrize("ids", [[], [""], ["com.a", " "]])
def test_a_payload_that_would_block_nothing_is_refused(ids: list[str]) -> None:
    with pytest.raises(AppbanError, match="at least one bundle id"):
        blocked_apps_payload(ids)


@given(st.lists(st.from_regex(r"com\.[a-zA-Z]{1,6}", fullmatch=True), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_order_and_repetition_of_ids_do_not_matter(ids: list[str], order: Any) -> None:
    shuffled = [*ids, ids[0]]
    order.shuffle(shuffled)
    assert blocked_apps_payload(shuffled) == blocked_apps_payload(ids)
    assert blocked_ids(blocked_apps_payload(shuffled)) == set(ids)


@pytest.mark.parametrize(
    ("payload", "ids"),
    [
        ({}, set()),
        ({"blockedAppBundleIDs": ["com.a"]}, {"com.a"}),
        ({"blacklistedAppBundleIDs": [" com.a "]}, {"com.a"}),
        ({"blockedAppBundleIDs": ["com.a"], "blacklistedAppBundleIDs": ["com.b"]}, {"com.a", "com.b"}),
        ({"blockedAppBundleIDs": "com.a", "blacklistedAppBundleIDs": [1, None]}, set()),
    ],
)
def test_blocked_is_what_either_name_lists(payload: dict[str, Any], ids: set[str]) -> None:
    assert blocked_ids(payload) == ids


def test_defaults_are_those_of_apples_schema(apple_schema: AppleSchema) -> None:
    described = apple_schema.payload(RESTRICTIONS).keys
    assert len(described) > 150
    for key in described:
        name, default = key["key"], key.get("default")
        if default is None:
            assert not is_default(name, ["com.x"]), name
            continue
        assert is_default(name, default), name
        assert not is_default(name, not default if isinstance(default, bool) else default - 1), name
        assert not is_default(name, int(default) if isinstance(default, bool) else True), f"{name}: a number is no yes or no"


def test_a_server_that_writes_every_restriction_at_its_default_adds_nothing_foreign(apple_schema: AppleSchema) -> None:
    expanded = {key["key"]: key["default"] for key in apple_schema.payload(RESTRICTIONS).keys if "default" in key}
    named = {"PayloadUUID": "1", "PayloadEnabled": True, "PayloadOrganization": "City", "ratingRegion": "us"}
    assert foreign_keys({**expanded, **named, **blocked_apps_payload(["com.a"])}) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("allowCamera", False),
        ("forceEncryptedBackup", True),
        ("safariAllowPopups", False),
        ("ratingApps", 100),
        ("allowManagedToWriteUnmanagedContacts", True),
        ("autonomousSingleAppModePermittedAppIDs", ["com.x"]),
        ("allowListedAppBundleIDs", ["com.x"]),
        # Where there is a list of all that is allowed, an empty one may allow nothing.
        ("whitelistedAppBundleIDs", []),
        ("somethingThatNobodyKnows", "x"),
    ],
)
def test_what_is_not_at_its_default_is_somebody_elses(key: str, value: Any) -> None:
    assert foreign_keys({**blocked_apps_payload(["com.a"]), "allowChat": True, key: value}) == [key]


def test_both_keys_need_supervision_and_are_forbidden_for_user_enrollment(apple_schema: AppleSchema) -> None:
    for key in BLOCK_KEYS:
        support = apple_schema.payload(RESTRICTIONS).support("iOS", key)
        assert (support.supervised, support.user_enrollment, support.multiple) == (True, "forbidden", True)
        assert apple_schema.payload(RESTRICTIONS).support("tvOS", key).supervised
