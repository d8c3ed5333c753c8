# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Schemas (draft 2020-12) of the shapes that the parser checks; the files in schemas/ are what this gives."""

from __future__ import annotations

from typing import Any

from .grammar import CATALOG_APP, POLICY
from .schema_patterns import whole
from .validators import ByType, Choice, Flag, ListOf, Named, Number, Record, Shape, Text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Where the files of schemas/ are found by their name.
HOME = "https://raw.githubusercontent.com/appban/endpoint/main/schemas/"


def policy_schema() -> dict[str, Any]:
    """The schema of a policy file."""
    return _document(POLICY, "policy.schema.json", "appban.endpoint policy")


def catalog_schema() -> dict[str, Any]:
    """The schema of a catalog file, one app."""
    return _document(CATALOG_APP, "catalog.schema.json", "appban.endpoint catalog app")


def _document(shape: Shape, name: str, title: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    body = _schema(shape, definitions)
    return {"$schema": DIALECT, "$id": HOME + name, "title": title, **body, **({"$defs": definitions} if definitions else {})}


def _schema(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _bare_schema(shape, definitions)
    if isinstance(shape, (Text, ListOf, Record)):
        schema.update(shape.stricter)
    if shape.about:
        schema["description"] = shape.about
    return schema


def _bare_schema(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(shape, Named):
        if shape.name not in definitions:
            definitions[shape.name] = {}
            definitions[shape.name].update(_schema(shape.get(), definitions))
        return {"$ref": f"#/$defs/{shape.name}"}
    if isinstance(shape, Text):
        return {"type": "string", "maxLength": shape.max_length, "pattern": whole(shape.pattern)}
    if isinstance(shape, Choice):
        return {"type": "string", "enum": list(shape.values)}
    if isinstance(shape, Flag):
        return {"type": "boolean"}
    if isinstance(shape, Number):
        return {"type": "integer" if shape.whole else "number", "minimum": shape.least, "maximum": shape.most}
    if isinstance(shape, ListOf):
        return {"type": "array", "minItems": 1, "items": _schema(shape.item, definitions)}
    if isinstance(shape, ByType):
        chosen = (shape.text, shape.flag, shape.number, shape.sequence, shape.mapping)
        return {"anyOf": [_schema(option, definitions) for option in chosen if option is not None]}
    return _record_schema(shape, definitions)


def _record_schema(shape: Record, definitions: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: _schema(value, definitions) for key, value in shape.fields.items()},
        "additionalProperties": False,
    }
    if shape.required:
        schema["required"] = list(shape.required)
    if shape.beside:
        schema["dependentRequired"] = {key: [other] for key, other in shape.beside.items()}
    if shape.never_empty:
        schema["minProperties"] = 1
    if shape.rest is not None:
        # A pattern speaks of every key it matches, the listed ones too.
        listed = "|".join(shape.fields)
        schema["patternProperties"] = {f"^(?!(?:{listed})$)(?:{shape.rest_pattern})$(?!\\n)": _schema(shape.rest, definitions)}
    return schema
