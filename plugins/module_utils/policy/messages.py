# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a decision: a sentence that a service desk can read to a caller, and notes for a report."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Iterable, Optional, Sequence

from . import instants
from .model import AppDecision, Instant, PolicyVerdict

_ASKS = {
    "audit": "report it",
    "advise": "advise its user to remove it",
    "remove": "remove it",
    "block": "block it from being installed",
    "block_web": "block its websites",
    "withdraw_access": "withdraw access to work apps while it is there",
}
EXEMPTION_WARNING_DAYS = 30


def reason(title: str, ranked: Sequence[PolicyVerdict], actions: Sequence[str], domains: Sequence[str], missing: Sequence[str]) -> str:
    """One sentence on why a device gets its verdict for an app. ranked: each policy's verdict, the strictest first."""
    leading = ranked[0]
    sentence = _lead(title, ranked, actions, missing)
    if leading.verdict == "enforce":
        exempting = [verdict for verdict in ranked if verdict.verdict == "exempt" and verdict.exemption]
        expired = [verdict for verdict in ranked if verdict.exemption_state == "expired" and verdict.exemption]
        if exempting:
            names = _join(f"{verdict.exemption.id} of policy {verdict.policy}" for verdict in exempting if verdict.exemption)
            sentence += f"; exemption {names} does not switch off what another policy asks for"
        if expired:
            names = _join(f"{verdict.exemption.id} (until {verdict.exemption.expires.written})" for verdict in expired if verdict.exemption)
            sentence += f"; exemption {names} has expired"
        if domains:
            sentence += (
                f"; by exemption the site{'s' if len(domains) > 1 else ''} {_join(domains)} stay{'' if len(domains) > 1 else 's'} open"
            )
    return sentence + "."


def exemption_notes(apps: Iterable[AppDecision], now: datetime) -> tuple[str, ...]:
    """Which active exemptions of a device end soon, and which have ended."""
    notes: dict[str, None] = {}
    for app in apps:
        for verdict in app.policies:
            exemption = verdict.exemption
            if exemption is None:
                continue
            if verdict.exemption_state == "expired":
                notes[f"{verdict.policy}: exemption {exemption.id} expired ({exemption.expires.written})"] = None
                continue
            left = instants.days_between(now, exemption.expires.at)
            if left <= EXEMPTION_WARNING_DAYS:
                days = "1 day" if left == 1 else f"{left} days"
                notes[f"{verdict.policy}: exemption {exemption.id} ends in {days} ({exemption.expires.written})"] = None
    return tuple(notes)


def _lead(title: str, ranked: Sequence[PolicyVerdict], actions: Sequence[str], missing: Sequence[str]) -> str:
    leading = ranked[0]
    policy, rule = leading.policy, f'rule "{leading.rule}"'
    if leading.verdict == "enforce":
        asking = [verdict for verdict in ranked if verdict.verdict == "enforce"]
        names = _join(f'{verdict.policy} (rule "{verdict.rule}", since {_spoken(verdict.stage_from)})' for verdict in asking)
        plural = "policies" if len(asking) > 1 else "policy"
        return f"{title} is banned on this device: {plural} {names} ask{'' if len(asking) > 1 else 's'} to {_asked(actions)}"
    if leading.verdict == "exempt" and leading.exemption:
        exemption = leading.exemption
        return (
            f"{title} is allowed on this device until {_spoken(exemption.expires)} by exemption {exemption.id} "
            f"of policy {policy}, approved by {exemption.approved_by}: {' '.join(exemption.reason.split()).rstrip('.')}"
        )
    if leading.verdict == "report_only":
        return f"Policy {policy} ({rule}) is only proposed: it would {_asked(leading.would)} if it were enforced ({title})"
    if leading.verdict == "pending":
        return f"Policy {policy} ({rule}) will ask to {_asked(leading.would)} from {_spoken(leading.next_stage_from)} on ({title})"
    if leading.verdict == "unclassified":
        return (
            f"Nothing is done about {title} because it isn't known whether policy {policy} applies: "
            f"this device has no known {_join(missing)}"
        )
    if leading.verdict == "review":
        return f"{title} is under review by policy {policy}: it is counted and nothing is done"
    if leading.verdict == "not_applicable":
        return f"{title} does not exist on the platform of this device, as its entry declares"
    if leading.verdict == "lifted":
        return f"Policy {policy} no longer bans {title}: the ban is lifted"
    return f"No rule about {title} applies to this device"


def _spoken(instant: Optional[Instant]) -> str:
    """An instant as its author wrote it, for reading aloud: midnight is the day, and no T stands between day and time."""
    written = instant.written if instant else ""
    return re.sub(r"[Tt ]00:00(:00)?$", "", written).replace("T", " ")


def _asked(actions: Sequence[str]) -> str:
    return _join(_ASKS[action] for action in actions) or "do nothing"


def _join(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1] if listed else ""
