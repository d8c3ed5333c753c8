# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds members to groups of the directory and removes them, many in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....engine.errors import ChangeFailed
from .graph import Graph
from .graph_batch import BatchItem
from .odata import directory_name, literal
from .permissions import DIRECTORY_DEVICES_READ, MEMBERS_WRITE

#: As many device names as a filter of the directory takes.
_NAMES_A_LOOKUP = 15


class GroupMembers:
    """Adds and removes members."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def add(self, group: str, name: str, members: Sequence[str], by_user: bool) -> None:
        """Add members, twenty a request. One that is in the group already is fine.

        Args:
            members: a device's deviceId, a user's id.

        Raises:
            ChangeFailed: naming how many could not be added; the others are.
        """
        ids = {member: member for member in members} if by_user else self._device_objects(members)
        lost = [member for member in members if member not in ids]
        base = self.graph.session.base_url.rstrip("/")
        kind = "users" if by_user else "devices"
        items = [
            BatchItem(
                member,
                "/groups/%s/members/$ref" % group,
                "POST",
                body={"@odata.id": "%s/v1.0/%s/%s" % (base, kind, ids[member])},
                permission=MEMBERS_WRITE,
                repeatable=True,
                what="add a member to the group %s" % name,
            )
            for member in members
            if member in ids
        ]
        answers = self.graph.batch("v1.0", items, what="add members to the group %s" % name, things="members of a group") if items else {}
        refused = []
        for item in items:
            answer = answers[item.id]
            # 400 with this text is what the directory says of somebody who is a member already.
            if not answer.ok() and not (answer.status == 400 and b"already exist" in answer.body):
                refused.append(str(self.graph.failure(answer, MEMBERS_WRITE)))
        if refused or lost:
            parts = ["%d are not in the directory" % len(lost)] if lost else []
            parts += ["%d were refused, the first: %s" % (len(refused), refused[0])] if refused else []
            raise ChangeFailed("not all members of the group %s were added: %s" % (name, ", ".join(parts)), "", "The next run goes on")

    def remove(self, group: str, name: str, members: Mapping[str, str]) -> None:
        """Remove members. One that is not in the group any more is fine. members: name -> id of the directory object."""
        items = [
            BatchItem(
                member,
                "/groups/%s/members/%s/$ref" % (group, object_id),
                "DELETE",
                permission=MEMBERS_WRITE,
                what="remove a member from the group %s" % name,
            )
            for member, object_id in members.items()
        ]
        answers = self.graph.batch("v1.0", items, what="remove members from the group %s" % name, things="members of a group")
        refused = [answers[item.id] for item in items if not answers[item.id].ok() and answers[item.id].status != 404]
        if refused:
            raise ChangeFailed(
                "%d members of the group %s were not removed, the first: %s"
                % (len(refused), name, self.graph.failure(refused[0], MEMBERS_WRITE)),
                "",
                "The next run goes on",
            )

    def _device_objects(self, device_ids: Sequence[str]) -> dict[str, str]:
        """deviceId -> id of the directory object. Management knows the first, groups the second."""
        found: dict[str, str] = {}
        items: list[BatchItem] = []
        for start in range(0, len(device_ids), _NAMES_A_LOOKUP):
            part = device_ids[start : start + _NAMES_A_LOOKUP]
            text = " or ".join("deviceId eq %s" % literal(each) for each in part)
            params = {"$filter": text, "$select": "id,deviceId"}
            items.append(BatchItem(str(start), "/devices", params=params, permission=DIRECTORY_DEVICES_READ))
        what = "look devices up in the directory"
        answers = self.graph.batch("v1.0", items, what=what) if items else {}
        for item in items:
            bodies = self.graph.read_list(answers[item.id], permission=DIRECTORY_DEVICES_READ)
            found.update({directory_name(body.get("deviceId")): str(body["id"]) for body in bodies})
        return found
