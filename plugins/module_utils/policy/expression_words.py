# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that a JMESPath condition compares attributes with: one that no device can have is refused when a policy is read.

``ownership != 'Personal'`` would be true for every device, and ``platform == 'iPhone'`` for none. JMESPath also has its own quotes:
what stands in double quotes, or in none, is an attribute and no text.
"""

from __future__ import annotations

from typing import Any, Collection, Iterator, Mapping, Sequence

from .devices import ATTRIBUTES, FLAGS, VOCABULARY
from .expression_trial import ExpressionError
from .problems import nearest_names

try:
    from jmespath.lexer import Lexer
except ImportError:
    # expression.py says so before anything here is called.
    pass

_LITERALS = ("null", "true", "false")
# What follows the first child of these is about elements of lists, or about a result.
_OF_A_RESULT = frozenset({"projection", "filter_projection", "value_projection", "index_expression", "pipe", "flatten", "subexpression"})
_TEXT_FUNCTIONS = frozenset({"contains", "starts_with", "ends_with"})


def names_in_double_quotes(text: str) -> frozenset[str]:
    """The identifiers that a JMESPath text has in double quotes."""
    if '"' not in text:
        return frozenset()
    return frozenset(token["value"] for token in Lexer().tokenize(text) if token["type"] == "quoted_identifier")


def check_name(node: Mapping[str, Any]) -> None:
    """Raise ExpressionError for a field that is a literal without its backquotes."""
    if node["type"] != "field" or node["value"] not in _LITERALS:
        return
    if node["value"] == "null":
        raise ExpressionError("no literal null: an unknown attribute can't be asked for, it leaves the device unclassified")
    raise ExpressionError(f"`{node['value']}` in backquotes")


def check_words(node: Mapping[str, Any], quoted: Collection[str]) -> None:
    """Raise ExpressionError for a comparison of a device attribute with what no device can have.

    Args:
        node: a part of a condition, without junctions at its top.
        quoted: the identifiers in double quotes of the whole condition.
    """
    for inner in _of_device(node):
        children = inner.get("children", [])
        if inner["type"] == "comparator" and inner["value"] in ("eq", "ne"):
            # The text is what comes last, where both sides stand in double quotes.
            for side, other in (children[::-1], children):
                _check_text(side, other, quoted)
                _check_comparison(side, other)
        elif inner["type"] == "function_expression" and inner["value"] in _TEXT_FUNCTIONS and len(children) == 2:
            _check_text(children[1], children[0], quoted)
            listed = children[0]["value"] if children[0]["type"] == "literal" else None
            for word in listed if isinstance(listed, list) else ():
                _check_comparison(children[1], {"type": "literal", "value": word})


def _of_device(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes that speak of the device itself, and not of elements of its lists."""
    yield node
    if node["type"] == "expref":
        return
    children: Sequence[Any] = node.get("children", [])
    for part in children[:1] if node["type"] in _OF_A_RESULT else children:
        if isinstance(part, dict):
            yield from _of_device(part)


def _check_text(side: Mapping[str, Any], other: Mapping[str, Any], quoted: Collection[str]) -> None:
    """Refuse an attribute where a text was meant."""
    if side["type"] != "field" or side["value"] in ATTRIBUTES or other["type"] == "literal":
        return
    name = side["value"]
    if name in quoted:
        raise ExpressionError(f"text in single quotes ('{name}'); double quotes name an attribute")
    if other["type"] == "field" and name in VOCABULARY.get(other["value"], ()):
        raise ExpressionError(f"text in single quotes ('{name}')")


def _check_comparison(side: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Refuse a literal that an attribute is never equal to."""
    if side["type"] != "field" or other["type"] != "literal":
        return
    attribute, value = side["value"], other["value"]
    if attribute == "groups" and not isinstance(value, list):
        asked = value if isinstance(value, str) else "..."
        raise ExpressionError(f"groups is a list; ask contains(groups, '{asked}')")
    words = VOCABULARY.get(attribute)
    if words == FLAGS:
        if not isinstance(value, bool):
            near = nearest_names(value, ("true", "false"))
            raise ExpressionError(f"{attribute} compared with `true` or `false`, in backquotes", tuple(f"`{word}`" for word in near))
    elif words is not None and (not isinstance(value, str) or value not in words):
        expected = f"{attribute} compared with one of {', '.join(repr(word) for word in words)}"
        raise ExpressionError(expected, tuple(repr(word) for word in nearest_names(value, words)))
