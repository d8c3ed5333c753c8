# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that a server gives in pages. A page that fails is an error, never the end of the list.

A server may be broken, or lie. So every page is read by one function, which takes nothing but what it expects, and a list ends some time:
one without an end is an error before it fills the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ...engine.errors import AppbanError
from .http_errors import RequestFailed
from .response import Response, in_json

AGAIN = "Run again; if it happens again, tell the maker of the server"
ADVICE = "Check the URL in the connection options, and what a proxy may put in the way; otherwise run again later"
REPEATED = "a page holds nothing that was not on an earlier one"
#: Pages of a list at most.
MOST_PAGES = 100_000
#: Items of a list whose service doesn't count them, at most.
MOST_ITEMS = 2_000_000
#: Pages without an item that lead on to another one. A list that is filtered may have some.
MOST_EMPTY = 10
#: By how much more than was counted a list may have grown meanwhile.
LEAST_GROWTH = 1000
LONGEST_ID = 512


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Args:
        items: what is on it, as the server gave them.
        next_page: where the next one is (a link, a cursor, a number), None after the last.
        counted: how many items the whole list has, where the page says it; whatever the server gave.
    """

    items: Sequence[Any]
    next_page: str | None
    counted: object = None


def read_pages(
    first: str,
    fetch: Callable[[str], Page],
    what: str,
    admit: Callable[[str], None] | None = None,
    *,
    expected: int | None = None,
    identify: Callable[[Any], str | None] | None = None,
    ahead: bool = False,
) -> Iterator[Page]:
    """Yield the pages of a list one by one; whatever ``fetch`` raises ends it loudly, at the place of the page that it was to read.

    Args:
        first: where the first page is.
        fetch: reads one page.
        what: what is being done, to follow "Failed to".
        admit: raises for a next page that must not be asked for, on another host for example.
        expected: how many items there are, as the service counts them; None if it doesn't, or if the first page says it.
        identify: an item's id; a page with ids, but without a new one, is an earlier page once more.
        ahead: whether the next page is fetched while one is worked on, by another thread: for long lists that are read to their ends.

    Raises:
        AppbanError: for a list that would never end: it leads back, brings nothing new, or brings far more than was counted.
    """
    pool = ThreadPoolExecutor(1) if ahead else None
    try:
        yield from _Pages(first, fetch, what, admit, expected, identify, pool).read()
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


class _Pages:
    """A list that is being read. pool: of one thread that fetches the next page; None where it is fetched when it is asked for."""

    def __init__(
        self,
        first: str,
        fetch: Callable[[str], Page],
        what: str,
        admit: Callable[[str], None] | None,
        expected: int | None,
        identify: Callable[[Any], str | None] | None,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.first = first
        self.fetch = fetch
        self.what = what
        self.admit = admit
        self.expected = expected
        self.most = MOST_ITEMS if expected is None else most_of(expected)
        self.identify = identify
        self.pool = pool
        self.seen = {first}
        self.ids: set[str] = set()
        self.items = self.pages = self.empty = 0

    def read(self) -> Iterator[Page]:
        """Yield the pages."""
        where: str | None = self.first
        coming: Future[Page] | None = None
        while where is not None:
            page = self.fetch(where) if coming is None else coming.result()
            if self.expected is None and isinstance(page.counted, int):
                self.expected, self.most = page.counted, most_of(page.counted)
            where = page.next_page
            # Before the page is handed out, or the next one asked for: who gets it may act on it.
            self.check(page)
            coming = self.pool.submit(self.fetch, where) if self.pool is not None and where is not None else None
            yield page

    def check(self, page: Page) -> None:
        """Count a page.

        Raises:
            AppbanError: where the list would never end.
        """
        where = page.next_page
        self.pages += 1
        self.items += len(page.items)
        self.empty = 0 if page.items else self.empty + 1
        found = {each for each in map(self.identify, page.items) if each} if self.identify else set()
        problem = ""
        if found and found <= self.ids:
            problem = REPEATED
        elif self.items > self.most and self.expected is not None:
            problem = "the server counts %d and gives more than %d" % (self.expected, self.most)
        elif self.items > self.most:
            problem = "the list has more than %d items" % self.most
        elif where is not None and self.empty > MOST_EMPTY:
            problem = "the server gives empty pages without an end"
        elif where is not None and self.pages >= MOST_PAGES:
            problem = "the list has more than %d pages" % MOST_PAGES
        elif where is not None:
            if self.admit:
                self.admit(where)
            if where in self.seen:
                problem = "the server leads back to a page that was read already"
            self.seen.add(where)
        if problem:
            raise AppbanError("Failed to %s: %s" % (self.what, problem), "after page %d" % self.pages, AGAIN)
        self.ids |= found


def most_of(expected: int) -> int:
    """How many items a list may have of which so many were counted; some may have been added meanwhile."""
    return expected + max(LEAST_GROWTH, expected // 20)


def items_of(response: Response, key: str, identifier: str = "") -> list[dict[str, Any]]:
    """Read the items of a page: the one way for whatever holds a list, be it an answer of its own or a part of a batch.

    Args:
        response: an answer of success.
        key: where the list is.
        identifier: the field that each item must have, with a text or a number; empty for none.

    Raises:
        RequestFailed: for any other shape. Taken for an empty page, it would end the list too early.
    """
    return frame_and_items(response, key, identifier)[1]


def frame_and_items(response: Response, key: str, identifier: str = "") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The same, together with what the list is in, which also says where the next page is or how many items there are."""
    document = response.json()
    return (document if isinstance(document, dict) else {}), items_in(response, document, key, identifier)


def items_in(response: Response, document: object, key: str, identifier: str = "") -> list[dict[str, Any]]:
    """The same of an answer that has been read."""
    items = document.get(key) if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise odd(response, "the answer holds no list but %s" % instead_of_list(document, key, response))
    for place, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise odd(response, "item %d of the list is %s instead of an object" % (place, described(item)))
        if identifier and not is_identifier(item.get(identifier)):
            raise odd(response, "item %d of the list has no %s" % (place, identifier))
    return items


def object_of(response: Response) -> dict[str, Any]:
    """Read an answer that is one object.

    Raises:
        RequestFailed: for anything else.
    """
    document = response.json()
    if isinstance(document, dict):
        return document
    raise odd(response, "the answer holds no object but %s" % of_document(document, response))


def object_with(response: Response, fields: Mapping[str, type], asked: str) -> dict[str, Any]:
    """Read an answer that is one object with these fields, each of its type.

    Args:
        asked: the text that the object was asked for by, which one of all its fields has.

    Raises:
        RequestFailed: for anything else.
    """
    document = object_of(response)
    for name, kind in fields.items():
        value = document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            raise odd(response, "the answer holds %s under %s" % (described(value), name))
    if asked not in [value for value in document.values() if isinstance(value, str)]:
        raise odd(response, "the answer holds another object than the one that was asked for")
    return document


def link_of(response: Response, document: dict[str, Any], key: str) -> str | None:
    """The link to the next page; None after the last.

    Raises:
        RequestFailed: for one that is no text.
    """
    link = document.get(key)
    if link is None or isinstance(link, str):
        return link or None
    raise odd(response, "the link to the next page is %s" % described(link))


def is_identifier(value: object) -> bool:
    """Say whether something can be an id."""
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_ID
    return isinstance(value, int) and not isinstance(value, bool)


def odd(response: Response, problem: str) -> RequestFailed:
    """The error of an answer of success that isn't what it should be."""
    return RequestFailed(
        "Failed to %s: %s" % (response.request.what, problem),
        response.place(),
        ADVICE,
        response.status,
        client_request_id=response.client_request_id,
    )


def instead_of_list(document: object, key: str, response: Response) -> str:
    """What an answer holds that should hold a list."""
    if not isinstance(document, dict):
        return of_document(document, response)
    if document.get("error"):
        message = in_json(document)
        return "an error: " + ": ".join(part for part in (message.code, message.text) if part)
    if key not in document:
        return "an object without %s" % key
    return "%s under %s" % (described(document[key]), key)


def of_document(document: object, response: Response) -> str:
    """What an answer holds."""
    if document is None and not response.body.strip():
        return "nothing"
    return "a list without its frame" if isinstance(document, list) else described(document)


def described(value: object) -> str:
    """The kind of a value of JSON, in words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    kinds = ((str, "a text"), ((int, float), "a number"), (list, "a list"), (dict, "an object"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")
