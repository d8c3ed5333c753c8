# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RSQL filters and sort orders of the Pro API."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from .device import version_tuple
from .errors import Refusal

Row = dict[str, Any]
Test = Callable[[Row], bool]
TOKEN = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<and>;|\band\b)|(?P<or>,|\bor\b)"
    r"|(?P<field>[\w.]+)\s*(?P<op>==|!=|>=|<=|=ge=|=le=|=gt=|=lt=|=in=|=out=|>|<)\s*"
    r"(?P<value>\((?:[^()]*)\)|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s;,()]+))"
)
ORDER = {">": "gt", "<": "lt", ">=": "ge", "<=": "le", "=gt=": "gt", "=lt=": "lt", "=ge=": "ge", "=le=": "le"}


def refused(code: str, text: str, field: str) -> Refusal:
    return Refusal(400, code, text, field)


class Parser:
    """A filter as a test for rows. `fields` maps what may be filtered on to how it is read."""

    def __init__(self, text: str, fields: dict[str, Callable[[Row], Any]]) -> None:
        self.fields = fields
        self.tokens: list[dict[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = TOKEN.match(text, position)
            if match is None:
                raise refused("INVALID_QUERY", f"The filter can't be read at {text[position : position + 20]!r}", "filter")
            self.tokens.append({key: value for key, value in match.groupdict().items() if value is not None})
            position = match.end()
        self.at = 0

    def parse(self) -> Test:
        test = self.alternatives()
        if self.at < len(self.tokens):
            raise refused("INVALID_QUERY", "The filter goes on after its end", "filter")
        return test

    def next_is(self, kind: str, value: str | None = None) -> bool:
        found = self.at < len(self.tokens) and kind in self.tokens[self.at] and value in (None, self.tokens[self.at][kind])
        self.at += found
        return found

    def alternatives(self) -> Test:
        tests = [self.conjunction()]
        while self.next_is("or"):
            tests.append(self.conjunction())
        return lambda row: any(test(row) for test in tests)

    def conjunction(self) -> Test:
        tests = [self.single()]
        while self.next_is("and"):
            tests.append(self.single())
        return lambda row: all(test(row) for test in tests)

    def single(self) -> Test:
        if self.next_is("paren", "("):
            test = self.alternatives()
            if not self.next_is("paren", ")"):
                raise refused("INVALID_QUERY", "A parenthesis isn't closed", "filter")
            return test
        if not self.next_is("field"):
            raise refused("INVALID_QUERY", "A comparison is missing", "filter")
        token = self.tokens[self.at - 1]
        read = self.fields.get(token["field"])
        if read is None:
            raise refused("INVALID_FIELD", f"The field {token['field']} can't be filtered on", token["field"])
        return comparison(read, token["op"], token["value"])


def comparison(read: Callable[[Row], Any], operator: str, text: str) -> Test:
    listed = text.startswith("(")
    values = [unquoted(part) for part in (text[1:-1].split(",") if listed else [text])]
    if listed != (operator in ("=in=", "=out=")):
        raise refused("INVALID_QUERY", f"{operator} doesn't go with {text}", "filter")
    if operator in ORDER:
        bound = orderable(values[0])
        name = f"__{ORDER[operator]}__"
        return lambda row: getattr(orderable(written(read(row))), name)(bound) is True
    patterns = [re.compile(".*".join(map(re.escape, value.split("*"))), re.IGNORECASE) for value in values]
    negative = operator in ("!=", "=out=")
    return lambda row: any(pattern.fullmatch(written(read(row))) for pattern in patterns) != negative


def unquoted(text: str) -> str:
    text = text.strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in ("'", '"') else text


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def orderable(text: str) -> Any:
    return version_tuple(text) if re.fullmatch(r"[\d.]+", text) else (-1, text)


def ordered(rows: list[Row], sort: str, fields: dict[str, Callable[[Row], Any]], page: int, key: Callable[[Row], str]) -> list[Row]:
    """Rows in order. Rows that the order doesn't tell apart come differently on every page, as from a database."""
    rows = sorted(rows, key=lambda row: hashlib.md5(f"{page}-{key(row)}".encode()).digest())
    for part in reversed(sort.split(",")):
        name, _colon, direction = part.strip().partition(":")
        if name not in fields or direction not in ("", "asc", "desc"):
            raise refused("INVALID_SORT", f"Can't sort by {part}", "sort")
        read = fields[name]
        rows.sort(key=lambda row: sort_key(read(row)), reverse=direction == "desc")
    return rows


def sort_key(value: Any) -> Any:
    text = written(value)
    return (0, int(text), "") if text.isdigit() else (1, 0, text.lower())
