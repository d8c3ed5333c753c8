# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a control is for: a native scope with exceptions, a list of members, or both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain


@dataclass(frozen=True, slots=True)
class Candidates:
    """Devices that a control could reach and that are alike in what decides about it.

    Args:
        positions: of each of them in the fleet.
        native: what a native scope goes by, as the target itself knows it: an ownership, a platform (asset facts are no help to it).
        wanted: the control is wanted on them.
        supported: the control has an effect on them.
    """

    positions: Sequence[int]
    native: str | None
    wanted: bool
    supported: bool

    @property
    def useful(self) -> bool:
        """Whether the control is wanted on them and has an effect there."""
        return self.wanted and self.supported


@dataclass(frozen=True, slots=True)
class ControlScope:
    """Who a control is for.

    Args:
        native: native scope: every device of which one of these is true; empty for none.
        include: members of the include group: those that the native scope does not reach.
        exclude: members of the exclude group: those in the native scope that it must not reach.
        covers: positions of the devices on which the control is wanted, has an effect, and is reached.
        unnamed: positions of the devices that would need a place in a group and can't have one.
    """

    native: frozenset[str | None] = frozenset()
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    covers: frozenset[int] = frozenset()
    unnamed: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.native or self.include)


def resolve_scope(
    candidates: Sequence[Candidates], members: Sequence[str], native: frozenset[str | None], by_user: bool = False
) -> ControlScope:
    """The cheapest scope that reaches every device that is wanted and no other.

    A native scope is used only if all of its exceptions can be named, and not if it would have more exceptions than members.

    Args:
        candidates: every device that an assignment of this control could reach. Several with one member (the devices of a user)
            stand or fall together: a member is reached only if every device of theirs is wanted.
        members: by position in the fleet, a device's name in groups of the control's kind (a device of the directory, or the user); empty
            where it has none.
        native: what a native scope can name and the requirement is sure for.
        by_user: the control is assigned to users, so nothing reaches a device that has none.
    """
    useful = [each for each in candidates if each.useful]
    if by_user:
        named = (replace(each, positions=[index for index in each.positions if members[index]]) for each in candidates)
        candidates = [each for each in named if each.positions]
    if not any(each.useful for each in candidates):
        return ControlScope(unnamed=frozenset(positions_of(useful)))
    exceptions = [*positions_of(each for each in candidates if each.native in native and not each.wanted)]
    kept = sum(len(each.positions) for each in candidates if each.native in native and each.wanted)
    if len(exceptions) > kept or not all(members[index] for index in exceptions):
        native, exceptions = frozenset(), []
    exclude = frozenset(members[index] for index in exceptions)
    reached = positions_of(each for each in candidates if each.useful and each.native in native)
    # By way of a set: a frozen one that grows takes up to twice the room that it needs, and many are kept.
    covers = frozenset({index for index in reached if members[index] not in exclude} if exclude else set(reached))
    left = [*positions_of(each for each in candidates if each.useful and each.native not in native)]
    include: frozenset[str] = frozenset()
    if left:
        # A group must not include whom that would reach with a device of theirs that is not to be touched.
        unwanted = {members[index] for index in positions_of(each for each in candidates if not each.wanted)}
        include = frozenset(members[index] for index in left) - unwanted - exclude - {""}
        covers = covers.union(index for index in left if members[index] in include)
    unnamed: frozenset[int] = frozenset()
    if len(covers) < sum(len(each.positions) for each in useful):
        unnamed = frozenset(positions_of(useful)) - covers
    return ControlScope(native=native, include=include, exclude=exclude, covers=covers, unnamed=unnamed)


def positions_of(candidates: Iterable[Candidates]) -> Iterator[int]:
    """Positions of all devices of some kinds."""
    return chain.from_iterable(each.positions for each in candidates)
