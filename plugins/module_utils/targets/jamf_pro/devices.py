# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From rows of the inventory to devices in the collection's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...mdm.http.server_values import instant_of, whole_number
from ...mdm.planning.fleet import ManagedDevice
from .objects import COMPUTER, MACOS, InventoryRow

#: What is in the model's name of a device, by platform. A smart group goes by the same words.
MODEL_WORDS: dict[str, tuple[str, ...]] = {"ios": ("iPhone", "iPod"), "ipados": ("iPad",), "tvos": ("Apple TV",)}
_BY_TYPE = {"ios": "ios", "ipados": "ipados", "tvos": "tvos", "visionos": "visionos"}
_USER_ENROLLMENTS = ("userenrollment", "accountdrivenuserenrollment")
_PERSONAL = "personaldeviceprofile"
_INSTITUTIONAL = "institutional"


def device_of(row: InventoryRow, groups: Sequence[str | None] | None = None, place: int = 0) -> ManagedDevice:
    """A device of the inventory.

    Its ``native_ownership`` is what native scopes go by: its platform, where the scope for that platform reaches it (all Macs that have not
    left; mobile devices that have not left, are supervised, and of a model that tells the platform), None otherwise. Its ``directory_id``
    is its number at the server, if it can be given to a scope or a group. Control of a Mac arrives with its contact, which is no inventory;
    of mobile devices the server tells no other contact than the inventory.

    Args:
        groups: names of the groups that policies ask for and it is in; None where nobody asks.
        place: distinguishes devices that can't be read.
    """
    family = "computer" if row.family == COMPUTER else "mobile"
    if row.unreadable:
        return ManagedDevice({"id": "%s:unreadable-%d" % (family, place), "platform": None, "ownership": None})
    platform = "macos" if row.family == COMPUTER else platform_of(row)
    # Nobody has said that it left, as long as nobody says anything: what was known of it goes on to count.
    managed = row.managed is not False
    inventory_at, contact = instant_of(row.last_inventory), instant_of(row.last_contact)
    record = {
        "id": "%s:%d" % (family, row.id),
        "serial": row.serial or None,
        "name": row.name or None,
        "platform": platform,
        "os_version": row.os_version or None,
        "ownership": ownership_of(row),
        "supervised": row.supervised,
        "enrollment": enrollment_of(row),
        # What a server manages has what the employer gives; who gives it up leaves the management.
        "work_apps": row.managed,
        "user": row.user or None,
        "department": row.department or None,
        "last_seen": max(inventory_at, contact) or None,
        **({} if groups is None else {"groups": list(groups)}),
    }
    return ManagedDevice(
        record,
        native_ownership=platform if managed and _is_in_native_scope(row, platform) else None,
        directory_id=str(row.id) if managed else "",
        synced_at=max(inventory_at, contact),
        inventory_at=inventory_at,
        enrolled_at=instant_of(row.enrolled),
    )


def platform_of(row: InventoryRow) -> str | None:
    """The platform of a mobile device: by its model, and where that tells nothing by the server's word for its system."""
    by_model = _platform_of_model(row.model)
    return by_model or _BY_TYPE.get(row.device_type.lower())


def ownership_of(row: InventoryRow) -> str | None:
    """Whose a device is. Only an organisation can supervise one; a Mac that is managed is one that an organisation has enrolled."""
    if row.family == COMPUTER:
        return "corporate" if row.managed is True else None
    stated = row.ownership.lower()
    if row.supervised is True or stated == _INSTITUTIONAL:
        return "corporate"
    return "personal" if stated == _PERSONAL or stated in _USER_ENROLLMENTS else None


def enrollment_of(row: InventoryRow) -> str | None:
    """How a device is enrolled; ``none`` for one that the server does not manage; None where it doesn't say."""
    if row.managed is None:
        return None
    if row.managed is False:
        return "none"
    return "user" if row.ownership.lower() in _USER_ENROLLMENTS else "device"


def _is_in_native_scope(row: InventoryRow, platform: str | None) -> bool:
    if row.family == COMPUTER:
        return True
    return row.supervised is True and platform is not None and _platform_of_model(row.model) == platform


def _platform_of_model(model: str) -> str | None:
    found = [platform for platform, words in MODEL_WORDS.items() if any(word.lower() in model.lower() for word in words)]
    return found[0] if len(found) == 1 else None


def family_of(device: ManagedDevice) -> str:
    """``MACOS`` or ``MOBILE``, as profiles and scopes distinguish them."""
    kind, _sep, _number = device.id.partition(":")
    return MACOS if kind == COMPUTER else kind


def number_of(device: ManagedDevice) -> int:
    """The number of a device at the server; 0 for one that can't be read."""
    return whole_number(device.id.partition(":")[2])
