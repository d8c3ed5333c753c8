# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls as a person reads them before they let them happen."""

from __future__ import annotations

import base64

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notice_changes import names_text, notices_text
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import bodies
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import (
    ALL_DEVICES,
    ALL_USERS,
    EXCLUDED_GROUP,
    GROUP,
    Target,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.resources.diff_text import (
    object_text,
    target_text,
)

NAMES = {"g": "BAN city (exceptions)", "f": "BAN city iOS devices"}


def test_a_list_of_blocked_apps_is_its_apps_and_whom_it_is_for() -> None:
    targets = [target_text(Target(ALL_DEVICES, filter="f"), NAMES), target_text(Target(EXCLUDED_GROUP, "g"), NAMES)]
    assert object_text(bodies.ios_blocked_apps(["com.b", "com.a"]), targets) == (
        "platforms: iOS\n"
        "technologies: mdm,appleRemoteManagement\n"
        "com.apple.applicationaccess_blockedappbundleids:\n"
        "- com.a\n"
        "- com.b\n"
        "assigned to: all but group BAN city (exceptions)\n"
        "assigned to: all devices, filter BAN city iOS devices\n"
    )


def test_a_compliance_policy_says_from_when_on() -> None:
    body = bodies.ios_restricted_apps({"com.a": "A"})
    assert object_text(body, [], 0).endswith("- com.a (A)\ndevice counts as non-compliant: at once\n")
    assert "after 279 hours" in object_text(body, [], 279)


def test_sites_are_shown_wherever_they_are_written() -> None:
    for body in (
        bodies.windows_url_blocklist(["banned.example"]),
        bodies.ios_web_filter("BAN x", ["banned.example"]),
        bodies.macos_url_blocklist("BAN x", ["banned.example"]),
    ):
        assert "banned.example\n" in object_text(body, [])
        assert "UUID" not in object_text(body, [])


def test_applocker_rules_are_one_a_line() -> None:
    text = object_text(bodies.windows_applocker("BAN x", ["Banned.App"]), [])
    assert text.endswith("  - Allow: Allow every packaged app\n  - Deny: Forbid Banned.App\n")
    masked = {"omaSettings": [{"omaUri": "./x", "displayName": "x", "value": "****"}]}
    assert object_text(masked, []) == "omaSettings:\n- ./x (x)\n  ****\n"


def test_a_payload_that_is_no_profile_is_told_by_its_hash() -> None:
    for payload in ("", "no base64", base64.b64encode(b"<plist>").decode(), base64.b64encode(b"hello").decode()):
        assert object_text({"payload": payload}, []).startswith(f"payload: {len(payload)} characters, sha256 ")


def test_whom_an_assignment_is_for() -> None:
    assert target_text(Target(GROUP, "g"), NAMES) == "group BAN city (exceptions)"
    assert target_text(Target(GROUP, "theirs"), NAMES) == "group theirs"
    assert target_text(Target(ALL_USERS), NAMES) == "all users"


def test_long_lists_of_members_are_cut_and_counted() -> None:
    assert names_text([]) == ""
    assert names_text(["b", "a"]) == "- a\n- b\n"
    text = names_text([f"SN{number:04d}" for number in range(50)])
    assert text.splitlines()[-1] == "- and 30 more"
    assert len(text.splitlines()) == 21


def test_notices_are_shown_as_their_readers_see_them() -> None:
    notices = [Notice(f"d{number}", number, "s", ("a",), "Title", "Body.") for number in range(2)]
    assert notices_text(notices, ["SN2", "SN1"]) == "Title\nBody.\nto 2 devices:\n- SN1\n- SN2\n"
