# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations: as Apple's schema has them, and the same ones whatever a server adds of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.declarations import (
    APP_SETTINGS,
    APPLE,
    Declaration,
    DeniedBinary,
    activation,
    app_settings,
    legacy_profile,
    same_declaration,
)
from tests.contract.apple_schema import AppleSchema

IDS = st.lists(st.from_regex(r"com\.[a-zA-Z]{1,6}", fullmatch=True), min_size=1, max_size=5, unique=True)
TEAM = "ABCDE12345"


def test_a_block_by_bundle_id_is_apples_own_example(apple_schema: AppleSchema) -> None:
    example = apple_schema.facts["declaration"]["example"]
    made = app_settings(example["Identifier"], example["Payload"]["Allowed"]["DeniedApps"])
    assert made.document() == example


@pytest.mark.parametrize("platform", ["iOS", "tvOS", "visionOS"])
def test_a_block_by_bundle_id_keeps_to_apples_schema(apple_schema: AppleSchema, platform: str) -> None:
    assert apple_schema.declaration_violations(app_settings("x.cfg", ["com.b", "com.a"]).document(), platform) == []


def test_a_block_on_a_mac_keeps_to_apples_schema(apple_schema: AppleSchema) -> None:
    binaries = [DeniedBinary(TEAM), DeniedBinary(signing_id="com.a"), DeniedBinary(TEAM, "com.b"), DeniedBinary(APPLE, "com.apple.x")]
    made = app_settings("x.cfg", denied_binaries=binaries)
    assert apple_schema.declaration_violations(made.document(), "macOS") == []
    assert len(made.payload["Allowed"]["DeniedBinaries"]) == 4


def test_lists_of_blocks_are_united_with_those_of_others(apple_schema: AppleSchema) -> None:
    for key in ("DeniedApps", "DeniedBinaries"):
        assert apple_schema.declaration(APP_SETTINGS).key(f"Allowed.{key}")["combinetype"] == "set-union"


def test_a_profile_by_declaration_and_an_activation_keep_to_apples_schema(apple_schema: AppleSchema) -> None:
    for made in (
        legacy_profile("x.cfg", "https://mdm.example/profiles/x"),
        activation("x.act", ["x.cfg"]),
        activation("x.act", ["x.cfg"], "@status(device.model.family) == 'Mac'"),
    ):
        for platform in ("iOS", "macOS", "tvOS", "visionOS"):
            assert apple_schema.declaration_violations(made.document(), platform) == []


def test_kinds_of_devices_do_not_share_a_block() -> None:
    with pytest.raises(AppbanError, match=r"can't share a declaration.*one declaration for Macs"):
        app_settings("x", ["com.a"], [DeniedBinary(TEAM)])


@pytest.mark.parametrize("ids", [[], [""], ["com.a", " "]])
def test_a_declaration_that_would_block_nothing_is_refused(ids: list[str]) -> None:
    with pytest.raises(AppbanError, match="at least one bundle id or binary"):
        app_settings("x", ids)


@pytest.mark.parametrize(
    ("team", "signing", "message"),
    [
        ("", "", "needs a team id or a signing id"),
        (APPLE, "", "every program of Apple's own"),
        ("abcde12345", "", "ten capital letters and digits"),
        ("ABCDE1234", "com.a", "ten capital letters and digits"),
    ],
)
def test_a_binary_that_is_not_told_well_is_refused(team: str, signing: str, message: str) -> None:
    with pytest.raises(AppbanError, match=message):
        DeniedBinary(team, signing)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://mdm.example/x",
        "HTTP://mdm.example/x",
        "https://",
        "https:///x",
        "mdm.example/x",
        "https://u:secret@mdm.example/x",
        "https://[",
    ],
)
def test_a_profile_is_fetched_by_https_only(url: str) -> None:
    with pytest.raises(AppbanError, match="starts with https://") as caught:
        legacy_profile("x.cfg", url)
    assert "secret" not in str(caught.value)


def test_identifiers_keep_to_what_a_device_takes() -> None:
    assert app_settings("x" * 64, ["com.a"]).identifier == "x" * 64
    for wrong in ("", "x" * 65, "é" * 33):
        with pytest.raises(AppbanError, match="takes 1 to 64 octets"):
            app_settings(wrong, ["com.a"])


def test_an_activation_of_nothing_is_refused() -> None:
    with pytest.raises(AppbanError, match="at least one configuration"):
        activation("x.act", [])


@given(IDS, st.randoms(use_true_random=False))
def test_a_servers_token_and_order_make_no_other_declaration(ids: list[str], order: Any) -> None:
    shuffled = list(ids)
    order.shuffle(shuffled)
    found = {"Payload": {"Allowed": {"DeniedApps": shuffled}}, "Identifier": "x", "Type": APP_SETTINGS, "ServerToken": "7"}
    assert same_declaration(app_settings("x", ids), found)
    assert app_settings("x", shuffled) == app_settings("x", ids)


@given(IDS, IDS)
def test_other_ids_make_another_declaration(ids: list[str], others: list[str]) -> None:
    same = same_declaration(app_settings("x", ids), app_settings("x", others))
    assert same == (set(ids) == set(others))


def test_other_binaries_make_another_declaration() -> None:
    binaries = [DeniedBinary(TEAM, "com.a"), DeniedBinary(TEAM, "com.b")]
    assert same_declaration(app_settings("x", denied_binaries=binaries), app_settings("x", denied_binaries=binaries[::-1]))
    assert not same_declaration(app_settings("x", denied_binaries=binaries), app_settings("x", denied_binaries=[DeniedBinary(TEAM)]))
    assert not same_declaration(app_settings("x", denied_binaries=[DeniedBinary(TEAM)]), app_settings("x", denied_binaries=binaries[:1]))


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"Type": "com.apple.activation.simple"},
        {"Type": "com.apple.configuration.legacy", "Payload": {"StandardConfigurations": ["x.cfg"]}},
        {"Type": "com.apple.activation.simple", "Payload": []},
        {"Type": "com.apple.activation.simple", "Payload": {"StandardConfigurations": []}},
        {"Type": "com.apple.activation.simple", "Payload": {"StandardConfigurations": ["x.cfg"], "Predicate": "FALSEPREDICATE"}},
        {"Type": "com.apple.activation.simple", "Payload": {"StandardConfigurations": ["x.cfg", "y.cfg"]}},
    ],
)
def test_what_does_something_else_is_another_declaration(found: Any) -> None:
    wanted = activation("x.act", ["x.cfg"])
    assert same_declaration(wanted, wanted)
    assert not same_declaration(wanted, found)


def test_an_allow_list_beside_our_block_is_another_declaration() -> None:
    wanted = app_settings("x", ["com.a"])
    found = Declaration(APP_SETTINGS, "x", {"Allowed": {"DeniedApps": ["com.a"], "AllowedApps": ["com.b"]}})
    assert not same_declaration(wanted, found)
