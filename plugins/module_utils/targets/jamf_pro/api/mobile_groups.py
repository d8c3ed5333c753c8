# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write groups of mobile devices, through the Pro API: it knows their descriptions, which the Classic API doesn't."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ....engine.errors import ChangeFailed
from ....mdm.http.server_values import whole_number
from ....mdm.http.written_objects import delete_and_look, write_and_look
from ..objects import MOBILE, Criterion, Group
from .group_changes import CHUNK, differences, member_changes
from .jamf import PRODUCT, Jamf
from .privileges import CREATE, DELETE, READ, UPDATE, group_privilege

BASE = "/api/v1/mobile-device-groups/"
#: Version 1 has no way to change a static group.
STATIC_WRITES = "/api/v2/mobile-device-groups/static-groups"


class MobileGroups:
    """The groups of mobile devices of one server."""

    def __init__(self, jamf: Jamf) -> None:
        self.jamf = jamf

    def list_all(self, smart: bool) -> list[Group]:
        """All smart groups with their criteria, or all static ones; members are not read.

        Raises:
            RequestFailed, OutOfTime
        """
        needs = group_privilege(READ, MOBILE, smart)
        what = "list the %s mobile device groups" % kind(smart)
        rows = self.jamf.rows(collection(smart), {"sort": "groupId:asc"}, what=what, privilege=needs, key="groupId")
        return [parse(row, smart) for row in rows]

    def read(self, number: int, smart: bool) -> Group | None:
        """One group, without its members; None if it isn't there. Raises as ``list_all``."""
        what = "read the mobile device group %d" % number
        row = self.jamf.find("%s/%d" % (collection(smart), number), what=what, privilege=group_privilege(READ, MOBILE, smart))
        return None if row is None else dataclasses.replace(parse(row, smart), id=number)

    def members(self, number: int, smart: bool) -> frozenset[int]:
        """The ids of the devices in a group; nothing else of them is kept. Raises as ``list_all``."""
        return frozenset(self.member_ids(number, smart))

    def has_one_of(self, number: int, smart: bool, devices: frozenset[int]) -> bool:
        """Whether one of some devices is in a group; no more pages are read than show it. Raises as ``list_all``."""
        return any(member in devices for member in self.member_ids(number, smart))

    def member_ids(self, number: int, smart: bool) -> Iterator[int]:
        """The ids of the devices in a group, page by page."""
        rows = self.jamf.rows(
            "%s%s-group-membership/%d" % (BASE, kind(smart), number),
            # Names of devices are not unique, so pages by name would overlap.
            {"sort": "mobileDeviceId:asc"},
            what="read the members of the mobile device group %d" % number,
            privilege=group_privilege(READ, MOBILE, smart),
            key="mobileDeviceId",
        )
        for row in rows:
            yield whole_number(row["mobileDeviceId"])

    def create(self, wanted: Group) -> Group:
        """Make a group, a static one with its members, and return it as the server has it.

        Raises:
            ChangeFailed: if the server doesn't keep what was written; nothing is taken back.
            WriteInCheckMode, RequestFailed, OutOfTime
        """
        members = sorted(wanted.members or ())
        body = smart_body(wanted) if wanted.smart else static_body(wanted, members[:CHUNK], ())
        needs = group_privilege(CREATE, MOBILE, wanted.smart)
        path = collection(True) if wanted.smart else STATIC_WRITES

        def send() -> int:
            answer = self.jamf.post(path, body, what="make the mobile device group %s" % wanted.name, privilege=needs)
            return whole_number(answer.get("id")) if isinstance(answer, dict) else 0

        made = self.write(wanted, send, None if wanted.smart else frozenset(members[:CHUNK]))
        return made if wanted.smart or wanted.members is None else self.change_members(made, wanted.members)

    def update(self, wanted: Group) -> Group:
        """Give a group name, description and criteria of the wanted one, whose id it has; members stay. Raises as ``create``."""
        what = "change the mobile device group %s" % wanted.name
        needs = group_privilege(UPDATE, MOBILE, wanted.smart)

        def send() -> int:
            if wanted.smart:
                self.jamf.put("%s/%d" % (collection(True), wanted.id), smart_body(wanted), what=what, privilege=needs)
            else:
                self.jamf.patch("%s/%d" % (STATIC_WRITES, wanted.id), static_body(wanted, (), ()), what=what, privilege=needs)
            return wanted.id

        return self.write(wanted, send, None)

    def change_members(self, group: Group, members: frozenset[int], managed: frozenset[int] | None = None) -> Group:
        """Make the members of a static group exactly these devices, and return it as the server has it.

        The membership is read first, and only what differs is sent. Raises as ``create``.

        Args:
            managed: ids of all devices that are managed. Others stay in the group or out of it, as they are: the server refuses a request
                that names one of them, and no profile or record reaches them anyway.
        """
        current = self.read(group.id, False)
        if current is None:
            raise ChangeFailed(
                "The members of the mobile device group %s can't be changed: it was deleted meanwhile" % group.name,
                "%s/%d" % (collection(False), group.id),
                "Run again; the next run makes it anew",
            )
        now = self.members(group.id, False)
        current = dataclasses.replace(current, members=now)
        for added, removed in member_changes(now, members, managed):
            now = (now | frozenset(added)) - frozenset(removed)
            current = self.write(current, self.sender(current, added, removed), now)
        return current

    def sender(self, group: Group, added: Sequence[int], removed: Sequence[int]) -> Callable[[], int]:
        """Sends one piece of a change of members."""
        what = "change the members of the mobile device group %s" % group.name

        def send() -> int:
            body = static_body(group, added, removed)
            self.jamf.patch("%s/%d" % (STATIC_WRITES, group.id), body, what=what, privilege=group_privilege(UPDATE, MOBILE, False))
            return group.id

        return send

    def write(self, wanted: Group, send: Callable[[], int], members: frozenset[int] | None) -> Group:
        """Send a write and look what became of it."""
        expected = dataclasses.replace(wanted, members=members)
        return write_and_look(
            send,
            lambda number: self.look(number or wanted.id or self.find(wanted.name, wanted.smart), wanted.smart, members is not None),
            lambda found: differences(expected, found),
            clock=self.jamf.clock,
            counters=self.jamf.counters,
            product=PRODUCT,
            what="the mobile device group %s" % wanted.name,
        )

    def look(self, number: int, smart: bool, with_members: bool) -> Group | None:
        """One group, with its members if they are to be compared; None for the id 0 too."""
        group = self.read(number, smart) if number else None
        if group is not None and with_members:
            group = dataclasses.replace(group, members=self.members(number, smart))
        return group

    def find(self, name: str, smart: bool) -> int:
        """The id of the newest group of that name; 0 if there is none. Raises as ``list_all``."""
        return max((group.id for group in self.list_all(smart) if group.name == name.strip()), default=0)

    def delete(self, number: int, name: str, smart: bool) -> None:
        """Delete a group; one that is gone already is as good. Raises as ``create``."""
        needs = group_privilege(DELETE, MOBILE, smart)
        path = "%s/%d" % (collection(smart), number)
        delete_and_look(
            lambda: self.jamf.delete(path, what="delete the mobile device group %s" % name, privilege=needs),
            lambda: self.read(number, smart) is not None,
            clock=self.jamf.clock,
            counters=self.jamf.counters,
            product=PRODUCT,
            what="the mobile device group %s" % name,
        )


def kind(smart: bool) -> str:
    """How the Pro API calls it."""
    return "smart" if smart else "static"


def collection(smart: bool) -> str:
    """The path of one kind of groups."""
    return "%s%s-groups" % (BASE, kind(smart))


def smart_body(wanted: Group) -> dict[str, Any]:
    """A smart group as the Pro API takes it."""
    return {
        "groupName": wanted.name,
        "groupDescription": wanted.description,
        "siteId": str(wanted.site),
        "criteria": [
            {
                "name": each.name,
                "priority": place,
                "andOr": each.and_or,
                "searchType": each.search_type,
                "value": each.value,
                "openingParen": each.opening_paren,
                "closingParen": each.closing_paren,
            }
            for place, each in enumerate(wanted.criteria)
        ],
    }


def static_body(wanted: Group, added: Sequence[int], removed: Sequence[int]) -> dict[str, Any]:
    """A change of a static group. Name, site and assignments must all be there, or the server answers 403 or 500."""
    return {
        "groupName": wanted.name,
        "groupDescription": wanted.description,
        "siteId": str(wanted.site),
        "assignments": [{"mobileDeviceId": str(number), "selected": True} for number in added]
        + [{"mobileDeviceId": str(number), "selected": False} for number in removed],
    }


def parse(row: Mapping[str, Any], smart: bool) -> Group:
    """A group as the Pro API gives it."""
    listed = row.get("criteria")
    criteria = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    criteria.sort(key=lambda each: whole_number(each.get("priority")))
    return Group(
        family=MOBILE,
        id=whole_number(row.get("groupId")),
        name=str(row.get("groupName") or "").strip(),
        smart=smart,
        description=str(row.get("groupDescription") or "").strip(),
        criteria=tuple(
            Criterion(
                name=str(each.get("name") or ""),
                search_type=str(each.get("searchType") or ""),
                value=str(each.get("value") or ""),
                and_or=str(each.get("andOr") or "and"),
                opening_paren=bool(each.get("openingParen")),
                closing_paren=bool(each.get("closingParen")),
            )
            for each in criteria
        ),
        site=whole_number(row.get("siteId")) or -1,
    )
