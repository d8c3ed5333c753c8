# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The append-only record of a run: one header, one row per device and app, totals that must add up, a chain of hashes.

A record is ``EVIDENCE_DIR/<run_id>/<target>.jsonl``. While it is being written it is called ``<target>.jsonl.partial``; a
finished record is never opened for writing again. Its last line carries the SHA-256 of all lines before it, and its first
line the hash that closed the previous record of the same target, so that a changed or missing record shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import EvidenceError
from .outcomes import GRAVITY, OUTCOMES, Outcome

FORMAT = 1
LEVELS: Tuple[str, ...] = ("exceptions", "all")
_UNREMARKABLE = frozenset(("compliant", "out_of_scope"))
_RUN_ID = re.compile(r"^\d{8}T\d{6}Z(-\d+)?$")
_TARGET = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$")


def choose_run_id(directory: str, now: str) -> str:
    """A run id that sorts by time and is not taken yet: ``20230315T000000Z``, then ``20230315T000000Z-2``, ...

    Args:
        directory: the evidence directory; need not exist.
        now: the run's instant in UTC, ``2023-03-15T00:00:00Z``.
    """
    stem = re.sub(r"[-:]", "", now.split(".")[0].rstrip("Z")) + "Z"
    if not _RUN_ID.match(stem):
        raise EvidenceError("the run's instant can't name a run", now, "Give it in UTC, for example 2023-03-15T00:00:00Z")
    candidate = stem
    number = 1
    while os.path.exists(os.path.join(directory, candidate)):
        number += 1
        candidate = "%s-%d" % (stem, number)
    return candidate


def _sort_key(run_id: str) -> Tuple[str, int]:
    stem, _, number = run_id.partition("-")
    return stem, int(number or 1)


def previous_hash(directory: str, target: str, run_id: str) -> Optional[str]:
    """The hash that closes the newest finished record of a target before ``run_id``; None where there is none."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return None
    earlier = [name for name in names if _RUN_ID.match(name) and _sort_key(name) < _sort_key(run_id)]
    for name in sorted(earlier, key=_sort_key, reverse=True):
        path = os.path.join(directory, name, target + ".jsonl")
        if os.path.exists(path):
            return closing_hash(path)
    return None


def closing_hash(path: str) -> str:
    """The hash in the last line of a finished record."""
    with open(path, "rb") as handle:
        handle.seek(0, os.SEEK_END)
        size = handle.tell()
        length = min(size, 1 << 20)
        handle.seek(size - length)
        tail = handle.read().splitlines()
    try:
        last = json.loads(tail[-1])
        found = last["hash"]
    except (IndexError, ValueError, KeyError, TypeError):
        fix = "It was cut or changed; move it aside and keep it"
        raise EvidenceError("an evidence record does not end with its hash", path, fix) from None
    return str(found)


def verify_record(path: str) -> Dict[str, Any]:
    """Check a finished record and return its last line.

    Raises:
        EvidenceError: when the hash does not match the lines before it, or the totals do not match header and rows.
    """
    digest = hashlib.sha256()
    held: Optional[bytes] = None
    with open(path, "rb") as handle:
        for line in handle:
            if held is not None:
                digest.update(held)
            held = line
    try:
        last: Dict[str, Any] = json.loads(held or b"")
        devices = last["devices"]
    except (ValueError, KeyError, TypeError):
        raise EvidenceError("an evidence record has no totals", path, "The run was interrupted; run it again") from None
    if last.get("hash") != digest.hexdigest():
        raise EvidenceError("an evidence record was changed after it was written", path, "Compare it with your backup")
    for app, counts in last["totals"].items():
        if sum(counts.values()) != devices:
            raise EvidenceError("the outcomes of %s do not add up to %s devices" % (app, devices), path, "Report this as a defect")
    return last


@dataclass(frozen=True)
class Row:
    """One device and app in the record.

    Args:
        device: the device record's public part: ``id``, ``serial``, ``platform``, ``ownership``.
        app: app id.
        decision: the app's part of the decision in plain form.
        outcome: the judged outcome.
        before: what was seen before: ``present``, ``absent`` or ``not_observed``.
        mechanism: how it was enforced, in words of the capability tables.
        seen_at: instant of the inventory that ``before`` rests on.
        requested_at: instant of a queued command, if any.
        findings: what exactly was seen, small mappings of identifiers only.
    """

    device: Mapping[str, Any]
    app: str
    decision: Mapping[str, Any]
    outcome: Outcome
    before: str = "not_observed"
    mechanism: Tuple[str, ...] = ()
    seen_at: Optional[str] = None
    requested_at: Optional[str] = None
    findings: Tuple[Mapping[str, Any], ...] = ()

    def to_plain(self) -> Dict[str, Any]:
        """The row as it is written."""
        exemption = self.decision.get("exemption")
        return {
            "row": "device",
            "device": self.device.get("id"),
            "serial": self.device.get("serial"),
            "platform": self.device.get("platform"),
            "ownership": self.device.get("ownership"),
            "department": self.device.get("department"),
            "app": self.app,
            "policies": [each["policy"] for each in self.decision.get("policies", [])],
            "rule": self.decision.get("rule"),
            "verdict": self.decision.get("verdict"),
            "actions": list(self.decision.get("actions", [])),
            "exemption": dict(exemption) if exemption else None,
            "before": self.before,
            "outcome": self.outcome.name,
            "reason": self.outcome.reason,
            "explanation": self.decision.get("reason", ""),
            "mechanism": list(self.mechanism),
            "findings": [dict(finding) for finding in self.findings],
            "seen_at": self.seen_at,
            "requested_at": self.requested_at,
        }


class EvidenceRecord:
    """Writes one record. Rows stream to disk; only counts stay in memory.

    Args:
        directory: the evidence directory (made if missing, readable by its owner only).
        run_id: from :func:`choose_run_id`, shared by all targets of a run.
        target: name of the target; becomes the file name.
        header: policies, catalog version, now, mode, versions; see ``schemas/evidence.schema.json``.
        level: ``exceptions`` leaves out rows that need nobody's attention but counts them; ``all`` keeps every row.
    """

    def __init__(self, directory: str, run_id: str, target: str, header: Mapping[str, Any], level: str = "exceptions") -> None:
        if level not in LEVELS:
            raise EvidenceError("unknown evidence level %r" % level, "", "Use one of: " + ", ".join(LEVELS))
        if not _TARGET.match(target):
            raise EvidenceError("%r can't be the name of a record" % target, "", "Use letters, digits, dots, dashes and underscores")
        self.path = os.path.join(directory, run_id, target + ".jsonl")
        self._partial = self.path + ".partial"
        self._level = level
        self._digest = hashlib.sha256()
        self._totals: Dict[str, Dict[str, int]] = {}
        self._reasons: Dict[str, int] = {}
        self._by_device: Dict[str, int] = {}
        self._devices = 0
        self._rows = 0
        previous = previous_hash(directory, target, run_id)
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o750, exist_ok=True)
            if os.path.exists(self.path):
                raise FileExistsError(17, "a record of this run and target exists already")
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            self._handle: Optional[BinaryIO] = os.fdopen(descriptor, "wb")
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, self.path, "Choose a writable appban_evidence_dir") from error
        first: Dict[str, Any] = {"row": "header", "format": FORMAT, "run_id": run_id, "target": target, "evidence": level}
        first.update(header)
        first["previous"] = previous
        self._write(first)

    def add_device(self, rows: Sequence[Row]) -> None:
        """Count one device under its gravest outcome and under each app's, and write the rows that the level keeps.

        Args:
            rows: every app of one device; each device is added once.
        """
        self._devices += 1
        gravest = min((row.outcome.name for row in rows), key=GRAVITY.index, default="out_of_scope")
        self._by_device[gravest] = self._by_device.get(gravest, 0) + 1
        for row in rows:
            counts = self._totals.setdefault(row.app, {})
            counts[row.outcome.name] = counts.get(row.outcome.name, 0) + 1
            if row.outcome.name in ("cannot_enforce", "not_observable"):
                self._reasons[row.outcome.reason] = self._reasons.get(row.outcome.reason, 0) + 1
            if self._level == "exceptions" and row.outcome.name in _UNREMARKABLE and row.before != "present":
                continue
            self._rows += 1
            self._write(row.to_plain())

    def close(self, devices: int, in_scope: int, extra: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """Write totals and hash, and give the record its final name.

        Args:
            devices: number of devices of the run; the outcomes of every app must add up to it.
            in_scope: how many of them a policy applies to.
            extra: more for the last line (notes, decision_due).

        Returns:
            The last line.

        Raises:
            EvidenceError: when the outcomes do not add up. The partial record stays for inspection.
        """
        sums = {app: sum(counts.values()) for app, counts in self._totals.items()}
        for what, total in [("all apps", self._devices)] + sorted(sums.items()):
            if total != devices:
                self.abandon()
                raise EvidenceError(
                    "the outcomes of %s add up to %d, but there are %d devices" % (what, total, devices),
                    self._partial,
                    "Report this as a defect",
                )
        last: Dict[str, Any] = {
            "row": "totals",
            "devices": devices,
            "in_scope": in_scope,
            "rows": self._rows,
            "outcomes": _in_order(self._by_device),
            "totals": {app: _in_order(counts) for app, counts in sorted(self._totals.items())},
            "unenforceable": dict(sorted(self._reasons.items())),
        }
        last.update(extra or {})
        last["hash"] = self._digest.hexdigest()
        self._write(last)
        if self._handle is not None:
            self._handle.flush()
            os.fsync(self._handle.fileno())
        self.abandon()
        os.rename(self._partial, self.path)
        return last

    def abandon(self) -> None:
        """Close an unfinished record; the ``.partial`` file stays as what was seen so far."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _write(self, line: Mapping[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False, sort_keys=False, separators=(", ", ": ")) + "\n").encode("utf-8")
        if self._handle is None:
            raise EvidenceError("the record is closed", self.path, "Report this as a defect")
        self._handle.write(data)
        self._digest.update(data)


def _in_order(counts: Mapping[str, int]) -> Dict[str, int]:
    return {name: counts[name] for name in OUTCOMES if name in counts}


def summary_of(last: Mapping[str, Any]) -> Dict[str, Any]:
    """A module's ``summary`` from a record's last line: outcome -> device count, plus devices and in_scope.

    A device with several apps counts once, under its gravest outcome, so the counts add up to the devices.
    """
    summary: Dict[str, Any] = {"devices": last["devices"], "in_scope": last["in_scope"]}
    summary.update(last["outcomes"])
    return summary


def read_rows(path: str) -> List[Dict[str, Any]]:
    """All lines of a record, header and totals included."""
    with open(path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]
