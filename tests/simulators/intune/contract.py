# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types and paths of one version of Graph: what may be written, what may be shown.

A v1.0 request must not reach what exists in beta only, in either direction (Intune fact sheet, 1.1).
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from typing import Any, NamedTuple

from ..clock import parse_instant
from .errors import Refusal

NAMESPACE = "#microsoft.graph."
# Relations, shown only with $expand or below their own path.
NAVIGATION = frozenset({
    "assignments", "settings", "scheduledActionsForRule", "scheduledActionConfigurations", "managedDevices", "detectedApps",
    "deviceStatuses", "deviceStatusOverview", "categories", "members", "owners", "deviceCompliancePolicyStates",
    "deviceConfigurationStates", "deviceHealthScriptStates", "users", "localizedNotificationMessages", "apps",
})  # fmt: skip
# Graph takes these without @odata.type although the description requires it.
TYPE_IS_OPTIONAL = frozenset({"conditionalAccessPolicy", "policyDeletableItem"})


class Kind(NamedTuple):
    """What a property holds, see boil_down.py."""

    array: bool
    code: str
    name: str
    nullable: bool
    read_only: bool


@functools.cache
def parse_kind(text: str) -> Kind:
    core = text.rstrip("?!")
    marks = text[len(core) :]
    array = core.startswith("[]")
    code, _colon, name = core.removeprefix("[]").partition(":")
    # The mark of an array's elements is of no interest to us; an array itself is never null.
    return Kind(array, code, name, "?" in marks and not array, "!" in marks)


class Contract:
    """One version of Graph."""

    def __init__(self, version: str, sections: dict[str, Any]) -> None:
        self.version = version
        self.types: dict[str, Any] = sections["types"]
        self.enums: dict[str, list[str]] = sections["enums"]
        self.paths: list[tuple[tuple[str, ...], dict[str, list[Any]]]] = [
            (tuple(path.strip("/").split("/")), methods) for path, methods in sections["paths"].items()
        ]
        self._properties: dict[str, dict[str, Kind]] = {}

    def methods(self, segments: list[str]) -> dict[str, list[Any]] | None:
        """The methods of a path, or None where this version has no such path."""
        for template, methods in self.paths:
            if len(template) == len(segments) and all(part in ("{}", segment) for part, segment in zip(template, segments, strict=True)):
                return methods
        return None

    def properties(self, name: str) -> dict[str, Kind]:
        """A type's properties, inherited ones first."""
        if name not in self._properties:
            entry = self.types[name]
            inherited = self.properties(entry["base"]) if "base" in entry else {}
            self._properties[name] = {**inherited, **{key: parse_kind(text) for key, text in entry["p"].items()}}
        return self._properties[name]

    def is_a(self, name: str, ancestor: str) -> bool:
        while name != ancestor:
            if "base" not in self.types.get(name, {}):
                return False
            name = self.types[name]["base"]
        return True

    def actual_type(self, declared: str, value: dict[str, Any], where: str) -> str:
        """The type an object says it has. Raises Refusal where it must say one, or says one that isn't possible here."""
        said = value.get("@odata.type")
        entry = self.types[declared]
        if said is None:
            if (entry.get("abstract") or entry.get("typed")) and declared not in TYPE_IS_OPTIONAL:
                raise Refusal(400, f"Cannot create an abstract class. ({where or declared}: @odata.type of {declared} is missing)")
            return declared
        name = str(said).removeprefix("#").removeprefix("microsoft.graph.")
        if not str(said).startswith("#") or name not in self.types or not self.is_a(name, declared):
            raise Refusal(
                400, f"The type '{said}' of {where or 'the body'} cannot be resolved to a type that is assignable to '{declared}'.",
                "ModelValidationFailure",
            )  # fmt: skip
        if self.types[name].get("abstract"):
            raise Refusal(400, f"Cannot create an abstract class. ({where or name})")
        return name

    def check(self, declared: str, value: Any, where: str = "") -> dict[str, Any]:
        """Validate what a client wrote as strictly as the service, and return it without read-only properties and annotations."""
        if not isinstance(value, dict):
            raise Refusal(400, f"An object was expected for {where or 'the body'}, found {type(value).__name__}.")
        name = self.actual_type(declared, value, where)
        known = self.properties(name)
        clean = {}
        for key, content in value.items():
            if key == "@odata.type":
                clean[key] = content
                continue
            if "@odata." in key:
                continue
            if key not in known:
                raise Refusal(
                    400, f"The property '{key}' does not exist on type 'microsoft.graph.{name}'. Make sure to only use property names "
                    "that are defined by the type or mark the type as open type.",
                )  # fmt: skip
            kind = known[key]
            checked = self.check_property(kind, content, f"{where}.{key}" if where else key)
            if not kind.read_only:
                clean[key] = checked
        return clean

    def check_property(self, kind: Kind, content: Any, where: str) -> Any:
        if kind.array:
            if not isinstance(content, list):
                raise Refusal(400, f"Property '{where}' in payload has a value that does not match schema: a collection was expected.")
            return [self.check_value(kind, item, f"{where}[{index}]") for index, item in enumerate(content)]
        if content is None:
            if not kind.nullable:
                raise Refusal(400, f"A null value was found for the property '{where}', which does not allow null values.")
            return None
        return self.check_value(kind, content, where)

    def check_value(self, kind: Kind, content: Any, where: str) -> Any:
        if kind.code == "o":
            return self.check(kind.name, content, where)
        if kind.code == "e" and content not in self.enums[kind.name]:
            raise Refusal(400, f"Requested value '{content}' was not found. ({where}: microsoft.graph.{kind.name})")
        if kind.code == "f" and not set(str(content).replace(" ", "").split(",")) <= set(kind.name.split(",")):
            raise Refusal(400, f"Requested value '{content}' was not found. ({where})")
        if not SCALAR_CHECKS.get(kind.code, lambda _value: True)(content):
            raise Refusal(400, f"Cannot convert the literal '{content}' to the expected type. ({where})", "ModelValidationFailure")
        return content

    def show(self, declared: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """What this version shows of a stored object: None for a type that it doesn't know."""
        name = str(value.get("@odata.type", declared)).removeprefix(NAMESPACE)
        if name not in self.types:
            return None
        known = self.properties(name)
        shown: dict[str, Any] = {}
        for key, content in value.items():
            if key not in known:
                continue
            kind = known[key]
            if kind.array:
                items = [self.show_value(kind, item) for item in content]
                shown[key] = [item for item in items if item is not None]
            else:
                shown[key] = None if content is None else self.show_value(kind, content)
        return shown

    def show_value(self, kind: Kind, content: Any) -> Any:
        if kind.code == "o":
            return self.show(kind.name, content)
        if kind.code == "e" and content not in self.enums[kind.name]:
            values = self.enums[kind.name]
            return "unknownFutureValue" if "unknownFutureValue" in values else values[0]
        return content

    def defaults(self, name: str) -> dict[str, Any]:
        """What the service adds to a new object of that type."""
        filled: dict[str, Any] = {}
        for key, kind in self.properties(name).items():
            if key in NAVIGATION or key.startswith("@") or key == "id":
                continue
            if kind.array:
                filled[key] = []
            elif kind.nullable:
                filled[key] = None
            elif kind.code == "e":
                filled[key] = self.enums[kind.name][0]
            elif kind.code == "f":
                filled[key] = kind.name.split(",")[0]
            elif kind.code in EMPTY:
                filled[key] = EMPTY[kind.code]
        return filled


EMPTY = {"b": False, "i": 0, "n": 0}


def is_instant(value: Any) -> bool:
    try:
        parse_instant(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return bool(re.match(r"\d{4}-\d\d-\d\dT", value))


def is_base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    return True


SCALAR_CHECKS = {
    "s": lambda value: isinstance(value, str) or value is None,
    "b": lambda value: isinstance(value, bool),
    "i": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "n": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "t": is_instant,
    "x": is_base64,
}
