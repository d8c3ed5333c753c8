# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what a server holds into what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...mdm.planning.control_state import ControlState
from ...mdm.planning.effects import Dropped, Effects, ObjectInForce
from ...mdm.planning.order import Phase
from ...mdm.planning.plan_draft import PlanDraft
from ...mdm.planning.reconcile import Reconciled, end, reconcile
from .controls import Control, Desired, WantedGroup, WantedRecord
from .objects import AUTOMATIC, MACOS, MOBILE, RestrictedSoftware
from .resources.mobile_groups import FORMER, MEMBERS, MobileGroups
from .resources.profiles import PROFILE, WRITTEN, ConfigurationProfiles
from .resources.report_groups import Reports
from .resources.restricted_software import RestrictedSoftwareResource
from .resources.surroundings import Surroundings
from .server_state import OwnedProfile


@dataclass
class JamfDraft(PlanDraft):
    """A plan for Jamf Pro while it is made. dropped: apps that changes also take from whom they reach, by key of the change."""

    dropped: Mapping[str, Dropped] = field(default_factory=dict)


def draft_plan(around: Surroundings, desired: Desired, adopt: bool = False, reports: Reports | None = None) -> JamfDraft:
    """The changes for all that is desired, before the notices.

    Args:
        adopt: take over a profile that has the name of one of ours and no marker.
        reports: groups that tell who has an app.

    Raises:
        AppbanError: where an object of somebody else has the name of one of ours, or two of ours have one name. Nothing has been
            written.
    """
    draft = JamfDraft(around.fleet, around.policies, adopt)
    if reports is not None:
        reports.plan(around, draft)
    groups = MobileGroups(around)
    kept_groups = _plan_groups(groups, desired.controls, draft)
    profiles = {family: ConfigurationProfiles(around, family) for family in (MOBILE, MACOS)}
    kept_profiles = {}
    for family, resource in profiles.items():
        wanted = [control for control in desired.controls if control.payloads is not None and control.family == family]
        planned = reconcile(resource, wanted, [each for each in around.state.profiles if each.profile.family == family], draft)
        kept_profiles[family] = {each.found.profile.id for each in planned if each.found is not None}
        for each in planned:
            draft.control_states.extend(_states_of_profile(around, each, draft))
    records = RestrictedSoftwareResource(around)
    kept_records = _plan_records(records, desired.controls, draft)

    for family, resource in profiles.items():
        end(resource, [each for each in around.state.profiles if each.profile.family == family], kept_profiles[family], draft)
    end(records, around.state.records, kept_records, draft)
    # What still refers to a group has to be gone, or point elsewhere, before it goes.
    needs = tuple(each.key for each in draft.in_phases(Phase.OBJECTS, Phase.LIFT_OBJECTS) if each.kind == PROFILE)
    end(groups, around.state.groups, kept_groups, draft, needs, {group.name for control in desired.controls for group in control.groups})
    draft.refuse(
        "objects have the names of our controls and can't be told to be ours",
        "Rename them, or choose another name_prefix; a profile can be taken over with adopt: true.",
    )
    _follow(around, draft, profiles, records)
    return draft


def _plan_groups(groups: MobileGroups, controls: Sequence[Control], draft: PlanDraft) -> set[int]:
    """Plan the groups of controls. Returns the ids of those that stay."""
    apps: dict[str, set[str]] = {}
    wanted: dict[str, WantedGroup] = {}
    for control in controls:
        for group in control.groups:
            wanted.setdefault(group.name, group)
            apps.setdefault(group.name, set()).update(control.apps)
    listed = [replace(group, apps=tuple(sorted(apps[name]))) for name, group in wanted.items()]
    # Of two of a name the newest stays, which is what a lookup by name finds.
    planned = reconcile(groups, listed, sorted(groups.around.state.groups, key=lambda each: -each.id), draft)
    for each in planned:
        if each.found is None:
            groups.tell_unmanaged(each.wanted, draft)
        elif not each.wanted.smart:
            groups.plan_members(each.wanted, each.found, draft)
    return {each.found.id for each in planned if each.found is not None}


def _plan_records(records: RestrictedSoftwareResource, controls: Sequence[Control], draft: PlanDraft) -> set[int]:
    """Plan the records of controls. Returns the ids of those that stay."""
    wanted = [replace(each, scope=control.scope, apps=control.apps) for control in controls for each in control.records]
    planned = {each.wanted.name: each for each in reconcile(records, wanted, records.around.state.records, draft)}
    for control in controls:
        if control.payloads is None:
            draft.control_states.append(_state_of_records(records.around, control, [planned[each.name] for each in control.records], draft))
    return {each.found.id for each in planned.values() if each.found is not None}


def _follow(
    around: Surroundings, draft: JamfDraft, profiles: Mapping[str, ConfigurationProfiles], records: RestrictedSoftwareResource
) -> None:
    """Say of each change whom it reaches and releases."""
    objects: dict[Hashable, ObjectInForce] = {records.key(each.id): records.in_force(each) for each in around.state.records}
    for owned in around.state.profiles:
        resource = profiles[owned.profile.family]
        objects[resource.key(owned.profile.id)] = resource.in_force(owned)
    effects = Effects(around, around.scope_members.groups, objects)
    draft.changes = {change.key: (phase, change) for phase, change in effects.follow(draft.changes.values())}
    draft.dropped = effects.dropped


# Whom controls are for.


def _state(around: Surroundings, control: Control, changes: Sequence[str], before: frozenset[int], draft: PlanDraft) -> ControlState:
    """Whom a control is for and which changes it waits for. before: positions of the devices that it reached in the same way."""
    control_scope = control.control_scope
    joins = [(MEMBERS, group.name) for group in control.groups if group.role == "members"]
    joins += [(FORMER, group.name) for group in control.groups if group.role == "exempt"]
    return ControlState(
        control=control.name,
        mechanism=control.mechanism,
        apps=frozenset(control.apps),
        covers=control_scope.covers,
        unnamed=control_scope.unnamed,
        new=control_scope.covers - before,
        dated=control.payloads is not None,
        named=frozenset(index for index in control_scope.covers if around.fleet[index].device.directory_id in control_scope.include),
        changes=tuple(dict.fromkeys((*changes, *draft.planned(joins)))),
    )


def _states_of_profile(around: Surroundings, each: Reconciled[Control, OwnedProfile], draft: PlanDraft) -> list[ControlState]:
    control, found, difference = each.wanted, each.found, each.difference
    if found is None or difference is None:
        return [_state(around, control, each.changes, frozenset(), draft)]
    before = frozenset[int]()
    if not difference.settings and found.profile.deployment == AUTOMATIC:
        before = around.scope_members.of_scope(control.family, found.profile.scope, control.control_scope.covers)
    state = replace(_state(around, control, each.changes, before, draft), changed_at=found.marker.fact(WRITTEN))
    if not each.changes or (difference and not difference.settings):
        # Who comes to it is told one by one, because the control itself stays as it is.
        state = replace(state, named=state.named | state.new)
    if not before:
        return [state]
    # For those that it reached before, and reaches as before, it stands: what changes is whom else it is for.
    states = [replace(state, covers=before, unnamed=frozenset(), new=frozenset(), named=state.named & before, changes=())]
    return [*states, replace(state, covers=state.new)] if state.new or state.unnamed else states


def _state_of_records(
    around: Surroundings, control: Control, planned: Sequence[Reconciled[WantedRecord, RestrictedSoftware]], draft: PlanDraft
) -> ControlState:
    before = control.control_scope.covers
    for each in planned:
        same = each.found is not None and each.difference is not None and not each.difference.settings
        before = around.scope_members.of_scope(MACOS, each.found.scope, before) if same and each.found is not None else frozenset()
    keys = [key for each in planned for key in each.changes]
    state = _state(around, control, keys, before, draft)
    return state if keys else replace(state, named=state.named | state.new)
