# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server holds of ours, and what is in our way. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...mdm.planning.audiences import Audience
from ...mdm.planning.ownership import Marker
from .contents import names_in_profile
from .objects import AUTOMATIC, Group, Profile, RestrictedSoftware

#: The fact of a marker that says since when a profile has stood as it is.
WRITTEN = "written"


@dataclass(frozen=True)
class OwnedProfile:
    """A profile of ours."""

    profile: Profile
    marker: Marker

    @property
    def id(self) -> int:
        return self.profile.id

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def names(self) -> frozenset[str] | None:
        """What it blocks: what users may fetch themselves is on no device for sure, and what can't be read may do anything."""
        return names_in_profile(self.profile.payloads) if self.profile.deployment == AUTOMATIC else frozenset()

    @property
    def audience(self) -> Audience:
        return self.profile.scope.audience

    @property
    def policies(self) -> tuple[str, ...]:
        return self.marker.policies

    @property
    def changed_at(self) -> str:
        """Since when it has stood as it is."""
        return self.marker.fact(WRITTEN)


@dataclass(frozen=True)
class ServerState:
    """What was read of a server.

    Args:
        profiles: ours, of the run's policies.
        records: ours, of the run's policies.
        groups: ours, of the run's policies; static ones of mobile devices with their members.
        foreign: kind and name -> ids of objects of somebody else that have the name of one that is wanted.
    """

    profiles: tuple[OwnedProfile, ...] = ()
    records: tuple[RestrictedSoftware, ...] = ()
    groups: tuple[Group, ...] = ()
    foreign: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)

    def others(self, kind: str) -> dict[str, tuple[int, ...]]:
        """Name -> ids of the objects of a kind that are somebody else's."""
        return {name: ids for (of_kind, name), ids in self.foreign.items() if of_kind == kind}

    def group_ids(self) -> dict[str, int]:
        """Name of a group of mobile devices of ours -> its id."""
        return {group.name: group.id for group in self.groups}
