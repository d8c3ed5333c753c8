# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers with status 200 that are wrong: lists that are short, doubled or endless, counts that lie, bodies of another shape.

A test orders them as faults. Each acts where it makes sense; elsewhere the request fails aloud, so that no order passes unnoticed.
"""

from __future__ import annotations

import copy
import json
import zlib
from typing import TYPE_CHECKING, Any

from ..exchange import Request, Response
from .errors import NOT_FOUND, ClassicRefusal, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
# Which rows a list has, or a page of it.
LISTS = frozenset({"empty_list", "short_list", "double"})
ENDLESS = frozenset({"endless_pages", "endless_devices"})
PAGES = LISTS | ENDLESS | {"repeat_page", "missing_page", "empty_page", "short_page", "filter_ignored"}
# What the answer says of how many there are.
COUNTS = frozenset({"count_zero", "count_null", "count_missing", "count_text", "count_behind", "count_ahead", "count_high"})
# The first row of the answer.
ITEMS = frozenset({"item_without_id", "item_id_null", "item_null", "item_text"})
RESULTS = frozenset({"results_null", "results_missing", "results_object", "results_text"})
# The whole body, of any read.
BODIES = frozenset({"body_null", "body_list", "body_text", "login_page"})
# What every row of an inventory doesn't say any more.
FACTS = frozenset({"ownership_blank"})
AFTER_EFFECT = {"429_after_effect": 429, "503_after_effect": 503}
KINDS = frozenset({"stale", "gone", *AFTER_EFFECT}) | PAGES | COUNTS | ITEMS | RESULTS | BODIES | FACTS

TEXT = "unavailable"
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Sign in to the network</form></body></html>"
ID_NAMES = ("mobileDeviceId", "id", "groupId", "uuid")
# An account that is restricted to a site sees one device in ten.
SITE_SHARE = 10
INVENTED = 900_000


def struck(request: Request, kinds: frozenset[str]) -> str | None:
    """The kind of fault that was ordered for a request, if it is one of these; it counts as done then."""
    kind = request.fault.get("kind") if request.fault else None
    if request.fault is None or kind not in kinds:
        return None
    request.fault["acted"] = True
    return str(kind)


def senseless(request: Request) -> Response:
    """The answer to a request for which a fault was ordered that can't act on it: a mistake in the test."""
    kind = request.fault["kind"] if request.fault else ""
    return Response(500, {"error": f"the fault {kind!r} makes no sense for {request.method} {request.path}"})


def in_site(key: str) -> bool:
    """Whether an account that is restricted to a site sees the row with this id."""
    return (int(key) if key.isdigit() else zlib.crc32(key.encode())) % SITE_SHARE == 1


def page_of(kind: str | None, rows: list[Row], page: int, size: int) -> tuple[int, list[Row]]:
    """(total, rows): a page of ordered rows with what was ordered for it."""
    total = len(rows)
    if kind == "empty_list":
        return 0, []
    if kind in ENDLESS:
        pages = max(1, -(-total // size))
        total = max(total, (page + 2) * size)
        page %= pages
    if kind == "repeat_page":
        page = max(0, page - 1)
    if kind == "missing_page":
        page += 1
    found = rows[page * size : (page + 1) * size]
    if kind == "empty_page":
        found = []
    if kind == "short_page":
        found = found[: len(found) // 2]
    if kind == "double" and found:
        found = doubled(found, rows[0])
    return total, found


def doubled(found: list[Any], first: Any) -> list[Any]:
    """The last row gives way to one that is there already."""
    return [*found[:-1], first]


def count_of(kind: str, total: int) -> Any:
    """What an answer says instead of how many there are; count_missing is the caller's."""
    return {
        "count_zero": 0, "count_null": None, "count_text": "many", "count_behind": max(0, total - 1), "count_ahead": total + 1,
        "count_high": total * 2 + 100,
    }[kind]  # fmt: skip


def bent_items(kind: str | None, rows: list[Any], names: tuple[str, ...] = ID_NAMES) -> list[Any]:
    """Rows of which the first isn't what it should be."""
    if not rows or kind is None:
        return rows
    if kind in ("item_null", "item_text"):
        return [None if kind == "item_null" else TEXT, *rows[1:]]
    name = next(name for name in names if name in rows[0])
    if kind == "item_id_null":
        return [{**rows[0], name: None}, *rows[1:]]
    return [{key: value for key, value in rows[0].items() if key != name}, *rows[1:]]


def without_ownership(row: Row) -> Row:
    """A record of which nobody says any more whose device it is."""
    part = row.get("general")
    return {**row, "general": {**part, "deviceOwnershipType": None}} if isinstance(part, dict) else row


def bent_results(kind: str, rows: list[Any]) -> Any:
    """What is in the place of a list; results_missing is the caller's."""
    return {"results_null": None, "results_object": {"0": rows[0] if rows else None}, "results_text": TEXT}[kind]


def invented(rows: list[Row], page: int, size: int) -> list[Row]:
    """The same rows under ids and serial numbers that nobody has, others on every page."""
    found = []
    for place, row in enumerate(copy.deepcopy(rows)):
        number = INVENTED + page * size + place
        for name in ("mobileDeviceId", "id", "groupId"):
            if name in row:
                row[name] = str(number)
        for part in (row, row.get("hardware"), row.get("general")):
            if isinstance(part, dict):
                part.update({name: f"XX{number}" for name in ("serialNumber", "udid", "managementId") if name in part})
        found.append(row)
    return found


def bent_body(request: Request, response: Response) -> Response:
    """The answer, or what takes its place as a whole."""
    kind = struck(request, BODIES) if request.method == "GET" and response.status == 200 else None
    if kind is None:
        return response
    if kind == "login_page":
        return Response(200, headers={"Content-Type": "text/html"}, body=LOGIN_PAGE)
    kept = {"Content-Type": response.headers.get("Content-Type", "application/json")}
    if "xml" in kept["Content-Type"]:
        text = {"body_null": b"", "body_list": b"<list/>", "body_text": TEXT.encode()}[kind]
    else:
        text = json.dumps({"body_null": None, "body_list": [], "body_text": TEXT}[kind]).encode()
    return Response(200, headers=kept, body=text)


def bent_json(request: Request, response: Response) -> Response:
    """An answer of the Pro API with what was ordered for it."""
    document = response.document
    if response.status == 200 and isinstance(document, dict) and isinstance(document.get("results"), list):
        document = {**document}
        rows = document["results"]
        if struck(request, frozenset({"endless_devices"})):
            document["results"] = invented(rows, int(request.query.get("page", 0)), int(request.query.get("page-size", 100)))
        if any("general" in row for row in rows) and struck(request, FACTS):
            document["results"] = [without_ownership(row) for row in document["results"]]
        kind = struck(request, COUNTS)
        if kind == "count_missing":
            del document["totalCount"]
        elif kind is not None:
            document["totalCount"] = count_of(kind, document["totalCount"])
        document["results"] = bent_items(struck(request, ITEMS), document["results"])
        kind = struck(request, RESULTS)
        if kind == "results_missing":
            del document["results"]
        elif kind is not None:
            document["results"] = bent_results(kind, rows)
        response = Response(200, document, response.headers)
    return bent_body(request, response)


def bent_list(request: Request, rows: list[Row]) -> list[Any]:
    """The rows of a list of the Classic API with what was ordered for them. It has no pages."""
    kind = struck(request, LISTS)
    if kind == "empty_list":
        rows = []
    if kind == "short_list":
        rows = rows[: len(rows) // 2]
    if kind == "double" and rows:
        rows = doubled(rows, rows[0])
    return bent_items(struck(request, ITEMS), rows)


def classic_list(request: Request, root: str, item: str, rows: list[Any], written: Callable[[str, Any], str]) -> tuple[Any, str]:
    """(document, XML) of a list of the Classic API, whose size is in the XML only."""
    size = f"<size>{len(rows)}</size>"
    kind = struck(request, COUNTS)
    if kind == "count_missing":
        size = ""
    elif kind is not None:
        said = count_of(kind, len(rows))
        size = "<size/>" if said is None else f"<size>{said}</size>"
    inner = "".join(written(item, row) for row in rows)
    document: Any = rows
    kind = struck(request, RESULTS)
    if kind is not None:
        size, inner = {"results_missing": (size, ""), "results_null": ("", ""), "results_text": ("", TEXT)}.get(
            kind, (size, f"<results>{inner}</results>")
        )
        document = None if kind == "results_missing" else bent_results(kind, rows)
    return document, f"<{root}>{size}{inner}</{root}>"


def must_be_there(request: Request, classic: bool) -> None:
    """Raises a refusal where a test ordered that something be gone that isn't."""
    if request.method == "GET" and struck(request, frozenset({"gone"})):
        raise ClassicRefusal(404, NOT_FOUND) if classic else Refusal(404, "NOT_FOUND", "Not Found")
