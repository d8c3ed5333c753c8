# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger and a device tell of a command, and of a profile that is sent by command. Pure.

NanoMDM tells nobody what it was sent. The ledger remembers that, and what devices answered comes from the webhook log or the database. Done
is not arrived: what was sent counts as held until the device itself has told its end. Only the server's instants are compared with each
other, because a run may have another clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...mdm.http.server_values import later
from ...mdm.run.ledger import Assigned
from ...policy.instants import read_now
from .objects import ACKNOWLEDGED, NEVER, NOT_NOW, CommandResult, DeviceReport, When

#: What follows the mark in the ledger's content of a control whose end a device has confirmed, so that nobody needs its answer any more.
CONFIRMED = " confirmed"
#: What follows it in that of a control that may not have been sent, because the run was killed; its order is then the idempotency key.
_SENDING = " sending"
#: From when on nothing is concluded from the answer to an order that was never heard: it may be lost with its log.
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
    return memory is not None and memory.content.endswith(CONFIRMED)


def sending(event: Mapping[str, str], key: str) -> dict[str, str]:
    """The ledger's event of something that is about to be sent, made of that of something that was sent. key: its idempotency key."""
    return {**event, "content": event.get("content", "") + _SENDING, "order": key}


def is_sending(memory: Assigned | None) -> bool:
    """Whether the ledger remembers of a control only that it was about to be sent."""
    return memory is not None and memory.content.endswith(_SENDING)


def is_unheard(memory: Assigned, now: datetime) -> bool:
    """Whether something was sent so long ago that its answer may be lost."""
    return now - read_now(memory.at) > _UNHEARD


def is_still_offered(result: CommandResult | None, report: DeviceReport) -> bool:
    """Whether a device has put a command off that it may still carry out."""
    if result is None or result.status != NOT_NOW:
        return False
    return not report.connected_at or report.connected_at <= later(result.at, _ONE_CONTACT)


@dataclass(frozen=True)
class ProfileStory:
    """What is known of one profile on one device.

    Args:
        name: the profile's identifier.
        assigned, released: what the ledger remembers of its being sent, and of its being taken off.
        removal_mark: mark of the command that takes it off.
        marks: marks of what may have been sent under its name, as far as that is known without the ledger.
    """

    name: str
    report: DeviceReport
    assigned: Assigned | None
    released: Assigned | None
    removal_mark: str
    marks: frozenset[str]

    @property
    def memory(self) -> Assigned | None:
        """What the ledger remembers last."""
        return self.assigned or self.released

    @property
    def last_sent(self) -> CommandResult | None:
        """The last answer to anything that was sent under the name."""
        found = [self.report.results.get(mark) for mark in self.marks | {mark_in(self.memory)}]
        return max((each for each in found if each is not None), key=lambda each: each.when, default=None)

    @property
    def last_sent_at(self) -> str:
        """When the device told that it has put that on; empty where it did not."""
        return _done_at(self.last_sent)

    @property
    def taken(self) -> CommandResult | None:
        """The answer to the last order to take it off, or to any where nobody knows which was the last."""
        if self.released is not None and self.released.order:
            return self.report.orders.get(self.released.order)
        return self.report.results.get(self.removal_mark)

    # Of a profile that is wanted.

    def is_on(self, mark: str, uuid: str) -> bool:
        """Whether the device has said that it has this very profile, and nothing else since.

        Args:
            mark: of the command that puts it on.
            uuid: what the device's list of profiles shows of it.
        """
        done = _done_when(self.report.results.get(mark))
        taken = _done_when(self.report.results.get(self.removal_mark))
        if self.report.profiles_at and self.report.profiles_when > max(done, taken):
            return self.report.profiles.get(self.name) == uuid
        # Within one instant the order in which they were sent tells: nothing was sent after what is remembered.
        return _is_later(done, taken, self.assigned is not None and self.assigned.order in self.report.orders)

    def told_at(self, mark: str) -> str:
        """When the device last told of the profile that it is on."""
        return max(self.report.profiles_at, _done_at(self.report.results.get(mark)))

    def lost_at(self, mark: str, uuid: str) -> str:
        """When a device that had put this very profile on told that it is not there any more; empty where it did not."""
        report = self.report
        done, taken = report.results.get(mark), report.results.get(self.removal_mark)
        if done is None or done.status != ACKNOWLEDGED:
            return ""
        told = [taken.order] if taken is not None and taken.done_when > done.when else []
        if report.profiles_at and report.profiles_when > done.when and report.profiles.get(self.name) != uuid:
            told.append(report.profiles_order)
        return max(told)[0] if told else ""

    # Of a profile that is not wanted.

    def removal_key(self, is_overdue: bool) -> str | None:
        """What makes it another time that the profile is taken off; None where it is not due.

        Args:
            is_overdue: that it was to be taken off is remembered, and so long ago that it is asked for once more.
        """
        report, assigned, released, sent, taken = self.report, self.assigned, self.released, self.last_sent, self.taken
        listed = report.profiles_at if self.name in report.profiles else ""
        here = max(listed, self.last_sent_at)
        is_last = released is not None and released.order in report.orders
        before = max(_done_when(sent), report.profiles_when if listed else NEVER)
        is_taken = taken is not None and _is_later(taken.done_when, before, is_last)
        if assigned is not None:
            if assigned.enrolled and report.enrolled_since(assigned.enrolled):
                # That took the profile off and emptied the queue.
                return "after " + here if here else None
            return "after %s %s %s" % (assigned.at, here, assigned.order)
        if released is None:
            return "after " + here if (here and not is_taken) or is_still_offered(sent, report) else None
        if here and here > released.answered and not is_taken:
            # An installation that was put off came after the removal had been asked for.
            return "after " + here
        if taken is not None and is_overdue:
            kept = taken.is_refusal and taken.at > here and bool(here) and not _says_it_is_not_there(taken)
            return "again " + taken.at if taken.status == NOT_NOW or kept else None
        return None

    def may_be_held(self, now: datetime) -> bool | None:
        """Whether the profile may still be on the device, or may still arrive; None where nothing is known."""
        if self.memory is None or not self.report.enrolled_since(self.memory.enrolled):
            return self._may_be_held(now)
        # Enrolling took the profile off and emptied the queue.
        if self.name not in self.report.profiles and self.last_sent is None:
            return False
        # Nobody will answer what was in the queue.
        assigned, released = (replace(each, order="") if each is not None else None for each in (self.assigned, self.released))
        return replace(self, assigned=assigned, released=released)._may_be_held(now)

    def _may_be_held(self, now: datetime) -> bool | None:
        report, released, memory, sent, taken = self.report, self.released, self.memory, self.last_sent, self.taken
        if is_still_offered(sent, report):
            return True
        if memory is not None and memory.order and not is_confirmed(memory) and memory.order not in report.orders:
            # What was told before the last order doesn't tell what becomes of it.
            return None if released is not None and is_unheard(memory, now) else True
        on_at = self.last_sent_at
        if report.profiles_at > max(on_at, taken.at if taken is not None else ""):
            return self.name in report.profiles
        if sent is not None and sent.is_refusal:
            return False
        if taken is None:
            if memory is not None and is_confirmed(memory):
                return on_at > memory.answered
            return None if released is not None and is_unheard(released, now) else True
        if sent is not None and on_at:
            is_last = self.assigned is not None and bool(self.assigned.order)
            if is_last and _is_later(sent.when, taken.when, True):
                return True
            if taken.when < sent.when and not _is_later(taken.when, sent.when, released is not None and bool(released.order)):
                return True
        return taken.status == NOT_NOW or (taken.status != ACKNOWLEDGED and not _says_it_is_not_there(taken))


def _done_when(result: CommandResult | None) -> When:
    return result.done_when if result is not None else NEVER


def _done_at(result: CommandResult | None) -> str:
    return _done_when(result)[0]


def _is_later(told: When, other: When, is_last: bool) -> bool:
    """Whether something was told after something else.

    Args:
        is_last: whether it answers what was sent last. A log that drops decimals may have the answers of one second in any order.
    """
    is_same_instant = bool(told[0]) and (told[0], told[1][0]) == (other[0], other[1][0])
    return told > other or (is_same_instant and is_last)


def _says_it_is_not_there(result: CommandResult) -> bool:
    """Whether a device has refused to remove a profile because it doesn't have it."""
    return result.is_refusal and bool(_NOT_THERE.search(" ".join(result.errors)))
