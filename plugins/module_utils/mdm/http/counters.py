# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a run made, and what it waited for."""

from __future__ import annotations

import threading
from typing import Any

from .progress import SETTLE, SHORTEST_WAIT, Progress, Wait

#: Kinds of waits that a result names.
MOST_KINDS = 20


class Counters:
    """Counts that several threads may add to.

    ``reads`` and ``writes`` count what was asked for, ``retries`` what had to be sent once more, so the three add up to the requests that
    a server saw of a run. ``tokens`` counts every request for an access token, apart from them; ``pages`` counts pages of lists. ``waits``
    counts the waits before something was sent or looked at once more, and those for an answer that did not come in time; ``waited`` is how
    many seconds they took.

    Args:
        progress: is told of every wait when it begins.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress or Progress()
        self.lock = threading.Lock()
        self.reads = 0
        self.writes = 0
        self.retries = 0
        self.tokens = 0
        self.pages = 0
        self.waits = 0
        self.waited = 0.0
        self._kinds: dict[tuple[str, str, str], dict[str, Any]] = {}

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

    def begin_wait(self, wait: Wait) -> None:
        """Tell of a wait that begins."""
        self.progress.wait(wait)

    def add_wait(self, wait: Wait) -> None:
        """Count one wait that is over."""
        if wait.seconds < SHORTEST_WAIT:
            return
        # What takes its time until it shows is one kind of wait, whatever it is.
        why = "what was written or ordered did not show yet" if wait.asked_by == SETTLE else self.progress.redactor.scrub(wait.why)
        key = (wait.asked_by, why, wait.request)
        with self.lock:
            self.waits += 1
            self.waited += wait.seconds
            kind = self._kinds.setdefault(key, {"waits": 0, "waited": 0.0, "attempt": 0, "of": None})
            kind["waits"] += 1
            kind["waited"] += wait.seconds
            if wait.attempt >= kind["attempt"]:
                kind.update(attempt=wait.attempt, of=wait.of)

    def kinds_of_waits(self) -> list[dict[str, Any]]:
        """The waits as a module returns them, those alike together, the longest first.

        Each has ``asked_by``, ``why``, ``request``, ``waits`` (how often), ``waited`` (whole seconds), ``attempt`` (the
        last one that had to wait) and ``of`` (attempts at most; None where only the deadline ends them).
        """
        with self.lock:
            kinds = sorted(self._kinds.items(), key=lambda each: (-each[1]["waited"], each[0]))
            return [
                {"asked_by": asked_by, "why": why, "request": request or None, **kind, "waited": round(kind["waited"])}
                for (asked_by, why, request), kind in kinds[:MOST_KINDS]
            ]

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
