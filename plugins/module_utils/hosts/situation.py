# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as it was found: its package managers, the banned packages in their databases, and what it remembers of us."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ..engine.errors import AppbanError
from .backend import Backend, Package, Unseen, package_name
from .intent import is_interrupted
from .ledger import Ledger, read_ledger
from .package_managers import DATABASES, PACKAGE_KINDS
from .present_backends import present_backends
from .request import LEFTOVER_KINDS, AppRequest, HostRequest
from .system import System

if TYPE_CHECKING:
    from .leftovers import Leftover, Leftovers
    from .remains import Remains


@dataclass(frozen=True)
class Finding:
    """An installed package that a listed app names.

    Args:
        backend: the backend that found it, and that removes it.
        app: the app that names it.
        package: the package as the database has it.
        actionable: False where the identifier is ``detect_only``: it is reported and never removed.
    """

    backend: Backend
    app: AppRequest
    package: Package
    actionable: bool

    def to_plain(self) -> Dict[str, str]:
        """The finding as the module returns it."""
        plain = {
            "app": self.app.id,
            "backend": self.backend.name,
            "name": self.package.name,
            "version": self.package.version,
            "scope": self.package.scope,
            "confidence": "actionable" if self.actionable else "detect_only",
        }
        if self.package.held:
            plain["held"] = self.package.held
        return plain


@dataclass(frozen=True)
class Situation:
    """Everything that a run knows before it decides.

    Args:
        backends: the host's backends that this run has anything to do with.
        findings: the banned packages that are installed; of a database that backends share, once.
        ledger: what the host remembers of us.
        search: the search for desktop leftovers, which also plans and verifies their removal; None if there is nothing to look for.
        leftovers: what it found.
        kept_present: ``(database, name)`` of installed packages whose block is kept although their app is not listed.
        unseen: app id -> what was not looked into, where the app may be under a name that we know.
        remains: app id -> what is still there of a removed package, of what an earlier removal noted.
        interrupted: an earlier run was killed while it wrote, and has left a note.
        marked: backends that show a mark of ours though the ledger knows nothing of us.
        passed_over: one sentence for each program of a wanted name that the trust rule forbids to run.
        broken: database -> why it could not be read. Its package managers are in none of ``backends``; the others go on.
        hurt: apps that have a name in a database that could not be read.
    """

    backends: Tuple[Backend, ...]
    findings: Tuple[Finding, ...]
    ledger: Ledger
    search: Optional[Leftovers] = None
    leftovers: Tuple[Leftover, ...] = ()
    kept_present: FrozenSet[Tuple[str, str]] = frozenset()
    unseen: Mapping[str, Tuple[Unseen, ...]] = field(default_factory=dict)
    remains: Mapping[str, Remains] = field(default_factory=dict)
    interrupted: bool = False
    marked: FrozenSet[str] = frozenset()
    passed_over: Tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    hurt: FrozenSet[str] = frozenset()

    def was_blocked(self, finding: Finding) -> bool:
        """Whether this very name was blocked and absent when it was last looked at."""
        if finding.package.scope.startswith("user:"):
            # Nothing of ours stands in a person's own installation.
            return False
        # Backends that share a database find for each other.
        sharing = [backend.name for backend in self.backends if backend.database == finding.backend.database]
        return any(self.ledger.has_blocked(finding.app.id, backend, finding.package.name) for backend in sharing)

    def can_see(self, app: AppRequest) -> bool:
        """Whether any package manager of this host could have the app under a name that we know."""
        return any(app.all_names(kind) for backend in self.backends for kind in backend.kinds)


def look(request: HostRequest, system: System, broken: Mapping[str, str] = MappingProxyType({})) -> Situation:
    """Read the host: the ledger, and for each database one question about the listed names only.

    A database that can't be read (a lock that anybody may hold, damage) costs its own package managers and no others.

    Args:
        request: what is asked for.
        system: the host.
        broken: databases that an earlier look of this run could not read; they are not tried again.

    With no apps in the request and nothing to keep, nothing but our own ledger is read and, where there is none, the places in which
    marks of ours would be.
    """
    ledger = read_ledger(system)
    kinds_asked = {kind for app in request.apps for kind in PACKAGE_KINDS if app.all_names(kind)}

    def concerned(name: str, kinds: Tuple[str, ...]) -> bool:
        return name in ledger.owned or bool(kinds_asked.intersection(kinds))

    interrupted = is_interrupted(system)
    present = present_backends(system, request.backends, concerned, by_marks=not ledger)
    backends = present.backends
    unseen: Dict[str, List[Unseen]] = {}
    read = {backend.database for backend in backends}
    for name, kinds in present.left_out:
        only_open = DATABASES[name] in read
        what = "it blocks nothing" if only_open else "nobody looked there"
        note = "%s is on this host and was left out by the option backends, so %s" % (name, what)
        _enter_unseen(unseen, request, kinds, (Unseen("backend_left_out", note, only_open),))
    unreadable = dict(broken)
    findings, kept_present = _read_databases(backends, request, ledger, unreadable, unseen)
    search, leftovers = _search_leftovers(request, system)
    if search is not None:
        _enter_unseen(unseen, request, LEFTOVER_KINDS, search.unseen)
    hurt = {app.id for backend in backends if backend.database in unreadable for app in _apps_by_name(backend, request).values()}
    return Situation(
        backends=tuple(backend for backend in backends if backend.database not in unreadable),
        findings=tuple(findings),
        ledger=ledger,
        search=search,
        leftovers=leftovers,
        kept_present=frozenset(kept_present),
        unseen={app: tuple(parts) for app, parts in unseen.items()},
        remains=_remains(request, ledger, system),
        interrupted=interrupted,
        marked=present.marked,
        passed_over=tuple(sorted(set(system.passed_over.values()))),
        broken=unreadable,
        hurt=frozenset(hurt),
    )


def _read_databases(
    backends: Sequence[Backend], request: HostRequest, ledger: Ledger, unreadable: Dict[str, str], unseen: Dict[str, List[Unseen]]
) -> Tuple[List[Finding], Set[Tuple[str, str]]]:
    """Ask each database once about the listed names.

    Args:
        unreadable: databases that can't be read, with the reason; those that turn out so are put in.
        unseen: what could not be looked at is put in.

    Returns:
        What was found, and which names that we only keep are there, with their databases.
    """
    findings: List[Finding] = []
    kept_present: Set[Tuple[str, str]] = set()
    kept = _kept_names(backends, request, ledger)
    read: Set[str] = set(unreadable)
    for backend in backends:
        named = _apps_by_name(backend, request)
        asked = frozenset(named) | kept.get(backend.database, frozenset())
        if backend.database in read or not asked:
            continue
        read.add(backend.database)
        try:
            installed = backend.installed(asked)
        except AppbanError as error:
            unreadable[backend.database] = "%s: %s" % (backend.name, error)
            continue
        for package in installed:
            app = named.get(package.name)
            if app is None:
                kept_present.add((backend.database, package.name))
            else:
                findings.append(Finding(backend, app, package, package.name in names_to_act_on(backend, app)))
        _enter_unseen(unseen, request, backend.kinds, backend.unseen())
    return findings, kept_present


def _enter_unseen(unseen: Dict[str, List[Unseen]], request: HostRequest, kinds: Sequence[str], parts: Sequence[Unseen]) -> None:
    for app in request.apps:
        if parts and any(app.all_names(kind) for kind in kinds):
            known = unseen.setdefault(app.id, [])
            known.extend(part for part in parts if part not in known)


def _remains(request: HostRequest, ledger: Ledger, system: System) -> Mapping[str, Remains]:
    if not ledger.remains and not ledger.running:
        return {}
    from .remains import noted_remains

    noted = {app.id: noted_remains(system, ledger.remains.get(app.id, ()), ledger.running.get(app.id, ())) for app in request.apps}
    return {app: each for app, each in noted.items() if each}


def _search_leftovers(request: HostRequest, system: System) -> Tuple[Optional[Leftovers], Tuple[Leftover, ...]]:
    if not any(app.all_names(kind) for app in request.apps for kind in LEFTOVER_KINDS):
        return None, ()
    # Imported where it is needed: a run with nothing to do costs mostly imports.
    from .leftovers import Leftovers, leftover_queries

    search = Leftovers(system)
    return search, search.find(leftover_queries(request.apps), request.users)


def _kept_names(backends: Sequence[Backend], request: HostRequest, ledger: Ledger) -> Mapping[str, FrozenSet[str]]:
    """Database -> names whose block stays though their app isn't listed.

    A guard package that names an installed one would take it away when it is set again, so a run that touches the block has
    to know. Nothing of this is reported.
    """
    kept: Dict[str, FrozenSet[str]] = {}
    if request.others != "keep":
        return kept
    listed = {app.id for app in request.apps}
    for backend in backends:
        for app in ledger.apps:
            block = ledger.block_of(app, backend.name)
            if app not in listed and block:
                kept[backend.database] = kept.get(backend.database, frozenset()).union(block["names"])
    return kept


def _apps_by_name(backend: Backend, request: HostRequest) -> Mapping[str, AppRequest]:
    return {package_name(kind, value): app for app in request.apps for kind in backend.kinds for value in app.all_names(kind)}


def names_to_act_on(backend: Backend, app: Optional[AppRequest]) -> FrozenSet[str]:
    """The app's names that this backend may remove and block."""
    if app is None:
        return frozenset()
    return frozenset(package_name(kind, value) for kind in backend.kinds for value in app.names.get(kind, ()))
