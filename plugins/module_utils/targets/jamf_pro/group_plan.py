# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that is about groups of mobile devices: smart ones for scopes, static ones for members and for exceptions. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...engine.plan import Change
from ...mdm.planning.notice_changes import names_text
from . import steps
from .controls import WantedGroup
from .diff_text import criteria_text
from .objects import MOBILE, Group
from .steps import Phase

if TYPE_CHECKING:
    from .planner import Planner

#: Devices that a note names.
_MOST_SHOWN = 5
GROUP, MEMBERS, FORMER = "mobile device group", "mobile device group members", "former mobile device group members"


def want_group(planner: Planner, wanted: WantedGroup) -> None:
    """Plan one group."""
    current = planner.groups.get(wanted.name)
    if current is None:
        _create(planner, wanted)
    elif not wanted.smart:
        _change_members(planner, wanted, current)
    elif current.criteria != wanted.criteria:
        planner.drift.append("the group %s had other criteria" % wanted.name)
        fixed = replace(current, description=_description(planner, wanted), criteria=wanted.criteria)
        before, after = criteria_text(current.criteria), criteria_text(wanted.criteria)
        change = Change("update", GROUP, wanted.name, before, after, apps=planner.apps_of(wanted), step=steps.UpdateGroup(fixed))
        planner.add(Phase.SCOPES, change)


def _create(planner: Planner, wanted: WantedGroup) -> None:
    planner.refuse_foreign(GROUP, wanted.name)
    names = planner.name_of(MOBILE)
    members = None if wanted.smart else wanted.members - _unmanaged(planner, wanted)
    group = Group(MOBILE, 0, wanted.name, wanted.smart, _description(planner, wanted), wanted.criteria, members)
    after = criteria_text(wanted.criteria) if members is None else names_text([names(each) for each in members])
    change = Change("create", GROUP, wanted.name, None, after, apps=planner.apps_of(wanted), step=steps.CreateGroup(group))
    planner.add(Phase.SCOPES, change)


def _unmanaged(planner: Planner, wanted: WantedGroup) -> frozenset[int]:
    """Devices that the server shows, but doesn't manage now: it takes none of them into a new group."""
    scope_members = planner.scope_members
    found: dict[int, str] = {}
    for number in sorted(wanted.members):
        index = scope_members.shown_index_of(MOBILE, number)
        if index is not None and scope_members.index_of(MOBILE, number) is None:
            device = planner.fleet[index].device
            found[number] = str(device.record.get("serial") or device.id)
    if found:
        shown = ", ".join([*list(found.values())[:_MOST_SHOWN], *(["..."] if len(found) > _MOST_SHOWN else [])])
        planner.notes.append("not managed now, so the new group %s can't hold it: %s; run again once it is" % (wanted.name, shown))
    return frozenset(found)


def _description(planner: Planner, wanted: WantedGroup) -> str:
    return planner.marker(wanted.policies, wanted.role, [[each.name, each.search_type, each.value] for each in wanted.criteria])


def _change_members(planner: Planner, wanted: WantedGroup, current: Group) -> None:
    """Who joins an exception joins before anything new goes to its control, and who leaves one leaves after it; of members the other
    way round.
    """
    before = current.members or frozenset()
    # The server takes no change for a device that it doesn't manage; such a one stays in the group, where it does no harm.
    leaving = frozenset(each for each in before - wanted.members if planner.scope_members.index_of(MOBILE, each) is not None)
    after = before - leaving | wanted.members
    if wanted.role == "exempt":
        pieces = ((Phase.SCOPES, MEMBERS, before | wanted.members), (Phase.END_EXCEPTION, FORMER, after))
    else:
        pieces = ((Phase.LEAVE, FORMER, before - leaving), (Phase.JOIN, MEMBERS, after))
    names = planner.name_of(MOBILE)
    stand = before
    for phase, kind, members in pieces:
        if members != stand:
            was, then = (names_text([names(each) for each in listed]) for listed in (stand, members))
            step = steps.ChangeMembers(replace(current, members=stand), members)
            planner.add(phase, Change("update", kind, wanted.name, was, then, apps=planner.apps_of(wanted), step=step))
            stand = members
