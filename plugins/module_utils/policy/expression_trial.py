# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying a JMESPath condition when a policy is read, so that one that fails for every device is refused and not unknown for everybody.

JMESPath finds wrong numbers and types of arguments, and steps of 0, only when it evaluates.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Iterable, Mapping, Sequence

from .devices import ATTRIBUTES, FLAGS, VOCABULARY

try:
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions
    from jmespath.visitor import TreeInterpreter
except ImportError:
    # expression.py says so before anything here is called.
    pass

# What only chains, comparisons and calls are made of. What else there is asks for parts of lists, whose form nobody declares.
_TRIED = frozenset({"comparator", "function_expression", "field", "subexpression", "literal"})
# One that to_number() can read.
_TEXT = "1"
# An asset fact has the type that its file gives it.
_FACTS: tuple[Any, ...] = (_TEXT, 1, True, [_TEXT], [1])
_MOST_FACTS = 2


class ExpressionError(ValueError):
    """A text that can't serve as a condition; the message says what was expected. nearest: what may have been meant."""

    def __init__(self, expected: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.nearest = nearest


def check_node(node: Mapping[str, Any]) -> None:
    """Raise ExpressionError for what fails whatever the device is: a step of 0, a call with a wrong number of arguments."""
    children = node.get("children", [])
    if node["type"] == "slice" and len(children) == 3 and children[2] == 0:
        raise ExpressionError("a JMESPath expression (the step of a slice can't be 0)")
    if node["type"] == "function_expression" and node["value"] in Functions.FUNCTION_TABLE:
        signature = Functions.FUNCTION_TABLE[node["value"]]["signature"]
        open_ended = bool(signature) and bool(signature[-1].get("variadic"))
        if len(children) < len(signature) or (len(children) > len(signature) and not open_ended):
            wanted = f"{len(signature)}{' or more' if open_ended else ''} argument{'' if len(signature) == 1 else 's'}"
            raise ExpressionError(f"a JMESPath expression ({node['value']}() takes {wanted}, not {len(children)})")


def try_part(node: dict[str, Any], paths: Iterable[Sequence[str]]) -> None:
    """Raise ExpressionError for a part of a condition that is neither true nor false for any device, because of types.

    Args:
        node: the part, without junctions at its top.
        paths: the attribute paths that it asks for.
    """
    paths = sorted({tuple(path) for path in paths})
    facts = [path for path in paths if path[0] not in ATTRIBUTES]
    if len(facts) > _MOST_FACTS or not _is_plain(node):
        return
    failure, neither = "", ""
    for values in product(_FACTS, repeat=len(facts)):
        sample: dict[str, Any] = {path[0]: _of_attribute(path[0]) for path in paths if path[0] in ATTRIBUTES}
        for path, value in zip(facts, values):
            _enter(sample, path, value)
        try:
            result = TreeInterpreter().visit(node, sample)
        except TypeError:
            failure = "<, >, <= and >= compare numbers with numbers; to_number() makes one of a text"
        except (JMESPathError, ArithmeticError, ValueError, LookupError, AttributeError, RecursionError) as error:
            failure = (str(error).splitlines() or ["it fails"])[0]
        else:
            if isinstance(result, bool):
                return
            neither = "it gives neither true nor false; compare it with something"
    raise ExpressionError(f"a JMESPath expression that can be true or false ({neither or failure})")


def _is_plain(node: Mapping[str, Any]) -> bool:
    return node["type"] in _TRIED and all(_is_plain(part) for part in node.get("children", ()) if isinstance(part, dict))


def _of_attribute(attribute: str) -> Any:
    if attribute == "groups":
        return [_TEXT]
    return True if VOCABULARY.get(attribute) == FLAGS else _TEXT


def _enter(sample: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        inner = sample.get(name)
        sample = inner if isinstance(inner, dict) else sample.setdefault(name, {}) if inner is None else {}
    sample[path[-1]] = value
