# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What controls are assigned by: groups of members and of exceptions, and assignment filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....mdm.planning import ownership
from ....mdm.planning.effects import GroupBecomes
from ....mdm.planning.members import plan_members
from ....mdm.planning.notice_changes import names_text
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.planning.reconcile import Concerns, Difference, Resource
from ..api.group_members import GroupMembers
from ..api.permissions import CONFIGURATION_WRITE
from ..controls import WantedFilter, WantedGroup
from ..objects import FILTERS, GROUPS, Filter, Group
from .surroundings import FILTER, GROUP, Surroundings

_FILTER_TYPE = "#microsoft.graph.deviceAndAppManagementAssignmentFilter"


class Groups(Resource[WantedGroup, Group]):
    """Groups of one tenant. A second one of a name was left by a killed run, and goes."""

    kind = GROUP
    phase = Phase.SCOPES
    ending = Phase.LIFT_SCOPES
    unique = False

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def foreign(self, wanted: WantedGroup) -> Sequence[str]:
        return self.around.state.foreign_ids(GROUPS.key, wanted.name)

    def difference(self, wanted: WantedGroup, found: Group) -> Difference:
        return Difference()

    def text(self, found: Group) -> str:
        return self._text(frozenset(found.members))

    def wanted_text(self, wanted: WantedGroup) -> str:
        return self._text(wanted.members)

    def write(self, wanted: WantedGroup, found: Group | None, difference: Difference | None, foreign: str | None) -> Step:
        role = "exceptions" if wanted.excluded else "members"
        description = ownership.control_description(wanted.policies, role, {"by_user": wanted.by_user})
        members = tuple(sorted(wanted.members))
        return Step(self.create_group, (wanted.name, description, wanted.by_user, members), GroupBecomes(wanted.name, wanted.members))

    def delete(self, found: Group) -> Step:
        return Step(self.around.delete, (GROUPS, found.id))

    def plan_members(self, wanted: WantedGroup, found: Group, draft: PlanDraft) -> None:
        """Plan who joins a group that is there, and who leaves it."""

        def step(stand: frozenset[str], members: frozenset[str]) -> Step:
            leaving = {member: found.members[member] for member in sorted(stand - members)}
            args = (wanted.name, wanted.by_user, tuple(sorted(members - stand)), leaving)
            return Step(self.change_members, args, GroupBecomes(found.id, members))

        before = frozenset(found.members)
        plan_members(draft, GROUP, wanted.name, before, wanted.members, wanted.excluded, apps=wanted.apps, text=self._text, step=step)

    def _text(self, members: frozenset[str]) -> str:
        return names_text([self.around.member_text(member) for member in members])

    # Verbs.

    def create_group(self, name: str, description: str, by_user: bool, members: Sequence[str]) -> None:
        """Make a security group and fill it. members: names in the directory."""
        body = {
            "displayName": name,
            "description": description,
            "mailEnabled": False,
            "mailNickname": "".join(ch for ch in name.lower() if ch.isalnum())[:60] or "appban",
            "securityEnabled": True,
            "groupTypes": [],
        }
        group = self.around.scope_ids[name] = self.around.written.create(GROUPS, name, body)
        GroupMembers(self.around.graph).add(group, name, members, by_user)

    def change_members(self, name: str, by_user: bool, joining: Sequence[str], leaving: Mapping[str, str]) -> None:
        """Add members to a group of ours and remove others. leaving: name in the directory -> id of the directory object."""
        group, members = self.around.scope_ids[name], GroupMembers(self.around.graph)
        if joining:
            members.add(group, name, joining, by_user)
        if leaving:
            members.remove(group, name, leaving)


class Filters(Resource[WantedFilter, Filter]):
    """Assignment filters of one tenant. A second one of a name was left by a killed run, and goes."""

    kind = FILTER
    phase = Phase.SCOPES
    ending = Phase.LIFT_SCOPES
    unique = False

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def foreign(self, wanted: WantedFilter) -> Sequence[str]:
        return self.around.state.foreign_ids(FILTERS.key, wanted.name)

    def difference(self, wanted: WantedFilter, found: Filter) -> Difference:
        if found.rule.strip() == wanted.rule:
            return Difference()
        return Difference(settings=("rule",), drift=("the filter %s had another rule" % wanted.name,))

    def text(self, found: Filter) -> str:
        return found.rule + "\n"

    def wanted_text(self, wanted: WantedFilter) -> str:
        return wanted.rule + "\n"

    def written(self, wanted: WantedFilter, found: Filter | None, difference: Difference | None) -> Concerns:
        return Concerns(() if found is None else wanted.apps)

    def write(self, wanted: WantedFilter, found: Filter | None, difference: Difference | None, foreign: str | None) -> Step:
        spec = {"platform": wanted.platform, "rule": wanted.rule}
        description = ownership.control_description(wanted.policies, "filter", spec)
        if found is not None:
            return Step(self.correct_rule, (found.id, wanted.name, description, wanted.rule), GroupBecomes(found.id, wanted.rule))
        args = (wanted.name, description, wanted.platform, wanted.rule)
        return Step(self.create_filter, args, GroupBecomes(wanted.name, wanted.rule))

    def delete(self, found: Filter) -> Step:
        return Step(self.around.delete, (FILTERS, found.id))

    # Verbs.

    def create_filter(self, name: str, description: str, platform: str, rule: str) -> None:
        """Make a filter."""
        body = {
            "@odata.type": _FILTER_TYPE,
            "displayName": name,
            "description": description,
            "platform": platform,
            "rule": rule,
            "assignmentFilterManagementType": "devices",
            "roleScopeTags": ["0"],
        }
        self.around.scope_ids[name] = self.around.written.create(FILTERS, name, body)

    def correct_rule(self, object_id: str, name: str, description: str, rule: str) -> None:
        """Give a filter of ours its rule back."""
        path = "%s/%s" % (FILTERS.path, object_id)
        body = {"@odata.type": _FILTER_TYPE, "description": description, "rule": rule}
        self.around.graph.patch("beta", path, body, what="correct the filter %s" % name, permission=CONFIGURATION_WRITE)

        def is_right(found: Mapping[str, object] | None) -> bool:
            return found is not None and found.get("rule") == rule

        self.around.written.see(FILTERS, object_id, {}, is_right, "the filter %s has its rule" % name)
