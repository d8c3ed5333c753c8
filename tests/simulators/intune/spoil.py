# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are valid JSON with status 200 and still not what was asked for, as a test orders them.

Pages that go wrong as pages (repeated, short, endless) are made where pages are made, in call.py; here is what becomes of one body.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..exchange import Response

Document = dict[str, Any]
Fault = dict[str, Any]
# Base64, as the body of an item of a batch that isn't JSON comes: "<html>".
TEXT = "PGh0bWw+"
UNKNOWN_ERROR = {"error": {"code": "UnknownError", "message": ""}}
COUNTS = ("enrolledDeviceCount", "deviceCount")
MISSING = object()


def spoilt(response: Response, fault: Fault) -> Response:
    """The answer as the fault makes it; one that is no JSON object, or no success, stays as it is."""
    kind = fault["kind"]
    if response.status != 200 or not isinstance(response.document, dict):
        return response
    if kind in BODIES:
        return Response(200, None, response.headers, BODIES[kind])
    if kind in OF_DOCUMENT:
        return Response(200, OF_DOCUMENT[kind](dict(response.document)), response.headers)
    if kind in OF_ITEMS:
        return Response(200, with_items(dict(response.document), OF_ITEMS[kind], fault), response.headers)
    if kind in OF_COUNTS:
        return Response(200, with_counts(dict(response.document), OF_COUNTS[kind], fault), response.headers)
    return response


def with_value(content: Any) -> Callable[[Document], Document]:
    def change(document: Document) -> Document:
        return {**document, "value": content} if "value" in document else {"value": content}

    return change


def without_value(document: Document) -> Document:
    return {name: content for name, content in document.items() if name != "value"}


def is_meant(position: int, row: Any, wanted: Any) -> bool:
    """Whether an item is the wanted one: by position, by any of its texts, one of a list, or "all"."""
    if isinstance(wanted, list):
        return any(is_meant(position, row, one) for one in wanted)
    if isinstance(wanted, int):
        return position == wanted
    return wanted == "all" or (isinstance(row, dict) and wanted in row.values())


def with_items(document: Document, change: Callable[[list[Any], int, Fault], None], fault: Fault) -> Document:
    """Change the meant items of a page, or the answers of a batch; a page without them stays as it is."""
    name = next((name for name in ("value", "responses") if isinstance(document.get(name), list)), None)
    if name is None:
        return document
    rows = list(document[name])
    meant = [position for position, row in enumerate(rows) if is_meant(position, row, fault.get("item", 0))]
    # From behind, so that positions hold while items are taken away.
    for position in reversed(meant):
        change(rows, position, fault)
    return {**document, name: rows}


def leave_out(rows: list[Any], position: int, _fault: Fault) -> None:
    del rows[position]


def double_neighbour(rows: list[Any], position: int, _fault: Fault) -> None:
    """The item is missing, and its neighbour comes twice: the number of rows is right."""
    if len(rows) > 1:
        rows[position] = rows[position + 1] if position + 1 < len(rows) else rows[position - 1]


def contradict(rows: list[Any], position: int, fault: Fault) -> None:
    """The item comes twice, and its first row says something else of it than its second one."""
    rows.insert(position, {**rows[position], fault.get("name", "serialNumber"): "ELSE%d" % position})


def leave_property_out(rows: list[Any], position: int, fault: Fault) -> None:
    rows[position] = {key: content for key, content in rows[position].items() if key != fault.get("name", "id")}


def empty_property(rows: list[Any], position: int, fault: Fault) -> None:
    rows[position] = {**rows[position], fault.get("name", "id"): None}


def put(content: Any) -> Callable[[list[Any], int, Fault], None]:
    def change(rows: list[Any], position: int, _fault: Fault) -> None:
        rows[position] = content

    return change


def with_counts(document: Document, count: Callable[[int, int], Any], fault: Fault) -> Document:
    """Change what an object counts; of a page what its items count, or else the count of the page."""
    if any(name in document for name in COUNTS):
        return counted(document, COUNTS, count, fault)
    rows = document.get("value")
    if isinstance(rows, list) and any(isinstance(row, dict) and "deviceCount" in row for row in rows):
        wanted = fault.get("item", "all")
        changed = [counted(row, COUNTS, count, fault) if is_meant(place, row, wanted) else row for place, row in enumerate(rows)]
        return {**document, "value": changed}
    return counted(document, ("@odata.count",), count, fault)


def counted(document: Document, names: tuple[str, ...], count: Callable[[int, int], Any], fault: Fault) -> Document:
    changed = {name: count(content, fault.get("by", 1)) if name in names else content for name, content in document.items()}
    return {name: content for name, content in changed.items() if content is not MISSING}


BODIES = {
    "null_body": b"null", "text_body": json.dumps(TEXT).encode(), "empty_body": b"", "list_body": b"[]",
    "error_body": json.dumps(UNKNOWN_ERROR).encode(),
}  # fmt: skip
OF_DOCUMENT: dict[str, Callable[[Document], Document]] = {
    "value_null": with_value(None), "value_object": with_value({}), "value_text": with_value(TEXT), "no_value": without_value,
}  # fmt: skip
OF_ITEMS: dict[str, Callable[[list[Any], int, Fault], None]] = {
    "double": double_neighbour, "contradict": contradict,
    "missing_item": leave_out, "item_without_id": leave_property_out, "null_property": empty_property,
    "string_item": put("unexpected"), "null_item": put(None), "list_item": put([]),
}  # fmt: skip
OF_COUNTS: dict[str, Callable[[int, int], Any]] = {
    "count_null": lambda _count, _by: None, "count_missing": lambda _count, _by: MISSING, "count_zero": lambda _count, _by: 0,
    "count_lags": lambda count, by: max(0, count - by), "count_high": lambda count, by: count + by,
    "count_text": lambda count, _by: str(count),
}  # fmt: skip
KINDS = frozenset({*BODIES, *OF_DOCUMENT, *OF_ITEMS, *OF_COUNTS})
OPTIONS = frozenset({"item", "name", "by", "rows"})
