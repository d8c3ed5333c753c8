# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading asset facts, what the office knows of its devices, from a CSV, YAML or JSON file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..policy.problems import STRUCTURE, PolicyError, Problem, child, show
from .csv_table import read_table
from .load import load_document, read_bytes

_TRUE, _FALSE = ("true", "yes"), ("false", "no")


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
    header, rows, problems = read_table(content, path, "serial")
    assets: dict[str, dict[str, Any]] = {}
    for line, row in rows:
        facts = {name: _cell(cell) for name, cell in zip(header, row, strict=True) if name != "serial"}
        serial = row[header.index("serial")]
        if not serial:
            problems.append(Problem(path, f"line {line}", "no serial number", "a serial number", kind=STRUCTURE))
        elif serial in assets:
            problems.append(Problem(path, f"line {line}", f"{show(serial)} a second time", "each serial number once", kind=STRUCTURE))
        assets[serial] = facts
    if problems:
        raise PolicyError(problems)
    return assets


def _cell(text: str) -> Any:
    if not text:
        return None
    if ";" in text:
        return [part.strip() for part in text.split(";") if part.strip()]
    return True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
