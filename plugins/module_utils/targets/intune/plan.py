# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what a tenant holds into what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from ...mdm.planning.effects import Effects, ObjectInForce, users_of_groups
from ...mdm.planning.plan_draft import PlanDraft
from ...mdm.planning.reconcile import Reconciled, end, reconcile
from .controls import Control, Desired, WantedFilter
from .objects import RESOURCES, Owned
from .resources.app_assignments import AppAssignments
from .resources.assigned_objects import AssignedObjects
from .resources.scopes import Filters, Groups
from .resources.store_apps import StoreApps
from .resources.surroundings import FILTER, STAYS, Surroundings


def draft_plan(around: Surroundings, desired: Desired, draft: PlanDraft) -> None:
    """Plan the changes for all that is desired.

    Args:
        draft: what the plan has already.

    Raises:
        AppbanError: where an object of somebody else has the name of one of ours. Nothing has been written.
    """
    groups, filters = Groups(around), Filters(around)
    kept_scopes = _plan_groups(groups, desired, draft) | _plan_filters(filters, desired, draft)
    resources = {key: AssignedObjects(around, collection) for key, collection in RESOURCES.items()}
    assignments = AppAssignments(around, StoreApps(around), desired.controls)
    ours = sorted((each for each in around.state.owned if around.is_ours(each.marker)), key=lambda each: (each.created_at, each.id))
    objects: dict[Hashable, ObjectInForce] = {each.id: resources[each.resource].in_force(each) for each in ours}
    objects.update(assignments.in_force())

    planned: dict[str, Reconciled[Control, Owned]] = {}
    for key, resource in resources.items():
        wanted = [control for control in desired.controls if control.resource == key]
        reconciled = reconcile(resource, wanted, [each for each in ours if each.resource == key], draft)
        planned.update({each.wanted.name: each for each in reconciled})
    for control in desired.controls:
        if control.kept and not control.control_scope.covers:
            draft.notes.append(STAYS % (control.name, len(control.kept)))
        if control.resource:
            _add_state_of_object(around, planned[control.name], draft)
        elif control.control_scope:
            assignments.plan(control, draft)
        else:
            around.add_state(draft, control)

    kept = {each.found.id for each in planned.values() if each.found is not None}
    for each in ours:
        if each.id not in kept and each.name not in planned and around.keeps(objects[each.id], each.name, each.marker.policies, draft):
            kept.add(each.id)
    for key, resource in resources.items():
        end(resource, [each for each in ours if each.resource == key], kept, draft)
    assignments.end(draft)
    _end_scopes(groups, filters, kept_scopes, objects, desired, draft)
    draft.refuse(
        "objects of somebody else have the names of our controls",
        "Rename them, or choose another name_prefix; profiles and compliance policies can be taken over with adopt: true.",
    )
    _follow(around, objects, draft)


def _follow(around: Surroundings, objects: Mapping[Hashable, ObjectInForce], draft: PlanDraft) -> None:
    """Say of each change whom it reaches and releases."""
    if not draft.changes:
        return
    effects = Effects(around, around.scope_members.scopes, objects, chances=False)
    followed = effects.follow(draft.changes.values())
    last: set[int] = set()
    for each in effects.objects.values():
        last |= around.surely(each, effects.groups)
    draft.changes = {}
    for phase, change in followed:
        if change.kind == FILTER:
            # A rule that is put right may let devices in that a later change of the plan leaves out: those are not what it is for.
            change = replace(change, reaches=change.reaches & last)
        if change.key in effects.dropped:
            # A name of another app goes out of the object too, whichever that is.
            change = replace(change, apps=())
        draft.changes[change.key] = (phase, change)


def _plan_groups(groups: Groups, desired: Desired, draft: PlanDraft) -> set[str]:
    """Plan the groups of controls. Returns the ids of those that stay."""
    wanted = [replace(group, apps=control.apps) for control in desired.controls for group in control.groups]
    # Of two of a name the last one stays, which is the one that the name stands for.
    planned = reconcile(groups, wanted, groups.around.state.groups[::-1], draft)
    for each in planned:
        if each.found is not None:
            groups.plan_members(each.wanted, each.found, draft)
    return {each.found.id for each in planned if each.found is not None}


def _plan_filters(filters: Filters, desired: Desired, draft: PlanDraft) -> set[str]:
    """Plan the filters of controls. Returns the ids of those that stay."""
    users: dict[WantedFilter, set[tuple[str, ...]]] = {}
    for control in desired.controls:
        for each in control.filters:
            users.setdefault(each, set()).add(control.apps)
    # Controls of other apps may share it, and then it is not made for all of them on every device.
    wanted = [replace(each, apps=next(iter(apps)) if len(apps) == 1 else ()) for each, apps in users.items()]
    planned = reconcile(filters, wanted, filters.around.state.filters[::-1], draft)
    return {each.found.id for each in planned if each.found is not None}


def _add_state_of_object(around: Surroundings, each: Reconciled[Control, Owned], draft: PlanDraft) -> None:
    control, found, difference = each.wanted, each.found, each.difference
    if found is None or difference is None:
        around.add_state(draft, control, each.changes)
        return
    before = frozenset[int]() if difference.settings else around.reached_before(control, found.targets)
    around.add_state(draft, control, each.changes, found.changed_at, before)


def _end_scopes(
    groups: Groups,
    filters: Filters,
    kept: set[str],
    objects: Mapping[Hashable, ObjectInForce],
    desired: Desired,
    draft: PlanDraft,
) -> None:
    """Plan the deletion of groups and filters. What still goes by one has to be gone, or point elsewhere, before it goes."""
    around = groups.around
    kept = kept | around.kept_scopes
    needs = users_of_groups((change for _phase, change in draft.changes.values()), objects)
    names = {group.name for control in desired.controls for group in control.groups}
    names.update(each.name for control in desired.controls for each in control.filters)
    end(groups, [each for each in around.state.groups if around.is_ours(each.marker)], kept, draft, needs, names)
    end(filters, [each for each in around.state.filters if around.is_ours(each.marker)], kept, draft, needs, names)
