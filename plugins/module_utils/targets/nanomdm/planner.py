# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that turns what the servers hold into what is wanted. Pure.

The order of changes leaves no device worse off at any moment than before or after: who is exempt is released first; a notice goes out
before what it announces; a new form of a block is there before the old one goes; what a device fetches is there before it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ...mdm.planning.control_state import ControlStates
from ...mdm.planning.notice_changes import announced_changes, notice_changes
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_result import PlanResult, plan_in_order
from . import steps
from .command_plan import CommandPlan
from .declaration_plan import DeclarationPlan
from .fleet_index import FleetIndex
from .questions import Question
from .server_state import ServerState
from .steps import Phase


class Planner:
    """Makes one plan.

    Args:
        questions: what devices are to be asked.
        idempotency_key: what makes it another time that the same is asked.
    """

    def __init__(
        self,
        state: ServerState,
        index: FleetIndex,
        declarations: DeclarationPlan,
        commands: CommandPlan,
        questions: Sequence[Question],
        idempotency_key: str,
    ) -> None:
        self.state = state
        self.index = index
        self.declarations = declarations
        self.commands = commands
        self.questions = questions
        self.idempotency_key = idempotency_key
        self.changes: list[tuple[Phase, Change]] = []

    def plan(self, choose_notices: Callable[[ControlStates], Sequence[Notice]] = lambda _control_states: ()) -> PlanResult:
        """The plan. choose_notices: given whom the controls reach, who is to be told.

        Raises:
            AppbanError: where a declaration of somebody else has the name of one of ours. Nothing has been written.
        """
        self.declarations.plan(self._add)
        self.commands.plan(self._add)
        if self.declarations.problems:
            raise AppbanError(
                "declarations of somebody else have the names of ours: " + "; ".join(self.declarations.problems),
                "",
                "Choose another name_prefix, or take them over with adopt: true. Nothing was written",
            )
        control_states = (*self.declarations.control_states, *self.commands.control_states)
        notices = choose_notices(ControlStates(control_states))
        for change in notice_changes(notices, self.index.fleet, steps.HandOver):
            self._add(Phase.NOTICES, change)
        announced = announced_changes(notices, control_states)
        for question in self.questions:
            self._ask(question)
        plan = plan_in_order(self.changes, Phase.NOTICES, announced)
        return PlanResult(plan, control_states, drift=tuple(self.declarations.drift))

    def _ask(self, question: Question) -> None:
        answered, enrolled = {}, {}
        for index in question.devices:
            device = self.index.id(index)
            report = self.state.report(device)
            said = [report.asked.get(name, "") for name in question.bundle_ids] if question.bundle_ids else [report.information_at]
            answered[device], enrolled[device] = min(said), report.enrolled_at
        step = steps.Ask(question.command, question.mark, self.idempotency_key, answered, enrolled)
        self._add(Phase.QUESTIONS, Change("command", "question", question.name, None, self.index.text(answered), step=step))

    def _add(self, phase: Phase, change: Change) -> str:
        self.changes.append((phase, change))
        return change.key
