# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a device carries out. Facts: Apple's device management schema, mdm/commands."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.support.nanomdm.declaration_rules import knows_declarations
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.error_chain import command_failed
from tests.support.nanomdm.profile_rules import read_profile

if TYPE_CHECKING:
    from tests.support.nanomdm.fake_device import FakeDevice

#: What waits for the user to unlock the device. RemoveProfile does not wait: while an InstallProfile waits, it finds nothing to remove.
POSTPONED_WHILE_LOCKED = frozenset({"InstallProfile", "InstallApplication", "RemoveApplication"})

Command = Mapping[str, Any]


def carry_out(command: Command, device: FakeDevice) -> dict[str, Any]:
    """Carry out one command and return what goes into the report. Raises Refused."""
    do = COMMANDS.get(command["RequestType"])
    if do is None:
        raise command_failed(f"'{command['RequestType']}' is not a valid request type")
    return do(command, device)


def install_profile(command: Command, device: FakeDevice) -> dict[str, Any]:
    profile = read_profile(command["Payload"], device.facts)
    # The same identifier again is a new version of the same profile.
    device.profiles[profile["PayloadIdentifier"]] = profile
    return {}


def remove_profile(command: Command, device: FakeDevice) -> dict[str, Any]:
    identifier = command["Identifier"]
    if identifier in device.declarations.profiles():
        raise command_failed(f"The profile '{identifier}' is managed by a declaration", 12075)
    if identifier not in device.profiles:
        raise command_failed(f"The profile '{identifier}' is not installed", 12075)
    del device.profiles[identifier]
    return {}


def profile_list(command: Command, device: FakeDevice) -> dict[str, Any]:
    shown = ("PayloadIdentifier", "PayloadUUID", "PayloadVersion", "PayloadDisplayName", "PayloadRemovalDisallowed", "PayloadContent")
    of_declarations = device.declarations.profiles()
    rows = []
    for identifier, profile in device.installed_profiles().items():
        row = {key: profile[key] for key in shown if key in profile}
        inner = ("PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadVersion", "PayloadDisplayName")
        row["PayloadContent"] = [{key: payload[key] for key in inner if key in payload} for payload in profile["PayloadContent"]]
        row["IsManaged"] = True
        if identifier in of_declarations:
            row["Source"] = "Declarative Device Management"
        rows.append(row)
    return {"ProfileList": rows}


def installed_application_list(command: Command, device: FakeDevice) -> dict[str, Any]:
    private = device.facts.enrollment == "user"
    if private and device.facts.system == "macOS":
        raise command_failed("InstalledApplicationList is not allowed in a User Enrollment")
    managed_only = private or command.get("ManagedAppsOnly", False)
    wanted = command.get("Identifiers")
    apps = [app for app in device.apps if (app.managed or not managed_only) and (wanted is None or app.identifier in wanted)]
    return {"InstalledApplicationList": [_application_row(app, command.get("Items")) for app in apps]}


def _application_row(app: App, items: list[str] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"Name": app.name, "Version": app.version, "ShortVersion": app.version, "Installing": False, "IsValidated": True}
    if app.identifier:
        row["Identifier"] = app.identifier
    return row if items is None else {key: value for key, value in row.items() if key in items}


def managed_application_list(command: Command, device: FakeDevice) -> dict[str, Any]:
    wanted = command.get("Identifiers")
    managed = [app.identifier for app in device.apps if app.managed and app.identifier and (wanted is None or app.identifier in wanted)]
    return {"ManagedApplicationList": {identifier: {"Status": "Managed", "ManagementFlags": 0} for identifier in managed}}


def remove_application(command: Command, device: FakeDevice) -> dict[str, Any]:
    identifier = command["Identifier"]
    if device.facts.enrollment == "user" and device.facts.system == "macOS":
        raise command_failed("RemoveApplication is not allowed in a User Enrollment")
    if not any(app.identifier == identifier and app.managed for app in device.apps):
        raise command_failed(f"The app '{identifier}' is not managed", 12026)
    device.delete_app(identifier)
    return {}


def device_information(command: Command, device: FakeDevice) -> dict[str, Any]:
    about = device.facts.information()
    return {"QueryResponses": {name: about[name] for name in command.get("Queries", about) if name in about}}


def declarative_management(command: Command, device: FakeDevice) -> dict[str, Any]:
    if not knows_declarations(device.facts):
        raise command_failed("'DeclarativeManagement' is not a valid request type")
    data = command.get("Data")
    if isinstance(data, str):
        data = base64.b64decode(data)
    # The answer goes first; the device looks at its declarations afterwards.
    device.declarations.ask_for_sync(json.loads(data) if data else None)
    return {}


COMMANDS: Mapping[str, Callable[[Command, FakeDevice], dict[str, Any]]] = {
    "InstallProfile": install_profile,
    "RemoveProfile": remove_profile,
    "ProfileList": profile_list,
    "InstalledApplicationList": installed_application_list,
    "ManagedApplicationList": managed_application_list,
    "RemoveApplication": remove_application,
    "DeviceInformation": device_information,
    "DeclarativeManagement": declarative_management,
}
