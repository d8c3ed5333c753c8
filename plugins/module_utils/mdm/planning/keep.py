# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what devices keep. Unknown is not a change: who is unclassified keeps what of ours is there, who is in a scope or in a group of
ours by name and is not shown by the inventory keeps that place, and a control for whole classes of devices stands although none of them is
shown. Pure, but for the question whether devices that nobody shows are managed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ...policy.decide import Decider
from ...policy.model import AppDecision, Decision, Policy, PolicyVerdict, Verdicts
from ...policy.policy_phase import RUNNING, PolicyPhase
from .fleet import FleetDevice
from .kept import Kept
from .mechanisms import Mechanisms
from .requirements import Requirement, RequirementsOf
from .scopes import ControlScope

#: Combinations of rules that are looked through for the one that a control was made of.
_MOST_COMBINATIONS = 2000


class Roster(Protocol):
    """Which devices the members of scopes and groups stand for."""

    def index_of(self, member: str) -> int | None:
        """The position of a device in the fleet; None for one that is not there, or not managed."""

    def shown_index_of(self, member: str) -> int | None:
        """The position of a device in the fleet, managed or not; None for one that is not there."""

    def device_id(self, member: str) -> str:
        """What the target calls the device."""


@dataclass(frozen=True)
class StandingControl:
    """An object of ours that is there, and the requirement that it was made of.

    Args:
        sure, maybe: positions of the devices that it reaches for sure, and perhaps.
        included, excluded: members that it is for by name, and from which it is kept.
        native: classes of devices that it is for as a whole, as far as the policies still want it there whoever has such a device.
        grows: what is wanted of it now is more than what it does.
    """

    requirement: Requirement
    name: str
    roster: Roster
    sure: frozenset[int]
    maybe: frozenset[int]
    included: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    native: frozenset[str | None] = frozenset()
    grows: bool = False


_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


class _Table(Generic[_Key, _Item]):
    """Sets by keys; a key without anything is not there."""

    def __init__(self) -> None:
        self.sets: dict[_Key, set[_Item]] = {}

    def add(self, key: _Key, *items: _Item) -> None:
        """Put something in."""
        if items:
            self.sets.setdefault(key, set()).update(items)

    def frozen(self) -> dict[_Key, frozenset[_Item]]:
        """The sets as they are now."""
        return {key: frozenset(items) for key, items in self.sets.items()}


class Keeper:
    """Looks for one run.

    Args:
        fleet: all devices, with their decisions.
        requirements: per device, what its decision requires.
        managed: asks for devices that the fleet doesn't show, by their ids, and says what for: whether they are managed; None where nobody
            can say.
    """

    def __init__(
        self,
        fleet: Sequence[FleetDevice],
        requirements: Sequence[frozenset[Requirement]],
        decider: Decider,
        managed: Callable[[Iterable[str], str], Mapping[str, bool | None]],
    ) -> None:
        self.fleet = fleet
        self.requirements = requirements
        self.decider = decider
        self.managed = managed
        self.policies = {policy_phase.policy.id: policy_phase.policy for policy_phase in decider.policy_phases}

    def kept(self, standing: Sequence[StandingControl], desired: Mapping[Requirement, ControlScope]) -> Kept:
        """What the plan must leave as it is.

        Args:
            desired: whom the controls are for that are wanted if nothing is kept.

        Raises:
            FleetDoubted: where too many devices would have to be asked for.
            RequestFailed, OutOfTime
        """
        asked = self._asked(standing)
        held, left_alone, freed = _Table[int, Requirement](), _Table[int, Requirement](), _Table[int, Requirement]()
        members, spared, excepted = _Table[Requirement, str](), _Table[Requirement, str](), _Table[Requirement, str]()
        classes: dict[Requirement, frozenset[str | None]] = {}
        changing: dict[str, None] = {}
        for each in standing:
            requirement, roster = each.requirement, each.roster
            keeping = [
                index for index in each.maybe if requirement not in self.requirements[index] and self._is_unclassified(index, requirement)
            ]
            if keeping and each.grows:
                changing[each.name] = None
            else:
                for index in keeping:
                    (held if index in each.sure else left_alone).add(index, requirement)

            def unseen(listed: Iterable[str], roster: Roster = roster) -> list[str]:
                return [one for one in listed if roster.shown_index_of(one) is None and asked[roster.device_id(one)] is not False]

            members.add(requirement, *unseen(each.included))
            spared.add(requirement, *unseen(each.excluded))
            already = desired[requirement].exclude if requirement in desired else frozenset()
            for member in each.excluded:
                position, shown = roster.index_of(member), roster.shown_index_of(member)
                if position is not None and self._is_doubtful(position, requirement):
                    spared.add(requirement, member)
                    freed.add(position, requirement)
                if shown is not None and member not in already and self._is_exempt(shown, requirement):
                    excepted.add(requirement, member)
            if each.native - (desired[requirement].native if requirement in desired else frozenset()):
                classes[requirement] = each.native
        tables = (held.frozen(), left_alone.frozen(), freed.frozen(), members.frozen(), spared.frozen(), excepted.frozen())
        return Kept(*tables, classes, tuple(changing))

    def _asked(self, standing: Iterable[StandingControl]) -> Mapping[str, bool | None]:
        """Whether the devices that scopes and groups of ours name, and the fleet doesn't show, are managed."""
        names = {
            each.roster.device_id(member)
            for each in standing
            for member in each.included | each.excluded
            if each.roster.shown_index_of(member) is None
        }
        return self.managed(names, "they lose the places that they have by name") if names else {}

    def _is_unclassified(self, index: int, requirement: Requirement) -> bool:
        """Whether a device may keep a control: of every app it is wanted, or it is not known whether it is."""
        apps = self.fleet[index].decision.apps
        verdicts: set[str] = set()
        for each in requirement.apps:
            app = apps.get(each.id)
            if app is None or app.verdict == "exempt":
                return False
            verdicts |= {verdict.verdict for verdict in app.policies if verdict.policy in each.policies}
        return "unclassified" in verdicts and verdicts <= {"enforce", "unclassified"}

    def _is_doubtful(self, index: int, requirement: Requirement) -> bool:
        """Whether it is not known that a device that is excepted from a control is no exception any more."""
        member = self.fleet[index]
        apps = [member.decision.apps[app] for app in requirement.app_ids if app in member.decision.apps]
        if any(app.verdict == "exempt" for app in apps):
            return False
        if any(verdict.verdict == "unclassified" for app in apps for verdict in app.policies if verdict.policy in requirement.policies):
            return True
        exemptions = [each for policy in requirement.policies for each in self.policies[policy].exemptions]
        record = member.device.record
        return (not record.get("serial") and any(each.devices for each in exemptions)) or (
            not record.get("user") and any(each.users for each in exemptions)
        )

    def _is_exempt(self, index: int, requirement: Requirement) -> bool:
        """Whether a device that is excepted from a control is exempt, whatever else the server says of it now: called unmanaged or
        somebody's own it may be managed again before the next run, and the control would meet it without its exception.
        """
        member = self.fleet[index]
        apps = (member.decision.apps.get(app) for app in requirement.app_ids)
        return any(app is not None and app.verdict == "exempt" for app in apps) or self.decider.exemptions.names(
            member.device.record, requirement.app_ids
        )


def possible_requirements(decider: Decider, requirements_of: RequirementsOf, mechanisms: Mechanisms) -> frozenset[Requirement]:
    """What the policies in force require of some device, or would require if there were one."""
    choices = [[None, *_rules(policy_phase)] for policy_phase in decider.policy_phases if _is_in_force(policy_phase)]
    platforms = dict.fromkeys(itertools.chain(*(each.platforms for each in mechanisms.values())))
    found: set[Requirement] = set()
    for chosen in itertools.islice(itertools.product(*choices), _MOST_COMBINATIONS):
        decision = _decision(decider, [each for each in chosen if each is not None])
        for platform in platforms:
            found |= requirements_of({"platform": platform}, decision)
    return frozenset(found)


def _decision(decider: Decider, chosen: Sequence[tuple[Policy, tuple[str, ...]]]) -> Decision:
    by_app: dict[str, list[PolicyVerdict]] = {}
    for policy, actions in chosen:
        for app in policy.apps:
            by_app.setdefault(app.id, []).append(PolicyVerdict(policy.id, "enforce", policy.state, actions))
    apps = {
        app: AppDecision(app, "enforce", _actions(verdicts), (), verdicts[0], tuple(verdicts), None, (), (), "")
        for app, verdicts in by_app.items()
    }
    return Decision("any", Verdicts(decider.now, "in_scope", apps, (), ()))


def _is_in_force(policy_phase: PolicyPhase) -> bool:
    return policy_phase.phase == RUNNING and policy_phase.policy.state == "enforced"


def _rules(policy_phase: PolicyPhase) -> Iterator[tuple[Policy, tuple[str, ...]]]:
    """What each rule of a policy asks for now, each demand once."""
    policy = policy_phase.policy
    stages = ((policy.rules[number].stages, stage) for number, stage in enumerate(policy_phase.stages) if stage is not None)
    for actions in dict.fromkeys(listed[stage].actions for listed, stage in stages):
        yield policy, actions


def _actions(verdicts: Iterable[PolicyVerdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(action for verdict in verdicts for action in verdict.actions))
