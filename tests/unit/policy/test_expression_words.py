# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath conditions speak the closed vocabularies: what can never be equal is refused when the policy is read, with the right word."""

from __future__ import annotations

import pytest

from tests.support.policy_samples import document, exemption, problems_of

pytestmark = pytest.mark.fault_kind("D1", "a word in an expression that no device can have")

OWNERSHIPS = "ownership compared with one of 'corporate', 'personal', 'shared'"
PLATFORMS = "platform compared with one of 'ios', 'ipados', 'android', 'chromeos', 'windows', 'macos', 'linux', 'tvos', 'visionos'"
FLAGS = "supervised compared with `true` or `false`, in backquotes"
GROUPS = "groups is a list; ask contains(groups, 'field')"
NULL = "no literal null: an unknown attribute can't be asked for, it leaves the device unclassified"


@pytest.mark.parametrize(
    ("text", "expected", "nearest"),
    [
        ("ownership != 'Personal'", OWNERSHIPS, ("'personal'",)),
        ("'company' == ownership", OWNERSHIPS, ("'corporate'",)),
        ("department == 'x' && !(ownership == 'byod')", OWNERSHIPS, ("'personal'",)),
        ("ownership == `corporat`", OWNERSHIPS, ("'corporate'",)),
        ("ownership == `1`", OWNERSHIPS, ()),
        ("ownership == `[\"corporate\"]`", OWNERSHIPS, ()),
        ("platform == 'iPhone'", PLATFORMS, ("'ios'",)),
        ("supervised == 'true'", FLAGS, ("`true`",)),
        ("'no' != supervised", FLAGS, ("`false`",)),
        ("supervised == `1`", FLAGS, ()),
        ("groups == 'field'", GROUPS, ()),
        ("`3` != groups", GROUPS.replace("'field'", "'...'"), ()),
        ("contains(`[\"ios\", \"iPad\"]`, platform)", PLATFORMS, ("'ipados'",)),
        ("department == null", NULL, ()),
        ("null != department", NULL, ()),
        ("groups[?owner == null] == `[]`", NULL, ()),
        ("supervised == true", "`true` in backquotes", ()),
        ("false == work_apps", "`false` in backquotes", ()),
        ("ownership == \"corporate\"", "text in single quotes ('corporate'); double quotes name an attribute", ()),
        ("\"press\" != department", "text in single quotes ('press'); double quotes name an attribute", ()),
        ("\"paid-use\" == \"full\"", "text in single quotes ('full'); double quotes name an attribute", ()),
        ("contains(groups, \"field\")", "text in single quotes ('field'); double quotes name an attribute", ()),
        ("starts_with(name, \"PC-\")", "text in single quotes ('PC-'); double quotes name an attribute", ()),
        ("ownership == corporate", "text in single quotes ('corporate')", ()),
    ],
)  # fmt: skip
def test_a_word_that_no_device_has_is_refused(text: str, expected: str, nearest: tuple[str, ...]) -> None:
    [problem] = problems_of(document(rules=[{"name": "R", "when": text, "actions": ["audit"]}]))
    assert (problem.path, problem.expected, problem.nearest) == ("rules[0].when", expected, nearest)
    [problem] = problems_of(document(exemptions=[exemption(devices=None, when={"any": [{"ownership": "shared"}, text]})]))
    assert (problem.path, problem.expected) == ("exemptions[0].when.any[1]", expected)


@pytest.mark.parametrize(
    "text",
    [
        "ownership != 'personal'",
        "ownership == `personal`",
        "supervised == `true`",
        "supervised != work_apps",
        "department == 'Personal'",
        "paid == 'true' && paid2 == `true`",
        "\"paid-use\" == 'full'",
        "'full' == \"paid-use\"",
        "\"ownership\" == 'shared'",
        'department == "user"',
        "ownership == expected_ownership",
        'groups == `["field"]`',
        "length(groups) == `1`",
        "contains(groups, 'Field')",
        'contains(`["ios", "ipados"]`, platform)',
        "length(accesses[?ownership == 'Company']) > `0`",
        "owner.platform == 'iPhone'",
    ],
)
def test_what_may_be_true_is_allowed(text: str) -> None:
    assert problems_of(document(rules=[{"name": "R", "when": text, "actions": ["audit"]}])) == ()
