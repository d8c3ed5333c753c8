# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The append-only record of a run: one header, what was to be done, one row per device and app, totals that must add up, a hash chain.

A record is ``EVIDENCE_DIR/<run_id>/<target>.jsonl``. While it is being written it is called ``<target>.jsonl.partial``; a
finished record is never opened for writing again. Its last line ends with the SHA-256 of the whole record without that hash,
and its first line carries the hash that closed the previous record of the same target, so that a changed or missing record shows.

The header is on disk before anything is contacted, the plan before the first write, and each write before it is sent: a run that is
killed, or whose disk fills up, leaves a partial record that says what it was about to do. Records of format 1 stay readable.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .errors import AppbanError, EvidenceError
from .outcomes import GRAVITY, OUTCOMES, Outcome

FORMAT = 2
LEVELS: Tuple[str, ...] = ("exceptions", "all")
_UNREMARKABLE = frozenset(("compliant", "not_in_force", "not_applicable", "out_of_scope"))
#: Reasons that always deserve a line: something of ours may still be on the device.
_REMARKABLE_REASONS = frozenset(("lift_pending", "release_pending"))
#: Rows besides those of devices: exemptions and whom they name, classes of devices in scope, what was planned, what was sent.
_OTHER_ROWS = ("exemption", "class", "plan", "write")
#: Bytes of lines that are written and hashed in one go.
_PIECE = 64 * 1024
#: Devices of a class in one row, so that no line grows with the fleet.
_DEVICES_A_ROW = 500
#: Bytes that are set aside before the first write for the rows that come after it, so that a full disk shows before anything is changed.
_RESERVE_A_ROW, _RESERVE_AT_MOST = 1024, 16 * 1024 * 1024
# For what grows beside the record meanwhile: ledger and outbox.
_RESERVE_BESIDE = 16 * 1024
#: Of file systems that can't set room aside, which says nothing of how much there is.
_CANNOT_RESERVE = frozenset((errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))
_RUN_ID = re.compile(r"\d{8}T\d{6}Z(-[1-9]\d{0,8})?")
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
#: How a last line ends. The hash is that of the record with this text replaced by ``}``.
_CLOSING = re.compile(rb', "hash": "([0-9a-f]{64})"\}\n\Z')
_CLOSING_LENGTH = 78
_CHOOSE = "Choose a writable appban_evidence_dir"
_FREE = "Make room on the evidence directory's file system and run again"


def named_directory(evidence_dir: Optional[str]) -> str:
    """The evidence directory, refused where it has no name: an empty one would be wherever the process is. Raises AppbanError."""
    if not evidence_dir or not evidence_dir.strip():
        raise AppbanError("the evidence directory is empty", "evidence_dir", "Name one, or leave it out; nothing was contacted")
    return evidence_dir


def choose_run_id(directory: str, now: str) -> str:
    """Take a run id that sorts by time: ``20230315T000000Z``, or where that is taken ``20230315T000000Z-2``, ...

    Its directory is made, so that two runs never share one, and so that a directory that can't be written to shows before
    anything is contacted.

    Args:
        directory: the evidence directory; made if missing.
        now: the run's instant in UTC, ``2023-03-15T00:00:00Z``.

    Raises:
        EvidenceError: for an instant of another form, and where the directory can't be made.
    """
    stem = re.sub(r"[-:]", "", now.split(".")[0].rstrip("Z")) + "Z"
    if not _RUN_ID.fullmatch(stem):
        raise EvidenceError("the run's instant can't name a run", now, "Give it in UTC, for example 2023-03-15T00:00:00Z")
    candidate = stem
    number = 1
    while True:
        path = os.path.join(directory, candidate)
        try:
            os.makedirs(path, mode=0o750)
            return candidate
        except FileExistsError:
            number += 1
            candidate = "%s-%d" % (stem, number)
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, path, _CHOOSE) from error


def is_run_id(text: str) -> bool:
    """Whether a text can be the id of a run, and with that the name of its directory."""
    return bool(_RUN_ID.fullmatch(text))


def leave_no_empty_run(directory: str, run_id: str) -> None:
    """Take the directory of a run away again that has not recorded anything."""
    try:
        os.rmdir(os.path.join(directory, run_id))
    except OSError:
        # Another target of the run has recorded something there.
        pass


def _sort_key(run_id: str) -> Tuple[str, int]:
    stem, _unused, number = run_id.partition("-")
    return stem, int(number or 1)


def finished_records(directory: str, target: str, besides: str = "") -> List[str]:
    """Paths of the finished records of a target, the one that was written last first. besides: the id of a run that is left out.

    Runs may wait for each other, and their instants may be given, so the order is that of the records' numbers and not that of run ids;
    records of format 1 have no numbers and come before all others, by their ids.

    Raises:
        EvidenceError: where the directory can't be read.
    """
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EvidenceError("cannot read the evidence directory: %s" % error.strerror, directory, _CHOOSE) from error
    found = []
    for name in names:
        path = os.path.join(directory, name, target + ".jsonl")
        if _RUN_ID.fullmatch(name) and name != besides and os.path.exists(path):
            found.append((_number_of(path), _sort_key(name), path))
    return [path for _number, _id, path in sorted(found, reverse=True)]


def _number_of(path: str) -> int:
    """The number in a record's header; 0 where it has none, or can't be read: what is wrong with it is told where it is needed."""
    try:
        with open(path, "rb") as handle:
            number = json.loads(handle.readline(1 << 20)).get("number")
    except (OSError, ValueError, AttributeError):
        return 0
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def unfinished_records(directory: str, target: str, before: str) -> List[str]:
    """Paths of what interrupted runs of a target left that are earlier than a run, the newest first."""
    try:
        names = [name for name in os.listdir(directory) if _RUN_ID.fullmatch(name) and _sort_key(name) < _sort_key(before)]
    except OSError:
        return []
    paths = (os.path.join(directory, name, target + ".jsonl.partial") for name in sorted(names, key=_sort_key, reverse=True))
    return [path for path in paths if os.path.exists(path)]


def previous_closing(directory: str, target: str, run_id: str) -> Tuple[int, Optional[str]]:
    """Number and closing hash of the finished record of a target that was written last; 0 and None where there is none.

    Args:
        run_id: of the run that is about to be recorded.
    """
    earlier = finished_records(directory, target, run_id)
    if not earlier:
        return 0, None
    number = read_header(earlier[0]).get("number")
    # Records of format 1 have no numbers: they count as they stand there.
    return number if isinstance(number, int) else len(earlier), closing_hash(earlier[0])


def read_header(path: str) -> Dict[str, Any]:
    """The first line of a record."""
    try:
        with open(path, encoding="utf-8") as handle:
            header = json.loads(handle.readline())
    except OSError as error:
        raise EvidenceError("cannot read an evidence record: %s" % error.strerror, path, "Make it readable") from error
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("row") != "header":
        raise EvidenceError("an evidence record does not begin with a header", path, "It was cut or changed; move it aside and keep it")
    if header.get("format") not in (1, FORMAT):
        raise EvidenceError(
            "an evidence record has the format %s, and this release knows 1 and %d" % (header.get("format"), FORMAT),
            path,
            "It was written by a later release: use that one, or another evidence directory",
        )
    return header


def closing_hash(path: str) -> str:
    """The hash at the end of a finished record."""
    try:
        with open(path, "rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _CLOSING_LENGTH))
            closing = _CLOSING.search(handle.read())
    except OSError as error:
        raise EvidenceError("cannot read an evidence record: %s" % error.strerror, path, "Make it readable") from error
    if closing is None:
        raise EvidenceError("an evidence record does not end with its hash", path, "It was cut or changed; move it aside and keep it")
    return closing.group(1).decode("ascii")


def verify_record(path: str) -> Dict[str, Any]:
    """Check a finished record and return its last line. Memory stays flat, however many rows there are.

    Raises:
        EvidenceError: when the hash does not match the record, or header, rows and totals do not fit each other.
    """
    digest = hashlib.sha256()
    counted = _Counted()
    held = b""
    try:
        with open(path, "rb") as handle:
            for line in handle:
                digest.update(held)
                counted.add(held)
                held = line
    except OSError as error:
        raise EvidenceError("cannot read an evidence record: %s" % error.strerror, path, "Make it readable") from error
    closing = _CLOSING.search(held)
    if closing is None:
        raise EvidenceError("an evidence record has no totals with a hash", path, "The run was interrupted, or the record was cut")
    digest.update(held[: closing.start()] + b"}\n")
    if closing.group(1).decode("ascii") != digest.hexdigest():
        raise EvidenceError("an evidence record was changed after it was written", path, "Compare it with your backup")
    if counted.has_header:
        # A format of a later release is told as one, not as a defect.
        read_header(path)
    try:
        last: Dict[str, Any] = json.loads(held)
        problem = counted.compare(last)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = "its lines are not those of a record: %s" % error
    if problem:
        raise EvidenceError("an evidence record is not consistent", path, "%s. Report this as a defect" % problem)
    return last


class _Counted:
    """What a record's lines say, counted while they pass."""

    def __init__(self) -> None:
        self._lines = 0
        self._level = ""
        self._rows = 0
        self._others = dict.fromkeys(_OTHER_ROWS, 0)
        self._outcomes: Dict[Tuple[str, str], int] = {}
        self._problem = ""
        self.has_header = False

    def add(self, line: bytes) -> None:
        """Count one line; those that make no sense are remembered, not raised."""
        if not line or self._problem:
            return
        self._lines += 1
        try:
            row = json.loads(line)
            if self._lines == 1:
                self.has_header = row["row"] == "header"
                self._problem = "" if self.has_header else "it does not begin with a header"
                self._level = row.get("evidence", "")
                return
            if row["row"] in _OTHER_ROWS:
                self._others[row["row"]] += 1
                return
            self._problem = "" if row["row"] == "device" else "line %d is none of a record's" % self._lines
            key = (row["app"], row["outcome"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._problem = "line %d: %s" % (self._lines, error)
            return
        self._rows += 1
        self._outcomes[key] = self._outcomes.get(key, 0) + 1

    def compare(self, last: Mapping[str, Any]) -> str:
        """What does not fit the last line, or an empty text."""
        devices = last["devices"]
        if self._problem or not self._lines:
            return self._problem or "it has no header"
        if last["rows"] != self._rows:
            return "it says %s rows and has %s" % (last["rows"], self._rows)
        for name, kind in (("planned", "plan"), ("writes", "write")):
            # Records of format 1 have neither.
            if last.get(name, 0) != self._others[kind]:
                return "it says %s %s rows and has %s" % (last.get(name), kind, self._others[kind])
        if sum(last["outcomes"].values()) != devices:
            return "the outcomes of its devices do not add up to %s" % devices
        for app, counts in last["totals"].items():
            if sum(counts.values()) != devices:
                return "the outcomes of %s do not add up to %s devices" % (app, devices)
            for outcome, count in counts.items():
                rows = self._outcomes.pop((app, outcome), 0)
                left_out = self._level == "exceptions" and outcome in _UNREMARKABLE
                if rows > count or (rows < count and not left_out):
                    return "%s: %s devices are %s, and %d rows say so" % (app, count, outcome, rows)
        return "rows of %s are in no total" % sorted(app for app, _unused in self._outcomes)[0] if self._outcomes else ""


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
        drift: what somebody did to our block on the device since the last run, one sentence each.
        words: what the device or its server said against what is demanded; empty for nothing.
        last_seen_at: instant of the look in which the app was last there, where this run's can't tell whether it is.
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
    drift: Tuple[str, ...] = ()
    words: str = ""
    last_seen_at: Optional[str] = None

    def to_plain(self) -> Dict[str, Any]:
        """The row as it is written."""
        exemption = self.decision.get("exemption")
        return {
            "row": "device",
            "device": _text(self.device.get("id")),
            "serial": _text(self.device.get("serial")),
            "platform": _text(self.device.get("platform")),
            "ownership": _text(self.device.get("ownership")),
            "department": _text(self.device.get("department")),
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
            "drift": list(self.drift),
            "seen_at": self.seen_at,
            "requested_at": self.requested_at,
            "words": self.words,
            "last_seen_at": self.last_seen_at,
        }


class EvidenceRecord:
    """Writes one record. Rows stream to disk; only counts stay in memory.

    Args:
        directory: the evidence directory (made if missing; others than owner and group can't read the record).
        run_id: from :func:`choose_run_id`, shared by all targets of a run.
        target: name of the target; becomes the file name.
        header: policies, catalog version, now, mode, versions; see ``schemas/evidence.schema.json``. It is on disk when this returns.
        level: ``exceptions`` leaves out rows that need nobody's attention but counts them; ``all`` keeps every row.
    """

    _handle: Optional[BinaryIO] = None

    def __init__(self, directory: str, run_id: str, target: str, header: Mapping[str, Any], level: str = "exceptions") -> None:
        self._prepare(directory, run_id, target, level)
        previous = previous_closing(directory, target, run_id)
        first: Dict[str, Any] = {"row": "header", "format": FORMAT, "run_id": run_id, "target": target, "evidence": level}
        first.update(header)
        first["number"] = previous[0] + 1
        first["previous"] = previous[1]
        self._handle = self._open()
        try:
            self._write(first)
            self.sync()
        except EvidenceError:
            # Nothing was begun, and nothing may look as if it had been.
            self.abandon()
            _remove(self._partial)
            raise

    def _prepare(self, directory: str, run_id: str, target: str, level: str) -> None:
        if level not in LEVELS:
            raise EvidenceError("unknown evidence level %r" % level, "", "Use one of: " + ", ".join(LEVELS))
        if not _TARGET.fullmatch(target):
            raise EvidenceError("%r can't be the name of a record" % target, "", "Use letters, digits, dots, dashes and underscores")
        if not _RUN_ID.fullmatch(run_id):
            raise EvidenceError("%r can't be the id of a run" % run_id, "", "Leave it out, or give one such as 20230315T000000Z")
        self.path = os.path.join(directory, run_id, target + ".jsonl")
        self._partial = self.path + ".partial"
        self._level = level
        self._digest = hashlib.sha256()
        self._totals: Dict[str, Dict[str, int]] = {}
        self._unenforceable: Dict[str, int] = {}
        self._reasons: Dict[str, Dict[str, Dict[str, int]]] = {}
        self._by_device: Dict[str, int] = {}
        self._devices = 0
        self._rows = 0
        self._planned = 0
        self._writes = 0
        #: Lines that are neither hashed nor written yet: a few large pieces cost less than many small ones.
        self._pending: List[bytes] = []
        self._pending_size = 0

    @classmethod
    def resume(cls, directory: str, run_id: str, target: str) -> "EvidenceRecord":
        """Go on with a record that another process of the same run has begun and has added no devices to.

        Raises:
            EvidenceError: where there is none, or what is there is not the beginning of a record.
        """
        record = cls.__new__(cls)
        record._prepare(directory, run_id, target, LEVELS[0])
        try:
            read_header(record._partial)
            with open(record._partial, "rb") as handle:
                for number, line in enumerate(handle):
                    row = json.loads(line)
                    if not number:
                        record._level = row["evidence"]
                    elif row["row"] not in _OTHER_ROWS:
                        raise ValueError("a line %r" % row["row"])
                    if not line.endswith(b"\n"):
                        raise ValueError("its last line is cut")
                    record._planned += row["row"] == "plan"
                    record._writes += row["row"] == "write"
                    record._digest.update(line)
            record._handle = open(record._partial, "ab")  # noqa: SIM115  # it stays open until the record is closed
        except (EvidenceError, OSError, ValueError, KeyError, TypeError) as error:
            what = error.what if isinstance(error, EvidenceError) else error
            raise EvidenceError("cannot go on with the record: %s" % what, record._partial, "Run again") from error
        return record

    @property
    def partial_path(self) -> str:
        """Where the record is until it is finished."""
        return self._partial

    def add_exemptions(self, exemptions: Iterable[Mapping[str, Any]]) -> None:
        """Write how many devices each exemption names. They stand right after the header.

        Args:
            exemptions: ``policy``, ``exemption``, ``state``, ``devices``, ``unmatched`` and ``several`` of each.
        """
        for exemption in exemptions:
            self._write({"row": "exemption", **exemption})

    def add_classes(self, classes: Iterable[Tuple[Mapping[str, Any], Sequence[Tuple[str, Optional[str]]]]]) -> None:
        """Write who is in scope: each class of devices that are alike, with id and serial of each of them."""
        for facts, devices in classes:
            for start in range(0, len(devices), _DEVICES_A_ROW):
                chunk = [list(each) for each in devices[start : start + _DEVICES_A_ROW]]
                self._write({"row": "class", "class": dict(facts), "devices": chunk})

    def add_plan(self, changes: Iterable[Mapping[str, Any]], rows: int = 0) -> None:
        """Write what is to be done; on disk when this returns, and with it the room for the rows that come after the first write.

        Args:
            changes: see :meth:`.plan.Plan.as_plain`.
            rows: how many rows of devices may come.
        """
        for change in changes:
            self._planned += 1
            self._write({"row": "plan", **change})
        self.sync()
        self._see_that_there_is_room(_RESERVE_BESIDE + min(rows * _RESERVE_A_ROW, _RESERVE_AT_MOST))

    def note_write(self, method: str, place: str, what: str) -> None:
        """Note a write; on disk before this returns, so that it can be sent.

        Args:
            method: the verb.
            place: where it goes, without secrets.
            what: what it does.
        """
        self._writes += 1
        self._write({"row": "write", "method": method, "place": place, "what": what})
        self.sync()

    def sync(self) -> None:
        """See that everything written so far is on disk."""
        self._write_pending()
        try:
            if self._handle is not None:
                self._handle.flush()
                os.fsync(self._handle.fileno())
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, self._partial, _FREE) from error

    def _see_that_there_is_room(self, size: int) -> None:
        reserve = self._partial + ".reserve"
        try:
            descriptor = os.open(reserve, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
            try:
                if size and hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(descriptor, 0, size)
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
            finally:
                os.close(descriptor)
                _remove(reserve)
        except OSError as error:
            raise EvidenceError("there is no room for the record: %s" % error.strerror, reserve, _FREE) from error

    def _open(self) -> BinaryIO:
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o750, exist_ok=True)
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            # Looked for only now: whoever writes this record holds the name of the partial one until it is finished.
            if not os.path.lexists(self.path):
                return os.fdopen(descriptor, "wb")
            os.close(descriptor)
            os.unlink(self._partial)
        except FileExistsError:
            pass
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, self.path, _CHOOSE) from error
        raise EvidenceError("this run and target have a record already", self.path, "A record is never overwritten: take another run id")

    def add_device(self, rows: Sequence[Row]) -> None:
        """Count one device under its gravest outcome and under each app's, and write the rows that the level keeps.

        Args:
            rows: every app of one device; each device is added once.
        """
        self.count_devices(rows, 1)
        for row in rows:
            self.add_row(row)

    def add_row(self, row: Row) -> None:
        """Write one row of a device that is counted with :meth:`count_devices`, if the level keeps it."""
        if self.keeps(row):
            self.add_line(_line(row.to_plain()))

    def count_devices(self, rows: Sequence[Row], devices: int) -> None:
        """Count devices that have these rows, for one of them and those that are like it; their lines are added with :meth:`add_line`."""
        self._devices += devices
        gravest = min((row.outcome.name for row in rows), key=GRAVITY.index, default="out_of_scope")
        self._by_device[gravest] = self._by_device.get(gravest, 0) + devices
        for row in rows:
            counts = self._totals.setdefault(row.app, {})
            counts[row.outcome.name] = counts.get(row.outcome.name, 0) + devices
            if row.outcome.name in ("cannot_enforce", "not_observable"):
                self._unenforceable[row.outcome.reason] = self._unenforceable.get(row.outcome.reason, 0) + devices
            if row.outcome.reason:
                reasons = self._reasons.setdefault(row.app, {}).setdefault(row.outcome.name, {})
                reasons[row.outcome.reason] = reasons.get(row.outcome.reason, 0) + devices

    def keeps(self, row: Row) -> bool:
        """Whether a row is written at the record's level."""
        unremarkable = row.outcome.name in _UNREMARKABLE and row.before != "present" and not row.drift
        return self._level != "exceptions" or not unremarkable or row.outcome.reason in _REMARKABLE_REASONS

    def add_line(self, line: bytes) -> None:
        """Write the line of one row that the level keeps."""
        self._rows += 1
        self._add(line)

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
        problems = [
            "the outcomes of %s add up to %d, but there are %d devices" % (what, total, devices)
            for what, total in [("all apps", self._devices)] + sorted(sums.items())
            if total != devices
        ]
        if not 0 <= in_scope <= devices:
            problems.append("%d devices are in scope, but there are %d" % (in_scope, devices))
        if problems:
            self.abandon()
            raise EvidenceError("; ".join(problems), self._partial, "Report this as a defect")
        last: Dict[str, Any] = {
            "row": "totals",
            "devices": devices,
            "in_scope": in_scope,
            "rows": self._rows,
            "planned": self._planned,
            "writes": self._writes,
            "outcomes": _in_order(self._by_device),
            "totals": {app: _in_order(counts) for app, counts in sorted(self._totals.items())},
            "unenforceable": dict(sorted(self._unenforceable.items())),
            "reasons": {
                app: {name: dict(sorted(outcomes[name].items())) for name in OUTCOMES if name in outcomes}
                for app, outcomes in sorted(self._reasons.items())
            },
        }
        last.update(extra or {})
        self._write_pending()
        self._digest.update(_line(last))
        last["hash"] = self._digest.hexdigest()
        self._write(last)
        self._write_pending()
        try:
            if self._handle is not None:
                self._handle.flush()
                os.fsync(self._handle.fileno())
            self.abandon()
            os.rename(self._partial, self.path)
        except OSError as error:
            self.abandon()
            raise EvidenceError("cannot finish the record: %s" % error.strerror, self.path, _FREE) from error
        return last

    def abandon(self) -> None:
        """Close an unfinished record; the ``.partial`` file stays as what was seen so far."""
        if self._handle is not None:
            try:
                self._write_pending()
            except EvidenceError:
                # What was wrong with the disk has been said already, or will be by whoever needs the record.
                pass
            handle, self._handle = self._handle, None
            try:
                handle.close()
            except OSError:
                # The disk is full or gone, which the write that failed has said already.
                pass

    def _write(self, line: Mapping[str, Any]) -> None:
        self._add(_line(line))

    def _add(self, data: bytes) -> None:
        if self._handle is None:
            raise EvidenceError("the record is closed", self.path, "Report this as a defect")
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= _PIECE:
            self._write_pending()

    def _write_pending(self) -> None:
        if self._handle is None or not self._pending:
            return
        data = b"".join(self._pending)
        self._pending, self._pending_size = [], 0
        try:
            self._handle.write(data)
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, self.path, _FREE) from error
        self._digest.update(data)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        # Whatever is left says nothing of the run.
        pass


def _line(line: Mapping[str, Any]) -> bytes:
    # Half a surrogate pair has no UTF-8, but the escape that stands for it is JSON.
    return (_json(line) + "\n").encode("utf-8", "backslashreplace")


#: Made once: json.dumps would make one for each line.
_json = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


def _text(value: Any) -> Optional[str]:
    return None if value is None else str(value)


def _in_order(counts: Mapping[str, int]) -> Dict[str, int]:
    return {name: counts[name] for name in OUTCOMES if name in counts}


def summary_of(last: Mapping[str, Any]) -> Dict[str, Any]:
    """A module's ``summary`` from a record's last line: outcome -> device count, plus devices and in_scope.

    A device with several apps counts once, under its gravest outcome, so the counts add up to the devices.
    """
    summary: Dict[str, Any] = {"devices": last["devices"], "in_scope": last["in_scope"]}
    summary.update(last["outcomes"])
    return summary


def exemption_rows(path: str) -> List[Dict[str, Any]]:
    """The rows of a record that say whom exemptions name; none where it is of an earlier release. Raises EvidenceError."""
    found: List[Dict[str, Any]] = []
    try:
        with open(path, encoding="utf-8") as handle:
            handle.readline()
            for line in handle:
                row = json.loads(line)
                if row["row"] != "exemption":
                    break
                found.append(row)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError("cannot read whom exemptions name: %s" % error, path, "Run again") from error
    return found


def read_rows(path: str) -> List[Dict[str, Any]]:
    """All lines of a record, header and totals included."""
    with open(path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]
