# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed device: its record, its apps, and what is in force on it since its last check-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

ZERO_GUID = "00000000-0000-0000-0000-000000000000"


class App(NamedTuple):
    """An installed app. `name` is what its user sees; Windows reports modern apps by `package` instead.

    listed_as: the name in inventories where it is another one; None for null, "" for the usual.
    """

    id: str
    name: str
    version: str = "1.0"
    publisher: str = ""
    package: str = ""
    store_id: str = ""
    managed: bool = False
    profile: str = "personal"
    listed_as: str | None = ""


class Arrived(NamedTuple):
    """A control that the device got: its name, and a digest of what it said then."""

    name: str
    digest: str


class Kind(NamedTuple):
    """How a device is managed."""

    name: str
    platform: str
    ownership: str
    supervised: bool
    enrollment: str
    agent: str
    operating_system: str
    device_type: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ios_supervised", "ios", "company", True, "appleBulkWithUser", "mdm", "iOS", "iPhone"),
        Kind("ios_supervised_userless", "ios", "company", True, "appleBulkWithoutUser", "mdm", "iPadOS", "iPad"),
        Kind("ios_corporate", "ios", "company", False, "deviceEnrollmentManager", "mdm", "iOS", "iPhone"),
        # userEnrollment means "enrolled by its user" and is no Apple User Enrollment.
        Kind("ios_personal", "ios", "personal", False, "userEnrollment", "mdm", "iOS", "iPhone"),
        Kind("ios_user_enrollment", "ios", "personal", False, "appleUserEnrollment", "mdm", "iOS", "iPhone"),
        Kind("android_fully_managed", "android", "company", False, "androidEnterpriseFullyManaged",
             "googleCloudDevicePolicyController", "AndroidEnterprise", "androidEnterprise"),
        Kind("android_dedicated", "android", "company", False, "androidEnterpriseDedicatedDevice",
             "googleCloudDevicePolicyController", "AndroidEnterprise", "androidEnterprise"),
        Kind("android_cope", "android", "company", False, "androidEnterpriseCorporateWorkProfile",
             "googleCloudDevicePolicyController", "AndroidEnterprise", "androidEnterprise"),
        Kind("android_work_profile", "android", "personal", False, "userEnrollment",
             "googleCloudDevicePolicyController", "AndroidForWork", "androidForWork"),
        Kind("windows_corporate", "windows", "company", False, "windowsAzureADJoin", "mdm", "Windows", "desktop"),
        Kind("windows_personal", "windows", "personal", False, "userEnrollment", "mdm", "Windows", "desktop"),
        Kind("mac_corporate", "macos", "company", True, "appleBulkWithUser", "mdm", "macOS", "macMDM"),
        Kind("mac_personal", "macos", "personal", False, "userEnrollment", "mdm", "macOS", "macMDM"),
    )
}  # fmt: skip
# Kinds on which taking an assignment away takes the app away (Intune fact sheet, 3.6).
ASSIGNMENT_HOLDS_APP = frozenset({"android_fully_managed", "android_dedicated", "android_cope"})


@dataclass(slots=True)
class Effects:
    """What the controls of the last check-in do on a device."""

    hidden: frozenset[str] = frozenset()
    only_visible: frozenset[str] | None = None
    launch_denied: frozenset[str] = frozenset()
    launch_allowed_only: frozenset[str] | None = None
    work_blocked: frozenset[str] = frozenset()
    work_allowed_only: frozenset[str] | None = None
    personal_blocked: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class Device:
    """One device. Ids: `id` is Intune's, `directory_id` the directory object's, `azure_id` that object's deviceId."""

    id: str
    kind: str
    name: str
    serial: str | None
    model: str
    manufacturer: str
    os_version: str
    user: str | None
    azure_id: str
    directory_id: str
    enrolled: datetime
    last_sync: datetime
    last_inventory: datetime
    ownership: str
    supervised: bool
    online: bool = True
    apps: list[App] = field(default_factory=list)
    reported: tuple[App, ...] = ()
    other_compliance: str = "compliant"
    effects: Effects = field(default_factory=Effects)
    failing: dict[str, datetime] = field(default_factory=dict)
    assigned_apps: frozenset[str] = frozenset()
    violations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notifications: list[dict[str, str]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)
    notes: str | None = None
    managed_name: str | None = None
    removed_work_apps: bool = False
    agent: str = ""
    management_state: str = "managed"
    # Co-managed devices: which workloads Intune has.
    workloads: dict[str, bool] | None = None
    sends_inventory: bool = True
    arrived: dict[str, Arrived] = field(default_factory=dict)
    replaced_by: str | None = None

    @property
    def management_agent(self) -> str:
        """What manages the device: by default what its kind of enrolment brings."""
        return self.agent or KINDS[self.kind].agent

    @property
    def traits(self) -> Kind:
        return KINDS[self.kind]

    @property
    def platform(self) -> str:
        return KINDS[self.kind].platform

    def sees(self, app: App) -> bool:
        """Whether the device's inventory tells of the app (Intune fact sheet, 1.3)."""
        if self.kind in ("android_cope", "android_work_profile"):
            return app.profile == "work"
        if self.kind == "ios_user_enrollment" or self.ownership != "company":
            return app.managed
        return True

    def is_hidden(self, app: App) -> bool:
        effects = self.effects
        if app.id in effects.hidden:
            return True
        return effects.only_visible is not None and app.id not in effects.only_visible

    def is_launch_blocked(self, app: App) -> bool:
        package = app.package.casefold()
        effects = self.effects
        if package and package in effects.launch_denied:
            return True
        return bool(package) and effects.launch_allowed_only is not None and package not in effects.launch_allowed_only

    def why_not_installable(self, app: App) -> str | None:
        """What stops the user from installing the app, if anything does."""
        effects = self.effects
        if self.platform == "android":
            on_work_side = app.profile == "work"
            if on_work_side and app.id in effects.work_blocked:
                return "blocked by an uninstall assignment"
            if on_work_side and effects.work_allowed_only is not None and app.id not in effects.work_allowed_only:
                return "not on the allow list of the managed store"
            if not on_work_side and app.id in effects.personal_blocked:
                return "blocked in the personal profile"
        if self.is_hidden(app):
            return "hidden by a restriction"
        if self.is_launch_blocked(app):
            return "denied by application control"
        return None

    def leave(self) -> None:
        """The management ends: its controls fall away, and so do the apps that it brought."""
        self.effects, self.failing, self.violations, self.arrived = Effects(), {}, {}, {}
        has_profile = self.kind == "android_work_profile"
        self.apps = [app for app in self.apps if not (app.profile == "work" if has_profile else app.managed)]

    def describe_apps(self) -> list[dict[str, Any]]:
        return [
            {
                "id": app.id, "name": app.name, "version": app.version, "package": app.package, "installed": True,
                "managed": app.managed, "profile": app.profile, "hidden": self.is_hidden(app),
                "launch_blocked": self.is_hidden(app) or self.is_launch_blocked(app),
            }
            for app in sorted(self.apps, key=lambda app: tuple(map(str, app)))
        ]  # fmt: skip
