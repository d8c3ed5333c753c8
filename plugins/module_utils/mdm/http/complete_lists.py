# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a list is whole: by the different things in it, and by what its service itself counts."""

from __future__ import annotations

from ...engine.errors import AppbanError
from .paging import described


class Distinct:
    """The different ids of a list. What comes twice is one thing, however many rows there are."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.duplicates = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self.ids

    def add(self, identifier: str) -> bool:
        """Take note of an id; say whether it is a new one."""
        if identifier in self.ids:
            self.duplicates += 1
            return False
        self.ids.add(identifier)
        return True


def require_complete(what: str, distinct: Distinct, counted: object, source: str) -> None:
    """Refuse a list that isn't known to be whole.

    Args:
        what: what the list is of, in the plural: "managed devices".
        distinct: what was on it.
        counted: what its service counts, as the service gave it; None if it gave nothing.
        source: who counts: "the tenant".

    Raises:
        AppbanError: if there are fewer different ones than are counted; also if the count is no count, or none although there are some.
    """
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
