# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resources of one plan share: the tenant, what it holds, the fleet, and what stays for the sake of undecided devices."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from ....mdm.planning.control_state import ControlState
from ....mdm.planning.effects import ObjectInForce, groups_changed
from ....mdm.planning.ownership import Marker
from ....mdm.planning.plan_draft import PlanDraft
from ....mdm.run.ledger import Ledger
from ....policy.model import Policy
from ..api.graph import Graph
from ..capabilities import MECHANISMS
from ..controls import Control, is_undecided
from ..objects import Collection, Target
from ..scope_members import ScopeMembers
from ..written_objects import WrittenObjects
from .diff_text import target_text

STAYS = "%s stays: %d devices are unclassified, and unknown is not a change"
#: What changes call the scopes of controls.
GROUP, MEMBERS, FILTER = "group", "group members", "filter"


class Surroundings:
    """Of one plan.

    Args:
        scope_members: whom what stands reaches.
        policies: of the run; objects made for others are left alone.
        ended: ids of policies that demand nothing any more, whoever a device turns out to be: nothing of theirs is kept.
        ordered: packages that were ordered at Google Play and not marked: an app of such a package is ours without a marker.
        written: the tenant; a plan that is only looked at needs none.
        ledger: what is written down before it is done.
        now: the run's instant in UTC.
    """

    def __init__(
        self,
        scope_members: ScopeMembers,
        policies: Sequence[Policy],
        ended: frozenset[str] = frozenset(),
        ordered: frozenset[str] = frozenset(),
        written: WrittenObjects | None = None,
        ledger: Ledger | None = None,
        now: str = "",
    ) -> None:
        self.scope_members = scope_members
        self.state = scope_members.state
        self.fleet = scope_members.fleet
        self.policies = tuple(policies)
        self.policy_ids = scope_members.policies
        self.running = self.policy_ids - ended - {each.id for each in policies if each.state in ("lifted", "report_only")}
        self.ordered = ordered
        self._written = written
        self.ledger = ledger or Ledger("")
        self.now = now
        #: Id of an app -> its names, of whatever kind.
        self.names_of: dict[str, set[str]] = {}
        for app in (app for policy in policies for app in policy.apps):
            self.names_of.setdefault(app.id, set()).update(each.value for each in app.identifiers)
        #: Name -> id of the groups and filters that are there; new ones are added as they are made.
        self.scope_ids = self.state.scope_ids()
        self._scope_names = {each.id: each.name for each in self.state.scopes}
        #: Ids of groups and filters that nothing asks for and that stay.
        self.kept_scopes: set[str] = set()

    @property
    def written(self) -> WrittenObjects:
        """The tenant, which whoever carries a plan out has."""
        if self._written is None:
            raise AssertionError("a plan without a tenant is carried out")
        return self._written

    @property
    def graph(self) -> Graph:
        """The client of the tenant."""
        return self.written.graph

    def delete(self, collection: Collection, object_id: str) -> None:
        """Delete an object of ours: what carries a change out."""
        self.written.delete(collection, object_id)

    def is_ours(self, marker: Marker) -> bool:
        """Whether an object was made for a policy of the run."""
        return not self.policy_ids.isdisjoint(marker.policies)

    # Whom assignments are for.

    def by_id(self, target: Target) -> Target:
        """A target with ids in place of names; the name of what is not there yet stands for its id."""
        ids = self.scope_ids
        return Target(target.kind, ids.get(target.group, target.group), ids.get(target.filter, target.filter), target.filter_type)

    def target_texts(self, targets: Iterable[Target]) -> list[str]:
        """Targets as text, by the names of groups and filters."""
        return [target_text(target, self._scope_names) for target in targets]

    def member_text(self, member: str) -> str:
        """What a person calls a member of a group."""
        records = [self.fleet[index].device for index in self.scope_members.of_member(member)]
        serials = sorted({str(each.record.get("serial") or each.id) for each in records})
        return ", ".join(serials) or "a device that is not in the list of devices"

    # Controls.

    def needs(self, control: Control, draft: PlanDraft) -> tuple[str, ...]:
        """Keys of the changes without which a control must not be written: its groups, its filters, its exceptions."""
        wanted = [(GROUP, group.name) for group in control.groups]
        wanted += [(MEMBERS, group.name) for group in control.groups if group.excluded]
        wanted += [(FILTER, each.name) for each in control.filters]
        return draft.planned(wanted)

    def reached_before(self, control: Control, targets: Iterable[Target]) -> frozenset[int]:
        """Which devices of a control some assignments reach today."""
        reached, covers = self.scope_members.of_targets(control.mechanism, targets), control.control_scope.covers
        # Mostly all of them, and then one set is enough for both.
        return covers if covers <= reached else reached & covers

    def add_state(
        self,
        draft: PlanDraft,
        control: Control,
        changes: Sequence[str] = (),
        changed_at: str = "",
        before: frozenset[int] = frozenset(),
        obstacle: str = "",
        prevented: bool = False,
    ) -> None:
        """Say whom a control is for and which changes it waits for. before: whom it reached in the same way."""
        control_scope = control.control_scope
        is_app = MECHANISMS[control.mechanism].per_app
        joins = draft.planned((MEMBERS, group.name) for group in control.groups if not group.excluded)
        draft.control_states.append(
            ControlState(
                control=control.name,
                mechanism=control.mechanism,
                apps=frozenset(control.apps),
                covers=control_scope.covers,
                unnamed=control_scope.unnamed,
                new=control_scope.covers - before,
                # Graph keeps no date of an app's assignments: the groups and filters that they go by may be older than they are.
                changed_at="" if is_app else changed_at,
                dated=not is_app,
                named=self._named(control),
                changes=tuple(dict.fromkeys((*changes, *joins))),
                deadline=control.requirement.deadline,
                obstacle=obstacle,
                prevented=prevented,
            )
        )

    def _named(self, control: Control) -> frozenset[int]:
        """Positions of the devices that a control reaches by name."""
        include, by_user = control.control_scope.include, MECHANISMS[control.mechanism].by_user
        devices = ((index, self.fleet[index].device) for index in control.control_scope.covers) if include else ()
        return frozenset(index for index, each in devices if (each.user_id if by_user else each.directory_id) in include)

    def keeps(self, each: ObjectInForce, name: str, policies: Iterable[str], draft: PlanDraft) -> bool:
        """Whether a control that nothing asks for any more stays, because nobody can decide about any device that it reaches.

        Args:
            policies: ids of those that it is for.
        """
        if not each.groups.isdisjoint(groups_changed(draft.changes.values())):
            # For the sake of another control that goes by its group others come into its scope, so it can't stay as it is.
            return False
        reached = self.possibly(each, self.scope_members.scopes)
        apps = self.apps_of(each)
        if self.running.isdisjoint(policies) or not reached or not all(is_undecided(self.fleet[index], apps) for index in reached):
            return False
        self.kept_scopes.update(str(scope) for scope in each.groups)
        draft.notes.append(STAYS % (name, len(reached)))
        return True

    # What is in force, for the effects of a plan. What an object blocks is told by ids of apps.

    def apps_in(self, body: Mapping[str, Any]) -> frozenset[str]:
        """Ids of the run's apps of which the settings of an object hold a name."""
        text = json.dumps(body)
        return frozenset(app for app, names in self.names_of.items() if any(json.dumps(name) in text for name in names))

    def apps_called(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Ids of the run's apps that have one of some names."""
        return frozenset(app for app, names in self.names_of.items() if not names.isdisjoint(identifiers))

    def surely(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Positions of the devices that an object reaches for sure."""
        return self.scope_members.of_targets(each.family, each.audience, scopes=groups)

    def possibly(self, each: ObjectInForce, groups: Mapping[Hashable, Any]) -> frozenset[int]:
        """Positions of those that it reaches or may reach."""
        return self.scope_members.of_targets(each.family, each.audience, True, groups)

    def apps_named(self, each: ObjectInForce, names: frozenset[str]) -> tuple[str, ...]:
        """Ids of the apps that an object does not block any more."""
        return tuple(sorted(names))

    def apps_of(self, each: ObjectInForce) -> tuple[str, ...]:
        """Ids of the apps that an object is about: those of its policies, or those of an app's names, or all."""
        if each.names and not each.policies:
            return tuple(sorted(each.names))
        asking = each.policies or self.policy_ids
        return tuple(sorted({app.id for policy in self.policies if policy.id in asking for app in policy.apps}))


def in_force(mechanism: str, apps: frozenset[str], targets: Iterable[Target], policies: tuple[str, ...] = ()) -> ObjectInForce:
    """An object as it has its effect. targets: with ids, as :meth:`Surroundings.by_id` makes them."""
    audience = frozenset(targets)
    return ObjectInForce(mechanism, apps, audience, frozenset().union(*(target.scopes for target in audience)), policies)
