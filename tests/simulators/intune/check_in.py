# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device contacts the service: only then does anything that was assigned take effect."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import management, payloads
from .assignments import effective_intent, reached_as
from .device import ASSIGNMENT_HOLDS_APP, App, Arrived, Device, Effects

if TYPE_CHECKING:
    from .tenant import Tenant

CATALOG = "deviceManagement/configurationPolicies"
PROFILES = "deviceManagement/deviceConfigurations"
COMPLIANCE = "deviceManagement/deviceCompliancePolicies"
APPS = "deviceAppManagement/mobileApps"
PLATFORM_OF_PROFILE = {
    "iosGeneralDeviceConfiguration": "ios", "iosCustomConfiguration": "ios", "macOSGeneralDeviceConfiguration": "macos",
    "macOSCustomConfiguration": "macos", "androidDeviceOwnerGeneralDeviceConfiguration": "android",
    "windows10CustomConfiguration": "windows", "iosCompliancePolicy": "ios",
}  # fmt: skip
PLATFORM_OF_APP = {
    "iosStoreApp": "ios", "iosVppApp": "ios", "iosLobApp": "ios", "androidManagedStoreApp": "android", "winGetApp": "windows",
    "win32LobApp": "windows", "macOsVppApp": "macos",
}  # fmt: skip
# Of an object, what changes without anything changing on devices.
NO_CONTENT = {"createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "version", "assignments", "isAssigned"}
INVENTORY_EVERY = timedelta(days=7)
WIN32_EVERY = timedelta(hours=24)


def type_name(stored: dict[str, Any]) -> str:
    return str(stored.get("@odata.type", "")).removeprefix("#microsoft.graph.")


def check_in(tenant: Tenant, device: Device) -> None:
    """Bring the device to what is assigned to it now, as far as what manages it lets that through."""
    device.last_sync = tenant.clock.now
    if management.keeps_what_it_has(device):
        return
    gathering = Gathering(tenant, device, device.effects)
    device.effects = gathering.effects()
    device.violations = gathering.violations
    if management.APPS in gathering.through:
        handle_apps(tenant, device)
    remove_from_personal_profile(device)
    judge(tenant, device)
    device.arrived = {key: arrived_now(tenant, key) for key in device.effects.controls}
    if management.INVENTORY in gathering.through:
        upload_inventory_if_due(tenant, device)


def arrived_now(tenant: Tenant, key: str) -> Arrived:
    """A control as it is at this moment."""
    stored = next(store.objects[key] for store in tenant.stores.values() if key in store.objects)
    known = tenant.digests.get(key)
    if known is not None and known[0] is stored:
        return known[1]
    content = {name: value for name, value in stored.items() if name not in NO_CONTENT}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
    arrived = Arrived(str(stored.get("displayName") or stored.get("name") or key), digest)
    # An object that is changed is replaced, so it is the same as long as it is the same object.
    tenant.digests[key] = (stored, arrived)
    return arrived


def would_have(tenant: Tenant, device: Device) -> dict[str, Arrived]:
    """The controls that the device would have after a contact now. Changes nothing."""
    if management.keeps_what_it_has(device):
        return device.arrived
    gathering = Gathering(tenant, device, device.effects)
    keys = list(gathering.effects().controls)
    if management.APPS in gathering.through:
        keys += [stored["id"] for stored, intent in app_intents(tenant, device) if intent == "uninstall"]
    return {key: arrived_now(tenant, key) for key in keys}


class Gathering:
    """Collects the effects of every policy that reaches one device."""

    def __init__(self, tenant: Tenant, device: Device, before: Effects) -> None:
        self.tenant = tenant
        self.device = device
        self.before = before
        self.through = management.let_through(device)
        self.controls: list[str] = []
        self.errors: list[str] = []
        self.domains: set[str] = set()
        self.block_lists: dict[str, frozenset[str]] = {}
        self.visible_only: list[frozenset[str]] = []
        self.hidden: set[str] = set()
        self.personal_lists: dict[str, frozenset[str]] = {}
        self.launch_denied: set[str] = set()
        self.launch_allowed: list[set[str]] = []
        self.violations: dict[str, tuple[str, ...]] = {}
        self.groupings: dict[str, str] = {}

    def effects(self) -> Effects:
        device = self.device
        configured = management.CONFIGURATION in self.through
        for policy in self.tenant.stores[CATALOG] if configured else ():
            self.take(policy, self.catalog_policy)
        for policy in self.tenant.stores[PROFILES] if configured else ():
            if PLATFORM_OF_PROFILE.get(type_name(policy)) == device.platform:
                self.take(policy, getattr(self, type_name(policy)))
        for policy in self.tenant.stores[COMPLIANCE] if management.COMPLIANCE in self.through else ():
            if PLATFORM_OF_PROFILE.get(type_name(policy)) == device.platform:
                self.take(policy, lambda _policy, _kinds: True)
        conflicts: list[str] = []
        return Effects(
            hidden=self.settle(self.block_lists, self.before.hidden, conflicts) | self.hidden,
            only_visible=frozenset.intersection(*self.visible_only) if self.visible_only else None,
            launch_denied=frozenset(self.launch_denied),
            launch_allowed_only=frozenset(set.intersection(*self.launch_allowed)) if self.launch_allowed else None,
            personal_blocked=self.settle(self.personal_lists, self.before.personal_blocked, conflicts),
            domains=tuple(sorted(self.domains)),
            controls=tuple(sorted(self.controls)),
            conflicts=tuple(sorted(conflicts)),
            errors=tuple(sorted(self.errors)),
        )

    def take(self, policy: dict[str, Any], apply: Any) -> None:
        reached = reached_as(self.tenant, self.device, policy["assignments"])
        if not reached:
            return
        try:
            if apply(policy, reached["apply"]):
                self.controls.append(policy["id"])
        except payloads.Unusable as problem:
            self.errors.append(f"{policy['id']}: {problem}")

    def settle(self, lists: dict[str, frozenset[str]], before: frozenset[str], conflicts: list[str]) -> frozenset[str]:
        """Two different lists for one setting are a conflict, and the device keeps what it had (Intune fact sheet, 3.1)."""
        if len(set(lists.values())) > 1:
            conflicts += lists
            return before
        return next(iter(lists.values()), frozenset())

    def catalog_policy(self, policy: dict[str, Any], _kinds: set[str]) -> bool:
        device, settings = self.device, policy["settings"]
        platforms = policy["platforms"]
        if device.platform == "ios" and "iOS" in platforms.split(","):
            blocked = payloads.collection_values(settings, payloads.IOS_BLOCKED)
            if blocked is not None and device.supervised:
                self.block_lists[policy["id"]] = frozenset(blocked)
                return True
        if device.platform == "windows" and "windows10" in platforms.split(","):
            sites = payloads.edge_blocklist(settings)
            if sites is not None:
                self.domains.update(sites)
                return True
        return False

    def iosGeneralDeviceConfiguration(self, policy: dict[str, Any], kinds: set[str]) -> bool:
        used = self.report_list(policy, kinds)
        listed = frozenset(item.get("appId") or "" for item in policy.get("appsVisibilityList") or [])
        mode = policy.get("appsVisibilityListType", "none")
        if not self.device.supervised or mode == "none":
            return used
        # The polarity trap: "in list compliant" shows the list and hides every other app (Intune fact sheet, 3.2).
        if mode == "appsInListCompliant":
            self.visible_only.append(listed | {"com.apple.Preferences", "com.apple.mobilephone"})
        else:
            self.hidden |= listed
        return True

    def macOSGeneralDeviceConfiguration(self, policy: dict[str, Any], kinds: set[str]) -> bool:
        return self.report_list(policy, kinds)

    def report_list(self, policy: dict[str, Any], kinds: set[str]) -> bool:
        """Report-only lists work through users only, and never with Apple User Enrollment (Intune fact sheet, 1.4 and 3.3)."""
        mode = policy.get("compliantAppListType", "none")
        if mode == "none" or "user" not in kinds or self.device.kind == "ios_user_enrollment":
            return False
        listed = {item.get("appId") for item in policy.get("compliantAppsList") or []}
        if mode == "appsNotInListCompliant":
            found = [app.id for app in self.device.apps if app.id in listed]
        else:
            found = [app.id for app in self.device.apps if app.id not in listed and not app.managed]
        if found:
            self.violations[policy["id"]] = tuple(sorted(found))
        return True

    def iosCustomConfiguration(self, policy: dict[str, Any], _kinds: set[str]) -> bool:
        contents = payloads.apple_payloads(policy["payload"])
        if not self.device.supervised:
            raise payloads.Unusable("the payload needs a supervised device")
        blocked = payloads.blocked_bundle_ids(contents)
        if blocked is not None:
            self.block_lists[policy["id"]] = frozenset(blocked)
        self.domains.update(payloads.blocked_sites(contents, "ios"))
        return True

    def macOSCustomConfiguration(self, policy: dict[str, Any], _kinds: set[str]) -> bool:
        contents = payloads.apple_payloads(policy["payload"])
        if self.device.ownership != "company":
            return False
        self.domains.update(payloads.blocked_sites(contents, "macos"))
        return True

    def androidDeviceOwnerGeneralDeviceConfiguration(self, policy: dict[str, Any], _kinds: set[str]) -> bool:
        device = self.device
        if device.kind not in ASSIGNMENT_HOLDS_APP:
            return False
        if device.kind == "android_cope" and policy.get("personalProfilePlayStoreMode") == "blockedApps":
            listed = policy.get("personalProfilePersonalApplications") or []
            self.personal_lists[policy["id"]] = frozenset(item.get("appId") or "" for item in listed)
        return True

    def windows10CustomConfiguration(self, policy: dict[str, Any], _kinds: set[str]) -> bool:
        if self.device.ownership != "company":
            raise payloads.Unusable("application control is not available in this edition of Windows")
        used = False
        for setting in policy.get("omaSettings") or []:
            if payloads.APPLOCKER.match(setting["omaUri"]):
                owner = self.groupings.setdefault(setting["omaUri"], policy["id"])
                if owner != policy["id"]:
                    # Two policies at one address overwrite each other in turn (Intune fact sheet, 3.9).
                    raise payloads.Unusable(f"the grouping is taken by {owner}")
                denied, allowed = payloads.store_app_rules(setting["value"])
                self.launch_denied |= denied
                if allowed is not None:
                    self.launch_allowed.append(allowed)
                used = True
        return used


def handle_apps(tenant: Tenant, device: Device) -> None:
    """Install, remove and block apps as assigned."""
    intents = app_intents(tenant, device)
    for stored, intent in intents:
        if intent == "uninstall":
            device.effects.controls = tuple(sorted([*device.effects.controls, stored["id"]]))
    if device.platform == "android":
        handle_android_apps(tenant, device, intents)
        return
    for stored, intent in intents:
        if intent == "required":
            install_required(device, stored)
        if intent == "uninstall":
            device.apps = [app for app in device.apps if not (is_that_app(stored, app) and may_remove(device, stored, app))]


def app_intents(tenant: Tenant, device: Device) -> list[tuple[dict[str, Any], str]]:
    """Every app that is assigned to the device, with the intent that wins."""
    intents: list[tuple[dict[str, Any], str]] = []
    for stored in tenant.stores[APPS]:
        if PLATFORM_OF_APP.get(type_name(stored)) == device.platform and stored["assignments"]:
            intent = effective_intent(reached_as(tenant, device, stored["assignments"]))
            if intent is not None:
                intents.append((stored, intent))
    return intents


def is_that_app(stored: dict[str, Any], app: App) -> bool:
    if type_name(stored) == "winGetApp":
        wanted = str(stored.get("packageIdentifier") or "").casefold()
        return bool(wanted) and wanted in (app.store_id.casefold(), app.id.casefold())
    return app.id in (stored.get("bundleId"), stored.get("packageId")) and app.id != ""


def may_remove(device: Device, stored: dict[str, Any], app: App) -> bool:
    """Uninstall removes what Intune installed; a store app of corporate Windows too (Intune fact sheet, 1.5 and 3.9)."""
    return app.managed or (type_name(stored) == "winGetApp" and device.ownership == "company")


def install_required(device: Device, stored: dict[str, Any]) -> None:
    """A required app is installed, or an app of the user's comes under management."""
    for index, app in enumerate(device.apps):
        if is_that_app(stored, app):
            device.apps[index] = app._replace(managed=True)
            return
    identity = stored.get("bundleId") or stored.get("packageId") or stored.get("packageIdentifier")
    if identity:
        name, publisher = stored.get("displayName") or identity, stored.get("publisher") or ""
        store_id = identity if type_name(stored) == "winGetApp" else ""
        profile = "work" if device.platform == "android" else "personal"
        device.apps.append(App(identity, name, "1.0", publisher, "", store_id, managed=True, profile=profile))


def handle_android_apps(tenant: Tenant, device: Device, intents: list[tuple[dict[str, Any], str]]) -> None:
    """On the work side an uninstall assignment removes and blocks the user's own copy as well (Intune fact sheet, 1.5)."""
    by_intent: dict[str, set[str]] = {"required": set(), "uninstall": set(), "available": set()}
    for stored, intent in intents:
        by_intent[intent].add(stored.get("packageId") or "")
        if intent == "required":
            install_required_android(device, stored)
    gone = set(by_intent["uninstall"])
    assigned = by_intent["required"] | by_intent["available"]
    if device.kind in ASSIGNMENT_HOLDS_APP:
        gone |= device.assigned_apps - assigned
    device.assigned_apps = frozenset(assigned)
    device.apps = [app for app in device.apps if not (app.profile == "work" and app.id in gone)]
    device.effects.work_blocked = frozenset(by_intent["uninstall"])
    if device.kind == "android_work_profile" or play_store_mode(tenant, device) == "allowList":
        device.effects.work_allowed_only = frozenset(assigned)


def install_required_android(device: Device, stored: dict[str, Any]) -> None:
    if not any(app.profile == "work" and app.id == stored.get("packageId") for app in device.apps):
        name, publisher = stored.get("displayName") or "", stored.get("publisher") or ""
        device.apps.append(App(str(stored.get("packageId")), name, "1.0", publisher, managed=True, profile="work"))


def play_store_mode(tenant: Tenant, device: Device) -> str:
    """Without a profile that says otherwise the managed store is an allow list (Intune fact sheet, 3.6)."""
    modes = {
        policy.get("playStoreMode")
        for policy in tenant.stores[PROFILES]
        if type_name(policy) == "androidDeviceOwnerGeneralDeviceConfiguration" and reached_as(tenant, device, policy["assignments"])
    }
    return "blockList" if "blockList" in modes else "allowList"


def remove_from_personal_profile(device: Device) -> None:
    """From Android 11 a blocked app goes from the personal profile (Intune fact sheet, 3.7)."""
    if device.kind == "android_cope" and int(device.os_version.split(".")[0]) >= 11:
        blocked = device.effects.personal_blocked
        device.apps = [app for app in device.apps if not (app.profile == "personal" and app.id in blocked)]


def judge(tenant: Tenant, device: Device) -> None:
    """Note since when which compliance policy finds a restricted app; one that finds none any more starts afresh."""
    failing = {}
    judged = management.COMPLIANCE in management.let_through(device)
    if judged and device.platform == "ios" and device.kind != "ios_user_enrollment":
        for policy in tenant.stores[COMPLIANCE]:
            if type_name(policy) != "iosCompliancePolicy" or not reached_as(tenant, device, policy["assignments"]):
                continue
            restricted = {item.get("appId") for item in policy.get("restrictedApps") or []}
            if any(app.id in restricted for app in device.apps):
                failing[policy["id"]] = device.failing.get(policy["id"], tenant.clock.now)
    device.failing = failing


def upload_inventory_if_due(tenant: Tenant, device: Device) -> None:
    """Inventories come about every seven days counted from enrolment; Windows sends classic apps daily (Intune fact sheet, 1.3)."""
    now = tenant.clock.now
    if not device.sends_inventory:
        return
    due = device.enrolled + INVENTORY_EVERY * ((now - device.enrolled) // INVENTORY_EVERY)
    if due > device.last_inventory:
        tenant.inventory.upload(device, device.apps)
        device.last_inventory = now
    elif device.platform == "windows" and now - device.last_inventory >= WIN32_EVERY:
        modern_as_before = [app for app in device.reported if app.package]
        tenant.inventory.upload(device, [app for app in device.apps if not app.package] + modern_as_before)
