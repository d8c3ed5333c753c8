# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last run of a target knew: how many devices there were, who was in scope and why, and where an app was seen.

A list that comes short, a source of facts that is lost and an inventory that contradicts itself are told from news by this memory. It
rests on the record and not on the ledger, because the record is under a hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from .errors import EvidenceError
from .evidence import FORMAT, finished_records, read_header


@dataclass(frozen=True)
class Remembered:
    """What the last record says of a device in scope. Devices of one class share their facts.

    Args:
        serial: its serial number; None where that was not known.
        facts: the class that it was in: attribute -> value, as far as decisions rest on them; empty in records of format 1.
    """

    # A fleet has many.
    __slots__ = ("facts", "serial")

    serial: Optional[str]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class PreviousRecord:
    """The newest record of a target whose fleet was read to its end.

    Args:
        path: of the record; empty where there is none.
        run_id: of its run.
        now: the instant of its run, in UTC.
        devices: how many devices it counted, in scope or not.
        in_scope: id -> what was known; of format 1 only those that it has a line of.
        seen: (device, app) -> instant of the look in which the app was last there, as long as no look has shown that it is gone.
        unread: newer records whose fleet was not read to its end, or was doubted.
    """

    path: str = ""
    run_id: str = ""
    now: str = ""
    devices: int = 0
    in_scope: Mapping[str, Remembered] = field(default_factory=dict)
    seen: Mapping[Tuple[str, str], str] = field(default_factory=dict)
    unread: int = 0

    def __bool__(self) -> bool:
        return bool(self.path)


#: How a row of a device begins, how it says that the app was there, and how it ends where no look has ever shown it: such rows have nothing
#: to remember, and most are such. Within a text quotes are escaped, so that no name can look like one of these.
_DEVICE, _SEEN, _NEVER_SEEN = b'{"row": "device", ', b'"before": "present"', b'"last_seen_at": null}\n'
#: How many records back a policy is looked for that the newest one is not about.
MOST_RECORDS = 500


def read_previous_record(directory: str, target: str, run_id: str, policies: Iterable[str] = ()) -> PreviousRecord:
    """The newest finished record before a run in which the whole fleet was read.

    Runs of other policies over the same target may lie in between: what the newest record does not say of a policy of this run, the newest
    one that is about it does.

    Args:
        policies: ids of the run's policies.

    Raises:
        EvidenceError: for a record that can't be read.
    """
    unread = 0
    wanted = set(policies)
    newest: Optional[PreviousRecord] = None
    for path in finished_records(directory, target, run_id)[:MOST_RECORDS]:
        about = {str(policy["policy"]) for policy in read_header(path).get("policies", ())}
        if newest is not None and wanted.isdisjoint(about):
            continue
        found = _read(path)
        if found is None:
            unread += newest is None
            continue
        newest = PreviousRecord(path, unread=unread, **found) if newest is None else _with_older(newest, found)
        wanted -= about
        if not wanted:
            break
    return newest or PreviousRecord(unread=unread)


def _with_older(newest: PreviousRecord, older: Mapping[str, Any]) -> PreviousRecord:
    """What a record knew, with what an older one knew of other policies' devices and facts."""
    in_scope = dict(newest.in_scope)
    for device, known in older["in_scope"].items():
        there = in_scope.get(device)
        facts = _dated(known.facts, older["now"])
        if there is None:
            in_scope[device] = Remembered(known.serial, facts)
        else:
            in_scope[device] = Remembered(there.serial or known.serial, _joined(facts, there.facts))
    return replace(newest, in_scope=in_scope, seen={**older["seen"], **newest.seen})


def _dated(facts: Mapping[str, Any], now: str) -> Dict[str, Any]:
    """A class whose facts all say when they were last known."""
    as_of = {**dict.fromkeys(facts.get("facts") or (), now), **(facts.get("as_of") or {})}
    return {**facts, "as_of": as_of}


def _joined(older: Mapping[str, Any], newer: Mapping[str, Any]) -> Dict[str, Any]:
    """A device's class in an older record and in a newer one, which counts where both say something."""
    facts = {**(older.get("facts") or {}), **(newer.get("facts") or {})}
    as_of = {name: at for name, at in (older.get("as_of") or {}).items() if name not in (newer.get("facts") or {})}
    as_of.update(newer.get("as_of") or {})
    exemptions = sorted({*(older.get("exemptions") or ()), *(newer.get("exemptions") or ())})
    return {**newer, "facts": facts, "as_of": as_of, **({"exemptions": exemptions} if exemptions else {})}


def _read(path: str) -> Optional[Dict[str, Any]]:
    in_scope: Dict[str, Remembered] = {}
    seen: Dict[Tuple[str, str], str] = {}
    header: Mapping[str, Any] = {}
    row: Mapping[str, Any] = {}
    classes: Dict[str, Mapping[str, Any]] = {}
    read_header(path)
    try:
        with open(path, "rb") as handle:
            for line in handle:
                if header and header["format"] == FORMAT and line.startswith(_DEVICE) and _SEEN not in line and line.endswith(_NEVER_SEEN):
                    continue
                row = json.loads(line)
                kind = row["row"]
                if kind == "header":
                    header = row
                elif kind == "class":
                    facts = classes.setdefault(json.dumps(row["class"], sort_keys=True), row["class"])
                    for device, serial in row["devices"]:
                        in_scope[device] = Remembered(serial, facts)
                elif kind == "device":
                    if header["format"] == 1 and row["verdict"] not in ("out_of_scope", "unclassified"):
                        in_scope.setdefault(row["device"], Remembered(row["serial"], {}))
                    last_seen = row["seen_at"] if row["before"] == "present" else row.get("last_seen_at")
                    if last_seen:
                        seen[(row["device"], row["app"])] = last_seen
        if row.get("row") != "totals":
            return None
        if row.get("fleet", "complete") != "complete":
            return None
        return {"run_id": header["run_id"], "now": header["now"], "devices": row["devices"], "in_scope": in_scope, "seen": seen}
    except OSError as error:
        raise EvidenceError("cannot read an evidence record: %s" % error.strerror, path, "Make it readable") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError("an evidence record makes no sense: %s" % error, path, "Move it aside and keep it") from error
