# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls that a fleet's requirements come to: one object per distinct scope, an assignment per app. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Callable, Iterable, Mapping, Sequence

from ...mdm.planning import ownership
from ...mdm.planning.alike_devices import AlikeDevices, alike_devices
from ...mdm.planning.control_names import name_of_requirement
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.identifiers import names_of_app, title_of_app, would_block
from ...mdm.planning.native_scope import NativeScope
from ...mdm.planning.requirements import BannedApp, Requirement, RequirementsOf
from ...mdm.planning.scopes import Candidates, ControlScope, resolve_scope
from ...policy.decide import Decider
from ...policy.exemptions import ExemptionIndex
from ...policy.instants import read_now, utc_text
from ...policy.model import Policy
from . import bodies
from . import capabilities as names
from .capabilities import MECHANISMS
from .objects import ALL_DEVICES, ALL_USERS, COMPLIANCE_POLICY, CONFIGURATION_POLICY, DEVICE_CONFIGURATION, EXCLUDED_GROUP, GROUP, Target
from .scope_members import ScopeMembers

MAX_GRACE_HOURS = 8760
#: How far this machine's clock may be ahead of the tenant's without anybody losing access before a deadline.
CLOCK_DIFFERENCE = timedelta(minutes=10)
SETTINGS_CATALOG = "settings_catalog"
VISIBILITY_LIST = "visibility_list"

#: Collection and settings of what a mechanism puts into a tenant; of the control's name and of titles by identifier.
_OBJECTS: dict[str, tuple[str, Callable[[str, Mapping[str, str]], bodies.Body]]] = {
    names.IOS_BLOCK: (CONFIGURATION_POLICY, lambda _name, apps: bodies.ios_blocked_apps([*apps])),
    names.IOS_LIST: (DEVICE_CONFIGURATION, lambda _name, apps: bodies.prohibited_apps("ios", apps)),
    names.IOS_COMPLIANCE: (COMPLIANCE_POLICY, lambda _name, apps: bodies.ios_restricted_apps(apps)),
    names.IOS_WEB: (DEVICE_CONFIGURATION, lambda name, sites: bodies.ios_web_filter(name, sorted(sites))),
    names.ANDROID_PERSONAL: (DEVICE_CONFIGURATION, lambda _name, apps: bodies.android_personal_block_list(apps)),
    names.WINDOWS_APPLOCKER: (DEVICE_CONFIGURATION, lambda name, apps: bodies.windows_applocker(name, map(bodies.package_name, apps))),
    names.WINDOWS_WEB: (CONFIGURATION_POLICY, lambda _name, sites: bodies.windows_url_blocklist([*sites])),
    names.MACOS_LIST: (DEVICE_CONFIGURATION, lambda _name, apps: bodies.prohibited_apps("macos", apps)),
    names.MACOS_WEB: (DEVICE_CONFIGURATION, lambda name, sites: bodies.macos_url_blocklist(name, sorted(sites))),
}
_FILTER_PLATFORM = {"ios": "iOS", "android": "androidForWork", "windows": "windows10AndLater", "macos": "macOS"}
_OWNERSHIP_WORDS = {"corporate": "Corporate", "personal": "Personal", None: "Unknown"}
_MICROSOFT_STORE_ID = re.compile(r"(?=.*[A-Z])[0-9A-Z]{12}")


@dataclass(frozen=True)
class WantedGroup:
    """A group that a control needs. members: names in the directory."""

    name: str
    by_user: bool
    members: frozenset[str]
    excluded: bool
    policies: tuple[str, ...]
    apps: tuple[str, ...] = ()


@dataclass(frozen=True)
class WantedFilter:
    """An assignment filter that a control needs."""

    name: str
    platform: str
    rule: str
    policies: tuple[str, ...]
    apps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Control:
    """One control as it is wanted.

    Args:
        requirement: what it is for.
        name: of the object, or of the group of assignments.
        control_scope: whom it is for.
        identifiers: exact names that it goes by.
        apps: ids of the apps that those are names of; an app without one is not what the control is about.
        kept: positions of devices that it reaches, or may reach, and about which nobody can decide now: unknown is not a change.
        resource: collection of the object; empty for assignments of apps.
        body: the object's settings; None while the deadline is too far ahead to arm it.
        facts: what its marker remembers.
        grace_hours: of a compliance policy.
        targets: whom it is assigned to, by names.
    """

    requirement: Requirement
    name: str
    control_scope: ControlScope
    identifiers: tuple[str, ...]
    apps: tuple[str, ...] = ()
    kept: frozenset[int] = frozenset()
    resource: str = ""
    body: Mapping[str, Any] | None = None
    facts: tuple[tuple[str, str], ...] = ()
    grace_hours: int = 0
    targets: frozenset[Target] = frozenset()
    groups: tuple[WantedGroup, ...] = ()
    filters: tuple[WantedFilter, ...] = ()

    @property
    def mechanism(self) -> str:
        return self.requirement.mechanism


@dataclass(frozen=True)
class ControlSettings:
    """What a user can choose about controls."""

    prefix: str = "BAN"
    ios_mechanism: str = SETTINGS_CATALOG


@dataclass(frozen=True)
class Desired:
    """All that a run requires. without_identifier: (mechanism, app) pairs that no name of a fitting kind goes with."""

    controls: tuple[Control, ...]
    without_identifier: frozenset[tuple[str, str]] = frozenset()
    not_yet_armed: frozenset[str] = frozenset()


@dataclass
class DesiredControls:
    """Makes the controls of a fleet.

    Args:
        policies: the policies of the run.
        requirements: per device of the fleet, what is wanted of it.
        native_scope: which requirements are sure for a whole ownership.
        now: the run's instant.
        armed: name of a compliance policy -> the instant at which an existing one was armed.
        standing: what stands in the tenant now; None for nothing.
        chances: per device of the fleet, what would be wanted of it if its ownership were one or another; empty for nobody.
    """

    policies: Sequence[Policy]
    fleet: Sequence[FleetDevice]
    requirements: Sequence[frozenset[Requirement]]
    native_scope: NativeScope
    settings: ControlSettings
    now: datetime
    armed: Mapping[str, str] = field(default_factory=dict)
    standing: ScopeMembers | None = None
    chances: Sequence[frozenset[Requirement]] = ()

    def desired(self) -> Desired:
        """The controls, in a fixed order."""
        controls: list[Control] = []
        missing: list[tuple[str, str]] = []
        early: list[str] = []
        wanted = frozenset().union(*self.requirements)
        for requirement in sorted(wanted.union(*self.chances), key=_order):
            names_of = {app.id: self._identifiers(requirement.mechanism, app) for app in requirement.apps}
            if requirement in wanted:
                missing.extend((requirement.mechanism, app) for app, found in names_of.items() if not found)
            identifiers = {
                name: app for app, found in sorted(names_of.items()) for name in found if not would_block(name, requirement.open_domains)
            }
            if not identifiers:
                continue
            kept, possible = self._kept(requirement, identifiers)
            if requirement not in wanted and not kept | possible:
                continue
            control_scope = self._control_scope(requirement, kept, possible)
            if not control_scope:
                if control_scope.unnamed:
                    apps = tuple(sorted(set(identifiers.values())))
                    controls.append(Control(requirement, self._name(requirement), control_scope, tuple(identifiers), apps))
                continue
            control = self._control(requirement, control_scope, identifiers, kept | possible)
            if control is None:
                early.append(self._name(requirement))
            else:
                controls.append(control)
        return Desired(tuple(controls), frozenset(missing), frozenset(early))

    def _kept(self, requirement: Requirement, identifiers: Mapping[str, str]) -> tuple[frozenset[int], frozenset[int]]:
        """Positions of the devices that the requirement's control reaches now and about which nobody can decide: they keep what they have.

        Only as long as the control holds what it is to hold: nothing new may reach them.

        Returns:
            Those that it reaches, and those that only its native scope may reach.
        """
        if self.standing is None:
            return frozenset(), frozenset()
        name = self._name(requirement)
        resource, body = self._body(requirement, name, identifiers)
        if resource:
            spec = ownership.spec_hash(dict(body or {}))
            reached = possible = self.standing.reached(requirement.mechanism, name, spec)
            if self.standing.may_reach:
                possible = self.standing.reached(requirement.mechanism, name, spec, True)
        else:
            reached = self.standing.reached_by_apps(requirement.mechanism, identifiers)
            possible = reached | self.standing.reached_by_apps(requirement.mechanism, identifiers, requirement.policies)
        kept = frozenset(
            index
            for index in possible
            if requirement not in self.requirements[index] and is_undecided(self.fleet[index], requirement.app_ids)
        )
        chances = frozenset(index for index in kept - reached if self.chances and requirement in self.chances[index])
        return kept & reached, chances

    def _control(
        self, requirement: Requirement, control_scope: ControlScope, identifiers: Mapping[str, str], kept: frozenset[int]
    ) -> Control | None:
        name = self._name(requirement)
        groups, filters, targets = self._targets(requirement, name, control_scope)
        grace = 0
        facts: tuple[tuple[str, str], ...] = ()
        if requirement.mechanism == names.IOS_COMPLIANCE:
            armed = self.armed.get(name) or utc_text(self.now - CLOCK_DIFFERENCE)
            hours = grace_hours(read_now(requirement.deadline), read_now(armed), self.now)
            if hours is None:
                return None
            grace, facts = hours, (("deadline", requirement.deadline), ("armed", armed))
        resource, body = self._body(requirement, name, identifiers)
        apps = tuple(sorted(set(identifiers.values())))
        return Control(
            requirement, name, control_scope, tuple(identifiers), apps, kept, resource, body, facts, grace, targets, groups, filters
        )

    def _body(self, requirement: Requirement, name: str, identifiers: Mapping[str, str]) -> tuple[str, bodies.Body | None]:
        """Collection and settings of a control's object; none for assignments of apps."""
        titles = {value: title_of_app(self.policies, app) for value, app in identifiers.items()}
        if requirement.mechanism == names.IOS_BLOCK and self.settings.ios_mechanism == VISIBILITY_LIST:
            return DEVICE_CONFIGURATION, bodies.ios_hidden_apps(titles)
        if requirement.mechanism not in _OBJECTS:
            return "", None
        resource, settings = _OBJECTS[requirement.mechanism]
        return resource, settings(name, titles)

    def _control_scope(self, requirement: Requirement, kept: frozenset[int], possible: frozenset[int]) -> ControlScope:
        control_scope = self._resolved_scope(requirement, kept, possible)
        include, exclude = control_scope.include, control_scope.exclude
        if self.standing is not None:
            name = self._name(requirement)
            include |= self.standing.unseen.get(members_group(name), frozenset())
            if control_scope.native:
                exclude |= self.standing.unseen.get(exceptions_group(name), frozenset()) | self._undecided_exceptions(requirement, name)
                include -= exclude
        covers, unnamed = control_scope.covers, control_scope.unnamed
        if kept or possible:
            covers, unnamed = (each - kept - possible for each in (covers, unnamed))
        # Many controls are for the same devices.
        covers = self._known_covers.setdefault(covers, covers)
        return replace(control_scope, include=include, exclude=exclude, covers=covers, unnamed=unnamed)

    def _undecided_exceptions(self, requirement: Requirement, name: str) -> frozenset[str]:
        """Members of the exclude group whose devices are exempt, or about which nobody can decide now: they stay in it."""
        if self.standing is None:
            return frozenset()
        listed = self.standing.members(exceptions_group(name))
        return frozenset(
            member
            for member, index in self.standing.devices_of(listed, MECHANISMS[requirement.mechanism].by_user)
            for each in (self.fleet[index],)
            if is_undecided(each, requirement.app_ids)
            or _is_exempt(each, requirement.app_ids)
            # Out of scope now, the service may place it there again before the next run.
            or self._exemptions.names(each.device.record, requirement.app_ids)
        )

    @cached_property
    def _exemptions(self) -> ExemptionIndex:
        return ExemptionIndex(self.policies, self.now)

    def _resolved_scope(self, requirement: Requirement, kept: frozenset[int], possible: frozenset[int]) -> ControlScope:
        native = self._native(requirement)
        by_user = MECHANISMS[requirement.mechanism].by_user
        members = self._users if by_user else self._directory_ids
        if possible and native:
            # They are counted as what the native scope may hold them for, so that it stays. By name nobody joins on a mere chance.
            control_scope = resolve_scope(
                self._candidates(requirement, kept, possible, min(native, key=str)), members, native, by_user
            )  # fmt: skip
            if control_scope.native:
                return control_scope
        candidates = self._candidates(requirement, kept)
        if native and not any(each.useful and each.native in native for each in candidates):
            # Nobody there to be covered: a scope for devices that may come is made when the first one has come.
            native = frozenset()
        return resolve_scope(candidates, members, native, by_user)

    def _native(self, requirement: Requirement) -> frozenset[str | None]:
        """The ownerships that a native scope may name for a requirement."""
        if requirement in self._sharing:
            # All assignments of an app are one set: the exceptions of one control would be exceptions of the other too, and there is
            # room for one assignment to all devices. Members of groups just add up.
            return frozenset()
        mechanism = MECHANISMS[requirement.mechanism]
        sure = self.native_scope.ownerships(requirement, mechanism.platforms)
        return sure if mechanism.native is None else sure & mechanism.native

    def _candidates(
        self, requirement: Requirement, kept: frozenset[int], possible: frozenset[int] = frozenset(), place: str | None = None
    ) -> list[Candidates]:
        """The devices that a control could reach. place: the ownership that those who may be reached are taken to have."""
        mechanism = MECHANISMS[requirement.mechanism]
        found = []
        for kind in self._alike:
            device = kind.example.device
            if device.platform not in mechanism.platforms:
                continue
            undecided, rest = kind.split(kept | possible)
            for positions, native in (
                ([index for index in undecided if index in possible], place),
                ([index for index in undecided if index not in possible], device.native_ownership),
            ):
                if positions:
                    found.append(Candidates(positions, native, wanted=True, supported=True))
            if rest:
                wanted = requirement in self.requirements[rest[0]]
                found.append(Candidates(rest, device.native_ownership, wanted, supports(device.record, requirement.mechanism)))
        return found

    @cached_property
    def _alike(self) -> list[AlikeDevices]:
        # What is wanted of a device rests on what its kind shares.
        return alike_devices(self.fleet, self.requirements) if self.standing is None else self.standing.kinds

    @cached_property
    def _known_covers(self) -> dict[frozenset[int], frozenset[int]]:
        return {}

    @cached_property
    def _directory_ids(self) -> list[str]:
        return [member.device.directory_id for member in self.fleet]

    @cached_property
    def _users(self) -> list[str]:
        return [member.device.user_id for member in self.fleet]

    @cached_property
    def _sharing(self) -> frozenset[Requirement]:
        """Requirements that share a name of an app in the tenant's list with another one, because other policies ask for it."""
        users: dict[tuple[str, str], set[Requirement]] = defaultdict(set)
        wanted = frozenset().union(*self.requirements)
        for requirement in wanted.union(*self.chances):
            if MECHANISMS[requirement.mechanism].per_app:
                for app in requirement.apps:
                    for name in self._identifiers(requirement.mechanism, app):
                        users[(requirement.mechanism, name)].add(requirement)
        # What nobody is known to need gives way to what is wanted, and takes nothing from it.
        real = [sharing & wanted or sharing for sharing in users.values()]
        shared = frozenset(requirement for sharing in real if len(sharing) > 1 for requirement in sharing)
        return shared | frozenset(requirement for sharing in users.values() if sharing & wanted for requirement in sharing - wanted)

    def _targets(
        self, requirement: Requirement, name: str, control_scope: ControlScope
    ) -> tuple[tuple[WantedGroup, ...], tuple[WantedFilter, ...], frozenset[Target]]:
        by_user = MECHANISMS[requirement.mechanism].by_user
        groups: list[WantedGroup] = []
        filters: list[WantedFilter] = []
        targets: list[Target] = []
        if control_scope.native:
            wanted = self._filter(requirement, control_scope.native)
            filters.append(wanted)
            targets.append(Target(ALL_USERS if by_user else ALL_DEVICES, filter=wanted.name))
        named = ((control_scope.include, False, members_group(name)), (control_scope.exclude, True, exceptions_group(name)))
        for members, excluded, group_name in named:
            if members:
                group = WantedGroup(group_name, by_user, members, excluded, requirement.policies)
                groups.append(group)
                targets.append(Target(EXCLUDED_GROUP if excluded else GROUP, group=group.name))
        return tuple(groups), tuple(filters), frozenset(targets)

    def _filter(self, requirement: Requirement, ownerships: frozenset[str | None]) -> WantedFilter:
        words = sorted(_OWNERSHIP_WORDS[each] for each in ownerships)
        platform = _FILTER_PLATFORM[MECHANISMS[requirement.mechanism].platforms[0]]
        rule = (
            '(device.deviceOwnership -eq "%s")' % words[0]
            if len(words) == 1
            else "(device.deviceOwnership -in [%s])" % ", ".join('"%s"' % word for word in words)
        )
        name = ownership.control_name(
            self.settings.prefix, requirement.policies, "%s devices, ownership %s" % (platform, " or ".join(words).lower())
        )
        return WantedFilter(name, platform, rule, requirement.policies)

    def _name(self, requirement: Requirement) -> str:
        return name_of_requirement(self.settings.prefix, self.policies, requirement, MECHANISMS[requirement.mechanism].words)

    def _identifiers(self, mechanism: str, app: BannedApp) -> tuple[str, ...]:
        """Exact names of an app, of the kind that a mechanism goes by, that are sure enough for what it does."""
        found = names_of_app(self.policies, app, MECHANISMS[mechanism].kind, MECHANISMS[mechanism].reports_only)
        if mechanism == names.WINDOWS_UNINSTALL:
            # The kind holds Apple's numbers too.
            return tuple(name for name in found if _MICROSOFT_STORE_ID.fullmatch(name))
        return found


def members_group(control: str) -> str:
    """The name of a control's include group."""
    return "%s (members)" % control


def exceptions_group(control: str) -> str:
    """The name of a control's exclude group."""
    return "%s (exceptions)" % control


def is_undecided(member: FleetDevice, apps: Iterable[str]) -> bool:
    """Whether nobody can decide now about some apps on a device, and nobody decides against a ban of any of them."""
    verdicts = {member.decision.apps[app].verdict for app in apps if app in member.decision.apps}
    return "unclassified" in verdicts and verdicts <= {"unclassified", "enforce"}


def chances_of(members: ScopeMembers, requirements_of: RequirementsOf, decider: Decider) -> list[frozenset[Requirement]]:
    """Per device of a fleet, what would be wanted of it if its ownership were one or another; nothing where nobody asks."""
    found: list[frozenset[Requirement]] = [frozenset()] * len(members.fleet)
    for index in members.unplaced:
        for each in ("corporate", "personal"):
            record = {**members.fleet[index].device.record, "ownership": each}
            found[index] |= requirements_of(record, decider.decide(record))
    return found


def _is_exempt(member: FleetDevice, apps: Iterable[str]) -> bool:
    """Whether a device is exempt from all of some apps. As long as the control stands it stays excepted, wherever a reading places it:
    the service goes by what it knows itself, and by what it knows at each contact.
    """
    verdicts = {member.decision.apps[app].verdict for app in apps if app in member.decision.apps}
    return "exempt" in verdicts and "enforce" not in verdicts


def supports(record: Mapping[str, Any], mechanism: str) -> bool:
    """Whether a mechanism has an effect on a device and is one that we use there."""
    row = names.capability_of(record)
    if MECHANISMS[mechanism].reports_only:
        return row.sees == "reported"
    if mechanism == names.ANDROID_UNINSTALL:
        # In work profiles too: it takes the app out of the part that is the employer's.
        return row.kind in ("android_fully_managed", "android_cope", "android_work_profile")
    return row.supports(mechanism)


def grace_hours(deadline: datetime, armed: datetime, now: datetime) -> int | None:
    """Hours of grace that keep an absolute deadline with Intune's relative one; None while it is too early to arm it.

    Intune counts the grace of each device from the moment it became non-compliant, which is never before the policy was armed. Counted
    from there, the hours can't end before the deadline for anybody: a device that was found later loses its access later, until the
    first run at or after the deadline sets the grace to nothing. Hours counted from each run instead, and lowered, would end before
    the deadline for a device found early.
    """
    if now >= deadline:
        return 0
    hours = -((armed - deadline) // timedelta(hours=1))
    return hours if hours <= MAX_GRACE_HOURS else None


def _order(requirement: Requirement) -> tuple[Any, ...]:
    return (list(MECHANISMS).index(requirement.mechanism), sorted(requirement.apps), requirement.deadline, requirement.open_domains)
