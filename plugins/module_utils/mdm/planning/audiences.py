# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom an object of a target is for, and which devices of the fleet those are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ...policy.model import Policy
from .app_names import AppNames
from .effects import ObjectInForce
from .fleet import FleetDevice, ManagedDevice
from .keep import StandingControl
from .requirements import Requirement

_NOBODY: frozenset[int] = frozenset()
#: Members that a diff shows.
_SHOWN = 20


@dataclass(frozen=True)
class Audience:
    """Whom an object is for, its groups by whatever names them.

    Args:
        everything: all devices that the target itself takes for meant.
        members: those that it is for by name.
        narrowed: somebody else has put something into the scope that may keep the object from devices.
    """

    everything: bool = False
    members: frozenset[str] = frozenset()
    groups: frozenset[Hashable] = frozenset()
    excluded_members: frozenset[str] = frozenset()
    excluded_groups: frozenset[Hashable] = frozenset()
    narrowed: bool = False


def audience_lines(audience: Audience, groups: Mapping[Any, str], name_of: Callable[[str], str] = str) -> list[str]:
    """An audience for the diff, the first members of it by name.

    Args:
        groups: what groups are called, as far as known.
        name_of: what a person calls a member.
    """
    lines = ["for: everything"] if audience.everything else []
    listed = (("for: ", audience.groups, audience.members), ("not for: ", audience.excluded_groups, audience.excluded_members))
    for words, keys, members in listed:
        lines += sorted("%sgroup %s" % (words, groups.get(key, key)) for key in keys)
        names = sorted(name_of(each) for each in members)
        lines += [words + name for name in names[:_SHOWN]]
        lines += ["%sand %d more" % (words, len(names) - _SHOWN)] if len(names) > _SHOWN else []
    return lines


class FleetRoster:
    """Which devices of the fleet the members of scopes and groups stand for.

    Args:
        prefix: how the ids of the devices begin that can be members; what follows is the member.
    """

    def __init__(self, fleet: Sequence[FleetDevice], prefix: str = "") -> None:
        self.prefix = prefix
        self._shown: dict[str, int] = {}
        self._managed: dict[str, int] = {}
        for index, each in enumerate(fleet):
            if each.device.id.startswith(prefix):
                self._shown[each.device.id[len(prefix) :]] = index
                if each.device.directory_id:
                    self._managed[each.device.directory_id] = index

    def index_of(self, member: str) -> int | None:
        """The position of a device in the fleet; None for one that is not there, or not managed."""
        return self._managed.get(member)

    def shown_index_of(self, member: str) -> int | None:
        """The position of a device in the fleet, managed or not; None for one that is not there."""
        return self._shown.get(member)

    def device_id(self, member: str) -> str:
        """What records call the device."""
        return self.prefix + member

    def positions(self, members: Iterable[str] | None = None) -> set[int]:
        """The positions of managed devices: of some members, or of all devices."""
        if members is None:
            return set(self._managed.values())
        return {self._managed[each] for each in members if each in self._managed}


class StandingObject(Protocol):
    """An object that is there."""

    @property
    def name(self) -> str:
        """As the target has it."""

    @property
    def audience(self) -> Audience:
        """Whom it is for."""


class ScopeMembers:
    """Answers whom scopes reach, for one fleet.

    Args:
        policies: of the run.
        rosters: by family of devices.
        groups: groups of ours by their ids.
        everybody: the class of devices that an object for everything reaches; whoever is of no class that is told may be of it. None where
            everything means all devices of a family.
        kinds: family -> the identifiers of apps that objects for it name.
    """

    def __init__(
        self,
        fleet: Sequence[FleetDevice],
        policies: Sequence[Policy],
        rosters: Mapping[str, FleetRoster],
        groups: Mapping[Hashable, Any],
        everybody: str | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.everybody = everybody
        self.kinds = kinds or {}
        self.fleet = fleet
        self.policies = tuple(policies)
        self.rosters = rosters
        self.groups = dict(groups)
        self._of_class: dict[str | None, set[int]] = {}
        self._perhaps: dict[str | None, set[int]] = {}
        for index, each in enumerate(fleet):
            device = each.device
            self._of_class.setdefault(device.native_ownership, set()).add(index)
            if device.native_ownership is None and device.directory_id:
                self._perhaps.setdefault(self.possible_class(device), set()).add(index)

    # What a target says.

    def possible_class(self, device: ManagedDevice) -> str | None:
        """The class that a device may be of whose class the target doesn't tell; None where it is of none for sure."""
        return self.everybody

    def of_group(self, family: str, group: Any, maybe: bool = False) -> set[int]:
        """Positions of the devices in a group of ours. maybe: those too that may be in it."""
        return self.rosters[family].positions(group.members or ())

    def is_known(self, group: Any) -> bool:
        """Whether it is known who is in a group of ours."""
        return group.members is not None

    def named_in(self, group: Any) -> frozenset[str]:
        """The members that a group of ours has by name."""
        return frozenset(group.members or ())

    def classes_of(self, family: str, audience: Audience) -> frozenset[str | None]:
        """Classes of devices that an object is for as a whole."""
        return frozenset((self.everybody,)) if audience.everything and self.everybody else frozenset()

    def apps_called(self, policies: Sequence[Policy], family: str, names: frozenset[str]) -> tuple[str, ...]:
        """Ids of the apps of some policies that these names are of, sorted."""
        known = AppNames(policies, self.kinds)
        return tuple(sorted({app for name in names for app in known.apps_of(family, name)}))

    # What is the same everywhere.

    def of_classes(self, classes: Iterable[str | None], maybe: bool = False) -> set[int]:
        """Positions of the devices of some classes. maybe: those too that may be of one."""
        tables = (self._of_class, self._perhaps) if maybe else (self._of_class,)
        return set().union(*(table.get(each, ()) for table in tables for each in classes))

    def of_audience(self, family: str, audience: Audience, groups: Mapping[Hashable, Any], maybe: bool = False) -> frozenset[int]:
        """Positions of the devices that an object reaches for sure: groups of others count for nothing, and where somebody else narrowed
        the scope nobody can tell.

        Args:
            groups: groups of ours.
            maybe: those too that it may reach, as far as something is known of them.
        """
        excluded_groups = [groups.get(each) for each in audience.excluded_groups]
        if not maybe and (audience.narrowed or not all(each is not None and self.is_known(each) for each in excluded_groups)):
            return _NOBODY
        roster = self.rosters[family]
        reached = roster.positions(audience.members)
        if audience.everything:
            reached |= roster.positions() if self.everybody is None else self.of_classes((self.everybody,), maybe)
        excluded = roster.positions(audience.excluded_members)
        for each in filter(None, map(groups.get, audience.groups)):
            reached |= self.of_group(family, each, maybe)
        for each in filter(None, excluded_groups):
            excluded |= self.of_group(family, each)
        return frozenset(reached - excluded)

    def surely(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Positions of the devices that an object reaches for sure."""
        return self.of_audience(each.family, each.audience, groups)

    def possibly(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Whom it may have reached: nobody can look into what others put into its scope."""
        if each.names is not None and not each.names:
            return frozenset()
        return self.of_audience(each.family, replace(each.audience, narrowed=False), groups, maybe=True)

    def apps_named(self, each: ObjectInForce, names: frozenset[str]) -> tuple[str, ...]:
        """Ids of the apps that some of an object's names are of."""
        return self.apps_called(self.policies, each.family, names)

    def apps_of(self, each: ObjectInForce) -> tuple[str, ...]:
        """Ids of the apps that an object is about: those that it names, or all of its policies."""
        own = [policy for policy in self.policies if not each.policies or policy.id in each.policies]
        named = self.apps_called(own, each.family, each.names or frozenset())
        return named or tuple(sorted({app.id for policy in own for app in (*policy.apps, *policy.review)}))

    def standing(
        self, requirement: Requirement, family: str, each: StandingObject, sure: frozenset[str | None], grows: bool
    ) -> StandingControl:
        """An object of ours that is there, and the requirement that it was made of.

        Args:
            sure: classes of devices that the policies want it for whoever has such a device.
            grows: what is wanted of it now is more than what it does.
        """
        audience = each.audience
        reached = self.of_audience(family, audience, self.groups)

        def named(members: frozenset[str], groups: frozenset[Hashable]) -> frozenset[str]:
            return members.union(*(self.named_in(self.groups[key]) for key in groups & self.groups.keys()))

        return StandingControl(
            requirement=requirement,
            name=each.name,
            roster=self.rosters[family],
            sure=reached,
            # Of some devices it isn't told whether they are of a class.
            maybe=reached if audience.narrowed else self.of_audience(family, audience, self.groups, maybe=True),
            included=named(audience.members, audience.groups),
            excluded=named(audience.excluded_members, audience.excluded_groups),
            native=self.classes_of(family, audience) & sure,
            grows=grows,
        )


def in_force(family: str, names: frozenset[str] | None, audience: Audience, policies: tuple[str, ...] = ()) -> ObjectInForce:
    """An object as it has its effect."""
    return ObjectInForce(family, names, audience, audience.groups | audience.excluded_groups, policies)
