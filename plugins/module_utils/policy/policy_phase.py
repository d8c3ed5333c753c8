# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a policy stands at one instant: what phase it is in, which stage of each rule is in force, what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone, tzinfo
from typing import Any, Mapping

from . import instants, scope
from .condition_index import ConditionIndex
from .model import Policy, Stage

LIFTED = "lifted"
PENDING = "pending"
RUNNING = "running"

# Days before a policy's end at which reports begin to warn, and warn again (scenario B3).
FIRST_WARNING = 30
LAST_WARNING = 7


@dataclass(frozen=True)
class Match:
    """How a device stands to a policy's rules: the rule it surely matches, or what is missing to tell, or neither."""

    rule: int | None
    missing: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        return "unclassified" if self.missing else "out_of_scope" if self.rule is None else "in_scope"


class Tally:
    """Counts conditions that were evaluated; tests watch the cost of a batch with it, not the time."""

    def __init__(self) -> None:
        self.evaluations = 0


class PolicyPhase:
    """One policy at one instant."""

    def __init__(self, policy: Policy, now: datetime, tally: Tally) -> None:
        self.policy = policy
        self.tally = tally
        self.phase, self.decision_due = _phase(policy, now)
        self.notes = policy_notes(policy, now)
        self.conditions = tuple(scope.compile_when(rule.when) for rule in policy.rules)
        self._index = ConditionIndex(self.conditions)
        self.stages = tuple(_stage_in_force(rule.stages, now) for rule in policy.rules)

    def match(self, device: Mapping[str, Any]) -> Match:
        """The first rule that surely matches, unless an earlier one possibly does: then the device is unclassified."""
        for index in self._index.candidates(device):
            self.tally.evaluations += 1
            value = scope.evaluate(self.conditions[index], device)
            if value is True:
                return Match(index)
            if value is None:
                missing = scope.unknown_attributes(self.conditions[index], device)
                return Match(None, tuple(sorted(missing)))
        return Match(None)


def _phase(policy: Policy, now: datetime) -> tuple[str, bool]:
    effective = policy.effective
    if policy.state == "lifted":
        return LIFTED, False
    if effective.until is not None and now >= effective.until.at:
        return (LIFTED, False) if effective.on_expiry == "lift" else (RUNNING, True)
    return (RUNNING if now >= effective.start.at else PENDING), False


def _stage_in_force(stages: tuple[Stage, ...], now: datetime) -> int | None:
    """The last stage that has begun; None before the first."""
    begun = [index for index, stage in enumerate(stages) if stage.start.at <= now]
    return begun[-1] if begun else None


def policy_notes(policy: Policy, now: datetime) -> tuple[str, ...]:
    """What is due: a review, a decision about the policy's end."""
    if policy.state == "lifted":
        return ()
    notes: list[str] = []
    today = now.astimezone(_zone(policy)).date()
    effective = policy.effective
    if effective.review_on is not None and today > effective.review_on:
        notes.append(f"{policy.id}: the review planned for {effective.review_on} is {_days((today - effective.review_on).days)} overdue")
    elif effective.review_on == today:
        notes.append(f"{policy.id}: the review is due today")
    if effective.until is not None:
        notes.extend(_expiry_notes(policy, now, today))
    return tuple(notes)


def _expiry_notes(policy: Policy, now: datetime, today: date) -> list[str]:
    until = policy.effective.until
    if until is None:
        return []
    ends = until.at.astimezone(_zone(policy))
    when = ends.date().isoformat() if ends.time().isoformat() == "00:00:00" else ends.isoformat()
    left = instants.days_between(now, until.at)
    keeps = policy.effective.on_expiry == "keep"
    if now >= until.at:
        ago = (today - ends.date()).days
        if keeps:
            return [f"{policy.id}: ended on {when} ({_days(ago)} ago) and stays enforced until it is extended or lifted: a decision is due"]
        return [f"{policy.id}: ended on {when} and is lifted"]
    then = "a decision is then due" if keeps else "it is then lifted"
    if left <= LAST_WARNING:
        return [f"{policy.id}: ends in {_days(left)}, on {when}; {then} (last warning)"]
    if left <= FIRST_WARNING:
        return [f"{policy.id}: ends in {_days(left)}, on {when}; {then}"]
    return []


def _zone(policy: Policy) -> tzinfo:
    if policy.timezone:
        try:
            return instants.read_zone(policy.timezone)
        except instants.InstantError:
            # The policy was parsed on a machine that knows the zone; its moments are in UTC already.
            return timezone.utc
    try:
        return instants.written_offset(policy.effective.start.written) or timezone.utc
    except instants.InstantError:
        return timezone.utc


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
