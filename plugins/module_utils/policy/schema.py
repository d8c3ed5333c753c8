# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Schemas (draft 2020-12) of the validators that the parser checks; the files in schemas/ are what this gives."""

from __future__ import annotations

from typing import Any

from .grammar import CATALOG_APP, POLICY
from .schema_patterns import whole
from .validators import ByType, Choice, Flag, ListOf, Named, Number, Record, Text, Validator

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Where the files of schemas/ are found by their name.
HOME = "https://raw.githubusercontent.com/appban/endpoint/main/schemas/"


def policy_schema() -> dict[str, Any]:
    """The schema of a policy file."""
    return _document(POLICY, "policy.schema.json", "appban.endpoint policy")


def catalog_schema() -> dict[str, Any]:
    """The schema of a catalog file, one app."""
    return _document(CATALOG_APP, "catalog.schema.json", "appban.endpoint catalog app")


def _document(validator: Validator, name: str, title: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    body = _schema(validator, definitions)
    return {"$schema": DIALECT, "$id": HOME + name, "title": title, **body, **({"$defs": definitions} if definitions else {})}


def _schema(validator: Validator, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _bare_schema(validator, definitions)
    if isinstance(validator, (Text, ListOf, Record)):
        schema.update(validator.stricter)
    if validator.about:
        schema["description"] = validator.about
    return schema


def _bare_schema(validator: Validator, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(validator, Named):
        if validator.name not in definitions:
            definitions[validator.name] = {}
            definitions[validator.name].update(_schema(validator.get(), definitions))
        return {"$ref": f"#/$defs/{validator.name}"}
    if isinstance(validator, Text):
        return {"type": "string", "maxLength": validator.max_length, "pattern": whole(validator.pattern)}
    if isinstance(validator, Choice):
        return {"type": "string", "enum": list(validator.values)}
    if isinstance(validator, Flag):
        return {"type": "boolean"}
    if isinstance(validator, Number):
        return {"type": "integer" if validator.whole else "number", "minimum": validator.least, "maximum": validator.most}
    if isinstance(validator, ListOf):
        return {"type": "array", "minItems": 1, "items": _schema(validator.item, definitions)}
    if isinstance(validator, ByType):
        chosen = (validator.text, validator.flag, validator.number, validator.sequence, validator.mapping)
        return {"anyOf": [_schema(option, definitions) for option in chosen if option is not None]}
    return _record_schema(validator, definitions)


def _record_schema(validator: Record, definitions: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: _schema(value, definitions) for key, value in validator.fields.items()},
        "additionalProperties": False,
    }
    if validator.required:
        schema["required"] = list(validator.required)
    if validator.beside:
        schema["dependentRequired"] = {key: [other] for key, other in validator.beside.items()}
    if validator.never_empty:
        schema["minProperties"] = 1
    if validator.rest is not None:
        # A pattern speaks of every key it matches, the listed ones too.
        listed = "|".join(validator.fields)
        schema["patternProperties"] = {f"^(?!(?:{listed})$)(?:{validator.rest_pattern})$(?!\\n)": _schema(validator.rest, definitions)}
    return schema
