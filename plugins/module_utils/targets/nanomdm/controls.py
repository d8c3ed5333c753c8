# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls that a fleet's requirements come to: one for each distinct requirement, given to every device by name. Pure."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...mdm.apple.commands import install_profile, remove_application, remove_profile
from ...mdm.apple.declarations import MAX_IDENTIFIER, Declaration, DeniedBinary, activation, app_settings, legacy_profile
from ...mdm.apple.profiles import configuration_profile, web_filter_payload
from ...mdm.apple.restrictions import blocked_apps_payload
from ...mdm.planning.fleet import FleetDevice
from ...mdm.planning.identifiers import names_of_app, title_of_app, would_block
from ...mdm.planning.ownership import spec_hash
from ...mdm.planning.requirements import BannedApp, Requirement
from ...policy.model import Policy
from . import capabilities as names
from .command_uuids import command_mark
from .declaration_names import ACTIVATION, CONFIGURATION, DeclarationNames
from .objects import HostedProfile
from .profile_store import ProfileStore
from .slugs import slug_of_requirement

#: Declared, and so looked up at KMFDDM; all others are commands.
DECLARED = frozenset((names.APP_SETTINGS, names.BINARIES, names.PROFILE_DECLARATION, names.WEB_DECLARATION))
_SITES = frozenset((names.WEB_DECLARATION, names.WEB_COMMAND))


@dataclass(frozen=True)
class Control:
    """One control as it is wanted.

    Args:
        requirement: what it is for.
        name: of its set, or of its profile; PREFIX.SLUG.
        apps: ids of the apps that it carries a name of. It has no effect on the other apps of the requirement.
        identifiers: exact names that it goes by.
        devices: positions of the devices that it is for.
        declarations: the configuration, then its activation; empty for a control by command.
        profile: the configuration profile; empty for none.
        hosted: where the profile is hosted.
    """

    requirement: Requirement
    name: str
    apps: tuple[str, ...]
    identifiers: tuple[str, ...]
    devices: frozenset[int]
    declarations: tuple[Declaration, ...] = ()
    profile: bytes = b""
    hosted: HostedProfile | None = None

    @property
    def mechanism(self) -> str:
        return self.requirement.mechanism

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
    """All that a run requires."""

    controls: tuple[Control, ...] = ()
    removals: tuple[Removal, ...] = ()


@dataclass
class DesiredControls:
    """Makes the controls of a fleet.

    Args:
        policies: the policies of the run.
        requirements: per device of the fleet, what is wanted of it.
        names: of declarations, sets and profiles.
        store: where profiles are hosted; None where they are not.
    """

    policies: Sequence[Policy]
    fleet: Sequence[FleetDevice]
    requirements: Sequence[frozenset[Requirement]]
    names: DeclarationNames
    store: ProfileStore | None = None
    _devices: dict[Requirement, set[int]] = field(default_factory=dict)

    def desired(self) -> Desired:
        """The controls, in a fixed order."""
        for index, requirements in enumerate(self.requirements):
            for requirement in requirements:
                self._devices.setdefault(requirement, set()).add(index)
        controls, removals = [], []
        for requirement in sorted(self._devices, key=_order):
            devices = frozenset(self._devices[requirement])
            if requirement.mechanism == names.REMOVE:
                commands, named = self._removable(requirement, devices)
                removals.append(Removal(requirement, commands, devices, named))
                continue
            control = self._control(requirement, devices)
            if control is not None:
                controls.append(control)
        return Desired(tuple(controls), tuple(removals))

    def _control(self, requirement: Requirement, devices: frozenset[int]) -> Control | None:
        most = MAX_IDENTIFIER - len(self.names.prefix) - len("..%s" % CONFIGURATION)
        slug = slug_of_requirement(self.policies, requirement, most)
        name = self.names.set_name(slug)
        configuration, active = self.names.identifier(slug, CONFIGURATION), self.names.identifier(slug, ACTIVATION)
        if requirement.mechanism == names.BINARIES:
            by_app = {app.id: self._binaries(app) for app in sorted(requirement.apps)}
            binaries = [each for found in by_app.values() for each in found]
            if not binaries:
                return None
            apps = tuple(app for app, found in by_app.items() if found)
            made = app_settings(configuration, denied_binaries=binaries)
            shown = tuple("%s:%s" % (each.team_id, each.signing_id) for each in binaries)
            return Control(requirement, name, apps, shown, devices, (made, activation(active, [configuration])))
        named = self._identifiers(requirement)
        identifiers = tuple(sorted({each for found in named.values() for each in found}))
        if not identifiers:
            return None
        apps = tuple(app for app, found in named.items() if found)
        if requirement.mechanism == names.APP_SETTINGS:
            made = app_settings(configuration, identifiers)
            return Control(requirement, name, apps, identifiers, devices, (made, activation(active, [configuration])))
        profile = self._profile(requirement, name, identifiers)
        if requirement.mechanism not in DECLARED or self.store is None:
            return Control(requirement, name, apps, identifiers, devices, profile=profile)
        hosted = self.store.place(name, profile)
        declared = (legacy_profile(configuration, hosted.url), activation(active, [configuration]))
        return Control(requirement, name, apps, identifiers, devices, declared, profile, hosted)

    def _profile(self, requirement: Requirement, name: str, identifiers: Sequence[str]) -> bytes:
        titles = ", ".join(title_of_app(self.policies, app) for app in requirement.app_ids)
        payload = web_filter_payload(identifiers) if requirement.mechanism in _SITES else blocked_apps_payload(identifiers)
        shown = "%s: %s" % ("Blocked sites" if requirement.mechanism in _SITES else "Blocked apps", titles)
        return configuration_profile(name, shown, [payload], "Made for the ban %s." % "+".join(requirement.policies), uuid_of_content=True)

    def _identifiers(self, requirement: Requirement) -> dict[str, list[str]]:
        """Id of each app of a requirement -> the names of it that the control goes by."""
        kind = "domain" if requirement.mechanism in _SITES else "ios_bundle_id"
        return {
            app.id: [
                name
                for name in names_of_app(self.policies, app, kind)
                if kind != "domain" or not would_block(name, requirement.open_domains)
            ]
            for app in sorted(requirement.apps)
        }  # fmt: skip

    def _binaries(self, app: BannedApp) -> list[DeniedBinary]:
        """Programs by vendor and name. A vendor alone would deny all that the vendor makes, and a name alone can be anybody's."""
        teams = names_of_app(self.policies, app, "apple_team_id")
        ids = names_of_app(self.policies, app, "macos_bundle_id")
        return [DeniedBinary(team, name) for team in teams for name in ids]

    def _removable(self, requirement: Requirement, devices: frozenset[int]) -> tuple[dict[str, Mapping[str, Any]], frozenset[int]]:
        """The commands, and the devices for whose platform there is one."""
        commands: dict[str, Mapping[str, Any]] = {}
        named: set[int] = set()
        for kind, macs in (("macos_bundle_id", True), ("ios_bundle_id", False)):
            of_kind = {index for index in devices if (self.fleet[index].device.platform == "macos") == macs}
            found = sorted({name for app in requirement.apps for name in names_of_app(self.policies, app, kind)})
            if found and of_kind:
                commands.update((name, remove_application(name)) for name in found)
                named |= of_kind
        return commands, frozenset(named)


def content_hash(declarations: Sequence[Declaration]) -> str:
    """A digest of what declarations say, by which the ledger knows whether what is wanted is what was written last."""
    return spec_hash([each.document() for each in declarations])


def removal_of_profile(prefix: str, name: str) -> tuple[dict[str, Any], str]:
    """The command that takes a profile of ours off a device, and its mark."""
    command = remove_profile(name)
    return command, command_mark(prefix, command)


_REMOVAL = "remove "


def removal_name(bundle_id: str) -> str:
    """The ledger's name for the command that removes an app."""
    return _REMOVAL + bundle_id


def removed_by(name: str) -> str:
    """The bundle id in such a name; empty for the name of another control."""
    return name[len(_REMOVAL) :] if name.startswith(_REMOVAL) else ""


def removal_mark(prefix: str, bundle_id: str) -> str:
    """The mark of that command."""
    return command_mark(prefix, remove_application(bundle_id))


def _order(requirement: Requirement) -> tuple[Any, ...]:
    return (list(names.NAMES).index(requirement.mechanism), sorted(requirement.apps), requirement.deadline, requirement.open_domains)
