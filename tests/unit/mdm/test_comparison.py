# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Semantic comparison: what a server makes of our objects is no difference, and every real difference is found."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.comparison import differences

SCALARS = st.text("abc XYZ.1", max_size=6) | st.integers(-3, 9) | st.booleans()
KEYS = st.sampled_from(("name", "appId", "value", "children", "settings", "@odata.type"))
BODIES = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12),
    min_size=1,
    max_size=5,
)


def as_a_server_gives_it(value: Any, chosen: random.Random) -> Any:
    """The same object after a stay at a server: ids, defaults, nulls, another order, types left out where the place says them."""
    if isinstance(value, dict):
        kept = {key: as_a_server_gives_it(item, chosen) for key, item in value.items() if key != "@odata.type" or chosen.random() < 0.5}
        return {"id": "made-up", "settingInstanceTemplateReference": None, "version": 3, **kept}
    if isinstance(value, list):
        items = [as_a_server_gives_it(item, chosen) for item in value]
        chosen.shuffle(items)
        return items
    if isinstance(value, str) and value:
        return chosen.choice((value, value + " ", "\n" + value))
    return value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in leaves(item, (*path, index))]
    return [path]


def replaced(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = leaf
    return changed


def with_keys(value: Any, path: str = "") -> Any:
    """The same with a name of its own for every item of a list, as items that can be told apart have one."""
    if isinstance(value, dict):
        return {key: with_keys(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [
            {**with_keys(item, f"{path}.{index}"), "definition": f"{path}.{index}"} if isinstance(item, dict) else with_keys(item, path)
            for index, item in enumerate(value)
        ]
    return value


@given(BODIES, st.randoms(use_true_random=False))
def test_what_a_server_adds_is_no_difference(body: dict[str, Any], chosen: random.Random) -> None:
    assert differences(body, as_a_server_gives_it(body, chosen)) == []


@given(BODIES, st.data())
def test_a_leaf_that_was_changed_is_found(body: dict[str, Any], data: st.DataObject) -> None:
    body = with_keys(body)
    paths = leaves(body)
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    # A value that occurs nowhere else, so that no other item of a list can stand for it.
    assert differences(body, replaced(body, path, "somebody's doing")) != []


@given(BODIES, st.data())
def test_an_item_that_is_gone_or_too_many_is_found(body: dict[str, Any], data: st.DataObject) -> None:
    keys = [key for key, value in body.items() if isinstance(value, list) and value]
    assume(keys)
    key = data.draw(st.sampled_from(keys))
    assert differences(body, {**body, key: body[key][1:]}) == [key]
    assert differences(body, {**body, key: [*body[key], "somebody's"]}) == [key]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": None}, {}),
        ({"a": None}, {"a": ""}),
        ({"a": None}, {"a": []}),
        ({"a": {"b": None}}, {"a": None}),
        ({"a": []}, {}),
        ({"a": []}, {"a": None}),
        ({"a": ["x", "y"]}, {"a": ["y ", "x"]}),
        ({"a": [{"appId": "x"}, {"appId": "y"}]}, {"a": [{"appId": "y", "id": "2"}, {"appId": "x", "id": "1"}]}),
        ({"@odata.type": "#t"}, {}),
    ],
)
def test_these_are_the_same(wanted: Any, found: Any) -> None:
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("wanted", "found", "where"),
    [
        ({"a": 1}, {"a": True}, "a"),
        ({"a": 1}, {"a": "1"}, "a"),
        ({"a": False}, {}, "a"),
        ({"a": "x"}, {}, "a"),
        ({"a": {"b": "x"}}, {"a": None}, "a"),
        ({"a": {"b": "x"}}, {"a": {"b": "X"}}, "a.b"),
        ({"a": None}, {"a": "x"}, "a"),
        ({"a": ["x", "x"]}, {"a": ["x", "y"]}, "a"),
        ({"a": ["x"]}, {"a": ["x", "x"]}, "a"),
        ({"@odata.type": "#t"}, {"@odata.type": "#u"}, "@odata.type"),
        ({"a": [{"appId": "x"}, {"appId": "x", "name": "n"}]}, {"a": [{"appId": "x"}, {"appId": "x"}]}, "a"),
    ],
)
def test_these_are_not(wanted: Any, found: Any, where: str) -> None:
    assert differences(wanted, found) == [where]


def test_items_are_matched_whatever_an_earlier_one_could_also_match() -> None:
    """The loose item fits both, and must not take the place that only the strict one can have."""
    loose, strict = {"appId": "x"}, {"appId": "x", "name": "n"}
    assert differences({"a": [loose, strict]}, {"a": [{**strict, "id": "1"}, {"appId": "x", "id": "2"}]}) == []
