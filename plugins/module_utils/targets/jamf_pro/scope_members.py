# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices the scope of an object reaches today, as far as groups of ours tell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...mdm.planning import audiences
from ...mdm.planning.audiences import Audience, FleetRoster
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...policy.model import Policy
from .contents import apps_named
from .controls import platforms_of
from .objects import COMPUTER, MACOS, MOBILE, Group

_PREFIXES = {MOBILE: MOBILE, MACOS: COMPUTER}


class ScopeMembers(audiences.ScopeMembers):
    """Answers for one fleet.

    Args:
        groups: groups of ours, static ones with their members.
        policies: of the run.
    """

    def __init__(self, fleet: Sequence[FleetDevice], groups: Iterable[Group], policies: Sequence[Policy] = ()) -> None:
        rosters = {family: FleetRoster(fleet, prefix + ":") for family, prefix in _PREFIXES.items()}
        super().__init__(fleet, policies, rosters, {group.id: group for group in groups})

    def possible_class(self, device: ManagedDevice) -> str | None:
        # Its supervision or its model isn't told.
        return device.platform if device.record.get("supervised") is not False else None

    def of_group(self, family: str, group: Group, maybe: bool = False) -> set[int]:
        if group.smart:
            return self.of_classes(platforms_of(group.criteria), maybe)
        return self.rosters[family].positions(self.named_in(group))

    def is_known(self, group: Group) -> bool:
        return group.smart or group.members is not None

    def named_in(self, group: Group) -> frozenset[str]:
        return frozenset() if group.smart else frozenset(map(str, group.members or ()))

    def classes_of(self, family: str, audience: Audience) -> frozenset[str | None]:
        groups = [self.groups[each] for each in audience.groups & self.groups.keys()]
        classes: set[str | None] = {"macos"} if family == MACOS and audience.everything else set()
        return frozenset(classes.union(*(platforms_of(group.criteria) for group in groups if group.smart)))

    def apps_called(self, policies: Sequence[Policy], family: str, names: frozenset[str]) -> tuple[str, ...]:
        return apps_named(policies, family, names)
