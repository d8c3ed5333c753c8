# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a package manager before it is loaded. Each folder of a package manager says it in its own ``package_manager.py``."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Pattern, Tuple

from .backend import Backend
from .system import System

_LONGEST_NAME = 255


def _as_it_is(name: str) -> str:
    return name


def _only_itself(name: str) -> Tuple[str, ...]:
    return (name,)


class NameRule(NamedTuple):
    """How packages are named in a database. The pattern lets through no glob character, version, architecture, white space or leading
    hyphen that a command line would read as an option.

    Args:
        pattern: matches a whole name.
        expected: the same in words, for a message.
        bare: the name without the kind that :func:`.backend.package_name` puts before it.
        protected_as: a bare name in lower case -> the spellings that are looked for among the protected names.
    """

    pattern: Pattern[str]
    expected: str
    bare: Callable[[str], str] = _as_it_is
    protected_as: Callable[[str], Tuple[str, ...]] = _only_itself

    def allows(self, name: str) -> bool:
        """Whether this is one exact name."""
        return len(name) <= _LONGEST_NAME and self.pattern.fullmatch(self.bare(name)) is not None


class PackageManager(NamedTuple):
    """One package manager.

    Args:
        name: its name in options and results, and that of its folder.
        kinds: kinds of identifiers that it understands.
        database: the low-level database that it keeps packages in; front ends of one database share it.
        names: the database's rule for names.
        programs: a host that has all of these has the package manager.
        load: ``(host, first) -> backend``; first: no other package manager of the same database was loaded before it. Its back end is
            imported in here and not before: a host pays only for what it has.
        own_files: files that are there only while a block of ours stands. A lost ledger does not hide them.
        shared_files: files of administrators in which our entries carry a mark.
        shows_mark: finds a mark of ours that is in none of these files.
        is_here: whether the host has it, where programs on the search path do not tell. Where a mark of ours shows it counts as here, for a
            block outlives the program that it was made for, and has to be lifted all the same.
    """

    name: str
    kinds: Tuple[str, ...]
    database: str
    names: NameRule
    programs: Tuple[str, ...]
    load: Callable[[System, bool], Backend]
    own_files: Tuple[str, ...] = ()
    shared_files: Tuple[str, ...] = ()
    shows_mark: Optional[Callable[[System], bool]] = None
    is_here: Optional[Callable[[System], bool]] = None
