# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions over device records, in three-valued logic.

A condition about an attribute that is unknown is neither true nor false: it is unknown (None), and any, all and not carry it
on by Kleene's rules. Filling in an unknown attribute can turn unknown into true or false, but never true into false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence, Union

from . import expression
from .devices import NAMES, VOCABULARY, compared_value, flag_of
from .expression import Expression
from .model import When
from .names_compared import comparable

Scalar = Union[str, int, float, bool]


@dataclass(frozen=True)
class Wanted:
    """An attribute that must have one of these values."""

    attribute: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class AllOf:
    """Every part must hold; without parts it always holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """One part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part must not hold."""

    part: Condition


Condition = Union[Wanted, AllOf, AnyOf, Not, Expression]
ALWAYS = AllOf(())


def compile_when(when: When) -> Condition:
    """The condition of an authored `when` that has the right shape.

    Raises expression.ExpressionError for a JMESPath text that can't serve as a condition.
    """
    if isinstance(when, str):
        return expression.compile_expression(when)
    parts: list[Condition] = []
    for key, value in when.items():
        if key == "any":
            parts.append(AnyOf(tuple(compile_when(part) for part in value)))
        elif key == "all":
            parts.append(AllOf(tuple(compile_when(part) for part in value)))
        elif key == "not":
            part = compile_when(value)
            parts.append(part.part if isinstance(part, Not) else Not(part))
        else:
            parts.append(Wanted(key, _compared(key, value if isinstance(value, list) else [value])))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def evaluate(condition: Condition, device: Mapping[str, Any]) -> bool | None:
    """True, False, or None where the device's known attributes don't settle it. device: plain types."""
    if isinstance(condition, Wanted):
        return _has_wanted(condition, device)
    if isinstance(condition, AllOf):
        result: bool | None = True
        for part in condition.parts:
            value = evaluate(part, device)
            if value is False:
                return False
            if value is None:
                result = None
        return result
    if isinstance(condition, AnyOf):
        result = False
        for part in condition.parts:
            value = evaluate(part, device)
            if value is True:
                return True
            if value is None:
                result = None
        return result
    if isinstance(condition, Not):
        value = evaluate(condition.part, device)
        return None if value is None else not value
    return condition.evaluate(device)


def unknown_attributes(condition: Condition, device: Mapping[str, Any]) -> set[str]:
    """The attributes whose absence leaves a condition unsettled."""
    if isinstance(condition, (AllOf, AnyOf)):
        found: set[str] = set()
        for part in condition.parts:
            if evaluate(part, device) is None:
                found |= unknown_attributes(part, device)
        return found
    if isinstance(condition, Not):
        return unknown_attributes(condition.part, device)
    if isinstance(condition, Wanted):
        return {condition.attribute} if _has_wanted(condition, device) is None else set()
    return condition.unknown_attributes(device) if condition.evaluate(device) is None else set()


def attributes(condition: Condition) -> set[str]:
    """Every device attribute that a condition asks for."""
    if isinstance(condition, Wanted):
        return {condition.attribute}
    if isinstance(condition, Not):
        return attributes(condition.part)
    if isinstance(condition, (AllOf, AnyOf)):
        return set().union(*(attributes(part) for part in condition.parts))
    return set(condition.attributes)


def implies(narrow: Condition, wide: Condition) -> bool:
    """Whether every device of one condition plainly belongs to the other.

    Sound but not complete: true only where the forms show it. Used to find exemptions that cover the whole scope.
    """
    # Python takes true and 1 for equal, a rule doesn't; their texts differ.
    if wide == ALWAYS or (narrow == wide and repr(narrow) == repr(wide)):
        return True
    if isinstance(narrow, AnyOf):
        return all(implies(part, wide) for part in narrow.parts)
    if isinstance(wide, AllOf):
        return all(implies(narrow, part) for part in wide.parts)
    if isinstance(wide, AnyOf) and any(implies(narrow, part) for part in wide.parts):
        return True
    if isinstance(wide, Wanted):
        vocabulary = VOCABULARY.get(wide.attribute)
        if vocabulary is not None and set(vocabulary) <= set(wide.values):
            return True
    if isinstance(narrow, Wanted) and isinstance(wide, Wanted):
        return narrow.attribute == wide.attribute and all(_among(value, wide.values) for value in narrow.values)
    if isinstance(narrow, Not) and isinstance(wide, Not):
        return implies(wide.part, narrow.part)
    if isinstance(narrow, AllOf):
        return any(implies(part, wide) for part in narrow.parts)
    return False


def _compared(attribute: str, values: Sequence[Scalar]) -> tuple[Scalar, ...]:
    """Wanted values in the form in which they are compared."""
    return tuple(comparable(value) if attribute in NAMES and isinstance(value, str) else value for value in values)


def _has_wanted(wanted: Wanted, device: Mapping[str, Any]) -> bool | None:
    value = compared_value(device, wanted.attribute)
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, (list, tuple)):
        results = [_matches(item, wanted.values) for item in value]
        return True if True in results else None if None in results else False
    return _matches(value, wanted.values)


def _matches(value: Any, values: Sequence[Scalar]) -> bool | None:
    """Whether a value is among the wanted ones; None where they are of another type than the rule speaks of."""
    if value is None or isinstance(value, (list, tuple, dict)):
        return None
    if _among(value, values):
        return True
    flag = flag_of(value)
    if isinstance(flag, bool):
        # "not paid at all" (false) is surely neither "full" nor "part"; "paid" (true) could be either.
        return _among(flag, values) or (False if flag is False or any(isinstance(word, bool) for word in values) else None)
    return None if all(isinstance(word, bool) for word in values) else False


def _among(value: Any, values: Sequence[Scalar]) -> bool:
    if isinstance(value, bool):
        return any(word is value for word in values)
    # Inventories give numbers as text and the other way round: 7 and "7" are one value, true and 1 are not.
    text = _text(value)
    return any(not isinstance(word, bool) and (word == value or _text(word) == text) for word in values)


def _text(value: Scalar) -> str:
    # No rule speaks of longer numbers, and Python refuses to write very long ones out.
    return str(value) if isinstance(value, str) or abs(value) < 10**16 else ""
