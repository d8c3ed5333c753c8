# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What targets have in common whose servers have no message to a user: notices go to the outbox, and a plan is carried out step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...engine.apply import Applied, apply_plan
from ...engine.plan import Plan
from ...policy.model import Policy
from ..http.counters import Counters
from ..planning.fleet import FleetDevice
from ..planning.notices import Notice
from ..planning.plan_draft import Step, carry_out
from .found_apps import FoundApps
from .known_fleet import LoneLookUps
from .ledger import Ledger
from .outbox import Outbox
from .run_request import Target


class OutboxTarget(Target):
    """One server.

    Args:
        counters: of the run's connection.
        found: what the inventory shows, filled by whoever reads it.
    """

    def __init__(self, policies: Sequence[Policy], outbox: Outbox, counters: Counters, found: FoundApps) -> None:
        self.policies = tuple(policies)
        self.policy_ids = frozenset(policy.id for policy in policies)
        self.outbox = outbox
        self.counters = counters
        self.look_ups = LoneLookUps(self.look_up)
        self.found = found
        self.ledger = Ledger("")
        #: Of the plan.
        self.fleet: Sequence[FleetDevice] = ()
        self.now = ""

    def remember(self, ledger: Ledger) -> None:
        """Go by what earlier runs remember, from now on."""
        self.ledger = ledger

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        return self.found.findings(fleet)

    def doubted(self, device: str, app: str) -> str:
        return self.found.doubts.get(device, "")

    def findable(self, app: str, platform: str, sees: str) -> bool:
        return bool(self.found.names.spelled("", app))

    def notice_step(self, notices: tuple[Notice, ...]) -> Step:
        return Step(self.outbox.hand_over, (self.ledger, self.now, notices, self.fleet))

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        return apply_plan(plan, carry_out, self.counters.progress.changed)
