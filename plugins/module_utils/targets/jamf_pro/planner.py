# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what a server holds into what is wanted. Pure.

Changes are made in an order in which no moment leaves a device worse off than before or after: exceptions are in their groups before
a control can reach them and leave them last; who is spared leaves a group of members before anything new goes to it; a notice goes out
before what it announces; what an object needs is there before it, and goes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ...mdm.apple.profile_comparison import differences_of_profile, foreign_settings, parse_profile
from ...mdm.planning import ownership
from ...mdm.planning.control_state import ControlState, ControlStates
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.notice_changes import announced_changes, names_text, notice_changes
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_result import PlanResult, plan_in_order
from ...policy.model import Policy
from . import diff_text, steps
from .contents import names_in_profile
from .controls import Control, Desired, WantedGroup, WantedScope
from .effects import Dropped, Effects, apps_of_groups
from .group_plan import FORMER, GROUP, MEMBERS, want_group
from .objects import AUTOMATIC, MACOS, MOBILE, Profile, Scope
from .record_plan import RECORD, match_records, want_records
from .scope_members import ScopeMembers
from .scopes import differences as scope_differences
from .server_state import OwnedProfile, ServerState
from .steps import Phase

PROFILE = "configuration profile"
_SENTENCE = "Made by appban.endpoint for the ban %s. Change the policy it comes from, not this object."
_WRITTEN = "written"


class Planner:
    """Makes one plan.

    Args:
        state: what the server holds, read just before.
        policies: the run's; objects made for others are left alone.
        fleet: all devices.
        now: the run's instant in UTC.
        adopt: take over a profile that has the name of one of ours and no marker.
    """

    def __init__(self, state: ServerState, policies: Sequence[Policy], fleet: Sequence[FleetDevice], now: str, adopt: bool = False) -> None:
        self.state = state
        self.policies = tuple(policies)
        self.fleet = fleet
        self.now = now
        self.adopt = adopt
        self.changes: list[tuple[int, Change]] = []
        self.control_states: list[ControlState] = []
        self.drift: list[str] = []
        #: What a person should know of the plan.
        self.notes: list[str] = []
        self.problems: list[str] = []
        self.groups = {group.name: group for group in state.groups}
        self.scope_members = ScopeMembers(fleet, state.groups)
        #: Key of a change -> ids of apps that it also takes from whom it reaches, and from whom.
        self.dropped: Mapping[str, Dropped] = {}
        self._apps_of_groups: Mapping[str, tuple[str, ...]] = {}

    def plan(
        self, desired: Desired, choose_notices: Callable[[ControlStates], Sequence[Notice]] = lambda _control_states: ()
    ) -> PlanResult:
        """The plan for all that is desired.

        Args:
            choose_notices: given whom the controls reach, who is to be told.

        Raises:
            AppbanError: where an object of somebody else has the name of one of ours, or two of ours have one name. Nothing has been
                written.
        """
        self._apps_of_groups = apps_of_groups(desired.controls)
        for control in desired.controls:
            for group in control.groups:
                want_group(self, group)
        profiles = self._match_profiles(desired.controls)
        records = match_records(self, desired.controls)
        for control in desired.controls:
            if control.payloads is not None:
                self._want_profile(control, profiles.get(control.name))
            else:
                want_records(self, control, records)
        notices = choose_notices(ControlStates(self.control_states))
        for change in notice_changes(notices, self.fleet, steps.HandOver):
            self.add(Phase.NOTICES, change)
        announced = announced_changes(notices, self.control_states)
        kept = {(each.profile.family, each.profile.id) for each in profiles.values()}
        self._lift(desired, kept, {each.id for each in records.values()})
        if self.problems:
            raise AppbanError(
                "objects have the names of our controls and can't be told to be ours: " + "; ".join(dict.fromkeys(self.problems)),
                "",
                "Rename them, or choose another name_prefix; a profile can be taken over with adopt: true. Nothing was written",
            )
        effects = Effects(self.scope_members, self.state, self.policies)
        told = effects.told(self.changes)
        self.dropped = effects.dropped
        # A group that is there before the notices changes nothing on a device; what goes by it waits.
        plan = plan_in_order(told, Phase.NOTICES, announced)
        return PlanResult(plan, tuple(self.control_states), drift=tuple(self.drift))

    # What several parts of the plan use.

    def add(self, phase: int, change: Change) -> None:
        """Put a change into the plan, unless two controls share it."""
        if all(change.key != other.key for _phase, other in self.changes):
            self.changes.append((phase, change))

    def apps_of(self, group: WantedGroup) -> tuple[str, ...]:
        """Ids of the apps of the controls that go by a group."""
        return self._apps_of_groups.get(group.name, ())

    def marker(self, policies: Sequence[str], mechanism: str, spec: object, facts: tuple[tuple[str, str], ...] = ()) -> str:
        """The description of an object of ours."""
        marker = ownership.Marker(tuple(policies), mechanism, ownership.spec_hash(spec), facts)
        return ownership.describe(marker, _SENTENCE % "+".join(policies))

    def name_of(self, family: str) -> diff_text.NameOf:
        """What a person calls a device, by its number."""

        def name(number: int) -> str:
            index = self.scope_members.index_of(family, number)
            if index is None:
                return "device %d, which is not managed" % number
            device = self.fleet[index].device
            return str(device.record.get("serial") or device.id)

        return name

    def _planned(self, wanted: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        keys = {change.key for _phase, change in self.changes}
        return tuple(key for key in ("%s:%s" % pair for pair in wanted) if key in keys)

    def refuse_foreign(self, kind: str, name: str) -> None:
        """Take note of an object of somebody else that has the name of one that is wanted."""
        found = self.state.foreign.get((kind, name), ())
        if found:
            self.problems.append("the %s %s (id %s)" % (kind, name, ", ".join(map(str, found))))

    # Profiles.

    def _match_profiles(self, controls: Sequence[Control]) -> dict[str, OwnedProfile]:
        """Control name -> the profile that holds it today, under its own name or one that it is to be renamed from."""
        wanted = {control.name: control for control in controls if control.payloads is not None}
        matched: dict[str, OwnedProfile] = {}
        for each in self.state.profiles:
            control = wanted.get(each.profile.name)
            if control is None or control.family != each.profile.family:
                continue
            if control.name in matched:
                ids = (matched[control.name].profile.id, each.profile.id)
                self.problems.append("two profiles of ours are called %s (ids %s)" % (control.name, ", ".join(map(str, ids))))
            matched[control.name] = each
        left = [each for each in self.state.profiles if each.profile.name not in wanted]
        for name, control in wanted.items():
            rename_candidates = [
                each
                for each in left
                if name not in matched
                and each.profile.family == control.family
                and each.marker.mechanism == control.mechanism
                and not set(each.marker.policies).isdisjoint(control.requirement.policies)
            ]
            if rename_candidates and (PROFILE, name) not in self.state.foreign:
                # Renaming it leaves no moment without a block, and none with two lists at odds.
                matched[name] = rename_candidates[0]
                left.remove(rename_candidates[0])
        return matched

    def _want_profile(self, control: Control, current: OwnedProfile | None) -> None:
        payloads = control.payloads or b""
        spec = _spec(payloads)
        after = diff_text.wanted_profile_text(payloads, control.scope, self.name_of(control.family))
        foreign = self.state.foreign.get((PROFILE, control.name), ())
        if foreign and (current is not None or not self.adopt or len(foreign) > 1):
            self.refuse_foreign(PROFILE, control.name)
        if current is None:
            number = foreign[0] if foreign else 0
            self._write_profile(control, number, self.now, True, None, None, after)
            return
        found = current.profile
        changed, besides = _compared(payloads, found.payloads)
        wanted_scope = self.resolved(control.scope)
        wrong_scope = wanted_scope is None or bool(scope_differences(wanted_scope, found.scope))
        payload_changed = bool(changed or besides)
        written = current.marker.fact(_WRITTEN)
        description = self._description(control, spec, written)
        same = (found.name, found.deployment, found.removable) == (control.name, AUTOMATIC, False)
        same = same and ownership.same_description(description, found.description)
        reached = self.scope_members.of_scope(control.family, found.scope, control.control_scope.covers)
        before = frozenset() if payload_changed or found.deployment != AUTOMATIC else reached
        if not payload_changed and not wrong_scope and same and written:
            self.cover(control, self._needs(control), written, before)
            return
        self._tell_drift(current, changed, besides, spec)
        was = diff_text.profile_text(found, self.name_of(control.family))
        # Who had it keeps the instant from which it has been in force; who comes into its scope is remembered by name.
        at = self.now if payload_changed or not written else written
        adds = bool(changed) and names_in_profile(payloads) == names_in_profile(found.payloads)
        self._write_profile(control, found.id, at, payload_changed, found, was, after, before, written, adds)

    def _write_profile(
        self,
        control: Control,
        number: int,
        at: str,
        payload_changed: bool,
        seen: Profile | None,
        was: str | None,
        after: str,
        before: frozenset[int] = frozenset(),
        changed_at: str = "",
        adds: bool = True,
    ) -> None:
        payloads = control.payloads or b""
        description = self._description(control, _spec(payloads), at)
        profile = Profile(control.family, number, control.name, description, AUTOMATIC, payloads, Scope())
        expected = {group.name: group.members for group in control.groups if group.smart}
        step = steps.WriteProfile(profile, control.scope, payload_changed, seen, expected, adds)
        op = "update" if number else "create"
        change = Change(op, PROFILE, control.name, was, after, needs=self._needs(control), apps=control.apps, step=step)
        self.add(Phase.OBJECTS, change)
        self.cover(control, (change.key, *change.needs), changed_at, before, by_name=bool(number) and not payload_changed)

    def _description(self, control: Control, spec: object, written: str) -> str:
        return self.marker(control.requirement.policies, control.mechanism, spec, ((_WRITTEN, written),))

    def _tell_drift(self, current: OwnedProfile, changed: Sequence[str], besides: Sequence[str], spec: object) -> None:
        found = current.profile
        if current.marker.sha256 == ownership.spec_hash(spec):
            if changed or besides:
                self.drift.append("%s had other settings (%s)" % (found.name, ", ".join((*changed, *besides))))
            if found.deployment != AUTOMATIC:
                self.drift.append("%s was not installed automatically" % found.name)
            if found.removable:
                self.drift.append("%s could be removed by users" % found.name)
        self.tell_scope_drift(found.family, found.name, found.scope)

    def tell_scope_drift(self, family: str, name: str, found: Scope) -> None:
        """Tell what somebody put into the scope of an object of ours."""
        # A scope of mobile devices goes by groups of ours alone, one of Macs by no group at all.
        ours = {group.id for group in self.state.groups} if family == MOBILE else set()
        strange = [*found.foreign]
        if family == MOBILE:
            device = self.name_of(family)
            strange += ["all mobile devices"] if found.everything else []
            strange += [device(each) for each in sorted(found.devices)]
            strange += ["exclusion of %s" % device(each) for each in sorted(found.excluded_devices)]
        strange += ["group %s" % found.names.get(each, each) for each in sorted(found.groups - ours)]
        strange += ["exclusion of the group %s" % found.names.get(each, each) for each in sorted(found.excluded_groups - ours)]
        if strange:
            self.drift.append("the scope of %s also had: %s" % (name, "; ".join(strange)))
        elif not (found.everything or found.groups or found.devices):
            self.drift.append("the scope of %s was empty" % name)

    def resolved(self, scope: WantedScope) -> Scope | None:
        """A scope with ids in place of names; None while one of the groups is not there yet."""
        ids = self.state.group_ids()
        if not (scope.groups | scope.excluded_groups) <= set(ids):
            return None
        groups, excluded = (frozenset(ids[name] for name in listed) for listed in (scope.groups, scope.excluded_groups))
        return Scope(scope.everything, scope.devices, groups, scope.excluded_devices, excluded)

    def _needs(self, control: Control) -> tuple[str, ...]:
        """Keys of the changes without which a control must not be written: its groups, its exceptions, who has to leave first."""
        wanted = [(GROUP, group.name) for group in control.groups]
        wanted += [(MEMBERS, group.name) for group in control.groups if group.role == "exempt"]
        wanted += [(FORMER, group.name) for group in control.groups if group.role == "members"]
        return self._planned(wanted)

    def _joins(self, control: Control) -> tuple[str, ...]:
        wanted = [(MEMBERS, group.name) for group in control.groups if group.role == "members"]
        return self._planned([*wanted, *((FORMER, group.name) for group in control.groups if group.role == "exempt")])

    # Whom controls are for.

    def cover(self, control: Control, changes: Sequence[str], changed_at: str, before: frozenset[int], by_name: bool = False) -> None:
        """Say whom a control is for and which changes it waits for.

        Args:
            changes: keys of changes of the plan.
            changed_at: since when it has stood as it is wanted, as far as the server remembers.
            before: positions of the devices that it reached before, in the same way.
            by_name: who comes to it is told one by one, because the control itself stays as it is.
        """
        control_scope = control.control_scope
        dated = control.payloads is not None
        new = control_scope.covers - before
        named = frozenset(index for index in control_scope.covers if self.fleet[index].device.directory_id in control_scope.include)
        control_state = ControlState(
            control=control.name,
            mechanism=control.mechanism,
            apps=frozenset(control.apps),
            covers=control_scope.covers,
            unnamed=control_scope.unnamed,
            new=new,
            changed_at=changed_at,
            dated=dated,
            named=named | new if by_name or not changes else named,
            changes=tuple(dict.fromkeys((*changes, *self._joins(control)))),
        )
        if not dated or not before:
            self.control_states.append(control_state)
            return
        # For those that it reached before, and reaches as before, it stands: what changes is whom else it is for.
        self.control_states.append(
            replace(control_state, covers=before, unnamed=frozenset(), new=frozenset(), named=named & before, changes=())
        )
        if new or control_scope.unnamed:
            self.control_states.append(replace(control_state, covers=new))

    # Ending.

    def _lift(self, desired: Desired, profiles: set[tuple[str, int]], records: set[int]) -> None:
        # Profiles of mobile devices and of Macs are numbered apart.
        for each in sorted(self.state.profiles, key=lambda one: one.profile.id):
            if (each.profile.family, each.profile.id) not in profiles:
                self._delete(PROFILE, each.profile.name, each.profile.id, self._profile_before(each), steps.DeleteProfile(each.profile))
        for record in sorted(self.state.records, key=lambda one: one.id):
            if record.id not in records:
                text = diff_text.record_text(record, self.name_of(MACOS))
                self._delete(RECORD, record.name, record.id, text, steps.DeleteRecord(record))
        wanted = {group.name for control in desired.controls for group in control.groups}
        # What still refers to a group has to be gone, or point elsewhere, before it goes.
        needs = tuple(
            change.key
            for phase, change in sorted(self.changes, key=lambda pair: pair[0])
            if change.kind == PROFILE and phase in (Phase.OBJECTS, Phase.LIFT_OBJECTS)
        )
        names = self.name_of(MOBILE)
        for group in self.state.groups:
            if group.name in wanted and self.groups[group.name] is group:
                continue
            text = diff_text.criteria_text(group.criteria) if group.smart else names_text([names(each) for each in group.members or ()])
            label = "%s (%d)" % (group.name, group.id) if group.name in wanted else group.name
            step = steps.DeleteGroup(group)
            self.add(Phase.LIFT_GROUPS, Change("delete", GROUP, label, text, None, needs=needs, step=step))

    def _profile_before(self, each: OwnedProfile) -> str:
        return diff_text.profile_text(each.profile, self.name_of(each.profile.family))

    def _delete(self, kind: str, name: str, number: int, before: str, step: object) -> None:
        planned = {change.key for _phase, change in self.changes}
        label = "%s (%d)" % (name, number) if "%s:%s" % (kind, name) in planned else name
        self.add(Phase.LIFT_OBJECTS, Change("delete", kind, label, before, None, step=step))


def _compared(wanted: bytes, found: bytes) -> tuple[list[str], list[str]]:
    """In what a profile on the server differs from the wanted one, and what it does besides."""
    try:
        return differences_of_profile(wanted, found), foreign_settings(wanted, found)
    except AppbanError as error:
        return [str(error).splitlines()[0]], []


def _spec(payloads: bytes) -> object:
    """What a profile sets, without what names it."""
    hidden = ("PayloadUUID", "PayloadIdentifier", "PayloadDisplayName", "PayloadVersion")
    return [{key: value for key, value in payload.items() if key not in hidden} for payload in parse_profile(payloads)["PayloadContent"]]
