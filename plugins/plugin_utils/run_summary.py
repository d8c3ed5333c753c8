# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few lines that a person reads at the end of a run. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable, Mapping, Sequence

_WORDS = {
    "compliant": "compliant",
    "removed": "removed",
    "removal_requested": "removal requested",
    "blocked_not_removed": "blocked, not removed",
    "violating": "violating",
    "advised": "advised",
    "access_withdrawn": "work access withdrawn",
    "recurred": "came back and was removed",
    "exempt": "exempt",
    "exemption_expired": "exemption expired",
    "out_of_scope": "out of scope",
    "unclassified": "unclassified",
    "not_in_force": "not in force",
    "not_applicable": "not applicable",
    "cannot_enforce": "cannot enforce",
    "not_observable": "not observable",
    "stale": "stale",
    "unreachable": "unreachable",
    "failed": "failed",
}
#: Reasons that change what a person makes of a count.
_REASONS: Mapping[str, Mapping[str, str]] = {
    "not_in_force": {
        "report_only": "only proposed",
        "not_yet_in_force": "not begun",
        "under_review": "under review",
        "ban_lifted": "lifted",
        "lift_pending": "lift pending",
    },
    "exempt": {"release_pending": "release pending"},
    "stale": {"awaiting_check_in": "awaiting contact", "old_inventory": "old inventory"},
    "failed": {"limit_exceeded": "stopped by the limits"},
}
# In check mode nothing was done about it yet: the app is there, or it is not and its block isn't either.
_LOOKED_AT = {"violating": "not as the policy wants it"}
_VERBS = {"create": "create", "update": "update", "delete": "delete", "command": "send"}
_SHOWN = 20


def summary_lines(
    last: Mapping[str, Any],
    run: Mapping[str, Any],
    evidence: str,
    check_mode: bool,
    notes: Iterable[str],
    drift: Sequence[str] = (),
    conflicts: Sequence[str] = (),
    changes: Sequence[Mapping[str, str]] = (),
    to_see: Sequence[str] = (),
    exemptions: Sequence[Mapping[str, Any]] = (),
    made: int | None = None,
    presence: Mapping[str, Any] | None = None,
) -> list[str]:
    """Who has each app, what became of all devices, what can't be done and why, what needs a decision, and where the evidence is.

    Args:
        last: the last line of the evidence record.
        run: the run's part of the decisions (policies, instant).
        evidence: path of the record.
        check_mode: nothing was changed.
        notes: notes of the decisions.
        drift: what somebody did to our blocks, each with its device.
        conflicts: what somebody else assigned against the ban.
        changes: the plan, where it is one plan for all devices.
        to_see: what was left behind or could not be looked into, each with its device and place.
        exemptions: name, state and number of devices of each that is shown.
        made: how many of the changes were made; None if nobody counted.
        presence: who in scope has each app, from :class:`..module_utils.engine.presence.Presence`; None if nobody counted.
    """
    names = ", ".join(policy["policy"] + ("" if policy["state"] == "enforced" else " (%s)" % policy["state"]) for policy in run["policies"])
    lines = ["%s at %s%s" % (names, run["now"], ", check mode: nothing was changed" if check_mode else "")]
    lines.extend(presence_lines(presence or {}))
    words = {**_WORDS, **(_LOOKED_AT if check_mode else {})}
    for app, counts in last["totals"].items():
        reasons = last.get("reasons", {}).get(app, {})
        parts = ["%d %s%s" % (count, words[name], _why(name, count, reasons.get(name, {}))) for name, count in counts.items()]
        devices = "1 device" if last["devices"] == 1 else "%d devices" % last["devices"]
        lines.append("%s on %s (%d in scope): %s" % (app, devices, last["in_scope"], ", ".join(parts)))
    if last["unenforceable"]:
        lines.append("why not: " + ", ".join("%s %d" % (reason, count) for reason, count in last["unenforceable"].items()))
    lines.extend(_bounded("exemption", [_exemption(each) for each in exemptions]))
    if changes:
        ops = Counter(change["op"] for change in changes)
        lines.append("plan: " + ", ".join("%d to %s" % (count, _VERBS[op]) for op, count in ops.items()))
    if changes and made is not None and not check_mode:
        lines.append("done: %d of %d changes were made" % (made, len(changes)))
    lines.extend("note: " + note for note in notes)
    lines.extend(_bounded("conflict", conflicts))
    lines.extend(_bounded("drift", drift))
    lines.extend(_bounded("to see", to_see))
    lines.append("evidence: " + evidence)
    return lines


def presence_lines(presence: Mapping[str, Any]) -> list[str]:
    """Who has each app, of the devices in scope: ``tiktok: 12 of 310 devices in scope have it, 288 don't, 10 unknown``."""
    lines = []
    for app, counts in (presence.get("apps") or {}).items():
        have, lack, unknown = counts["present"], counts["absent"], counts["not_observed"]
        total = have + lack + unknown
        devices = "1 device" if total == 1 else "%d devices" % total
        elsewhere = counts.get("not_applicable", 0)
        if not total and elsewhere:
            lines.append("%s: does not exist on %s in scope" % (app, "the device" if elsewhere == 1 else "any of %d devices" % elsewhere))
            continue
        if not have and not lack:
            lines.append("%s: nobody looked on %s in scope" % (app, "the device" if total == 1 else "any of " + devices))
            continue
        parts = ["%d of %s in scope %s it" % (have, devices, "has" if have == 1 else "have")]
        parts += ["%d %s" % (lack, "doesn't" if lack == 1 else "don't")] if lack else []
        parts += ["%d unknown" % unknown] if unknown else []
        old = "; %d of these looks %s older than %d days" % (counts["old"], "is" if counts["old"] == 1 else "are", presence["old_days"])
        more = "; it does not exist on %d more" % elsewhere if elsewhere else ""
        lines.append("%s: %s%s%s" % (app, ", ".join(parts), more, old if counts["old"] else ""))
    return lines


def total_line(targets: Mapping[str, Mapping[str, Any]], check_mode: bool = False) -> str:
    """All targets of a run in one line, with outcomes that add up to the devices.

    Args:
        targets: name -> what ``run.json`` says of a target.
        check_mode: nothing was changed.
    """
    all_words = {**_WORDS, **(_LOOKED_AT if check_mode else {})}
    statuses = Counter(each["status"] for each in targets.values())
    told = ", ".join("%d %s" % (count, status) for status, count in sorted(statuses.items()))
    devices = sum(each["devices"] for each in targets.values())
    in_scope = sum(each["in_scope"] for each in targets.values())
    outcomes: Counter[str] = Counter()
    for each in targets.values():
        outcomes.update(each["outcomes"])
    counts = ", ".join("%d %s" % (outcomes[name], words) for name, words in all_words.items() if outcomes[name])
    statuses_told = "%s (%s)" % ("1 target" if len(targets) == 1 else "%d targets" % len(targets), told)
    if not devices:
        return statuses_told + ", nothing is claimed of any device"
    return "%s, %s (%d in scope)%s" % (
        statuses_told,
        "1 device" if devices == 1 else "%d devices" % devices,
        in_scope,
        ": " + counts if counts else "",
    )


def _why(outcome: str, count: int, reasons: Mapping[str, int]) -> str:
    """`` (lift pending)`` where it is the reason of all devices of an outcome, `` (3 lifted, 1 lift pending)`` of some; or nothing."""
    told = [(reasons[reason], words) for reason, words in _REASONS.get(outcome, {}).items() if reasons.get(reason)]
    if not told:
        return ""
    if told[0][0] == count:
        return " (%s)" % told[0][1]
    return " (%s)" % ", ".join("%d %s" % each for each in told)


def _exemption(named: Mapping[str, Any]) -> str:
    devices = "1 device" if named["devices"] == 1 else "%d devices" % named["devices"]
    return "%s names %s%s" % (named["exemption"], devices, "" if named["state"] == "active" else " and has expired")


def _bounded(what: str, lines: Sequence[str]) -> list[str]:
    shown = ["%s: %s" % (what, line) for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append("%s: and %d more, -v shows all" % (what, len(lines) - _SHOWN))
    return shown
