# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each target of a run, from its record and from what its tasks registered. Reads records, writes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.engine.errors import EvidenceError
from ..module_utils.engine.evidence import closing_hash, read_header

UNMATCHED_EXEMPTION = "unmatched_exemption"
#: What ``appban_fail_on`` can make a failure of.
FAIL_ON = ("changed", "drift", UNMATCHED_EXEMPTION)
_OF_THE_LAST_LINE = ("rows", "devices", "in_scope", "outcomes", "planned", "writes", "decision_due")
_MOST_LETTERS = 2000


def last_line(path: str) -> dict[str, Any]:
    """The last line of a finished record, found from the end; empty where it is no record's."""
    try:
        with open(path, "rb") as handle:
            position = handle.seek(0, os.SEEK_END)
            tail = b""
            while position and b"\n" not in tail[:-1]:
                step = min(position, 65536)
                position = handle.seek(position - step)
                tail = handle.read(step) + tail
    except OSError:
        return {}
    try:
        totals = json.loads(tail[:-1].rpartition(b"\n")[2])
    except ValueError:
        return {}
    return totals if isinstance(totals, dict) and totals.get("row") == "totals" else {}


def target_of_record(directory: str, name: str, kind: str) -> dict[str, Any]:
    """What the record of a target says, without a status.

    Args:
        directory: of the run.
        name: of the record.
        kind: what the target is: ``intune``, ``hosts`` ...
    """
    path = os.path.join(directory, name + ".jsonl")
    last = last_line(path)
    found: dict[str, Any] = {"kind": kind, "record": None, "number": None, "hash": None, "rows": 0, "devices": 0, "in_scope": 0}
    found.update(outcomes={}, planned=0, writes=0, decision_due=[])
    if not last:
        return {**found, "record": name + ".jsonl.partial" if os.path.exists(path + ".partial") else None}
    found.update({each: last[each] for each in _OF_THE_LAST_LINE if each in last})
    try:
        found.update(record=name + ".jsonl", hash=closing_hash(path), number=read_header(path).get("number"))
    except EvidenceError:
        return found
    return found


def status_of_tenant(directory: str, name: str, trouble: str, refused: bool, changed: bool, check_mode: bool) -> str:
    """What became of a tenant.

    Args:
        directory: of the run.
        name: of its record.
        trouble: what a person has to look at; empty for nothing.
        refused: what was asked for can't be used, and nothing was written because of it.
        changed: what its task said: something was changed, or in check mode would be.
        check_mode: nothing was changed.
    """
    path = os.path.join(directory, name + ".jsonl")
    last = last_line(path)
    if refused and trouble:
        # Also where the record ends with it, because the fleet had to be read to know.
        return "refused"
    if last.get("stopped"):
        # A fleet that was read, or doubted, and then not planned against was stopped; one that could not even be read failed.
        return "failed" if last.get("fleet") == "unread" else "stopped"
    if trouble:
        return "failed"
    return ("drift" if check_mode else "changed") if changed else "clean"


def status_of_hosts(told: Mapping[str, Any], trouble: str, directory: str, name: str, check_mode: bool) -> str:
    """What became of the hosts of a run, the worst of them.

    Args:
        told: what ``host_evidence`` returned; empty where it did not come to that.
        trouble: what kept it from that.
        directory: of the run.
        name: of their record.
        check_mode: nothing was changed.
    """
    if not told:
        path = os.path.join(directory, name + ".jsonl")
        return "failed" if os.path.exists(path + ".partial") or not trouble else "refused"
    if told.get("stopped"):
        return "stopped" if set(told.get("troubles", ())) <= set(told.get("stopped_hosts", ())) else "failed"
    if set(told.get("troubles", ())) - set(told.get("refused_hosts", ())):
        return "failed"
    if told.get("troubles"):
        return "refused"
    return ("drift" if check_mode else "changed") if told.get("changed_hosts") else "clean"


def not_good(status: str, fail_on: Sequence[str], what: str, plan: str) -> str:
    """Why a target that is as its status says counts as not good; empty where it does not.

    Args:
        fail_on: from ``appban_fail_on``.
        what: what there is to change, or was changed.
        plan: path of the plan for people.
    """
    if status not in fail_on:
        return ""
    told = "this check would change something" if status == "drift" else "something was changed"
    return "appban_fail_on: %s: %s (%s). The plan is in %s" % (status, told, what, plan)


def shortened(message: str) -> str:
    """A message that fits into a file that other programs read."""
    return message if len(message) <= _MOST_LETTERS else message[:_MOST_LETTERS] + " ..."
