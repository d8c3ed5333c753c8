# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading asset facts, what the office knows of its devices, from a CSV, YAML or JSON file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ..policy.devices import ATTRIBUTES, words_expected
from ..policy.names_compared import comparable
from ..policy.problems import STRUCTURE, PolicyError, Problem, child, nearest_names, show
from ..policy.sanitize import Invalid
from ..policy.serial_texts import why_no_serial
from .csv_table import cell_place, read_table
from .load import decoded, read_bytes, read_document
from .positions import located

ENDINGS = (".csv", ".yml", ".yaml", ".json")
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_FLAGS = {"true": True, "false": False}


def read_assets(path: str) -> dict[str, dict[str, Any]]:
    """Asset facts, serial number -> attribute -> value, from a CSV, YAML or JSON file.

    CSV: a header row with the column ``serial``; an empty cell is unknown; true and false in any letter case are booleans, and no other
    word is (NO is Norway); a cell with ``;`` is a list. YAML and JSON: a mapping of serial numbers, or a list of mappings with the key
    ``serial``.
    Raises PolicyError.
    """
    content = read_bytes(path)
    _check_ending(path)
    if path.lower().endswith(".csv"):
        return _assets_from_csv(content, path)
    document, problems = read_document(content, path)
    assets = _assets_from_document(document, path, problems)
    if problems:
        raise PolicyError(located(problems, decoded(content, path), path))
    return assets


def _check_ending(path: str) -> None:
    ending = os.path.splitext(path)[1]
    if ending.lower() in ENDINGS:
        return
    hint = " (save the workbook as CSV UTF-8)" if ending.lower() in _WORKBOOKS else ""
    found = f"the ending {ending}" if ending else "a name without an ending"
    raise PolicyError([Problem(path, "", found, f"one of {', '.join(ENDINGS)}{hint}")])


def _assets_from_document(document: Any, path: str, problems: list[Problem]) -> dict[str, dict[str, Any]]:
    assets: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for serial, facts, where in _asset_entries(document, path, problems):
        if not isinstance(facts, dict):
            problems.append(Problem(path, where, show(facts), "a mapping of attributes", kind=STRUCTURE))
            continue
        if not isinstance(serial, str) or not serial.strip():
            hint = " (put it in quotes: a number loses its leading zeros)" if isinstance(serial, (int, float)) else ""
            problems.append(Problem(path, child(where, "serial"), show(serial), f"a serial number as text{hint}", kind=STRUCTURE))
            continue
        problems.extend(_serial_problems(path, where if isinstance(document, dict) else child(where, "serial"), serial))
        first = places.setdefault(comparable(serial), where)
        if first != where:
            problems.append(Problem(path, where, f"{show(serial)} a second time (first in {first})", "each serial number once"))
        for attribute, value in facts.items():
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)):
                problems.append(
                    Problem(
                        path, child(where, attribute), show(value), "text, a number, true, false, null or a list of those", kind=STRUCTURE
                    )
                )
            elif not isinstance(value, Invalid):
                problems.extend(_word_problems(path, child(where, attribute), attribute, value))
        assets[serial] = {attribute: value for attribute, value in facts.items() if attribute != "serial"}
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
    for column, name in enumerate(header):
        if name not in ATTRIBUTES and name.lower() in ATTRIBUTES:
            problems.append(Problem(path, f"line 1, column {column + 1}", f"the column {show(name)}", f"the column {name.lower()}"))
    assets: dict[str, dict[str, Any]] = {}
    key = header.index("serial")
    places: dict[str, tuple[int, str]] = {}
    for line, row in rows:
        where = cell_place(line, header, key)
        facts = {name: _cell(cell) for name, cell in zip(header, row, strict=True) if name != "serial"}
        serial = row[key]
        if not serial:
            problems.append(Problem(path, where, "no serial number", "a serial number", kind=STRUCTURE))
        else:
            problems.extend(_serial_problems(path, where, serial))
            first, spelled = places.setdefault(comparable(serial), (line, serial))
            if first != line:
                found = f"{show(serial)} a second time (first on line {first}, {show(spelled)})"
                problems.append(Problem(path, where, found, "each serial number once", kind=STRUCTURE))
        for column, name in enumerate(header):
            problems.extend(_word_problems(path, cell_place(line, header, column), name, facts.get(name)))
        assets[serial] = facts
    if problems:
        raise PolicyError(problems)
    return assets


def _serial_problems(path: str, where: str, serial: str) -> list[Problem]:
    wrong = why_no_serial(serial)
    return [] if wrong is None else [Problem(path, where, show(serial), *wrong)]


def _word_problems(path: str, where: str, attribute: str, value: Any) -> list[Problem]:
    """What is wrong with the value of an attribute whose words are a closed list."""
    words = words_expected(attribute, value)
    if not words:
        return []
    spelled = value.strip().lower() if isinstance(value, str) else ""
    near = (spelled,) if spelled in words else nearest_names(value, words)
    return [Problem(path, where, show(value), "one of " + ", ".join(words), near)]


def _cell(text: str) -> Any:
    if not text:
        return None
    if ";" in text:
        return [part.strip() for part in text.split(";") if part.strip()]
    return _FLAGS.get(text.lower(), text)
