# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of Apple's device management protocol as dictionaries and property lists. Pure.

Each function gives what stands under ``Command``. Facts are from Apple's published schema of device management, ``mdm/commands``.
"""

from __future__ import annotations

import plistlib
from typing import Any, Iterable, Mapping

from ...engine.errors import AppbanError

#: What we look at of an app. To ask for all keys costs a device time and power.
APP_ITEMS: tuple[str, ...] = ("Identifier", "Name", "Version")


def install_profile(profile: bytes) -> dict[str, Any]:
    """Put a configuration profile on a device. One with the same identifier is replaced.

    Raises:
        AppbanError: for an empty profile.
    """
    if not profile:
        raise AppbanError("there is no profile to install", "InstallProfile", "Give the bytes of the profile")
    return {"RequestType": "InstallProfile", "Payload": bytes(profile)}


def remove_profile(identifier: str) -> dict[str, Any]:
    """Take a configuration profile, and what it blocks, off a device. Arguments: the profile's ``PayloadIdentifier``."""
    return {"RequestType": "RemoveProfile", "Identifier": _named(identifier, "RemoveProfile")}


def remove_application(bundle_id: str) -> dict[str, Any]:
    """Remove a managed app; a device refuses it for any other app."""
    return {"RequestType": "RemoveApplication", "Identifier": _named(bundle_id, "RemoveApplication")}


def installed_application_list(bundle_ids: Iterable[str], items: Iterable[str] = APP_ITEMS) -> dict[str, Any]:
    """Ask which of some apps a device has.

    Args:
        bundle_ids: the only apps that the device tells of. A question without them would bring a person's other apps to light.
        items: keys of the answer. iOS and tvOS take them since 14 and Macs not at all; empty leaves them out.

    Raises:
        AppbanError: for no bundle ids.
    """
    command: dict[str, Any] = {"RequestType": "InstalledApplicationList", "Identifiers": _apps(bundle_ids, "InstalledApplicationList")}
    names = list(items)
    return {**command, "Items": names} if names else command


def device_information(queries: Iterable[str]) -> dict[str, Any]:
    """Ask for attributes of a device.

    Args:
        queries: names such as ``OSVersion`` and ``IsSupervised``.

    Raises:
        AppbanError: for none.
    """
    names = list(dict.fromkeys(queries))
    if not names:
        raise AppbanError("there is nothing to ask for", "DeviceInformation", "Name at least one query")
    return {"RequestType": "DeviceInformation", "Queries": names}


def command_plist(command_uuid: str, command: Mapping[str, Any]) -> bytes:
    """A command as a server takes it: the same bytes for the same command.

    Args:
        command_uuid: what the device answers with. A server takes the same one once only.
        command: of one of the functions above.
    """
    return plistlib.dumps({"CommandUUID": _named(command_uuid, "CommandUUID"), "Command": dict(command)}, sort_keys=True)


def _named(name: str, where: str) -> str:
    if not name.strip():
        raise AppbanError("an identifier is missing", where, "Give the identifier")
    return name


def _apps(bundle_ids: Iterable[str], where: str) -> list[str]:
    ids = sorted({each.strip() for each in bundle_ids})
    if not ids or not all(ids):
        raise AppbanError("a question for apps needs at least one bundle id, and no empty one", where, "Check the policy's apps")
    return ids
