# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a run made."""

from __future__ import annotations

import threading


class Counters:
    """Counts that several threads may add to.

    ``reads`` and ``writes`` count what was asked for, ``retries`` what had to be sent once more, so the three add up to the requests that
    a server saw of a run. ``tokens`` counts every request for an access token, apart from them; ``pages`` counts pages of lists. ``waits``
    counts the waits before something was sent once more, ``waited`` is how many seconds they took.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reads = 0
        self.writes = 0
        self.retries = 0
        self.tokens = 0
        self.pages = 0
        self.waits = 0
        self.waited = 0.0

    def add(self, reads: int = 0, writes: int = 0, retries: int = 0, tokens: int = 0, pages: int = 0) -> None:
        """Add to the counts."""
        with self.lock:
            self.reads += reads
            self.writes += writes
            self.retries += retries
            self.tokens += tokens
            self.pages += pages

    def add_retry(self) -> None:
        """Count one request that is sent once more."""
        self.add(retries=1)

    def add_token(self) -> None:
        """Count one request for an access token that is sent once more."""
        self.add(tokens=1)

    def add_wait(self, seconds: float) -> None:
        """Count one wait."""
        with self.lock:
            self.waits += 1
            self.waited += seconds

    def requests(self) -> dict[str, int]:
        """The counts as a module returns them: ``{reads, writes, retries, waits, waited}``, the last in whole seconds."""
        with self.lock:
            return {
                "reads": self.reads,
                "writes": self.writes,
                "retries": self.retries,
                "waits": self.waits,
                "waited": round(self.waited),
            }
