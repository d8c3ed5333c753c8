# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a plan for Intune, as data: what the executor does. Names stand for objects that may not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...mdm.planning.notices import Notice
from .objects import Target


@dataclass(frozen=True)
class CreateGroup:
    """Make a security group and fill it. members: names in the directory."""

    name: str
    description: str
    by_user: bool
    members: tuple[str, ...]


@dataclass(frozen=True)
class ChangeMembers:
    """Add and remove members of a group of ours. remove: name in the directory -> id of the directory object."""

    group: str
    by_user: bool
    add: tuple[str, ...] = ()
    remove: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateFilter:
    """Make an assignment filter."""

    name: str
    description: str
    platform: str
    rule: str


@dataclass(frozen=True)
class WriteFilterRule:
    """Give a filter of ours its rule back."""

    id: str
    name: str
    description: str
    rule: str


@dataclass(frozen=True)
class AddPlayApp:
    """Take an Android app from Google Play into the tenant's list, because only what is in it can be assigned.

    Args:
        notes: what marks it as brought in by us, so that the end of the ban takes it out again.
    """

    package: str
    notes: str


@dataclass(frozen=True)
class CreateStoreApp:
    """Take a Microsoft Store app into the tenant's list."""

    package: str
    title: str
    publisher: str
    notes: str


@dataclass(frozen=True)
class SendNotices:
    """Send notices, each written into the ledger first."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class ChangeAppAssignments:
    """Add and remove our assignments of one app, one by one: the others in the set are somebody else's.

    Args:
        identifier: of the app, which may not be in the list yet.
        add: targets by name.
        remove: ids of assignments of ours.
    """

    odata_types: frozenset[str]
    identifier: str
    app_id: str
    add: tuple[Target, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True)
class WriteObject:
    """Create or change an assigned object, and assign it.

    Args:
        id: empty to create it.
        body: all settings; None where they are right already.
        targets: the whole set, because an assignment replaces what was there; None where it is right already.
        grace_hours: of a compliance policy's block; None where there is nothing to write.
    """

    resource: str
    id: str
    name: str
    description: str
    body: Mapping[str, Any] | None
    targets: frozenset[Target] | None
    grace_hours: int | None = None


@dataclass(frozen=True)
class Delete:
    """Delete an object of ours.

    Args:
        path: of its collection.
        ordered: of an app from Google Play, the packages that we may have ordered it by.
    """

    version: str
    path: str
    id: str
    permission: str
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True)
class PutIndicators:
    """Submit or update indicators: domain -> what they hold."""

    indicators: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class DeleteIndicators:
    """Delete indicators of ours. ids by domain."""

    ids: Mapping[str, str]
