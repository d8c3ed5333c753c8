# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exemptions name in a run as a whole, from the records of its targets. Reads records, writes nothing.

A policy is meant for all targets, so a name that one of them does not know may be another's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..module_utils.engine.errors import EvidenceError
from ..module_utils.engine.evidence import exemption_rows
from .run_status import last_line

_MOST_SHOWN = 20


def unmatched_exemptions(directory: str, targets: Iterable[str]) -> list[str]:
    """Active exemptions of which a name, or all, matches no device of any target: ``uk/EX-1 (devices[0], users[2])``.

    Where the fleet of one target is not known whole, or its record can't be read, nothing is claimed.

    Args:
        directory: of the run.
        targets: names of the records of all its targets.
    """
    devices: dict[str, int] = {}
    unmatched: dict[str, set[str]] = {}
    order: dict[str, list[str]] = {}
    for target in targets:
        path = os.path.join(directory, target + ".jsonl")
        if last_line(path).get("fleet") != "complete":
            return []
        try:
            rows = exemption_rows(path)
        except EvidenceError:
            return []
        for row in rows:
            if row["state"] != "active":
                continue
            name = "%(policy)s/%(exemption)s" % row
            devices[name] = devices.get(name, 0) + row["devices"]
            order.setdefault(name, row["unmatched"])
            unmatched[name] = unmatched.get(name, set(row["unmatched"])) & set(row["unmatched"])
    found = []
    for name in devices:
        places = [place for place in order[name] if place in unmatched[name]]
        if places:
            found.append("%s (%s)" % (name, ", ".join(places)))
        elif not devices[name]:
            found.append(name)
    return found


def shortened_list(names: list[str]) -> str:
    """Some of them, for a message."""
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (" and %d more" % more if more > 0 else "")
