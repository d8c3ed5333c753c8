# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who belongs to the server's groups that the policies ask for by name. No other group is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .api.computer_groups import ComputerGroups
from .api.jamf import Jamf
from .api.mobile_groups import MobileGroups
from .objects import COMPUTER, MOBILE


@dataclass(frozen=True)
class Memberships:
    """Names of groups by device.

    Args:
        mobile: id of a mobile device -> names of the groups that it belongs to.
        computer_groups: id of a group of computers -> its name; who belongs to it is in the inventory.
        unknown: names that the policies ask for and the server does not have.
        asked: whether the policies ask for groups by name at all.
    """

    mobile: Mapping[int, frozenset[str]] = field(default_factory=dict)
    computer_groups: Mapping[int, str] = field(default_factory=dict)
    computers: Mapping[int, frozenset[str]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    asked: bool = False

    def groups_of(self, family: str, number: int, groups: frozenset[int] | None) -> list[str | None] | None:
        """The attribute ``groups`` of a device. None where nobody asks.

        A group that the server does not have may be one of another target's, so nobody can say of a device that it isn't in it:
        that stays unknown.
        """
        if not self.asked:
            return None
        own = self.mobile.get(number, frozenset()) if family == MOBILE else self.computers.get(number, frozenset())
        if family == COMPUTER and groups:
            own |= frozenset(self.computer_groups[each] for each in groups if each in self.computer_groups)
        return [*sorted(own), *([None] if self.unknown else [])]


def read_memberships(jamf: Jamf, names: Iterable[str]) -> Memberships:
    """Read who belongs to groups. Groups of one name, of mobile devices and of computers, count as one.

    Raises:
        RequestFailed, OutOfTime
    """
    wanted = set(names)
    if not wanted:
        return Memberships()
    mobile: dict[int, set[str]] = {}
    computers: dict[int, set[str]] = {}
    seen: set[str] = set()
    groups = MobileGroups(jamf)
    for smart in (True, False):
        for group in groups.list_all(smart):
            if group.name in wanted:
                seen.add(group.name)
                for member in groups.members(group.id, smart):
                    mobile.setdefault(member, set()).add(group.name)
    machines = ComputerGroups(jamf)
    listed = [each for each in machines.list_all() if each.name in wanted]
    for each in listed:
        found = machines.read(each.id, bool(each.smart))
        for member in (found.members if found is not None else None) or ():
            computers.setdefault(member, set()).add(each.name)
    return Memberships(
        {number: frozenset(found) for number, found in mobile.items()},
        {each.id: each.name for each in listed},
        {number: frozenset(found) for number, found in computers.items()},
        tuple(sorted(wanted - seen - {each.name for each in listed})),
        asked=True,
    )
