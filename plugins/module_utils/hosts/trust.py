# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust rule for programs and files, the one place that every read and every command of a host goes through.

A directory is *trusted* if it and every directory above it belong to root and nobody else may write them. What lies in a trusted
directory can't be exchanged by a person under our hands, so root may run its programs and follow its links. Everywhere else a person
may put a link, a named pipe or a huge file at any moment: there, directories are opened one by one without following links, only
regular files are read, without blocking and up to a bound.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

#: Where programs are looked for. No directory of a person's: Homebrew is found by its prefix and run as its owner.
SEARCH_PATH: Tuple[str, ...] = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin")
#: Bytes of a file that are read at most: where root alone writes, and where a person may.
SYSTEM_LIMIT = 256 << 20
PERSON_LIMIT = 1 << 20
#: Entries of one directory of a person's that are listed at most.
MOST_NAMES = 20000

_MOST_LINKS = 40
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# NONBLOCK: opening somebody's named pipe would wait for ever. NOCTTY: somebody's terminal must not become ours.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Untrusted(OSError):
    """A path that root must not use: a link, a special file, or something larger than the bound in a place that a person may write."""


class Place(NamedTuple):
    """Where a path leads.

    Args:
        directory: the deepest trusted directory on the way, free of links.
        below: names from there; with more than one, or in a person's directory, none of them may be a link.
        trusted: the directory that holds the last name is trusted.
    """

    directory: str
    below: Tuple[str, ...]
    trusted: bool

    @property
    def path(self) -> str:
        """The path without the links of trusted directories."""
        return os.path.join(self.directory, *self.below)


class Trust:
    """Answers of one run. Trusted directories are remembered, for nobody but root can change what they are.

    Args:
        owner: the account that counts as root; tests give their own.
    """

    def __init__(self, owner: int = 0) -> None:
        self._owner = owner
        self._known: Dict[str, Optional[str]] = {}

    # programs

    def program(self, name: str) -> Tuple[Optional[str], str]:
        """The first trusted program of a name on the search path.

        Returns:
            Its path, or None; and why the first one that is there was passed over (empty if none was). The path keeps trusted links,
            because programs with several names go by the one they are called by.
        """
        why = ""
        for directory in SEARCH_PATH:
            path = os.path.join(directory, name)
            if os.path.lexists(path):
                problem = self.why_not_run(path)
                if not problem:
                    return path, why
                why = why or problem
        return None, why

    def why_not_run(self, path: str) -> str:
        """Why root must not run this file; empty if it may."""
        try:
            place = self.place(path)
            status = os.lstat(place.path)
        except OSError as error:
            return "%s: %s" % (path, error.strerror)
        if not place.trusted:
            return "%s is in a directory that others than root may write" % place.path
        if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o111:
            return "%s is no program" % place.path
        if status.st_uid != self._owner or status.st_mode & _OTHERS_WRITE:
            return "%s may be written by others than root" % place.path
        return ""

    def search_path(self) -> str:
        """The trusted directories of the search path, as the variable PATH wants them."""
        return ":".join(each for each in SEARCH_PATH if self._real(each) is not None)

    # files

    def read(self, path: str, limit: Optional[int] = None) -> Optional[bytes]:
        """Content of a regular file; None where nothing is at the path.

        Args:
            path: absolute path.
            limit: most bytes; by default what the place allows.

        Raises:
            Untrusted: a link in a person's directory, something that is no regular file, or more than the limit.
            OSError: whatever else keeps it from being read.
        """
        try:
            place = self.place(path)
            with self._parent(place) as (directory, name):
                bound = limit if limit is not None else SYSTEM_LIMIT if place.trusted else PERSON_LIMIT
                return _read_at(directory, name, bound, path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, path: str) -> List[str]:
        """Sorted names in a directory; empty where there is none.

        Raises:
            Untrusted: a link in a person's directory, no directory at all, or more names than the bound.
            OSError: whatever else keeps it from being listed.
        """
        try:
            place = self.place(path)
            with self._parent(place) as (directory, name):
                descriptor = os.open(name, _LISTED, dir_fd=directory)
                try:
                    return self._listed(descriptor, place, path)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            return []
        except NotADirectoryError as error:
            raise Untrusted(errno.ENOTDIR, "not a directory, or a link to one", path) from error

    def status(self, path: str) -> Optional[os.stat_result]:
        """What is at a path, itself and not what a link there leads to; None where nothing is.

        Raises:
            OSError: a link on the way in a person's directory (NotADirectoryError), or a directory that can't be searched.
        """
        try:
            with self._parent(self.place(path, follow=False)) as (directory, name):
                return os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def place(self, path: str, follow: bool = True) -> Place:
        """Where a path leads when only trusted links are followed.

        Args:
            path: absolute path; it need not exist.
            follow: follow a trusted link that is the last name, too.

        Raises:
            OSError: too many links.
        """
        for _link in range(_MOST_LINKS):
            parent, name = os.path.split(path.rstrip("/") or "/")
            real = self._real(parent)
            if real is None or not name:
                return self._untrusted(path)
            if name in (".", ".."):
                return Place(os.path.dirname(self._real(path) or real), (os.path.basename(self._real(path) or "."),), True)
            here = os.path.join(real, name)
            if follow and self._is_our_link(here):
                path = os.path.join(real, os.readlink(here))
                continue
            return Place(real, (name,), True)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def is_trusted_directory(self, path: str) -> bool:
        """Whether a directory, and everything above it, is root's alone; its links are followed."""
        return self._real(path) is not None

    # inside

    def _real(self, path: str, links: int = 0) -> Optional[str]:
        """A trusted directory without links; None for any other, and for what is not there."""
        if path in self._known:
            return self._known[path]
        if links > _MOST_LINKS:
            return None
        real = self._find_real(path, links)
        self._known[path] = real
        return real

    def _find_real(self, path: str, links: int) -> Optional[str]:
        parent, name = os.path.split(path.rstrip("/") or "/")
        if not name:
            return "/" if self._is_ours_alone(os.lstat("/")) else None
        above = self._real(parent, links)
        if above is None:
            return None
        if name == ".":
            return above
        if name == "..":
            return os.path.dirname(above)
        here = os.path.join(above, name)
        try:
            status = os.lstat(here)
            if stat.S_ISLNK(status.st_mode):
                return self._real(os.path.join(above, os.readlink(here)), links + 1) if status.st_uid == self._owner else None
        except OSError:
            return None
        return here if stat.S_ISDIR(status.st_mode) and self._is_ours_alone(status) else None

    def _is_ours_alone(self, status: os.stat_result) -> bool:
        # A group's right to write counts whatever the group: an access list of others shows there, too.
        return status.st_uid == self._owner and not status.st_mode & _OTHERS_WRITE

    def _is_our_link(self, path: str) -> bool:
        try:
            status = os.lstat(path)
        except OSError:
            return False
        return stat.S_ISLNK(status.st_mode) and status.st_uid == self._owner

    def _untrusted(self, path: str) -> Place:
        """Part a path into its deepest trusted directory and the names below."""
        below: List[str] = []
        rest = path.rstrip("/") or "/"
        while rest != "/":
            rest, name = os.path.split(rest)
            below.insert(0, name)
            real = self._real(rest)
            if real is not None:
                return Place(real, tuple(below), False)
        return Place("/", tuple(below) or (".",), False)

    @contextmanager
    def _parent(self, place: Place) -> Iterator[Tuple[int, str]]:
        """The directory that holds the last name, opened without following a link below the trusted part."""
        if any(name in (".", "..") for name in place.below[:-1]):
            raise Untrusted(errno.EINVAL, "a path that goes up again", place.path)
        current = os.open(place.directory, _DIRECTORY)
        try:
            for name in place.below[:-1]:
                following = os.open(name, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = following
            yield current, place.below[-1]
        finally:
            os.close(current)

    def _listed(self, descriptor: int, place: Place, path: str) -> List[str]:
        if place.trusted and self._is_ours_alone(os.fstat(descriptor)):
            return sorted(os.listdir(descriptor))
        names = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > MOST_NAMES:
                    raise Untrusted(errno.EFBIG, "more than %d names in a directory of a person's" % MOST_NAMES, path)
        return sorted(names)


def _read_at(directory: int, name: str, limit: int, path: str) -> bytes:
    # Looked at first: to open a device can have an effect of its own.
    if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        raise Untrusted(errno.EINVAL, "a link or no regular file", path)
    descriptor = os.open(name, _FILE, dir_fd=directory)
    with os.fdopen(descriptor, "rb", buffering=0) as handle:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Untrusted(errno.EINVAL, "no regular file", path)
        if status.st_size > limit:
            raise Untrusted(errno.EFBIG, "larger than %d bytes" % limit, path)
        parts: List[bytes] = []
        read = 0
        while True:
            part = handle.read(1 << 20)
            if not part:
                return b"".join(parts)
            read += len(part)
            if read > limit:
                raise Untrusted(errno.EFBIG, "larger than %d bytes" % limit, path)
            parts.append(part)
