# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignment filters' own little language: (device.deviceOwnership -eq "Corporate") and (device.model -in ["a", "b"])."""

from __future__ import annotations

import re
from collections.abc import Callable

from .device import Device
from .errors import Refusal

TOKEN = re.compile(r'\s*(?:(?P<punct>[()\[\],])|"(?P<text>[^"]*)"|(?P<word>[-\w.]+))')
OWNERSHIP = {"company": "Corporate", "personal": "Personal"}
PROPERTIES: dict[str, Callable[[Device], str]] = {
    "deviceOwnership": lambda device: OWNERSHIP.get(device.ownership, "Unknown"),
    "manufacturer": lambda device: device.manufacturer,
    "model": lambda device: device.model,
    "deviceName": lambda device: device.name,
    "osVersion": lambda device: device.os_version,
    "operatingSystemVersion": lambda device: device.os_version,
    "enrollmentProfileName": lambda _device: "",
    "deviceCategory": lambda _device: "",
}
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "contains": lambda value, wanted: wanted in value,
    "notcontains": lambda value, wanted: wanted not in value,
    "startswith": lambda value, wanted: value.startswith(wanted),
}
Rule = Callable[[Device], bool]


def parse_rule(text: str) -> Rule:
    """Compile a rule. Raises Refusal for one that the service could not read."""
    return RuleReader(text).read()


class RuleReader:
    """Recursive descent over: or, and, not, brackets, comparison."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = TOKEN.match(stripped, position)
            if match is None:
                raise self.refusal()
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            position = match.end()
        self.position = 0

    def refusal(self) -> Refusal:
        return Refusal(400, f"The assignment filter rule is not valid: {self.source}", "BadRequest")

    def read(self) -> Rule:
        rule = self.any_of()
        if self.position != len(self.tokens):
            raise self.refusal()
        return rule

    def next(self, kind: str, wanted: str | None = None) -> str:
        if self.position >= len(self.tokens):
            raise self.refusal()
        found_kind, found = self.tokens[self.position]
        if found_kind != kind or (wanted is not None and found.lower() != wanted):
            raise self.refusal()
        self.position += 1
        return found

    def takes(self, word: str) -> bool:
        if self.position < len(self.tokens) and self.tokens[self.position][1].lower() == word:
            self.position += 1
            return True
        return False

    def any_of(self) -> Rule:
        rules = [self.all_of()]
        while self.takes("or"):
            rules.append(self.all_of())
        return lambda device: any(rule(device) for rule in rules)

    def all_of(self) -> Rule:
        rules = [self.clause()]
        while self.takes("and"):
            rules.append(self.clause())
        return lambda device: all(rule(device) for rule in rules)

    def clause(self) -> Rule:
        if self.takes("not"):
            inner = self.clause()
            return lambda device: not inner(device)
        if self.takes("("):
            inner = self.any_of()
            self.next("punct", ")")
            return inner
        name = self.next("word")
        if not name.startswith("device.") or name[7:] not in PROPERTIES:
            raise self.refusal()
        value_of = PROPERTIES[name[7:]]
        operator = self.next("word").lower().lstrip("-")
        if operator in ("in", "notin"):
            wanted = {value.casefold() for value in self.values()}
            return lambda device: (value_of(device).casefold() in wanted) == (operator == "in")
        if operator not in OPERATORS:
            raise self.refusal()
        test, value = OPERATORS[operator], self.next("text").casefold()
        return lambda device: test(value_of(device).casefold(), value)

    def values(self) -> list[str]:
        self.next("punct", "[")
        found = [self.next("text")]
        while self.takes(","):
            found.append(self.next("text"))
        self.next("punct", "]")
        return found
