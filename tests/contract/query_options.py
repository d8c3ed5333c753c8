# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge OData's query options: declared ones only, and every name in them a property of the type that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .shapes import Contract, Operation, Shape
from .values import Selection, listed, nearest, short

# Where pages end that the service cuts by itself: Intune at 1000 objects, the directory at 999.
LARGEST_PAGE, LARGEST_DIRECTORY_PAGE = 1000, 999
DIRECTORY = ("/groups", "/users", "/devices")
# The service puts it into @odata.nextLink; no contract declares it.
OPAQUE = "$skiptoken"
INSIDE_EXPAND = frozenset({"$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count", "$levels", "$search"})
WORDS = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not", "in", "has", "true", "false", "null", "asc", "desc"})
QUOTED = re.compile(r"'(?:[^']|'')*'")
# Instants, GUIDs and numbers begin with a digit, or are hexadecimal up to a hyphen.
LITERAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|-?\d[\w:.+-]*")
NAME = re.compile(r"[A-Za-z_$][\w.]*(?:/[\w.$]+)*")
TYPE_NAME = re.compile(r"(?:isof|cast)\(\s*(?:[\w/]+\s*,\s*)?'?([\w.]+)'?\s*\)")


@dataclass
class Answer:
    """What the options made of the answer, and what is wrong with them."""

    selection: Selection | None = None
    problems: list[str] = field(default_factory=list)


class QueryJudge:
    """Judges the options of one request.

    Args:
        contract: the version that is asked.
        operation: the operation that declares the options.
        template: its path in the contract.
        type_name: the type of the objects that it answers with; empty if it answers with none.
    """

    def __init__(self, contract: Contract, operation: Operation, template: str, type_name: str) -> None:
        self.contract = contract
        self.operation = operation
        self.type_name = type_name
        self.page = LARGEST_DIRECTORY_PAGE if template.startswith(DIRECTORY) else LARGEST_PAGE
        self.answer = Answer()

    def judge(self, query: Iterable[tuple[str, str]]) -> Answer:
        """Judge all options."""
        options: dict[str, str] = {}
        pages = "$top" in self.operation.query
        for name, value in query:
            if name in options:
                self.note(f"{name} is given twice")
            elif name not in self.operation.query and not (name == OPAQUE and pages):
                allowed = listed(self.operation.query) if self.operation.query else "none"
                self.note(f"{name} is no query option of this operation{nearest(name, self.operation.query)}; allowed: {allowed}")
            options[name] = value
        select, expand = self.level(options, self.type_name, "")
        # What a next page shows was said on the first one, so nothing is known of its selection.
        if OPAQUE not in options:
            self.answer.selection = Selection(select, expand)
        return self.answer

    def note(self, text: str) -> None:
        self.answer.problems.append(f"query: {text}")

    def level(self, options: dict[str, str], type_name: str, where: str) -> tuple[frozenset[str] | None, dict[str, Selection]]:
        """Judge the options of the request, or of one $expand."""
        for name in ("$top", "$skip"):
            if name in options:
                self.number(name, options[name], where)
        if options.get("$count", "true") not in {"true", "false"}:
            self.note(f"{where}$count is {options['$count']!r}, expected true or false")
        for name in ("$search", "$select", "$expand", "$filter", "$orderby", OPAQUE):
            if name in options and not options[name].strip():
                self.note(f"{where}{name} is empty")
        if not type_name:
            return None, {}
        for name in ("$filter", "$orderby"):
            self.expression(f"{where}{name}", options.get(name, ""), type_name)
        select = frozenset(self.selected(options["$select"], type_name, where)) if "$select" in options else None
        return select, self.expanded(options.get("$expand", ""), type_name, where)

    def number(self, name: str, value: str, where: str) -> None:
        lowest, highest = (1, self.page) if name == "$top" else (0, 2**31 - 1)
        if not re.fullmatch(r"\d{1,10}", value) or not lowest <= int(value) <= highest:
            self.note(f"{where}{name} is {value!r}, expected {lowest} to {highest}")

    def selected(self, value: str, type_name: str, where: str) -> Iterator[str]:
        for name in filter(None, split(value, ",")):
            yield name.split("/")[0]
            self.path(f"{where}$select", name, type_name)

    def expanded(self, value: str, type_name: str, where: str) -> dict[str, Selection]:
        found: dict[str, Selection] = {}
        for item in filter(None, split(value, ",")):
            name, _open, inside = item.partition("(")
            shape = self.path(f"{where}$expand", name, type_name, navigation=True)
            options: dict[str, str] = {}
            if _open and not inside.endswith(")"):
                self.note(f"{where}$expand={item}: a parenthesis is left open")
            for option in filter(None, split(inside[:-1], ";") if _open else []):
                key, _equals, text = option.partition("=")
                if key not in INSIDE_EXPAND or key in options:
                    self.note(f"{where}$expand={name}({option}): {key!r} is no option there{nearest(key, INSIDE_EXPAND)}")
                options[key] = text
            target = _object(shape)
            select, expand = self.level(options, target, f"{where}$expand={name}: ") if target else (None, {})
            found[name.split("/")[-1]] = Selection(select, expand)
        return found

    def expression(self, where: str, text: str, type_name: str) -> None:
        """Check that every name in a $filter or $orderby is a property. Literals, operators and functions are left out first."""
        for named in TYPE_NAME.findall(text):
            if named not in self.contract.types:
                hint = nearest(named, self.contract.types[type_name].subtypes)
                self.note(f"{where}: {named!r} is no type of {self.contract.version}{hint}")
        text = TYPE_NAME.sub(" ", text)
        if text.count("'") % 2:
            self.note(f"{where}: a quote is left open in {text!r} (a quote inside a text is doubled)")
            return
        text = LITERAL.sub(" ", QUOTED.sub(" ", text))
        variables = set(re.findall(r"(?:any|all)\((\w+):", text))
        for match in NAME.finditer(text):
            name = match[0]
            is_function = text[match.end() :].startswith("(")
            if name in WORDS or name.split("/")[0] in variables or (is_function and "/" not in name):
                continue
            if text[match.end() :].startswith(":"):
                continue
            self.path(where, re.sub(r"/(?:any|all)$", "", name), type_name)

    def path(self, where: str, name: str, type_name: str, navigation: bool = False) -> Shape | None:
        """Follow ``property/property`` from a type; the first segment may be the name of a subtype."""
        segments = name.strip().split("/")
        if segments[0].startswith("microsoft.graph."):
            if segments[0] not in self.contract.types[type_name].subtypes:
                self.note(f"{where}: {segments[0]!r} is no {short(type_name)}")
                return None
            type_name = segments.pop(0)
        shape: Shape | None = None
        for segment in segments:
            names = self.contract.names_of(type_name) if type_name else {}
            shape = names.get(segment) if "@" not in segment else None
            if segment == "$count":
                return None
            if shape is None:
                self.note(f"{where}: {segment!r} is no property of {short(type_name)} in {self.contract.version}{nearest(segment, names)}")
                return None
            type_name = _object(shape)
        if navigation and shape is not None and not shape.navigation:
            self.note(f"{where}: {name!r} is no navigation property of {short(type_name) or 'that type'}")
        return shape


def split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside of parentheses and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
        if character == separator and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _object(shape: Shape | None) -> str:
    """The type of the objects that a property leads to; empty for other values."""
    if shape is None:
        return ""
    target = shape.items if shape.kind == "array" and shape.items else shape
    return target.type_name if target.kind == "object" else ""
