# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NO is Norway: only true and false are flags, in tables and in YAML, and rules treat the words yes and no as the flags they may be."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.documents import load
from ansible_collections.appban.endpoint.plugins.module_utils.documents.assets import read_assets
from ansible_collections.appban.endpoint.plugins.module_utils.documents.load import load_document
from ansible_collections.appban.endpoint.plugins.module_utils.documents.positions import located
from ansible_collections.appban.endpoint.plugins.module_utils.policy import scope
from ansible_collections.appban.endpoint.plugins.module_utils.policy.condition_index import ConditionIndex
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.policy_samples import document, exemption, problems_of

pytestmark = pytest.mark.fault_kind("D1", "words that a reader takes for true and false")

TABLE = "serial,country,paid_use\nS1,NO,TRUE\nS2,SE,yes\nS3,no,False\nS4,YES,on\n"


def facts_of(path: pathlib.Path, text: str) -> dict[str, dict[str, Any]]:
    path.write_text(text, encoding="utf-8")
    return read_assets(str(path))


def test_only_true_and_false_are_flags_in_a_table(tmp_path: pathlib.Path) -> None:
    assert facts_of(tmp_path / "assets.csv", TABLE) == {
        "S1": {"country": "NO", "paid_use": True},
        "S2": {"country": "SE", "paid_use": "yes"},
        "S3": {"country": "no", "paid_use": False},
        "S4": {"country": "YES", "paid_use": "on"},
    }


def test_a_rule_about_norway_finds_norwegian_devices_and_no_others(tmp_path: pathlib.Path) -> None:
    facts = facts_of(tmp_path / "assets.csv", TABLE)
    norway = scope.compile_when({"country": "NO"})
    elsewhere = scope.compile_when({"not": {"country": "NO"}})
    assert [scope.evaluate(norway, facts[serial]) for serial in ("S1", "S2")] == [True, False]
    assert [scope.evaluate(elsewhere, facts[serial]) for serial in ("S1", "S2")] == [False, True]
    assert scope.evaluate(scope.compile_when("country == 'NO'"), facts["S1"]) is True


@pytest.mark.parametrize(
    ("when", "value", "expected"),
    [
        ({"paid_use": ["full", "part"]}, "yes", None),
        ({"paid_use": ["full", "part"]}, "True", None),
        ({"paid_use": ["full", "part"]}, "no", False),
        ({"paid_use": ["full", "part"]}, "FALSE", False),
        ({"paid_use": ["full", "yes"]}, "yes", True),
        ({"paid_use": ["full", True]}, "yes", True),
        ({"paid_use": ["full", False]}, "yes", False),
        ({"paid_use": ["full", False]}, "no", True),
        ({"paid_use": True}, "yes", True),
        ({"paid_use": True}, "no", False),
        ({"country": "SE"}, "NO", False),
        ({"groups": ["a", "yes"]}, ["b", "yes"], True),
        ("paid_use", "yes", True),
        ("!paid_use", "no", True),
        ("paid_use == `true`", "yes", True),
        ("`false` != paid_use", "no", False),
        ("paid_use == 'yes'", "yes", True),
    ],
)
def test_the_texts_count_as_the_flags_that_they_were(when: Any, value: Any, expected: bool | None) -> None:
    attribute = "paid_use" if "paid_use" in str(when) else next(iter(when))
    assert scope.evaluate(scope.compile_when(when), {attribute: value}) is expected


def test_the_index_of_conditions_leaves_out_none_that_is_unknown() -> None:
    conditions = [scope.compile_when({"paid_use": f"kind{number}"}) for number in range(20)]
    device = {"paid_use": "yes"}
    assert {scope.evaluate(condition, device) for condition in conditions} == {None}
    assert list(ConditionIndex(conditions).candidates(device)) == list(range(20))


WORDS = "a: [yes, no, on, off, y, n, Yes, NO, On, OFF, Y, N]\nb: [true, True, TRUE, false, False, FALSE]\n"


@pytest.mark.parametrize("large", [False, True])
def test_yaml_has_no_flags_but_true_and_false(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        monkeypatch.setattr(load, "LARGE", 0)
    assert load_document(WORDS.encode(), "p.yml") == {
        "a": ["yes", "no", "on", "off", "y", "n", "Yes", "NO", "On", "OFF", "Y", "N"],
        "b": [True, True, True, False, False, False],
    }


def test_a_key_that_was_a_flag_is_a_text_with_its_place() -> None:
    text = "policy: small\non: x\n"
    assert load_document(text.encode(), "p.yml") == {"policy": "small", "on": "x"}
    problems = problems_of(load_document(text.encode(), "policy.yml"))
    [unknown] = [problem for problem in located(problems, text, "policy.yml") if problem.path == "on"]
    assert (unknown.line, unknown.column, unknown.found) == (2, 1, "the unknown key 'on'")


@pytest.mark.parametrize("word", ["yes", "Yes", "on", "y"])
def test_where_a_flag_is_expected_the_word_is_refused_with_the_flag(word: str) -> None:
    [problem] = problems_of(document(exemptions=[exemption(devices=None, users=["ada"], follow_user=word)]))[:1]
    assert str(problem).endswith(f"follow_user: found '{word}', expected true or false (did you mean true?)")
    [problem] = problems_of(document(rules=[{"name": "R", "when": {"supervised": word}, "actions": ["audit"]}]))
    assert str(problem).endswith(f"supervised: found '{word}', expected true or false, or a list of these (did you mean true?)")
    [problem] = problems_of(document(rules=[{"name": "R", "when": {"supervised": [word]}, "actions": ["audit"]}]))
    assert str(problem).endswith(f"supervised[0]: found '{word}', expected true or false (did you mean true?)")


def test_a_word_for_no_is_refused_with_false() -> None:
    [problem] = problems_of(document(rules=[{"name": "R", "when": {"work_apps": "off"}, "actions": ["audit"]}]))
    assert problem.nearest == ("false",)


def test_a_flag_of_asset_facts_is_told_with_the_flag_that_was_meant(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PolicyError) as error:
        facts_of(tmp_path / "assets.yml", "S1: {supervised: on}\n")
    assert str(error.value).endswith("S1.supervised: found 'on', expected one of true, false (did you mean true?)")


def test_a_key_that_is_a_flag_still_stands_in_quotes() -> None:
    with pytest.raises(PolicyError) as error:
        load_document(b"true: x\n", "p.yml")
    assert "expected keys that are text (put it in quotes)" in str(error.value)
