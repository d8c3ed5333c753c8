# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of all that is sent to Apple devices: what it lets through and what it refuses."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest

from tests.contract.apple_schema import AppleSchema

BLOCK: dict[str, Any] = {
    "PayloadType": "com.apple.applicationaccess",
    "PayloadIdentifier": "x.1",
    "PayloadUUID": "1",
    "PayloadVersion": 1,
    "blockedAppBundleIDs": ["com.a"],
}
PROFILE: dict[str, Any] = {
    "PayloadType": "Configuration",
    "PayloadIdentifier": "x",
    "PayloadUUID": "2",
    "PayloadVersion": 1,
    "PayloadContent": [BLOCK],
}
SETTINGS = "com.apple.configuration.app.settings"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"blockedAppBundleIds": []}, "payload.blockedAppBundleIds: Apple has no such key"),
        ({"blockedAppBundleIDs": "com.a"}, "payload.blockedAppBundleIDs: str instead of list"),
        ({"blockedAppBundleIDs": ["com.a", 1]}, "payload.blockedAppBundleIDs.1: int instead of str"),
        ({"allowCamera": 1}, "payload.allowCamera: int instead of bool"),
        ({"ratingApps": True}, "payload.ratingApps: bool instead of int"),
        ({"ratingApps": 1001}, "payload.ratingApps: 1001 is outside"),
        ({"ratingRegion": "be"}, "payload.ratingRegion: 'be' is not one of"),
        ({"PayloadVersion": 2}, "payload.PayloadVersion: 2 is not one of [1]"),
        ({"PayloadType": "com.apple.no"}, "payload: the schema has no payloadtype 'com.apple.no'"),
    ],
)
def test_a_wrong_payload_is_told_why(apple_schema: AppleSchema, change: dict[str, Any], complaint: str) -> None:
    assert apple_schema.payload_violations(BLOCK) == []
    (found,) = apple_schema.payload_violations({**BLOCK, **change})
    assert found.startswith(complaint)


def test_a_real_takes_a_whole_number(apple_schema: AppleSchema) -> None:
    assert apple_schema.payload_violations({**BLOCK, "safariAcceptCookies": 2}) == []
    assert apple_schema.payload_violations({**BLOCK, "safariAcceptCookies": 1.5}) == []


def test_a_profile_is_read_down_to_its_payloads(apple_schema: AppleSchema) -> None:
    assert apple_schema.profile_violations(plistlib.dumps(PROFILE)) == []
    unnamed = {key: value for key, value in BLOCK.items() if key != "PayloadUUID"}
    found = apple_schema.profile_violations(plistlib.dumps({**PROFILE, "PayloadScope": "Device", "PayloadContent": [BLOCK, unnamed]}))
    assert found == [
        "profile.PayloadScope: 'Device' is not one of ['System', 'User']",
        "profile: payloads share the identifier x.1",
        "profile.PayloadContent.1.PayloadUUID: missing",
    ]


def test_a_platform_that_lacks_a_key_or_a_payload_is_told(apple_schema: AppleSchema) -> None:
    assert apple_schema.payload_violations(BLOCK, platform="iOS") == []
    assert apple_schema.payload_violations(BLOCK, platform="macOS") == ["payload.blockedAppBundleIDs: macOS has no such key"]
    web = {**BLOCK, "PayloadType": "com.apple.webcontent-filter"}
    assert apple_schema.payload_violations(web, platform="tvOS") == ["payload: tvOS has no com.apple.webcontent-filter"]


@pytest.mark.parametrize(
    ("allowed", "complaint"),
    [
        ({"DeniedApp": ["com.a"]}, "declaration.Payload.Allowed.DeniedApp: Apple has no such key"),
        ({"DeniedApps": [1]}, "declaration.Payload.Allowed.DeniedApps.0: int instead of str"),
        ({"DeniedBinaries": ["com.a"]}, "declaration.Payload.Allowed.DeniedBinaries.0: str instead of dict"),
        ({"DeniedBinaries": [{"PathPrefix": "/x"}]}, "declaration.Payload.Allowed.DeniedBinaries.0: needs one of"),
        ({"DeniedBinaries": [{"CDHash": "12"}]}, "declaration.Payload.Allowed.DeniedBinaries.0.CDHash: '12' does not have the form"),
        (
            {"DeniedBinaries": [{"TeamID": "x", "SigningState": "all"}]},
            "declaration.Payload.Allowed.DeniedBinaries.0.SigningState: 'all' is not",
        ),
        ({"DeniedBinaries": [{"TeamId": "x", "SigningID": "y"}]}, "declaration.Payload.Allowed.DeniedBinaries.0.TeamId: Apple has no"),
    ],
)
def test_a_wrong_app_settings_declaration_is_told_why(apple_schema: AppleSchema, allowed: dict[str, Any], complaint: str) -> None:
    (found,) = apple_schema.declaration_violations({"Type": SETTINGS, "Identifier": "x", "Payload": {"Allowed": allowed}})
    assert found.startswith(complaint)


def test_a_declaration_needs_its_frame(apple_schema: AppleSchema) -> None:
    payload = {"Allowed": {"DeniedApps": ["com.a"]}}
    good = {"Type": SETTINGS, "Identifier": "x", "Payload": payload}
    assert apple_schema.declaration_violations(good) == []
    assert apple_schema.declaration_violations({**good, "ServerToken": "1"}) == []
    assert apple_schema.declaration_violations(good, "macOS") == ["declaration.Payload.Allowed.DeniedApps: macOS has no such key"]
    assert apple_schema.declaration_violations(good, "watchOS") == [f"declaration.Payload: watchOS has no {SETTINGS}"]
    assert apple_schema.declaration_violations({**good, "Identifier": "x" * 65}) == ["declaration.Identifier: more than 64 octets"]
    assert apple_schema.declaration_violations({**good, "Token": "1"}) == ["declaration.Token: Apple has no such key"]
    assert apple_schema.declaration_violations({"Type": SETTINGS, "Payload": payload}) == ["declaration.Identifier: missing"]
    assert apple_schema.declaration_violations({**good, "Type": "x"}) == ["declaration: the schema has no declarationtype 'x'"]


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ({"RequestType": "RemoveProfile"}, "command.Identifier: missing"),
        ({"RequestType": "RemoveProfile", "Identifier": "x", "Profile": "y"}, "command.Profile: Apple has no such key"),
        ({"RequestType": "InstallProfile", "Payload": "text"}, "command.Payload: str instead of bytes"),
        ({"RequestType": "InstalledApplicationList", "Items": ["Names"]}, "command.Items.0: 'Names' is not one of"),
        ({"RequestType": "DeviceInformation", "Queries": ["Supervised"]}, "command.Queries.0: Apple has no 'Supervised' here"),
        ({"RequestType": "RemoveApp"}, "command: the schema has no requesttype 'RemoveApp'"),
    ],
)
def test_a_wrong_command_is_told_why(apple_schema: AppleSchema, command: dict[str, Any], complaint: str) -> None:
    (found,) = apple_schema.command_violations(plistlib.dumps({"CommandUUID": "1", "Command": command}))
    assert found.startswith(complaint)


def test_a_question_that_a_platform_does_not_know_is_told(apple_schema: AppleSchema) -> None:
    asked = plistlib.dumps({"CommandUUID": "1", "Command": {"RequestType": "DeviceInformation", "Queries": ["ProvisioningUDID"]}})
    assert apple_schema.command_violations(asked, "macOS") == []
    assert apple_schema.command_violations(asked, "iOS") == ["command.Queries.0: iOS has no 'ProvisioningUDID' here"]


def test_a_command_needs_its_frame(apple_schema: AppleSchema) -> None:
    assert apple_schema.command_violations(plistlib.dumps({"Command": {"RequestType": "ProfileList"}})) == ["sent.CommandUUID: missing"]
    assert apple_schema.command_violations(plistlib.dumps({"CommandUUID": "1"})) == ["sent.Command: missing"]
