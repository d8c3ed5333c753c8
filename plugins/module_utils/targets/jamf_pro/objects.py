# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Jamf Pro server holds, as data: configuration profiles, restricted software, groups, and whom they are for.

An object that isn't on the server yet has the id 0, which is also what the Classic API takes for "make a new one".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

from ...mdm.planning.audiences import Audience

MOBILE = "mobile"
MACOS = "macos"
COMPUTER = "computer"

AUTOMATIC = "Install Automatically"
SELF_SERVICE = "Make Available in Self Service"

#: What a record does to a process, in the names that it blocks.
ENDS, DELETES = "ends ", "deletes "
#: A record that also matches names that only have its own in them does something else.
LOOSELY = "loosely "


@dataclass(frozen=True)
class Listed:
    """A row of a list: all that the Classic API tells of an object there.

    Args:
        smart: whether it is a smart group; None for what is no group.
    """

    id: int
    name: str
    smart: bool | None = None


@dataclass(frozen=True)
class Scope:
    """Whom an object is for. Compared by id, as the server does; names are for people.

    Args:
        everything: all mobile devices, or all computers.
        devices: ids of single devices (mobile devices or computers, as the object is for).
        groups: ids of groups of them.
        excluded_devices: ids.
        excluded_groups: ids.
        foreign: all else that somebody put into the scope, sorted: "exclusions.buildings: HQ", "limitations.users: bob". We never
            write any of it, and a scope with any can't be written.
        names: id of a group -> name, as far as known.
    """

    everything: bool = False
    devices: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    excluded_devices: frozenset[int] = frozenset()
    excluded_groups: frozenset[int] = frozenset()
    foreign: tuple[str, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict, compare=False)

    @property
    def audience(self) -> Audience:
        """Whom it means, as plans understand it."""
        devices, excluded = (frozenset(map(str, listed)) for listed in (self.devices, self.excluded_devices))
        narrowed = any(each.startswith(("limitations", "exclusions")) for each in self.foreign)
        return Audience(self.everything, devices, frozenset(self.groups), excluded, frozenset(self.excluded_groups), narrowed)


@dataclass(frozen=True)
class Profile:
    """A configuration profile.

    Args:
        family: ``MOBILE`` or ``MACOS``.
        description: the server also writes it into the profile, where users of a device may see it.
        deployment: ``AUTOMATIC`` or ``SELF_SERVICE``.
        payloads: the profile itself, a property list. The server rewrites it, so compare what is in it, and only the keys that are ours.
        removable: whether users may take it off their Mac; always false for mobile devices, where the server doesn't offer it.
    """

    family: str
    id: int
    name: str
    description: str
    deployment: str
    payloads: bytes
    scope: Scope
    removable: bool = False


@dataclass(frozen=True)
class RestrictedSoftware:
    """A record of restricted software: what the agent on a Mac does about a process when it is launched. It has no description.

    Args:
        process_name: "Steam.app" or a process's name; the record matches nothing else, no bundle id and no signature.
        exact: whether the name has to match from end to end.
        notify: send a notification to the server's administrators.
        kill: end the process.
        delete: delete the application.
        message: what the user reads.
    """

    id: int
    name: str
    process_name: str
    exact: bool
    notify: bool
    kill: bool
    delete: bool
    message: str
    scope: Scope

    @property
    def policies(self) -> tuple[str, ...]:
        """None: of the policies that it was made for its name tells no more than a hash."""
        return ()

    @property
    def names(self) -> frozenset[str]:
        """What it does, and to which process."""
        how = "" if self.exact else LOOSELY
        return frozenset(how + what + self.process_name for what, on in ((ENDS, self.kill), (DELETES, self.delete)) if on)

    @property
    def audience(self) -> Audience:
        return self.scope.audience


@dataclass(frozen=True)
class Criterion:
    """One criterion of a smart group.

    Args:
        name: "App Identifier", "Application Title"; a server that doesn't know it drops or replaces it.
        search_type: "is", "has", "like"
        and_or: how it follows the one before.
    """

    name: str
    search_type: str
    value: str
    and_or: str = "and"
    opening_paren: bool = False
    closing_paren: bool = False


@dataclass(frozen=True)
class Group:
    """A group of devices.

    Args:
        family: ``MOBILE`` or ``COMPUTER``.
        description: always empty for computers, whose groups have none in the Classic API.
        criteria: in their order; empty for a static group.
        members: ids of devices; None if they weren't read.
        site: -1 for none.
    """

    family: str
    id: int
    name: str
    smart: bool
    description: str = ""
    criteria: tuple[Criterion, ...] = ()
    members: frozenset[int] | None = None
    site: int = -1


@dataclass(frozen=True)
class FoundApp:
    """An app that the inventory of a device lists.

    Args:
        id: bundle identifier; may be empty on Macs.
        name: "TikTok"; on Macs the name of the bundle, "TikTok.app".
        version: as a person reads it.
        managed: whether the server installed it; None on Macs, where it doesn't say.
    """

    id: str
    name: str
    version: str = ""
    managed: bool | None = None


@dataclass(frozen=True)
class InventoryRow:
    """A device as the inventory has it; texts are empty where it doesn't say.

    Args:
        family: ``MOBILE`` or ``COMPUTER``.
        id: 0 for one that can't be read.
        unreadable: the server fails over this record: a device that exists and of which nothing is known.
        device_type: "iOS" or "tvOS", as the server says; "macOS" for computers.
        model: "iPad (9th generation)", which also tells an iPad from an iPhone.
        ownership: "Institutional", "PersonalDeviceProfile", "UserEnrollment"; empty for computers.
        supervised, managed: None where the server doesn't say.
        last_inventory, last_contact, enrolled: instants as the server gives them; of mobile devices it tells no contact.
        apps: those that were asked for, sorted; None if no inventory of apps was asked for or came.
        unread: how many rows of the list of apps don't say what they are.
        groups: ids of the groups it is in; None if not asked for (mobile devices never are).
    """

    family: str
    id: int = 0
    unreadable: bool = False
    name: str = ""
    serial: str = ""
    device_type: str = ""
    os_version: str = ""
    model: str = ""
    managed: bool | None = None
    supervised: bool | None = None
    ownership: str = ""
    last_inventory: str = ""
    last_contact: str = ""
    enrolled: str = ""
    user: str = ""
    department: str = ""
    apps: tuple[FoundApp, ...] | None = None
    unread: int = 0
    groups: frozenset[int] | None = None
