# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file ``EVIDENCE_DIR/<run_id>/run.json``: what became of a run, for scripts.

It is made when the run begins, replaced whole when it ends, and never half-written. Of a part of a job it is ``run.part-PART.json``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..module_utils.engine.errors import EvidenceError

FORMAT = 1
RUNNING = "running"
#: What can become of a target and of a run, the worst first.
STATUSES = ("failed", "stopped", "refused", "changed", "drift", "clean")
_NAME, _NAME_OF_PART = "run.json", "run.part-%s.json"
_CHOOSE = "Choose a writable appban_evidence_dir"
_TAKE_ANOTHER = "Take another id, or none; where jobs share one, give each its appban_part. Nothing was contacted"


def worst(statuses: Iterable[str]) -> str:
    """The worst of some statuses; of none it is clean, because nothing was to be done."""
    return min(statuses, key=STATUSES.index, default="clean")


def run_file(directory: str, part: str = "") -> str:
    """Path of the file of a run, or of a part of a job. directory: of the run."""
    return os.path.join(directory, _NAME_OF_PART % part if part else _NAME)


def begin_run(directory: str, facts: Mapping[str, Any], part: str = "") -> None:
    """Say that a run is under way.

    Where several plays of one process share a run, what the others have said of their targets stays.

    Args:
        directory: of the run; made if it is missing.
        facts: what is known by now: ``run_id``, ``now``, ``mode``, ``run_by``, ``process`` ...
        part: which part of a job this is; empty for the whole.

    Raises:
        EvidenceError: where it can't be written, and where another process has begun a run of this id. Its file stays as it is.
    """
    try:
        os.makedirs(directory, mode=0o750, exist_ok=True)
    except OSError as error:
        raise EvidenceError("cannot write evidence: %s" % error.strerror, directory, _CHOOSE) from error

    def begun(known: Mapping[str, Any]) -> dict[str, Any]:
        fresh: dict[str, Any] = {"status": RUNNING, "format": FORMAT, **facts, "ended": None, "message": ""}
        fresh.update(unmatched_exemptions=[], not_good="", targets={})
        path = run_file(directory, part)
        if known and _process(known) == _process(fresh):
            fresh.update(began=known.get("began", fresh.get("began")), targets=known.get("targets", {}))
        elif known or os.path.lexists(path):
            told = "its file says %s, begun %s" % (known.get("status", "nothing"), known.get("began", "at an unknown time"))
            raise EvidenceError("the run id %s is taken: %s" % (facts.get("run_id"), told), path, _TAKE_ANOTHER)
        return fresh

    _replace(directory, part, begun)


def _process(content: Mapping[str, Any]) -> tuple[Any, Any]:
    """The process that has begun a run, on its controller; only that one may go on with it."""
    run_by = content.get("run_by")
    return content.get("process"), run_by.get("host") if isinstance(run_by, Mapping) else None


def end_run(
    directory: str,
    ended: str,
    targets: Mapping[str, Mapping[str, Any]],
    message: str = "",
    part: str = "",
    unmatched: Sequence[str] = (),
    not_good: str = "",
) -> dict[str, Any]:
    """Say what became of a run's targets, and with that of the run.

    Args:
        directory: of the run.
        ended: wall clock in UTC.
        targets: name of a record -> what became of it.
        message: what a person should know of the run as a whole.
        part: which part of a job this is.
        unmatched: exemptions that match no device of any target.
        not_good: the word of ``appban_fail_on`` for which the run as a whole is not good; empty for none.

    Returns:
        What the file says now.

    Raises:
        EvidenceError: where it can't be written.
    """

    def whole(known: Mapping[str, Any]) -> dict[str, Any]:
        every = {**known.get("targets", {}), **targets}
        status = worst(each["status"] for each in every.values())
        told = {"message": message or known.get("message", ""), "unmatched_exemptions": list(unmatched), "not_good": not_good}
        return {**known, "status": status, "ended": ended, **told, "targets": every}

    return _replace(directory, part, whole)


def refuse_run(directory: str, ended: str, message: str, part: str = "") -> None:
    """Say that a run was refused before anything was contacted.

    Raises:
        EvidenceError: where it can't be written.
    """
    _replace(directory, part, lambda known: {**known, "status": "refused", "ended": ended, "message": message})


def read_run(directory: str, part: str = "") -> dict[str, Any]:
    """What the file of a run, or of a part of a job, says; empty where there is none, or where it is none of ours."""
    try:
        with open(run_file(directory, part), encoding="utf-8") as handle:
            content = json.load(handle)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_whole(path: str, chunks: Iterable[str]) -> None:
    """Write a file under another name and give it its own when all of it is on disk.

    Raises:
        EvidenceError: where it can't be written.
    """
    passing = "%s.%d.new" % (path, os.getpid())
    try:
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as handle:
                handle.writelines(chunks)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(passing, path)
        except BaseException:
            os.unlink(passing)
            raise
    except OSError as error:
        raise EvidenceError("cannot write evidence: %s" % error.strerror, path, _CHOOSE) from error


def _replace(directory: str, part: str, make: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    with _alone(directory):
        # The status stands first, so that a shell script finds it without a reader of JSON.
        content = make(read_run(directory, part))
        ordered = {"status": content["status"], **content}
        write_whole(run_file(directory, part), [json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"])
        return ordered


@contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Nobody else replaces the file meanwhile, where the file system knows locks."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise EvidenceError("cannot write evidence: %s" % error.strerror, directory, _CHOOSE) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            # A shared directory of a kind that locks no directories: slices that end in the same instant are the only ones to notice.
            pass
        yield
    finally:
        os.close(descriptor)
