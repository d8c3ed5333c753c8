# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device: what it is, what is on it, what the server knows of it, and what is in force on it since its last check-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

# iOS never hides these (Apple MDM fact sheet, 2).
UNHIDABLE = frozenset({"com.apple.Preferences", "com.apple.mobilephone"})


class App(NamedTuple):
    """An installed app. `file` is a Mac bundle's name, "X.app", and is empty elsewhere. `dropped`: what an inventory's row leaves out.

    In an inventory id, name and file may also be None.
    """

    id: str | None
    name: str | None
    version: str = "1.0"
    managed: bool = False
    file: str | None = ""
    dropped: tuple[str, ...] = ()


class Kind(NamedTuple):
    """How a device is enrolled."""

    name: str
    platform: str
    model: str
    ownership: str
    supervised: bool
    user_enrollment: bool = False
    shared: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("iphone_supervised", "ios", "iPhone 12", "Institutional", True),
        Kind("ipad_supervised", "ios", "iPad (9th generation)", "Institutional", True),
        Kind("ipad_shared", "ios", "iPad (9th generation)", "Institutional", True, shared=True),
        Kind("iphone_unsupervised", "ios", "iPhone 12", "Institutional", False),
        Kind("iphone_personal", "ios", "iPhone SE", "PersonalDeviceProfile", False),
        Kind("iphone_user_enrollment", "ios", "iPhone 13", "UserEnrollment", False, user_enrollment=True),
        Kind("apple_tv", "tvos", "Apple TV 4K", "Institutional", True),
        Kind("mac_supervised", "macos", "MacBook Air", "Institutional", True),
        Kind("mac_unsupervised", "macos", "MacBook Pro", "Institutional", False),
    )
}


class Record(NamedTuple):
    """What the server knows since the last inventory."""

    os_version: str
    supervised: bool
    apps: tuple[App, ...]


class InstalledProfile(NamedTuple):
    """A configuration profile on a device, by its PayloadIdentifier there."""

    name: str
    payloads: tuple[dict[str, Any], ...]


class Sent(NamedTuple):
    """What the server last sent a device of one profile object."""

    identifier: str
    round: int
    status: str


class Restriction(NamedTuple):
    """A restricted-software record as the Jamf agent keeps it."""

    process_name: str
    exact: bool
    kill: bool
    delete: bool

    def matches(self, app: App) -> bool:
        """By process name only: a renamed app gets away (Jamf Pro fact sheet, 5)."""
        if not app.file:
            return False
        names = (app.file, app.file.removesuffix(".app"))
        return self.process_name in names if self.exact else any(self.process_name.lower() in name.lower() for name in names)


# What may be in the place of a section, or among its rows.
ODD_SECTIONS = frozenset({"missing", "null", "text", "list", "object", "null_item", "text_item"})


@dataclass(slots=True)
class Effects:
    """What the profiles of the last check-in do on a device."""

    hidden: frozenset[str] = frozenset()
    only_visible: frozenset[str] | None = None
    denied_urls: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    restrictions: tuple[Restriction, ...] = ()


@dataclass(slots=True)
class Device:
    """One device. `number` is its id among mobile devices or among computers; `key` is unique ("m7", "c3")."""

    number: int
    kind: str
    name: str
    serial: str
    udid: str
    management_id: str
    os_version: str
    user: str
    department: str
    building: str
    enrolled: datetime
    last_check_in: datetime
    last_inventory: datetime
    supervised: bool
    record: Record
    managed: bool = True
    online: bool = True
    agent: bool = True
    corrupt: bool = False
    apps: list[App] = field(default_factory=list)
    profiles: dict[str, InstalledProfile] = field(default_factory=dict)
    sent: dict[tuple[str, int], Sent] = field(default_factory=dict)
    sent_apps: dict[int, str] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)
    declarations_synced: datetime | None = None
    # Checks in without ever sending an inventory, if false.
    sends_inventory: bool = True
    # A record that no device belongs to any more.
    shell: bool = False
    # Sections of the record that aren't what they should be: see ODD_SECTIONS.
    odd_sections: dict[str, str] = field(default_factory=dict)
    # How inventories spell an app, by its id.
    spelled: dict[str | None, dict[str, Any]] = field(default_factory=dict)
    # The restricted-software records that have arrived, in the order of the effects.
    received: tuple[int, ...] = ()
    # What the server knew before the last inventory.
    earlier: tuple[Record, datetime] | None = None

    @property
    def traits(self) -> Kind:
        return KINDS[self.kind]

    @property
    def is_mac(self) -> bool:
        return KINDS[self.kind].platform == "macos"

    @property
    def key(self) -> str:
        return f"{'c' if self.is_mac else 'm'}{self.number}"

    def is_hidden(self, app: App) -> bool:
        if app.id in UNHIDABLE:
            return False
        return app.id in self.effects.hidden or (self.effects.only_visible is not None and app.id not in self.effects.only_visible)

    def is_killed(self, app: App) -> bool:
        return any(restriction.kill and restriction.matches(app) for restriction in self.effects.restrictions)

    def why_not(self, app: App) -> str:
        """What keeps an app from being opened, or nothing."""
        if self.is_hidden(app):
            return "hidden"
        if any(restriction.delete and restriction.matches(app) for restriction in self.effects.restrictions):
            return "deleted"
        return "killed" if self.is_killed(app) else ""

    def leave(self) -> None:
        """Everything that management brought goes; the apps that it brought as well."""
        gone = set(self.sent_apps.values())
        self.apps = [app for app in self.apps if app.id not in gone or not app.managed]
        self.profiles, self.sent, self.sent_apps, self.effects, self.received = {}, {}, {}, Effects(), ()
        self.declarations_synced = None

    def take_inventory(self, now: datetime, unmanaged_apps: bool) -> None:
        """Tell the server what is here. A blocked app stays in the list; User Enrollment tells of managed apps only."""
        everything = self.is_mac or (unmanaged_apps and not self.traits.user_enrollment)
        told = sorted((app for app in self.apps if everything or app.managed), key=by_name)
        apps = tuple(app._replace(**self.spelled.get(app.id, {})) for app in told)
        self.earlier = (self.record, self.last_inventory)
        self.record = Record(self.os_version, self.supervised, apps)
        self.last_inventory = now

    def describe_apps(self) -> list[dict[str, Any]]:
        """What a person sees who holds the device."""
        return [
            {
                "id": app.id, "name": app.name, "version": app.version, "managed": app.managed, "file": app.file, "installed": True,
                "hidden": self.is_hidden(app), "launch_blocked": self.is_hidden(app) or self.is_killed(app),
            }
            for app in sorted(self.apps, key=by_name)
        ]  # fmt: skip


def by_name(app: App) -> tuple[str, ...]:
    """The order of apps, which may lack an id."""
    return (app.id or "", app.name or "", app.version, str(app.managed), app.file or "")


def version_tuple(text: str) -> tuple[int, ...]:
    """16.3.1 as numbers that compare."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())
