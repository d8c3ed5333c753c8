# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three-valued conditions: mappings and JMESPath."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy import scope
from ansible_collections.appban.endpoint.plugins.module_utils.policy.condition_index import ConditionIndex
from ansible_collections.appban.endpoint.plugins.module_utils.policy.expression import ExpressionError, compile_expression

ATTRIBUTES = ("ownership", "department", "supervised", "groups", "floor")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ownership": st.sampled_from(["corporate", "personal", "shared", "company", None]),
    "department": st.sampled_from(["press", "police", "", None]),
    "supervised": st.sampled_from([True, False, "yes", None]),
    "groups": st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", None]), max_size=3)),
    "floor": st.sampled_from([1, 2, "1", None]),
}
devices = st.fixed_dictionaries({}, optional=VALUES)
leaves = st.one_of(
    st.sampled_from(
        [
            {"ownership": "corporate"},
            {"ownership": ["personal", "shared"]},
            {"department": "press"},
            {"supervised": True},
            {"groups": ["a", "c"]},
            {"floor": 1},
            {},
            "ownership == 'corporate'",
            "ownership != 'personal' && supervised",
            "contains(groups, 'a') || floor > `1`",
            "length(groups[?@ == 'a']) > `0`",
            "!supervised",
        ]
    )
)
whens = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=8,
)


def evaluate(when: Any, device: dict[str, Any]) -> bool | None:
    return scope.evaluate(scope.compile_when(when), device)


@pytest.mark.parametrize(
    ("when", "device", "expected"),
    [
        ({}, {}, True),
        ({"ownership": "corporate"}, {"ownership": "corporate"}, True),
        ({"ownership": "corporate"}, {"ownership": "personal"}, False),
        ({"ownership": "corporate"}, {}, None),
        ({"ownership": "corporate"}, {"ownership": None}, None),
        # A word that is no ownership is not another ownership.
        ({"ownership": "corporate"}, {"ownership": "company"}, None),
        ({"ownership": "corporate"}, {"ownership": ["corporate"]}, None),
        # An INI inventory writes true as text.
        ({"work_apps": True}, {"work_apps": "yes"}, True),
        ({"work_apps": True}, {"work_apps": "No"}, False),
        ({"work_apps": True}, {"work_apps": "maybe"}, None),
        ({"accesses_city_systems": True}, {"accesses_city_systems": "true"}, True),
        ({"accesses_city_systems": True}, {"accesses_city_systems": "false"}, False),
        ({"accesses_city_systems": True}, {"accesses_city_systems": "1"}, None),
        ({"work_apps": True}, {"work_apps": 1}, None),
        ({"paid_use": ["full", "part"]}, {"paid_use": False}, False),
        ({"paid_use": ["full", "part"]}, {"paid_use": True}, None),
        ({"paid_use": ["full", "part"]}, {"paid_use": "none"}, False),
        ({"groups": ["a"]}, {"groups": ["b", "a"]}, True),
        ({"groups": ["a"]}, {"groups": []}, False),
        ({"groups": ["a"]}, {"groups": ["b", None]}, None),
        ({"groups": ["a"]}, {"groups": {"a": 1}}, None),
        ({"floor": 7}, {"floor": "7"}, True),
        ({"floor": "7"}, {"floor": 7}, True),
        ({"floor": 1}, {"floor": True}, None),
        ({"department": "press", "ownership": "corporate"}, {"department": "police"}, False),
        ({"department": "press", "ownership": "corporate"}, {"department": "press"}, None),
        ({"any": [{"department": "press"}, {"ownership": "corporate"}]}, {"department": "press"}, True),
        ({"any": [{"department": "press"}, {"ownership": "corporate"}]}, {"department": "police"}, None),
        ({"not": {"ownership": "personal"}}, {}, None),
        ({"not": {"ownership": "personal"}}, {"ownership": "corporate"}, True),
    ],
)
def test_mapping(when: Any, device: dict[str, Any], expected: bool | None) -> None:
    assert evaluate(when, device) is expected


@pytest.mark.parametrize(
    ("when", "device", "expected"),
    [
        ("ownership == 'corporate'", {"ownership": "corporate"}, True),
        # JMESPath alone would say true here, and ban a device nobody knows.
        ("ownership != 'personal'", {}, None),
        ("!(ownership == 'personal')", {}, None),
        ("ownership != 'personal'", {"ownership": "company"}, None),
        ("supervised", {"supervised": True}, True),
        ("supervised", {}, None),
        ("supervised && department == 'press'", {"department": "police"}, False),
        ("supervised || department == 'press'", {"department": "press"}, True),
        ("contains(groups, 'a')", {"groups": ["a"]}, True),
        ("contains(groups, 'a')", {}, None),
        ("contains(groups, 'a')", {"groups": 5}, None),
        # JMESPath alone would say that a list surely has no null in it.
        ("contains(groups, department)", {"groups": ["a"]}, None),
        ("!contains(groups, department)", {"groups": ["a"]}, None),
        ("floor > `3`", {"floor": "high"}, None),
        ("owner.country == 'be'", {"owner": {"country": "be"}}, True),
        ("owner.country == 'be'", {"owner": {}}, None),
        ("owner.country != 'be'", {"owner": "x"}, None),
        ("tags[0] != 'x'", {"tags": []}, None),
        # Neither true nor false is no answer.
    ],
)
def test_jmespath(when: str, device: dict[str, Any], expected: bool | None) -> None:
    assert evaluate(when, device) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ownership ==",
        "ownership == `null`",
        "not_null(ownership, 'corporate') == 'corporate'",
        "type(ownership) == 'null'",
        "@",
        "*",
        "keys(@)",
        "`true`",
        "ownership == 'x' || `true`",
        "contains([ownership], 'corporate')",
        "[0]",
        "to_string(ownership) == 'null'",
        "a b",
        "'x' == 'x'",
        "(" * 3000 + "a" + ")" * 3000,
        "foo(ownership)x",
        "lenght(groups) > `1`",
        "{a: ownership} == `{}`",
        "\ud800",
    ],
)
def test_jmespath_that_could_not_be_trusted_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(text)


def test_attributes_are_found_in_mappings_and_expressions() -> None:
    when = {
        "ownership": "corporate",
        "any": [{"not": {"floor": 1}}, "contains(groups, 'a') && owner.country == 'be' && length(apps[?id == 'x']) > `1`"],
    }
    assert scope.attributes(scope.compile_when(when)) == {"ownership", "floor", "groups", "owner", "apps"}


@given(whens, devices)
def test_filling_in_an_unknown_never_turns_a_sure_answer(when: Any, device: dict[str, Any]) -> None:
    condition = scope.compile_when(when)
    known = scope.evaluate(condition, device)
    for attribute in ATTRIBUTES:
        without = {key: value for key, value in device.items() if key != attribute}
        before = scope.evaluate(condition, without)
        assert before is None or before is known


@given(st.lists(whens, min_size=1, max_size=3), devices)
def test_de_morgan(parts: list[Any], device: dict[str, Any]) -> None:
    negated = [{"not": part} for part in parts]
    assert evaluate({"not": {"any": parts}}, device) is evaluate({"all": negated}, device)
    assert evaluate({"not": {"all": parts}}, device) is evaluate({"any": negated}, device)
    assert evaluate({"not": {"not": parts[0]}}, device) is evaluate(parts[0], device)


@given(whens, devices)
def test_unknown_exactly_when_attributes_are_named(when: Any, device: dict[str, Any]) -> None:
    condition = scope.compile_when(when)
    missing = scope.unknown_attributes(condition, device) if scope.evaluate(condition, device) is None else set()
    assert bool(missing) == (scope.evaluate(condition, device) is None)
    assert missing <= scope.attributes(condition)


@given(whens, whens, devices)
def test_what_plainly_implies_does(narrow: Any, wide: Any, device: dict[str, Any]) -> None:
    first, second = scope.compile_when(narrow), scope.compile_when(wide)
    if scope.implies(first, second) and scope.evaluate(first, device) is True:
        assert scope.evaluate(second, device) is not False


@given(st.lists(whens, max_size=25), devices)
def test_the_index_leaves_out_only_what_is_surely_false(parts: list[Any], device: dict[str, Any]) -> None:
    conditions = [scope.compile_when(part) for part in parts]
    candidates = ConditionIndex(conditions).candidates(device)
    assert list(candidates) == sorted(set(candidates))
    for position in set(range(len(conditions))) - set(candidates):
        assert scope.evaluate(conditions[position], device) is False


def test_the_index_is_used_where_rules_name_departments() -> None:
    conditions = [scope.compile_when({"ownership": "corporate", "department": f"d{number}"}) for number in range(100)]
    index = ConditionIndex([*conditions, scope.compile_when({"ownership": "personal"})])
    assert index.candidates({"department": "d7"}) == (7, 100)
    assert index.candidates({"department": "other"}) == (100,)
    # What isn't one text may match several rules, or leave them unknown.
    for value in (None, ["d7", "d8"], 7, True, {"d7": 1}):
        assert len(index.candidates({"department": value})) == 101


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ({"ownership": "corporate"}, {"ownership": ["corporate", "shared"]}, True),
        ({"ownership": ["corporate", "shared"]}, {"ownership": "corporate"}, False),
        ({"ownership": "corporate"}, {"ownership": "corporate", "department": "press"}, False),
        ({"ownership": "corporate", "department": "press"}, {"ownership": "corporate"}, True),
        ({"any": [{"ownership": "corporate"}, {"floor": 1}]}, {"ownership": "corporate"}, False),
        ({"ownership": "corporate"}, {"any": [{"floor": 1}, {"ownership": "corporate"}]}, True),
        ({"not": {"any": [{"floor": 1}, {"floor": 2}]}}, {"not": {"floor": 1}}, True),
        ({"not": {"floor": 1}}, {"not": {"any": [{"floor": 1}, {"floor": 2}]}}, False),
        ({"paid": True}, {"paid": 1}, False),
        ({"paid": 1}, {"paid": True}, False),
    ],
)
def test_plain_implication(narrow: Any, wide: Any, expected: bool) -> None:
    assert scope.implies(scope.compile_when(narrow), scope.compile_when(wide)) is expected


def test_an_old_spelling_of_a_literal_is_understood_and_warns_nobody() -> None:
    # Warnings are errors in these tests, and a warning of a library's is nothing that a policy's author can act on.
    assert compile_expression("ownership == `corporate`").evaluate({"ownership": "corporate"}) is True
