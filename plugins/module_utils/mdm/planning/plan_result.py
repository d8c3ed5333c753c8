# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a target's planner gives: its plan in the order of a run, whom the controls are for, and what it noticed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...engine.plan import Change, Plan
from .control_state import ControlState


@dataclass(frozen=True)
class PlanResult:
    """A plan and what it means.

    Args:
        control_states: whom each control is for, also controls that no change of the plan is about.
        conflicts: what works against the ban and is somebody else's, a sentence each.
        drift: what somebody did to our controls since the last run, a sentence each.
        notes: more that a person should know.
    """

    plan: Plan
    control_states: tuple[ControlState, ...]
    conflicts: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_in_order(
    changes: Iterable[tuple[int, Change]], notices_phase: int, announced: Mapping[str, tuple[str, ...]] | None = None
) -> Plan:
    """The plan of changes, each with its phase. Two of one phase keep the order in which they were planned.

    Args:
        notices_phase: when notices go out. What comes before them changes nothing on a device that is told of it.
        announced: key of a change -> keys of the notices that it has to wait for.
    """
    waiting = announced or {}
    return Plan(
        tuple(
            replace(change, needs=(*waiting[change.key], *change.needs)) if phase > notices_phase and change.key in waiting else change
            for phase, change in sorted(changes, key=lambda pair: pair[0])
        )
    )
