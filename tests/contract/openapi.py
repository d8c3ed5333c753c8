# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile an OpenAPI document into shapes, taking from the descriptions the limits that the vendor writes only there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .shapes import Body, Contract, ObjectType, Operation, Shape, routes_of

METHODS = ("get", "post", "put", "patch", "delete")
ENTITY = "microsoft.graph.entity"
TYPE = "@odata.type"

MAX_ITEMS = re.compile(r"(?:collection can contain a maximum of|maximum number of allowed columns names is) (\d+)")
MAX_LENGTH = re.compile(r"[Mm]ax(?:imum)? length (?:allowed for this property )?is (\d+)")
RANGE = re.compile(r"[Vv]alid values (?:are )?(-?\d+) ?(?:to|-) ?(-?\d+)")
READ_ONLY = re.compile(r"This property is read-only|(?:^|[.;] *)Read[- ][Oo]nly\b")
GUID = re.compile(r"must be Guid")


def compile_contract(document: Mapping[str, Any], version: str) -> Contract:
    """Compile a whole document; ``version`` is the first segment of its paths."""
    compiler = _Compiler(document)
    paths = {path: compiler.operations(item) for path, item in document["paths"].items()}
    return Contract(version, compiler.types(), paths, routes_of(paths))


class _Compiler:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.components = document.get("components", {})
        self.schemas: dict[str, Any] = dict(self.components.get("schemas", {}))
        self.bases = {name: self._base(schema) for name, schema in self.schemas.items() if "enum" not in schema}

    def operations(self, item: Mapping[str, Any]) -> dict[str, Operation]:
        inherited = item.get("parameters", [])
        return {method.upper(): self._operation(item[method], inherited) for method in METHODS if method in item}

    def types(self) -> dict[str, ObjectType]:
        """All types. Inline objects turn up while properties are read, so the list may grow on the way."""
        done: dict[str, ObjectType] = {}
        while waiting := [name for name in self.bases if name not in done]:
            done.update({name: self._type(name) for name in waiting})
        return done

    def _operation(self, operation: Mapping[str, Any], inherited: list[Any]) -> Operation:
        parameters = [self._resolved(parameter) for parameter in [*inherited, *operation.get("parameters", [])]]
        request = operation.get("requestBody")
        hint = operation.get("operationId", "operation")
        return Operation(
            query=frozenset(parameter["name"] for parameter in parameters if parameter["in"] == "query"),
            headers=frozenset(parameter["name"] for parameter in parameters if parameter["in"] == "header"),
            request=self._body(request, f"{hint}.request") if request else None,
            responses={
                str(status): self._body(self._resolved(response), f"{hint}.{status}") for status, response in operation["responses"].items()
            },
            rejected=str(operation.get("x-service-rejects", "")),
        )

    def _body(self, part: Mapping[str, Any], hint: str) -> Body | None:
        for media_type, content in part.get("content", {}).items():
            return Body(self._shape(content.get("schema", {}), hint), media_type, bool(part.get("required", True)))
        return None

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in part:
            return part
        _hash, _components, kind, name = part["$ref"].split("/", 3)
        found: Mapping[str, Any] = self.components[kind][name]
        return found

    def _base(self, schema: Mapping[str, Any]) -> str:
        references = [part["$ref"] for part in schema.get("allOf", []) if "$ref" in part]
        return references[0].rsplit("/", 1)[-1] if references else ""

    def _chain(self, name: str) -> list[str]:
        """A type and its ancestors, the type itself last."""
        found = [name]
        while base := self.bases[found[0]]:
            found.insert(0, base)
        return found

    def _own_parts(self, name: str) -> list[Mapping[str, Any]]:
        schema = self.schemas[name]
        return [schema, *(part for part in schema.get("allOf", []) if "$ref" not in part)]

    def _type(self, name: str) -> ObjectType:
        chain = self._chain(name)
        entity = ENTITY in chain
        properties: dict[str, Shape] = {}
        required: set[str] = set()
        for ancestor in chain:
            for part in self._own_parts(ancestor):
                required.update(part.get("required", ()))
                for key, schema in part.get("properties", {}).items():
                    shape = self._property(ancestor, key, schema)
                    target = shape.items if shape.kind == "array" and shape.items else shape
                    is_navigation = entity and target.kind == "object" and ENTITY in self._chain(target.type_name)
                    properties[key] = replace(shape, navigation=is_navigation)
        subtypes = frozenset(other for other in self.bases if name in self._chain(other))
        return ObjectType(
            name=name,
            properties=properties,
            required=frozenset(required - {TYPE}),
            subtypes=subtypes,
            abstract=any(part.get("x-odata-abstract") for part in self._own_parts(name)),
            entity=entity,
            polymorphic=TYPE in required,
        )

    def _property(self, owner: str, name: str, schema: Mapping[str, Any]) -> Shape:
        shape = self._shape(schema, f"{owner}.{name}")
        text = schema.get("description", "")
        # Every entity's id says "Read-only", but children of a body may carry theirs; the judge of a request knows where it stands.
        read_only = bool(schema.get("readOnly")) or (name != "id" and bool(READ_ONLY.search(text)))
        changes: dict[str, Any] = {"read_only": read_only}
        if shape.kind == "array" and (found := MAX_ITEMS.search(text)):
            changes["max_items"] = int(found[1])
        if shape.kind == "string" and (found := MAX_LENGTH.search(text)):
            changes["max_length"] = int(found[1])
        if shape.kind == "integer" and (found := RANGE.search(text)):
            changes.update(minimum=int(found[1]), maximum=int(found[2]))
        if shape.kind == "string" and GUID.search(text):
            changes["format"] = "uuid"
        if owner.endswith("oDataErrors.innerError") and name == "date":
            # The service sends this one date without an offset.
            changes["format"] = "date-time-without-offset"
        return replace(shape, **changes)

    def _shape(self, schema: Mapping[str, Any], hint: str) -> Shape:
        nullable = bool(schema.get("nullable"))
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            if "enum" in self.schemas[name]:
                return Shape("string", nullable, name, enum=tuple(self.schemas[name]["enum"]))
            return Shape("object", nullable, name)
        if "allOf" in schema:
            return replace(self._shape(schema["allOf"][0], hint), nullable=nullable)
        kind = schema.get("type", "any")
        if kind == "object" and "additionalProperties" in schema:
            return Shape("map", nullable, items=self._shape(schema["additionalProperties"], hint))
        if kind == "object":
            self.schemas.setdefault(hint, schema)
            self.bases.setdefault(hint, "")
            return Shape("object", nullable, hint)
        return Shape(
            kind,
            nullable,
            items=self._shape(schema["items"], f"{hint}.item") if kind == "array" else None,
            enum=tuple(schema.get("enum", ())),
            flags=tuple(schema.get("x-enum-flags", ())),
            format=schema.get("format", ""),
            max_items=schema.get("maxItems"),
        )
