# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JMESPath conditions over device records, made safe for unknown attributes.

JMESPath knows no unknown: a missing field is null, ``ownership != 'personal'`` is then true, and a ban would reach a device
nobody knows anything about. So an expression is split at its and, or and not, and each remaining leaf is unknown as soon as
one device attribute it asks for is.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Collection, Iterator, Mapping

from . import expression_trial, expression_words
from .devices import flag_of, known_value
from .expression_trial import ExpressionError
from .problems import nearest_names

try:
    import jmespath
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions
    from jmespath.visitor import TreeInterpreter
except ImportError:
    # Only policies with an expression need it; on a managed host this file may be carried along without it.
    jmespath = None

_JUNCTIONS = {"or_expression", "and_expression", "not_expression"}
# These see a null or hide one, so that an unknown attribute would count as a known one.
_NULL_SEEING = frozenset({"not_null", "type", "to_string", "to_array"})
_NULL_HOLDING = frozenset({"multi_select_list", "multi_select_dict"})


@dataclass(frozen=True)
class Expression:
    """A checked JMESPath condition. attributes: the device attributes it asks for, sorted."""

    text: str
    attributes: tuple[str, ...]

    def evaluate(self, device: Mapping[str, Any]) -> bool | None:
        """True, False, or None where an attribute asked for is unknown or the result is neither true nor false."""
        return _evaluate(_parsed(self.text), device)

    def unknown_attributes(self, device: Mapping[str, Any]) -> set[str]:
        """The attributes that leave the expression unsettled for a device."""
        return _unsettled(_parsed(self.text), device)


def compile_expression(text: str) -> Expression:
    """The condition of a JMESPath text. Raises ExpressionError."""
    if jmespath is None:
        raise ExpressionError("the Python package jmespath where the policy is read (pip install jmespath), or a mapping")
    try:
        tree = _parsed(text)
        with _old_literals():
            quoted = expression_words.names_in_double_quotes(text)
        _check(tree, quoted)
        attributes = sorted({path[0] for path in _paths(tree)})
    except JMESPathError as error:
        lines = str(error).splitlines() or ["it can't be parsed"]
        raise ExpressionError(f"a JMESPath expression ({lines[0]})") from error
    except RecursionError as error:
        raise ExpressionError("a JMESPath expression that is nested less deeply") from error
    except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # jmespath lets some lexer and literal errors of its own out unwrapped.
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError("a JMESPath expression") from error
    return Expression(text, tuple(attributes))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> dict[str, Any]:
    with _old_literals():
        parsed: dict[str, Any] = jmespath.compile(text).parsed
    return parsed


@contextmanager
def _old_literals() -> Iterator[None]:
    """Without a warning of an old spelling of literals that jmespath still understands; what it means is clear."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


def _check(node: dict[str, Any], quoted: Collection[str]) -> None:
    if node["type"] in _JUNCTIONS:
        for part in node["children"]:
            _check(part, quoted)
        return
    for inner in _nodes(node):
        expression_trial.check_node(inner)
        expression_words.check_name(inner)
        if inner["type"] == "literal" and _holds_null(inner["value"]):
            raise ExpressionError("no literal null: an unknown attribute can't be asked for, it leaves the device unclassified")
        if inner["type"] == "function_expression" and inner["value"] in _NULL_SEEING:
            raise ExpressionError(f"no function {inner['value']}(): it would take an unknown attribute for a known one")
        if inner["type"] == "function_expression" and inner["value"] not in Functions.FUNCTION_TABLE:
            near = nearest_names(inner["value"], Functions.FUNCTION_TABLE)
            meant = f"; did you mean {' or '.join(each + '()' for each in near)}?" if near else ""
            raise ExpressionError(f"a function that JMESPath has (not {inner['value']}(){meant})")
        if inner["type"] in _NULL_HOLDING:
            raise ExpressionError("no list or mapping of parts ([a, b], {a: b}): it would hide an unknown part")
    if not _paths(node):
        raise ExpressionError("an expression each part of which asks for a device attribute by name")
    expression_words.check_words(node, quoted)
    expression_trial.try_part(node, _paths(node))


def group_names(text: str) -> frozenset[str] | None:
    """Names of groups that an expression asks for; None where it asks for groups in a way in which their names don't show.

    ``contains(groups, 'NAME')`` and ``groups[?@ == 'NAME']`` show them.
    """
    found: set[str] = set()
    return frozenset(found) if _find_group_names(_parsed(text), found) else None


def _find_group_names(node: dict[str, Any], found: set[str]) -> bool:
    children = [child for child in node.get("children", ()) if isinstance(child, dict)]
    if _is_groups(node):
        return False
    if node["type"] == "function_expression" and node["value"] == "contains" and len(children) == 2 and _is_groups(children[0]):
        return _take_name(children[1], found)
    if node["type"] == "filter_projection" and _is_groups(children[0]):
        compared = children[2]
        sides = compared.get("children", []) if compared["type"] == "comparator" and compared["value"] == "eq" else []
        others = [side for side in sides if side["type"] != "current"]
        return len(sides) == 2 and len(others) == 1 and _take_name(others[0], found) and children[1]["type"] == "identity"
    return all(_find_group_names(child, found) for child in children)


def _is_groups(node: dict[str, Any]) -> bool:
    return bool(node["type"] == "field" and node["value"] == "groups")


def _take_name(node: dict[str, Any], found: set[str]) -> bool:
    if node["type"] != "literal" or not isinstance(node["value"], str):
        return False
    found.add(node["value"])
    return True


def _holds_null(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(_holds_null(item) for item in (value.values() if isinstance(value, dict) else value))
    return value is None


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = [node]
    for part in node.get("children", ()):
        if isinstance(part, dict):
            found.extend(_nodes(part))
    return found


def _paths(node: dict[str, Any]) -> list[tuple[str, ...]]:
    """The dotted attribute paths that an expression takes from the device itself, not from elements of its lists.

    Raises ExpressionError where it takes the device as a whole (``@``, ``*``), which would ask for every attribute.
    """
    kind = node["type"]
    children = node.get("children", [])
    if kind == "field":
        return [(node["value"],)]
    if kind == "literal":
        return []
    if kind == "subexpression":
        # A chain of fields is one path; after it, what is asked of the result is about that result.
        chain = _chain(node)
        return [chain] if chain else _paths(children[0])
    if kind in ("projection", "filter_projection", "value_projection", "index_expression", "pipe", "flatten"):
        return _paths(children[0])
    if kind in ("current", "identity"):
        raise ExpressionError("attributes by name, not the device as a whole (@ or * outside a filter)")
    if kind == "expref":
        return []
    paths: list[tuple[str, ...]] = []
    for part in children:
        if isinstance(part, dict):
            paths.extend(_paths(part))
    return paths


def _chain(node: dict[str, Any]) -> tuple[str, ...]:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        names: tuple[str, ...] = ()
        for part in node["children"]:
            more = _chain(part)
            if not more:
                return ()
            names += more
        return names
    return ()


def _evaluate(node: dict[str, Any], device: Mapping[str, Any]) -> bool | None:
    kind = node["type"]
    if kind == "not_expression":
        value = _evaluate(node["children"][0], device)
        return None if value is None else not value
    if kind in _JUNCTIONS:
        settled = kind == "or_expression"
        values = [_evaluate(part, device) for part in node["children"]]
        return settled if settled in values else None if None in values else not settled
    return _evaluate_leaf(node, device)


def _evaluate_leaf(node: dict[str, Any], device: Mapping[str, Any]) -> bool | None:
    paths = _paths(node)
    if _unknown(paths, device):
        return None
    record = {path[0]: known_value(device, path[0]) for path in paths}
    if _speaks_of_flags(node):
        record = {attribute: flag_of(value) for attribute, value in record.items()}
    try:
        if node["type"] == "comparator" and None in [TreeInterpreter().visit(side, record) for side in node["children"]]:
            return None
        result = TreeInterpreter().visit(node, record)
    except (JMESPathError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError):
        return None
    return result if isinstance(result, bool) else None


def _speaks_of_flags(node: Mapping[str, Any]) -> bool:
    """Whether a leaf is an attribute alone, or compares one with true or false; a text for these is then taken for them."""
    sides = node["children"] if node["type"] == "comparator" else ()
    return node["type"] == "field" or any(side["type"] == "literal" and isinstance(side["value"], bool) for side in sides)


def _unsettled(node: dict[str, Any], device: Mapping[str, Any]) -> set[str]:
    if node["type"] in _JUNCTIONS:
        found: set[str] = set()
        for part in node["children"]:
            if _evaluate(part, device) is None:
                found |= _unsettled(part, device)
        return found
    if _evaluate_leaf(node, device) is not None:
        return set()
    paths = _paths(node)
    return _unknown(paths, device) or {path[0] for path in paths}


def _unknown(paths: list[tuple[str, ...]], device: Mapping[str, Any]) -> set[str]:
    unknown = set()
    for path in paths:
        value: Any = known_value(device, path[0])
        for name in path[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            unknown.add(path[0])
    return unknown
