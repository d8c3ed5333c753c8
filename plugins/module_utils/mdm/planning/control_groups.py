# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The groups that controls go by: who is a member of a control, and who is excepted from it. Pure, but for the verbs of a target."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from .audiences import Audience, audience_lines
from .effects import GroupBecomes
from .grouped_controls import GroupedControl
from .members import EXEMPT, MEMBERS, WantedGroup, plan_members
from .notice_changes import names_text
from .order import Phase
from .plan_draft import PlanDraft, Step
from .reconcile import Difference, Found, Reconciled, Resource, Writer, end, reconcile

Wanted = TypeVar("Wanted", bound=WantedGroup[Any])


class ControlGroups(Resource[Wanted, Found]):
    """Groups of one target, each with its ``members``. Another of a name, left by a killed run, goes.

    Args:
        ids: name -> id of the groups of ours that are there; the verb that makes one adds it.
        objects: how groups are written; None where a target has verbs of its own.
        others: name -> ids of the groups of somebody else.
    """

    phase = Phase.SCOPES
    ending = Phase.LIFT_SCOPES
    unique = False

    def __init__(
        self,
        ids: dict[str, Any],
        objects: Writer[Found] | None = None,
        others: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.ids = ids
        self.others = others or {}
        self._objects = objects

    @property
    def objects(self) -> Writer[Found]:
        """How groups are written."""
        if self._objects is None:
            raise AssertionError("groups without verbs are written")
        return self._objects

    # What a target says.

    def members_text(self, members: frozenset[Any]) -> str:
        """Members, for the diff."""
        return names_text([str(each) for each in members])

    def stays(self, member: Any) -> bool:
        """Whether a member can't be taken out of a group now."""
        return False

    def note_new(self, wanted: Wanted, draft: PlanDraft) -> None:
        """Note what a person has to know of a group that is made."""

    # What is the same everywhere.

    def text(self, found: Found) -> str:
        members: frozenset[Any] = getattr(found, "members", None) or frozenset()
        return self.members_text(members)

    def difference(self, wanted: Wanted, found: Found) -> Difference:
        return Difference()

    def wanted_text(self, wanted: Wanted) -> str:
        return self.members_text(wanted.members)

    def key(self, name: str) -> Hashable:
        """What a group is known by while a plan is followed: its id, or its name where it is not there yet."""
        found: Hashable = self.ids.get(name, name)
        return found

    def audience(self, groups: Iterable[WantedGroup[Any]], everything: bool = False) -> Audience:
        """Whom a control is for that goes by groups."""
        keys = {role: frozenset(self.key(each.name) for each in groups if each.role == role) for role in (MEMBERS, EXEMPT)}
        return Audience(everything, groups=keys[MEMBERS], excluded_groups=keys[EXEMPT])

    def delete(self, found: Found) -> Step:
        return Step(self.objects.delete_seen, (found,))

    def names_by_key(self) -> dict[Hashable, str]:
        """What the groups are called, by what audiences know them as."""
        return {number: name for name, number in self.ids.items()}

    def lines_of(self, audience: Audience) -> list[str]:
        """An audience for the diff."""
        return audience_lines(audience, self.names_by_key())

    def plan(self, controls: Iterable[GroupedControl], ours: Sequence[Found], draft: PlanDraft) -> set[Any]:
        """Plan the groups of controls. Returns the ids of those that stay."""
        apps: dict[str, set[str]] = {}
        wanted: dict[str, Wanted] = {}
        for control in controls:
            group: Any
            for group in control.groups:
                wanted.setdefault(group.name, group)
                apps.setdefault(group.name, set()).update(control.apps)
        listed = [replace(group, apps=tuple(sorted(apps[name]))) for name, group in wanted.items()]
        planned = reconcile(self, listed, ours, draft)
        for each in planned:
            self._plan_members(each, draft)
        return {each.found.id for each in planned if each.found is not None}

    def needs_of(self, groups: Sequence[WantedGroup[Any]], draft: PlanDraft) -> tuple[str, ...]:
        """Keys of the changes without which an object that goes by these groups must not be written."""
        return draft.planned((*((self.kind, group.name) for group in groups), *self._changes_of(groups, EXEMPT, MEMBERS)))

    def joins_of(self, groups: Sequence[WantedGroup[Any]], draft: PlanDraft) -> tuple[str, ...]:
        """Keys of the changes by which devices come to a control that goes by these groups."""
        return draft.planned(self._changes_of(groups, MEMBERS, EXEMPT))

    def end_unneeded(
        self, ours: Sequence[Found], kept: set[Any], controls: Iterable[GroupedControl], kinds: Iterable[str], draft: PlanDraft
    ) -> None:
        """Plan the end of groups that no control goes by any more: what refers to one has to be gone, or point elsewhere, before it goes.

        Args:
            kept: ids of those that stay.
            kinds: of the objects that may refer to groups.
        """
        referring = frozenset(kinds)
        needs = tuple(each.key for each in draft.in_phases(Phase.OBJECTS, Phase.LIFT_OBJECTS) if each.kind in referring)
        end(self, ours, kept, draft, needs, {group.name for control in controls for group in control.groups})

    def _changes_of(self, groups: Sequence[WantedGroup[Any]], joined: str, left: str) -> list[tuple[str, str]]:
        """Kinds and names of what may change members. joined, left: the roles whose groups somebody joins, or leaves."""
        found = [("%s members" % self.kind, group.name) for group in groups if group.role == joined]
        return found + [("former %s members" % self.kind, group.name) for group in groups if group.role == left]

    def _plan_members(self, each: Reconciled[Wanted, Found], draft: PlanDraft) -> None:
        wanted, found = each.wanted, each.found
        if found is None:
            self.note_new(wanted, draft)
            return
        if wanted.role not in (MEMBERS, EXEMPT):
            return
        before: frozenset[Any] = getattr(found, "members", None) or frozenset()
        after = wanted.members | frozenset(member for member in before - wanted.members if self.stays(member))

        def step(stand: frozenset[Any], members: frozenset[Any]) -> Step:
            old: Any = found
            return Step(self.change_members, (replace(old, members=stand), members), GroupBecomes(old.id, replace(old, members=members)))

        plan_members(
            draft, self.kind, wanted.name, before, after, wanted.role == EXEMPT, apps=wanted.apps, text=self.members_text, step=step
        )  # fmt: skip

    # Verbs.

    def make(self, group: Found) -> None:
        """Make a group with its members."""
        self.ids[group.name] = self.objects.write(group, None).id

    def change_members(self, group: Found, members: frozenset[Any]) -> None:
        """Make the members of a group exactly these. group: as it is before."""
        old: Any = group
        self.objects.write(replace(old, members=members), group)
