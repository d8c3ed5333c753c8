# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The enrolments of a NanoMDM server from a list or a file, because the server itself lists none.

A list comes as an option, put together from an Ansible inventory for example; a file is CSV, YAML or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...documents.csv_table import read_table
from ...documents.load import load_document, read_bytes
from ...policy.devices import OWNERSHIPS, flag_of
from ...policy.problems import STRUCTURE, PolicyError, Problem, child, nearest_names, show
from .api.id_chunks import fits_in_path
from .api.server_instants import utc_seconds
from .objects import DEVICE, USER, Enrollment, platform_of

PLATFORMS = ("ios", "ipados", "macos", "tvos", "visionos")
TEXTS = ("serial", "name", "os_version", "model", "user", "department")
FLAGS = ("supervised", "managed")
CLOSED: dict[str, tuple[str, ...]] = {"platform": PLATFORMS, "enrollment": (DEVICE, USER), "ownership": OWNERSHIPS}
ATTRIBUTES = ("id", *TEXTS, *FLAGS, *CLOSED, "groups", "last_seen")


def enrollments_of_rows(rows: Any, source: str) -> tuple[Enrollment, ...]:
    """Enrolments from a list of mappings.

    Args:
        rows: each with ``id`` and any of ``ATTRIBUTES``; null and empty text mean unknown. ``platform`` follows from ``model`` (Apple's
            product name, "iPad13,1") where it isn't given.
        source: what it is called in messages: the option, or the file.

    Raises:
        PolicyError: with all problems of all rows.
    """
    problems: list[Problem] = []
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)):
        raise PolicyError([Problem(source, "$", show(rows), "a list of enrolments", kind=STRUCTURE)])
    placed = [(child("$", index), row) for index, row in enumerate(rows)]
    found = _read_rows(placed, source, problems)
    if problems:
        raise PolicyError(problems)
    return found


def read_enrollments_file(path: str) -> tuple[Enrollment, ...]:
    """Enrolments from a CSV, YAML or JSON file.

    CSV: a header row with the column ``id``; an empty cell is unknown; a cell of ``groups`` is split at ``;``. YAML and JSON: a list of
    mappings.

    Raises:
        PolicyError: for a file that can't be read, or with all problems of all rows.
    """
    content = read_bytes(path)
    if not path.lower().endswith(".csv"):
        return enrollments_of_rows(load_document(content, path), path)
    problems: list[Problem] = []
    found = _read_rows(_csv_rows(content, path, problems), path, problems)
    if problems:
        raise PolicyError(problems)
    return found


def _read_rows(rows: Sequence[tuple[str, Any]], source: str, problems: list[Problem]) -> tuple[Enrollment, ...]:
    found: list[Enrollment] = []
    places: dict[str, str] = {}
    folded: dict[str, str] = {}
    for where, row in rows:
        if not isinstance(row, Mapping):
            problems.append(Problem(source, where, show(row), "a mapping of attributes", kind=STRUCTURE))
            continue
        values = {name: value for name, value in row.items() if value is not None and value != ""}
        identifier = _id_of(values, source, where, problems)
        if identifier in places:
            problems.append(
                Problem(source, child(where, "id"), "%s a second time (first in %s)" % (identifier, places[identifier]), "once")
            )
        elif identifier.lower() in folded:
            twin = folded[identifier.lower()]
            expected = "one spelling; to the server these are two enrolments (the other one is %s in %s)" % (twin, places[twin])
            problems.append(Problem(source, child(where, "id"), identifier, expected))
        places.setdefault(identifier, where)
        folded.setdefault(identifier.lower(), identifier)
        found.append(_enrollment(identifier, values, source, where, problems))
    return tuple(found)


def _id_of(values: Mapping[str, Any], source: str, where: str, problems: list[Problem]) -> str:
    """The id of a row; for one without, the place of the row, so that such rows don't count as repeated."""
    value = values.get("id")
    if isinstance(value, str) and fits_in_path(value):
        if ":" not in value:
            return value
        expected = "the id of a device; this one belongs to a user of a device (DEVICE:USER), who gets nothing of their own"
        problems.append(Problem(source, child(where, "id"), show(value), expected))
    else:
        expected = "NanoMDM's enrolment id as text, without white space, comma and slash"
        problems.append(Problem(source, child(where, "id"), show(value), expected, kind=STRUCTURE))
    return where


def _enrollment(identifier: str, values: Mapping[Any, Any], source: str, where: str, problems: list[Problem]) -> Enrollment:
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name not in ATTRIBUTES:
            # Inventories hold much else, but a mistyped name must not pass for an attribute that nobody gave.
            found = "the attribute %s" % show(name if isinstance(name, str) else show(name))
            problems.append(Problem(source, where, found, "only " + ", ".join(ATTRIBUTES), nearest_names(name, ATTRIBUTES)))
        elif name != "id":
            read[name], expected = _read_value(name, value)
            if expected:
                nearest = nearest_names(value, CLOSED[name]) if name in CLOSED else ()
                problems.append(Problem(source, child(where, name), show(value), expected, nearest))
    if "platform" not in values and isinstance(read.get("model"), str):
        read["platform"] = platform_of(read["model"])
    return Enrollment(identifier, **read)


def _read_value(name: str, value: Any) -> tuple[Any, str]:
    """A value as an enrolment has it, and what should stand there instead, where something else should."""
    if name in CLOSED:
        return value, "" if value in CLOSED[name] else "one of " + ", ".join(CLOSED[name])
    if name in FLAGS:
        flag = flag_of(value)
        return flag, "" if isinstance(flag, bool) else "true or false"
    if name == "groups":
        is_list = isinstance(value, (list, tuple)) and all(isinstance(group, str) and group for group in value)
        return (tuple(value), "") if is_list else ((), "a list of names")
    if name == "last_seen":
        instant = utc_seconds(value)
        return instant, "" if instant else "an instant with an offset, such as 2023-03-15T08:00:00Z"
    if name == "os_version" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return "", 'a version as text, in quotes: 17.10 is not "17.10" to YAML'
    return value, "" if isinstance(value, str) else "text"


def _csv_rows(content: bytes, path: str, problems: list[Problem]) -> list[tuple[str, dict[str, Any]]]:
    header, rows, found = read_table(content, path, "id")
    problems.extend(found)
    return [("line %d" % line, {name: _cell(name, cell) for name, cell in zip(header, row, strict=True)}) for line, row in rows]


def _cell(name: str, text: str) -> Any:
    if name == "groups" and text:
        return [part.strip() for part in text.split(";") if part.strip()]
    return text
