# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes, noted in the record before they are sent, so that an interrupted run leaves what it may have done."""

from __future__ import annotations

import threading
from typing import Protocol


class NotesWrites(Protocol):
    """What of a run's record the journal needs."""

    def note_write(self, method: str, place: str, what: str) -> None:
        """Note a write; on disk before this returns. Raises EvidenceError where it can't be noted."""


class Journal:
    """Notes writes in the record of a run as long as that is open, and counts those that may have had an effect.

    Args:
        record: where they are noted; None as long as there is none.
    """

    def __init__(self, record: NotesWrites | None = None) -> None:
        self.record = record
        self.count = 0
        self._lock = threading.Lock()

    def note(self, method: str, url: str, what: str) -> None:
        """Note a write that is about to be sent; several threads may.

        Args:
            method: in capitals.
            url: without query and secrets, at most 300 characters; relative to the API for a part of a batch.
            what: what is being done, to follow "Failed to".

        Raises:
            EvidenceError: where it can't be noted; it must not be sent then.
        """
        with self._lock:
            if self.record is not None:
                self.record.note_write(method, url, what)

    def add(self, writes: int) -> None:
        """Count writes that may have had an effect."""
        with self._lock:
            self.count += writes
