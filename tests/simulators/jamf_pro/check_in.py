# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device contacts the server: only then does anything that is scoped to it take effect (Apple MDM fact sheet, 2, 3 and 6)."""

from __future__ import annotations

import plistlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import groups
from .commands import queue
from .device import App, Device, Effects, InstalledProfile, Restriction, Sent, version_tuple
from .scope import in_scope

if TYPE_CHECKING:
    from .jamf_server import JamfServer

MOBILE_PROFILES, MAC_PROFILES = "mobiledeviceconfigurationprofiles", "osxconfigurationprofiles"
RESTRICTIONS, FILTER = "com.apple.applicationaccess", "com.apple.webcontent-filter"
FORBIDDEN_IN_USER_ENROLLMENT = {
    "blockedAppBundleIDs", "blacklistedAppBundleIDs", "allowListedAppBundleIDs", "whitelistedAppBundleIDs", "allowAppInstallation",
    "allowAppRemoval",
}  # fmt: skip
URLS_AT_MOST = 500
# Key, and the first iOS and tvOS that know it; a deprecated key goes on working.
BLOCKED = (("blockedAppBundleIDs", (15,), (15,)), ("blacklistedAppBundleIDs", (9, 3), (11,)))
ALLOWED = (("allowListedAppBundleIDs", (15,), (15,)), ("whitelistedAppBundleIDs", (9, 3), (11,)))


def check_in(server: JamfServer, device: Device) -> None:
    """Bring the device to what is scoped to it now, carry out its commands, and send an inventory if one is due."""
    if not device.managed:
        return
    device.received = ()
    receive_profiles(server, device)
    receive_apps(server, device)
    device.effects = effects_of(device)
    receive_restrictions(server, device)
    ask = False
    for command in server.pending.pop(device.key, []):
        command["commandState"] = "ACKNOWLEDGED"
        ask = ask or command["commandType"] in ("INSTALLED_APPLICATION_LIST", "DEVICE_INFORMATION", "UpdateInventory")
        if command["commandType"] == "DECLARATIVE_MANAGEMENT":
            device.declarations_synced = server.clock.now
    device.last_check_in = server.clock.now
    if ask or server.clock.now - device.last_inventory >= timedelta(hours=server.settings.inventory_every_hours):
        send_inventory(server, device)


def send_inventory(server: JamfServer, device: Device) -> None:
    if not device.sends_inventory:
        return
    device.take_inventory(server.clock.now, server.settings.collect_unmanaged_apps)
    groups.recalculate(server, device)


def receive_profiles(server: JamfServer, device: Device) -> None:
    """InstallProfile and RemoveProfile. A device that has a profile gets a changed one only by a redeployment to all."""
    wanted = wanted_profiles(server, device)
    for key in [key for key in device.sent if key not in wanted]:
        sent = device.sent.pop(key)
        if sent.status == "installed":
            queue(server, device, "REMOVE_PROFILE", "ACKNOWLEDGED")
            device.profiles.pop(sent.identifier, None)
    for key, stored in wanted.items():
        sent_before = device.sent.get(key)
        if sent_before is not None and sent_before.round >= stored["round"]:
            continue
        profile = plistlib.loads(stored["general"]["payloads"].encode())
        accepted = payloads_accepted(server, device, profile)
        status = "installed" if accepted is not None else "failed"
        queue(server, device, "INSTALL_PROFILE", "ACKNOWLEDGED" if accepted is not None else "ERROR")
        if accepted is not None:
            # The same identifier replaces; another one comes in addition.
            device.profiles[profile["PayloadIdentifier"]] = InstalledProfile(stored["general"]["name"], tuple(accepted))
        device.sent[key] = Sent(profile["PayloadIdentifier"], stored["round"], status)


def wanted_profiles(server: JamfServer, device: Device) -> dict[tuple[str, int], dict[str, Any]]:
    """The profiles that are scoped to a device now and go to it by themselves."""
    path = MAC_PROFILES if device.is_mac else MOBILE_PROFILES
    how = "distribution_method" if device.is_mac else "deployment_method"
    return {
        (path, int(stored["id"])): stored
        for stored in server.stores[path]
        if stored["general"][how] == "Install Automatically" and in_scope(server, stored["scope"], device)
    }


def payloads_accepted(server: JamfServer, device: Device, profile: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What the device takes of a profile; None where it refuses the whole."""
    accepted = []
    for payload in profile["PayloadContent"]:
        kind = payload["PayloadType"]
        if kind == FILTER and payload.get("FilterType", "BuiltIn") == "BuiltIn":
            too_many = len(payload.get("DenyListURLs", payload.get("BlacklistedURLs", []))) > URLS_AT_MOST
            if not device.supervised or device.is_mac or too_many:
                return None
        if kind == RESTRICTIONS and device.traits.user_enrollment:
            if FORBIDDEN_IN_USER_ENROLLMENT & set(payload) and server.settings.user_enrollment_rejects == "profile":
                return None
            payload = {key: value for key, value in payload.items() if key not in FORBIDDEN_IN_USER_ENROLLMENT}
        accepted.append(payload)
    return accepted


def listed(payload: dict[str, Any], keys: tuple[Any, ...], device: Device) -> frozenset[str] | None:
    """The union of a list's old and new key, as far as the device's system knows them."""
    system = version_tuple(device.os_version)
    place = 2 if device.traits.platform == "tvos" else 1
    known = [payload[key[0]] for key in keys if key[0] in payload and system >= key[place]]
    return frozenset(str(item) for part in known for item in part) if known else None


def effects_of(device: Device) -> Effects:
    """What the installed profiles do. Block lists add up; filters of several profiles are reported as a conflict."""
    hidden: set[str] = set()
    visible: frozenset[str] | None = None
    urls: list[str] = []
    filters = []
    if not device.supervised or device.is_mac:
        return Effects()
    for identifier, profile in sorted(device.profiles.items()):
        for payload in profile.payloads:
            if payload["PayloadType"] == RESTRICTIONS:
                hidden |= listed(payload, BLOCKED, device) or frozenset()
                only = listed(payload, ALLOWED, device)
                if only is not None:
                    visible = only if visible is None else visible & only
            if payload["PayloadType"] == FILTER and payload.get("FilterType", "BuiltIn") == "BuiltIn" and device.traits.platform == "ios":
                key = "DenyListURLs" if version_tuple(device.os_version) >= (14, 5) else "BlacklistedURLs"
                urls += payload.get(key, payload.get("BlacklistedURLs", []))
                filters.append(identifier)
    return Effects(frozenset(hidden), visible, tuple(sorted(set(urls))), tuple(filters) if len(filters) > 1 else ())


def receive_apps(server: JamfServer, device: Device) -> None:
    """App records: one in scope is installed, or taken over if its record says so; out of scope the managed app goes.

    Where the app isn't there, a record made to take it over installs it (Apple MDM fact sheet, 5).
    """
    if device.is_mac:
        return
    scoped = wanted_apps(server, device)
    for number in [number for number in device.sent_apps if number not in scoped]:
        gone = device.sent_apps.pop(number)
        device.apps = [app for app in device.apps if app.id != gone or not app.managed]
    for number, general in scoped.items():
        there = next((app for app in device.apps if app.id == general["bundle_id"]), None)
        if there is None:
            device.apps.append(App(general["bundle_id"], general["name"], general["version"] or "1.0", general["deploy_as_managed_app"]))
        elif general["take_over_management"] and device.supervised:
            device.apps[device.apps.index(there)] = there._replace(managed=True)
        device.sent_apps[number] = general["bundle_id"]


def wanted_apps(server: JamfServer, device: Device) -> dict[int, dict[str, Any]]:
    """The app records that are scoped to a device now and go to it by themselves."""
    return {
        int(stored["id"]): stored["general"]
        for stored in server.stores["mobiledeviceapplications"]
        if stored["general"]["deployment_type"].startswith("Install Automatically") and in_scope(server, stored["scope"], device)
    }


def receive_restrictions(server: JamfServer, device: Device) -> None:
    """Restricted software: Macs with the agent only."""
    if not device.is_mac or not device.agent:
        return
    wanted = wanted_restrictions(server, device)
    device.received, device.effects.restrictions = tuple(wanted), tuple(wanted.values())


def wanted_restrictions(server: JamfServer, device: Device) -> dict[int, Restriction]:
    """The restricted software that is scoped to a Mac now, by the number of its record."""
    return {
        int(stored["id"]): Restriction(
            general["process_name"], general["match_exact_process_name"], general["kill_process"], general["delete_executable"]
        )
        for stored in server.stores["restrictedsoftware"]
        for general in [stored["general"]]
        if in_scope(server, stored["scope"], device)
    }
