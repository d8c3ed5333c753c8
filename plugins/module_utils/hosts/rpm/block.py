# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks of dnf and zypper share: the names they hold, providers included, whether they hold, and how a change is verified."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockPlan, BlockRequest
from ..protected import protecting_entry
from ..steps import FileStep, Steps
from ..system import System
from .database import query_packages, verify_removal
from .guard import verify_guard
from .package_names import DATABASE, NAMES

GUARD_BYPASSES = ("rpm -i --nodeps", "rpm -e %s, then installing" % GUARD_NAME)


class Answer(NamedTuple):
    """Which packages provide the names that a front end was asked about.

    Args:
        offers: name -> the packages, itself included.
        complete: False where some repository could not be looked into without the network.
    """

    offers: Mapping[str, Sequence[str]]
    complete: bool = True


class Simulated(NamedTuple):
    """What a front end's own simulation says of installing names.

    Args:
        admitted: name -> the packages that its installation would bring; a name that is refused or unknown is not in it.
        unanswered: why it can't be asked; empty if it was.
    """

    admitted: Mapping[str, Tuple[str, ...]] = {}
    unanswered: str = ""


class Providers(NamedTuple):
    """Packages that offer themselves under a blocked name.

    Args:
        names: those to block as well.
        owned: what to remember of the question and its answer.
        notes: one sentence for each, or why they are not known.
        drift: those that were not there when the same name was asked about before.
        asked: the repositories were asked about every name just now.
    """

    names: Tuple[str, ...] = ()
    owned: Mapping[str, Any] = {}
    notes: Tuple[str, ...] = ()
    drift: Tuple[str, ...] = ()
    asked: bool = True


@dataclass(frozen=True)
class Draft:
    """A block as it is planned, before it was asked whether it holds.

    Args:
        soft: the front end's own block, with every name that it is made for.
        hard: the guard, where it covers any of them.
        changes: all that is to be done.
        held: names that the soft block holds as far as the configuration can be read.
        why_not: why it holds no others, and what to do about it.
        owned: what to remember.
        drift: what somebody did to our block.
        notes: for a person.
        unsupported: name -> why it can't be blocked.
        unblocked: names whose block this takes away.
    """

    soft: Block
    hard: Sequence[Block] = ()
    changes: Tuple[Change, ...] = ()
    held: FrozenSet[str] = frozenset()
    why_not: str = ""
    owned: Mapping[str, Any] = field(default_factory=dict)
    drift: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    unblocked: Tuple[str, ...] = ()


def plan_providers(
    system: System,
    backend: str,
    request: BlockRequest,
    owned: Mapping[str, Any],
    ask: Callable[[Sequence[str]], Answer],
    again: bool = False,
) -> Providers:
    """The providers to block.

    Args:
        system: the host, only read.
        backend: name of the front end.
        request: the block that is asked for.
        owned: what the front end remembers.
        ask: answers which packages of the repositories provide some names.
        again: ask about every name, not only about those that were never asked about.
    """
    if not request.names:
        return Providers()
    remembered: Dict[str, Any] = {"asked": list(request.names)}
    if not request.providers:
        return Providers(owned=remembered)
    known: Mapping[str, Sequence[str]] = owned.get("providers", {})
    offers: Dict[str, List[str]] = {name: [str(each) for each in known.get(name, ())] for name in request.names}
    questions = [name for name in request.names if again or name not in known]
    notes: Set[str] = set()
    drift: Set[str] = set()
    answer = ask(questions) if questions else Answer({})
    for name in questions:
        new = [each for each in _blockable(system, request, answer.offers.get(name, ())) if each not in offers[name]]
        offers[name] += new
        notes.update("%s offers itself as %s and is blocked too" % (each, name) for each in new)
        if name in known:
            drift.update("%s, which no block held, offers itself as %s" % (each, name) for each in new)
    if not answer.complete:
        notes.add("%s has no metadata of some repository, so packages there that provide a blocked name are not blocked" % backend)
    remembered["providers"] = offers
    names = {each for offered in offers.values() for each in offered if each not in request.names}
    asked = len(questions) == len(request.names)
    return Providers(tuple(sorted(names)), remembered, tuple(sorted(notes)), tuple(sorted(drift)), asked)


def to_be_made(draft: Draft) -> BlockPlan:
    """The plan of a block that is not all in place yet."""
    return _plan(draft, frozenset(draft.soft.names), _covered(draft), "", {}, (), ())


def judged(draft: Draft, request: BlockRequest, simulated: Simulated) -> BlockPlan:
    """The plan of a block all of whose parts are in place: which names it holds, and how that is known."""
    names = draft.soft.names
    if not names or draft.unsupported:
        return to_be_made(draft)
    soft, hard = set(names), set(_covered(draft))
    overridden: Dict[str, str] = {}
    for name in names:
        held = name in draft.held
        admitted = set(simulated.admitted.get(name, ())).intersection(names)
        can_be_asked = not simulated.unanswered and name not in request.present
        if admitted if can_be_asked else not (held or name in hard):
            overridden[name] = _why_overridden(draft, name, tuple(sorted(admitted)))
        elif not held and name in hard:
            # The guard alone holds it.
            soft.discard(name)
    drift = list(dict.fromkeys(overridden.values()))
    if soft != set(names) and not overridden:
        drift.append(draft.why_not or "the block in %s has no effect" % draft.soft.path)
    notes = []
    if simulated.unanswered:
        notes.append("could not be asked whether the block holds (%s), so its configuration was read instead" % simulated.unanswered)
    strangers = {each for name in simulated.admitted for each in simulated.admitted[name]} - set(names)
    if request.providers and strangers:
        notes.append("installing a blocked name would bring %s, which must not be blocked" % ", ".join(sorted(strangers)))
    asked = not simulated.unanswered and set(names) - request.present
    proof = "asked" if asked else "read"
    return _plan(draft, frozenset(soft - set(overridden)), frozenset(hard - set(overridden)), proof, overridden, drift, notes)


def _covered(draft: Draft) -> FrozenSet[str]:
    return frozenset(name for block in draft.hard for name in block.names)


def _why_overridden(draft: Draft, name: str, admitted: Sequence[str]) -> str:
    if draft.why_not and name not in draft.held:
        return draft.why_not
    brought = "" if admitted in ((), (name,)) else " (as %s)" % ", ".join(admitted)
    return "%s would install %s%s in spite of %s: look at what it says to that on this host, and at its plug-ins and aliases" % (
        draft.soft.backend,
        name,
        brought,
        draft.soft.path,
    )


def _plan(
    draft: Draft,
    soft: FrozenSet[str],
    hard: FrozenSet[str],
    proof: str,
    overridden: Mapping[str, str],
    drift: Sequence[str],
    notes: Sequence[str],
) -> BlockPlan:
    blocks = []
    for block, names in [(draft.soft, soft)] + [(block, hard) for block in draft.hard]:
        if names and not (draft.unsupported and block is draft.soft):
            blocks.append(replace(block, names=tuple(sorted(names))))
    return BlockPlan(
        changes=draft.changes,
        blocks=tuple(blocks),
        owned=draft.owned,
        unblocked=draft.unblocked,
        drift=draft.drift + tuple(drift),
        unsupported=draft.unsupported,
        notes=draft.notes + tuple(notes),
        proof=proof if blocks else "",
        overridden=overridden,
    )


def wanted_names(request: BlockRequest, providers: Providers) -> Tuple[str, ...]:
    """Every name that the soft block holds, sorted."""
    return tuple(sorted(set(request.names).union(providers.names)))


def present_notes(request: BlockRequest) -> Tuple[str, ...]:
    """Notes about names that are blocked and stay installed."""
    return tuple(
        "%s stays installed; its block stops updates too, and no guard can be set against it" % name
        for name in request.names
        if name in request.present
    )


def unmarked_notes(
    request: BlockRequest, owned: Mapping[str, Any], path: str, names: Sequence[str], marked: Sequence[str]
) -> Tuple[str, ...]:
    """Notes about entries without our mark, which a lift without a ledger leaves alone: they may be an earlier release's or anybody's."""
    left = [name for name in dict.fromkeys(names) if name not in marked]
    if request.names or owned or not left:
        return ()
    return ("%s names %s without a mark of ours: if an earlier release of ours did that, take it out by hand" % (path, ", ".join(left)),)


def guard_block(backend: str, covers: FrozenSet[str], bypass: str) -> List[Block]:
    """The guard as a block of a front end, with the bypass of that front end; empty where it covers no name."""
    return [Block(backend, tuple(sorted(covers)), "guard", GUARD_NAME, "strong", (*GUARD_BYPASSES, bypass))] if covers else []


def verify_rpm_change(system: System, change: Change) -> Optional[str]:
    """See :meth:`..backend.Backend.verify`; for packages, the guard and files."""
    if change.kind == "package":
        return verify_removal(system, change)
    if change.kind == "guard":
        return verify_guard(system, change)
    step = change.step.steps[-1] if isinstance(change.step, Steps) else change.step
    if isinstance(step, FileStep) and system.read(step.path) != step.content:
        return "%s does not hold what was written" % step.path
    return None


def _blockable(system: System, request: BlockRequest, offered: Sequence[str]) -> List[str]:
    candidates = [name for name in dict.fromkeys(offered) if name not in request.names and NAMES.allows(name)]
    candidates = [name for name in candidates if protecting_entry(DATABASE, (name.lower(),)) is None]
    there = {package.name for package in query_packages(system, (), candidates)}
    return sorted(name for name in candidates if name not in there)
