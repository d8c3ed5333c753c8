# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake of a document is said with its line and column, once, and all of them together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document, read_document
from ansible_collections.appban.endpoint.plugins.module_utils.documents.positions import located
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError, Problem
from ansible_collections.appban.endpoint.plugins.plugin_utils import documents

POLICY = """\
policy: city
title: City
apps: [tik-tok]
effective:
  from: 2023-03-10T00:00:00
  untl: P6M
rules:
  - name: Work devices
    when: {ownership: corprate}
    stages:
      - {from: 2023-03-1, actions: [block]}
  - name: Work devices
    when: "contains(groups)"
    actions: [blok]
"""
WHERE = {
    "apps[0]": (3, 8),
    "effective.from": (5, 9),
    # A key that is not known is pointed at itself, not at its value.
    "effective.untl": (6, 3),
    "rules[0].when.ownership": (9, 23),
    "rules[0].stages[0].from": (11, 16),
    "rules[1].name": (12, 11),
    "rules[1].actions[0]": (14, 15),
}


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as caught:
        documents.read_policies([str(path)])
    return caught.value.problems


def test_every_problem_of_a_policy_has_its_place_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "city.yml"
    path.write_text(POLICY, encoding="utf-8")
    found = problems_of(path)
    assert {problem.path: (problem.line, problem.column) for problem in found if problem.path in WHERE} == WHERE
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert f"{path}:9:23: rules[0].when.ownership: found 'corprate', expected one of corporate, personal, shared (did you mean " in str(
        found[[problem.path for problem in found].index("rules[0].when.ownership")]
    )
    lines = [str(problem) for problem in found]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_has_places_too_whatever_it_is_indented_with(indent: int | str | None, tmp_path: Path) -> None:
    document = {
        "policy": "city",
        "title": "Čity \U0001f600",
        "apps": ["tiktok"],
        "effective": {"from": "2023-03-10T00:00:00Z"},
        "rules": [{"name": "a", "when": {"x y": 1, "ownership": ["corporate", "privat"]}, "actions": ["block"]}],
        "extra": -1.5e3,
    }
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    path = tmp_path / "city.json"
    path.write_text(text, encoding="utf-8")
    found = {problem.path: problem for problem in problems_of(path)}
    assert set(found) == {"rules[0].when['x y']", "rules[0].when.ownership[1]", "extra"}
    for path_in, word in (("rules[0].when['x y']", '"x y"'), ("rules[0].when.ownership[1]", '"privat"'), ("extra", '"extra"')):
        problem = found[path_in]
        assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith(word)


def test_a_missing_key_is_missed_in_its_mapping_and_a_merged_one_is_found_where_it_is_written() -> None:
    text = "a: &a\n  b: 1\nc:\n  <<: *a\n  d:\n    - {}\n"
    paths = ("c.b", "c.d[0].e", "c.d[7]", "$", "nowhere")
    found = located([Problem("p.yml", path, "x", "y") for path in paths], text, "p.yml")
    assert {problem.path: (problem.line, problem.column) for problem in found} == {
        "c.b": (2, 6),
        "c.d[0].e": (6, 7),
        "c.d[7]": (6, 5),
        "$": (1, 1),
        "nowhere": (1, 1),
    }


@pytest.mark.heavy
def test_a_document_that_unfolds_without_end_is_pointed_at_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(PolicyError) as caught:
        load_document("\n".join(lines).encode(), "bomb.yml")
    assert re.match(r"bomb\.yml:\d+:\d+: a\d", str(caught.value))


@pytest.mark.parametrize(
    ("text", "where", "what", "to_do"),
    [
        ("policy: a\ntitle: City: all\n", "2:12", "a second ': ' in one line", "in quotes"),
        ("policy: a\n\ttitle: b\n", "2:1", "a tab", "spaces"),
        ("title: 'City\npolicy: a\n", "1:8", "a quote that is never closed", "closing quote"),
        ("policy: a\nrules:\n  - name: a\n   when: {}\n", "4:4", "indent", "alike"),
        ("policy: a\nsources: [a, b\ntitle: c\n", "2:10", "not closed", "]"),
        ("policy: {{ name }}\n", "1:10", "as {{ }} gives one", "no templates"),
        ("policy: @city\n", "1:9", "begins with %, @ or `", "in quotes"),
        ("policy: *city\n", "1:9", "a * that begins a text", "in quotes"),
        ("policy: a\nnotes: !vault |\n  abc\n", "2:8", "a tag", "plain values"),
        ('title: "C:\\Users"\n', "1:13", "backslash", "single quotes"),
        ("policy: a\ntitle: b\x07\n", "2:9", "control character", "without control characters"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_place_and_what_to_do(text: str, where: str, what: str, to_do: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_document(text.encode(), "city.yml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"city.yml:{where}: found ")
    assert what in problem.found
    assert to_do in problem.expected


def test_a_byte_that_is_no_utf_8_is_said_with_its_place() -> None:
    with pytest.raises(PolicyError, match=r"city\.yml:2:10: found the byte 0xe9, which is not UTF-8, expected a file in UTF-8; save it"):
        load_document("policy: a\ntitle: Qué\n".encode("latin-1"), "city.yml")
    with pytest.raises(PolicyError, match=r"city\.yml:1:1: found UTF-16"):
        load_document("policy: a\n".encode("utf-16"), "city.yml")


def test_keys_and_values_that_are_wrong_in_themselves_hide_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "city.yml"
    path.write_text(POLICY.replace("title: City", "title: .nan\n2023: x\ntrue: y").replace("apps:", "policy: b\napps:"), encoding="utf-8")
    found = {(problem.path, problem.line) for problem in problems_of(path)}
    assert {("title", 2), ("2023", 3), ("true", 4), ("policy", 5), ("apps[0]", 6), ("effective.untl", 9)} <= found
    # The title is refused once, and not missed as well.
    assert [each for each in found if each[0] in ("title", "$")] == [("title", 2)]


def test_keys_twice_in_json_are_told_with_their_path() -> None:
    _document, problems = read_document(b'{"a": [{"b": 1,\n "b": 2}], "a": 3}', "p.json")
    assert {(problem.path, problem.line, problem.column) for problem in problems} == {("a[0].b", 2, 2), ("a", 2, 12)}


def test_a_wrong_catalog_file_does_not_make_its_app_unknown_and_all_is_said_at_once(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "chat.yml").write_text("id: chat\ntitle: Chat\nvendor: us\nidentifiers: {deb: [{value: 'CHAT'}]}\n", encoding="utf-8")
    (catalog / "broken.yml").write_text("id: [\n", encoding="utf-8")
    policy = tmp_path / "city.yml"
    policy.write_text(POLICY.replace("tik-tok", "chat, broken, vendor:them"), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        documents.read_policies([str(policy)], [str(catalog)])
    problems = caught.value.problems
    assert {problem.file for problem in problems} == {str(policy), str(catalog / "chat.yml"), str(catalog / "broken.yml")}
    assert all(problem.line for problem in problems)
    assert not [problem for problem in problems if problem.path.startswith("apps")]


def test_asset_facts_in_yaml_have_places(tmp_path: Path) -> None:
    path = tmp_path / "assets.yml"
    path.write_text("S1: {paid_use: {a: 1}}\nS2:\n  paid_use: full\nS3: 7\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        documents.read_asset_facts(str(path))
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 16), (4, 5)]
