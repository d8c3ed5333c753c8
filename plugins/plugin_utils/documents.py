# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading documents from files: policies, catalog directories and asset facts. The only file access of the policy core."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from ..module_utils.policy.catalog import Catalog, parse_catalog
from ..module_utils.policy.model import Policy
from ..module_utils.policy.parse import parse_policy
from ..module_utils.policy.plain_types import NotPlain, plain_copy
from ..module_utils.policy.problems import STRUCTURE, PolicyError, Problem, child, show

# The collection's own catalog, beside plugins/.
BUILT_IN_CATALOG = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "catalog"))
MAX_BYTES = 64 * 1024 * 1024
_EXTENSIONS = (".yml", ".yaml", ".json")
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


def read_policies(paths: Iterable[str], catalog_dirs: Iterable[str] = ()) -> list[Policy]:
    """The policies of some files, resolved against the built-in catalog and the user's own directories over it.

    Raises PolicyError with every problem of every file.
    """
    catalog = read_catalog(catalog_dirs)
    problems: list[Problem] = []
    policies: list[Policy] = []
    files: dict[str, str] = {}
    for path in paths:
        try:
            content = read_bytes(path)
            policy = parse_policy(load_document(content, path), path, catalog, hashlib.sha256(content).hexdigest())
        except PolicyError as error:
            problems.extend(error.problems)
            continue
        if policy.id in files:
            problems.append(Problem(path, "policy", f"{policy.id}, which {files[policy.id]} has too", "an id of its own"))
        files.setdefault(policy.id, path)
        policies.append(policy)
    if problems:
        raise PolicyError(problems)
    return policies


def read_catalog(directories: Iterable[str] = (), built_in: str = BUILT_IN_CATALOG) -> Catalog:
    """The built-in catalog with the user's directories over it, the last one on top. Raises PolicyError."""
    problems: list[Problem] = []
    layers: list[list[tuple[str, Any]]] = []
    for directory in (built_in, *directories):
        layer: list[tuple[str, Any]] = []
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            if directory == built_in and isinstance(error, FileNotFoundError):
                names = []
            else:
                problems.append(Problem(directory, "$", error.strerror or str(error), "a directory of catalog files"))
                continue
        for name in names:
            if not name.endswith(_EXTENSIONS) or name.startswith("."):
                continue
            path = os.path.join(directory, name)
            try:
                layer.append((path, load_document(read_bytes(path), path)))
            except PolicyError as error:
                problems.extend(error.problems)
        layers.append(layer)
    try:
        catalog = parse_catalog(layers)
    except PolicyError as error:
        raise PolicyError((*problems, *error.problems)) from error
    if problems:
        raise PolicyError(problems)
    return catalog


def read_assets(path: str) -> dict[str, dict[str, Any]]:
    """Asset facts, serial number -> attribute -> value, from a CSV, YAML or JSON file.

    CSV: a header row with the column ``serial``; an empty cell is unknown; true, yes, false and no are booleans; a cell with
    ``;`` is a list. YAML and JSON: a mapping of serial numbers, or a list of mappings with the key ``serial``.
    Raises PolicyError.
    """
    content = read_bytes(path)
    if path.lower().endswith(".csv"):
        return _assets_from_csv(content, path)
    return _assets_from_document(load_document(content, path), path)


def read_bytes(path: str) -> bytes:
    """The content of a file. Raises PolicyError for one that can't be read or is larger than any policy should be."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise PolicyError([Problem(path, "$", found, "a file that can be read")]) from error
    if len(content) > MAX_BYTES:
        raise PolicyError([Problem(path, "$", f"more than {MAX_BYTES} bytes", "a smaller file")])
    return content


def load_document(content: bytes, path: str) -> Any:
    """The one document of a YAML or JSON file as plain data; dates stay text. Raises PolicyError, duplicate keys included."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PolicyError([Problem(path, "$", f"a byte on line {line} that is not UTF-8", "a file in UTF-8", kind=STRUCTURE)]) from error
    loaded = _load_json(text, path) if path.lower().endswith(".json") else _load_yaml(text, path)
    try:
        return plain_copy(loaded, path)
    except NotPlain as error:
        raise PolicyError([error.problem]) from error


class _DocumentLoader(yaml.SafeLoader):
    """YAML without dates of its own (they stay text, with their offsets) and without duplicate keys."""

    def __init__(self, text: str, problems: list[Problem], path: str) -> None:
        super().__init__(text)
        self.problems = problems
        self.path = path

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        # Another kind of node comes here by an explicit tag (!!map [1]); the base class refuses it.
        for key, _value in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    self.problems.append(
                        Problem(
                            self.path,
                            f"line {line}",
                            f"the key {show(key.value)} a second time (first on line {seen[key.value]})",
                            "each key once",
                            kind=STRUCTURE,
                        )
                    )
                seen.setdefault(key.value, line)
        return super().construct_mapping(node, deep)


_DocumentLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load_yaml(text: str, path: str) -> Any:
    problems: list[Problem] = []
    try:
        loader = _DocumentLoader(text, problems, path)
        try:
            loaded = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "$"
        raise PolicyError([Problem(path, where, error.problem or error.context or "a mistake", "YAML", kind=STRUCTURE)]) from error
    except yaml.YAMLError as error:
        raise PolicyError([Problem(path, "$", str(error).splitlines()[0], "YAML", kind=STRUCTURE)]) from error
    except RecursionError as error:
        raise PolicyError([Problem(path, "$", "a document nested ever deeper", "a document nested less deeply")]) from error
    except (ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
        # SafeLoader lets errors of int(), base64 and hashing out unwrapped.
        raise PolicyError(
            [Problem(path, "$", str(error).splitlines()[0] if str(error) else "a mistake", "YAML", kind=STRUCTURE)]
        ) from error
    if problems:
        raise PolicyError(problems)
    return loaded


def _load_json(text: str, path: str) -> Any:
    problems: list[Problem] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                problems.append(Problem(path, "$", f"the key {show(key)} a second time", "each key once", kind=STRUCTURE))
            found[key] = value
        return found

    try:
        loaded = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise PolicyError([Problem(path, f"line {error.lineno}", error.msg, "JSON", kind=STRUCTURE)]) from error
    except (RecursionError, ValueError) as error:
        raise PolicyError([Problem(path, "$", str(error).splitlines()[0], "JSON", kind=STRUCTURE)]) from error
    if problems:
        raise PolicyError(problems)
    return loaded


def _assets_from_document(document: Any, path: str) -> dict[str, dict[str, Any]]:
    problems: list[Problem] = []
    assets: dict[str, dict[str, Any]] = {}
    for serial, facts, where in _asset_entries(document, path, problems):
        if not isinstance(facts, dict):
            problems.append(Problem(path, where, show(facts), "a mapping of attributes", kind=STRUCTURE))
            continue
        if not isinstance(serial, str) or not serial.strip():
            hint = " (put it in quotes)" if isinstance(serial, (int, float)) else ""
            problems.append(Problem(path, child(where, "serial"), show(serial), f"a serial number as text{hint}", kind=STRUCTURE))
            continue
        if serial in assets:
            problems.append(Problem(path, where, f"{show(serial)} a second time", "each serial number once"))
        for attribute, value in facts.items():
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)):
                problems.append(
                    Problem(
                        path, child(where, attribute), show(value), "text, a number, true, false, null or a list of those", kind=STRUCTURE
                    )
                )
        assets[serial] = {attribute: value for attribute, value in facts.items() if attribute != "serial"}
    if problems:
        raise PolicyError(problems)
    return assets


def _asset_entries(document: Any, path: str, problems: list[Problem]) -> Iterator[tuple[Any, Any, str]]:
    if isinstance(document, dict):
        for serial, facts in document.items():
            yield serial, facts, child("$", serial)
    elif isinstance(document, list):
        for index, facts in enumerate(document):
            yield (facts.get("serial") if isinstance(facts, dict) else None), facts, child("$", index)
    else:
        expected = "a mapping of serial numbers, or a list of mappings with the key serial"
        problems.append(Problem(path, "$", show(document), expected, kind=STRUCTURE))


def _assets_from_csv(content: bytes, path: str) -> dict[str, dict[str, Any]]:
    problems: list[Problem] = []

    def refuse(where: str, found: str, expected: str) -> None:
        problems.append(Problem(path, where, found, expected, kind=STRUCTURE))

    try:
        text = content.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        numbered = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise PolicyError([Problem(path, "$", "a byte that is not UTF-8", "a file in UTF-8", kind=STRUCTURE)]) from error
    except csv.Error as error:
        raise PolicyError([Problem(path, f"line {rows.line_num}", str(error), "CSV", kind=STRUCTURE)]) from error
    if "serial" not in header:
        refuse("line 1", f"the columns {', '.join(header)}"[:200] if any(header) else "no header", "a header row with the column serial")
        raise PolicyError(problems)
    for name in {name for name in header if header.count(name) > 1 or not name}:
        refuse("line 1", f"the column {show(name)} {'twice' if name else 'without a name'}", "columns with names that differ")
    assets: dict[str, dict[str, Any]] = {}
    for line, row in numbered:
        if len(row) != len(header):
            refuse(f"line {line}", f"{len(row)} cells", f"{len(header)} cells, as in the header")
            continue
        facts = {name: _cell(cell) for name, cell in zip(header, row, strict=True) if name != "serial"}
        serial = row[header.index("serial")].strip()
        if not serial:
            refuse(f"line {line}", "no serial number", "a serial number")
        elif serial in assets:
            refuse(f"line {line}", f"{show(serial)} a second time", "each serial number once")
        assets[serial] = facts
    if problems:
        raise PolicyError(problems)
    return assets


def _cell(cell: str) -> Any:
    text = cell.strip()
    if not text:
        return None
    if ";" in text:
        return [part.strip() for part in text.split(";") if part.strip()]
    return True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
