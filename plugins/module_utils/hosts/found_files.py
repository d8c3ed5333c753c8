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
import re
import stat
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .open_places import INSIDE, LISTED, OpenPlaces, enter, error_name
from .slow_places import each_in_time, is_slow, slow_mounts
from .trust import Trust

#: A search that meets more entries than this stops: a run must not take minutes because of one heap of downloads.
MAX_ENTRIES = 20000
#: Bytes of found files that one search reads at most, and endings of the files that say something by their content.
MAX_BYTES = 16 << 20
#: The same for all searches in one home, where one large launcher may have any number of names in any number of places.
MAX_HOME_ENTRIES = 60000
MAX_HOME_BYTES = 4 << 20
#: Bytes of a launcher that say something.
LAUNCHER_LIMIT = 65536
_READ = frozenset((".desktop",))
#: Where a desktop keeps the names that it gave to a person's directories, read up to so many bytes.
USER_DIRECTORIES = (".config", "user-dirs.dirs")
_USER_DIRECTORIES_LIMIT = 65536
_MOST_USER_DIRECTORIES = 10
_USER_DIRECTORY = re.compile(r'XDG_(?:DOWNLOAD|DESKTOP)_DIR="\$HOME/([^"]+)"\Z')
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
        return _distinct(self.path)


class Search(NamedTuple):
    """One search below a root.

    Args:
        below: names from the root to the directory where the search begins; a link among them ends it.
        depth: how many levels deep; 1 is that directory alone. Other file systems are never entered.
        ending: how a wanted file's name ends, in small letters.
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


_NOTHING = Searched()


def printable(path: str) -> str:
    """A path or name as text for a person, whatever it is made of."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def _distinct(path: str) -> str:
    """A path as text for a person, another one for each path: a backslash in it is doubled, and no byte looks like a character."""
    shown = []
    for each in os.fsencode(path).decode("utf-8", "surrogateescape"):
        if each != "\\" and each.isprintable():
            shown.append(each)
        elif "\udc80" <= each <= "\udcff":
            shown.append("\\x%02x" % (ord(each) - 0xDC00))
        elif "\x80" <= each <= "\xff":
            shown.append("\\u%04x" % ord(each))
        else:
            shown.append(each.encode("unicode_escape").decode("ascii"))
    return "".join(shown)


class _Budget:
    """How many entries and bytes several searches together may still read."""

    def __init__(self, entries: int, size: int) -> None:
        self.entries = entries
        self.bytes = size


def search_root(places: OpenPlaces, root: str, searches: Sequence[Search], limit: int = 0) -> List[Searched]:
    """Make several searches below one root.

    Args:
        places: opens it.
        root: absolute path.
        searches: which ones.
        limit: bytes of each found file that are read.
    """
    try:
        opened = places.open(root)
    except OSError as error:
        return [Searched(problem=_problem(error))] * len(searches)
    try:
        return _searches(root, opened, searches, limit, _Budget(MAX_ENTRIES * len(searches), MAX_BYTES * len(searches)))
    finally:
        os.close(opened)


def search_home(
    places: OpenPlaces, root: str, searches: Sequence[Search], endings: Sequence[str], limit: int = 0
) -> List[Tuple[Search, Searched]]:
    """Make several searches in a home, and more where its desktop keeps downloads and itself, if not under the English names.

    Args:
        places: opens it.
        root: absolute path.
        searches: which ones everywhere.
        endings: of the files that are looked for in the home's own places.
        limit: bytes of each found file that are read.
    """
    try:
        opened = places.open(root)
    except OSError as error:
        return [(each, Searched(problem=_problem(error))) for each in searches]
    try:
        named, problem = _user_directories(opened)
        known = {each.below for each in searches}
        own = [Search(below, 2, ending) for below in named if below not in known for ending in endings]
        every = list(searches) + own
        found = list(zip(every, _searches(root, opened, every, limit, _Budget(MAX_HOME_ENTRIES, MAX_HOME_BYTES))))
        return found + ([(Search(USER_DIRECTORIES, 1, ""), Searched(problem=problem))] if problem else [])
    finally:
        os.close(opened)


def levels_input(roots: Sequence[str], searches: Sequence[Search], endings: Optional[Sequence[str]]) -> str:
    """The input (:class:`.basis.Input`) of searches below each root, as text; with endings, the roots are homes."""
    return json.dumps({"roots": list(roots), "searches": searches, "endings": endings}, separators=(",", ":"))


def searched_digest(searched: Sequence[Searched], with_contents: bool = False) -> str:
    """What was found below one root, in short.

    Args:
        searched: the searches.
        with_contents: what was read counts too. A person can store to a file through a mapping and leave its times as they were.
    """
    told = [(found.files, found.contents if with_contents else (), found.problem) for found in searched if found.files or found.problem]
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest() if told else ""


def searched_mark(digests: Sequence[str]) -> str:
    """The mark of what was found below several roots."""
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()


def levels_mark(trust: Trust, of: str) -> str:
    """The mark of an input now. A place that may not answer has none: OSError."""
    asked = json.loads(of)
    slow = slow_mounts()
    if slow and any(is_slow(root, slow) for root in asked["roots"]):
        raise OSError(errno.EREMOTE, "a file system of a network")
    searches = [Search(tuple(below), depth, ending) for below, depth, ending in asked["searches"]]
    endings = asked["endings"]
    with OpenPlaces(trust) as places:
        if endings is None:
            return searched_mark([searched_digest(search_root(places, root, searches)) for root in asked["roots"]])
        homes = (search_home(places, root, searches, endings, LAUNCHER_LIMIT) for root in asked["roots"])
        return searched_mark([searched_digest([found for _search, found in home], with_contents=True) for home in homes])


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
        with _opened(file.root, file.parts[:-1]) as directory:
            return _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file)
    except OSError:
        return False


def _unlink(file: FoundFile) -> Any:
    """True or False, or the error as a value, because the answer is handed over by another process."""
    try:
        with _opened(file.root, file.parts[:-1]) as directory:
            if not _is_same(os.stat(file.parts[-1], dir_fd=directory, follow_symlinks=False), file):
                return False
            os.unlink(file.parts[-1], dir_fd=directory)
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        # A link in the place of a directory: the file that was found is not there any more.
        return False if error.errno == errno.ELOOP else OSError(error.errno, error.strerror)


@contextmanager
def _opened(root: str, below: Sequence[str]) -> Iterator[int]:
    """A directory below a root as a descriptor; a link on the way, in the root too, is an OSError."""
    current = os.open("/", INSIDE)
    try:
        for name in [each for each in root.split("/") if each] + list(below):
            following = enter(current, name)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def _user_directories(home: int) -> Tuple[List[Tuple[str, ...]], str]:
    """The places that the desktop names, and why they could not be read."""
    try:
        directory = enter(home, USER_DIRECTORIES[0])
        try:
            content = _head(directory, USER_DIRECTORIES[1], _USER_DIRECTORIES_LIMIT)
        finally:
            os.close(directory)
    except OSError as error:
        return [], _problem(error)
    places: List[Tuple[str, ...]] = []
    for line in os.fsdecode(content).splitlines():
        match = _USER_DIRECTORY.match(line.strip())
        parts = tuple(part for part in match.group(1).split("/") if part) if match else ()
        if parts and not {".", ".."}.intersection(parts) and "\0" not in line and parts not in places:
            if len(places) >= _MOST_USER_DIRECTORIES:
                return places, "many"
            places.append(parts)
    return places, ""


def _searches(root: str, opened: int, searches: Sequence[Search], limit: int, budget: _Budget) -> List[Searched]:
    device = os.fstat(opened).st_dev
    here = _names_here(opened)
    # Few names are worth a second glance at all.
    endings = {os.path.splitext(name)[1].lower() for name in here or ()}
    found: List[Searched] = []
    for each in searches:
        if here is not None and not each.below and each.depth == 1:
            walk = _Walk(root, device, each.ending, limit, budget)
            for name in here if each.ending in endings or not each.ending else ():
                if name.lower().endswith(each.ending):
                    walk.take(opened, (), name)
            found.append(Searched(tuple(walk.found), tuple(walk.contents), walk.problem) if walk.found else _NOTHING)
        elif here is not None and each.below and each.below[0] not in here:
            found.append(_NOTHING)
        else:
            found.append(_search(root, opened, device, each, limit, budget))
    return found


def _names_here(opened: int) -> Optional[Tuple[str, ...]]:
    """The names in a root, so that places which are not there cost nothing; None if there are too many or nobody may list them."""
    names = []
    try:
        directory = os.open(".", LISTED, dir_fd=opened)
    except OSError:
        return None
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > MAX_ENTRIES:
                    return None
    finally:
        os.close(directory)
    return tuple(sorted(names))


def _search(root: str, directory: int, device: int, asked: Search, limit: int, budget: _Budget) -> Searched:
    walk = _Walk(root, device, asked.ending, limit, budget)
    current = directory
    try:
        for name in asked.below[:-1]:
            following = enter(current, name)
            if current != directory:
                os.close(current)
            current = following
        listed = enter(current, asked.below[-1] if asked.below else ".", LISTED)
        try:
            walk.enter(listed, asked.below, asked.depth)
        finally:
            os.close(listed)
    except OSError as error:
        walk.problem = _problem(error)
    finally:
        if current != directory:
            os.close(current)
    if not walk.found and not walk.problem and not walk.is_over():
        return _NOTHING
    return Searched(tuple(walk.found), tuple(walk.contents), "many" if walk.is_over() else walk.problem)


class _Walk:
    """One search under way."""

    def __init__(self, root: str, device: int, ending: str, limit: int, budget: _Budget) -> None:
        self.root, self.device, self.ending = root, device, ending
        self.limit = limit if ending in _READ else 0
        self.found: List[FoundFile] = []
        self.contents: List[bytes] = []
        self.left = MAX_ENTRIES
        self.budget = budget
        self.problem = ""

    def is_over(self) -> bool:
        """Whether the search stopped before its end."""
        return self.left <= 0 or self.budget.entries <= 0

    def enter(self, directory: int, below: Tuple[str, ...], depth: int) -> None:
        """Go through a directory, and through those below it."""
        if below and os.fstat(directory).st_dev != self.device:
            return
        deeper = []
        with os.scandir(directory) as entries:
            for entry in entries:
                self.left -= 1
                self.budget.entries -= 1
                if self.is_over():
                    return
                if depth > 1 and entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.name)
                elif entry.name.lower().endswith(self.ending) and entry.is_file(follow_symlinks=False):
                    self.take(directory, below, entry.name)
        for name in sorted(deeper):
            try:
                following = enter(directory, name, LISTED)
                try:
                    self.enter(following, below + (name,), depth - 1)
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
            content = b""
            if self.limit:
                content = _head(directory, name, min(self.limit, self.budget.bytes), file) if self.budget.bytes > 0 else b""
                self.budget.bytes -= len(content)
                self.problem = "many" if self.budget.bytes <= 0 else self.problem
        except OSError:
            return
        self.found.append(file)
        self.contents.append(content)


def _head(directory: int, name: str, limit: int, file: Optional[FoundFile] = None) -> bytes:
    # Looked at first: to open a device can have an effect of its own.
    if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        return b""
    descriptor = os.open(name, _FILE, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as handle:
        status = os.fstat(descriptor)
        return handle.read(limit) if (_is_same(status, file) if file is not None else stat.S_ISREG(status.st_mode)) else b""


def _problem(error: OSError) -> str:
    return "" if error.errno == errno.ENOENT else error_name(error)


def _is_same(status: os.stat_result, file: FoundFile) -> bool:
    return stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == (file.device, file.inode)
