# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a plan for Jamf Pro, as data: what the executor does. Names stand for groups that may not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ...mdm.planning.notices import Notice
from .controls import WantedScope
from .objects import Group, Profile, RestrictedSoftware


class Phase(IntEnum):
    """When a change is made, in the order of a run. Two changes of one phase keep the order in which they were planned."""

    LEAVE = 0
    SCOPES = 1
    NOTICES = 2
    OBJECTS = 3
    JOIN = 4
    END_EXCEPTION = 5
    LIFT_OBJECTS = 6
    LIFT_GROUPS = 7


@dataclass(frozen=True)
class CreateGroup:
    """Make a group, a static one with its members."""

    group: Group


@dataclass(frozen=True)
class UpdateGroup:
    """Give a smart group of ours its criteria and description back."""

    group: Group


@dataclass(frozen=True)
class ChangeMembers:
    """Make the members of a static group of ours exactly these."""

    group: Group
    members: frozenset[int]


@dataclass(frozen=True)
class HandOver:
    """Put notices into the outbox."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class WriteProfile:
    """Make or change a profile.

    Args:
        profile: as it is wanted, its scope empty; id 0 to make it.
        scope: whom it is for.
        payload_changed: whether it has to go to every device again.
        seen: what the plan was made from; None for a new one.
        expected: name of a smart group in the scope -> devices of which it must have one, or its criteria mean something else to this
            server, and the profile would reach nobody.
        adds: whether its payloads do something on whoever has had it, which the names in them don't tell.
    """

    profile: Profile
    scope: WantedScope
    payload_changed: bool = True
    seen: Profile | None = None
    expected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    adds: bool = True


@dataclass(frozen=True)
class WriteRecord:
    """Make or change a record of restricted software. seen: what the plan was made from; None for a new one."""

    record: RestrictedSoftware
    seen: RestrictedSoftware | None = None


@dataclass(frozen=True)
class DeleteProfile:
    """Delete a profile of ours."""

    profile: Profile


@dataclass(frozen=True)
class DeleteRecord:
    """Delete a record of ours."""

    record: RestrictedSoftware


@dataclass(frozen=True)
class DeleteGroup:
    """Delete a group of ours."""

    group: Group
