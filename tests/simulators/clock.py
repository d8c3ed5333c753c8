# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated tenant's clock: it moves only when a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

START = datetime(2023, 3, 1, tzinfo=timezone.utc)


def instant(moment: datetime) -> str:
    """Write an instant the way the vendors do."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_instant(text: str) -> datetime:
    """Read an ISO instant; one without an offset is UTC."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class Clock:
    """Starts at 2023-03-01T00:00:00Z."""

    def __init__(self) -> None:
        self.now = START

    def set(self, text: str) -> None:
        self.now = parse_instant(text)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def reset(self) -> None:
        self.now = START
