# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what a server holds of ours, in as few requests as show it: lists tell names only, so an object is read where its name may be
one of ours, and groups where a scope of ours names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...mdm.http.http_errors import RequestFailed
from ...mdm.planning.ownership import MAX_NAME, is_ours, read_marker
from .api.jamf import Jamf
from .api.mobile_groups import MobileGroups
from .api.profiles import Profiles
from .api.restricted_software import RestrictedSoftwareRecords
from .controls import Control, WantedGroup
from .objects import MACOS, MOBILE, Group, Listed, Profile, RestrictedSoftware
from .owned_names import is_tagged_for
from .resources.mobile_groups import GROUP
from .resources.profiles import PROFILE
from .resources.report_groups import ROLE as REPORT_ROLE
from .server_state import OwnedProfile, ServerState


class StateReader:
    """Reads one server.

    Args:
        prefix: how names of ours begin.
        policies: ids of the run's policies.
    """

    def __init__(self, jamf: Jamf, prefix: str, policies: frozenset[str]) -> None:
        self.prefix = prefix
        self.policies = policies
        self.profiles = {family: Profiles(jamf, family) for family in (MOBILE, MACOS)}
        self.records = RestrictedSoftwareRecords(jamf)
        self.groups = MobileGroups(jamf)
        self.foreign: dict[tuple[str, str], tuple[int, ...]] = {}

    def read(self, desired: Sequence[Control]) -> ServerState:
        """What the server holds of ours, and what has the name of something that is wanted.

        Raises:
            RequestFailed, OutOfTime
        """
        self.foreign = {}
        wanted = {control.name for control in desired}
        profiles = tuple(each for family in (MOBILE, MACOS) for each in self._profiles(family, wanted))
        records = tuple(self._records())
        groups = tuple(self._groups(desired, [each.profile for each in profiles if each.profile.family == MOBILE]))
        return ServerState(profiles, records, groups, self.foreign)

    def may_be_ours(self, name: str) -> bool:
        """Whether a name could be one of an object of ours. Of a long one the end is cut off, so its policies may be too."""
        beginning = self.prefix.strip() + " "
        if not name.startswith(beginning):
            return False
        policies = name[len(beginning) :].split(" ", 1)[0].split("+")
        return not self.policies.isdisjoint(policies) or len(name) >= MAX_NAME - 20

    def _profiles(self, family: str, wanted: Iterable[str]) -> Iterable[OwnedProfile]:
        names = set(wanted)
        for listed in self.profiles[family].list_all():
            if listed.name not in names and not self.may_be_ours(listed.name):
                continue
            found = self.profiles[family].read(listed.id)
            if found is None:
                continue
            marker = read_marker(found.description)
            if marker is not None and not self.policies.isdisjoint(marker.policies):
                yield OwnedProfile(found, marker)
            elif listed.name in names:
                self._clash(PROFILE, listed)

    def _records(self) -> Iterable[RestrictedSoftware]:
        for listed in self.records.list_all():
            if is_tagged_for(listed.name, self.policies):
                found = self.records.read(listed.id)
                if found is not None:
                    yield found

    # Groups of mobile devices.

    def _groups(self, desired: Sequence[Control], profiles: Sequence[Profile]) -> list[Group]:
        wanted = {group.name: group for control in desired for group in control.groups}
        named = {number: name for each in profiles for number, name in each.scope.names.items() if self.may_be_ours(name)}
        found: dict[int, Group] = {}
        for number, name in sorted(named.items()):
            group = self._wanted_group(number, wanted[name]) if name in wanted else self._leaving_group(number)
            if group is not None:
                found[number] = group
        known = {group.name for group in found.values()}
        missing = {group.name: group.smart for group in wanted.values() if group.name not in known}
        if missing or not desired:
            # Something is to be made, which a run that was killed may have made already, or nothing is wanted, and everything of ours
            # has to be found. Smart and static groups share their names, so both are looked at.
            for smart in (True, False):
                found.update({each.id: each for each in self._listed_groups(smart, missing) if each.id not in found})
        return [found[number] for number in sorted(found)]

    def _wanted_group(self, number: int, wanted: WantedGroup) -> Group | None:
        """A group that a profile of ours goes by; its members are what matters of a static one."""
        if wanted.smart:
            group = self.groups.read(number, True)
            return group if group is not None and is_ours(group.description, self._ids()) else None
        members = self._members(number)
        return None if members is None else Group(MOBILE, number, wanted.name, False, members=members)

    def _members(self, number: int) -> frozenset[int] | None:
        """Who is in a static group; None if it isn't there, whatever a scope still says."""
        try:
            return self.groups.members(number, False)
        except RequestFailed as error:
            if error.status != 404:
                raise
            return None

    def _leaving_group(self, number: int) -> Group | None:
        """A group in a scope of ours that is not wanted any more, if it is ours.

        Who is in a static one matters to the end: whom it spared is new to the control that it leaves.
        """
        for smart in (True, False):
            group = self.groups.read(number, smart)
            if group is not None and is_ours(group.description, self._ids()):
                return group if smart else replace(group, members=self._members(number))
            if group is not None:
                return None
        return None

    def _listed_groups(self, smart: bool, wanted: Mapping[str, bool]) -> Iterable[Group]:
        for group in self.groups.list_all(smart):
            marker = read_marker(group.description)
            if marker is not None and marker.mechanism == REPORT_ROLE:
                continue
            if wanted.get(group.name, smart) is not smart:
                self._clash(GROUP, Listed(group.id, group.name))
            elif is_ours(group.description, self._ids()):
                if not smart and group.name in wanted:
                    group = replace(group, members=self._members(group.id))
                yield group
            elif group.name in wanted:
                self._clash(GROUP, Listed(group.id, group.name))

    def _ids(self) -> dict[str, None]:
        return dict.fromkeys(self.policies)

    def _clash(self, kind: str, listed: Listed) -> None:
        key = (kind, listed.name)
        self.foreign[key] = (*self.foreign.get(key, ()), listed.id)
