# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package managers a host has. Judged by their programs: the ``pkg_mgr`` fact names one and misses the others."""

from __future__ import annotations

from typing import Callable, FrozenSet, List, NamedTuple, Set, Tuple

from .backend import Backend
from .package_manager import PackageManager
from .package_managers import PACKAGE_MANAGERS
from .system import System

_MARK = b"appban"


class Present(NamedTuple):
    """The package managers of a host.

    Args:
        backends: those that a run has anything to do with.
        left_out: ``(name, kinds)`` of those that it would have to do with, that this host has, and that it was told to leave out.
        marked: names of those that show a mark of ours though the host remembers nothing of us.
    """

    backends: Tuple[Backend, ...]
    left_out: Tuple[Tuple[str, Tuple[str, ...]], ...]
    marked: FrozenSet[str]


def present_backends(system: System, wanted: Tuple[str, ...], concerned: Callable[[str, Tuple[str, ...]], bool], by_marks: bool) -> Present:
    """The host's backends that this run has anything to do with.

    Args:
        system: the host.
        wanted: names to restrict to; empty means all.
        concerned: ``(backend name, its kinds) -> bool``; a backend that is not concerned is not even loaded.
        by_marks: the host remembers nothing of us, so a backend is concerned, too, where a mark of ours shows.
    """
    chosen: List[Backend] = []
    left_out: List[Tuple[str, Tuple[str, ...]]] = []
    marked: Set[str] = set()
    for manager in PACKAGE_MANAGERS:
        if by_marks and _shows_our_mark(system, manager):
            marked.add(manager.name)
        if not (concerned(manager.name, manager.kinds) or manager.name in marked) or not _is_here(system, manager):
            continue
        if wanted and manager.name not in wanted:
            left_out.append((manager.name, manager.kinds))
            continue
        chosen.append(manager.load(system, all(each.database != manager.database for each in chosen)))
    return Present(tuple(chosen), tuple(left_out), frozenset(marked))


def _shows_our_mark(system: System, manager: PackageManager) -> bool:
    if any(system.exists(path) for path in manager.own_files):
        return True
    if any(_MARK in (system.read(path) or b"") for path in manager.shared_files):
        return True
    return manager.shows_mark is not None and manager.shows_mark(system)


def _is_here(system: System, manager: PackageManager) -> bool:
    if manager.is_here is not None:
        return manager.is_here(system) or _shows_our_mark(system, manager)
    return all(system.which(program) for program in manager.programs)
