# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps of a plan, one at a time. The only writes of the target.

The server has no locking: who writes last wins. So an object is read once more right before it is changed, and left alone if it is not
what the plan was made from. What was written is read back by whoever writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...engine.apply import Applied, apply_plan
from ...engine.errors import AppbanError, ChangeFailed
from ...engine.plan import Change, Plan
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.ownership import is_ours
from ...mdm.run.ledger import Ledger
from ...mdm.run.outbox import Outbox
from . import steps
from .api.jamf import Jamf
from .computer_groups import ComputerGroups
from .controls import WantedScope
from .mobile_groups import MobileGroups
from .objects import COMPUTER, MACOS, MOBILE, Group, Scope
from .owned_names import is_tagged_for
from .profiles import Profiles
from .restricted_software import RestrictedSoftwareRecords

_AGAIN = "Run again; the next run looks at it anew"


class Executor:
    """Executes changes.

    Args:
        policies: ids of the run's policies.
        group_ids: name -> id of the groups of mobile devices that are there; new ones are added as they are made.
        outbox: where notices go.
        ledger: remembers which notices were handed over.
        fleet: whom notices are for.
        now: the run's instant in UTC.
    """

    def __init__(
        self,
        jamf: Jamf,
        policies: frozenset[str],
        group_ids: Mapping[str, int],
        outbox: Outbox,
        ledger: Ledger,
        fleet: Sequence[FleetDevice],
        now: str,
    ) -> None:
        self.progress = jamf.counters.progress
        self.policies = policies
        self.group_ids = dict(group_ids)
        self.outbox = outbox
        self.ledger = ledger
        self.fleet = fleet
        self.now = now
        self.profiles = {family: Profiles(jamf, family) for family in (MOBILE, MACOS)}
        self.records = RestrictedSoftwareRecords(jamf)
        self.mobile_groups = MobileGroups(jamf)
        self.computer_groups = ComputerGroups(jamf)

    def run(self, plan: Plan) -> Applied:
        """Carry out a plan."""
        return apply_plan(plan, self.execute, self.progress.changed)

    def execute(self, change: Change) -> None:
        """Make one change and see that it took effect. Raises AppbanError where it did not."""
        actions: Mapping[type, Callable[[Any], None]] = {
            steps.CreateGroup: self._create_group,
            steps.UpdateGroup: self._update_group,
            steps.ChangeMembers: self._change_members,
            steps.HandOver: lambda step: self.outbox.hand_over(self.ledger, self.now, step.notices, self.fleet),
            steps.WriteProfile: self._write_profile,
            steps.WriteRecord: self._write_record,
            steps.DeleteProfile: self._delete_profile,
            steps.DeleteRecord: self._delete_record,
            steps.DeleteGroup: self._delete_group,
        }
        actions[type(change.step)](change.step)

    # Groups.

    def _create_group(self, step: steps.CreateGroup) -> None:
        if step.group.family == COMPUTER:
            self.computer_groups.create(step.group)
            return
        made = self.mobile_groups.create(step.group)
        self.group_ids[made.name] = made.id

    def _update_group(self, step: steps.UpdateGroup) -> None:
        group = step.group
        if group.family == COMPUTER:
            self.computer_groups.update(group)
            return
        self._our_group(group)
        self.mobile_groups.update(group)

    def _change_members(self, step: steps.ChangeMembers) -> None:
        current = self._our_group(step.group)
        try:
            self.mobile_groups.change_members(current, step.members)
        except AppbanError as error:
            raise self._partly(error, step) from error

    def _partly(self, error: AppbanError, step: steps.ChangeMembers) -> AppbanError:
        """An error with the devices whose place was not changed. Many are changed in pieces, and one piece may fail alone."""
        try:
            now = self.mobile_groups.members(step.group.id, False)
        except AppbanError:
            return error
        wrong = now ^ step.members
        positions = {each.device.id: index for index, each in enumerate(self.fleet)}
        devices = frozenset(positions[name] for name in ("%s:%d" % (MOBILE, number) for number in wrong) if name in positions)
        return ChangeFailed(error.what, error.where, error.next_step, devices)

    def _our_group(self, group: Group) -> Group:
        """A group as it is now; it must be there, and still be ours."""
        current = self.mobile_groups.read(group.id, group.smart)
        if current is None or current.name != group.name or not is_ours(current.description, dict.fromkeys(self.policies)):
            raise _changed("the mobile device group", group.name, group.id)
        return current

    def _delete_group(self, step: steps.DeleteGroup) -> None:
        group = step.group
        if group.family == COMPUTER:
            found = self.computer_groups.read(group.id, group.smart)
            if found is None or not is_tagged_for(found.name, self.policies):
                return
            self.computer_groups.delete(group.id, group.name, group.smart)
            return
        current = self.mobile_groups.read(group.id, group.smart)
        if current is None:
            return
        self._our_group(group)
        self.mobile_groups.delete(group.id, group.name, group.smart)

    # Profiles and records.

    def _write_profile(self, step: steps.WriteProfile) -> None:
        profiles = self.profiles[step.profile.family]
        wanted = replace(step.profile, scope=self._scope(step.scope))
        for name, devices in step.expected.items():
            self._expect_one_of(name, devices)
        if not wanted.id:
            self._refuse_doubles(profiles.list_all(), wanted.name, "the configuration profile")
            profiles.create(wanted)
            return
        if step.seen is not None and profiles.read(wanted.id) != step.seen:
            raise _changed("the configuration profile", step.seen.name, wanted.id)
        if not step.payload_changed and step.seen is not None:
            # What stays as it is has to be what is read back.
            wanted = replace(wanted, payloads=step.seen.payloads)
        profiles.update(wanted, step.payload_changed)

    def _expect_one_of(self, name: str, devices: frozenset[int]) -> None:
        """See that a smart group holds what it was made for. A server that takes a criterion for another says nothing of it."""
        if devices and not self.mobile_groups.has_one_of(self.group_ids[name], True, devices):
            raise ChangeFailed(
                "The group %s has none of the %d devices that it was made for, so a profile for it would reach nobody"
                % (name, len(devices)),
                "mobile device group %d" % self.group_ids[name],
                "Look at its criteria in Jamf Pro: this server takes them for something else. The profile was not written",
            )

    def _write_record(self, step: steps.WriteRecord) -> None:
        if step.seen is None:
            self._refuse_doubles(self.records.list_all(), step.record.name, "the restricted software record")
            self.records.create(step.record)
            return
        if self.records.read(step.record.id) != step.seen:
            raise _changed("the restricted software record", step.seen.name, step.record.id)
        self.records.update(step.record)

    def _refuse_doubles(self, listed: Sequence[Any], name: str, what: str) -> None:
        found = [each.id for each in listed if each.name == name]
        if found:
            raise _changed(what, name, found[0])

    def _delete_profile(self, step: steps.DeleteProfile) -> None:
        profile = step.profile
        profiles = self.profiles[profile.family]
        current = profiles.read(profile.id)
        if current is None:
            return
        if not is_ours(current.description, dict.fromkeys(self.policies)):
            raise _changed("the configuration profile", profile.name, profile.id)
        profiles.delete(profile.id, profile.name)

    def _delete_record(self, step: steps.DeleteRecord) -> None:
        record = step.record
        current = self.records.read(record.id)
        if current is None:
            return
        if not is_tagged_for(current.name, self.policies):
            raise _changed("the restricted software record", record.name, record.id)
        self.records.delete(record.id, record.name)

    def _scope(self, scope: WantedScope) -> Scope:
        """A scope by ids."""
        groups, excluded = (frozenset(self.group_ids[name] for name in names) for names in (scope.groups, scope.excluded_groups))
        return Scope(scope.everything, scope.devices, groups, scope.excluded_devices, excluded)


def _changed(what: str, name: str, number: int) -> ChangeFailed:
    return ChangeFailed("Somebody changed %s %s while this run was planned; it was left alone" % (what, name), "id %d" % number, _AGAIN)
