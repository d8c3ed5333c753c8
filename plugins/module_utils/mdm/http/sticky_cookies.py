# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookie by which a load balancer keeps a client on one node of a cluster, so that a read sees the write before it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping

from .response import Response


class StickyCookies:
    """Keeps the cookies that are named, and no other: a session cookie could make an answer depend on more than the token.

    Several threads may use it at once.

    Args:
        names: of the cookies; none by default.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        # A comma in front: several headers arrive as one, and dates hold commas of their own.
        pattern = r"(?:^|,)\s*(%s)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)" % "|".join(map(re.escape, self.names))
        self.pattern = re.compile(pattern) if self.names else None
        self.lock = threading.Lock()
        self.values: dict[str, str] = {}

    def headers(self) -> Mapping[str, str]:
        """The header that brings the next request to the same node; nothing before the first answer."""
        with self.lock:
            pairs = ["%s=%s" % (name, self.values[name]) for name in self.names if self.values.get(name)]
        return {"Cookie": "; ".join(pairs)} if pairs else {}

    def learn(self, response: Response) -> None:
        """Keep what an answer sets; an empty value takes the cookie away."""
        if self.pattern:
            found = self.pattern.findall(response.headers.get("set-cookie", ""))
            with self.lock:
                self.values.update(found)
