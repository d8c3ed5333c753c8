# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is wholly ours: made, repaired and taken away as one piece, and never mistaken for somebody else's."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..engine.plan import Change
from .steps import FileStep, ModeStep, Steps
from .system import System

#: In the first line of every such file; how a file is known as ours when the ledger was lost.
MARKER = "Managed by appban.endpoint"


def header_lines(comment: Sequence[str]) -> List[str]:
    """What a reader of the file has to know, one line each, without the format's comment sign."""
    return [
        "%s. Do not edit: the next run puts it back." % MARKER,
        "Lift the ban in the policy to take it away; deleting this file by hand is reported as drift.",
    ] + ["Policy: %s" % line for line in comment]


@dataclass(frozen=True)
class OwnedFilePlan:
    """The plan of one such file.

    Args:
        changes: at most one.
        owned: what to remember; empty when the file is to be gone.
        drift: what somebody did to it since we wrote it.
        foreign: a file that is not ours is in its place, so nothing is done.
    """

    changes: Tuple[Change, ...] = ()
    owned: Mapping[str, Any] = field(default_factory=dict)
    drift: Tuple[str, ...] = ()
    foreign: bool = False


def plan_owned_file(system: System, path: str, content: Optional[bytes], owned: Mapping[str, Any]) -> OwnedFilePlan:
    """Plan a wholly owned file.

    Args:
        system: the host, only read.
        path: absolute path.
        content: what it shall hold; None to take it away.
        owned: what an earlier plan for the same file asked to remember; empty where we never wrote it.
    """
    link = system.is_link(path)
    # A link in place of our file is not ours to read through: /dev/null there is how administrators switch a drop-in off.
    current = b"" if link else system.read(path)
    there = link or current is not None
    if there and not owned and not _is_ours(current):
        return OwnedFilePlan(foreign=content is not None)
    drift = _drift(path, link, current, owned)
    if content is None:
        made_before = tuple(owned.get("made_directories", ()))
        step = FileStep(path, None, made_directories=made_before)
        if there:
            return OwnedFilePlan((Change("delete", "file", path, before=_text(current), after=None, step=step),), {}, drift)
        left = [directory for directory in made_before if system.exists(directory)]
        if left and not system.names_in(left[-1]):
            # A run that was killed between the file and its directories, or somebody who deleted the file alone.
            return OwnedFilePlan((Change("delete", "directory", left[-1], diff=False, step=step),), {}, drift)
        return OwnedFilePlan(drift=drift)
    made = list(owned.get("made_directories", ())) or missing_directories(system, path)
    # A list, because after a run that failed halfway the ledger claims both the old and the new content.
    remembered: Dict[str, Any] = {"sha256": [hashlib.sha256(content).hexdigest()]}
    if made:
        remembered["made_directories"] = made
    if not link and current == content:
        closed = _modes_to_set(system, path, made)
        if not closed:
            return OwnedFilePlan((), remembered, drift)
        steps = Steps(tuple(ModeStep(each, mode) for each, mode in closed))
        told = ("%s can't be read by everybody" % ", ".join(each for each, _mode in closed),)
        text = _text(content)
        return OwnedFilePlan((Change("update", "file", path, text, text, diff=False, step=steps),), remembered, drift + told)
    write = FileStep(path, content)
    change = Change(
        "update" if there else "create",
        "file",
        path,
        before=_text(current) if there else None,
        after=_text(content),
        step=Steps((FileStep(path, None), write)) if link else write,
    )
    return OwnedFilePlan((change,), remembered, drift)


def written_content(change: Change) -> Optional[bytes]:
    """The content that a change made by :func:`plan_owned_file` leaves at its path; None where it deletes."""
    step = change.step
    last = step.steps[-1] if isinstance(step, Steps) else step
    if isinstance(last, FileStep):
        return last.content
    return (change.after or "").encode("utf-8") if change.after is not None else None


def _is_ours(current: Optional[bytes]) -> bool:
    return current is not None and MARKER.encode("ascii") in current.split(b"\n", 1)[0]


def _drift(path: str, link: bool, current: Optional[bytes], owned: Mapping[str, Any]) -> Tuple[str, ...]:
    if not owned:
        return ()
    if link:
        return ("%s was replaced by a symbolic link" % path,)
    if current is None:
        return ("%s was deleted" % path,)
    if hashlib.sha256(current).hexdigest() not in owned.get("sha256", ()):
        return ("%s was edited" % path,)
    return ()


def _modes_to_set(system: System, path: str, made: Sequence[str]) -> List[Tuple[str, int]]:
    """Our file and the directories made for it whose mode is not the one they need, because of an earlier umask or somebody's change."""
    wrong = []
    for each, mode in [(path, 0o644)] + [(directory, 0o755) for directory in made]:
        status = system.status(each)
        if status is not None and stat.S_IMODE(status.st_mode) & mode != mode:
            wrong.append((each, mode))
    return wrong


def missing_directories(system: System, path: str) -> List[str]:
    """The directories above a path that are not there, outermost first."""
    missing: List[str] = []
    directory = os.path.dirname(path)
    while directory not in ("", "/") and not system.exists(directory):
        missing.insert(0, directory)
        directory = os.path.dirname(directory)
    return missing


def _text(content: Optional[bytes]) -> str:
    return (content or b"").decode("utf-8", "replace")
