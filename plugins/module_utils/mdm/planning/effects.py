# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom each change of a plan reaches and whom it releases, by following the plan change by change over what the target holds. Pure.

An object has its effect on whoever is in its scope, as the service works it out: devices and groups, without those that are excluded. So
a group does nothing by itself, and a change of one concerns whoever comes into a scope by it, or leaves one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ...engine.plan import Change
from .order import Phase
from .plan_draft import PlanDraft, Step


@dataclass(frozen=True)
class ObjectInForce:
    """An object as it has its effect.

    Args:
        family: what kind of devices it is for.
        names: what it blocks; None where it can't be read.
        audience: whom it is for, as the target's :class:`Audiences` understands it.
        groups: keys of the groups that it goes by.
        policies: ids of the policies that it was made for; empty where that is not told.
    """

    family: str
    names: frozenset[str] | None
    audience: Any
    groups: frozenset[Hashable] = frozenset()
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupBecomes:
    """A group is made, or gets other members or rules."""

    key: Hashable
    group: Any


@dataclass(frozen=True)
class ObjectBecomes:
    """An object is made or changed.

    Args:
        adds: it does something new on whoever has had it, which its names don't tell.
        kept: positions of devices that keep what they have because nobody can decide about them: nothing counts as new on them.
    """

    key: Hashable
    now: ObjectInForce
    adds: bool = False
    kept: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ObjectEnds:
    """An object is deleted."""

    key: Hashable


class Audiences(Protocol):
    """What a target knows of whom its objects reach."""

    def surely(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Positions of the devices that an object reaches for sure."""

    def possibly(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Positions of those that it reaches or may reach."""

    def apps_named(self, each: ObjectInForce, names: frozenset[str]) -> tuple[str, ...]:
        """Ids of the apps that some of an object's names are of."""

    def apps_of(self, each: ObjectInForce) -> tuple[str, ...]:
        """Ids of the apps that an object is about."""


@dataclass(frozen=True)
class Dropped:
    """Apps that a write takes from devices to which it gives others: positions of the devices that still have them until contact."""

    control: str
    apps: tuple[str, ...]
    devices: frozenset[int]


@dataclass(frozen=True)
class _Reach:
    """Positions of the devices that an object reaches for sure, and of those that it reaches or may reach."""

    sure: frozenset[int] = frozenset()
    maybe: frozenset[int] = frozenset()


_NOBODY = _Reach()


def _lost(before: _Reach, after: _Reach) -> frozenset[int]:
    return (before.maybe - after.maybe) | (before.sure - after.sure)


class Effects:
    """Follows one plan.

    Args:
        groups: by key, as they are before the plan.
        objects: by key, as they are before the plan.
        chances: whom an object may only reach counts as reached by it, too.
    """

    def __init__(
        self,
        audiences: Audiences,
        groups: Mapping[Hashable, Any],
        objects: Mapping[Hashable, ObjectInForce],
        chances: bool = True,
    ) -> None:
        self.audiences = audiences
        self.chances = chances
        self.groups = dict(groups)
        self.objects = dict(objects)
        #: Key of a change -> apps that it also takes from whom it reaches.
        self.dropped: dict[str, Dropped] = {}

    def follow(self, changes: Iterable[tuple[Phase, Change]]) -> list[tuple[Phase, Change]]:
        """The changes, in the order in which they are made, each with whom it reaches and releases."""
        made_way = make_way(changes, self.objects)
        return [(phase, self._after(change)) for phase, change in sorted(made_way, key=lambda pair: pair[0])]

    def follow_draft(self, draft: PlanDraft) -> None:
        """Say of each change of a draft whom it reaches and releases."""
        draft.changes = {change.key: (phase, change) for phase, change in self.follow(draft.changes.values())}

    def _after(self, change: Change) -> Change:
        effect = _effect(change)
        if isinstance(effect, GroupBecomes):
            return self._regrouped(change, effect)
        if isinstance(effect, ObjectBecomes):
            return self._written(change, effect)
        if isinstance(effect, ObjectEnds):
            return self._ended(change, effect)
        return change

    def _written(self, change: Change, effect: ObjectBecomes) -> Change:
        before, after = self.objects.get(effect.key), effect.now
        self.objects[effect.key] = after
        has_it = self._reach(after)
        if before is None:
            return replace(change, reaches=self._gained(_NOBODY, has_it) - effect.kept)
        had_it = self._reach(before)
        was, now = before.names or frozenset(), after.names or frozenset()
        does_more = before.names is None or effect.adds or bool(now - was)
        reaches = self._gained(_NOBODY if does_more else had_it, has_it) - effect.kept
        # What can't be read, or isn't sent by itself, may still be on those who had it.
        dropped = was - now
        releases = had_it.maybe if dropped else _lost(had_it, has_it)
        apps = change.apps
        lost = self.audiences.apps_named(after, dropped)
        if lost and not reaches:
            apps = tuple(sorted({*apps, *lost}))
        elif lost:
            # Of these apps the change says nothing itself: nobody is reached for their sake.
            self.dropped[change.key] = Dropped(change.name, lost, releases)
        return replace(change, reaches=reaches, releases=releases, apps=apps)

    def _ended(self, change: Change, effect: ObjectEnds) -> Change:
        before = self.objects.pop(effect.key, None)
        if before is None:
            return change
        return replace(change, releases=self._reach(before).maybe, apps=self.audiences.apps_of(before))

    def _regrouped(self, change: Change, effect: GroupBecomes) -> Change:
        concerned = [each for each in self.objects.values() if effect.key in each.groups]
        before = [self._reach(each) for each in concerned]
        self.groups[effect.key] = effect.group
        after = [self._reach(each) for each in concerned]
        pairs = list(zip(before, after, strict=True))
        reaches = frozenset().union(*(self._gained(*pair) for pair in pairs))
        releases = frozenset().union(*(_lost(*pair) for pair in pairs))
        return replace(change, reaches=reaches, releases=releases)

    def _reach(self, each: ObjectInForce) -> _Reach:
        return _Reach(self.audiences.surely(each, self.groups), self.audiences.possibly(each, self.groups))

    def _gained(self, before: _Reach, after: _Reach) -> frozenset[int]:
        surely = after.sure - before.sure
        return surely | (after.maybe - before.maybe) if self.chances else surely


def make_way(changes: Iterable[tuple[Phase, Change]], objects: Mapping[Hashable, ObjectInForce]) -> list[tuple[Phase, Change]]:
    """The changes with those objects ended first that would reach whoever comes into a scope for the sake of another object.

    Controls share groups. A group that gains members for a new control, or an exception that ends in it, would for a while, or until the
    next run, put these devices under an old control that goes by the same group and ends in the same plan.

    Args:
        objects: by key, as they are before the plan.
    """
    planned = list(changes)
    ending: dict[Hashable, list[str]] = {}
    for _phase, change in planned:
        effect = _effect(change)
        there = objects.get(effect.key) if isinstance(effect, ObjectEnds) else None
        for group in there.groups if there is not None else ():
            ending.setdefault(group, []).append(change.key)
    waits: dict[str, list[str]] = {}
    for phase, change in planned:
        effect = _effect(change)
        if phase in (Phase.JOIN, Phase.END_EXCEPTION) and isinstance(effect, GroupBecomes) and effect.key in ending:
            waits[change.key] = ending[effect.key]
    first = {key for keys in waits.values() for key in keys}
    return [
        (Phase.MAKE_WAY if change.key in first else phase, replace(change, needs=(*change.needs, *waits.get(change.key, ()))))
        for phase, change in planned
    ]


def groups_changed(changes: Iterable[tuple[Phase, Change]]) -> frozenset[Hashable]:
    """Keys of the groups of which members or rules change."""
    effects = (_effect(change) for _phase, change in changes)
    return frozenset(effect.key for effect in effects if isinstance(effect, GroupBecomes))


def _effect(change: Change) -> Any:
    return change.step.effect if isinstance(change.step, Step) else None


def users_of_groups(changes: Iterable[Change], objects: Mapping[Hashable, ObjectInForce]) -> dict[Hashable, tuple[str, ...]]:
    """Which changes have to be made before a group can go: those of the objects that go by it. Key of a group -> keys of changes.

    Args:
        objects: by key, as they are before the plan.
    """
    found: dict[Hashable, list[str]] = {}
    for change in changes:
        effect = _effect(change)
        before = objects.get(effect.key) if isinstance(effect, (ObjectBecomes, ObjectEnds)) else None
        for group in before.groups if before is not None else ():
            found.setdefault(group, []).append(change.key)
    return {group: tuple(keys) for group, keys in found.items()}
