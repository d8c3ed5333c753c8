# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding, reading and deleting files in directories that their owners may change under our hands.

We run as root in people's homes, where anybody may put a link at any moment. So every directory on the way is opened one by
one without following links, a file is known by device and inode, and what is deleted is exactly the file that was found.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

#: A search that meets more entries than this stops: a run must not take minutes because of one heap of downloads.
MAX_ENTRIES = 5000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: opening somebody's named pipe would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class FoundFile:
    """One regular file, as it was found.

    Args:
        root: the directory that the search trusted: a home, or a directory of the system.
        parts: names from there to the file; none of them was a link.
        device: number of its file system.
        inode: its number there.
    """

    root: str
    parts: Tuple[str, ...]
    device: int
    inode: int

    @property
    def path(self) -> str:
        """The absolute path, for the system's own use."""
        return os.path.join(self.root, *self.parts)

    @property
    def shown(self) -> str:
        """The path as text for a person: whatever can't be printed is written as an escape."""
        text = os.fsencode(self.path).decode("utf-8", "backslashreplace")
        return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def search(root: str, below: Sequence[str], depth: int, wanted: Callable[[str], bool]) -> Tuple[List[FoundFile], bool]:
    """Regular files with a wanted name.

    Args:
        root: trusted directory.
        below: names from there to the directory where the search begins; a link among them ends it.
        depth: how many levels deep; 1 is that directory alone. Other file systems are never entered.
        wanted: judges a file's name.

    Returns:
        The files, and whether the search ended early because there was too much to look at.
    """
    found: List[FoundFile] = []
    try:
        with _opened(root, below) as (directory, device):
            budget = _walk(directory, device, root, tuple(below), depth, wanted, found, MAX_ENTRIES)
    except OSError:
        return [], False
    return found, budget <= 0


def read_found(file: FoundFile, limit: int) -> Optional[bytes]:
    """The first bytes of a file that was found; None if something else is there by now."""
    try:
        with _opened(file.root, file.parts[:-1]) as (directory, _device):
            descriptor = os.open(file.parts[-1], _FILE, dir_fd=directory)
            with os.fdopen(descriptor, "rb") as handle:
                return handle.read(limit) if _is_same(os.fstat(descriptor), file) else None
    except OSError:
        return None


def read_persons_file(path: str, limit: int) -> Optional[bytes]:
    """The first bytes of a regular file in somebody's home; None for anything else, and for whatever can't be read.

    Links are followed, because people keep such directories elsewhere; so only parse what comes back, never show it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as handle:
            return handle.read(limit) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None


def is_there(file: FoundFile) -> bool:
    """Whether that very file is still at its place."""
    try:
        with _opened(file.root, file.parts[:-1]) as (directory, _device):
            return _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file)
    except OSError:
        return False


def unlink_found(file: FoundFile) -> bool:
    """Delete exactly that file. False if it is gone already, or if something else is in its place, which is left alone.

    Raises:
        OSError: when it is there and can't be deleted.
    """
    try:
        with _opened(file.root, file.parts[:-1]) as (directory, _device):
            if not _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file):
                return False
            os.unlink(file.parts[-1], dir_fd=directory)
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False


@contextmanager
def _opened(root: str, below: Sequence[str]) -> Iterator[Tuple[int, int]]:
    """A directory below a root as a descriptor, with the root's file system; a link on the way is an OSError."""
    # The root itself may be reached through the administrator's links (/home -> /data/home).
    current = os.open(os.path.realpath(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        device = os.fstat(current).st_dev
        for name in below:
            following = os.open(name, _DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
        yield current, device
    finally:
        os.close(current)


def _walk(
    directory: int,
    device: int,
    root: str,
    below: Tuple[str, ...],
    depth: int,
    wanted: Callable[[str], bool],
    found: List[FoundFile],
    budget: int,
) -> int:
    """Returns what is left of the budget of entries."""
    if os.fstat(directory).st_dev != device:
        return budget
    deeper = []
    with os.scandir(directory) as entries:
        for entry in entries:
            budget -= 1
            if budget <= 0:
                return 0
            if entry.is_dir(follow_symlinks=False):
                deeper.append(entry.name)
            elif wanted(entry.name) and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.append(FoundFile(root, below + (entry.name,), status.st_dev, status.st_ino))
    for name in sorted(deeper) if depth > 1 else ():
        try:
            following = os.open(name, _DIRECTORY, dir_fd=directory)
        except OSError:
            continue
        try:
            budget = _walk(following, device, root, below + (name,), depth - 1, wanted, found, budget)
        finally:
            os.close(following)
        if budget <= 0:
            return 0
    return budget


def _is_same(status: os.stat_result, file: FoundFile) -> bool:
    return stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == (file.device, file.inode)
