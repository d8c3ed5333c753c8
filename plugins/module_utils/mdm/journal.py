# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes, noted in the record before they are sent, so that an interrupted run leaves what it may have done."""

from __future__ import annotations

from threading import Lock

from ..engine.evidence import EvidenceRecord


class Journal:
    """Notes writes in the record of a run as long as that is open; before and after, writes are only counted.

    Args:
        record: where they are noted; None as long as there is none.
    """

    def __init__(self, record: EvidenceRecord | None = None) -> None:
        self.record = record
        self.noted = 0
        self._lock = Lock()

    def note(self, method: str, url: str, what: str) -> None:
        """Note a write that is about to be sent; several threads may.

        Args:
            method: the verb.
            url: where it goes, without secrets.
            what: what it does.

        Raises:
            EvidenceError: where it can't be noted; it must not be sent then.
        """
        with self._lock:
            if self.record is not None:
                self.record.note_write(method, url, what)
            self.noted += 1
