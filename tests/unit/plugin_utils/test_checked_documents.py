# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies, catalogs and asset facts checked in one go."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.appban.endpoint.plugins.plugin_utils.checked_documents import check_documents

NOW = datetime(2023, 6, 1, tzinfo=timezone.utc)
POLICY = """\
policy: city
title: City
apps: [chat]
effective: {from: 2023-03-01T00:00:00+01:00}
rules:
  - {name: Work, when: {ownership: corporate}, actions: [remove]}
  - {name: Press, when: {ownership: corporate, department: press}, actions: [audit]}
exemptions:
  - {id: EX-2, devices: [S2], reason: Case, approved_by: Head, granted: 2023-03-02, expires: 2023-12-31}
  - {id: EX-1, devices: [S1], reason: Case, approved_by: Head, granted: 2023-03-02, expires: 2023-04-30}
"""
CHAT = """\
id: chat
title: Chat
vendor: us
identifiers: {deb: [{value: chat, confidence: sure, source: us, last_verified: 2023-01-01}]}
"""


def put(directory: Path, **files: str) -> None:
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text, encoding="utf-8")


def test_what_is_good_is_said_in_a_line_or_two_with_the_ends_of_exemptions_and_notes(tmp_path: Path) -> None:
    put(tmp_path / "policies", city_yml=POLICY, README_md="no policy")
    put(tmp_path / "catalog", chat_yml=CHAT)
    put(tmp_path, assets_csv="serial,paid\nS1,full\n")
    policies, catalog, assets = (str(tmp_path / name) for name in ("policies", "catalog", "assets.csv"))
    checked = check_documents([policies], [catalog], [assets], NOW)
    assert checked.problems == ()
    city = f"{policies}/city.yml"
    assert checked.good[0].startswith(f"{catalog}: good, ")
    assert checked.good[1:] == (
        f"{city}: good, city (enforced) with 1 app, 2 rules, 2 exemptions",
        f"{city}: exemptions: EX-2 ends 2023-12-31, EX-1 has ended 2023-04-30",
        f"{assets}: good, asset facts of 1 device",
    )
    note = "rules[1].when: note: the rule 'Press' can never match: rules[0] takes all its devices before it"
    assert checked.notes == (f"{city}:7:25: {note}",)
    assert checked.lines()[-1] == "all documents can be used"


def test_all_problems_of_all_documents_come_at_once_each_once(tmp_path: Path) -> None:
    put(tmp_path / "policies", a_yml=POLICY.replace("corporate}", "corprate}"), b_yml="policy: [\n", c_yml=POLICY, d_yml=POLICY)
    put(tmp_path / "catalog", chat_yml=CHAT.replace("value: chat", "value: CHAT"))
    put(tmp_path, assets_csv="serial,paid\n,full\n", more_yml="S1: 3\n")
    paths = [str(tmp_path / "policies"), str(tmp_path / "policies" / "a.yml")]
    checked = check_documents(paths, [str(tmp_path / "catalog")], [str(tmp_path / "assets.csv"), str(tmp_path / "more.yml")], NOW)
    lines = [str(problem) for problem in checked.problems]
    assert len(lines) == len(set(lines))
    assert {Path(problem.file).name for problem in checked.problems} == {"a.yml", "b.yml", "chat.yml", "d.yml", "assets.csv", "more.yml"}
    assert checked.lines()[-1] == "6 problems in 6 documents"


def test_a_directory_without_documents_is_a_problem(tmp_path: Path) -> None:
    checked = check_documents([str(tmp_path)], [], [], NOW)
    assert [str(problem) for problem in checked.problems] == [
        f"{tmp_path}: found no file that ends with .yml, .yaml, .json, expected a directory of policy files"
    ]
