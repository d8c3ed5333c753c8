# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a control is for: a native scope with exceptions, a list of members, or both. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Candidate:
    """One device that a control could reach.

    Args:
        index: its position in the fleet.
        native: what a native scope goes by, as the target itself knows it: an ownership, a platform (asset facts are no help to it).
        wanted: the control is wanted on it.
        supported: the control has an effect on it.
        member: its name in groups of the control's kind (a device of the directory, or the user); empty where it has none.
    """

    index: int
    native: str | None
    wanted: bool
    supported: bool
    member: str


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


def resolve_scope(candidates: Sequence[Candidate], native: frozenset[str | None], by_user: bool = False) -> ControlScope:
    """The cheapest scope that reaches every device that is wanted and no other.

    A native scope is used only if all of its exceptions can be named, and not if it would have more exceptions than members.

    Args:
        candidates: every device that an assignment of this control could reach. Several with one member (the devices of a user)
            stand or fall together: a member is reached only if every device of theirs is wanted.
        native: what a native scope can name and the requirement is sure for.
        by_user: the control is assigned to users, so nothing reaches a device that has none.
    """
    useful = [candidate for candidate in candidates if candidate.wanted and candidate.supported]
    if by_user:
        candidates = [candidate for candidate in candidates if candidate.member]
    if not any(candidate.wanted and candidate.supported for candidate in candidates):
        return ControlScope(unnamed=frozenset(candidate.index for candidate in useful))
    refused = _members_with_an_unwanted_device(candidates)
    scope = native
    hit = [candidate for candidate in candidates if candidate.native in scope]
    exceptions = [candidate for candidate in hit if not candidate.wanted]
    kept = [candidate for candidate in hit if candidate.wanted]
    if any(not candidate.member for candidate in exceptions) or len(exceptions) > len(kept):
        scope = frozenset()
        exceptions = []
    exclude = frozenset(candidate.member for candidate in exceptions)
    reached = [c for c in useful if c.native in scope and (c.member or not by_user) and c.member not in exclude]
    left = [candidate for candidate in useful if candidate.native not in scope]
    include = frozenset(c.member for c in left if c.member and c.member not in refused and c.member not in exclude)
    reached += [candidate for candidate in left if candidate.member in include]
    covers = frozenset(candidate.index for candidate in reached)
    return ControlScope(
        native=scope,
        include=include,
        exclude=exclude,
        covers=covers,
        unnamed=frozenset(candidate.index for candidate in useful) - covers,
    )


def _members_with_an_unwanted_device(candidates: Iterable[Candidate]) -> frozenset[str]:
    """Members that a group must not include, because that would reach a device of theirs that is not to be touched."""
    unwanted: dict[str, list[int]] = {}
    for candidate in candidates:
        if candidate.member and not candidate.wanted:
            unwanted.setdefault(candidate.member, []).append(candidate.index)
    return frozenset(unwanted)
