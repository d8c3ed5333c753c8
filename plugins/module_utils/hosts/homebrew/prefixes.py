# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Homebrew is on a host, and as whom it may be run.

``brew`` is a person's own program: it is found by its prefix, never on the search path, and run only as the account that owns
``bin/brew`` itself. Whoever else may write on the way there could make that account run anything.
"""

from __future__ import annotations

import grp
import os
import stat
import sys
from typing import List, NamedTuple, Optional, Tuple

from ..system import System, Unreadable

#: Apple silicon, Intel, Linux
PREFIXES: Tuple[str, ...] = ("/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew")
#: macOS: Homebrew's installer gives its directories to this group, whose members may become root anyhow.
_ADMIN = 80


class Prefix(NamedTuple):
    """One Homebrew of a host.

    Args:
        path: its prefix.
        scope: as in :class:`..backend.Package`: ``system`` for the first, ``prefix:PATH`` for a further one.
        owner: name of the account to run it as; empty if it must not be run.
        why_not: why; empty if it may.
    """

    path: str
    scope: str
    owner: str
    why_not: str = ""

    @property
    def brew(self) -> str:
        """The program."""
        return os.path.join(self.path, "bin", "brew")


def has_prefix(system: System) -> bool:
    """Whether this host has a Homebrew, or something that can't be looked at in the place of one."""
    return any(_is_there(system, path) for path in PREFIXES)


def find_prefixes(system: System) -> Tuple[Prefix, ...]:
    """Every Homebrew of the host, with the account to run it as or the reason against it."""
    found: List[Prefix] = []
    for path in PREFIXES:
        if not _is_there(system, path):
            continue
        owner, why_not = _judge(system, path)
        found.append(Prefix(path, "prefix:%s" % path if found else "system", owner, why_not))
    return tuple(found)


def _is_there(system: System, path: str) -> bool:
    try:
        return system.exists(os.path.join(path, "bin", "brew"))
    except Unreadable:
        return True


def _judge(system: System, path: str) -> Tuple[str, str]:
    """The owner's name, or why it is not run."""
    try:
        brew = system.status(os.path.join(path, "bin", "brew"))
        if brew is None:
            return "", "%s/bin/brew is gone" % path
        if brew.st_uid == 0:
            return "", "%s belongs to root, and Homebrew refuses to run as root" % path
        account = system.account_of(brew.st_uid)
        if account is None:
            return "", "%s/bin/brew belongs to account %d, which this host does not know" % (path, brew.st_uid)
        if not stat.S_ISLNK(brew.st_mode):
            why = _why_not_safe(system, os.path.join(path, "bin", "brew"), brew, account.pw_uid)
            if why:
                return "", why
        # Links of root's in trusted directories are as good as the directories that they lead to.
        directory = os.path.dirname(system.trust.place(os.path.join(path, "bin", "brew"), follow=False).path)
        while directory != "/":
            why = _why_not_safe(system, directory, system.status(directory), account.pw_uid)
            if why:
                return "", why
            directory = os.path.dirname(directory)
        return account.pw_name, ""
    except Unreadable as error:
        return "", "%s: %s" % (path, error)


def _why_not_safe(system: System, path: str, status: Optional[os.stat_result], owner: int) -> str:
    # What decides is more than a basis keeps of a path by itself.
    system.basis.add("status", path)
    if status is None or stat.S_ISLNK(status.st_mode):
        return "%s is a link or gone" % path
    if status.st_uid not in (0, owner):
        return "%s belongs to account %d, who could put another program there" % (path, status.st_uid)
    if status.st_mode & stat.S_IWOTH:
        return "everybody may write %s" % path
    if status.st_mode & stat.S_IWGRP and status.st_gid != 0 and not _is_private(system, status.st_gid, owner):
        return "group %d may write %s" % (status.st_gid, path)
    return ""


def _is_private(system: System, gid: int, owner: int) -> bool:
    """Whether a group is the owner's alone, or the administrators' of macOS."""
    if gid == _ADMIN and sys.platform == "darwin":
        return True
    account = system.account_of(owner)
    system.basis.add("content", "/etc/group")
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    # Homebrew's installer opens its directories to the installing account's own group.
    return account is not None and account.pw_gid == gid and group.gr_name == account.pw_name and set(group.gr_mem) <= {account.pw_name}
