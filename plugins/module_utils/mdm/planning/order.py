# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a plan: phases where a whole class of changes has to wait, needs where one change has to wait for another. Pure.

Changes are made so that no moment leaves a device worse off than before or after: who is spared is released first, and exceptions are in
their groups before a control can reach them and leave them last; a notice goes out before what it announces; access is withdrawn last and
given back first; what an object needs is there before it, and goes after it. An object that ends makes way before a group that it goes by
lets somebody in for the sake of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import IntEnum

from ...engine.plan import Change, Plan


class Phase(IntEnum):
    """When a change is made, in the order of a run. Two changes of one phase keep the order in which they were planned."""

    RELEASE = 0
    SCOPES = 1
    APPS = 2
    NOTICES = 3
    FILES = 4
    ASSIGN = 5
    OBJECTS = 6
    WITHDRAW_ACCESS = 7
    MAKE_WAY = 8
    JOIN = 9
    COMMANDS = 10
    END_EXCEPTION = 11
    FORMER = 12
    GIVE_ACCESS_BACK = 13
    LIFT_OBJECTS = 14
    LIFT_APPS = 15
    LIFT_SCOPES = 16
    LIFT_FILES = 17
    QUESTIONS = 18


def in_order(changes: Iterable[tuple[Phase, Change]], announced: Mapping[str, tuple[str, ...]] | None = None) -> Plan:
    """The plan of changes, each with its phase.

    Args:
        announced: key of a change -> keys of the notices that it has to wait for. What comes before the notices changes nothing on a
            device that is told of it, so it waits for none.
    """
    waiting = announced or {}
    return Plan(
        tuple(
            replace(change, needs=(*waiting[change.key], *change.needs)) if phase > Phase.NOTICES and change.key in waiting else change
            for phase, change in sorted(changes, key=lambda pair: pair[0])
        )
    )
