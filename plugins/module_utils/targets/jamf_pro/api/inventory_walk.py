# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walk an inventory in pages that are as big as the server can bear, to its very end, past records that it can't read.

What is known of the server (Jamf-Concepts/jamf-cli, notes on pagination; Jamf Pro API reference):

- more than 2000 rows are never given, whatever is asked for, and no word is said of it;
- big pages take longer than the 90 s after which what is in front of the server gives up;
- one corrupt record makes the page that it is on fail as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....mdm.http.complete_lists import Distinct
from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.paging import REPEATED
from ....mdm.http.response import Response
from ....mdm.http.retry import DIVISIBLE_READ, REPEATABLE, Safety
from ....mdm.http.urls import QueryValue
from .jamf import Jamf, incomplete, read_page, refuse_growth, unsound

#: Rows of the first page; a power of two, so that halves always begin where a page begins.
FIRST_SIZE = 512
#: Records in a row that can't be read before the server is what is broken.
MOST_UNREADABLE = 8
#: How often devices may be deleted while the inventory is read before its count can't be believed.
MOST_STEPS_BACK = 50
#: What in front of the server says when the server takes too long.
TOO_SLOW = frozenset({502, 504})
BROKEN_PAGE = frozenset({500})


@dataclass(frozen=True)
class Inventory:
    """An inventory.

    Args:
        paths: addresses, the newest first; an older server doesn't know the first ones.
        key: the field with a row's id.
        sort: an order in which no two rows are equal, or pages would overlap.
        privilege: what reading needs.
        what: to follow "Failed to".
        things: what its rows are, in the plural.
    """

    paths: tuple[str, ...]
    key: str
    sort: str
    privilege: str
    what: str
    things: str


class Walk:
    """One walk over an inventory.

    Args:
        jamf: the server.
        inventory: which.
        sections: what of a row is asked for.
    """

    def __init__(self, jamf: Jamf, inventory: Inventory, sections: tuple[str, ...]) -> None:
        self.jamf = jamf
        self.inventory = inventory
        self.sections = sections
        self.paths = list(inventory.paths)
        self.size = self.most = FIRST_SIZE
        self.unreadable = 0

    def rows(self) -> Iterator[Mapping[str, Any] | None]:
        """Yield every row once; None for one that the server can't read.

        Raises:
            RequestFailed: also if the inventory ends before its end, or if the server fails over every record.
            OutOfTime
        """
        offset = reached = steps_back = 0
        lost: list[int] = []
        last: Response | None = None
        total: int | None = None
        first: int | None = None
        seen = Distinct()
        while total is None or offset < total:
            response = self.page(offset)
            if response is None:
                lost.append(offset)
                offset += 1
                yield None
                continue
            last = response
            count, rows = read_page(response, self.inventory.key)
            first = count if first is None else first
            refuse_growth(response, first, max(count, offset + len(rows)))
            if total is not None and count < total:
                steps_back += 1
                if steps_back > MOST_STEPS_BACK:
                    raise unsound(response, "the number of rows goes down again and again, now from %s to %s" % (total, count))
                # Devices were deleted meanwhile, and the rows behind them moved forward: go back as far.
                offset = max(0, offset - (total - count))
                offset -= offset % self.size
                lost = [each for each in lost if each < offset]
                total = count
                continue
            total = count
            if not rows and offset < total:
                raise incomplete(response, offset, total)
            if len(rows) < self.size and len(rows) != total - offset:
                self.cap(len(rows), offset)
                if offset:
                    continue
            if offset + len(rows) > total:
                raise incomplete(response, offset + len(rows), total)
            fresh = [row for row in rows if seen.add(str(row[self.inventory.key]))]
            # What was gone back over was read before.
            if rows and not fresh and offset + len(rows) > reached:
                raise unsound(response, REPEATED)
            yield from fresh
            offset += len(rows)
            reached = max(reached, offset)
            self.jamf.counters.progress.read(self.inventory.things, min(offset, total), total)
            self.grow(offset)
        if len(seen) + len(lost) < total and last is not None:
            # Whatever went wrong with the pages: a device that is not told of would be one without banned apps.
            raise incomplete(last, len(seen) + len(lost), total)

    def page(self, offset: int) -> Response | None:
        """The page that begins at a row, as big as can be had; None if the one row that it comes down to can't be read."""
        again = False
        while True:
            alone = self.size == 1
            response = self.ask(offset, REPEATABLE if alone else DIVISIBLE_READ)
            if response is not None and response.ok():
                self.unreadable = 0
                return response
            if response is None or not alone:
                # A size that is odd, because the server has a cap of its own, has no half that begins where it does.
                self.size = 1 if self.size % 2 else self.size // 2
                if response is None or response.status in TOO_SLOW:
                    self.most = self.size
                continue
            if response.status in BROKEN_PAGE and not again:
                # A server in passing trouble answers like that too, and a device must not be lost to it.
                again = True
                continue
            self.unreadable += 1
            if response.status not in BROKEN_PAGE or self.unreadable > MOST_UNREADABLE:
                raise self.jamf.session.failure(response, self.inventory.privilege)
            self.grow(offset + 1)
            return None

    def ask(self, offset: int, safety: Safety) -> Response | None:
        """Ask once for a page; None if no answer came in time. A failure with which a smaller page may help is handed out."""
        inventory = self.inventory
        accept = BROKEN_PAGE | TOO_SLOW
        query: dict[str, QueryValue] = {
            "section": self.sections,
            "page": offset // self.size,
            "page-size": self.size,
            "sort": inventory.sort,
        }
        while True:
            older = len(self.paths) > 1
            try:
                response = self.jamf.fetch(
                    self.paths[0],
                    query,
                    what=inventory.what,
                    privilege=inventory.privilege,
                    accept=accept | {404} if older else accept,
                    safety=safety,
                )
            except RequestFailed as error:
                if not error.timed_out or self.size == 1:
                    raise
                return None
            if response.status == 404:
                del self.paths[0]
                continue
            self.jamf.session.counters.add(pages=1)
            return response

    def cap(self, given: int, offset: int) -> None:
        """Take note of a server that gives fewer rows than it is asked for: it counts its pages by its own size.

        So a page like that begins where it should only if it is the first one; another has to be asked for again.
        """
        self.most = given
        self.size = math.gcd(given, offset)

    def grow(self, offset: int) -> None:
        """Let pages grow again after a record that made them small, as far as the next one still begins at this row."""
        while self.size * 2 <= self.most and offset % (self.size * 2) == 0:
            self.size *= 2
