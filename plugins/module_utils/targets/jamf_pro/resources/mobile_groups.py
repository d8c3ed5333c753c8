# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of mobile devices: smart ones for scopes, static ones for members and for exceptions."""

from __future__ import annotations

from dataclasses import replace

from ....engine.errors import AppbanError, ChangeFailed
from ....mdm.http.written_objects import changed_meanwhile
from ....mdm.planning import ownership
from ....mdm.planning.control_groups import ControlGroups
from ....mdm.planning.effects import GroupBecomes
from ....mdm.planning.notice_changes import names_text
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.planning.reconcile import Difference
from ..api import mobile_groups as api
from ..controls import WantedGroup
from ..objects import MOBILE, Group
from .diff_text import criteria_text
from .surroundings import Surroundings

GROUP = "mobile device group"
#: Devices that a note names.
_MOST_SHOWN = 5


class MobileGroups(ControlGroups[WantedGroup, Group]):
    """Groups of one server."""

    kind = GROUP

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around.group_ids, others=around.state.others(GROUP))
        self.around = around
        self.roster = around.scope_members.rosters[MOBILE]

    def difference(self, wanted: WantedGroup, found: Group) -> Difference:
        if not wanted.smart or found.criteria == wanted.criteria:
            return Difference()
        return Difference(settings=("criteria",), drift=("the group %s had other criteria" % wanted.name,))

    def text(self, found: Group) -> str:
        return criteria_text(found.criteria) if found.smart else super().text(found)

    def wanted_text(self, wanted: WantedGroup) -> str:
        return criteria_text(wanted.criteria) if wanted.smart else self.members_text(wanted.members - frozenset(self._unmanaged(wanted)))

    def write(self, wanted: WantedGroup, found: Group | None, difference: Difference | None, foreign: int | None) -> Step:
        spec = [[each.name, each.search_type, each.value] for each in wanted.criteria]
        description = ownership.control_description(wanted.policies, wanted.role, spec)
        if found is not None:
            fixed = replace(found, description=description, criteria=wanted.criteria)
            return Step(self.correct_group, (fixed,), GroupBecomes(fixed.id, replace(fixed, members=None)))
        members = None if wanted.smart else wanted.members - frozenset(self._unmanaged(wanted))
        group = Group(MOBILE, 0, wanted.name, wanted.smart, description, wanted.criteria, members)
        return Step(self.create_group, (group,), GroupBecomes(self.key(wanted.name), group))

    def delete(self, found: Group) -> Step:
        return Step(self.delete_group, (found,))

    def stays(self, member: int) -> bool:
        # The server takes no change for a device that it doesn't manage; such a one stays in the group, where it does no harm.
        return self.roster.index_of(str(member)) is None

    def _unmanaged(self, wanted: WantedGroup) -> dict[int, str]:
        """Devices that the server shows, but doesn't manage now: it takes none of them into a new group. Number -> serial number."""
        found = {}
        for number in sorted(() if wanted.smart else wanted.members):
            index = self.roster.shown_index_of(str(number))
            if index is not None and self.roster.index_of(str(number)) is None:
                device = self.around.fleet[index].device
                found[number] = str(device.record.get("serial") or device.id)
        return found

    def note_new(self, wanted: WantedGroup, draft: PlanDraft) -> None:
        found = list(self._unmanaged(wanted).values())
        if found:
            shown = ", ".join([*found[:_MOST_SHOWN], *(["..."] if len(found) > _MOST_SHOWN else [])])
            draft.notes.append("not managed now, so the new group %s can't hold it: %s; run again once it is" % (wanted.name, shown))

    def members_text(self, members: frozenset[int]) -> str:
        name_of = self.around.name_of(MOBILE)
        return names_text([name_of(str(each)) for each in members])

    # Verbs.

    def create_group(self, group: Group) -> None:
        """Make a group, a static one with its members."""
        made = api.MobileGroups(self.around.jamf).create(group)
        self.ids[made.name] = made.id

    def correct_group(self, group: Group) -> None:
        """Give a smart group of ours its criteria and description back."""
        self._still_ours(group)
        api.MobileGroups(self.around.jamf).update(group)

    def change_members(self, group: Group, members: frozenset[int]) -> None:
        """Make the members of a static group of ours exactly these."""
        current = self._still_ours(group)
        groups = api.MobileGroups(self.around.jamf)
        try:
            groups.change_members(current, members)
        except AppbanError as error:
            # Many are changed in pieces, and one piece may fail alone.
            try:
                wrong = groups.members(group.id, False) ^ members
            except AppbanError:
                raise error from None
            positions = {each.device.id: index for index, each in enumerate(self.around.fleet)}
            failed = ("%s:%d" % (MOBILE, number) for number in wrong)
            devices = frozenset(positions[name] for name in failed if name in positions)
            raise ChangeFailed(error.what, error.where, error.next_step, devices) from error

    def delete_group(self, group: Group) -> None:
        """Delete a group of ours."""
        groups = api.MobileGroups(self.around.jamf)
        if groups.read(group.id, group.smart) is not None:
            self._still_ours(group)
            groups.delete(group.id, group.name, group.smart)

    def _still_ours(self, group: Group) -> Group:
        """A group as it is now; it must be there, and still be ours."""
        current = api.MobileGroups(self.around.jamf).read(group.id, group.smart)
        ours = current is not None and ownership.is_ours(current.description, dict.fromkeys(self.around.ids))
        if current is None or current.name != group.name or not ours:
            raise changed_meanwhile("the mobile device group", group.name, group.id)
        return current
