# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one plan of a target comes to: its changes in the order of a run, whom the controls are for, and what was noticed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...engine.plan import Change, Plan
from .control_state import ControlStates
from .notice_changes import announced_changes, notice_changes
from .notices import Notice
from .order import Phase, in_order
from .plan_draft import PlanDraft, Step


@dataclass(frozen=True)
class PlanResult:
    """A plan and what it means.

    Args:
        conflicts: what works against the ban and is somebody else's, a sentence each.
        drift: what somebody did to our controls since the last run, a sentence each.
        notes: more that a person should know.
        left_out: changes that are not in the plan because they have to wait for others that nobody may make now.
    """

    plan: Plan
    control_states: ControlStates
    conflicts: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[Change, ...] = ()


def plan_result(
    draft: PlanDraft, notices: Sequence[Notice], step_of: Callable[[tuple[Notice, ...]], Step], wait: bool = True
) -> PlanResult:
    """A draft with its notices, in order.

    Args:
        notices: who is to be told.
        step_of: what sends some notices.
        wait: what a notice announces is not done where the notice can't be sent.
    """
    changes = [*draft.changes.values(), *((Phase.NOTICES, change) for change in notice_changes(notices, draft.fleet, step_of))]
    plan = in_order(changes, announced_changes(notices, draft.control_states) if wait else None)
    conflicts = tuple(sorted(set(draft.conflicts)))
    return PlanResult(plan, ControlStates(draft.control_states), conflicts, tuple(draft.drift), tuple(draft.notes))
