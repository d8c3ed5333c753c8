# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package managers a host has. Judged by their programs: the ``pkg_mgr`` fact names one and misses the others."""

from __future__ import annotations

from typing import AbstractSet, Callable, FrozenSet, List, Mapping, NamedTuple, Set, Tuple

from .backend import Backend
from .system import System

#: backend -> files that are there only while a block of ours stands. A lost ledger does not hide them.
_OUR_FILES: Mapping[str, Tuple[str, ...]] = {
    "apt": ("/etc/apt/preferences.d/appban", "/var/lib/dpkg/info/appban-guard.list"),
    "dnf5": ("/etc/dnf/libdnf5.conf.d/90-appban.conf", "/etc/dnf/protected.d/appban-guard.conf"),
    "dnf4": ("/etc/dnf/protected.d/appban-guard.conf",),
    "flatpak": ("/etc/flatpak/appban.filter",),
}
#: backend -> files of administrators in which our entries carry a mark.
_SHARED_FILES: Mapping[str, Tuple[str, ...]] = {
    "dnf4": ("/etc/dnf/dnf.conf",),
    "zypper": ("/etc/zypp/locks",),
    "pacman": ("/etc/pacman.conf",),
    "apk": ("/etc/apk/world",),
    "homebrew": ("/etc/homebrew/brew.env",),
}
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
    databases: AbstractSet[str] = set()
    for name, kinds, programs, load in _TABLE:
        if by_marks and _shows_our_mark(system, name):
            marked.add(name)
        if not (concerned(name, kinds) or name in marked) or not _is_here(system, name, programs):
            continue
        if wanted and name not in wanted:
            left_out.append((name, kinds))
            continue
        backend = load(system, databases)
        chosen.append(backend)
        databases = databases | {backend.database}
    return Present(tuple(chosen), tuple(left_out), frozenset(marked))


def _shows_our_mark(system: System, name: str) -> bool:
    if any(system.exists(path) for path in _OUR_FILES.get(name, ())):
        return True
    if any(_MARK in (system.read(path) or b"") for path in _SHARED_FILES.get(name, ())):
        return True
    return name == "pacman" and system.which("pacman") is not None and _shows_our_hook(system)


def _shows_our_hook(system: System) -> bool:
    # Where pacman looks for hooks is a setting of its own.
    from .pacman.hook_place import shows_our_hook
    from .pacman.settings import PacmanSettings

    return shows_our_hook(system, PacmanSettings(system).hook_directories())


def _is_here(system: System, name: str, programs: Tuple[str, ...]) -> bool:
    if name == "homebrew":
        from .homebrew.prefixes import has_prefix

        # A block outlives the Homebrew that it was made for, and has to be lifted all the same.
        return has_prefix(system) or _shows_our_mark(system, name)
    return all(system.which(program) for program in programs)


# Each loader imports its backend only when the host has its programs: a run pays for what it uses.


def _apt(system: System, databases: AbstractSet[str]) -> Backend:
    from .apt.backend import Apt

    return Apt(system)


def _dnf5(system: System, databases: AbstractSet[str]) -> Backend:
    from .dnf5.backend import Dnf5

    return Dnf5(system, keeps_guard="rpm" not in databases)


def _dnf4(system: System, databases: AbstractSet[str]) -> Backend:
    from .dnf4.backend import Dnf4

    return Dnf4(system, keeps_guard="rpm" not in databases)


def _zypper(system: System, databases: AbstractSet[str]) -> Backend:
    from .zypper.backend import Zypper

    return Zypper(system, keeps_guard="rpm" not in databases)


def _pacman(system: System, databases: AbstractSet[str]) -> Backend:
    from .pacman.backend import Pacman

    return Pacman(system)


def _apk(system: System, databases: AbstractSet[str]) -> Backend:
    from .apk.backend import Apk

    return Apk(system)


def _flatpak(system: System, databases: AbstractSet[str]) -> Backend:
    from .flatpak.backend import Flatpak

    return Flatpak(system)


def _snap(system: System, databases: AbstractSet[str]) -> Backend:
    from .snap.backend import Snap

    return Snap(system)


def _homebrew(system: System, databases: AbstractSet[str]) -> Backend:
    from .homebrew.backend import Homebrew

    return Homebrew(system)


_TABLE: Tuple[Tuple[str, Tuple[str, ...], Tuple[str, ...], Callable[[System, AbstractSet[str]], Backend]], ...] = (
    ("apt", ("deb",), ("dpkg-query", "apt-get"), _apt),
    ("dnf5", ("rpm",), ("rpm", "dnf5"), _dnf5),
    # Fedora with dnf5 keeps "dnf" as a link to it; the program of dnf4 is dnf-3 everywhere.
    ("dnf4", ("rpm",), ("rpm", "dnf-3"), _dnf4),
    ("zypper", ("rpm",), ("rpm", "zypper"), _zypper),
    ("pacman", ("pacman",), ("pacman",), _pacman),
    ("apk", ("apk",), ("apk",), _apk),
    ("flatpak", ("flatpak",), ("flatpak",), _flatpak),
    ("snap", ("snap",), ("snap",), _snap),
    # brew is a person's own program in a person's own directory: its backend looks for it there, and never on the search path.
    ("homebrew", ("brew_formula", "brew_cask"), (), _homebrew),
)

#: Names of all backends, in the order in which they are asked. Of those that share a database the first one here removes.
BACKEND_NAMES: Tuple[str, ...] = tuple(row[0] for row in _TABLE)
