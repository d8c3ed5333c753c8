# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups: members of static ones as written, of smart ones as of the last inventory (Jamf Pro fact sheet, 6)."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..clock import instant
from .device import Device, version_tuple
from .errors import conflict

if TYPE_CHECKING:
    from xml.etree import ElementTree

    from .jamf_server import JamfServer

MOBILE, MACS = "mobiledevicegroups", "computergroups"


def app_values(device: Device, field: str) -> list[str]:
    return [getattr(app, field) for app in device.record.apps if getattr(app, field) is not None]


# Criteria by name; the spelling of the apps' ones is the fact sheet's best knowledge. Another name comes back replaced.
CRITERIA: dict[str, dict[str, Callable[[Device], list[str]]]] = {
    MOBILE: {
        "App Identifier": lambda device: app_values(device, "id"),
        "App Name": lambda device: app_values(device, "name"),
        "Supervised": lambda device: ["Supervised" if device.record.supervised else "Unsupervised"],
        "Managed": lambda device: ["Managed" if device.managed else "Unmanaged"],
        "OS Version": lambda device: [device.record.os_version],
        "Model": lambda device: [device.traits.model],
        "Serial Number": lambda device: [device.serial],
        "Department": lambda device: [device.department],
        "Building": lambda device: [device.building],
        "Username": lambda device: [device.user],
        "Last Inventory Update": lambda device: [instant(device.last_inventory)],
    },
    MACS: {
        "Application Title": lambda device: app_values(device, "file"),
        "Application Bundle ID": lambda device: app_values(device, "id"),
        "Supervised": lambda device: ["Yes" if device.record.supervised else "No"],
        "Operating System Version": lambda device: [device.record.os_version],
        "Serial Number": lambda device: [device.serial],
        "Department": lambda device: [device.department],
        "Building": lambda device: [device.building],
        "Username": lambda device: [device.user],
    },
}
FALLBACK = {MOBILE: "Username", MACS: "Username"}
TRUE_WORDS = {"true": ("Supervised", "Yes", "Managed"), "false": ("Unsupervised", "No", "Unmanaged")}


def holds(search: str, wanted: str, values: list[str]) -> bool:
    """One criterion against what a device has."""
    if wanted in TRUE_WORDS and values and values[0] in (*TRUE_WORDS["true"], *TRUE_WORDS["false"]):
        values = ["true" if values[0] in TRUE_WORDS["true"] else "false"]
    positive = {"is not": "is", "does not have": "has", "not like": "like"}.get(search, search)
    if positive != search:
        return not holds(positive, wanted, values)
    if search in ("is", "has", "member of"):
        return wanted in values or (wanted == "" and not any(values))
    if search == "like":
        return any(wanted.lower() in value.lower() for value in values)
    if search == "matches regex":
        try:
            return any(re.search(wanted, value) for value in values)
        except re.error:
            return False
    bound = version_tuple(wanted)
    compare = {
        "greater than": lambda value: value > bound, "less than": lambda value: value < bound,
        "greater than or equal": lambda value: value >= bound, "less than or equal": lambda value: value <= bound,
    }.get(search)  # fmt: skip
    return compare is not None and any(compare(version_tuple(value)) for value in values)


def qualifies(path: str, criteria: list[dict[str, Any]], device: Device) -> bool:
    """Criteria in order of priority; "and" binds tighter than "or", parentheses before both. None at all: everything."""
    ordered = sorted(criteria, key=lambda item: int(item["priority"]))
    text = ""
    for index, item in enumerate(ordered):
        value = holds(item["search_type"], item["value"], CRITERIA[path][item["name"]](device))
        text += f" {item['and_or']} " if index else ""
        text += f"{'(' if item['opening_paren'] else ''}{value}{')' if item['closing_paren'] else ''}"
    try:
        # Only True, False, and, or, and parentheses can be in this text.
        return bool(eval(text)) if text else True
    except SyntaxError:
        return False


def devices_of(server: JamfServer, path: str) -> dict[int, Device]:
    return server.macs if path == MACS else server.mobiles


def members_name(path: str) -> str:
    return "computers" if path == MACS else "mobile_devices"


def settle(server: JamfServer, path: str, group: dict[str, Any]) -> None:
    """A saved group: criteria that don't exist are replaced, a smart group is worked out over the whole fleet."""
    for item in group["criteria"]:
        if item["name"] not in CRITERIA[path]:
            item["name"] = FALLBACK[path]
    if group["is_smart"] == "true":
        fleet = devices_of(server, path)
        members = [number for number, device in fleet.items() if qualifies(path, group["criteria"], device)]
        group[members_name(path)] = sorted(members)
    else:
        group["criteria"] = []
        group[members_name(path)] = sorted(group[members_name(path)])


def is_member(members: list[int], number: int) -> bool:
    """Members are kept in order."""
    place = bisect_left(members, number)
    return place < len(members) and members[place] == number


def recalculate(server: JamfServer, device: Device) -> None:
    """A device's inventory arrived: work out its place in every smart group."""
    path = MACS if device.is_mac else MOBILE
    for group in server.stores[path]:
        if group["is_smart"] == "true":
            members: list[int] = group[members_name(path)]
            belongs, member = qualifies(path, group["criteria"], device), is_member(members, device.number)
            if belongs and not member:
                insort(members, device.number)
            elif member and not belongs:
                members.remove(device.number)


def change_members(server: JamfServer, path: str, group: dict[str, Any], element: ElementTree.Element) -> None:
    """Additions and deletions of a Classic write: all or nothing. A smart group's members can't be written."""
    name = members_name(path)
    item = name.removesuffix("s")
    if group["is_smart"] == "true":
        return
    members: list[int] = list(group[name])
    listed = element.find(name)
    if listed is not None:
        check_members(server, path, members)
    for child in element.findall(f"./{item}_additions/{item}"):
        number = member_number(server, path, child)
        check_members(server, path, [number])
        if number not in members:
            members.append(number)
    for child in element.findall(f"./{item}_deletions/{item}"):
        number = member_number(server, path, child)
        if number in members:
            members.remove(number)
        elif path == MACS:
            raise conflict(f"Computer {number} is not a member of the group")
    group[name] = sorted(members)


def member_number(server: JamfServer, path: str, element: ElementTree.Element) -> int:
    """The device that an entry means, by id, serial number or name."""
    for tag, attribute in (("id", "number"), ("serial_number", "serial"), ("udid", "udid"), ("name", "name")):
        text = (element.findtext(tag) or "").strip()
        if text:
            for number, device in devices_of(server, path).items():
                if str(getattr(device, attribute)) == text:
                    return number
            break
    raise conflict(f"Unable to match {element.tag}")


def check_members(server: JamfServer, path: str, numbers: list[int]) -> None:
    for number in numbers:
        if not devices_of(server, path)[number].managed:
            raise conflict(f"{'Computer' if path == MACS else 'Mobile device'} {number} is not managed")
