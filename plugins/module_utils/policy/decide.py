# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions: what one or more policies say about a device at one instant.

Pure: policies, devices and `now` go in, decisions come out. A batch resolves time once, looks exemptions up by name, projects
each device onto the attributes that the policies ask for, and decides each distinct projection once.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Iterable, Iterator, Mapping, Sequence

from . import exemptions, instants, messages, scope
from .devices import device_name, known_value
from .exemptions import ExemptionIndex, Held
from .model import ACTIONS, SCOPES, VERDICTS, App, AppDecision, Decision, Device, Policy, PolicyVerdict, Verdicts
from .policy_phase import LIFTED, PENDING, Match, PolicyPhase, Tally
from .problems import PolicyError, Problem

_STRICTNESS = {verdict: -index for index, verdict in enumerate(VERDICTS)}
_STRENGTH = {action: index for index, action in enumerate(ACTIONS)}
# Distinct projections remembered; beyond it a batch starts afresh, so that memory stays flat whatever the fleet.
_MEMORY = 50_000


def decide(policies: Sequence[Policy], device: Device, now: datetime) -> Decision:
    """The decision about one device. See Decider."""
    return Decider(policies, now).decide(device)


def decide_all(policies: Sequence[Policy], devices: Iterable[Device], now: datetime) -> Iterator[Decision]:
    """The decisions about many devices, one by one in their order; nothing is kept but what devices share."""
    decider = Decider(policies, now)
    return map(decider.decide, devices)


def covers_whole_scope(policies: Sequence[Policy], decisions: Iterable[Decision]) -> list[str]:
    """The exemptions that leave nobody of a run under their policy: ``policy/exemption`` for each.

    An exemption may look narrow and still cover every device there is. One that is active for all in-scope devices of its
    policy, where these are more than one, is named; the caller refuses the run.
    """
    in_scope: dict[str, int] = {}
    covered: dict[tuple[str, str], int] = {}
    # Devices that are alike share their verdicts.
    alike: dict[int, tuple[Verdicts, int]] = {}
    for decision in decisions:
        verdicts, count = alike.get(id(decision.verdicts), (decision.verdicts, 0))
        alike[id(verdicts)] = (verdicts, count + 1)
    for verdicts, count in alike.values():
        seen: set[str] = set()
        held: set[tuple[str, str]] = set()
        for app in verdicts.apps.values():
            for verdict in app.policies:
                if verdict.rule is None or verdict.verdict in ("lifted", "review", "not_applicable"):
                    continue
                seen.add(verdict.policy)
                if verdict.exemption is not None and verdict.exemption_state == exemptions.ACTIVE and not verdict.exemption.domains:
                    held.add((verdict.policy, verdict.exemption.id))
        for policy in seen:
            in_scope[policy] = in_scope.get(policy, 0) + count
        for pair in held:
            covered[pair] = covered.get(pair, 0) + count
    return sorted(f"{policy}/{name}" for (policy, name), held_by in covered.items() if held_by > 1 and held_by == in_scope[policy])


class Decider:
    """Policies made ready for one instant.

    policies: parsed policies, any number. now: an aware datetime. Devices are mappings of plain values.
    Raises PolicyError for a device without id, serial and name, for a `now` without an offset and for two policies of one id.
    """

    def __init__(self, policies: Sequence[Policy], now: datetime) -> None:
        _check(policies, now)
        self.now = instants.utc_text(now)
        self.moment = now.astimezone(timezone.utc)
        self.tally = Tally()
        self.policy_phases = tuple(PolicyPhase(policy, self.moment, self.tally) for policy in policies)
        self.exemptions = ExemptionIndex(policies, self.moment)
        conditions = [
            *self.exemptions.conditions,
            *(condition for policy_phase in self.policy_phases for condition in policy_phase.conditions),
        ]
        asked = set().union(*(scope.attributes(condition) for condition in conditions))
        if any(app.platforms for policy in policies for app in (*policy.apps, *policy.review)):
            asked.add("platform")
        self.attributes = tuple(sorted(asked))
        self.decision_due = tuple(policy_phase.policy.id for policy_phase in self.policy_phases if policy_phase.decision_due)
        self.notes = tuple(note for policy_phase in self.policy_phases for note in policy_phase.notes)
        self.titles = {app.id: app.title for policy in policies for app in (*policy.apps, *policy.review)}
        self._known: dict[Any, Verdicts] = {}

    def decide(self, device: Device) -> Decision:
        """The decision about one device."""
        name = device_name(device)
        if name is None:
            raise PolicyError([Problem("devices", "$", "a device without id, serial and name", "at least one of them")])
        named = self.exemptions.named(device)
        get = device.get
        values = tuple([get(attribute) for attribute in self.attributes])
        # True and 1 are equal to a dict but not to a rule, so the types are part of the key.
        key = (values, tuple(map(type, values)), named)
        try:
            verdicts = self._known.get(key)
        except TypeError:
            key = (tuple(map(_hashable, values)), (), named)
            verdicts = self._known.get(key)
        if verdicts is None:
            if len(self._known) >= _MEMORY:
                self._known.clear()
            verdicts = self._known[key] = self._decide(dict(zip(self.attributes, values)), named)
        return Decision(name, verdicts)

    def _decide(self, device: Mapping[str, Any], named: tuple[int, ...]) -> Verdicts:
        held_by_policy: dict[int, list[Held]] = {}
        holding = tuple(dict.fromkeys((*named, *self.exemptions.conditional(device))))
        for index in holding:
            held = self.exemptions.held[index]
            held_by_policy.setdefault(held.policy, []).append(held)
        platform = known_value(device, "platform")
        by_app: dict[str, list[PolicyVerdict]] = {}
        scopes: list[str] = []
        for position, policy_phase in enumerate(self.policy_phases):
            match = policy_phase.match(device)
            scopes.append(match.scope)
            held_here = held_by_policy.get(position, [])
            for app in policy_phase.policy.apps:
                by_app.setdefault(app.id, []).append(_verdict(policy_phase, match, app, held_here, False, platform))
            for app in policy_phase.policy.review:
                by_app.setdefault(app.id, []).append(_verdict(policy_phase, match, app, held_here, True, platform))
        apps = {app: combine(app, self.titles[app], verdicts) for app, verdicts in sorted(by_app.items())}
        return Verdicts(
            now=self.now,
            scope=min(scopes, key=SCOPES.index, default="out_of_scope"),
            apps=apps,
            decision_due=self.decision_due,
            notes=self.notes + messages.exemption_notes(apps.values(), self.moment),
            exemptions=holding,
        )


def combine(app: str, title: str, verdicts: Sequence[PolicyVerdict]) -> AppDecision:
    """What several policies together say about an app: the strictest verdict, the union of the actions."""
    actions = _ordered(action for verdict in verdicts for action in verdict.actions)
    would = _ordered(action for verdict in verdicts for action in verdict.would if action not in actions)
    ranked = sorted(verdicts, key=lambda verdict: (-_STRICTNESS[verdict.verdict], -_strongest(verdict)))
    leading = ranked[0]
    exempted = next((verdict for verdict in ranked if verdict.exemption_state == exemptions.ACTIVE), None) or next(
        (verdict for verdict in ranked if verdict.exemption is not None), None
    )
    blocking = [set(verdict.domains) for verdict in verdicts if "block_web" in verdict.actions]
    domains = tuple(sorted(set.intersection(*blocking))) if blocking else exempted.domains if exempted else ()
    missing = tuple(sorted({name for verdict in verdicts for name in verdict.missing}))
    return AppDecision(
        app=app,
        verdict=leading.verdict,
        actions=actions,
        would=would,
        leading=leading,
        policies=tuple(verdicts),
        exempted=exempted,
        domains=domains,
        missing=missing,
        reason=messages.reason(title, ranked, actions, domains, missing),
    )


def _verdict(policy_phase: PolicyPhase, match: Match, app: App, held: Sequence[Held], review: bool, platform: str | None) -> PolicyVerdict:
    """What one policy says about one of its apps on a device of a platform; None for an unknown one."""
    policy = policy_phase.policy
    if match.rule is None:
        word = match.scope
        if word == "unclassified" and policy_phase.phase == LIFTED:
            word = "lifted"
        return PolicyVerdict(policy.id, word, policy.state, missing=match.missing)
    rule = policy.rules[match.rule]
    stage = policy_phase.stages[match.rule]
    following = 0 if stage is None else stage + 1
    current = rule.stages[stage] if stage is not None else None
    upcoming = rule.stages[following] if following < len(rule.stages) else None
    chosen = exemptions.choose(held, app.id)
    asked = (current or rule.stages[0]).actions
    actions: tuple[str, ...] = ()
    would: tuple[str, ...] = asked
    if policy_phase.phase == LIFTED:
        word, would = "lifted", ()
    elif platform is not None and not app.exists_on(platform):
        word, would = "not_applicable", ()
    elif review:
        word, would = "review", ()
    elif policy_phase.phase == PENDING or current is None:
        word = "pending"
    elif chosen is not None and chosen.state == exemptions.ACTIVE and not chosen.exemption.domains:
        word = "exempt"
    elif policy.state == "report_only":
        word = "report_only"
    else:
        word, actions, would = "enforce", asked, ()
    counts = word in ("enforce", "exempt", "report_only", "pending")
    return PolicyVerdict(
        policy=policy.id,
        verdict=word,
        state=policy.state,
        actions=actions,
        would=would,
        rule=rule.name,
        stage=stage,
        stage_from=current.start if current else None,
        next_stage_from=upcoming.start if upcoming else None,
        exemption=chosen.exemption if chosen and counts else None,
        exemption_state=chosen.state if chosen and counts else None,
        domains=exemptions.relaxed_domains(held, app.id) if counts and word != "exempt" else (),
    )


def _check(policies: Sequence[Policy], now: datetime) -> None:
    problems: list[Problem] = []
    if now.tzinfo is None:
        problems.append(Problem("now", "$", now.isoformat(), "an instant with an offset"))
    seen: dict[str, Policy] = {}
    for policy in policies:
        if policy.id in seen:
            problems.append(
                Problem(
                    policy.file or "policies",
                    "policy",
                    f"{policy.id}, which {seen[policy.id].file or 'another policy'} has too",
                    "an id of its own",
                )
            )
        seen.setdefault(policy.id, policy)
    if problems:
        raise PolicyError(problems)


def _ordered(actions: Iterable[str]) -> tuple[str, ...]:
    asked = set(actions)
    return tuple(action for action in ACTIONS if action in asked)


def _strongest(verdict: PolicyVerdict) -> int:
    return max((_STRENGTH[action] for action in (*verdict.actions, *verdict.would)), default=-1)


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return (list, tuple(_hashable(item) for item in value))
    if isinstance(value, Mapping):
        return (dict, tuple(sorted((str(key), _hashable(item)) for key, item in value.items())))
    return (type(value), value)
