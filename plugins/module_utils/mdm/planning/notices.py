# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notices to the people who use devices: what they say, and to whom a run sends them. Pure.

A notice is for staff. It says what is asked of them, until when, and whom to ask; the reasons of a ban, its sources, notes and
exemptions are for the auditor and are not in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping

from ...policy.model import AppDecision, Decision, Instant, Policy, PolicyVerdict

DEFAULT_TITLE = "Please remove {apps}"
DEFAULT_BODY = "{authority} asks you to remove {apps} from this device if you have it.{deadline_sentence}{contact_sentence}"
_DEADLINE_SENTENCE = " From {deadline} on, a device that has it loses access to work apps and data."
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class NoticeText:
    """The text of notices. Placeholders: {apps}, {authority}, {deadline}, {contact}, {policy_title}, and in the body the ready
    sentences {deadline_sentence} and {contact_sentence}, which are empty where there is nothing to say.

    Args:
        title: at most a line.
        body: the message.
        addition: what the organisation wants to say in addition, such as a word about liability.
    """

    title: str = DEFAULT_TITLE
    body: str = DEFAULT_BODY
    addition: str = ""


@dataclass(frozen=True)
class Notice:
    """One notice to one device.

    Args:
        device: id at the target.
        index: position in the fleet.
        stage: what it is sent for: policy, rule, instant of the stage. An app is named once for a stage, unless another one joins it.
        apps: ids of the apps.
        title, body: the text.
    """

    device: str
    index: int
    stage: str
    apps: tuple[str, ...]
    title: str
    body: str

    def events(self, event: str) -> list[dict[str, str]]:
        """What the ledger is told of it. event: ``noticed`` or ``not_noticed``."""
        return [{"event": event, "device": self.device, "stage": self.stage, "app": app} for app in self.apps]


def notices_of(
    decision: Decision,
    device: str,
    index: int,
    apps: Mapping[str, AppDecision],
    policies: Mapping[str, Policy],
    text: NoticeText,
    can_lose_access: bool = True,
) -> list[Notice]:
    """The notices that a device should have had by now, one per policy and stage that asks for advice.

    Args:
        apps: the apps that are on the device, or of which nobody can tell whether they are.
        policies: by id.
        can_lose_access: whether a withdrawal of access is supported on this device; where it is not, no notice threatens with one.
    """
    by_stage: dict[tuple[str, str], list[AppDecision]] = {}
    for app in apps.values():
        if app.verdict != "enforce":
            continue
        for verdict in app.policies:
            if "advise" in verdict.actions:
                by_stage.setdefault((verdict.policy, stage_name(verdict)), []).append(app)
    titles = {app.id: app.title for policy in policies.values() for app in policy.apps}
    notices = []
    for (policy, stage), told in sorted(by_stage.items()):
        names = tuple(sorted(app.app for app in told))
        deadline = _deadline(told, policies[policy]) if can_lose_access else None
        words = _words(policies[policy], [titles[name] for name in names], deadline)
        body = render(text.body, words) + (" " + render(text.addition, words) if text.addition else "")
        notices.append(Notice(device, index, stage, names, render(text.title, words), body))
    return notices


def stage_name(verdict: PolicyVerdict) -> str:
    """What a notice is sent once for. A stage that starts at another instant is another stage."""
    return "%s/%s/%s" % (verdict.policy, verdict.rule, verdict.stage_from.utc if verdict.stage_from else "")


def withdrawal_from(verdict: PolicyVerdict, policy: Policy) -> Instant | None:
    """The instant from which a rule that is in force withdraws access, past or to come; None where it never does."""
    if verdict.verdict != "enforce" or verdict.rule is None or verdict.stage is None:
        return None
    stages = next(rule for rule in policy.rules if rule.name == verdict.rule).stages
    if "withdraw_access" not in stages[verdict.stage].actions:
        return next((stage.start for stage in stages[verdict.stage + 1 :] if "withdraw_access" in stage.actions), None)
    first = verdict.stage
    while first > 0 and "withdraw_access" in stages[first - 1].actions:
        first -= 1
    return stages[first].start


def render(template: str, words: Mapping[str, str]) -> str:
    """A template with its placeholders filled in. Anything else in braces stays as it is; nothing in it is evaluated."""
    filled = _PLACEHOLDER.sub(lambda match: words.get(match[1], match[0]), template)
    return " ".join(filled.split())


def _words(policy: Policy, titles: list[str], deadline: Instant | None) -> dict[str, str]:
    apps = titles[0] if len(titles) == 1 else ", ".join(titles[:-1]) + " and " + titles[-1]
    words = {
        "apps": apps,
        "authority": policy.authority.issued_by if policy.authority else "Your organisation",
        "deadline": _spoken(deadline),
        "contact": policy.contact or "",
        "policy_title": policy.title,
    }
    words["deadline_sentence"] = " " + render(_DEADLINE_SENTENCE, words) if deadline else ""
    words["contact_sentence"] = " Questions: %s." % words["contact"] if words["contact"] else ""
    return words


def _deadline(apps: list[AppDecision], policy: Policy) -> Instant | None:
    """The first instant to come at which one of the apps costs the device its access."""
    instants = []
    for app in apps:
        for verdict in app.policies:
            if verdict.policy == policy.id and "withdraw_access" not in verdict.actions:
                instant = withdrawal_from(verdict, policy)
                if instant is not None:
                    instants.append(instant)
    return min(instants, key=lambda instant: instant.at, default=None)


def _spoken(instant: Instant | None) -> str:
    """An instant as its author wrote it; midnight is the day."""
    if instant is None:
        return ""
    return re.sub(r"[Tt ]00:00(:00)?(Z|[+-]\d\d:\d\d)?$", "", instant.written).replace("T", " ")
