# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server holds of ours, and what is in our way. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...mdm.planning.ownership import Marker
from .objects import Group, Profile, RestrictedSoftware


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

    def group_ids(self) -> dict[str, int]:
        """Name of a group of mobile devices of ours -> its id."""
        return {group.name: group.id for group in self.groups}
