# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that answer with old values for a while after a write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...engine.errors import ChangeFailed
from .clock import Clock
from .counters import Counters
from .progress import SETTLE, Wait

Value = TypeVar("Value")

LONGEST_PAUSE = 8.0


def wait_until(
    read: Callable[[], Value],
    reached: Callable[[Value], bool],
    *,
    clock: Clock,
    expected: str,
    seconds: float = 60.0,
    first_pause: float = 1.0,
    counters: Counters | None = None,
) -> Value:
    """Read again and again until a write shows.

    Args:
        read: reads the value; None may stand for an object that isn't there.
        reached: says whether the value is what was written.
        clock: for the pauses, which double up to eight seconds.
        expected: what is waited for, to follow "It was not seen that": "the profile has 3 assignments".
        seconds: how long to wait at most, from the first reading.
        first_pause: seconds between the first two readings.
        counters: counts the pauses, and tells of them.

    Returns:
        The value that was reached.

    Raises:
        ChangeFailed: if it isn't reached in time.
    """
    start = clock.monotonic()
    pause = first_pause
    while True:
        value = read()
        if reached(value):
            return value
        left = seconds - (clock.monotonic() - start)
        if left <= 0:
            raise ChangeFailed(
                "It was not seen within %g s that %s" % (seconds, expected),
                "",
                "The server accepted the write, so it may still come; the next run looks again",
            )
        wait = Wait(min(pause, left), SETTLE, expected)
        if counters is not None:
            counters.begin_wait(wait)
        clock.sleep(wait.seconds)
        if counters is not None:
            counters.add_wait(wait)
        pause = min(2 * pause, LONGEST_PAUSE)
