# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resources of one plan share: the server, what it holds, the fleet, and whose objects are ours."""

from __future__ import annotations

from collections.abc import Sequence

from ....mdm.planning.audiences import Audience
from ....mdm.planning.fleet import FleetDevice
from ....policy.model import Policy
from ..api.jamf import Jamf
from ..controls import WantedScope
from ..objects import MOBILE, Scope
from ..scope_members import ScopeMembers
from ..server_state import ServerState
from .diff_text import NameOf


class Surroundings:
    """Of one plan.

    Args:
        jamf: the server; a plan that is only looked at needs none.
        state: what the server holds, read just before.
        fleet: all devices.
        policies: of the run; objects made for others are left alone.
        now: the run's instant in UTC.
    """

    def __init__(
        self, jamf: Jamf | None, state: ServerState, fleet: Sequence[FleetDevice], policies: Sequence[Policy], now: str
    ) -> None:
        self._jamf = jamf
        self.state = state
        self.fleet = fleet
        self.policies = tuple(policies)
        self.ids = frozenset(policy.id for policy in policies)
        self.now = now
        self.scope_members = ScopeMembers(fleet, state.groups, policies)
        #: Name -> id of the groups of mobile devices that are there; new ones are added as they are made.
        self.group_ids = state.group_ids()

    @property
    def jamf(self) -> Jamf:
        """The server, which whoever carries a plan out has."""
        if self._jamf is None:
            raise AssertionError("a plan without a server is carried out")
        return self._jamf

    def name_of(self, family: str) -> NameOf:
        """What a person calls a device, by its number."""
        roster = self.scope_members.rosters[family]

        def name(number: str) -> str:
            index = roster.index_of(number)
            if index is None:
                return "device %s, which is not managed" % number
            device = self.fleet[index].device
            return str(device.record.get("serial") or device.id)

        return name

    # Scopes.

    def resolved(self, scope: WantedScope) -> Scope | None:
        """A scope with ids in place of names; None while one of the groups is not there yet."""
        if not (scope.groups | scope.excluded_groups) <= set(self.group_ids):
            return None
        groups, excluded = (frozenset(self.group_ids[name] for name in listed) for listed in (scope.groups, scope.excluded_groups))
        return Scope(scope.everything, scope.devices, groups, scope.excluded_devices, excluded)

    def wanted_audience(self, scope: WantedScope) -> Audience:
        """Whom a wanted object is for."""
        groups, excluded = (frozenset(self.group_ids.get(name, name) for name in names) for names in (scope.groups, scope.excluded_groups))
        devices, spared = (frozenset(map(str, listed)) for listed in (scope.devices, scope.excluded_devices))
        return Audience(scope.everything, devices, groups, spared, excluded)

    def strange_scope(self, family: str, name: str, found: Scope) -> tuple[str, ...]:
        """What somebody put into the scope of an object of ours, as a sentence; none where nobody did."""
        # A scope of mobile devices goes by groups of ours alone, one of Macs by no group at all.
        ours = {group.id for group in self.state.groups} if family == MOBILE else set()
        strange = [*found.foreign]
        if family == MOBILE:
            device = self.name_of(family)
            strange += ["all mobile devices"] if found.everything else []
            strange += [device(str(each)) for each in sorted(found.devices)]
            strange += ["exclusion of %s" % device(str(each)) for each in sorted(found.excluded_devices)]
        strange += ["group %s" % found.names.get(each, each) for each in sorted(found.groups - ours)]
        strange += ["exclusion of the group %s" % found.names.get(each, each) for each in sorted(found.excluded_groups - ours)]
        if strange:
            return ("the scope of %s also had: %s" % (name, "; ".join(strange)),)
        return () if found.everything or found.groups or found.devices else ("the scope of %s was empty" % name,)
