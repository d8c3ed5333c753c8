# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding, reading and deleting files in directories that their owners may change under our hands.

We run as root in people's homes, where anybody may put a link at any moment. So every directory on the way is opened one by
one without following links, a file is known by device and inode, and what is deleted is exactly the file that was found.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from .slow_places import each_in_time, is_slow, slow_mounts
from .trust import Trust

#: A search that meets more entries than this stops: a run must not take minutes because of one heap of downloads.
MAX_ENTRIES = 20000
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# NONBLOCK: opening somebody's named pipe would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class FoundFile(NamedTuple):
    """One regular file, as it was found.

    Args:
        root: the directory that the search trusted: a home, or a directory of the system. No part of it is a link.
        parts: names from there to the file; none of them was a link.
        device: number of its file system.
        inode: its number there.
        state: its size and times, for the mark of a search.
    """

    root: str
    parts: Tuple[str, ...]
    device: int
    inode: int
    state: Tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """The absolute path, for the system's own use."""
        return os.path.join(self.root, *self.parts)

    @property
    def shown(self) -> str:
        """The path as text for a person: whatever can't be printed is written as an escape."""
        return printable(self.path)


class Search(NamedTuple):
    """One search below a root.

    Args:
        below: names from the root to the directory where the search begins; a link among them ends it.
        depth: how many levels deep; 1 is that directory alone. Other file systems are never entered.
        ending: how a wanted file's name ends, in small letters; with ``=`` before it the whole name, which is looked for without a list.
    """

    below: Tuple[str, ...]
    depth: int
    ending: str


class Searched(NamedTuple):
    """What a search found.

    Args:
        files: the regular files.
        contents: their first bytes, if those were asked for.
        problem: ``link``, ``many`` or the name of an error, where the search was not complete; empty if it was.
    """

    files: Tuple[FoundFile, ...] = ()
    contents: Tuple[bytes, ...] = ()
    problem: str = ""


def printable(path: str) -> str:
    """A path or name as text for a person, whatever it is made of."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def search_root(root: str, searches: Sequence[Search], limit: int = 0) -> List[Searched]:
    """Make several searches below one root.

    Args:
        root: absolute path without links (:meth:`.trust.Trust.place`).
        searches: which ones.
        limit: bytes of each found file that are read.
    """
    try:
        with _opened(root, ()) as (directory, device):
            return [_search(root, directory, device, each, limit) for each in searches]
    except OSError as error:
        problem = _problem(error)
        return [Searched(problem=problem)] * len(searches)


def levels_input(roots: Sequence[str], searches: Sequence[Search], own: Mapping[str, Sequence[Search]]) -> str:
    """The input (:class:`.basis.Input`) of these searches below each root, and of a root's own, as text."""
    plain = {"roots": list(roots), "searches": searches, "own": {root: more for root, more in own.items() if more}}
    return json.dumps(plain, separators=(",", ":"))


def searched_mark(searched: Sequence[Sequence[Searched]]) -> str:
    """The mark of what was found, root by root."""
    digest = hashlib.sha256()
    for each in searched:
        digest.update(repr([(found.files, found.problem) for found in each]).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def levels_mark(trust: Trust, of: str) -> str:
    """The mark of an input now. A place that may not answer has none: OSError."""
    asked = json.loads(of)
    slow = slow_mounts()
    if slow and any(is_slow(root, slow) for root in asked["roots"]):
        raise OSError(errno.EREMOTE, "a file system of a network")
    searches = [Search(tuple(below), depth, ending) for below, depth, ending in asked["searches"]]
    own = {root: [Search(tuple(below), depth, ending) for below, depth, ending in more] for root, more in asked["own"].items()}
    return searched_mark([search_root(root, searches + own.get(root, [])) for root in asked["roots"]])


def is_there(file: FoundFile) -> bool:
    """Whether that very file is still at its place, as far as anybody can tell in time."""
    return bool(_in_time(_is_there, file))


def unlink_found(file: FoundFile) -> bool:
    """Delete exactly that file. False if it is gone already, or if something else is in its place, which is left alone.

    Raises:
        OSError: when it is there and can't be deleted.
    """
    deleted = _in_time(_unlink, file)
    if isinstance(deleted, OSError):
        raise deleted
    if deleted is None:
        raise OSError(errno.ETIMEDOUT, "its file system gave no answer", file.path)
    return bool(deleted)


def _in_time(act: Callable[[FoundFile], Any], file: FoundFile) -> Any:
    return each_in_time(act, [file])[0] if is_slow(file.root, slow_mounts()) else act(file)


def _is_there(file: FoundFile) -> bool:
    try:
        with _opened(file.root, file.parts[:-1]) as (directory, _device):
            return _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file)
    except OSError:
        return False


def _unlink(file: FoundFile) -> Any:
    """True or False, or the error: it has to come out of another process."""
    try:
        with _opened(file.root, file.parts[:-1]) as (directory, _device):
            if not _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file):
                return False
            os.unlink(file.parts[-1], dir_fd=directory)
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return OSError(error.errno, error.strerror)


@contextmanager
def _opened(root: str, below: Sequence[str]) -> Iterator[Tuple[int, int]]:
    """A directory below a root as a descriptor, with the root's file system; a link on the way, in the root too, is an OSError."""
    current = os.open("/", _ON_THE_WAY)
    try:
        for name in root.split("/"):
            current = _enter(current, name) if name else current
        device = os.fstat(current).st_dev
        for name in below:
            current = _enter(current, name)
        yield current, device
    finally:
        os.close(current)


def _enter(directory: int, name: str) -> int:
    following = os.open(name, _ON_THE_WAY, dir_fd=directory)
    os.close(directory)
    return following


def _search(root: str, directory: int, device: int, asked: Search, limit: int) -> Searched:
    found: List[FoundFile] = []
    contents: List[bytes] = []
    walk = _Walk(root, device, asked.ending, limit, found, contents)
    current = os.dup(directory)
    try:
        for name in asked.below:
            current = _enter(current, name)
        if asked.ending.startswith("="):
            walk.take(current, asked.below, asked.ending[1:])
        else:
            walk.enter(current, asked.below, asked.depth)
    except NotADirectoryError:
        # A link or another thing in the place of a directory.
        problem = "link" if _is_link_on_the_way(directory, asked.below) else ""
        return Searched(problem=problem)
    except OSError as error:
        walk.problem = _problem(error)
    finally:
        os.close(current)
    return Searched(tuple(found), tuple(contents), "many" if walk.left <= 0 else walk.problem)


class _Walk:
    """One search under way."""

    def __init__(self, root: str, device: int, ending: str, limit: int, found: List[FoundFile], contents: List[bytes]) -> None:
        self.root, self.device, self.ending, self.limit = root, device, ending, limit
        self.found, self.contents = found, contents
        self.left = MAX_ENTRIES
        self.problem = ""

    def enter(self, opened: int, below: Tuple[str, ...], depth: int) -> None:
        """Go through a directory, and through those below it."""
        if os.fstat(opened).st_dev != self.device:
            return
        deeper = []
        directory = os.open(".", _DIRECTORY, dir_fd=opened)
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    self.left -= 1
                    if self.left <= 0:
                        return
                    if depth > 1 and entry.is_dir(follow_symlinks=False):
                        deeper.append(entry.name)
                    elif entry.name.lower().endswith(self.ending) and entry.is_file(follow_symlinks=False):
                        self.take(directory, below, entry.name)
            for name in sorted(deeper):
                self._enter_below(directory, below, name, depth - 1)
        finally:
            os.close(directory)

    def _enter_below(self, directory: int, below: Tuple[str, ...], name: str, depth: int) -> None:
        try:
            following = os.open(name, _ON_THE_WAY, dir_fd=directory)
            try:
                self.enter(following, below + (name,), depth)
            finally:
                os.close(following)
        except OSError as error:
            # One directory that can't be read leaves the others to be searched.
            self.problem = _problem(error) or self.problem

    def take(self, directory: int, below: Tuple[str, ...], name: str) -> None:
        """Note a file, if it is a regular one and still there."""
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                return
            file = FoundFile(
                self.root,
                below + (name,),
                status.st_dev,
                status.st_ino,
                (status.st_size, status.st_mtime_ns, status.st_ctime_ns),
            )
            content = _head(directory, name, self.limit, file) if self.limit else b""
        except OSError:
            return
        self.found.append(file)
        self.contents.append(content)


def _head(directory: int, name: str, limit: int, file: FoundFile) -> bytes:
    descriptor = os.open(name, _FILE, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(limit) if _is_same(os.fstat(descriptor), file) else b""


def _is_link_on_the_way(directory: int, below: Sequence[str]) -> bool:
    current = os.dup(directory)
    try:
        for name in below:
            if stat.S_ISLNK(os.stat(name, dir_fd=current, follow_symlinks=False).st_mode):
                return True
            current = _enter(current, name)
    except OSError:
        return False
    finally:
        os.close(current)
    return False


def _problem(error: OSError) -> str:
    return "" if error.errno == errno.ENOENT else "link" if error.errno == errno.ELOOP else errno.errorcode.get(error.errno or 0, "EIO")


def _is_same(status: os.stat_result, file: FoundFile) -> bool:
    return stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == (file.device, file.inode)
