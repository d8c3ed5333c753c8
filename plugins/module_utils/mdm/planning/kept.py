# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What devices keep because nobody says anything else of them: unknown is not a change. Pure data, and how much of it there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .requirements import Requirement


@dataclass(frozen=True)
class Kept:
    """What a plan must leave as it is.

    Args:
        held: position of a device -> controls that it keeps although its decision is unclassified.
        left_alone: position of a device -> controls of which it is not known whether they reach it, nor whether they should: it is put into
            nothing, and taken out of nothing.
        freed: position of a device -> controls from which it stays excepted although it is not known to be exempt any more.
        members: control -> members that it is for by name and that the fleet doesn't show.
        spared: control -> members that it must not reach: not shown, unclassified, or without what their exemption goes by.
        excepted: control -> members that it spares and that are exempt, although nothing could reach them now.
        standing: control -> what of its native scope it is for as a whole today.
        changing: names of controls that unclassified devices can't keep, because what is in them changes.
    """

    held: Mapping[int, frozenset[Requirement]] = field(default_factory=dict)
    left_alone: Mapping[int, frozenset[Requirement]] = field(default_factory=dict)
    freed: Mapping[int, frozenset[Requirement]] = field(default_factory=dict)
    members: Mapping[Requirement, frozenset[str]] = field(default_factory=dict)
    spared: Mapping[Requirement, frozenset[str]] = field(default_factory=dict)
    excepted: Mapping[Requirement, frozenset[str]] = field(default_factory=dict)
    standing: Mapping[Requirement, frozenset[str | None]] = field(default_factory=dict)
    changing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.held or self.left_alone or self.freed or self.members or self.spared or self.excepted or self.standing)

    @property
    def requirements(self) -> frozenset[Requirement]:
        """Controls that stand on account of it, whoever wants them besides."""
        return frozenset((*self.members, *self.standing))

    def unseen(self) -> frozenset[str]:
        """Members that have a place by name."""
        return frozenset().union(*self.members.values(), *self.spared.values())

    def requirements_of(self, index: int, requirements: frozenset[Requirement]) -> frozenset[Requirement]:
        """What is wanted of a device, with what it keeps."""
        requirements = requirements - self.freed.get(index, frozenset())
        for held in self.held.get(index, ()):
            narrower = {each for each in requirements if each.mechanism == held.mechanism and set(each.app_ids) <= set(held.app_ids)}
            requirements = (requirements - narrower) | {held}
        return requirements

    def notes(self) -> Iterator[str]:
        """What a person should know of it."""
        held = len({*self.held, *self.left_alone})
        if held:
            yield "%s unclassified and keep%s what of ours is on %s" % (
                _count(held, " is", "s are"), "s" if held == 1 else "", "it" if held == 1 else "them",
            )  # fmt: skip
        unseen = frozenset().union(*self.members.values())
        if unseen:
            yield "%s not shown by the inventory and keep%s the control that it has by name" % (
                _count(len(unseen), " is", "s are"), "s" if len(unseen) == 1 else "",
            )  # fmt: skip
        spared = frozenset().union(*self.spared.values())
        if spared:
            yield "%s in a group of exceptions and not known to be otherwise, and keep%s the place there" % (
                _count(len(spared), " is", "s are"), "s" if len(spared) == 1 else "",
            )  # fmt: skip
        for name in self.changing:
            yield "%s changes, so devices that are unclassified can't keep it as it is: they are released" % name


NOTHING_KEPT = Kept()


def _count(number: int, one: str, several: str) -> str:
    return "%d device%s" % (number, one if number == 1 else several)
