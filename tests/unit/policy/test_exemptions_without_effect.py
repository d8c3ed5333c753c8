# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exemptions that do nothing say so: domains that nothing blocks, several names in one, a grant that lies ahead."""

from __future__ import annotations

import pathlib
from datetime import datetime, timezone
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.appban.endpoint.plugins.module_utils.documents.assets import read_assets
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import Catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.notes import notes_of
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.schema import policy_schema
from ansible_collections.appban.endpoint.plugins.plugin_utils.checked_documents import check_documents
from tests.support.policy_samples import CATALOG, document, exemption, policy, problems_of

pytestmark = pytest.mark.fault_kind("D1", "an exemption that does nothing without a word")

SCHEMA = Draft202012Validator(policy_schema())
BLOCKED = "a domain that the ban of its apps blocks, or a site below one"
WEB = [{"name": "R", "when": {"ownership": "corporate"}, "actions": ["block_web"]}]


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"domains": ["tiktok.de"]}, {"exemptions[0].domains[0]": ("tiktok.com",)}),
        ({"domains": ["ticktok.com", "example.org"]}, {"exemptions[0].domains[0]": ("tiktok.com",), "exemptions[0].domains[1]": ()}),
        # A tier that the policy does not block, and an app that has no domains.
        ({"domains": ["byteoversea.com"]}, {"exemptions[0].domains[0]": ()}),
        ({"domains": ["tiktok.com"], "apps": ["wechat"]}, {"exemptions[0].domains[0]": ()}),
        ({"domains": ["nottiktok.com"]}, {"exemptions[0].domains[0]": ("tiktok.com",)}),
        ({"domains": ["tiktok.com"]}, {}),
        ({"domains": ["ads.tiktok.com"], "apps": ["tiktok"]}, {}),
        ({"domains": ["example.org", "www.ttwstatic.com"]}, {}),
    ],
)
def test_domains_of_no_app_are_refused_with_the_nearest(more: dict[str, Any], refused: dict[str, tuple[str, ...]]) -> None:
    problems = problems_of(document(apps=["tiktok"], review=["wechat"], rules=WEB, exemptions=[exemption(**more)]))
    assert {problem.path: problem.nearest for problem in problems} == refused
    assert {problem.expected for problem in problems} <= {BLOCKED}


def test_domains_of_an_app_that_is_not_known_are_not_judged() -> None:
    held = exemption(domains=["tiktok.com"])
    assert [problem.path for problem in problems_of(document(apps=["ticktok"], rules=WEB, exemptions=[held]))] == ["apps[0]"]
    assert problems_of(document(apps=["tiktok2"], rules=WEB, exemptions=[held]), Catalog(CATALOG.apps, complete=False)) == ()


def test_domains_without_a_rule_that_blocks_any_are_a_note() -> None:
    held = [exemption(domains=["tiktok.com"]), exemption(id="EX-2"), exemption(id="EX-3", domains=["ads.tiktok.com"])]
    [note] = notes_of(policy(exemptions=held))
    assert (note.path, note.text) == (
        "exemptions[0].domains",
        "no rule of the policy has block_web, so an exemption for domains changes nothing (EX-1, EX-3)",
    )
    assert notes_of(policy(exemptions=held, rules=WEB)) == []


def test_one_of_several_domains_that_nothing_blocks_is_a_note() -> None:
    [note] = notes_of(policy(rules=WEB, exemptions=[exemption(domains=["tiktok.com", "example.org"])]))
    assert note.path == "exemptions[0].domains[1]"
    assert note.text == "example.org is no domain of an app that EX-1 covers, and below none, so nothing of the policy blocks it"


def test_a_grant_that_lies_ahead_is_said_beside_its_end(tmp_path: pathlib.Path) -> None:
    (tmp_path / "p.yml").write_text(
        "policy: city\ntitle: City\napps: [tiktok]\neffective: {from: 2023-03-01T00:00:00+01:00}\n"
        "rules: [{name: Work, when: {ownership: corporate}, actions: [remove]}]\nexemptions:\n"
        "  - {id: EX-1, devices: [S1], reason: Case, approved_by: Head, granted: 2023-04-14, expires: 2023-12-31}\n"
        "  - {id: EX-2, devices: [S2], reason: Case, approved_by: Head, granted: 2023-03-14, expires: 2023-12-31}\n",
        encoding="utf-8",
    )
    checked = check_documents([str(tmp_path / "p.yml")], [], [], datetime(2023, 4, 1, tzinfo=timezone.utc))
    assert checked.good[1].endswith("exemptions: EX-1 begins 2023-04-14 and ends 2023-12-31, EX-2 ends 2023-12-31")


ONE_EACH = "one serial number or id: write each name by itself (an item of the list, a row of the table)"
NO_PATTERN = "a whole serial number or id: names are no patterns"
DATE = "a serial number: a spreadsheet has made a date of it (format the column as text and enter it again)"
SPOILED = [
    ("C02A,C02B", ONE_EACH),
    ("C02A; C02B", ONE_EACH),
    ("C02*", NO_PATTERN),
    ("01-Mar", DATE),
    ("Mar-01", DATE),
    ("1-Mar-23", DATE),
    ("01-DEC-2023", DATE),
]


@pytest.mark.parametrize(("name", "expected"), SPOILED)
def test_a_name_that_is_none_is_refused_in_exemptions_and_by_the_schema(name: str, expected: str) -> None:
    spoiled = document(exemptions=[exemption(devices=["S1", name])])
    [problem] = problems_of(spoiled)
    assert (problem.path, problem.expected) == ("exemptions[0].devices[1]", expected)
    assert not SCHEMA.is_valid(spoiled)


@pytest.mark.parametrize("name", ["S1\nS2", "S1\tS2", "S1\u0085S2", "S1\u2028S2"])
def test_a_name_over_two_lines_is_refused_with_what_to_write(name: str) -> None:
    spoiled = document(exemptions=[exemption(devices=[name])])
    [problem] = problems_of(spoiled)
    assert problem.path == "exemptions[0].devices[0]"
    assert problem.expected == ONE_EACH
    assert not SCHEMA.is_valid(spoiled)


@pytest.mark.parametrize(("name", "expected"), [*SPOILED, ("S1\nS2", ONE_EACH)])
def test_a_cell_that_is_no_serial_number_is_refused(name: str, expected: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(f'serial,paid\nS9,x\n"{name}",x\n', encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        read_assets(str(path))
    [problem] = error.value.problems
    assert problem.expected == expected


@pytest.mark.parametrize("name", ["1-MAR-X", "DEC-1234", "MAR-001", "PC-01", "VMware-56 4d 2f", "a_b:c", "1-23"])
def test_what_may_be_a_name_is_one(name: str) -> None:
    sound = document(exemptions=[exemption(devices=[name])])
    assert problems_of(sound) == ()
    assert SCHEMA.is_valid(sound)
