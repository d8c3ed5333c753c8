# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to Apple devices, held against Apple's schema."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.commands import (
    command_plist,
    device_information,
    install_profile,
    installed_application_list,
    remove_application,
    remove_profile,
)
from tests.contract.apple_schema import AppleSchema

QUERIES = ["OSVersion", "IsSupervised", "SerialNumber", "UDID", "DeviceName", "ProductName"]
MADE: list[dict[str, Any]] = [
    install_profile(b"<plist/>"),
    remove_profile("endpoint.appban.x"),
    remove_application("com.a"),
    device_information(QUERIES),
]
NAMES = [f"{each['RequestType']}-{number}" for number, each in enumerate(MADE)]


@pytest.mark.parametrize("platform", ["iOS", "macOS", "tvOS"])
@pytest.mark.parametrize("command", MADE, ids=NAMES)
def test_commands_keep_to_apples_schema(apple_schema: AppleSchema, command: dict[str, Any], platform: str) -> None:
    assert apple_schema.command_violations(command_plist("1", command), platform) == []


def test_a_list_of_installed_apps_has_items_only_where_the_platform_knows_them(apple_schema: AppleSchema) -> None:
    for platform in ("iOS", "tvOS", "visionOS"):
        assert apple_schema.command_violations(command_plist("1", installed_application_list(["com.a"])), platform) == []
    on_mac = command_plist("1", installed_application_list(["com.a"], items=()))
    assert apple_schema.command_violations(on_mac, "macOS") == []
    assert apple_schema.command_violations(command_plist("1", installed_application_list(["com.a"])), "macOS") != []


def test_only_banned_apps_are_asked_for() -> None:
    assert installed_application_list(["com.b", "com.a", "com.b"]) == {
        "RequestType": "InstalledApplicationList",
        "Identifiers": ["com.a", "com.b"],
        "Items": ["Identifier", "Name", "Version"],
    }
    for ids in ([], ["com.a", ""]):
        with pytest.raises(AppbanError, match="needs at least one bundle id"):
            installed_application_list(ids)


def test_a_command_is_the_same_bytes_whatever_the_order_of_its_keys() -> None:
    command = install_profile(b"\x00profile")
    content = command_plist("7", command)
    assert plistlib.loads(content) == {"CommandUUID": "7", "Command": {"RequestType": "InstallProfile", "Payload": b"\x00profile"}}
    assert command_plist("7", dict(reversed(command.items()))) == content


@pytest.mark.parametrize(
    "make",
    [
        lambda: install_profile(b""),
        lambda: remove_profile(""),
        lambda: remove_application(" "),
        lambda: device_information([]),
        lambda: command_plist("", remove_profile("endpoint.appban.x")),
    ],
)
def test_a_command_without_its_object_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(AppbanError):
        make()
