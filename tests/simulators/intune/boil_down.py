# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boil Microsoft's OpenAPI description of one version of Graph down to what the simulator needs of it.

A property's kind is one short text: "s" string, "b" boolean, "i" integer, "n" number, "t" instant, "x" base64, "e:NAME" enumeration,
"f:a,b" flags, "o:NAME" object, "*" anything; "[]" before it makes an array; "?" after it may be null, "!" is read-only.
"""

from __future__ import annotations

import re
from typing import Any

SCALARS = {"boolean": "b", "integer": "i", "number": "n"}
STRINGS = {"date-time": "t", "base64url": "x"}


def short(reference: str) -> str:
    """Name a schema without the folder and Microsoft's namespace."""
    return reference.rsplit("/", 1)[-1].removeprefix("microsoft.graph.")


def kind_of(schema: dict[str, Any], enums: set[str]) -> str:
    """Write down what one property may hold."""
    marks = ("?" if schema.get("nullable") else "") + ("!" if schema.get("readOnly") else "")
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        name = short(schema["$ref"])
        return ("e:" if name in enums else "o:") + name + marks
    if schema.get("type") == "array":
        return "[]" + kind_of(schema["items"], enums) + ("!" if schema.get("readOnly") else "")
    if "x-enum-flags" in schema:
        return "f:" + ",".join(schema["x-enum-flags"]) + marks
    if schema.get("type") in SCALARS:
        return SCALARS[schema["type"]] + marks
    if schema.get("type") == "string":
        return STRINGS.get(schema.get("format", ""), "s") + marks
    return "*"


def json_schema(place: dict[str, Any]) -> str | None:
    """The name of the schema of a body, if it has one."""
    schema = place.get("content", {}).get("application/json", {}).get("schema", {})
    return short(schema["$ref"]) if "$ref" in schema else None


def boil_down(document: dict[str, Any]) -> dict[str, Any]:
    """Keep paths with their success codes and body types, types and enumerations."""
    schemas = document["components"]["schemas"]
    enums = {short(name): schema["enum"] for name, schema in schemas.items() if "enum" in schema}
    types = {}
    for name, schema in schemas.items():
        if "enum" in schema:
            continue
        parts = schema.get("allOf", [schema])
        own = parts[-1]
        entry: dict[str, Any] = {"p": {key: kind_of(value, set(enums)) for key, value in own.get("properties", {}).items()}}
        if len(parts) > 1:
            entry["base"] = short(parts[0]["$ref"])
        if own.get("x-odata-abstract"):
            entry["abstract"] = True
        if "@odata.type" in own.get("required", []):
            entry["typed"] = True
        types[short(name)] = entry
    paths: dict[str, Any] = {}
    # Sorted, because a name must be tried before a key ("{}") in its place.
    for path, item in sorted(document["paths"].items()):
        methods = paths.setdefault(re.sub(r"\{[^}]*\}", "{}", path), {})
        for method in ("get", "post", "patch", "put", "delete"):
            if method in item:
                body = json_schema(item[method].get("requestBody", {}))
                status = min((code for code in item[method]["responses"] if code.startswith("2")), key=int)
                methods[method] = [int(status), body, json_schema(item[method]["responses"][status])]
    return {"paths": paths, "types": types, "enums": enums}
