# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of ours a device may still hold although nothing is wanted of it any more, or may still get. Pure.

Done is not arrived. What was sent or assigned counts as held until the device itself has told its end: it has acknowledged the removal of
a profile, it has reported its declarations without ours, or it has enrolled again since.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ...mdm.apple.commands import remove_application
from .controls import removed_by
from .profile_story import CONFIRMED, is_confirmed, is_sending, is_still_offered, is_unheard, mark_in
from .surroundings import Surroundings


class Holdings:
    """Says which device may still hold which control."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self._apps: dict[str, frozenset[str]] = {}

    def may_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours for an app may still be on a device, or may still arrive; None where nothing is known of any."""
        told = {self.holds(device, name) for name in self._names.get(device, ()) if app in self._apps_of(name)}
        if True in told:
            return True
        return None if None in told or not told else False

    def confirmations(self) -> Iterator[dict[str, str]]:
        """What the ledger is to remember: whose device has told the end of what."""
        for (device, name), memory in self.around.ledger.released.items():
            if self.around.names.is_ours(name) and not is_confirmed(memory) and self.holds(device, name) is False:
                answer = self.around.report(device).orders.get(memory.order)
                yield {
                    "event": "released", "device": device, "control": name,
                    "enrolled": memory.enrolled, "content": mark_in(memory) + CONFIRMED,
                    "answered": max(memory.answered, answer.at if answer is not None else ""), "order": memory.order,
                }  # fmt: skip

    def holds(self, device: str, name: str) -> bool | None:
        """Whether a control may still be on a device, or may still arrive; None where nothing is known."""
        if self.around.report(device).checked_out_at:
            return False
        if removed_by(name):
            return self._awaits_removal(device, name)
        if self.around.names.is_declared(name):
            return self._holds_declared(device, name)
        return self.around.story(device, name).may_be_held(self.around.now)

    def _holds_declared(self, device: str, name: str) -> bool | None:
        around = self.around
        report, assigned, released = around.report(device), around.assigned(device, name), around.released(device, name)
        if name in around.state.assigned.get(device, ()):
            return True
        if report.declared_at:
            # It tells the whole of what it has, whenever that changes.
            return name in map(around.names.control_of, report.declared)
        memory = assigned or released
        if memory is not None and report.enrolled_since(memory.enrolled):
            return False
        if assigned is not None:
            return True
        if is_confirmed(released):
            return False
        if released is not None:
            # Nobody tells of its reports; it looks for its declarations whenever it comes after it was woken up.
            return (report.connected_at or report.seen_at) <= released.answered if released.answered else None
        return around.state.status(device, around.names.pair(name)[0]) is not None

    def _awaits_removal(self, device: str, name: str) -> bool | None:
        """Whether an order to remove an app may still reach a device: nothing takes it out of the queue again."""
        report, memory = self.around.report(device), self.around.ledger.assigned[(device, name)]
        if report.enrolled_since(memory.enrolled):
            return False
        done = report.results.get(self.around.names.mark(remove_application(removed_by(name))))
        told = done is not None and done.at > memory.answered
        if memory.order and not is_sending(memory):
            done = report.orders.get(memory.order)
            told = done is not None
        if told:
            return is_still_offered(done, report)
        return None if is_unheard(memory, self.around.now) else True

    # Names.

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """Enrolment id -> names of controls of which anything says that it has or had them."""
        around, control_of = self.around, self.around.names.control_of
        found: dict[str, set[str]] = {}
        for device, name in (*around.ledger.assigned, *around.ledger.released):
            found.setdefault(device, set()).add(name)
        for device, sets in around.state.assigned.items():
            found.setdefault(device, set()).update(sets)
        for device, statuses in around.state.statuses.items():
            found.setdefault(device, set()).update(map(control_of, statuses))
        for device, report in around.state.reports.items():
            told = {*report.profiles, *map(control_of, report.declared)}
            told.update(name for name, marks in around.desired.sent.items() if not marks.isdisjoint(report.results))
            found.setdefault(device, set()).update(told)
        return {device: {each for each in named if removed_by(each) or around.names.is_ours(each)} for device, named in found.items()}

    def _apps_of(self, name: str) -> frozenset[str]:
        if name not in self._apps:
            self._apps[name] = frozenset(self.around.apps_of(name))
        return self._apps[name]
