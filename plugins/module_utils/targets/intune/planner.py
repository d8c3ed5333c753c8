# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what a tenant holds into what is wanted. Pure.

Changes are made in an order in which no moment leaves a device worse off than before or after: exceptions are in their groups before
a control can reach them and leave them last; a notice goes out before what it announces; access is withdrawn last and given back
first; what an object needs is there before it, and goes after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ...mdm.planning import ownership
from ...mdm.planning.comparison import differences
from ...mdm.planning.control_state import ControlState, ControlStates
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.notice_changes import names_text, notice_changes
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_result import PlanResult, plan_in_order
from ...policy.model import Policy
from . import diff_text, steps
from .api.permissions import APPS_WRITE, CONFIGURATION_WRITE, GROUPS_DELETE
from .controls import BY_USER, Control, Desired, WantedFilter, WantedGroup, is_undecided
from .objects import (
    ALL_DEVICES,
    COMPLIANCE_POLICY,
    RESOURCES,
    AppAssignment,
    AppObject,
    Group,
    Owned,
    Target,
    TenantState,
)
from .requirements import PLATFORMS, TYPES
from .scope_members import ScopeMembers, Standing
from .steps import Phase
from .store_apps import PLAY_APP, app_of, app_requirements

_STAYS = "%s stays: %d devices are unclassified, and unknown is not a change"
_SENTENCE = "Made by appban.endpoint for the ban %s. Change the policy it comes from, not this object."


@dataclass(frozen=True)
class PlannerSettings:
    """adopt: take over an object that has the name of a control of ours and no marker."""

    adopt: bool = False


class Planner:
    """Makes one plan.

    Args:
        state: what the tenant holds, read just before.
        policies: of the run; objects made for others are left alone.
        fleet: every device, for whom changes reach and for the names in the diff.
        ended: ids of policies that demand nothing any more, whoever a device turns out to be: nothing of theirs is kept.
        ordered: packages that were ordered at Google Play and not marked: an app of such a package is ours without a marker.
    """

    def __init__(
        self,
        state: TenantState,
        policies: Sequence[Policy],
        fleet: Sequence[FleetDevice],
        settings: PlannerSettings,
        ended: frozenset[str] = frozenset(),
        ordered: frozenset[str] = frozenset(),
    ) -> None:
        self.state = state
        self.policies = frozenset(policy.id for policy in policies)
        self.ended = ended | {policy.id for policy in policies if policy.state in ("lifted", "report_only")}
        self.apps_of = {policy.id: frozenset(app.id for app in policy.apps) for policy in policies}
        self.fleet = fleet
        self.ordered = ordered
        self.titles = {app.id: app.title for policy in policies for app in policy.apps}
        self.names_of: dict[str, set[str]] = {}
        for policy in policies:
            for app in policy.apps:
                self.names_of.setdefault(app.id, set()).update(each.value for each in app.identifiers)
        self.now = ScopeMembers(state, fleet)
        self.then = self.now
        self.standing = Standing(state, self.now, self.policies)
        self.notes: list[str] = []
        self._kept_scopes: set[str] = set()
        self.settings = settings
        self.changes: list[tuple[int, Change]] = []
        self.control_states: list[ControlState] = []
        self.conflicts: list[str] = []
        self.drift: list[str] = []
        self.problems: list[str] = []
        # Several controls may be about one app: its mechanism and name -> whom all of them together assign it to.
        self.app_targets: dict[tuple[str, str], set[Target]] = {}
        self.taken_back: set[tuple[str, str]] = set()
        self._groups = {group.name: group for group in state.groups}
        self._filters = {each.name: each for each in state.filters}
        self._object_names = {**{group.id: group.name for group in state.groups}, **{each.id: each.name for each in state.filters}}
        self._member_index: dict[tuple[bool, str], list[int]] = {}
        for index, each in enumerate(fleet):
            if each.device.directory_id:
                self._member_index.setdefault((False, each.device.directory_id), []).append(index)
            if each.device.user_id:
                self._member_index.setdefault((True, each.device.user_id), []).append(index)

    def plan(
        self, desired: Desired, choose_notices: Callable[[ControlStates], Sequence[Notice]] = lambda _control_states: ()
    ) -> PlanResult:
        """The plan for all that is desired.

        Args:
            choose_notices: given whom the controls reach, who is to be told.

        Raises:
            AppbanError: where an object of somebody else has the name of one of ours. Nothing has been written.
        """
        members = {group.name: group.members for control in desired.controls for group in control.groups}
        rules = {each.name: each.rule for control in desired.controls for each in control.filters}
        self.then = ScopeMembers(self.state, self.fleet, members, rules)
        for control in desired.controls:
            for group in control.groups:
                self._want_group(control, group)
            for each in control.filters:
                self._want_filter(each, [other for other in desired.controls if each in other.filters])
            if control.mechanism in TYPES:
                for name in control.identifiers:
                    self.app_targets.setdefault((control.mechanism, name), set()).update(control.targets)
        matched = self._match(desired.controls)
        for control in desired.controls:
            if control.kept and not control.control_scope.covers:
                self.notes.append(_STAYS % (control.name, len(control.kept)))
            if control.resource:
                self._want_object(control, matched.get(control.name))
            elif control.body is None and control.control_scope:
                app_requirements(self, control)
            else:
                self._cover(control, (), "", frozenset())
        self._notices(choose_notices(ControlStates(self.control_states)))
        self._lift(desired, {each.id for each in matched.values()})
        if self.problems:
            raise AppbanError(
                "objects of somebody else have the names of our controls: " + "; ".join(dict.fromkeys(self.problems)),
                "",
                "Rename them, or choose another name_prefix; profiles and compliance policies can be taken over with adopt: true."
                " Nothing was written",
            )
        plan = plan_in_order(self.changes, Phase.NOTICES)
        return PlanResult(plan, tuple(self.control_states), tuple(sorted(set(self.conflicts))), tuple(self.drift))

    # What several parts of the plan use.

    def add(self, phase: int, change: Change) -> None:
        """Put a change into the plan, unless two controls share it."""
        if all(change.key != other.key for _phase, other in self.changes):
            self.changes.append((phase, change))

    def marker(self, policies: Sequence[str], mechanism: str, spec: Any, facts: tuple[tuple[str, str], ...] = ()) -> str:
        """The description of an object of ours."""
        marker = ownership.Marker(tuple(policies), mechanism, ownership.spec_hash(spec), facts)
        return ownership.describe(marker, _SENTENCE % "+".join(policies))

    def needs(self, control: Control) -> tuple[str, ...]:
        """Keys of the changes without which a control must not be written: its groups, its filters, its exceptions."""
        wanted = [("group", group.name) for group in control.groups]
        wanted += [("group members", group.name) for group in control.groups if group.excluded]
        wanted += [("filter", each.name) for each in control.filters]
        return self._planned(wanted)

    def joins(self, control: Control) -> tuple[str, ...]:
        """Keys of the changes that bring members into the groups of a control that stands."""
        return self._planned([("group members", group.name) for group in control.groups if not group.excluded])

    def _planned(self, wanted: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        keys = {change.key for _phase, change in self.changes}
        return tuple(key for key in ("%s:%s" % pair for pair in wanted) if key in keys)

    def resolved(self, targets: Iterable[Target]) -> frozenset[Target] | None:
        """Targets with ids in place of names; None while one of them is not there yet."""
        found = set()
        for target in targets:
            group, each = self._groups.get(target.group), self._filters.get(target.filter)
            if (target.group and group is None) or (target.filter and each is None):
                return None
            found.add(Target(target.kind, group.id if group else "", each.id if each else ""))
        return frozenset(found)

    def target_texts(self, targets: Iterable[Target]) -> list[str]:
        """Targets as text, by the names of groups and filters."""
        return [diff_text.target_text(target, self._object_names) for target in targets]

    def reached_before(self, control: Control, targets: Iterable[Target]) -> frozenset[int]:
        """Which devices of a control the given assignments (with ids) reach today."""
        return self.now.of_targets(control.mechanism, targets) & control.control_scope.covers

    def reach_of_app(
        self, control: Control, name: str, app: AppObject | None, targets: Iterable[Target]
    ) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Whom the assignments of an app will reach by one control, and who loses them if only those stay or those of all controls."""
        ours = [each for each in app.assignments if self.is_our_assignment(app, each) and each.intent == "uninstall"] if app else []
        before = [each.target for each in ours]
        mine = frozenset(targets)
        every = self.app_targets[(control.mechanism, name)]
        return (
            self.then.of_targets(control.mechanism, mine) - control.kept,
            self.now.released(self.then, control.mechanism, before, mine),
            self.now.released(self.then, control.mechanism, before, every),
        )

    def _reached_now(self, control: Control, possible: bool = False) -> frozenset[int]:
        if control.mechanism in TYPES:
            names = [self.standing.reached_by_apps(control.mechanism, (name,)) for name in control.identifiers]
            if possible:
                names += [
                    self.standing.reached_by_apps(control.mechanism, (name,), control.requirement.policies) for name in control.identifiers
                ]
            return frozenset().union(*names)
        return self.standing.reached(control.mechanism, control.name, possible=possible)

    def cover(
        self, control: Control, changes: Sequence[str], changed_at: str, before: frozenset[int], obstacle: str = "", prevented: bool = False
    ) -> None:
        """Say whom a control is for and which changes it waits for."""
        self._cover(control, changes, changed_at, before, obstacle, prevented)

    # Groups and filters.

    def _want_group(self, control: Control, wanted: WantedGroup) -> None:
        current = self._groups.get(wanted.name)
        known = {member: self._member_names(wanted.by_user, member) for member in wanted.members}
        if current is None:
            self._refuse_foreign("groups", wanted.name)
            description = self.marker(wanted.policies, "exceptions" if wanted.excluded else "members", {"by_user": wanted.by_user})
            step = steps.CreateGroup(wanted.name, description, wanted.by_user, tuple(sorted(wanted.members)))
            after = names_text(list(known.values()))
            # By itself it does nothing: the control that is assigned to it says whom it reaches.
            self.add(Phase.SCOPES, Change("create", "group", wanted.name, None, after, apps=control.apps, step=step))
            return
        before = set(current.members)
        joining, leaving = sorted(wanted.members - before), sorted(before - wanted.members)
        was = [self._member_names(wanted.by_user, member) for member in current.members]
        now, then = self._reached_now(control), self.then.of_targets(control.mechanism, control.targets)
        if joining:
            step_add = steps.ChangeMembers(wanted.name, wanted.by_user, add=tuple(joining))
            after = names_text(was + [known[member] for member in joining])
            phase = Phase.SCOPES if wanted.excluded else Phase.JOIN
            devices = self.now.of_members(control.mechanism, joining)
            may_be = self._reached_now(control, possible=True)
            self.add(phase, Change(
                "update", "group members", wanted.name, names_text(was), after, apps=control.apps,
                reaches=frozenset() if wanted.excluded else (devices & then) - now - control.kept,
                releases=devices & may_be if wanted.excluded else frozenset(), step=step_add,
            ))  # fmt: skip
        if leaving:
            step_remove = steps.ChangeMembers(wanted.name, wanted.by_user, remove={member: current.members[member] for member in leaving})
            after = names_text([self._member_names(wanted.by_user, member) for member in before & wanted.members])
            phase = Phase.END_EXCEPTION if wanted.excluded else Phase.LEAVE
            devices = self.now.of_members(control.mechanism, leaving)
            self.add(phase, Change(
                "update", "former group members", wanted.name, names_text(was), after, apps=control.apps,
                reaches=(devices & then) - now - control.kept if wanted.excluded else frozenset(),
                releases=frozenset() if wanted.excluded else devices & now, step=step_remove,
            ))  # fmt: skip

    def _member_names(self, by_user: bool, member: str) -> str:
        indexes = self._member_index.get((by_user, member), ())
        serials = sorted({str(self.fleet[i].device.record.get("serial") or self.fleet[i].device.id) for i in indexes})
        return ", ".join(serials) or "a device that is not in the list of devices"

    def _want_filter(self, wanted: WantedFilter, controls: Sequence[Control]) -> None:
        current = self._filters.get(wanted.name)
        spec = {"platform": wanted.platform, "rule": wanted.rule}
        if current is None:
            self._refuse_foreign("filters", wanted.name)
            step = steps.CreateFilter(wanted.name, self.marker(wanted.policies, "filter", spec), wanted.platform, wanted.rule)
            self.add(Phase.SCOPES, Change("create", "filter", wanted.name, None, wanted.rule + "\n", step=step))
        elif current.rule.strip() != wanted.rule:
            self.drift.append("the filter %s had another rule" % wanted.name)
            fix = steps.WriteFilterRule(current.id, wanted.name, self.marker(wanted.policies, "filter", spec), wanted.rule)
            corrected = ScopeMembers(self.state, self.fleet, rules={wanted.name: wanted.rule})
            reaches: frozenset[int] = frozenset()
            releases: frozenset[int] = frozenset()
            for control in controls:
                now, then = (each.of_targets(control.mechanism, control.targets) for each in (self.now, corrected))
                reaches |= (then - now - control.kept) & self.then.of_targets(control.mechanism, control.targets)
                releases |= self.now.released(corrected, control.mechanism, control.targets, control.targets)
            apps = {control.apps for control in controls}
            # Controls of other apps may share it, and then it is not made for all of them on every device.
            self.add(Phase.SCOPES, Change(
                "update", "filter", wanted.name, current.rule + "\n", wanted.rule + "\n", apps=apps.pop() if len(apps) == 1 else (),
                reaches=reaches, releases=releases, step=fix,
            ))  # fmt: skip

    # Assigned objects.

    def _match(self, controls: Sequence[Control]) -> dict[str, Owned]:
        """Control name -> the object that holds it today, under its own name or one that it is to be renamed from."""
        ours = sorted(self._our_objects(), key=lambda each: (each.created_at, each.id))
        matched: dict[str, Owned] = {}
        taken: set[str] = set()
        for control in controls:
            same = [each for each in ours if each.resource == control.resource and each.name == control.name]
            if same:
                # More than one: a run was killed between a create and the time it could be seen. The oldest stays.
                matched[control.name] = same[0]
                taken.add(same[0].id)
        for control in controls:
            if control.name in matched or not control.resource or control.resource == COMPLIANCE_POLICY:
                # A compliance policy keeps the instant at which it was armed, so it is never turned into another.
                continue
            left = [
                each
                for each in ours
                if each.id not in taken
                and each.resource == control.resource
                and each.marker.mechanism == control.mechanism
                and not set(each.marker.policies).isdisjoint(control.requirement.policies)
                and each.name not in {other.name for other in controls}
            ]
            if left:
                # Renaming it leaves no moment without a block, and none with two lists at odds.
                matched[control.name] = left[0]
                taken.add(left[0].id)
        return matched

    def _our_objects(self) -> list[Owned]:
        return [each for each in self.state.owned if not self.policies.isdisjoint(each.marker.policies)]

    def _want_object(self, control: Control, current: Owned | None) -> None:
        resource = RESOURCES[control.resource]
        body = dict(control.body or {})
        grace = control.grace_hours if control.resource == COMPLIANCE_POLICY else None
        description = self.marker(control.requirement.policies, control.mechanism, body, control.facts)
        after = diff_text.object_text(body, self.target_texts(control.targets), grace)
        apps = control.apps
        then = self.then.of_targets(control.mechanism, control.targets)
        phase = Phase.COMPLIANCE if control.resource == COMPLIANCE_POLICY else Phase.OBJECTS
        if current is None:
            foreign = self.state.foreign.get((control.resource, control.name), "")
            if foreign and not self.settings.adopt:
                self._refuse_foreign(control.resource, control.name)
            step = steps.WriteObject(control.resource, foreign, control.name, description, body, control.targets, grace)
            op = "update" if foreign else "create"
            change = Change(
                op, resource.what, control.name, None, after, needs=self.needs(control), apps=apps, reaches=then - control.kept, step=step
            )
            self.add(phase, change)
            self._cover(control, [change.key, *change.needs], "", frozenset())
            return
        changed_body = body_differences(body, current)
        wrong_name = current.name != control.name or not ownership.same_description(description, current.body.get("description"))
        targets = self.resolved(control.targets)
        wrong_targets = targets is None or targets != current.targets
        found_grace = block_grace_hours(current.body) if grace is not None else None
        wrong_grace = grace is not None and found_grace != grace
        before = self.reached_before(control, current.targets)
        if not (changed_body or wrong_name or wrong_targets or wrong_grace):
            self._cover(control, list(self.needs(control)), current.changed_at, before)
            return
        self._tell_drift(control, current, changed_body, wrong_targets and targets is not None)
        step = steps.WriteObject(
            control.resource,
            current.id,
            control.name,
            description,
            body if changed_body or wrong_name else None,
            control.targets if wrong_targets else None,
            grace if wrong_grace else None,
        )
        was = diff_text.object_text(
            {key: current.body.get(key) for key in body}, self.target_texts(current.targets), found_grace if grace is not None else None
        )
        now = self.now.of_targets(control.mechanism, current.targets)
        reaches = then if changed_body or wrong_grace else then - now if wrong_targets else frozenset()
        releases = self.now.released(self.then, control.mechanism, current.targets, control.targets) if wrong_targets else frozenset()
        if changed_body and self._names_taken_out(control, current):
            # A name of another app goes out of it, whichever that is.
            apps, releases = (), self.now.of_targets(control.mechanism, current.targets, possible=True)
        change = Change(
            "update", resource.what, control.name, was, after, needs=self.needs(control), apps=apps,
            reaches=reaches - control.kept, releases=releases, step=step,
        )  # fmt: skip
        self.add(phase, change)
        self._cover(control, [change.key, *change.needs], current.changed_at, frozenset() if changed_body else before)

    def _names_taken_out(self, control: Control, current: Owned) -> bool:
        """Whether an object holds a name of an app of the run's that it is not to hold any more."""
        text = json.dumps({key: current.body.get(key) for key in control.body or ()})
        gone = {name for app, names in self.names_of.items() if app not in control.apps for name in names}
        return any(json.dumps(name) in text for name in gone - set(control.identifiers))

    def _tell_drift(self, control: Control, current: Owned, changed_body: Sequence[str], wrong_targets: bool) -> None:
        body = dict(control.body or {})
        if changed_body and current.marker.sha256 == ownership.spec_hash(body):
            self.drift.append("%s had other settings (%s)" % (control.name, ", ".join(changed_body)))
        if wrong_targets and all(target.filter == "" for target in current.targets if not target.group) and control.filters:
            self.drift.append("%s was assigned without its filter" % control.name)

    def _refuse_foreign(self, collection: str, name: str) -> None:
        if (collection, name) in self.state.foreign:
            what = RESOURCES[collection].what if collection in RESOURCES else collection.rstrip("s")
            self.problems.append("the %s %s (id %s)" % (what, name, self.state.foreign[(collection, name)]))

    def _cover(
        self, control: Control, changes: Sequence[str], changed_at: str, before: frozenset[int], obstacle: str = "", prevented: bool = False
    ) -> None:
        control_scope = control.control_scope
        by_user = control.mechanism in BY_USER
        devices = {index: self.fleet[index].device for index in control_scope.covers}
        self.control_states.append(
            ControlState(
                control=control.name,
                mechanism=control.mechanism,
                apps=frozenset(control.apps),
                covers=control_scope.covers,
                unnamed=control_scope.unnamed,
                new=control_scope.covers - before,
                # Graph keeps no date of an app's assignments: the groups and filters that they go by may be older than they are.
                changed_at="" if control.mechanism in TYPES else changed_at,
                dated=control.mechanism not in TYPES,
                named=frozenset(
                    index for index, each in devices.items() if (each.user_id if by_user else each.directory_id) in control_scope.include
                ),
                changes=tuple(dict.fromkeys((*changes, *self.joins(control)))),
                deadline=control.requirement.deadline,
                obstacle=obstacle,
                prevented=prevented,
            )
        )

    def _notices(self, notices: Sequence[Notice]) -> None:
        for change in notice_changes(notices, self.fleet, steps.SendNotices):
            self.add(Phase.NOTICES, change)

    # Ending.

    def _lift(self, desired: Desired, kept: set[str]) -> None:
        deleted: dict[str, frozenset[str]] = {}
        for each in sorted(self._our_objects(), key=lambda one: (one.created_at, one.id)):
            if each.id in kept:
                continue
            known = each.marker.mechanism in PLATFORMS
            reached = self.now.of_targets(each.marker.mechanism, each.targets, possible=True) if known else frozenset()
            apps = self._apps_of(each.marker.policies)
            asked = each.name in {control.name for control in desired.controls}
            if not asked and self._keeps(each.name, reached, apps, each.targets, each.marker.policies):
                continue
            resource = RESOURCES[each.resource]
            keys = [key for key in each.body if key in _SHOWN_SETTINGS]
            before = diff_text.object_text({key: each.body[key] for key in keys}, self.target_texts(each.targets))
            step = steps.Delete("beta", resource.path, each.id, CONFIGURATION_WRITE)
            label = self._label(resource.what, each.name, each.id)
            change = Change("delete", resource.what, label, before, None, apps=apps, releases=reached, step=step)
            self.add(Phase.LIFT_COMPLIANCE if each.resource == COMPLIANCE_POLICY else Phase.LIFT_OBJECTS, change)
            deleted[change.key] = frozenset({t.group for t in each.targets} | {t.filter for t in each.targets})
        self._lift_apps(desired, deleted)
        self._lift_scopes(desired, deleted)

    def _apps_of(self, policies: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(frozenset().union(*(self.apps_of.get(policy, frozenset()) for policy in policies))))

    def _keeps(self, name: str, reached: frozenset[int], apps: Sequence[str], targets: Iterable[Target], policies: Iterable[str]) -> bool:
        """Whether a control that nothing asks for any more stays, because nobody can decide about any device that it reaches.

        Args:
            reached: positions of those that it reaches, or may reach.
            policies: ids of those that it is for.
        """
        running = (self.policies & set(policies)) - self.ended
        if not running or not reached or not all(is_undecided(self.fleet[index], apps) for index in reached):
            return False
        for target in targets:
            self._kept_scopes.update({target.group, target.filter} - {""})
        self.notes.append(_STAYS % (name, len(reached)))
        return True

    def _label(self, kind: str, name: str, key: str) -> str:
        """What a change calls an object to be deleted: its id besides, where the plan has another object of that name."""
        planned = {change.key for _phase, change in self.changes}
        return "%s (%s)" % (name, key) if "%s:%s" % (kind, name) in planned else name

    def _lift_apps(self, desired: Desired, deleted: dict[str, frozenset[str]]) -> None:
        wanted = {
            (kind, name)
            for control in desired.controls
            if control.mechanism in TYPES
            for kind in TYPES[control.mechanism]
            for name in control.identifiers
        }
        for app in self.state.apps:
            # One name can be an iPhone's app and an Android's.
            chosen = [app_of(self, frozenset((app.odata_type,)), name) for name in app.identifiers if (app.odata_type, name) in wanted]
            # Of two of a name, a second one of ours goes: a run was killed between a create and the time it could be seen.
            if chosen and (app in chosen or not self._is_our_app(app)):
                continue
            ours = [each for each in app.assignments if self.is_our_assignment(app, each)]
            label = "%s (%s)" % (app.name, "/".join(sorted(app.identifiers)))
            if any(change.name == label for _phase, change in self.changes):
                label = "%s, id %s" % (label, app.id)
            mechanism = next((key for key, types in TYPES.items() if app.odata_type in types), "")
            targets = [each.target for each in ours]
            reached = self.now.of_targets(mechanism, targets, possible=True) if mechanism else frozenset()
            apps = tuple(sorted(key for key, names in self.names_of.items() if names & app.identifiers)) or self._apps_of(self.policies)
            if self._keeps(label, reached, apps, targets, self.standing.policies_of(targets)):
                continue
            if ours:
                before = "\n".join("%s: %s" % (each.intent, self.target_texts((each.target,))[0]) for each in ours)
                step = steps.ChangeAppAssignments(frozenset((app.odata_type,)), "", app.id, (), tuple(each.id for each in ours))
                change = Change("delete", "uninstall assignment", label, before + "\n", None, apps=apps, releases=reached, step=step)
                self.add(Phase.LIFT_APPS, change)
                deleted[change.key] = frozenset({e.target.group for e in ours} | {e.target.filter for e in ours})
            if self._is_our_app(app) and len(ours) == len(app.assignments):
                needs = (change.key,) if ours else ()
                packages = tuple(sorted(app.identifiers)) if app.odata_type == PLAY_APP else ()
                remove = steps.Delete("beta", "/deviceAppManagement/mobileApps", app.id, APPS_WRITE, packages)
                self.add(Phase.LIFT_APPS, Change("delete", "app", label, label + "\n", None, needs=needs, apps=apps, step=remove))

    def _lift_scopes(self, desired: Desired, deleted: Mapping[str, frozenset[str]]) -> None:
        groups = {self._groups[group.name].id for control in desired.controls for group in control.groups if group.name in self._groups}
        filters = {self._filters[each.name].id for control in desired.controls for each in control.filters if each.name in self._filters}
        # By id: a run that was killed before its create could be seen leaves a second one of the same name.
        leaving: list[tuple[int, str, str, Any, str]] = [
            (Phase.LIFT_SCOPES, "group", "/groups", group, GROUPS_DELETE)
            for group in self.state.groups
            if group.id not in groups | self._kept_scopes and not self.policies.isdisjoint(group.marker.policies)
        ]
        leaving += [
            (Phase.LIFT_SCOPES, "filter", "/deviceManagement/assignmentFilters", each, CONFIGURATION_WRITE)
            for each in self.state.filters
            if each.id not in filters | self._kept_scopes and not self.policies.isdisjoint(each.marker.policies)
        ]
        updated = [change for _phase, change in self.changes if isinstance(change.step, (steps.WriteObject, steps.ChangeAppAssignments))]
        for phase, kind, path, each, permission in leaving:
            # What still refers to it has to be gone, or point elsewhere, before it goes.
            needs = [key for key, used in deleted.items() if each.id in used]
            needs += [change.key for change in updated if change.op != "delete" and change.key not in needs]
            version = "v1.0" if kind == "group" else "beta"
            members = [self._member_names(False, member) for member in each.members] if isinstance(each, Group) else []
            before = names_text(members) if isinstance(each, Group) else each.rule + "\n"
            step = steps.Delete(version, path, each.id, permission)
            name = each.name if self._is_the_one(each) else "%s (%s)" % (each.name, each.id)
            self.add(phase, Change("delete", kind, name, before, None, needs=tuple(dict.fromkeys(needs)), step=step))

    def _is_the_one(self, scope: Any) -> bool:
        """Whether a group or filter is the one that its name stands for."""
        return scope in (self._groups.get(scope.name), self._filters.get(scope.name))

    def is_our_assignment(self, app: AppObject, assignment: AppAssignment) -> bool:
        """Whether an assignment of an app is ours. One for all devices of an app that only we brought in lost its filter to somebody."""
        lost_filter = assignment.intent == "uninstall" and assignment.target.kind == ALL_DEVICES and self._is_our_app(app)
        return lost_filter or self.is_our_target(assignment.target)

    def _is_our_app(self, app: AppObject) -> bool:
        if app.marker is not None:
            return not self.policies.isdisjoint(app.marker.policies)
        return app.odata_type == PLAY_APP and bool(app.identifiers) and app.identifiers <= self.ordered

    def is_our_target(self, target: Target) -> bool:
        """Whether an assignment goes to a group or filter of the run's policies: nobody else would make it."""
        return self.standing.is_ours(target)


_SHOWN_SETTINGS = frozenset(
    (
        "restrictedApps", "compliantAppsList", "compliantAppListType", "appsVisibilityList", "appsVisibilityListType", "omaSettings",
        "personalProfilePlayStoreMode", "personalProfilePersonalApplications", "settings", "payloadName",
    )
)  # fmt: skip


def body_differences(wanted: Mapping[str, Any], current: Owned) -> list[str]:
    """Which settings of an object are not as wanted. A masked value counts as what the marker says was written last."""
    compared = dict(wanted)
    found = dict(current.body)
    if "omaSettings" in compared:
        # Intune gives values of custom settings back masked, so the marker's hash has to stand for them.
        masked = any(each.get("value") in ("****", None) for each in found.get("omaSettings") or ())
        if masked and current.marker.sha256 == ownership.spec_hash(dict(wanted)):
            compared["omaSettings"] = [{k: v for k, v in each.items() if k != "value"} for each in compared["omaSettings"]]
    return differences(compared, found)


def block_grace_hours(policy: Mapping[str, Any]) -> int | None:
    """Hours until a compliance policy's block; None where it has none (or more than one, which is not ours either)."""
    blocks = [
        item.get("gracePeriodHours")
        for rule in policy.get("scheduledActionsForRule") or ()
        for item in rule.get("scheduledActionConfigurations") or ()
        if item.get("actionType") == "block"
    ]
    return blocks[0] if len(blocks) == 1 else None
