# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two measures taken in turn, so that a machine that slows down slows both."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Cost:
    """What work costs: seconds on the wall, and of processors by all the processes that it started."""

    wall: float
    cpu: float


def cost_of(work: Callable[[], object]) -> Cost:
    """What one call costs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = seconds_of(work)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def cost_pair(ours: Callable[[], object], baseline: Callable[[], object], pairs: int) -> tuple[Cost, Cost, Cost]:
    """Medians of ours and of the baseline over some pairs, A B A B ..., after one of each that is not counted.

    Returns:
        Ours, the baseline, and the medians of the ratios pair by pair, which a machine that slows down for a while does not move.
    """
    ours()
    baseline()
    measured = [(cost_of(ours), cost_of(baseline)) for _each in range(pairs)]

    def median(of: Callable[[tuple[Cost, Cost]], float]) -> float:
        return statistics.median(of(each) for each in measured)

    return (
        Cost(median(lambda each: each[0].wall), median(lambda each: each[0].cpu)),
        Cost(median(lambda each: each[1].wall), median(lambda each: each[1].cpu)),
        Cost(median(lambda each: each[0].wall / each[1].wall), median(lambda each: each[0].cpu / each[1].cpu)),
    )
