# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .device import Device
from .groups import MACS, MOBILE, is_member, members_name

if TYPE_CHECKING:
    from .jamf_server import JamfServer


def listed(server: JamfServer, part: dict[str, Any], device: Device) -> bool:
    """Whether a scope or its exclusions name the device, its groups, its place or its user."""
    path = MACS if device.is_mac else MOBILE
    stem = "computer" if device.is_mac else "mobile_device"
    if device.number in part.get(f"{stem}s", []):
        return True
    groups = (server.stores[path].objects.get(number) for number in part.get(f"{stem}_groups", []))
    if any(group is not None and is_member(group[members_name(path)], device.number) for group in groups):
        return True
    if bool(device.user) and device.user in [*part.get("users", []), *part.get("jss_users", [])]:
        return True
    for name, own in (("buildings", device.building), ("departments", device.department)):
        if own and own in [server.name_of(name, number) for number in part.get(name, [])]:
            return True
    return False


def in_scope(server: JamfServer, scope: dict[str, Any], device: Device) -> bool:
    """Targets, within the limitations, without the exclusions. Only managed devices hear of anything."""
    everybody = scope.get("all_computers" if device.is_mac else "all_mobile_devices", False)
    limited = scope.get("limitations", {}).get("users")
    return (
        device.managed
        and (everybody or listed(server, scope, device))
        and (not limited or device.user in limited)
        and not listed(server, scope["exclusions"], device)
    )
