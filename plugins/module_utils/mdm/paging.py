# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that come in pages: streamed, and never shorter than they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.errors import AppbanError


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Args:
        items: what is on it, as the server gave them.
        next_page: where the next one is (a link, a cursor, a number), None after the last.
    """

    items: Sequence[Any]
    next_page: str | None


def read_pages(first: str, fetch: Callable[[str], Page], what: str, admit: Callable[[str], None] | None = None) -> Iterator[Page]:
    """Yield the pages of a list one by one; whatever ``fetch`` raises ends it loudly.

    Args:
        first: where the first page is.
        fetch: reads one page.
        what: what is being done, to follow "Failed to".
        admit: raises for a next page that must not be asked for, on another host for example.

    Raises:
        AppbanError: if the server leads back to a page that was read already; the list would never end.
    """
    seen = {first}
    where: str | None = first
    while where is not None:
        page = fetch(where)
        where = page.next_page
        # Before the page is handed out: who gets it may act on it.
        if where is not None:
            if admit:
                admit(where)
            if where in seen:
                raise AppbanError(
                    "Failed to %s: the server leads back to a page that was read already" % what,
                    "after page %d" % len(seen),
                    "Run again; if it happens again, tell the maker of the server",
                )
            seen.add(where)
        yield page
