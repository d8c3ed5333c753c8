# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is allowed in a policy and still hardly meant: stages after its end, rules that can never match, exemptions for
domains that nothing blocks, mistyped attributes.

Only what is sure is said: a rule without a note may be just as unreachable, for reasons that its form does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, Sequence

from . import scope
from .attribute_names import mistyped_attributes
from .devices import VOCABULARY
from .exemption_domains import domains_without_effect
from .model import Policy
from .problems import child, show
from .scope import AllOf, AnyOf, Condition, Not, Wanted

# How many earlier rules a rule is compared with at most, so that the cost of many rules grows with their number and not its square.
MOST_COMPARED = 50


@dataclass(frozen=True)
class Note:
    """Something to look at in a policy. path: where inside it."""

    path: str
    text: str


def notes_of(policy: Policy) -> list[Note]:
    """The notes on a policy: those of its rules in their order, then those of its exemptions and attributes."""
    unreachable = unreachable_rules([scope.compile_when(rule.when) for rule in policy.rules])
    notes: list[Note] = []
    for index, rule in enumerate(policy.rules):
        path = child("rules", index)
        if index in unreachable:
            notes.append(Note(child(path, "when"), f"the rule {show(rule.name)} can never match: " + unreachable[index]))
        notes.extend(_late_stages(policy, index))
    notes.extend(Note(path, text) for path, text in (*domains_without_effect(policy), *mistyped_attributes(policy)))
    return notes


def notes_of_policies(policies: Iterable[Policy]) -> list[str]:
    """The notes on the policies of a run, each with its policy and where inside it; none on a ban that is lifted."""
    return [f"{policy.id}: {note.path}: {note.text}" for policy in policies if policy.state != "lifted" for note in notes_of(policy)]


def unreachable_rules(conditions: Sequence[Condition]) -> dict[int, str]:
    """Position -> reason of every rule that surely never decides, from the rules' conditions in their order."""
    found: dict[int, str] = {}
    earlier = _Earlier(conditions)
    for index, condition in enumerate(conditions):
        if is_never_true(condition):
            found[index] = "its conditions contradict each other"
            continue
        by = earlier.taker_of(condition)
        if by is not None:
            found[index] = f"rules[{by}] takes all its devices before it"
        earlier.add(index, condition)
    return found


def is_never_true(condition: Condition) -> bool:
    """Whether a condition surely holds for no device. It may still be unknown for one."""
    if isinstance(condition, AnyOf):
        return all(is_never_true(part) for part in condition.parts)
    if isinstance(condition, Not):
        return _is_always_true(condition.part)
    if not isinstance(condition, AllOf):
        return False
    parts = list(_conjuncts(condition))
    if any(is_never_true(part) for part in parts):
        return True
    refused = [part.part for part in parts if isinstance(part, Not)][:MOST_COMPARED]
    if any(scope.implies(part, wide) for part in parts if not isinstance(part, Not) for wide in refused):
        return True
    # Only an attribute with a closed vocabulary surely has one value; any other may be a list that meets both wishes.
    wanted: dict[str, set[object]] = {}
    for part in parts:
        if isinstance(part, Wanted) and part.attribute in VOCABULARY:
            values = wanted.setdefault(part.attribute, set(part.values))
            values &= set(part.values)
    return any(not values for values in wanted.values())


def _is_always_true(condition: Condition) -> bool:
    """Whether a condition is true for every device of which it is known at all."""
    if isinstance(condition, AllOf):
        return all(_is_always_true(part) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return any(_is_always_true(part) for part in condition.parts)
    if isinstance(condition, Wanted):
        return set(VOCABULARY.get(condition.attribute, (None,))) <= set(condition.values)
    return False


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _conjuncts(part)
    else:
        yield condition


class _Earlier:
    """The rules before one, found by what they want rarely."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._users: dict[tuple[str, object], int] = {}
        for condition in conditions:
            for key in {key for part in _conjuncts(condition) for key in _keys(part)}:
                self._users[key] = self._users.get(key, 0) + 1
        self._same: dict[str, int] = {}
        self._by_key: dict[tuple[str, object], list[tuple[int, Condition]]] = {}
        self._others: list[tuple[int, Condition]] = []

    def add(self, index: int, condition: Condition) -> None:
        """Enter a rule. It can take a device away only if the device meets its rarest wish, so it is entered there."""
        self._same.setdefault(repr(condition), index)
        wishes = [_keys(part) for part in _conjuncts(condition) if isinstance(part, Wanted) and not _is_always_true(part)]
        if not wishes:
            if len(self._others) < MOST_COMPARED:
                self._others.append((index, condition))
            return
        for key in min(wishes, key=lambda keys: sum(self._users[key] for key in keys)):
            entered = self._by_key.setdefault(key, [])
            if len(entered) < MOST_COMPARED:
                entered.append((index, condition))

    def taker_of(self, condition: Condition) -> int | None:
        """The first rule found that holds wherever a condition does."""
        same = self._same.get(repr(condition))
        if same is not None:
            return same
        candidates = list(self._others)
        for keys in (_keys(part) for part in _conjuncts(condition)):
            candidates.extend(self._by_key.get(keys[0], ()) if keys else ())
        return min((index for index, wide in candidates[: 4 * MOST_COMPARED] if scope.implies(condition, wide)), default=None)


def _keys(part: Condition) -> list[tuple[str, object]]:
    return [(part.attribute, str(value)) for value in part.values] if isinstance(part, Wanted) else []


def _late_stages(policy: Policy, rule: int) -> Iterator[Note]:
    until = policy.effective.until
    if until is None:
        return
    for index, stage in enumerate(policy.rules[rule].stages):
        if stage.start.at >= until.at:
            then = (
                "it comes into force all the same, because on_expiry is keep"
                if policy.effective.on_expiry == "keep"
                else "it never comes into force"
            )
            path = child(child(child("rules", rule), "stages"), index)
            yield Note(child(path, "from"), f"the stage begins at {stage.start.written}, after the policy's end ({until.written}); {then}")
