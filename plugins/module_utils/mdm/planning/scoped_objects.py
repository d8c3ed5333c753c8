# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that have their effect on whoever is in their scope: what a plan has to know of them, and whom their controls are for. Pure."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from .audiences import Audience, ScopeMembers, in_force
from .control_groups import ControlGroups
from .control_state import ControlState
from .controls import Control, Controls
from .effects import ObjectBecomes, ObjectEnds, ObjectInForce
from .fleet import FleetDevice
from .grouped_controls import ControlsByName, GroupedControl
from .keep import StandingControl
from .members import WantedGroup
from .plan_draft import PlanDraft, Step
from .reconcile import Difference, Resource, Writer, reconcile


class ScopedWanted(Protocol):
    """What a wanted object has."""

    @property
    def name(self) -> str:
        """As the target shall have it."""

    @property
    def apps(self) -> tuple[str, ...]:
        """Names of the apps that it is for."""

    @property
    def names(self) -> frozenset[str] | None:
        """What it blocks; None where that can't be told."""

    @property
    def groups(self) -> Sequence[WantedGroup[Any]]:
        """The groups that it goes by."""


class ScopedThere(Protocol):
    """What an object that is there has."""

    @property
    def id(self) -> Any:
        """As the target knows it."""

    @property
    def name(self) -> str:
        """As the target has it."""

    @property
    def names(self) -> frozenset[str] | None:
        """What it blocks; None where it can't be read."""

    @property
    def audience(self) -> Audience:
        """Whom it is for."""

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of the policies that it was made for; none where that is not told."""


Wanted = TypeVar("Wanted", bound=ScopedWanted)
Found = TypeVar("Found", bound=ScopedThere)


class ScopedResource(Resource[Wanted, Found]):
    """One kind of such objects.

    Args:
        members: whom scopes reach.
        groups: that the objects may go by.
        family: of the devices that the objects are for.
        objects: how they are written; None where a target has verbs of its own.
        others: name -> ids of the objects of somebody else.
    """

    def __init__(
        self,
        members: ScopeMembers,
        groups: ControlGroups[Any, Any],
        family: str = "",
        objects: Writer[Found] | None = None,
        others: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.members = members
        self.groups = groups
        self.family = family
        self.others = others or {}
        self._objects = objects

    @property
    def objects(self) -> Writer[Found]:
        """How the objects are written."""
        if self._objects is None:
            raise AssertionError("objects without verbs are written")
        return self._objects

    # What a target says.

    @abc.abstractmethod
    def audience_wanted(self, wanted: Wanted) -> Audience:
        """Whom a wanted object is for."""

    # What is the same everywhere.

    def needs(self, wanted: Wanted, draft: PlanDraft) -> tuple[str, ...]:
        return self.groups.needs_of(wanted.groups, draft)

    def text(self, found: Found) -> str:
        return self.shown(found.names, found.audience)

    def wanted_text(self, wanted: Wanted) -> str:
        return self.shown(wanted.names, self.audience_wanted(wanted))

    def shown(self, names: frozenset[str] | None, audience: Audience) -> str:
        """An object, for the diff, where what it blocks and whom it is for is all there is to it."""
        lines = [*("blocks: " + each for each in sorted(names or ())), *self.groups.lines_of(audience)]
        return "".join("%s\n" % line for line in lines)

    def key(self, number: Hashable) -> Hashable:
        """What an object is known by while a plan is followed: its id, or its name where it is not there yet."""
        return (self.kind, self.family, number)

    def in_force(self, found: Found) -> ObjectInForce:
        """An object as it has its effect today."""
        return in_force(self.family, found.names, found.audience, found.policies)

    def all_in_force(self, ours: Iterable[Found]) -> Mapping[Hashable, ObjectInForce]:
        """The objects that are there, for the effects of a plan."""
        return {self.key(each.id): self.in_force(each) for each in ours}

    def becomes_in_force(self, wanted: Wanted, number: int | str | None, difference: Difference | None) -> ObjectBecomes:
        """The effect of writing an object. number: its id; whatever is false for a new one."""
        now = in_force(self.family, wanted.names, self.audience_wanted(wanted))
        return ObjectBecomes(self.key(number or wanted.name), now, difference is None or difference.adds)

    def ends(self, found: Found) -> ObjectEnds:
        """The effect of deleting an object."""
        return ObjectEnds(self.key(found.id))

    def delete(self, found: Found) -> Step:
        return Step(self.objects.delete_seen, (found,), self.ends(found))

    def reached(self, found: Found | None, difference: Difference | None, within: frozenset[int]) -> frozenset[int]:
        """Positions of the devices, of some, on which an object does for sure what the wanted one is to do."""
        if found is None or difference is None or difference.settings or not found.names:
            return frozenset()
        return self.members.of_audience(self.family, found.audience, self.members.groups) & within

    def standing(self, ours: Iterable[Found], known: ControlsByName[Any], controls: Controls[Any]) -> list[StandingControl]:
        """Which of the objects that are there were made of requirements of the policies.

        Args:
            known: controls by the names of their objects.
            controls: makes the controls of what is wanted if nothing is kept.
        """
        found = []
        for each in ours:
            if each.name in known:
                control, wanted = known[each.name]
                sure = controls.sure_classes(control.requirement)
                grows = each.names is None or not wanted <= each.names
                found.append(self.members.standing(control.requirement, self.family, each, sure, grows))
        return found


def state_of_control(
    control: Control, fleet: Sequence[FleetDevice], changes: Iterable[str], before: frozenset[int], dated: bool
) -> ControlState:
    """The state of a control.

    Args:
        changes: keys of the changes that it waits for.
        before: positions of the devices that it reached in the same way.
        dated: the target says when it was last changed.
    """
    scope = control.control_scope
    return ControlState(
        control=control.name,
        mechanism=control.requirement.mechanism,
        apps=frozenset(control.apps),
        covers=scope.covers,
        unnamed=scope.unnamed,
        new=scope.covers - before,
        dated=dated,
        named=frozenset(index for index in scope.covers if fleet[index].device.directory_id in scope.include),
        changes=tuple(dict.fromkeys(changes)),
    )


def states_of_dated_object(state: ControlState, changed_at: str, stays: bool) -> list[ControlState]:
    """The states of a control that is one object whose date the target tells: for those that had it, and for those that come to it.

    Args:
        state: of the control as it is wanted.
        changed_at: instant of the object's last change; empty for one that is made.
        stays: what it does stays as it is, so who comes to it is told one by one.
    """
    state = replace(state, changed_at=changed_at)
    if stays:
        state = replace(state, named=state.named | state.new)
    before = state.covers - state.new if state.new else state.covers
    if not before:
        return [state]
    # For those that it reached before, and reaches as before, it stands: what changes is whom else it is for.
    states = [replace(state, covers=before, unnamed=frozenset(), new=frozenset(), named=state.named & before, changes=())]
    return [*states, replace(state, covers=state.new)] if state.new or state.unnamed else states


class DatedThere(ScopedThere, Protocol):
    """An object whose last change is dated, by the target or by our mark."""

    @property
    def changed_at(self) -> str:
        """An instant as the target or our mark writes it."""


WantedControl = TypeVar("WantedControl", bound=GroupedControl)
Dated = TypeVar("Dated", bound=DatedThere)


def plan_control_objects(
    resource: ScopedResource[WantedControl, Dated],
    controls: Sequence[WantedControl],
    ours: Sequence[Dated],
    draft: PlanDraft,
) -> set[Any]:
    """Plan the controls of one kind that are one object each. Returns the ids of the objects that stay.

    Args:
        resource: its groups are planned already.
        ours: objects of the kind that are there.
    """
    planned = reconcile(resource, controls, ours, draft)
    for each in planned:
        found, difference = each.found, each.difference
        before = resource.reached(found, difference, each.wanted.control_scope.covers)
        changes = (*each.changes, *resource.groups.joins_of(each.wanted.groups, draft))
        stays = difference is not None and (not each.changes or bool(difference and not difference.settings))
        state = state_of_control(each.wanted, draft.fleet, changes, before, dated=True)
        draft.control_states.extend(states_of_dated_object(state, found.changed_at if found is not None else "", stays))
    return {each.found.id for each in planned if each.found is not None}
