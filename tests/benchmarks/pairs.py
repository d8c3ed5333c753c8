# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two measures taken in turn, so that a machine that slows down slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object]) -> float:
    """How long one call takes, on the wall."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_pair(ours: Callable[[], object], baseline: Callable[[], object], pairs: int) -> tuple[float, float]:
    """Medians in seconds over some pairs, A B A B ..., after one of each that is not counted."""
    ours()
    baseline()
    measured = [(seconds_of(ours), seconds_of(baseline)) for _each in range(pairs)]
    return statistics.median(each[0] for each in measured), statistics.median(each[1] for each in measured)
