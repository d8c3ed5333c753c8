# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of ours a device may still hold although nothing is wanted of it any more, or may still get. Pure.

Done is not arrived. What was sent or assigned counts as held until the device itself has told its end: it has acknowledged the removal of
a profile, it has reported its declarations without ours, or it has enrolled again since. Only the server's instants are compared with each
other, because a run may have another clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from ...mdm.http.server_values import later
from ...mdm.run.ledger import Assigned, Ledger
from ...policy.instants import read_now
from .controls import DECLARED, removal_mark, removal_of_profile, removed_by
from .declaration_names import CONFIGURATION, DeclarationNames
from .objects import ACKNOWLEDGED, NOT_NOW, CommandResult, DeviceReport
from .server_state import ServerState, is_another_enrolment, is_refusal
from .slugs import mechanism_of_slug

#: What follows the mark in the ledger's content of a control whose end a device has confirmed, so that nobody needs its answer any more.
_CONFIRMED = " confirmed"
#: What follows it in that of a control that may not have been sent, because the run was killed; its order is then the idempotency key.
_SENDING = " sending"
#: From when on nothing is concluded from the answer to an order to remove a profile that was never heard: it may be lost with its log.
_UNHEARD = timedelta(days=7)
#: A device is offered again what it put off whenever it is in contact. One that was in contact so much later and was not has lost it
#: with its storage.
_ONE_CONTACT = timedelta(hours=1)
#: Apple's code and words for a profile that is not there; descriptions are for people, so both are looked for.
_NOT_THERE = re.compile(r"\b12075\b|not installed|not found|no profile", re.IGNORECASE)


def mark_in(memory: Assigned | None) -> str:
    """The mark of what was sent, as the ledger remembers it; empty where nothing was."""
    return memory.content.partition(" ")[0] if memory is not None else ""


def is_confirmed(memory: Assigned | None) -> bool:
    """Whether the ledger remembers that a device has told the end of a control."""
    return memory is not None and memory.content.endswith(_CONFIRMED)


def sending(event: Mapping[str, str]) -> dict[str, str]:
    """The ledger's event of something that is about to be sent, made of that of something that was sent."""
    return {**event, "content": event.get("content", "") + _SENDING}


def is_sending(memory: Assigned | None) -> bool:
    """Whether the ledger remembers of a control only that it was about to be sent."""
    return memory is not None and memory.content.endswith(_SENDING)


def is_answered(memory: Assigned, report: DeviceReport) -> bool:
    """Whether a device has answered the very order that the ledger remembers."""
    return memory.order in report.orders


def answer_to_removal(report: DeviceReport, mark: str, released: Assigned | None) -> CommandResult | None:
    """What a device has said to the last order to remove a profile, or to any where nobody knows which was the last; None for nothing."""
    return report.orders.get(released.order) if released is not None and released.order else report.results.get(mark)


def is_later(told: tuple[str, tuple[str, int]], other: tuple[str, tuple[str, int]], is_last: bool) -> bool:
    """Whether something was told after something else, both as of ``CommandResult.when``.

    Args:
        is_last: whether it answers what was sent last. A log that drops decimals may have the answers of one second in any order.
    """
    is_same_instant = bool(told[0]) and (told[0], told[1][0]) == (other[0], other[1][0])
    return told > other or (is_same_instant and is_last)


def is_still_offered(result: CommandResult | None, report: DeviceReport) -> bool:
    """Whether a device has put a command off that it may still carry out."""
    if result is None or result.status != NOT_NOW:
        return False
    return not report.connected_at or report.connected_at <= later(result.at, _ONE_CONTACT)


def last_sent(report: DeviceReport, marks: Iterable[str]) -> CommandResult | None:
    """The last answer to an order that has one of some marks; None where there was none."""
    return max((report.results[mark] for mark in marks if mark in report.results), key=lambda each: each.when, default=None)


def says_it_is_not_there(result: CommandResult | None) -> bool:
    """Whether a device has refused to remove a profile because it doesn't have it."""
    return result is not None and is_refusal(result) and bool(_NOT_THERE.search(" ".join(result.errors)))


@dataclass
class Holdings:
    """Answers for devices and controls.

    Args:
        state: what the servers hold and what devices told.
        sent: name of a control by command -> marks of what may have been sent under it, as far as that can be known without the ledger.
        is_ours: whether a name is one of a control of this run's policies.
        apps_of: the apps that a control can be for, by its name.
    """

    state: ServerState
    ledger: Ledger
    names: DeclarationNames
    sent: Mapping[str, frozenset[str]]
    is_ours: Callable[[str], bool]
    apps_of: Callable[[str], tuple[str, ...]]
    now: datetime
    _apps: dict[str, frozenset[str]] = field(default_factory=dict)
    _known: dict[str, bool] = field(default_factory=dict)

    def may_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours for an app may still be on a device, or may still arrive; None where nothing is known of any."""
        names = [name for name in self._names.get(device, ()) if app in self._apps_of(name)]
        if not names:
            return None
        told = {self.holds(device, name) for name in names}
        return True if True in told else None if None in told else False

    def confirmations(self) -> Iterator[dict[str, str]]:
        """What the ledger is to remember: whose device has told the end of what."""
        for (device, name), memory in self.ledger.released.items():
            if self.is_ours(name) and not is_confirmed(memory) and self.holds(device, name) is False:
                yield {
                    "event": "released", "device": device, "control": name,
                    "enrolled": memory.enrolled, "content": mark_in(memory) + _CONFIRMED,
                    "answered": max(memory.answered, self._told_at(device, name, memory)), "order": memory.order,
                }  # fmt: skip

    def holds(self, device: str, name: str) -> bool | None:
        """The same for one control."""
        if self.state.report(device).checked_out_at:
            return False
        if removed_by(name):
            return self._awaits_removal(device, name)
        if mechanism_of_slug(self.names.slug_of_set(name)) in DECLARED:
            return self._holds_declared(device, name)
        return self._holds_sent(device, name)

    # Declarations.

    def _holds_declared(self, device: str, name: str) -> bool | None:
        report = self.state.report(device)
        assigned, released = self.ledger.assigned.get((device, name)), self.ledger.released.get((device, name))
        if name in self.state.assigned.get(device, ()):
            return True
        if report.declared_at:
            # It tells the whole of what it has, whenever that changes.
            slug = self.names.slug_of_set(name)
            return any(self.names.slug_of(each) == slug for each in report.declared)
        memory = assigned or released
        if memory is not None and is_another_enrolment(memory.enrolled, report.enrolled_at):
            return False
        if assigned is not None:
            return True
        if is_confirmed(released):
            return False
        if released is not None:
            # Nobody tells of its reports; it looks for its declarations whenever it comes after it was woken up.
            return (report.connected_at or report.seen_at) <= released.answered if released.answered else None
        identifier = self.names.identifier(self.names.slug_of_set(name), CONFIGURATION)
        return self.state.status(device, identifier) is not None

    # Profiles.

    def _holds_sent(self, device: str, name: str) -> bool | None:
        report = self.state.report(device)
        assigned, released = self.ledger.assigned.get((device, name)), self.ledger.released.get((device, name))
        memory = assigned or released
        if memory is not None and is_another_enrolment(memory.enrolled, report.enrolled_at):
            # That took the profile off and emptied the queue.
            if not self._has_told_of(report, name, memory):
                return False
            # Nobody will answer what was in it.
            assigned, released = (replace(each, order="") if each is not None else None for each in (assigned, released))
            memory = assigned or released
        done = last_sent(report, self._marks_of(name, memory))
        if is_still_offered(done, report):
            return True
        if memory is not None and memory.order and not is_confirmed(memory) and not is_answered(memory, report):
            # What was told before the last order doesn't tell what becomes of it.
            return None if released is not None and self.now - read_now(memory.at) > _UNHEARD else True
        taken = answer_to_removal(report, removal_of_profile(self.names.prefix, name)[1], released)
        done_at = done.at if done is not None and done.status == ACKNOWLEDGED else ""
        if report.profiles_at > max(done_at, taken.at if taken is not None else ""):
            return name in report.profiles
        if done is not None and is_refusal(done):
            return False
        given = done if assigned is not None and assigned.order and done_at else None
        if given is not None and taken is not None and is_later(given.when, taken.when, True):
            return True
        if taken is None and memory is not None and is_confirmed(memory):
            return done_at > memory.answered
        if taken is None:
            return None if released is not None and self.now - read_now(released.at) > _UNHEARD else True
        is_last = released is not None and bool(released.order)
        if taken.status == NOT_NOW or (
            done is not None and done_at and taken.when < done.when and not is_later(taken.when, done.when, is_last)
        ):
            return True
        return taken.status != ACKNOWLEDGED and not says_it_is_not_there(taken)

    def _told_at(self, device: str, name: str, memory: Assigned) -> str:
        """When a device told the end of a control; empty where that is not told by an answer."""
        result = self.state.report(device).orders.get(memory.order)
        return result.at if result is not None else ""

    def _has_told_of(self, report: DeviceReport, name: str, memory: Assigned) -> bool:
        return name in report.profiles or last_sent(report, self._marks_of(name, memory)) is not None

    def _marks_of(self, name: str, memory: Assigned | None) -> frozenset[str]:
        return self.sent.get(name, frozenset()) | {mark_in(memory)}

    # Removals.

    def _awaits_removal(self, device: str, name: str) -> bool | None:
        """Whether an order to remove an app may still reach a device: nothing takes it out of the queue again."""
        report, memory = self.state.report(device), self.ledger.assigned[(device, name)]
        if is_another_enrolment(memory.enrolled, report.enrolled_at):
            return False
        done = report.results.get(removal_mark(self.names.prefix, removed_by(name)))
        told = done is not None and done.at > memory.answered
        if memory.order and not is_sending(memory):
            done = report.orders.get(memory.order)
            told = done is not None
        if told:
            return is_still_offered(done, report)
        return None if self.now - read_now(memory.at) > _UNHEARD else True

    # Names.

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """Enrolment id -> names of controls of which anything says that it has or had them."""
        found: dict[str, set[str]] = {}
        for device, name in (*self.ledger.assigned, *self.ledger.released):
            self._note(found, device, name)
        for device, sets in self.state.assigned.items():
            for name in sets:
                self._note(found, device, name)
        for device, statuses in self.state.statuses.items():
            for identifier in statuses:
                self._note(found, device, self.names.set_name_of(identifier))
        for device, report in self.state.reports.items():
            for name in report.profiles:
                self._note(found, device, name)
            for identifier in report.declared:
                self._note(found, device, self.names.set_name_of(identifier))
            for name, marks in self.sent.items():
                if not marks.isdisjoint(report.results):
                    self._note(found, device, name)
        return found

    def _note(self, found: dict[str, set[str]], device: str, name: str) -> None:
        if name not in self._known:
            self._known[name] = bool(name) and (bool(removed_by(name)) or self.is_ours(name))
        if self._known[name]:
            found.setdefault(device, set()).add(name)

    def _apps_of(self, name: str) -> frozenset[str]:
        if name not in self._apps:
            self._apps[name] = frozenset(self.apps_of(name))
        return self._apps[name]
