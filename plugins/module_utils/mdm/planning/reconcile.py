# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what a target holds into what is wanted, for any kind of object. Pure.

A target describes each kind of its objects as a :class:`Resource`: what it is called, how one that is there compares with a wanted one,
and its verbs. Everything else is here, once: finding the object that a wanted one already is, under its name or a former one; taking over
what has no marker, or refusing it; creating, updating, leaving alone; and deleting what nobody wants any more.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ...engine.plan import Change
from .order import Phase
from .plan_draft import PlanDraft, Step


class Named(Protocol):
    """What every wanted object has."""

    @property
    def name(self) -> str:
        """Its name in the target."""

    @property
    def apps(self) -> tuple[str, ...]:
        """Ids of the apps that it is for."""


class There(Protocol):
    """What every object that is there has."""

    @property
    def id(self) -> Any:
        """What it is known by, whatever it is called."""

    @property
    def name(self) -> str:
        """Its name in the target."""


Wanted = TypeVar("Wanted", bound=Named)
Found = TypeVar("Found", bound=There)


class Writer(Protocol[Found]):
    """How objects of one kind are written, where one write is all there is to it."""

    def write(self, wanted: Found, seen: Found | None) -> Found:
        """Make an object, or change it, as long as it is as it was."""

    def delete_seen(self, seen: Found) -> None:
        """Delete an object, if it is there and still ours."""


@dataclass(frozen=True)
class Difference:
    """In what an object differs from the wanted one; nothing of it where they are the same.

    Args:
        settings: names of settings that do something else on devices.
        scope: it is for somebody else.
        label: its name, its mark or its description differ, which no device notices.
        adds: it lacks something, so writing it does more on whoever has it than its names tell.
        drift: what somebody did to it, a sentence each.
    """

    settings: tuple[str, ...] = ()
    scope: bool = False
    label: bool = False
    adds: bool = False
    drift: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.settings or self.scope or self.label or self.adds)


@dataclass(frozen=True)
class Concerns:
    """Whom a change is about.

    Args:
        apps: ids of the apps for whose sake it is made; empty for all.
        reaches, releases: positions of devices, as in :class:`~...engine.plan.Change`.
    """

    apps: tuple[str, ...] = ()
    reaches: frozenset[int] = frozenset()
    releases: frozenset[int] = frozenset()


class Resource(abc.ABC, Generic[Wanted, Found]):
    """One kind of objects of a target. Targets override what is particular to theirs."""

    #: What a change calls the kind.
    kind = ""
    phase = Phase.OBJECTS
    ending = Phase.LIFT_OBJECTS
    #: Two objects can't have one name in the target.
    unique = True
    #: One without a marker can be taken over.
    adoptable = False
    #: Name -> ids of the objects of somebody else.
    others: Mapping[str, Sequence[Any]] = {}

    def becomes(self, found: Found, wanted: Wanted) -> bool:
        """Whether an object of a former name is to become a wanted one. That leaves no moment without a block, and none with two."""
        return False

    def foreign(self, wanted: Wanted) -> Sequence[Any]:
        """Ids of objects of somebody else that have the name of a wanted one."""
        return self.others.get(wanted.name, ())

    @abc.abstractmethod
    def difference(self, wanted: Wanted, found: Found) -> Difference:
        """In what an object differs from the wanted one; only what we set is compared."""

    @abc.abstractmethod
    def text(self, found: Found) -> str:
        """An object that is there, for the diff."""

    def text_before(self, found: Found, wanted: Wanted) -> str:
        """An object that is there, for the diff, beside the one that it is to become."""
        return self.text(found)

    @abc.abstractmethod
    def wanted_text(self, wanted: Wanted) -> str:
        """A wanted object, for the diff."""

    def needs(self, wanted: Wanted, draft: PlanDraft) -> tuple[str, ...]:
        """Keys of the changes without which it must not be written."""
        return ()

    def written(self, wanted: Wanted, found: Found | None, difference: Difference | None) -> Concerns:
        """Whom writing it concerns. found: None for a new one."""
        return Concerns(wanted.apps)

    def deleted(self, found: Found) -> Concerns:
        """Whom deleting it concerns."""
        return Concerns()

    @abc.abstractmethod
    def write(self, wanted: Wanted, found: Found | None, difference: Difference | None, foreign: Any) -> Step:
        """What writes it. foreign: the id of somebody else's object that is taken over; None for none."""

    @abc.abstractmethod
    def delete(self, found: Found) -> Step:
        """What deletes it."""


@dataclass(frozen=True)
class Reconciled(Generic[Wanted, Found]):
    """What became of one wanted object.

    Args:
        found: what it was before; None where it was not there.
        difference: in what it differed; None where it was not there.
        changes: keys of the changes that it waits for: its own, and those that this one needs.
    """

    wanted: Wanted
    found: Found | None
    difference: Difference | None
    changes: tuple[str, ...]


def reconcile(
    resource: Resource[Wanted, Found], wanted: Sequence[Wanted], ours: Sequence[Found], draft: PlanDraft
) -> list[Reconciled[Wanted, Found]]:
    """Plan the objects of one kind that are wanted, in their order.

    Args:
        ours: those of ours that are there, the oldest first.
    """
    matched = match(resource, wanted, ours, draft)
    return [_reconcile_one(resource, each, matched.get(each.name), draft) for each in wanted]


def match(
    resource: Resource[Wanted, Found], wanted: Iterable[Wanted], ours: Iterable[Found], draft: PlanDraft
) -> dict[str, Found]:
    """Name of a wanted object -> the one that it is today, under its own name or a former one.

    More than one of a name are left by a run that was killed between a create and the time it could be seen: the oldest stays. Where the
    target allows no two of a name, they are a problem.
    """
    by_name = {each.name: each for each in wanted}
    matched: dict[str, Found] = {}
    left: list[Found] = []
    for found in ours:
        name = found.name
        if name not in by_name:
            left.append(found)
        elif name not in matched:
            matched[name] = found
        elif resource.unique:
            ids = matched[name].id, found.id
            draft.problems.append("two objects of ours (%s) are called %s (ids %s)" % (resource.kind, name, ", ".join(map(str, ids))))
    for name, each in by_name.items():
        former = next((found for found in left if resource.becomes(found, each)), None) if name not in matched else None
        if former is not None:
            matched[name] = former
            left.remove(former)
    return matched


def _reconcile_one(
    resource: Resource[Wanted, Found], wanted: Wanted, found: Found | None, draft: PlanDraft
) -> Reconciled[Wanted, Found]:
    foreign = resource.foreign(wanted) if found is None or resource.unique else ()
    taken_over = resource.adoptable and draft.adopt and found is None and len(foreign) == 1
    if foreign and not taken_over:
        draft.problems.append("the %s %s (id %s)" % (resource.kind, wanted.name, ", ".join(map(str, foreign))))
    difference = None if found is None else resource.difference(wanted, found)
    needs = resource.needs(wanted, draft)
    if difference is not None and not difference:
        return Reconciled(wanted, found, difference, needs)
    draft.drift.extend(difference.drift if difference is not None else ())
    concerns = resource.written(wanted, found, difference)
    change = Change(
        op="create" if found is None and not taken_over else "update",
        kind=resource.kind,
        name=wanted.name,
        before=None if found is None else resource.text_before(found, wanted),
        after=resource.wanted_text(wanted),
        needs=needs,
        apps=concerns.apps,
        reaches=concerns.reaches,
        releases=concerns.releases,
        step=resource.write(wanted, found, difference, foreign[0] if taken_over else None),
    )
    draft.add(resource.phase, change)
    return Reconciled(wanted, found, difference, (change.key, *needs))


def end(
    resource: Resource[Any, Found],
    ours: Iterable[Found],
    kept: Collection[Hashable],
    draft: PlanDraft,
    needs: Mapping[Any, tuple[str, ...]] | tuple[str, ...] = (),
    names: Collection[str] = (),
) -> list[tuple[Found, str]]:
    """Plan the deletion of those that nobody wants any more.

    Args:
        kept: ids of those that stay.
        needs: keys of the changes that have to be made first, for all of them, or by id.
        names: what other objects of the kind are called that stay.

    Returns:
        What goes, with the keys of the changes.
    """
    ended = []
    for found in ours:
        key = found.id
        if key in kept:
            continue
        concerns = resource.deleted(found)
        change = Change(
            op="delete",
            kind=resource.kind,
            name=draft.label(resource.kind, found.name, key, names),
            before=resource.text(found),
            needs=needs.get(key, ()) if isinstance(needs, Mapping) else needs,
            apps=concerns.apps,
            reaches=concerns.reaches,
            releases=concerns.releases,
            step=resource.delete(found),
        )
        ended.append((found, draft.add(resource.ending, change)))
    return ended
