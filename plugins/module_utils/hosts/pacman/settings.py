# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman's settings as pacman itself has them: pacman.conf and every file that it includes, whatever the section (pacman.conf(5)).

``Include`` reads a file as if its lines stood there, so one in a repository's section may begin ``[options]`` anew. Where no file
mentions a setting, its default is known without a process; otherwise ``pacman-conf`` is asked.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Dict, List, Optional, Sequence, Set, Tuple

from ..system import System, Unreadable
from .conf import included_paths, mentions

CONF = "/etc/pacman.conf"
DATABASE = "/var/lib/pacman"
HOOKS = "/etc/pacman.d/hooks"
KEYRING = "/etc/pacman.d/gnupg"
#: Files that may include each other; pacman itself stops at a depth of ten.
_MOST_FILES = 100
_GLOB = frozenset("*?[")

Inputs = Optional[List[Tuple[str, str]]]


class PacmanSettings:
    """The settings of one look.

    Args:
        system: the host, only read.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._files: Dict[str, bytes] = {}
        self._read_at = -1
        #: Not every file that may hold settings could be found and read.
        self._incomplete = False
        #: One sentence for each setting that pacman-conf could not tell.
        self.problems: List[str] = []

    def values(self, key: str, default: Sequence[str], implied_by: Sequence[str] = ()) -> Tuple[str, ...]:
        """All values of a setting, in pacman's order.

        Args:
            key: its name.
            default: what pacman takes where nothing sets it.
            implied_by: other settings that change the default.
        """
        self._read_files()
        if not self._incomplete and not any(mentions(content, each) for content in self._files.values() for each in (key, *implied_by)):
            return tuple(default)
        result = self._system.query(["pacman-conf", key], rests_on=self.rests_on(("program", "pacman-conf")))
        if result.rc == 0 and result.stdout.strip():
            return tuple(line for line in result.stdout.splitlines() if line)
        if result.rc != 0:
            problem = "pacman-conf can't tell the setting %s (%s), so its default was taken for it" % (key, result.explain())
            if problem not in self.problems:
                self.problems.append(problem)
        return tuple(default)

    def hook_directories(self) -> Tuple[str, ...]:
        """Where pacman looks for hooks, beside its own directory; of files with one name it reads the one in the last of them."""
        return tuple(each.rstrip("/") or "/" for each in self.values("HookDir", (HOOKS,)))

    def database(self) -> str:
        """The directory of pacman's databases."""
        return self.values("DBPath", (DATABASE,), implied_by=("RootDir",))[-1].rstrip("/") or "/"

    def rests_on(self, *more: Tuple[str, str]) -> Inputs:
        """What an answer of pacman rests on: its settings, and more. None where not all of it is known."""
        self._read_files()
        if self._incomplete:
            return None
        return [("content", path) for path in sorted({CONF, *self._files})] + list(more)

    def installed_rests_on(self, only_names: bool = False) -> Inputs:
        """What pacman's answers about installed packages rest on.

        Args:
            only_names: the answer is a list of names and versions, which pacman takes from the names of the directories.
        """
        local = os.path.join(self.database(), "local")
        kind = "names" if only_names else "statuses"
        return self.rests_on(("program", "pacman"), (kind, local), ("content", os.path.join(local, "ALPM_DB_VERSION")))

    def offered_rests_on(self) -> Inputs:
        """What pacman's answers about packages of repositories rest on: the lists, and the keys with which they are checked."""
        keyring = self.values("GPGDir", (KEYRING,))[-1]
        keys = [("status", os.path.join(keyring, name)) for name in ("pubring.gpg", "pubring.kbx")]
        return self.rests_on(("program", "pacman"), ("statuses", os.path.join(self.database(), "sync")), *keys)

    # inside

    def _read_files(self) -> None:
        # One reading serves a whole run, until something is written.
        if self._read_at == self._system.writes:
            return
        self._read_at = self._system.writes
        self._files, self._incomplete, self.problems = {}, False, []
        pending = [CONF]
        seen: Set[str] = set()
        while pending:
            path = pending.pop()
            if path in seen:
                continue
            seen.add(path)
            if len(seen) > _MOST_FILES:
                self._incomplete = True
                return
            try:
                content = self._system.read(path)
            except Unreadable:
                self._incomplete = True
                continue
            if content is not None:
                self._files[path] = content
                for each in included_paths(content):
                    pending.extend(self._matching(each))

    def _matching(self, pattern: str) -> List[str]:
        """The files of an Include, which may be a glob."""
        directory, name = os.path.split(os.path.join("/", pattern))
        if _GLOB.intersection(directory):
            self._incomplete = True
            return []
        if not _GLOB.intersection(name):
            return [os.path.join(directory, name)]
        try:
            return [os.path.join(directory, each) for each in self._system.names_in(directory) if fnmatchcase(each, name)]
        except Unreadable:
            self._incomplete = True
            return []
