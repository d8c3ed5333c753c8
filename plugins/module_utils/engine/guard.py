# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blast radius: how many devices a run may newly affect. Checked before any write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence

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


def check_limits(limits: Limits, newly_affected: Sequence[str], devices: int, losing: Sequence[str] = ()) -> None:
    """Stop a run that would newly affect too many devices, or take its protection from too many.

    Args:
        limits: the strictest limits of the run's policies.
        newly_affected: names of the devices that the run would change for the first time.
        devices: all devices of the run, affected or not.
        losing: names of the devices that would lose a control of ours although no policy ends its ban.

    Raises:
        LimitExceeded: naming the numbers, the first few devices and the smallest step on.
    """
    names = list(dict.fromkeys((*newly_affected, *losing)))
    count = len(names)
    if not count:
        return
    breaches = []
    # Both are named: what is given for a run takes the place of all that the policies say.
    step: Dict[str, float] = {}
    if limits.max_devices is not None:
        step["max_devices"] = max(limits.max_devices, count)
        if count > limits.max_devices:
            breaches.append("max_devices is %d" % limits.max_devices)
    if limits.max_percent is not None:
        percent = count * 100.0 / devices if devices else 0.0
        step["max_percent"] = limits.max_percent
        if percent > limits.max_percent:
            breaches.append("max_percent is %g and this is %.1f %%" % (limits.max_percent, percent))
            step["max_percent"] = math.ceil(percent * 10) / 10
    if not breaches:
        return
    what = "newly affect %d of %d devices" % (len(set(newly_affected)), devices)
    if losing:
        what += " and take its protection from %d" % len(set(losing))
    raise LimitExceeded(
        "stopped before any write: this run would %s, but %s" % (what, " and ".join(breaches)),
        ", ".join(names[:5]) + (", ..." if count > 5 else ""),
        "Look at the plan; if it is right, allow it for one run with -e '{\"appban_limits\": {%s}}', or begin with a smaller rule"
        % ", ".join('"%s": %g' % each for each in step.items()),
    )


def check_reach(reached: Mapping[str, Sequence[str]]) -> None:
    """Refuse a plan that touches devices that it must not touch.

    Args:
        reached: key of a change -> names of the devices that it reaches although they are exempt, unclassified or out of scope.

    Raises:
        AppbanError: naming the changes and the first few devices.
    """
    if not reached:
        return
    lines = ["%s reaches %s" % (key, ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")) for key, names in sorted(reached.items())]
    raise AppbanError(
        "stopped before any write: the plan reaches devices that are exempt, unclassified or out of scope: " + "; ".join(lines),
        "",
        "This is a defect of the collection, please report it with the plan",
    )
