# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is so on devices, and which rows of a record claim what isn't so. Shares nothing with the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Truth:
    """One device as a person who holds it would describe it.

    Args:
        device: what the record calls it.
        managed: its management reaches it.
        installed: ids of the apps that are on it.
        opens: those of them that can be opened.
        sites: ids of the apps whose site shows.
        holds: names of controls of ours that are on it.
        coming: changes that its next contact will bring or take.
        works: it has its access to work.
        untold: ids of the apps of which its last list of apps says something else than what is so by now.
        told_at: when its last list of apps came; None where that is not known.
    """

    device: str
    serial: str | None
    platform: str
    managed: bool
    installed: frozenset[str] = frozenset()
    opens: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    coming: tuple[str, ...] = ()
    works: bool = True
    untold: frozenset[str] = frozenset()
    told_at: str | None = None


@dataclass
class Held:
    """What a comparison found.

    Args:
        false: rows that claim what isn't so, a sentence each.
        apart: pairs of device and app left out, because a user has done something there since the last look.
    """

    false: list[str] = field(default_factory=list)
    apart: set[tuple[str, str]] = field(default_factory=set)


def hold(rows: Iterable[Mapping[str, Any]], truth: Mapping[str, Truth], acted: Iterable[tuple[str, str]] = ()) -> Held:
    """Compare the rows of a record with what is so.

    Args:
        rows: of devices.
        truth: by device.
        acted: pairs of device and app that somebody has touched after the last look; they are counted apart.
    """
    found = Held()
    touched = set(acted)
    of_devices = [row for row in rows if row["row"] == "device"]
    # On these something of ours may be, because of an app of which nothing else is said.
    enforced = {row["device"] for row in of_devices if not has_ended(row)}
    for row in of_devices:
        key = (row["device"], row["app"])
        device = truth.get(row["device"])
        if key in touched or (device is not None and row["app"] in device.untold):
            found.apart.add(key)
            continue
        claim = "%s %s is called %s/%s (before: %s)" % (*key, row["outcome"], row["reason"], row["before"])
        found.false.extend("%s, but %s" % (claim, lie) for lie in lies(row, device, row["device"] in enforced))
    return found


#: Outcomes that claim nothing of a device that nobody manages.
SILENT = (
    "out_of_scope", "unclassified", "not_observable", "stale", "failed", "cannot_enforce", "unreachable", "not_in_force", "exempt",
)  # fmt: skip
#: Outcomes that say that what is demanded has reached the device.
REACHED = ("compliant", "removed", "recurred", "blocked_not_removed")


def lies(row: Mapping[str, Any], device: Truth | None, enforced: bool = False) -> list[str]:
    """What a row claims of a device and isn't so. enforced: another row of the device allows for something of ours there."""
    outcome, reason, app = row["outcome"], row["reason"], row["app"]
    if device is None or not device.managed:
        return [] if outcome in SILENT else ["no such device is managed"]
    there, opens = app in device.installed, app in device.opens
    found = []
    if row["before"] == "present" and not there and outcome not in ("removed", "recurred"):
        found.append("it is not there")
    if row["before"] == "absent" and there:
        found.append("it is there")
    if outcome in ("compliant", "removed", "recurred") and there:
        found.append("it is there")
    if outcome == "blocked_not_removed" and opens:
        found.append("it can be opened")
    if outcome == "access_withdrawn" and device.works:
        found.append("it has its access to work")
    if outcome == "removal_requested" and not (device.holds or device.coming):
        found.append("nothing was ordered")
    ended = has_ended(row)
    if ended and not enforced and device.holds:
        found.append("it still has %s" % ", ".join(sorted(device.holds)))
    if ended and there and not opens:
        found.append("it is blocked")
    if outcome in REACHED and {"block", "block_web"} & set(row["actions"]) and not device.holds:
        found.append("nothing of ours is on it")
    if row["seen_at"] and device.told_at and _instant(row["seen_at"]) > _instant(device.told_at):
        found.append("its last list of apps is of %s, not of %s" % (device.told_at, row["seen_at"]))
    if outcome == "compliant" and reason in ("ban_lifted", "report_only", "not_yet_in_force", "under_review", "opted_out"):
        found.append("no ban is in force there")
    return found


def has_ended(row: Mapping[str, Any]) -> bool:
    """Whether a row says that nothing of ours is on the device any more, as far as its app is concerned."""
    if row["outcome"] == "exempt":
        return bool(row["reason"] != "release_pending")
    return (row["outcome"], row["reason"]) == ("not_in_force", "ban_lifted")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
