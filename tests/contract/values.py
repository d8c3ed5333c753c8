# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a JSON value against a shape, as strictly as the service would and stricter than OpenAPI is."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from .shapes import Contract, ObjectType, Shape

TYPE = "@odata.type"
# Control information that OData lets any object of an answer carry; the second kind belongs to collections.
IN_ANSWERS = frozenset({"@odata.context", TYPE, "@odata.id", "@odata.etag", "@odata.editLink", "@odata.readLink", "@odata.navigationLink"})
IN_COLLECTIONS = frozenset({"@odata.count", "@odata.nextLink", "@odata.deltaLink"})
ON_PROPERTIES = frozenset({"type", "context", "count", "nextLink", "navigationLink", "associationLink", "bind"})
INTEGERS = {"int32": 2**31, "int64": 2**63}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?P<offset>Z|[+-]\d\d:\d\d)?")
TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,12})?")
DURATION = re.compile(r"-?P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?")
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Selection:
    """What a GET asked to see of each object: None as ``select`` means all its own properties."""

    select: frozenset[str] | None = None
    expand: Mapping[str, Selection] = field(default_factory=dict)


class Judge:
    """Collects the violations of one body.

    Args:
        contract: what the body is held against.
        found: the list that violations are added to.
        lead: how each of them begins.
        is_request: requests may not carry what only the service sets.
        other: another version of the same API, for the hint that a name exists there.
    """

    def __init__(self, contract: Contract, found: list[str], lead: str, is_request: bool, other: Contract | None = None) -> None:
        self.contract = contract
        self.found = found
        self.lead = lead
        self.is_request = is_request
        self.other = other

    def value(self, value: Any, shape: Shape, pointer: str = "", selection: Selection | None = None) -> None:
        """Check a value and everything in it."""
        if shape.kind == "any":
            return
        if value is None:
            if not shape.nullable:
                self.note(pointer, f"null, expected {kind_name(shape)}")
        elif shape.kind == "object":
            self.object(value, shape, pointer, selection)
        elif shape.kind == "array":
            self.array(value, shape, pointer, selection)
        elif shape.kind == "map":
            self.map(value, shape, pointer)
        else:
            problem = scalar_problem(value, shape, self.is_request)
            if problem:
                self.note(pointer, problem)

    def array(self, value: Any, shape: Shape, pointer: str, selection: Selection | None) -> None:
        if not isinstance(value, list):
            self.note(pointer, f"{show(value)}, expected an array")
            return
        if shape.max_items is not None and len(value) > shape.max_items:
            self.note(pointer, f"{len(value)} elements, at most {shape.max_items} are allowed")
        for index, item in enumerate(value):
            self.value(item, shape.items or Shape("any"), f"{pointer}/{index}", selection)

    def map(self, value: Any, shape: Shape, pointer: str) -> None:
        if not isinstance(value, dict):
            self.note(pointer, f"{show(value)}, expected an object")
            return
        for name, item in value.items():
            self.value(item, shape.items or Shape("any"), child(pointer, name))

    def object(self, value: Any, shape: Shape, pointer: str, selection: Selection | None) -> None:
        if not isinstance(value, dict):
            self.note(pointer, f"{show(value)}, expected an object ({short(shape.type_name)})")
            return
        actual = self.actual_type(value, self.contract.types[shape.type_name], pointer)
        if actual is None:
            return
        for name, item in value.items():
            if "@" in name:
                self.annotation(name, item, actual, child(pointer, name))
            else:
                self.property(name, item, actual, pointer, selection)
        for name in sorted(actual.required - value.keys()):
            self.note(pointer, f"no {name}, which {short(actual.name)} requires")

    def property(self, name: str, value: Any, owner: ObjectType, pointer: str, selection: Selection | None) -> None:
        here = child(pointer, name)
        shape = owner.properties.get(name)
        if shape is None:
            self.note(here, f"unknown property {name!r} of {self.owner_name(owner)}" + self.hint(name, owner))
            return
        if self.is_request and (shape.read_only or (name == "id" and not pointer and owner.entity)):
            self.note(here, f"{name!r} is read-only in {short(owner.name)} and may not be sent")
        inner = None
        if selection is not None and not owner.entity:
            # The envelope of a collection: what was selected holds for the objects in it.
            inner = selection.expand.get(name)
        elif selection is not None:
            inner = selection.expand.get(name) if shape.navigation else None
            if shape.navigation and inner is None:
                self.note(here, f"{name!r} is a navigation property that the request didn't $expand")
            elif not shape.navigation and selection.select is not None and name not in selection.select and name != "id":
                self.note(here, f"{name!r} was not among the selected {', '.join(sorted(selection.select))}")
        self.value(value, shape, here, inner)

    def actual_type(self, value: Mapping[str, Any], declared: ObjectType, pointer: str) -> ObjectType | None:
        """The type that an object says it has, else the declared one; None where the rest can't be judged."""
        if TYPE not in value:
            # An answer leaves the type out where it is the declared one (OData JSON format, 4.6.3), which an abstract one never is.
            if declared.polymorphic and (self.is_request or declared.abstract):
                self.note(pointer, f"no {TYPE}, which {short(declared.name)} needs; it may be {self.subtypes(declared)}")
                return None
            return declared
        here = child(pointer, TYPE)
        said = value[TYPE]
        if TYPE not in declared.properties:
            self.note(here, f"{TYPE} where {short(declared.name)} has no types")
            return None
        actual = self.contract.types.get(said[1:]) if isinstance(said, str) and said.startswith("#") else None
        if actual is None:
            elsewhere = isinstance(said, str) and self.other is not None and said.lstrip("#") in self.other.types
            hint = f"; {self.other.version} has it" if elsewhere and self.other else ""
            near = nearest(str(said), [f"#{name}" for name in declared.subtypes]) or f"; expected {self.subtypes(declared)}"
            self.note(here, f"{show(said)} is no type of {self.contract.version}{near}{hint}")
            return None
        if actual.name not in declared.subtypes:
            self.note(here, f"{show(said)} is no {short(declared.name)}; expected {self.subtypes(declared)}")
            return None
        if actual.abstract:
            self.note(here, f"{show(said)} is abstract; expected {self.subtypes(actual)}")
        return actual

    def annotation(self, name: str, value: Any, owner: ObjectType, pointer: str) -> None:
        if name == TYPE or (name == "@odata.id" and name in owner.properties):
            if name != TYPE:
                self.value(value, owner.properties[name], pointer)
            return
        on_property, _at, term = name.partition("@odata.")
        shape = owner.properties.get(on_property)
        if self.is_request:
            allowed = shape is not None and (term == "type" or (term == "bind" and shape.navigation))
        elif on_property:
            allowed = shape is not None and term in ON_PROPERTIES - {"bind"}
        elif name in IN_COLLECTIONS:
            allowed = "@odata.nextLink" in owner.properties
        else:
            allowed = name in IN_ANSWERS or (name == "@microsoft.graph.tips" and pointer.count("/") == 1)
        if not allowed:
            may = "only @odata.type is control information there" if self.is_request else "no control information of OData there"
            self.note(pointer, f"unknown property {name!r} of {self.owner_name(owner)}; {may}")
        elif term == "count":
            self.value(value, Shape("integer", format="int32", minimum=0), pointer)
        elif term == "bind" and shape is not None:
            self.value(value, Shape("array", items=Shape("string")) if shape.kind == "array" else Shape("string"), pointer)
        elif not isinstance(value, str) or (term in {"nextLink", "deltaLink"} and not re.match(r"https?://", value)):
            self.note(pointer, f"{show(value)}, expected {'an absolute URL' if term.endswith('Link') else 'text'}")

    def note(self, pointer: str, text: str) -> None:
        part = "request body" if self.is_request else "response body"
        self.found.append(f"{self.lead}: {part}{' ' + pointer if pointer else ''}: {text}")

    def hint(self, name: str, owner: ObjectType) -> str:
        text = nearest(name, owner.properties)
        other = self.other.types.get(owner.name) if self.other else None
        if self.other and other and name in other.properties:
            text += f"; {self.other.version} has it"
        return text or f"; it has {listed(owner.properties)}"

    def owner_name(self, owner: ObjectType) -> str:
        return f"{short(owner.name)} in {self.contract.version}"

    def subtypes(self, declared: ObjectType) -> str:
        return listed(f"#{name}" for name in declared.subtypes if not self.contract.types[name].abstract)


def scalar_problem(value: Any, shape: Shape, is_request: bool) -> str:
    """What is wrong with a text, a number or a truth value; empty if nothing."""
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
    }
    if not fits[shape.kind]:
        return f"{show(value)}, expected {kind_name(shape)}"
    if shape.kind == "integer":
        return _integer_problem(value, shape, is_request)
    if shape.kind == "string":
        return _string_problem(value, shape, is_request)
    return ""


def _integer_problem(value: int, shape: Shape, is_request: bool) -> str:
    bound = INTEGERS.get(shape.format)
    if bound and not -bound <= value < bound:
        return f"{value}, expected an {shape.format}"
    if is_request or shape.maximum is None:
        if shape.minimum is not None and value < shape.minimum:
            return f"{value}, expected {_range(shape)}"
        if shape.maximum is not None and value > shape.maximum:
            return f"{value}, expected {_range(shape)}"
    return ""


def _range(shape: Shape) -> str:
    return f"at least {shape.minimum}" if shape.maximum is None else f"{shape.minimum} to {shape.maximum}"


def _string_problem(value: str, shape: Shape, is_request: bool) -> str:
    if shape.enum and value not in shape.enum:
        return f"{show(value)} is no {short(shape.type_name) or 'choice'}{nearest(value, shape.enum)}; allowed are {listed(shape.enum)}"
    if shape.flags:
        members = value.split(",")
        wrong = [member for member in members if member not in shape.flags]
        if wrong:
            allowed = f"allowed are {listed(shape.flags)}, joined with commas"
            return f"{', '.join(map(show, wrong))} in {show(value)}{nearest(wrong[0], shape.flags)}; {allowed}"
        if len(set(members)) < len(members):
            return f"{show(value)} names a member twice"
    if is_request and shape.max_length is not None and len(value) > shape.max_length:
        return f"{len(value)} characters, at most {shape.max_length} are allowed"
    if shape.format in FORMATS and not FORMATS[shape.format](value):
        return f"{show(value)}, expected {kind_name(shape)}"
    return ""


def _is_instant(value: str, needs_offset: bool = True) -> bool:
    match = INSTANT.fullmatch(value)
    if not match or (needs_offset and not match["offset"]):
        return False
    return _parses(datetime.fromisoformat, value[:19])


def _parses(parse: Any, value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


FORMATS = {
    "date-time": _is_instant,
    "date-time-without-offset": lambda value: _is_instant(value, needs_offset=False),
    "date": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and _parses(date.fromisoformat, value),
    "time": lambda value: TIME.fullmatch(value) is not None and _parses(time.fromisoformat, value[:8]),
    "duration": lambda value: DURATION.fullmatch(value) is not None,
    "uuid": lambda value: UUID.fullmatch(value) is not None,
    "base64url": _is_base64,
}


def kind_name(shape: Shape) -> str:
    """An expectation in words."""
    if shape.kind == "string":
        named = {"uuid": "a GUID", "base64url": "base64"}.get(shape.format, shape.format)
        return f"text ({short(shape.type_name)})" if shape.enum else (named or "text")
    if shape.kind == "object":
        return f"an object ({short(shape.type_name)})"
    words = {"boolean": "true or false", "integer": "a whole number", "array": "an array"}
    return words.get(shape.kind, shape.kind) + (f" ({shape.format})" if shape.format else "")


def nearest(name: str, names: Iterable[str]) -> str:
    """The names that somebody may have meant."""
    folded = {other.casefold(): other for other in sorted(names) if other != TYPE}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    return f"; nearest: {', '.join(folded[other] for other in close)}" if close else ""


def listed(names: Iterable[str]) -> str:
    """Up to a dozen names."""
    every = sorted(name for name in names if name != TYPE)
    return ", ".join(every[:12]) + (f" and {len(every) - 12} more" if len(every) > 12 else "")


def short(type_name: str) -> str:
    return type_name.removeprefix("microsoft.graph.")


def show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else text[:77] + "..."


def child(pointer: str, name: str) -> str:
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
