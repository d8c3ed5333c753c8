# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices in scope have an app, and how old the looks are that say so: the first thing that a person wants to know of a run."""

from __future__ import annotations

from typing import Any, Dict, Iterable

from .evidence import Row


class Presence:
    """Counts, for each app, the devices in scope that have it, that don't, of which nobody knows, and for which it does not exist.

    Args:
        old_before: a look before this instant in UTC is old; empty where every look is of now.
        old_days: the same in days, for people.
    """

    def __init__(self, old_before: str = "", old_days: int = 0) -> None:
        self.old_before = old_before
        self.old_days = old_days
        self.apps: Dict[str, Dict[str, int]] = {}

    def add(self, rows: Iterable[Row], devices: int = 1) -> None:
        """Count the rows of a device that is in scope. devices: how many there are that have such rows, looks as old included."""
        for row in rows:
            counts = self.apps.setdefault(row.app, {"present": 0, "absent": 0, "not_observed": 0, "not_applicable": 0, "old": 0})
            if row.decision["verdict"] == "not_applicable":
                counts["not_applicable"] += devices
                continue
            counts[row.before] += devices
            if row.before != "not_observed" and row.seen_at and row.seen_at < self.old_before:
                counts["old"] += devices

    def as_plain(self) -> Dict[str, Any]:
        """``{old_days, apps: {APP: {present, absent, not_observed, not_applicable, old}}}``; all but ``old`` add up to those in scope."""
        return {"old_days": self.old_days, "apps": {app: dict(counts) for app, counts in sorted(self.apps.items())}}
