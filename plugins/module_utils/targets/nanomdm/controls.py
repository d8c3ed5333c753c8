# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls that a fleet's requirements come to: one for each distinct requirement, given to every device by name. Pure."""

from __future__ import annotations

import plistlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...mdm.apple.commands import install_profile, remove_application
from ...mdm.apple.declarations import Declaration, DeniedBinary, activation, app_settings, legacy_profile
from ...mdm.apple.profiles import configuration_profile, web_filter_payload
from ...mdm.apple.restrictions import blocked_apps_payload
from ...mdm.planning.controls import Controls
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.identifiers import names_of_app, title_of_app
from ...mdm.planning.ownership import spec_hash
from ...mdm.planning.requirements import BannedApp, Requirement
from ...mdm.planning.scopes import ControlScope
from ...policy.model import Policy
from .capabilities import APP_SETTINGS, BINARIES, DECLARED, MECHANISMS, REMOVE, capability_of
from .names import ControlNames
from .objects import HostedProfile
from .profile_store import ProfileStore


@dataclass(frozen=True)
class Control:
    """One control as it is wanted.

    Args:
        requirement: what it is for.
        name: of its set, or of its profile; PREFIX.SLUG.
        apps: ids of the apps that it carries a name of. It has no effect on the other apps of the requirement.
        control_scope: whom it is for; every device is named.
        declarations: the configuration, then its activation; empty for a control by command.
        profile: the configuration profile; empty for none.
        hosted: where the profile is hosted.
    """

    requirement: Requirement
    name: str
    apps: tuple[str, ...]
    control_scope: ControlScope = field(default_factory=ControlScope)
    declarations: tuple[Declaration, ...] = ()
    profile: bytes = b""
    hosted: HostedProfile | None = None

    @property
    def mechanism(self) -> str:
        return self.requirement.mechanism

    @property
    def devices(self) -> frozenset[int]:
        """Positions of the devices that it is for."""
        return self.control_scope.covers

    @cached_property
    def command(self) -> dict[str, Any]:
        """The command that puts the profile on a device."""
        return install_profile(self.profile)

    @cached_property
    def profile_uuid(self) -> str:
        """What a device's list of profiles shows of the profile."""
        return str(plistlib.loads(self.profile)["PayloadUUID"])


@dataclass(frozen=True)
class Removal:
    """An app that is to be taken off devices, where it is found.

    Args:
        commands: bundle id -> the command.
        devices: positions of the devices on which that is wanted.
        named: those on whose platform the app has a name that is sure enough; no other one is ever sent a command.
    """

    requirement: Requirement
    commands: Mapping[str, Mapping[str, Any]]
    devices: frozenset[int]
    named: frozenset[int]

    @property
    def app(self) -> str:
        """Id of the app."""
        return self.requirement.app_ids[0]


@dataclass(frozen=True)
class Desired:
    """All that a run requires.

    Args:
        requirements: per device of the fleet.
        sent: name of a control by command -> marks of what may have been sent under it, as far as that is known without the ledger.
    """

    requirements: Sequence[frozenset[Requirement]] = ()
    controls: tuple[Control, ...] = ()
    removals: tuple[Removal, ...] = ()
    sent: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def declared(self) -> list[Control]:
        """The controls that are declared, and so looked up at KMFDDM."""
        return [control for control in self.controls if control.mechanism in DECLARED]

    @property
    def commanded(self) -> list[Control]:
        """The controls that are sent by command."""
        return [control for control in self.controls if control.mechanism not in DECLARED]


class DesiredControls(Controls[Control]):
    """Makes the controls of a fleet.

    Args:
        requirements: per device of the fleet, what is wanted of it.
        store: where profiles are hosted; None where they are not.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        fleet: Sequence[FleetDevice],
        requirements: Sequence[frozenset[Requirement]],
        names: ControlNames,
        store: ProfileStore | None = None,
    ) -> None:
        super().__init__(policies, fleet, requirements, MECHANISMS, capability_of, names.prefix)
        self.names = names
        self.store = store
        self._devices: dict[Requirement, set[int]] = {}
        for index, wanted in enumerate(requirements):
            for requirement in wanted:
                self._devices.setdefault(requirement, set()).add(index)

    def all(self) -> Desired:
        """The controls and the removals, in a fixed order."""
        controls = tuple(self.desired())
        sent = {each.name: frozenset((self.names.mark(each.command),)) for each in controls if each.mechanism not in DECLARED}
        removals = (self._removal(each) for each in sorted(self._devices, key=self.rank) if each.mechanism == REMOVE)
        return Desired(self.requirements, controls, tuple(removals), sent)

    # As of controls.

    def name_of(self, requirement: Requirement) -> str:
        return self.names.name_of_requirement(requirement)

    def scope_of(self, requirement: Requirement) -> ControlScope:
        devices = self._devices[requirement]
        return ControlScope(include=frozenset(self.fleet[index].device.id for index in devices), covers=frozenset(devices))

    def scoped(self, control: Control, scope: ControlScope) -> Control:
        return replace(control, control_scope=scope)

    def bare(self, requirement: Requirement) -> Control | None:
        if requirement.mechanism == REMOVE:
            return None
        name = self.name_of(requirement)
        configuration, active = self.names.pair(name)

        def control(apps: Iterable[str], made: Declaration, profile: bytes = b"", hosted: HostedProfile | None = None) -> Control:
            pair = (made, activation(active, [configuration]))
            return Control(requirement, name, tuple(apps), declarations=pair, profile=profile, hosted=hosted)

        if requirement.mechanism == BINARIES:
            by_app = {app.id: self._binaries(app) for app in sorted(requirement.apps)}
            denied = [each for binaries in by_app.values() for each in binaries]
            found = [app for app, binaries in by_app.items() if binaries]
            return control(found, app_settings(configuration, denied_binaries=denied)) if denied else None
        carried = self.names_carried(requirement)
        identifiers = sorted({each for names in carried.values() for each in names})
        if not identifiers:
            return None
        if requirement.mechanism == APP_SETTINGS:
            return control(carried, app_settings(configuration, identifiers))
        profile = self._profile(requirement, name, identifiers)
        if requirement.mechanism not in DECLARED or self.store is None:
            return Control(requirement, name, tuple(carried), profile=profile)
        hosted = self.store.place(name, profile)
        return control(carried, legacy_profile(configuration, hosted.url), profile, hosted)

    def _profile(self, requirement: Requirement, name: str, identifiers: Sequence[str]) -> bytes:
        titles = ", ".join(title_of_app(self.policies, app) for app in requirement.app_ids)
        blocks_sites = self.mechanism(requirement).blocks_sites
        payload = web_filter_payload(identifiers) if blocks_sites else blocked_apps_payload(identifiers)
        shown = "%s: %s" % ("Blocked sites" if blocks_sites else "Blocked apps", titles)
        return configuration_profile(name, shown, [payload], "Made for the ban %s." % "+".join(requirement.policies), uuid_of_content=True)

    def _binaries(self, app: BannedApp) -> list[DeniedBinary]:
        """Programs by vendor and name. A vendor alone would deny all that the vendor makes, and a name alone can be anybody's."""
        teams = names_of_app(self.policies, app, "apple_team_id")
        ids = names_of_app(self.policies, app, "macos_bundle_id")
        return [DeniedBinary(team, name) for team in teams for name in ids]

    def _removal(self, requirement: Requirement) -> Removal:
        """A removal, with a command for each name that the app has on the platform of any of the devices."""
        devices = frozenset(self._devices[requirement])
        commands: dict[str, Mapping[str, Any]] = {}
        named: set[int] = set()
        for kind, macs in (("macos_bundle_id", True), ("ios_bundle_id", False)):
            of_kind = {index for index in devices if (self.fleet[index].device.platform == "macos") == macs}
            found = sorted({name for app in requirement.apps for name in names_of_app(self.policies, app, kind)})
            if found and of_kind:
                commands.update((name, remove_application(name)) for name in found)
                named |= of_kind
        return Removal(requirement, commands, devices, frozenset(named))


def content_hash(declarations: Sequence[Declaration]) -> str:
    """A digest of what declarations say, by which the ledger knows whether what is wanted is what was written last."""
    return spec_hash([each.document() for each in declarations])


_REMOVAL = "remove "


def removal_name(bundle_id: str) -> str:
    """The ledger's name for the command that removes an app."""
    return _REMOVAL + bundle_id


def removed_by(name: str) -> str:
    """The bundle id in such a name; empty for the name of another control."""
    return name[len(_REMOVAL) :] if name.startswith(_REMOVAL) else ""
