# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that lie: of an odd shape, doubled, without an end, or shorter than what their service counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http import paging
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.complete_lists import Distinct, require_complete
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.paging import Page, items_of, object_of, read_pages
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response


def answer(body: Any) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(Request("GET", "https://mdm.example/devices?a=b", "list the managed devices"), 200, {}, data, "client-1")


ODD = {
    "null": (None, "the answer holds no list but null"),
    "empty": (b"", "the answer holds no list but nothing"),
    "text": ("some text", "the answer holds no list but a text"),
    "base64": ("eyJ2YWx1ZSI6IFtdfQ==", "the answer holds no list but a text"),
    "number": (7, "the answer holds no list but a number"),
    "flag": (True, "the answer holds no list but true"),
    "bare list": ([], "the answer holds no list but a list without its frame"),
    "no value": ({"@odata.context": "x"}, "the answer holds no list but an object without value"),
    "value null": ({"value": None}, "the answer holds no list but null under value"),
    "value object": ({"value": {"id": "1"}}, "the answer holds no list but an object under value"),
    "value text": ({"value": "1"}, "the answer holds no list but a text under value"),
    "error": ({"error": {"code": "Busy", "message": "come back"}}, "the answer holds no list but an error: Busy: come back"),
    "item null": ({"value": [{"id": "1"}, None]}, "item 2 of the list is null instead of an object"),
    "item list": ({"value": [[]]}, "item 1 of the list is a list instead of an object"),
    "item without id": ({"value": [{"id": "1"}, {"name": "x"}]}, "item 2 of the list has no id"),
    "item with null id": ({"value": [{"id": None}]}, "item 1 of the list has no id"),
    "item with empty id": ({"value": [{"id": ""}]}, "item 1 of the list has no id"),
    "item with odd id": ({"value": [{"id": ["1"]}]}, "item 1 of the list has no id"),
    "item with a flag for an id": ({"value": [{"id": True}]}, "item 1 of the list has no id"),
    "not JSON": (b"<html>", "the answer is not JSON but a page for a browser, 6 bytes"),
}


@pytest.mark.fault_kind("T7", "every odd shape of a page")
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_page_is_one_error_with_the_name_of_the_call(kind: str) -> None:
    body, said = ODD[kind]
    with pytest.raises(RequestFailed) as caught:
        items_of(answer(body), "value", "id")
    assert caught.value.what.startswith("Failed to list the managed devices: " + said)
    assert caught.value.where == "GET https://mdm.example/devices, client-request-id client-1"
    assert caught.value.status == 200


def test_a_page_of_the_right_shape_is_taken_as_it_is() -> None:
    items = [{"id": "1", "x": None}, {"id": 2}]
    assert items_of(answer({"value": items}), "value", "id") == items
    assert items_of(answer({"value": [{"x": 1}]}), "value") == [{"x": 1}]
    assert items_of(answer({"value": []}), "value", "id") == []


@pytest.mark.fault_kind("T7", "a document that is no object")
@pytest.mark.parametrize("body", [None, b"", "x", [], 7])
def test_a_document_that_is_no_object_is_one_error(body: Any) -> None:
    with pytest.raises(RequestFailed, match="Failed to list the managed devices: the answer holds no object but "):
        object_of(answer(body))


def identify(item: Any) -> str:
    return str(item)


def fresh_items(number: int) -> range:
    return range(number * 700, number * 700 + 700)


def numbered(*pages: list[int], endless: Any = None) -> Any:
    """Pages 0, 1, 2 ...; after them what ``endless`` makes."""

    def fetch(where: str) -> Page:
        number = int(where)
        if number < len(pages):
            last = number == len(pages) - 1 and endless is None
            return Page(pages[number], None if last else str(number + 1))
        return Page(endless(number), str(number + 1))

    return fetch


@pytest.mark.fault_kind("T1", "a page comes again behind a new link")
def test_a_page_that_brings_nothing_new_is_refused() -> None:
    pages = read_pages("0", numbered([1, 2], [1, 2], [3]), "list x", identify=identify)
    with pytest.raises(AppbanError, match="Failed to list x: a page holds nothing that was not on an earlier one"):
        list(pages)


def test_a_page_that_brings_something_new_is_taken() -> None:
    pages = read_pages("0", numbered([1, 2], [2, 3], []), "list x", identify=identify)
    assert [page.items for page in pages] == [[1, 2], [2, 3], []]


@pytest.mark.fault_kind("T1", "empty pages without an end")
def test_empty_pages_without_an_end_are_refused() -> None:
    asked: list[Page] = []
    with pytest.raises(AppbanError, match="Failed to list x: the server gives empty pages without an end"):
        asked.extend(read_pages("0", numbered([1], endless=lambda _number: []), "list x"))
    assert len(asked) <= 12


def test_some_empty_pages_are_no_fault() -> None:
    pages = read_pages("0", numbered([], [1], [], [], [2], []), "list x", identify=identify)
    assert [item for page in pages for item in page.items] == [1, 2]


@pytest.mark.fault_kind("T1", "a list that grows without an end")
@pytest.mark.parametrize(("expected", "most"), [(0, 1000), (500, 1500), (100_000, 105_000)])
def test_more_than_was_counted_is_refused(expected: int, most: int) -> None:
    taken: list[Page] = []
    fresh = numbered(endless=fresh_items)
    with pytest.raises(AppbanError, match=f"Failed to list x: the server counts {expected} and gives more than {most}"):
        taken.extend(read_pages("0", fresh, "list x", expected=expected, identify=identify))
    assert sum(len(page.items) for page in taken) <= most


@pytest.mark.fault_kind("T1", "a list without a count that grows without an end")
def test_a_list_without_a_count_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_ITEMS", 5000)
    taken: list[Page] = []
    with pytest.raises(AppbanError, match="Failed to list x: the list has more than 5000 items"):
        taken.extend(read_pages("0", numbered(endless=fresh_items), "list x", identify=identify))
    assert sum(len(page.items) for page in taken) <= 5000


@pytest.mark.fault_kind("T1", "pages without an end")
def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 50)
    taken: Iterator[Page] = read_pages("0", numbered(endless=lambda number: [number]), "list x", identify=identify)
    with pytest.raises(AppbanError, match="Failed to list x: the list has more than 50 pages"):
        list(taken)


def test_distinct_ids_are_counted() -> None:
    distinct = Distinct()
    assert [distinct.add(one) for one in ("a", "b", "a", "c", "c")] == [True, True, False, True, False]
    assert (len(distinct), distinct.duplicates) == (3, 2)
    assert "a" in distinct
    assert "d" not in distinct


@pytest.mark.fault_kind("T1", "the count is null, missing, 0, or no number")
@pytest.mark.parametrize(
    ("counted", "shown"),
    [(None, "nothing"), (True, "true"), (-1, "-1"), (0, "0"), ("3", "a text"), (3.0, "3.0"), ([], "a list"), ({}, "an object"), (4, "4")],
)
def test_a_count_that_proves_nothing_is_not_complete(counted: Any, shown: str) -> None:
    distinct = Distinct()
    for one in ("a", "b", "c", "c"):
        distinct.add(one)
    with pytest.raises(AppbanError) as caught:
        require_complete("managed devices", distinct, counted, "the tenant")
    assert caught.value.what == (
        "the list of managed devices is not complete: it has 3 different devices, and the tenant counts %s" % shown
    )
    assert caught.value.next_step == "Run again later; nothing was written"


@pytest.mark.parametrize(("items", "counted"), [(0, 0), (3, 3), (3, 2)])
def test_a_list_that_has_what_is_counted_is_complete(items: int, counted: int) -> None:
    distinct = Distinct()
    for number in range(items):
        distinct.add(str(number))
    require_complete("managed devices", distinct, counted, "the tenant")
