# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of OData that Graph offers here: filters, selection, expansion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..clock import parse_instant
from .errors import Refusal

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<punct>[(),])|(?P<word>[^\s(),']+))")
Test = Callable[[dict[str, Any]], bool]


class NotUnderstood(Exception):
    """A filter outside of the little grammar below."""


def tokens_of(text: str) -> list[str]:
    found = []
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        match = TOKEN.match(stripped, position)
        if match is None:
            raise NotUnderstood(text)
        found.append(match.group("text") or match.group("punct") or match.group("word"))
        position = match.end()
    return found


def literal(token: str) -> Any:
    """A constant; in a text the single quote is doubled."""
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    return {"true": True, "false": False, "null": None}.get(token, token)


class Filter:
    """Parses `a eq 'x' or startswith(b,'y') and isof('t')` with brackets; raises NotUnderstood for the rest of OData."""

    def __init__(self, text: str, fold_case: bool = False) -> None:
        self.fold_case = fold_case
        self.fields: set[tuple[str, str]] = set()
        self.clauses = 0
        self.tokens = tokens_of(text)
        self.position = 0
        self.test = self.any_of()
        if self.position != len(self.tokens):
            raise NotUnderstood(text)

    def next(self) -> str:
        if self.position >= len(self.tokens):
            raise NotUnderstood("the filter ends too early")
        self.position += 1
        return self.tokens[self.position - 1]

    def expect(self, wanted: str) -> None:
        if self.next() != wanted:
            raise NotUnderstood(f"{wanted} expected")

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def any_of(self) -> Test:
        tests = [self.all_of()]
        while self.peek() == "or":
            self.next()
            tests.append(self.all_of())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def all_of(self) -> Test:
        tests = [self.clause()]
        while self.peek() == "and":
            self.next()
            tests.append(self.clause())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def clause(self) -> Test:
        first = self.next()
        self.clauses += 1
        if first == "(":
            inside = self.any_of()
            self.expect(")")
            return inside
        if first in ("startswith", "contains"):
            return self.text_function(first)
        if first == "isof":
            self.expect("(")
            wanted = str(literal(self.next())).removeprefix("#")
            self.expect(")")
            self.fields.add(("@odata.type", "isof"))
            return lambda row: str(row.get("@odata.type", "")).removeprefix("#") == wanted
        operator = self.next()
        if operator not in ("eq", "ne", "lt", "gt", "le", "ge"):
            raise NotUnderstood(operator)
        value = literal(self.next())
        self.fields.add((first, operator))
        return lambda row: compare(operator, self.folded(row.get(first)), self.folded(value))

    def text_function(self, function: str) -> Test:
        self.expect("(")
        field = self.next()
        self.expect(",")
        value = self.folded(literal(self.next()))
        self.expect(")")
        self.fields.add((field, function))
        if function == "startswith":
            return lambda row: str(self.folded(row.get(field)) or "").startswith(str(value))
        return lambda row: str(value) in str(self.folded(row.get(field)) or "")

    def folded(self, value: Any) -> Any:
        return value.casefold() if self.fold_case and isinstance(value, str) else value


def compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "eq":
        return bool(left == right)
    if operator == "ne":
        return bool(left != right)
    if left is None or right is None:
        return False
    try:
        left, right = parse_instant(str(left)), parse_instant(str(right))
    except ValueError:
        left, right = str(left), str(right)
    return bool({"lt": left < right, "gt": left > right, "le": left <= right, "ge": left >= right}[operator])


def list_of(text: str | None) -> list[str]:
    """Split a $select at its commas."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def expansions(text: str | None) -> dict[str, str]:
    """Split `a,b($expand=c)` into {a: "", b: "$expand=c"}."""
    found: dict[str, str] = {}
    depth = 0
    start = 0
    text = text or ""
    for position, character in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            part = text[start:position].strip()
            start = position + 1
            if part:
                name, _bracket, inside = part.partition("(")
                found[name.strip()] = inside.removesuffix(")")
    if depth:
        raise Refusal(400, f"Parsing OData Select and Expand failed: {text}")
    return found


def selected(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A row with the selected properties only, not even its id unless selected; the type annotation always comes along."""
    if not names:
        return row
    wanted = {*names, "@odata.type"}
    return {key: value for key, value in row.items() if key in wanted}
