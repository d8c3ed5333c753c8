# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blast radius: how many devices a run may newly affect. Checked before any write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional, Sequence

from .errors import AppbanError, LimitExceeded


@dataclass(frozen=True)
class Limits:
    """First-time effect allowed per run.

    Args:
        max_devices: most devices newly affected; None for no limit.
        max_percent: most devices newly affected, as a percentage of the devices of the run; None for no limit.
    """

    max_devices: Optional[int] = None
    max_percent: Optional[float] = None


def strictest_limits(limits: Iterable[Mapping[str, Any]]) -> Limits:
    """The strictest of several policies' ``limits`` mappings.

    Raises:
        AppbanError: for a number that no count can be compared with, such as a percentage that is not a number.
    """
    devices = []
    percents = []
    for each in limits:
        if each.get("max_devices") is not None:
            devices.append(int(each["max_devices"]))
        if each.get("max_percent") is not None:
            percents.append(float(each["max_percent"]))
    wrong = ["max_devices is %d, expected 0 or more" % value for value in devices if value < 0]
    wrong += ["max_percent is %g, expected 0 to 100" % value for value in percents if not 0 <= value <= 100]
    if wrong:
        raise AppbanError("the limits can't be used: " + "; ".join(wrong), "", "Nothing was contacted")
    return Limits(min(devices) if devices else None, min(percents) if percents else None)


def check_limits(limits: Limits, newly_affected: Sequence[str], devices: int) -> None:
    """Stop a run that would newly affect too many devices.

    Args:
        limits: the strictest limits of the run's policies.
        newly_affected: names of the devices that the run would change for the first time.
        devices: all devices of the run, affected or not.

    Raises:
        LimitExceeded: naming the numbers, the first few devices and the way on.
    """
    count = len(newly_affected)
    if not count:
        return
    breaches = []
    if limits.max_devices is not None and count > limits.max_devices:
        breaches.append("max_devices is %d" % limits.max_devices)
    if limits.max_percent is not None and devices and count * 100.0 / devices > limits.max_percent:
        breaches.append("max_percent is %g and this is %.1f %%" % (limits.max_percent, count * 100.0 / devices))
    if not breaches:
        return
    shown = ", ".join(newly_affected[:5]) + (", ..." if count > 5 else "")
    raise LimitExceeded(
        "stopped before any write: this run would newly affect %d of %d devices, but %s" % (count, devices, " and ".join(breaches)),
        shown,
        "Look at the plan with --check --diff; then raise `limits` in the policy, override them for this run,"
        " or run on a part of the fleet (--limit)",
    )
