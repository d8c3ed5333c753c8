# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of ours, and changes of their members: who joins and who leaves, each at its time in the order of a run. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...engine.plan import Change
from .order import Phase
from .plan_draft import PlanDraft, Step
from .reconcile import Concerns

#: What a group is for.
MEMBERS, EXEMPT = "members", "exempt"
Member = TypeVar("Member")


@dataclass(frozen=True)
class WantedGroup(Generic[Member]):
    """A group that a control needs.

    Args:
        members: by what the target calls them in groups.
        role: ``members``, ``exempt``, or a role of the target's own.
        apps: ids of the apps of the controls that go by it.
    """

    name: str
    members: frozenset[Member]
    role: str
    policies: tuple[str, ...]
    apps: tuple[str, ...] = ()


def plan_members(
    draft: PlanDraft,
    kind: str,
    name: str,
    before: frozenset[Member],
    after: frozenset[Member],
    excluded: bool,
    *,
    apps: tuple[str, ...],
    text: Callable[[frozenset[Member]], str],
    step: Callable[[frozenset[Member], frozenset[Member]], Step],
    concerns: Callable[[frozenset[Member], frozenset[Member]], Concerns] | None = None,
) -> None:
    """Plan the change of a group's members.

    Who joins an exception joins before anything new goes to its control, and who leaves one leaves after it, and only if all have joined;
    of members the other way round.

    Args:
        kind: what a change calls the group.
        before, after: members now, and members as they are to be.
        excluded: it is a group of exceptions.
        text: members for the diff.
        step: what makes of one set of members another.
        concerns: whom making of one set of members another concerns; None where that is worked out later.
    """
    members, former = "%s members" % kind, "former %s members" % kind
    if excluded:
        pieces = ((Phase.SCOPES, members, before | after), (Phase.END_EXCEPTION, former, after))
    else:
        pieces = ((Phase.RELEASE, former, before & after), (Phase.JOIN, members, after))
    stand = before
    needs: tuple[str, ...] = ()
    for phase, what, then in pieces:
        if then != stand:
            whom = Concerns() if concerns is None else concerns(stand, then)
            change = Change(
                "update", what, name, text(stand), text(then), apps=apps, reaches=whom.reaches, releases=whom.releases,
                needs=needs, step=step(stand, then),
            )  # fmt: skip
            key = draft.add(phase, change)
            # Where somebody could not be excepted, nobody's exception ends: the target may know the same device by another name.
            needs = (key,) if excluded else ()
            stand = then
