# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one clock of a run, and how long the run may take."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """What the engine needs of time; tests hand in one that never sleeps."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def utcnow(self) -> datetime:
        """The instant, with UTC as its time zone."""


class SystemClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def utcnow(self) -> datetime:
        return datetime.now(timezone.utc)


class Deadline:
    """How long all requests of a run may take together, waits included. It starts when it is made.

    Args:
        clock: the clock to ask.
        seconds: the whole of it.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.ends = clock.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left; 0 once it has passed."""
        return max(0.0, self.ends - self.clock.monotonic())
