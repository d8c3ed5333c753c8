# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Execute a plan: in order, one failure never stops an independent change, nothing is lost without saying so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, FrozenSet, List, Optional, Set, Tuple

from .errors import AppbanError
from .plan import Change, Plan


@dataclass(frozen=True)
class Failure:
    """One change that failed, with the message a person reads.

    Args:
        devices: positions of the devices on which it failed; None where it failed as a whole.
    """

    change: Change
    message: str
    devices: Optional[FrozenSet[int]] = None


@dataclass(frozen=True)
class Applied:
    """What became of a plan: every change is in exactly one of the lists.

    Args:
        unchanged: carried out, and it turned out that everything was so already; nobody can know that beforehand of everything.
    """

    done: Tuple[Change, ...]
    failed: Tuple[Failure, ...]
    skipped: Tuple[Change, ...]
    unchanged: Tuple[Change, ...] = ()

    @property
    def failed_keys(self) -> FrozenSet[str]:
        """Keys of the changes that failed or were not attempted."""
        return frozenset([failure.change.key for failure in self.failed] + [change.key for change in self.skipped])

    def messages(self) -> List[str]:
        """One line per change that was not made."""
        lines = ["%s: %s" % (failure.change.key, failure.message) for failure in self.failed]
        for change in self.skipped:
            lines.append("%s: not attempted, because a change it needs failed" % change.key)
        return lines


def apply_plan(
    plan: Plan, execute: Callable[[Change], Optional[bool]], tell: Optional[Callable[[int, int, int, int], None]] = None
) -> Applied:
    """Execute the changes of a plan in order.

    Args:
        plan: the plan that check mode would have printed.
        execute: makes one change and verifies its effect; raises :class:`AppbanError` when it did not take effect. False means that
            nothing had to be changed.
        tell: called after each change with how many are over, whatever became of them, how many there are, and how many of those that are
            over failed and were skipped.

    Returns:
        What was done, what was so already, what failed and what was skipped because something it needs failed. Errors that are not
        :class:`AppbanError` are defects and pass through.
    """
    done: List[Change] = []
    failed: List[Failure] = []
    skipped: List[Change] = []
    unchanged: List[Change] = []
    missing: Set[str] = set()
    for number, change in enumerate(plan.changes):
        if tell is not None and number:
            tell(number, len(plan.changes), len(failed), len(skipped))
        if missing.intersection(change.needs):
            skipped.append(change)
            missing.add(change.key)
            continue
        try:
            effect = execute(change)
        except AppbanError as error:
            failed.append(Failure(change, str(error), getattr(error, "devices", None)))
            missing.add(change.key)
            continue
        (unchanged if effect is False else done).append(change)
    if tell is not None and plan.changes:
        tell(len(plan.changes), len(plan.changes), len(failed), len(skipped))
    return Applied(tuple(done), tuple(failed), tuple(skipped), tuple(unchanged))
