# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to spoil a document: every node, every kind of damage."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]

# What a hand or a script may leave where something else belongs. JSON has all of these.
REPLACEMENTS: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    " ",
    "x",
    "X y",
    "a\n",
    "*",
    "P6M",
    "2023-02-30",
    "2023-03-01T00:00:00",
    "tiktok",
    [],
    ["x"],
    [None],
    [[]],
    {},
    {"x": 1},
    {"any": [{}]},
    "\u202e\u00e9\U0001f600",
    "x" * 5000,
)


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every node of a document, the document itself first."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from paths(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from paths(value, (*path, index))


def replaced(document: Any, path: Path, value: Any) -> Any:
    """A copy of a document with another value at a path."""
    if not path:
        return copy.deepcopy(value)
    changed = copy.deepcopy(document)
    parent(changed, path)[path[-1]] = copy.deepcopy(value)
    return changed


def deleted(document: Any, path: Path) -> Any:
    """A copy of a document without what is at a path."""
    changed = copy.deepcopy(document)
    del parent(changed, path)[path[-1]]
    return changed


def parent(document: Any, path: Path) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def get(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def table(document: Any) -> Iterator[tuple[str, Any]]:
    """Every single damage to every node, with a name for it."""
    for path in list(paths(document)):
        name = "/".join(map(str, path)) or "$"
        for value in REPLACEMENTS:
            yield f"{name}={str(value)[:20]!r}", replaced(document, path, value)
        if path:
            yield f"{name} deleted", deleted(document, path)
            yield f"{name} in a list", replaced(document, path, [get(document, path)])
            yield f"{name} in a mapping", replaced(document, path, {"value": get(document, path)})
        if isinstance(get(document, path), dict):
            yield f"{name}/unknown", replaced(document, path, {**get(document, path), "unknown_key": 1})


def spoiled(document: Any, wild: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Documents with one to four damages, `wild` values among them."""

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        changed = copy.deepcopy(document)
        for _round in range(draw(st.integers(1, 4))):
            path = draw(st.sampled_from(list(paths(changed))))
            damage = draw(st.sampled_from(["replace", "delete", "wild", "insert", "nest"]))
            node = get(changed, path)
            if damage == "delete" and path:
                changed = deleted(changed, path)
            elif damage == "insert" and isinstance(node, dict):
                changed = replaced(changed, path, {**node, draw(st.text(max_size=8)): draw(wild)})
            elif damage == "nest":
                changed = replaced(changed, path, draw(st.sampled_from([[node], {"value": node}, {"not": node}])))
            else:
                changed = replaced(changed, path, draw(wild if damage == "wild" else st.sampled_from(REPLACEMENTS)))
        return changed

    return build()


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
# What a YAML reader or an inventory may hand over beyond JSON.
wild_values = st.one_of(
    json_values,
    st.floats(),
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(),
    st.sets(st.integers(), max_size=2),
    st.dictionaries(st.one_of(st.integers(), st.booleans(), st.none()), st.text(max_size=3), max_size=2),
    st.just("\ud800"),
    st.just(10**5000),
    st.builds(object),
)
