# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the devices of a server and, in the same walk, which of the banned apps each has. Nothing else of a list of apps is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...mdm.fleet import FleetDevice, ManagedDevice
from ...mdm.group_names import wanted_groups
from ...mdm.observe import may_look
from ...policy.model import Policy
from . import inventory
from .devices import device_of
from .jamf import Jamf
from .memberships import Memberships, read_memberships
from .objects import COMPUTER, MOBILE, FoundApp, InventoryRow
from .process_names import bundle_name

Finding = Mapping[str, str]


class FleetReader:
    """Reads one fleet, once.

    Args:
        policies: which apps are looked for.
        with_apps: whether lists of apps are asked for at all.
    """

    def __init__(self, jamf: Jamf, policies: Sequence[Policy], with_apps: bool = True) -> None:
        self.jamf = jamf
        self.policies = policies
        self.with_apps = with_apps
        self.names = AppNames(policies)
        self.memberships = Memberships()
        #: Ids of the devices whose list of apps does not say what their users installed.
        self.blind: frozenset[str] = frozenset()
        self.unreadable = 0
        self._found: dict[str, list[tuple[str, FoundApp]]] = {}
        self._shows_user_apps = False

    def devices(self) -> Iterator[ManagedDevice]:
        """Every device. What they have is known once all of them were read.

        Raises:
            RequestFailed, OutOfTime
        """
        self.memberships = read_memberships(self.jamf, wanted_groups(self.policies))
        # Whether the server collects the apps that users installed is one setting; private devices have rules of their own.
        listing: dict[bool, set[str]] = {True: set(), False: set()}
        collected: dict[bool, bool] = {True: False, False: False}
        blind: set[str] = set()
        for family in (MOBILE, COMPUTER):
            for row in self._rows(family):
                device = device_of(row, self._groups_of(row), self.unreadable)
                self.unreadable += row.unreadable
                self._keep(device, row)
                if self.with_apps and row.apps is None:
                    blind.add(device.id)
                elif family == MOBILE and self.with_apps and device.record.get("enrollment") == "device":
                    private = device.record.get("ownership") == "personal"
                    listing[private].add(device.id)
                    collected[private] = collected[private] or self._shows_user_apps
                yield device
        for private, ids in listing.items():
            blind |= set() if collected[private] else ids
        self.blind = frozenset(blind)

    def findings(self, fleet: Sequence[FleetDevice]) -> dict[tuple[str, str], list[Finding]]:
        """(device id, app id) -> what was found, of those devices and apps that may be looked at."""
        found: dict[tuple[str, str], list[Finding]] = {}
        for member in fleet:
            for app_id, app in self._found.get(member.device.id, ()):
                decision = member.decision.apps.get(app_id)
                if decision is not None and may_look(decision):
                    found.setdefault((member.device.id, app_id), []).append(self._finding(app_id, app, member.device.platform))
        return found

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        return self.names.knows(app, platform)

    def notes(self) -> Iterator[str]:
        """What a person should know of the inventory."""
        if self.unreadable:
            yield "the server can't read the record of %d device%s: nothing is known of %s" % (
                self.unreadable, "" if self.unreadable == 1 else "s", "it" if self.unreadable == 1 else "them",
            )  # fmt: skip
        mobile = sum(each.startswith("mobile:") for each in self.blind)
        if mobile:
            yield (
                "%d mobile device%s no app that a user installed, and neither does any other of their kind: unless they have none, the"
                " server does not collect unmanaged apps (Settings, Mobile device management, Inventory collection), and absence proves"
                " nothing" % (mobile, " lists" if mobile == 1 else "s list")
            )
        for name in self.memberships.unknown:
            yield "the server has no group named %s, which a rule asks for: nobody can say who belongs to it" % name

    def _rows(self, family: str) -> Iterator[InventoryRow]:
        wanted = (lambda app: self._is_wanted(family, app)) if self.with_apps else None
        self._shows_user_apps = False
        rows = (
            inventory.mobile_devices(self.jamf, wanted)
            if family == MOBILE
            else inventory.computers(self.jamf, wanted, with_groups=self.memberships.asked)
        )
        for row in rows:
            yield row
            # The next row is read only when this one has been dealt with.
            self._shows_user_apps = False

    def _is_wanted(self, family: str, app: FoundApp) -> bool:
        self._shows_user_apps = self._shows_user_apps or app.managed is False
        return bool(self.names.apps_of(family, app))

    def _groups_of(self, row: InventoryRow) -> list[str | None] | None:
        return self.memberships.groups_of(row.family, row.id, row.groups)

    def _keep(self, device: ManagedDevice, row: InventoryRow) -> None:
        found = [(app_id, app) for app in row.apps or () for app_id in sorted(self.names.apps_of(row.family, app))]
        if found:
            self._found[device.id] = found

    def _finding(self, app_id: str, app: FoundApp, platform: str) -> Finding:
        confidence = self.names.confidence(app_id, app, platform)
        return {
            "app": app_id, "backend": "inventory", "name": app.id or app.name, "version": app.version, "scope": "device",
            "confidence": confidence,
        }  # fmt: skip


class AppNames:
    """The exact names that apps of the policies go by in an inventory: bundle ids, and on Macs the names of bundles too."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._ids: dict[tuple[str, str], dict[str, str]] = {}
        self._titles: dict[str, dict[str, str]] = {}
        for policy in policies:
            for app in (*policy.apps, *policy.review):
                for each in app.identifiers:
                    if each.kind in ("ios_bundle_id", "macos_bundle_id"):
                        family = MOBILE if each.kind == "ios_bundle_id" else COMPUTER
                        self._add(self._ids.setdefault((family, each.value), {}), app.id, each.confidence)
                    elif each.kind == "display_name" and not set("*?[") & set(each.value):
                        self._add(self._titles.setdefault(bundle_name(each.value), {}), app.id, each.confidence)

    def apps_of(self, family: str, app: FoundApp) -> Mapping[str, str]:
        """App id -> confidence, for the apps of the policies that an app of an inventory is."""
        found = dict(self._ids.get((family, app.id), {}))
        if family == COMPUTER:
            for app_id, confidence in self._titles.get(bundle_name(app.name) if app.name else "", {}).items():
                self._add(found, app_id, confidence)
        return found

    def confidence(self, app_id: str, app: FoundApp, platform: str) -> str:
        """``actionable``, or ``detect_only`` where only a doubtful name told."""
        found = self.apps_of(COMPUTER if platform == "macos" else MOBILE, app)
        return "detect_only" if found.get(app_id) == "detect_only" else "actionable"

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        family = COMPUTER if platform == "macos" else MOBILE
        by_id = any(where == family and app in apps for (where, _name), apps in self._ids.items())
        return by_id or (family == COMPUTER and any(app in apps for apps in self._titles.values()))

    def names_of(self, app: str, family: str) -> tuple[list[str], list[str]]:
        """Bundle ids of an app, and on Macs names of its bundles, sorted."""
        ids = sorted(name for (where, name), apps in self._ids.items() if where == family and app in apps)
        titles = sorted(name for name, apps in self._titles.items() if app in apps) if family == COMPUTER else []
        return ids, titles

    @staticmethod
    def _add(apps: dict[str, str], app: str, confidence: str) -> None:
        if apps.get(app, "detect_only") == "detect_only":
            apps[app] = confidence
