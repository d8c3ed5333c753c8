# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening many directories that people own, without following a link of theirs.

Homes lie beside each other, so the directory that holds them is kept open from one to the next.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Optional

from .trust import Trust

#: To go through a directory, not to read it.
INSIDE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: To list a directory.
LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class OpenPlaces:
    """Opens places by their paths; to be closed at the end.

    Args:
        trust: the trust rule. Links are followed only where it allows that.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._parent = ""
        self._held = -1

    def __enter__(self) -> OpenPlaces:
        return self

    def __exit__(self, *_error: object) -> None:
        self._let_go()

    def open(self, path: str) -> int:
        """A descriptor of the directory at a path, for the caller to close.

        Raises:
            FileNotFoundError: no directory is there.
            OSError: ELOOP for a link that is not followed; whatever else keeps it from being opened.
        """
        parent, name = os.path.split(path)
        if parent != self._parent or self._held < 0:
            self._let_go()
            if not name or not self._trust.is_trusted_directory(parent):
                return self._by_steps(path)
            self._held = os.open(self._trust.place(os.path.join(parent, ".")).path, INSIDE)
            self._parent = parent
        try:
            return os.open(name, INSIDE, dir_fd=self._held)
        except NotADirectoryError:
            return self._by_steps(path)

    def _by_steps(self, path: str) -> int:
        place = self._trust.place(path)
        current = os.open(place.directory, INSIDE)
        for name in place.below:
            try:
                following = enter(current, name)
            finally:
                os.close(current)
            current = following
        return current

    def _let_go(self) -> None:
        if self._held >= 0:
            os.close(self._held)
        self._held = -1


def enter(directory: int, name: str, how: int = INSIDE) -> int:
    """Open a directory in a directory, which stays open.

    Raises:
        OSError: ELOOP for a link, whatever the system calls it; FileNotFoundError for nothing, and for anything else than a directory.
    """
    try:
        return os.open(name, how, dir_fd=directory)
    except NotADirectoryError:
        status = status_in(directory, name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, "a link") from None
        raise FileNotFoundError(errno.ENOENT, "no directory") from None


def status_in(directory: int, name: str) -> Optional[os.stat_result]:
    """What is in a directory under a name; None for nothing."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def error_name(error: OSError) -> str:
    """``link`` where a link was in the way, otherwise the error's symbolic name."""
    return "link" if error.errno == errno.ELOOP else errno.errorcode.get(error.errno or 0, "EIO")
