# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.paging import Page, read_pages


def script(**pages: Page) -> Callable[[str], Page]:
    return lambda where: pages[where]


def test_pages_are_read_one_by_one() -> None:
    asked = []

    def fetch(where: str) -> Page:
        asked.append(where)
        return {"a": Page([1, 2], "b"), "b": Page([], "c"), "c": Page([3], None)}[where]

    pages = read_pages("a", fetch, "list x")
    assert asked == []
    assert next(pages).items == [1, 2]
    assert asked == ["a"]
    assert [page.items for page in pages] == [[], [3]]


def test_a_page_that_fails_ends_the_list_loudly() -> None:
    def fetch(where: str) -> Page:
        if where == "b":
            raise RequestFailed("Failed to list x: HTTP 503")
        return Page([1], "b")

    pages = read_pages("a", fetch, "list x")
    assert next(pages).items == [1]
    with pytest.raises(RequestFailed):
        next(pages)


@pytest.mark.parametrize("back", ["a", "b"])
def test_a_list_that_leads_back_is_refused(back: str) -> None:
    pages = read_pages("a", script(a=Page([1], "b"), b=Page([2], back)), "list x")
    with pytest.raises(AppbanError, match="leads back to a page that was read already"):
        list(pages)


def test_a_page_that_must_not_be_asked_for_is_noticed_before_its_predecessor_is_handed_out() -> None:
    def admit(where: str) -> None:
        raise AppbanError("not %s" % where)

    with pytest.raises(AppbanError, match="not b"):
        next(read_pages("a", script(a=Page([1], "b")), "list x", admit))


def test_one_page_is_fetched_ahead_and_no_more() -> None:
    asked: list[str] = []
    fetched = threading.Event()

    def fetch(where: str) -> Page:
        asked.append(where)
        if where == "b":
            fetched.set()
        return {"a": Page([1], "b"), "b": Page([2], "c"), "c": Page([3], None)}[where]

    pages = read_pages("a", fetch, "list x", ahead=True)
    assert next(pages).items == [1]
    assert fetched.wait(10)
    assert asked == ["a", "b"]
    assert [page.items for page in pages] == [[2], [3]]
    assert asked == ["a", "b", "c"]


def test_a_page_that_fails_ahead_ends_the_list_at_its_place() -> None:
    def fetch(where: str) -> Page:
        if where == "b":
            raise RequestFailed("Failed to list x: HTTP 503")
        return Page([1], "b")

    pages = read_pages("a", fetch, "list x", ahead=True)
    assert next(pages).items == [1]
    with pytest.raises(RequestFailed):
        next(pages)


def test_nothing_is_fetched_ahead_that_must_not_be_asked_for() -> None:
    asked: list[str] = []

    def fetch(where: str) -> Page:
        asked.append(where)
        return Page([1], "b")

    def admit(where: str) -> None:
        raise AppbanError("not %s" % where)

    with pytest.raises(AppbanError, match="not b"):
        next(read_pages("a", fetch, "list x", admit, ahead=True))
    assert asked == ["a"]
