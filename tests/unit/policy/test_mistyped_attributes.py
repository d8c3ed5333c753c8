# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An attribute one slip from a built-in one leaves everybody unclassified; it is a note, because asset facts may have any name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.notes import notes_of
from tests.support.policy_samples import exemption, policy

pytestmark = pytest.mark.fault_kind("D1", "an attribute that is mistyped")


def notes(*conditions: Any, exemptions: Any = None) -> list[tuple[str, str]]:
    rules = [{"name": f"R{number}", "when": when, "actions": ["audit"]} for number, when in enumerate(conditions)]
    return [(note.path, note.text) for note in notes_of(policy(rules=rules, exemptions=exemptions))]


def no_attribute(name: str, near: str) -> str:
    return f"`{name}` is no attribute that any target knows; perhaps {near} is meant (asset facts may have it)"


@pytest.mark.parametrize(
    ("when", "path", "name", "near"),
    [
        ({"ownerhip": "corporate"}, "rules[0].when.ownerhip", "ownerhip", "ownership"),
        ({"Ownership": "corporate"}, "rules[0].when.Ownership", "Ownership", "ownership"),
        ({"any": [{"platform": "ios"}, {"not": {"group": "a"}}]}, "rules[0].when.any[1].not.group", "group", "groups"),
        ("ownerhip == 'corporate' && department == 'x'", "rules[0].when", "ownerhip", "ownership"),
        ({"all": [{"paid": True}, "!supervise"]}, "rules[0].when.all[1]", "supervise", "supervised"),
        ({"OS_version": "17"}, "rules[0].when.OS_version", "OS_version", "os_version"),
    ],
)
def test_an_attribute_one_slip_from_a_built_in_one_is_a_note(when: Any, path: str, name: str, near: str) -> None:
    assert notes(when) == [(path, no_attribute(name, near))]


@pytest.mark.parametrize(
    ("when", "name", "hint"),
    [
        ("corporate", "corporate", "; perhaps {ownership: corporate} is meant"),
        (" ios ", "ios", "; perhaps {platform: ios} is meant"),
        ("ownerhip", "ownerhip", "; perhaps ownership is meant"),
        ("everyone", "everyone", ""),
    ],
)
def test_a_word_that_is_compared_with_nothing_is_a_note(when: str, name: str, hint: str) -> None:
    text = f"`{name}` is no attribute that any target knows, and nothing is compared with it{hint} (asset facts may have it)"
    assert notes(when) == [("rules[0].when", text)]
    assert notes("supervised") == []


def test_each_name_is_told_once_also_of_exemptions() -> None:
    held = exemption(devices=None, when={"departement": "press", "ownerhip": "corporate"})
    assert notes({"ownerhip": "corporate"}, {"ownerhip": "personal"}, exemptions=[held]) == [
        ("rules[0].when.ownerhip", no_attribute("ownerhip", "ownership")),
        ("exemptions[0].when.departement", no_attribute("departement", "department")),
    ]


def test_facts_that_differ_by_letter_case_only_are_a_note() -> None:
    assert notes({"paid_use": "full"}, {"country": "NO", "Paid_Use": "part"}) == [
        ("rules[1].when.Paid_Use", "`Paid_Use` and `paid_use` (rules[0].when.paid_use) differ by letter case only; they are two attributes")
    ]


@pytest.mark.parametrize("when", [{"owner": "x"}, {"paid_use": True}, {"ownership": "corporate"}, "cost == 'x' && serial == 'S1'", {}])
def test_other_names_are_no_note(when: Any) -> None:
    assert notes(when) == []
