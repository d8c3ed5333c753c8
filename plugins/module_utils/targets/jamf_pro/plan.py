# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what a server holds into what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...mdm.planning.effects import Dropped, Effects, ObjectInForce
from ...mdm.planning.grouped_controls import GroupedControls
from ...mdm.planning.keep import StandingControl
from ...mdm.planning.plan_draft import PlanDraft
from ...mdm.planning.reconcile import end, reconcile
from ...mdm.planning.requirements import RequirementsOf
from ...mdm.planning.scoped_objects import plan_control_objects, state_of_control
from ...policy.decide import Decider
from .controls import Control
from .objects import MACOS, MOBILE
from .resources.mobile_groups import MobileGroups
from .resources.profiles import PROFILE, ConfigurationProfiles
from .resources.report_groups import Reports
from .resources.restricted_software import RestrictedSoftwareResource
from .resources.surroundings import Surroundings


@dataclass
class JamfDraft(PlanDraft):
    """A plan for Jamf Pro while it is made. dropped: apps that changes also take from whom they reach, by key of the change."""

    dropped: Mapping[str, Dropped] = field(default_factory=dict)


def draft_plan(around: Surroundings, desired: Sequence[Control], adopt: bool = False, reports: Reports | None = None) -> JamfDraft:
    """The changes for all that is desired, before the notices.

    Args:
        adopt: take over a profile that has the name of one of ours and no marker.
        reports: groups that tell who has an app.

    Raises:
        AppbanError: where an object of somebody else has the name of one of ours, or two of ours have one name. Nothing has been
            written.
    """
    state, draft = around.state, JamfDraft(around.fleet, around.policies, adopt)
    if reports is not None:
        reports.plan(around, draft)
    groups = MobileGroups(around)
    # Of two of a name the newest stays, which is what a lookup by name finds.
    kept_groups = groups.plan(desired, sorted(state.groups, key=lambda each: -each.id), draft)
    in_force: dict[Hashable, ObjectInForce] = {}
    kept_profiles = []
    for family in (MOBILE, MACOS):
        profiles, ours = ConfigurationProfiles(around, family, groups), [each for each in state.profiles if each.profile.family == family]
        controls = [control for control in desired if control.payloads is not None and control.family == family]
        kept_profiles.append((profiles, ours, plan_control_objects(profiles, controls, ours, draft)))
        in_force.update(profiles.all_in_force(ours))
    records = RestrictedSoftwareResource(around, groups)
    kept_records = _plan_records(records, desired, draft)
    in_force.update(records.all_in_force(state.records))
    # What ends is planned last, so that it is told apart from what has its name.
    for profiles, ours, kept in kept_profiles:
        end(profiles, ours, kept, draft)
    end(records, state.records, kept_records, draft)
    groups.end_unneeded(state.groups, kept_groups, desired, (PROFILE,), draft)
    draft.refuse(
        "objects have the names of our controls and can't be told to be ours",
        "Rename them, or choose another name_prefix; a profile can be taken over with adopt: true.",
    )
    effects = Effects(around.scope_members, around.scope_members.groups, in_force)
    effects.follow_draft(draft)
    draft.dropped = effects.dropped
    return draft


def standing_controls(
    around: Surroundings, controls: GroupedControls[Control], decider: Decider, requirements_of: RequirementsOf
) -> list[StandingControl]:
    """What of ours is there, and the requirements that it was made of.

    Args:
        controls: makes the controls of what is wanted if nothing is kept.
    """
    state, groups = around.state, MobileGroups(around)
    there = {*(each.name for each in state.profiles), *(each.name for each in state.records)}
    known = controls.by_name(there, decider, requirements_of)
    found = []
    for family in (MOBILE, MACOS):
        profiles = {name: each for name, each in known.items() if each[0].family == family and each[0].payloads is not None}
        ours = [each for each in state.profiles if each.profile.family == family]
        found += ConfigurationProfiles(around, family, groups).standing(ours, profiles, controls)
    records = {name: each for name, each in known.items() if each[0].records}
    return found + RestrictedSoftwareResource(around, groups).standing(state.records, records, controls)


def _plan_records(records: RestrictedSoftwareResource, controls: Sequence[Control], draft: PlanDraft) -> set[int]:
    """Plan the records of controls; a control may have several. Returns the ids of those that stay."""
    wanted = [replace(each, scope=control.scope, apps=control.apps) for control in controls for each in control.records]
    planned = {each.wanted.name: each for each in reconcile(records, wanted, records.around.state.records, draft)}
    for control in controls:
        if control.payloads is None:
            before, keys = control.control_scope.covers, list[str]()
            for each in (planned[record.name] for record in control.records):
                before = records.reached(each.found, each.difference, before)
                keys.extend(each.changes)
            state = state_of_control(control, draft.fleet, keys, before, dated=False)
            draft.control_states.append(state if keys else replace(state, named=state.named | state.new))
    return {each.found.id for each in planned.values() if each.found is not None}
