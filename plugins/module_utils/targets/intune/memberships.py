# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who belongs to the tenant's groups that the policies ask for by name. No other group is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .api.graph import Graph
from .api.odata import directory_name, literal, segment
from .api.permissions import GROUPS_READ


@dataclass(frozen=True)
class Memberships:
    """Names of groups by member.

    Args:
        names: id of a user, or deviceId of a device -> names of the groups that it belongs to, by way of other groups too.
        unknown: names that the policies ask for and the tenant does not have.
        asked: whether the policies ask for groups by name at all.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    asked: bool = False

    def groups_of(self, user_id: str, directory_id: str) -> list[str | None] | None:
        """The attribute ``groups`` of a device: its own groups and its user's. None where nobody asks.

        A group that the tenant does not have may be one of another target's, so nobody can say of a device that it isn't in it:
        that stays unknown.
        """
        if not self.asked:
            return None
        own = self.names.get(user_id, frozenset()) | self.names.get(directory_id, frozenset())
        return [*sorted(own), *([None] if self.unknown else [])]


def read_memberships(graph: Graph, names: Iterable[str]) -> Memberships:
    """Read who belongs to groups. Two groups of one name count as one."""
    wanted = sorted(names)
    found: dict[str, set[str]] = {}
    unknown = []
    for name in wanted:
        params = {"$filter": "displayName eq %s" % literal(name), "$select": "id,displayName"}
        what = "look up the group %s" % name
        groups = [body for body in graph.pages("v1.0", "/groups", params, what=what, permission=GROUPS_READ) if _is_called(body, name)]
        if not groups:
            unknown.append(name)
        for group in groups:
            path = "/groups/%s/transitiveMembers" % segment(str(group["id"]))
            members = graph.pages(
                "v1.0",
                path,
                {"$select": "id,deviceId", "$top": "999"},
                what="list the members of the group %s" % name,
                permission=GROUPS_READ,
            )
            for member in members:
                found.setdefault(directory_name(member.get("deviceId")) or directory_name(member["id"]), set()).add(name)
    return Memberships({member: frozenset(groups) for member, groups in found.items()}, tuple(unknown), asked=bool(wanted))


def _is_called(body: Mapping[str, Any], name: str) -> bool:
    return str(body.get("displayName")) == name
