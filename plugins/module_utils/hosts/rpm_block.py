# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks of dnf and zypper share: the names they hold, providers included, and how a change is verified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ..engine.plan import Change
from .backend import GUARD_NAME, Block, BlockRequest
from .rails import check_name, protected_reason
from .rpm_database import query_packages, verify_removal
from .rpm_guard import verify_guard
from .steps import FileStep, Steps
from .system import System

GUARD_BYPASSES = ("rpm -i --nodeps", "rpm -e %s, then installing" % GUARD_NAME)


@dataclass(frozen=True)
class Answer:
    """Which packages provide the name that a front end was asked about.

    Args:
        names: the packages.
        complete: False where some repository could not be looked into without the network.
    """

    names: Tuple[str, ...]
    complete: bool = True


@dataclass(frozen=True)
class Providers:
    """Packages that offer themselves under a blocked name.

    Args:
        names: those to block as well.
        owned: what to remember of the question and its answer.
        notes: one sentence for each, or why they are not known.
    """

    names: Tuple[str, ...] = ()
    owned: Mapping[str, Any] = field(default_factory=dict)
    notes: Tuple[str, ...] = ()


def plan_providers(
    system: System,
    backend: str,
    request: BlockRequest,
    owned: Mapping[str, Any],
    ask: Callable[[str], Answer],
) -> Providers:
    """The providers to block.

    The package manager is asked when the list of names changes only: that takes a second, and the no-op run must not.

    Args:
        system: the host, only read.
        backend: name of the front end.
        request: the block that is asked for.
        owned: what the front end remembers.
        ask: answers which packages of the repositories provide a name.
    """
    if not request.names:
        return Providers()
    remembered: Dict[str, Any] = {"asked": list(request.names)}
    if not request.providers:
        return Providers(owned=remembered)
    known: Mapping[str, Sequence[str]] = owned.get("providers", {})
    unchanged = list(owned.get("asked", ())) == list(request.names)
    offers: Dict[str, List[str]] = {}
    notes: Set[str] = set()
    for name in request.names:
        offers[name] = [str(each) for each in known.get(name, ())]
        if unchanged and name in known:
            continue
        answer = ask(name)
        new = [each for each in _blockable(system, backend, request, answer.names) if each not in offers[name]]
        offers[name] += new
        notes.update("%s offers itself as %s and is blocked too" % (each, name) for each in new)
        if not answer.complete:
            notes.add("%s has no metadata of some repository, so packages there that provide a blocked name are not blocked" % backend)
    remembered["providers"] = offers
    names = {each for offered in offers.values() for each in offered if each not in request.names}
    return Providers(tuple(sorted(names)), remembered, tuple(sorted(notes)))


def wanted_names(request: BlockRequest, providers: Providers) -> Tuple[str, ...]:
    """Every name that the soft block holds, sorted."""
    return tuple(sorted(set(request.names).union(providers.names)))


def present_notes(request: BlockRequest) -> Tuple[str, ...]:
    """What a block means for an app that stays installed."""
    return tuple(
        "%s stays installed; its block stops updates too, and no guard can be set against it" % name
        for name in request.names
        if name in request.present
    )


def guard_block(backend: str, covers: FrozenSet[str], bypass: str) -> List[Block]:
    """The guard as a block of a front end, with that front end's own way past it; nothing where it covers no name."""
    return [Block(backend, tuple(sorted(covers)), "guard", GUARD_NAME, "strong", (*GUARD_BYPASSES, bypass))] if covers else []


def verify_rpm_change(system: System, change: Change) -> Optional[str]:
    """See :meth:`.backend.Backend.verify`; for packages, the guard and files."""
    if change.kind == "package":
        return verify_removal(system, change)
    if change.kind == "guard":
        return verify_guard(system, change)
    step = change.step.steps[-1] if isinstance(change.step, Steps) else change.step
    if isinstance(step, FileStep) and system.read(step.path) != step.content:
        return "%s does not hold what was written" % step.path
    return None


def _blockable(system: System, backend: str, request: BlockRequest, offered: Sequence[str]) -> List[str]:
    candidates = [name for name in dict.fromkeys(offered) if name not in request.names and check_name(backend, name) is None]
    candidates = [name for name in candidates if protected_reason(backend, name) is None]
    there = {package.name for package in query_packages(system, (), candidates)}
    return sorted(name for name in candidates if name not in there)
