# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of every write before it leaves, and how many may have had an effect."""

from __future__ import annotations

import threading
from typing import Protocol


class Journal(Protocol):
    """Keeps a note of every write."""

    def note(self, method: str, url: str, what: str) -> None:
        """Note that a write is about to leave. Called by one thread at a time.

        Args:
            method: in capitals.
            url: without query and secrets, at most 300 characters; relative to the API for a part of a batch.
            what: what is being done, to follow "Failed to".

        Raises:
            EvidenceError: if it can't be noted; then it doesn't leave.
        """


class NoJournal:
    """Keeps nothing."""

    def note(self, method: str, url: str, what: str) -> None:
        """Do nothing."""


class SentWrites:
    """The writes of a run; several threads may use it at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.journal: Journal = NoJournal()
        self.count = 0

    def note(self, method: str, url: str, what: str) -> None:
        """Tell the journal. Raises what it raises."""
        with self.lock:
            self.journal.note(method, url, what)

    def add(self, writes: int) -> None:
        """Count writes that may have had an effect."""
        with self.lock:
            self.count += writes
