# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read graph_types.yml, whose head explains it, into what boil_down.py makes of Microsoft's description."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("graph_types.yml")
STATUS = {"get": 200, "post": 201, "patch": 200, "put": 200}
KIND = re.compile(r"(?P<name>[\w.]+)(?P<many>\*?)(?P<null>~?)(?P<read_only>!?)")
ANSWER = re.compile(r"(?:(?P<status>\d+) )?(?P<name>[\w.]+)(?P<many>\*?)")
SCALARS = frozenset("sbitx")
Topic = dict[str, Any]


def read_graph_types() -> dict[str, dict[str, Any]]:
    """Paths, types and enumerations of both versions. Raises ValueError for a kind that the table doesn't explain."""
    topics: list[Topic] = list(yaml.load(TABLE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).values())
    return {"v1.0": sections([as_in_v1(topic) for topic in topics]), "beta": sections(topics)}


def as_in_v1(topic: Topic) -> Topic:
    """A section without what only beta has."""
    lacks = topic.get("only_beta", {})
    if lacks == "all":
        return {}
    paths = {
        path: methods
        for path, methods in topic.get("paths", {}).items()
        if not any(path == gone or path.startswith(gone + "/") for gone in lacks.get("paths", []))
    }
    types = {}
    for declaration, properties in topic.get("types", {}).items():
        name = declaration.split()[0]
        if name not in lacks.get("types", []):
            kept = {key: kind for key, kind in properties.items() if key not in lacks.get("properties", {}).get(name, [])}
            words = [word for word in declaration.split() if word != "typed" or name not in lacks.get("typed", [])]
            types[" ".join(words)] = {**kept, **topic.get("in_v1", {}).get(name, {})}
    values = {
        name: [value for value in listed if value not in lacks.get("values", {}).get(name, [])]
        for name, listed in topic.get("values", {}).items()
    }
    return {**topic, "paths": paths, "types": types, "values": values}


def sections(topics: list[Topic]) -> dict[str, Any]:
    """One version in the form that Contract takes."""

    def merged(key: str) -> dict[str, Any]:
        return {name: content for topic in topics for name, content in topic.get(key, {}).items()}

    values, flags = merged("values"), merged("flags")
    declared = {declaration.split()[0]: (declaration.split()[1:], properties) for declaration, properties in merged("types").items()}

    cores = {name: name for name in SCALARS}
    cores |= {name: f"e:{name}" for name in values} | {name: "f:" + ",".join(listed) for name, listed in flags.items()}
    cores |= {name: f"o:{name}" for name in declared}

    def kind_of(text: str) -> str:
        match = KIND.fullmatch(text)
        if match is None or match["name"] not in cores:
            raise ValueError(f"{TABLE.name}: {text!r} is no kind of a property")
        return ("[]" if match["many"] else "") + cores[match["name"]] + ("?" if match["null"] else "") + match["read_only"]

    types: dict[str, Any] = {}
    for name, (words, properties) in declared.items():
        # In the description's order, which new objects show.
        entry: dict[str, Any] = {"p": {"@odata.type": "s", **{key: kind_of(kind) for key, kind in sorted(properties.items())}}}
        if "<" in words:
            entry["base"] = words[words.index("<") + 1]
        entry.update({word: True for word in ("abstract", "typed") if word in words})
        types[name] = entry
    paths = {
        path: {method: answer_of(method, answer, types) for method, answer in methods.items()}
        for path, methods in sorted(merged("paths").items())
    }
    used = {kind.removeprefix("[]").rstrip("?!") for entry in types.values() for kind in entry["p"].values()}
    return {"paths": paths, "types": types, "enums": {name: listed for name, listed in values.items() if f"e:{name}" in used}}


def answer_of(method: str, text: str, types: dict[str, Any]) -> list[Any]:
    """A method's status, no type of its body, and the type of its answer. The type of a page is added to the types."""
    match = ANSWER.fullmatch(text)
    if match is None or (match["name"] != "nothing" and match["name"] not in types):
        raise ValueError(f"{TABLE.name}: {text!r} is no answer")
    if match["name"] == "nothing":
        return [204, None, None]
    name = match["name"]
    if match["many"]:
        page = {"value": f"[]o:{name}", "@odata.count": "i?", "@odata.nextLink": "s?"}
        name += "CollectionResponse"
        types[name] = {"p": page}
    return [int(match["status"] or STATUS[method]), None, name]
