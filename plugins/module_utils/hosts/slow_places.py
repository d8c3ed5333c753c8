# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places that may never answer: file systems of a network or of a person's own program (FUSE).

A look there happens in a process of its own that is given up after a few seconds.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import time
from typing import Any, BinaryIO, Callable, List, Optional, Sequence

#: Seconds that one place gets to answer, and all slow places of a run together.
PATIENCE = 4.0
ALL_PATIENCE = 12.0
_MOUNTS = "/proc/self/mountinfo"
_REMOTE = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "9p",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "pvfs2",
        "coda",
        "autofs",
    )
)
_LENGTH = struct.Struct("!Q")


def slow_mounts() -> List[str]:
    """Where file systems are mounted that may keep a reader waiting."""
    try:
        with open(_MOUNTS, "rb") as handle:
            lines = handle.read().splitlines()
    except OSError:
        # macOS has no such file.
        return []
    found = []
    for line in lines:
        fields = line.split(b" ")
        if b"-" in fields[6:]:
            kind = fields[fields.index(b"-", 6) + 1].decode("ascii", "replace")
            if kind in _REMOTE or kind.startswith("fuse"):
                found.append(os.fsdecode(_unescape(fields[4])))
    return found


def is_inside(path: str, mounts: Sequence[str]) -> bool:
    """Whether a path is in such a file system."""
    return any(each == "/" or (path + "/").startswith(each + "/") for each in mounts)


def is_slow(path: str, mounts: Sequence[str]) -> bool:
    """Whether a path is in such a file system, or one is mounted below it."""
    return is_inside(path, mounts) or any(each.startswith(path.rstrip("/") + "/") for each in mounts)


def each_in_time(look: Callable[[Any], Any], places: Sequence[Any]) -> List[Optional[Any]]:
    """The answer of ``look`` for each place, found by another process; None for a place that gave none in time.

    Args:
        look: what to do; it may not return None. An OSError of it counts as no answer.
        places: its argument, one after the other.
    """
    answers: List[Optional[Any]] = [None] * len(places)
    deadline = time.monotonic() + ALL_PATIENCE
    at = 0
    while at < len(places) and time.monotonic() < deadline:
        at = _by_a_child(look, places, answers, at, deadline)
    return answers


def _by_a_child(look: Callable[[Any], Any], places: Sequence[Any], answers: List[Optional[Any]], at: int, deadline: float) -> int:
    """Let a child process answer for the places from an index on; returns the index to go on with, past a place that gave no answer."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_end(look, places[at:], writable)
    os.close(writable)
    try:
        with os.fdopen(readable, "rb", buffering=0) as pipe:
            while at < len(places):
                until = min(time.monotonic() + PATIENCE, deadline)
                head = _read(pipe, _LENGTH.size, until)
                body = _read(pipe, _LENGTH.unpack(head)[0], until) if head is not None else None
                if body is None:
                    return at + 1
                # From a child of ours, which never runs anything else.
                answers[at] = pickle.loads(body)  # noqa: S301
                at += 1
        return at
    finally:
        os.kill(child, signal.SIGKILL)
        _reap(child)


def _answer_and_end(look: Callable[[Any], Any], places: Sequence[Any], writable: int) -> None:
    """Answer for the places one after the other and end the process: what the child does."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        with os.fdopen(writable, "wb") as pipe:
            for place in places:
                try:
                    answer = look(place)
                except OSError:
                    answer = None
                body = pickle.dumps(answer)
                pipe.write(_LENGTH.pack(len(body)) + body)
                pipe.flush()
    finally:
        # Nothing of the parent's may be done twice: no exit handler, no buffer.
        os._exit(0)


def _read(pipe: BinaryIO, count: int, until: float) -> Optional[bytes]:
    parts = b""
    while len(parts) < count:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        part = pipe.read(count - len(parts))
        if not part:
            return None
        parts += part
    return parts


def _reap(child: int) -> None:
    # A process that waits for a dead file server can't be ended; it is left to whoever inherits it.
    for _attempt in range(20):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.005)


def _unescape(path: bytes) -> bytes:
    for code, meant in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        path = path.replace(code, meant)
    return path
