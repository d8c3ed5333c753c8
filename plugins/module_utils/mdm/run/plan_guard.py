# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stops a plan, or a part of it, before the first write: devices that must not be reached, limits, a list of devices in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...engine.errors import LimitExceeded
from ...engine.guard import check_limits, check_reach
from ...engine.plan import Change
from ...policy.decide import Decider
from ...policy.policy_phase import LIFTED
from ..planning.fleet import FleetDevice
from ..planning.notices import Notice
from ..planning.plan_result import PlanResult
from .known_fleet import LoneLookUps
from .read_fleet import ReadFleet

SHOWN_KEPT = 10


class PlanGuard:
    """Holds a plan against the decisions that it is made from.

    Args:
        fleet: the devices whose positions a plan names.
        decider: the run's.
        reporting: platform -> mechanism that only makes devices report, and so covers nothing.
    """

    def __init__(self, fleet: Sequence[FleetDevice], decider: Decider, reporting: Mapping[str, str]) -> None:
        self.fleet = fleet
        self._reporting = frozenset(reporting.values())
        phases = decider.policy_phases
        banned = {app.id for each in phases if each.phase != LIFTED for app in each.policy.apps}
        #: Apps that the policies of the run speak of, and those of them that none bans any more.
        self.apps = frozenset(app.id for each in phases for app in (*each.policy.apps, *each.policy.review))
        self.ended = frozenset(app.id for each in phases if each.phase == LIFTED for app in each.policy.apps) - banned

    def why_stopped(self, limits: Any, planned: PlanResult, notices: Sequence[Notice]) -> str:
        """Why the run is stopped before any write; empty where it is not.

        Raises:
            AppbanError: where the plan reaches a device that it must not touch.
        """
        wrong = {change.key: self._names(self._not_to_be_reached(change)) for change in planned.plan.changes}
        check_reach({key: names for key, names in wrong.items() if names})
        new: set[int] = {notice.index for notice in notices}
        keys = {change.key for change in planned.plan.changes}
        for control_state in planned.control_states.all:
            if keys.intersection(control_state.changes):
                new |= control_state.new
        try:
            check_limits(limits, self._names(new), len(self.fleet), self._names(self._losing(planned)))
        except LimitExceeded as error:
            return str(error)
        return ""

    def without_ends_in_doubt(self, planned: PlanResult, read: ReadFleet, look_ups: LoneLookUps) -> PlanResult:
        """The plan without deletions that no policy orders, where a device that was in scope is not in the list and not known to be gone.

        A control that nobody in the list needs may be there for a device that the list leaves out.
        """
        deletes = [change for change in planned.plan.changes if change.op == "delete" and not set(change.apps or self.apps) <= self.ended]
        missing = read.not_listed
        if not deletes or not missing or read.is_confirmed:
            return planned
        gone = look_ups.gone(missing, "controls of ours are deleted") if look_ups.has_room_for(missing) else frozenset()
        doubted = len(missing) - len(gone)
        if not doubted:
            return planned
        plan, kept = planned.plan.without(change.key for change in deletes)
        note = "%s stays: %d device%s in scope at %s %s not in the list now and not known to be gone" % (
            ", ".join(sorted(dict.fromkeys(change.name for change in kept))[:SHOWN_KEPT]),
            doubted,
            " that was" if doubted == 1 else "s that were",
            read.previous.now,
            "is" if doubted == 1 else "are",
        )
        # What has to wait for one of these ends is not done either.
        waiting = tuple(change for change in kept if change.op != "delete")
        return replace(planned, plan=plan, notes=(*planned.notes, note), left_out=waiting)

    def _names(self, indexes: Iterable[int]) -> list[str]:
        return [str(self.fleet[index].device.record.get("serial") or self.fleet[index].device.id) for index in sorted(indexes)]

    def _not_to_be_reached(self, change: Change) -> set[int]:
        """Devices that a change reaches although an app that it is made for is not enforced there.

        What an app is called on a platform on which it does not exist does nothing there.
        """
        known: dict[int, bool] = {}
        found = set()
        for index in change.reaches:
            decision = self.fleet[index].decision
            # Devices that are alike share their verdicts.
            key = id(decision.verdicts)
            if key not in known:
                apps = [decision.apps[app] for app in change.apps if app in decision.apps] or list(decision.apps.values())
                apps = [app for app in apps if app.verdict != "not_applicable"]
                known[key] = not any(app.verdict == "enforce" for app in apps) or (
                    bool(change.apps) and any(app.verdict != "enforce" for app in apps)
                )
            if known[key]:
                found.add(index)
        return found

    def _losing(self, planned: PlanResult) -> set[int]:
        """Devices that a change takes something of ours from although no policy orders that, and that nothing covers for the same app."""
        losing: set[int] = set()
        for change in planned.plan.changes:
            apps = set(change.apps) or self.apps
            if not change.releases or apps <= self.ended:
                continue
            covered: set[int] = set()
            for control_state in planned.control_states.all:
                if control_state.mechanism not in self._reporting and apps & control_state.apps:
                    covered |= control_state.covers
            losing |= change.releases - covered
        return losing
