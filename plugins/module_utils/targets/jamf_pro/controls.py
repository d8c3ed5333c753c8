# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls that a fleet's requirements come to: one profile per distinct scope, one record per process and scope. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...mdm.apple.profiles import browser_payloads, configuration_profile, web_filter_payload
from ...mdm.apple.restrictions import blocked_apps_payload
from ...mdm.planning import members as planned
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...mdm.planning.grouped_controls import GroupedControl, GroupedControls
from ...mdm.planning.identifiers import title_of_app
from ...mdm.planning.kept import NOTHING_KEPT, Kept
from ...mdm.planning.native_scope import NativeScope
from ...mdm.planning.ownership import control_name
from ...mdm.planning.requirements import BannedApp, Requirement
from ...mdm.planning.scopes import ControlScope
from ...policy.model import Policy
from . import capabilities as names
from .api.classic_xml import storable
from .contents import names_in_profile
from .devices import MODEL_WORDS
from .objects import DELETES, ENDS, MACOS, MOBILE, Criterion
from .owned_names import tagged
from .process_names import process_names
from .requirements import MOBILE_PLATFORMS

#: Platforms that come together: whoever has iPhones will have iPads.
_KINDS_OF_DEVICES = (frozenset(("ios", "ipados")), frozenset(("tvos",)), frozenset(("macos",)))
_PLATFORM_WORDS = {"ios": "iPhone", "ipados": "iPad", "tvos": "Apple TV"}


@dataclass(frozen=True)
class WantedGroup(planned.WantedGroup[int]):
    """A group of mobile devices that a control needs, by their numbers.

    Args:
        criteria: of a smart group, whose role is ``scope``; empty for a static one. The members of a smart one are those that must be in it
            if its criteria are understood.
    """

    criteria: tuple[Criterion, ...] = ()

    @property
    def smart(self) -> bool:
        return bool(self.criteria)


@dataclass(frozen=True)
class WantedScope:
    """Whom a control is for: groups by name, devices by their numbers."""

    everything: bool = False
    groups: frozenset[str] = frozenset()
    excluded_groups: frozenset[str] = frozenset()
    devices: frozenset[int] = frozenset()
    excluded_devices: frozenset[int] = frozenset()


@dataclass(frozen=True)
class WantedRecord:
    """A record of restricted software. scope, apps: those of its control; it goes by no groups."""

    name: str
    process_name: str
    delete: bool
    message: str
    scope: WantedScope = WantedScope()
    apps: tuple[str, ...] = ()
    groups: tuple[WantedGroup, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What it does, and to which process."""
        return frozenset((ENDS + self.process_name, *([DELETES + self.process_name] if self.delete else [])))


@dataclass(frozen=True)
class Control(GroupedControl):
    """One control as it is wanted.

    Args:
        name: of the profile; records begin with it.
        names: what the profile blocks.
        family: ``MOBILE`` or ``MACOS``.
        native: platforms whose every device in the native scope is meant.
        payloads: the profile; None where the control is made of records.
    """

    family: str = MOBILE
    native: frozenset[str] = frozenset()
    scope: WantedScope = WantedScope()
    groups: tuple[WantedGroup, ...] = ()
    payloads: bytes | None = None
    records: tuple[WantedRecord, ...] = ()

    @property
    def mechanism(self) -> str:
        return self.requirement.mechanism


class JamfControls(GroupedControls[Control]):
    """The controls of one server. native_scopes: which requirements are sure for supervised mobile devices, and for managed Macs."""

    def __init__(
        self,
        policies: Sequence[Policy],
        fleet: Sequence[FleetDevice],
        requirements: Sequence[frozenset[Requirement]],
        native_scopes: Sequence[NativeScope],
        prefix: str,
        kept: Kept = NOTHING_KEPT,
    ) -> None:
        super().__init__(policies, fleet, requirements, names.MECHANISMS, names.capability_of, prefix, kept)
        self.native_scopes = native_scopes

    def desired(self) -> list[Control]:
        return self._with_groups(super().desired())

    def objects_of(self, control: Control) -> Mapping[str, frozenset[str]]:
        # A name tells its platform, so no two families share one.
        return {each.name: each.names for each in control.records} or super().objects_of(control)

    def bare(self, requirement: Requirement) -> Control | None:
        family = MACOS if "macos" in self.mechanism(requirement).platforms else MOBILE
        control = replace(Control(requirement, self.name_of(requirement)), family=family)
        if requirement.mechanism in (names.MACOS_KILL, names.MACOS_DELETE):
            records = self._records(control)
            return replace(control, records=records, apps=requirement.app_ids) if records else None
        carried = self.names_carried(requirement)
        identifiers = sorted({name for found in carried.values() for name in found})
        if not identifiers:
            return None
        payloads = _profile(control, identifiers)
        return replace(control, payloads=payloads, names=names_in_profile(payloads), apps=tuple(carried))

    def scoped(self, control: Control, scope: ControlScope) -> Control:
        return replace(control, control_scope=scope, native=frozenset(each for each in scope.native if each))

    def sure_classes(self, requirement: Requirement) -> frozenset[str | None]:
        platforms = self.mechanism(requirement).platforms
        return frozenset(
            platform
            for native_scope in self.native_scopes
            for platform in platforms
            if "corporate" in native_scope.ownerships(requirement, (platform,))
        )

    def classes_with(self, here: Collection[str | None], sure: frozenset[str | None]) -> frozenset[str | None]:
        return frozenset(platform for kind in _KINDS_OF_DEVICES if not kind.isdisjoint(here) for platform in kind & sure)

    def may_be_native(self, device: ManagedDevice, native: frozenset[str | None]) -> bool:
        return device.platform in native and device.record.get("supervised") is not False

    def _records(self, control: Control) -> tuple[WantedRecord, ...]:
        policies = control.requirement.policies
        delete = control.mechanism == names.MACOS_DELETE
        return tuple(
            WantedRecord(tagged("%s %s" % (control.name, process[:80]), policies), process, delete, self._message(app))
            for app in sorted(control.requirement.apps)
            for process in process_names(self.policies, app)
        )

    def _message(self, app: BannedApp) -> str:
        asking = next(policy for policy in self.policies if policy.id in app.policies)
        text = "%s is not allowed on this Mac: %s" % (title_of_app(self.policies, app.id), asking.title)
        if asking.contact:
            text = "%s. Questions: %s" % (text, asking.contact)
        return storable(" ".join(text.split()))

    def _with_groups(self, controls: Sequence[Control]) -> list[Control]:
        """Controls with their scopes. Controls of the same policies share a group of exceptions, and one of members, where they can."""
        policies = {control.requirement.policies for control in controls}
        found = {(each, role): self._shared(controls, each, role) for each in policies for role in ("exempt", "members")}
        shared = {key: members for key, members in found.items() if members is not None}
        return [self._with_scope(control, shared) for control in controls]

    def _shared(self, controls: Sequence[Control], policies: tuple[str, ...], role: str) -> frozenset[int] | None:
        """The members of a group that all controls of some policies could use; None where they differ.

        A device that a control isn't for, on account of its platform or because the server doesn't manage it now, does no harm among the
        exceptions; among the members it would get a profile that it can't use.
        """
        concerned = [each for each in controls if each.family == MOBILE and each.requirement.policies == policies and _members(each, role)]
        everybody = frozenset().union(*(_members(each, role) for each in concerned))
        for control in concerned:
            within, members = everybody, _members(control, role)
            if role == "exempt":
                reachable = self._reachable(control.mechanism)
                within, members = everybody & reachable, members & reachable
            if within != members:
                return None
        return everybody or None

    def _reachable(self, mechanism: str) -> frozenset[int]:
        """Numbers of the devices that a mechanism could be for, by their platforms."""
        devices = (each.device for each in self.fleet if each.device.platform in names.MECHANISMS[mechanism].platforms)
        return frozenset(int(device.directory_id) for device in devices if device.directory_id) | frozenset(map(int, self.kept.unseen()))

    def _with_scope(self, control: Control, shared: Mapping[tuple[tuple[str, ...], str], frozenset[int]]) -> Control:
        include, exclude = _members(control, "members"), _members(control, "exempt")
        if control.family == MACOS:
            # Groups of computers have no description that could say whose they are, so Macs are named in the scope itself.
            return replace(control, scope=WantedScope(bool(control.native), devices=include, excluded_devices=exclude))
        policies = control.requirement.policies
        groups = []
        if control.native:
            platforms = [platform for platform in MOBILE_PLATFORMS if platform in control.native]
            words = "supervised %s" % ", ".join(_PLATFORM_WORDS[platform] for platform in platforms)
            expected = frozenset(
                int(device.directory_id)
                for index in control.control_scope.covers
                for device in [self.fleet[index].device]
                if device.native_ownership in control.native
            )
            name = control_name(self.prefix, policies, words)
            groups.append(replace(WantedGroup(name, expected, "scope", policies), criteria=criteria_of(platforms)))
        for role, members in (("members", include), ("exempt", exclude)):
            if members:
                common = shared.get((policies, role))
                name = "%s (%s)" % (control_name(self.prefix, policies, "mobile devices") if common else control.name, role)
                groups.append(WantedGroup(name, common or members, role, policies))
        reached = frozenset(group.name for group in groups if group.role != "exempt")
        excluded = frozenset(group.name for group in groups if group.role == "exempt")
        return replace(control, groups=tuple(groups), scope=WantedScope(groups=reached, excluded_groups=excluded))


def criteria_of(platforms: Sequence[str]) -> tuple[Criterion, ...]:
    """The criteria of supervised devices of some platforms, told by their models. Only managed devices hear of a scope at all."""
    words = [word for platform in platforms for word in MODEL_WORDS[platform]]
    last = len(words) - 1
    models = (
        Criterion("Model", "like", word, "or" if place else "and", opening_paren=place == 0 < last, closing_paren=place == last > 0)
        for place, word in enumerate(words)
    )
    return (Criterion("Supervised", "is", "true"), *models)


def platforms_of(criteria: Sequence[Criterion]) -> frozenset[str]:
    """The platforms that such criteria are of; none for others."""
    words = {each.value for each in criteria if each.name == "Model"}
    platforms = [platform for platform, models in MODEL_WORDS.items() if words.issuperset(models)]
    return frozenset(platforms) if tuple(criteria) == criteria_of(platforms) else frozenset()


def _members(control: Control, role: str) -> frozenset[int]:
    found = control.control_scope.exclude if role == "exempt" else control.control_scope.include
    return frozenset(map(int, found))


def _profile(control: Control, identifiers: Sequence[str]) -> bytes:
    payloads: list[dict[str, Any]]
    if control.mechanism == names.IOS_BLOCK:
        payloads = [blocked_apps_payload(identifiers)]
    elif control.mechanism == names.IOS_WEB:
        payloads = [web_filter_payload(identifiers)]
    else:
        payloads = browser_payloads(identifiers)
    identifier = "appban.endpoint.%s" % hashlib.sha256(control.name.encode("utf-8")).hexdigest()[:16]
    return configuration_profile(identifier, control.name, payloads)
