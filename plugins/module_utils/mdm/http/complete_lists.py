# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a list is whole: by the different things in it, and by what its service itself counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...engine.errors import AppbanError
from .paging import Page, described, read_pages

#: Characters of an id in a message.
_SHOWN = 60


class Distinct:
    """The different ids of a list. What comes twice is one thing, however many rows there are, as long as they say the same of it."""

    def __init__(self) -> None:
        #: Id -> hash of what was said of it.
        self.ids: dict[str, int] = {}
        self.duplicates = 0
        #: An id of which two rows said different things; empty for none.
        self.contradicted = ""

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self.ids

    def add(self, identifier: str, said: int = 0) -> bool:
        """Take note of an id; say whether it is a new one. said: hash of what its row says that must be the same in all of them."""
        known = self.ids.get(identifier)
        if known is None:
            self.ids[identifier] = said
            return True
        self.duplicates += 1
        if known != said:
            self.contradicted = self.contradicted or identifier
        return False


def counted_rows(
    fetch: Callable[[str], Page], what: str, things: str, source: str, identify: Callable[[Any], str], first: str = ""
) -> Iterator[Any]:
    """Yield the rows of a list that comes in pages which say how many there are, each row once: all of them, or an error.

    Args:
        fetch: reads one page, by where it is.
        what: what is being done, to follow "Failed to".
        things: what the rows are, in the plural.
        source: who counts: "the server".
        identify: a row's id.
        first: where the first page is.

    Raises:
        RequestFailed, OutOfTime, AppbanError
    """
    distinct, counted = Distinct(), None
    for page in read_pages(first, fetch, what, identify=identify):
        counted = page.counted
        yield from (row for row in page.items if distinct.add(identify(row)))
    require_complete(things, distinct, counted, source)


def require_complete(what: str, distinct: Distinct, counted: object, source: str) -> None:
    """Refuse a list that isn't known to be whole.

    Args:
        what: what the list is of, in the plural: "managed devices".
        distinct: what was on it.
        counted: what its service counts, as the service gave it; None if it gave nothing.
        source: who counts: "the tenant".

    Raises:
        AppbanError: if there are fewer different ones than are counted; also if the count is no count, or none although there are some; and
            if two rows say different things of one.
    """
    if distinct.contradicted:
        raise AppbanError(
            "the list of %s says two different things of one of them: %r" % (what, distinct.contradicted[:_SHOWN]),
            "",
            "Run again later; if it happens again, look at it in the console of the service. Nothing was written",
        )
    found = len(distinct)
    if isinstance(counted, int) and not isinstance(counted, bool) and (0 < counted <= found or counted == found == 0):
        return
    shown = str(counted) if isinstance(counted, (int, float)) and not isinstance(counted, bool) else described(counted)
    if counted is None:
        shown = "nothing"
    raise AppbanError(
        "the list of %s is not complete: it has %d different %s, and %s counts %s" % (what, found, what.split()[-1], source, shown),
        "",
        "Run again later; nothing was written",
    )
