# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validators: what a document may look like, written once and read twice.

The parser checks documents against these validators, and the JSON Schemas in schemas/ are generated from the same ones, so that
an editor and the collection say the same about the structure of a document. What needs knowledge beyond structure (dates
that exist, names that are known, duplicates) is the parser's alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Union

from .problems import STRUCTURE, Problem, child, nearest_names, show
from .sanitize import INVALID, Invalid


@dataclass(frozen=True)
class Text:
    """Text that matches a pattern as a whole. `expected` names it to a person.

    stricter, here and in other validators: what the JSON Schema says besides, because the parser refuses it with better words elsewhere.
    meant: what a text that does not match was probably meant to be, empty for nothing.
    """

    expected: str = "text"
    pattern: str = r"[^\x00]*[^\s\x00][^\x00]*"
    max_length: int = 2000
    about: str = ""
    stricter: Mapping[str, Any] = field(default_factory=dict, compare=False)
    meant: Callable[[str], str] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Choice:
    """One of a closed list of words."""

    values: tuple[str, ...]
    about: str = ""


@dataclass(frozen=True)
class Flag:
    """true or false."""

    about: str = ""


@dataclass(frozen=True)
class Number:
    """A number above or at `least`, at most `most`; `whole` for whole numbers."""

    least: int
    most: int
    whole: bool = True
    about: str = ""


@dataclass(frozen=True)
class ListOf:
    """A list with at least one item."""

    item: Validator
    about: str = ""
    stricter: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Record:
    """A mapping with known keys; `rest` is the shape of all others, which are refused without it.

    `beside`: key -> another key that has to stand beside it.
    """

    fields: Mapping[str, Validator]
    required: tuple[str, ...] = ()
    rest: Validator | None = None
    rest_pattern: str = ""
    rest_expected: str = ""
    about: str = ""
    never_empty: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)
    stricter: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ByType:
    """Different validators by what a value is: text, flag, number, list, mapping. Types left out are refused."""

    expected: str
    text: Validator | None = None
    flag: Validator | None = None
    number: Validator | None = None
    sequence: Validator | None = None
    mapping: Validator | None = None
    about: str = ""


@dataclass(frozen=True)
class Named:
    """A validator by name, so that validators can hold themselves."""

    name: str
    get: Callable[[], Validator] = field(compare=False)
    about: str = ""


Validator = Union[Text, Choice, Flag, Number, ListOf, Record, ByType, Named]

# What a flag is called in a document.
FLAG_WORDS = ("true", "false")


def validate(validator: Validator, value: Any, file: str, path: str, problems: list[Problem]) -> Any:
    """The value with INVALID wherever a part has not the shape; one Problem is added for each.

    value: plain JSON types. Unknown keys are left out of the result.
    """
    return _Checker(file, problems).check(validator, value, path)


def sound(value: Any) -> bool:
    """Whether a checked value has no refused part."""
    if isinstance(value, dict):
        return all(sound(item) for item in value.values())
    if isinstance(value, list):
        return all(sound(item) for item in value)
    return value is None or isinstance(value, (str, int, float))


def _fits_in_quotes(validator: Text, value: Any) -> bool:
    """Whether a number or flag would be right as a text."""
    if not isinstance(value, (int, float)) or abs(value) > 10**30:
        return False
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.fullmatch(validator.pattern, text) is not None


class _Checker:
    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems

    def check(self, validator: Validator, value: Any, path: str) -> Any:
        if isinstance(value, Invalid):
            # Refused before, when it was read.
            return value
        if isinstance(validator, Named):
            return self.check(validator.get(), value, path)
        if isinstance(validator, Text):
            return self._text(validator, value, path)
        if isinstance(validator, Choice):
            if isinstance(value, str) and value in validator.values:
                return value
            return self.refuse(path, value, "one of " + ", ".join(validator.values), nearest_names(value, validator.values))
        if isinstance(validator, Flag):
            return value if isinstance(value, bool) else self.refuse(path, value, "true or false", nearest_names(value, FLAG_WORDS))
        if isinstance(validator, Number):
            return self._number(validator, value, path)
        if isinstance(validator, ListOf):
            if not isinstance(value, list) or not value:
                return self.refuse(path, value, "a list with at least one item")
            return [self.check(validator.item, item, child(path, index)) for index, item in enumerate(value)]
        if isinstance(validator, Record):
            return self._record(validator, value, path)
        return self._by_type(validator, value, path)

    def _text(self, validator: Text, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            hint = " (put it in quotes)" if "in quotes" not in validator.expected and _fits_in_quotes(validator, value) else ""
            return self.refuse(path, value, validator.expected + hint)
        if len(value) > validator.max_length:
            return self.refuse(path, value, f"{validator.expected}, at most {validator.max_length} characters")
        if re.fullmatch(validator.pattern, value) is None:
            meant = validator.meant(value) if validator.meant is not None else ""
            return self.refuse(path, value, validator.expected, (meant,) if meant else ())
        return value

    def _number(self, validator: Number, value: Any, path: str) -> Any:
        expected = f"a {'whole ' if validator.whole else ''}number from {validator.least} to {validator.most}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return self.refuse(path, value, expected)
        if not validator.least <= value <= validator.most or (validator.whole and value != int(value)):
            return self.refuse(path, value, expected)
        return int(value) if validator.whole else value

    def _record(self, validator: Record, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self.refuse(path, value, "a mapping" + (f" with the keys {', '.join(validator.required)}" if validator.required else ""))
        checked: dict[str, Any] = {}
        for key, item in value.items():
            if key in validator.fields:
                checked[key] = self.check(validator.fields[key], item, child(path, key))
            elif validator.rest is not None and re.fullmatch(validator.rest_pattern, key):
                checked[key] = self.check(validator.rest, item, child(path, key))
            else:
                known = tuple(validator.fields)
                expected = validator.rest_expected if validator.rest is not None else "one of the keys " + ", ".join(known)
                self.refuse_text(child(path, key), f"the unknown key {show(key)}", expected, nearest_names(key, known), of_key=True)
        for key in validator.required:
            if key not in value:
                self.refuse_text(path, f"no {key}", f"the key {key}")
        for key, other in validator.beside.items():
            if key in value and other not in value:
                self.refuse_text(path, f"{key} without {other}", f"the key {other}")
        if validator.never_empty and not value:
            return self.refuse(path, value, "at least one of the keys " + ", ".join(validator.fields))
        return checked

    def _by_type(self, validator: ByType, value: Any, path: str) -> Any:
        chosen: Validator | None = None
        if isinstance(value, bool):
            chosen = validator.flag
        elif isinstance(value, str):
            chosen = validator.text
        elif isinstance(value, (int, float)):
            chosen = validator.number
        elif isinstance(value, list):
            chosen = validator.sequence
        elif isinstance(value, dict):
            chosen = validator.mapping
        if chosen is None:
            return self.refuse(path, value, validator.expected, nearest_names(value, FLAG_WORDS) if validator.flag is not None else ())
        return self.check(chosen, value, path)

    def refuse(self, path: str, value: Any, expected: str, nearest: tuple[str, ...] = ()) -> Invalid:
        return self.refuse_text(path, show(value), expected, nearest)

    def refuse_text(self, path: str, found: str, expected: str, nearest: tuple[str, ...] = (), of_key: bool = False) -> Invalid:
        self.problems.append(Problem(self.file, path, found, expected, nearest, STRUCTURE, of_key))
        return INVALID
