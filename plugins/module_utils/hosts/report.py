# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module says of a host: per app and in all, as data that the engine can judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..engine.apply import Applied
from .backend import Refusal
from .host_plan import HostPlan, apps_acted_on
from .leftovers import Leftover
from .request import AppRequest, HostRequest
from .situation import Finding, Situation, names_to_act_on


@dataclass
class AppReport:
    """One app on this host: those fields of the engine's ``Observation`` that a host can fill."""

    before: Optional[bool] = None
    after: Optional[bool] = None
    why_not_seen: str = ""
    removal: str = "none"
    removed_earlier: bool = False
    block: str = "none"
    why_not_blocked: str = ""
    why_not_removed: str = ""
    pending: bool = False
    error: str = ""
    mechanism: List[str] = field(default_factory=list)
    findings: List[Dict[str, str]] = field(default_factory=list)


@dataclass
class HostReport:
    """Everything that is known of the host at the end of a run.

    Args:
        host_plan: what was planned.
        apps: app id -> its report.
        leftovers: desktop leftovers that were found, whether or not they go.
        notes: sentences for a person.
        failures: changes that were not made, one line each.
        changed: something was changed, or in check mode would be.
        verified: the end state was read back and is the requested one.
        check_mode: nothing was changed.
    """

    host_plan: HostPlan
    apps: Dict[str, AppReport]
    leftovers: Tuple[Leftover, ...] = ()
    notes: List[str] = field(default_factory=list)
    failures: List[str] = field(default_factory=list)
    newly_affected: bool = False
    changed: bool = False
    verified: bool = False
    check_mode: bool = False

    def message(self) -> str:
        """Why the run failed, or an empty text."""
        if self.host_plan.refusals:
            lines = ["nothing was changed on this host, because"]
            for refusal in self.host_plan.refusals:
                lines.append("  " + refusal.message)
                lines.extend("    would " + line for line in refusal.plan)
            return "\n".join(lines)
        if self.failures:
            return "\n  ".join(["not everything could be done:"] + self.failures)
        return ""

    def to_plain(self) -> Dict[str, Any]:
        """The module's return values."""
        planned = self.host_plan
        removals = [] if not planned.removals else _removal_lines(planned)
        undone = self.check_mode or bool(planned.refusals)
        blocks = planned.blocks
        return {
            "changed": self.changed,
            "changes": planned.plan.summaries(),
            "apps": {name: dict(vars(report)) for name, report in self.apps.items()},
            "findings": [finding for report in self.apps.values() for finding in report.findings],
            "leftovers": [leftover.to_plain() for leftover in self.leftovers],
            "removed": [] if undone else removals,
            "would_remove": removals if undone else [],
            "blocked": [block.to_plain() for plan in blocks.values() for block in plan.blocks],
            "unblocked": ["%s: %s" % (name, each) for name, plan in blocks.items() for each in plan.unblocked],
            "refused": [_refusal_to_plain(refusal) for refusal in planned.refusals],
            "unsupported": [
                {"backend": name, "name": each, "reason": reason}
                for name, plan in blocks.items()
                for each, reason in sorted(plan.unsupported.items())
            ],
            "drift": self._drift(),
            "notes": self.notes + ["%s: %s" % (name, line) for name, plan in blocks.items() for line in plan.notes],
            "newly_affected": self.newly_affected,
            "verified": self.verified,
        }

    def _drift(self) -> List[str]:
        lines: List[str] = []
        for report in self.apps.values():
            lines.extend(
                "%s: %s %s is installed although it was blocked" % (each["backend"], each["name"], each["version"])
                for each in report.findings
                if each.get("blocked_before")
            )
        for name, plan in self.host_plan.blocks.items():
            lines.extend("%s: %s" % (name, line) for line in plan.drift)
        return lines


def report_before(request: HostRequest, situation: Situation, planned: HostPlan, check_mode: bool) -> HostReport:
    """The report as it stands before the first change (and, in check mode, for good)."""
    report = HostReport(planned, {}, situation.leftovers, list(situation.search.notes), check_mode=check_mode, changed=bool(planned.plan))
    for app in request.apps:
        report.apps[app.id] = _app_before(app, situation, planned)
    for change in planned.plan.changes:
        for app_id in change.apps:
            report.apps[app_id].pending = check_mode
    for app in apps_acted_on(request):
        seen = report.apps[app.id]
        affected = any(each.app is app for each in planned.going) or (bool(planned.plan) and seen.block != "none")
        if affected and not situation.ledger.knows(app.id):
            report.newly_affected = True
        if planned.refusals and (seen.before or (app.block != "none" and not situation.ledger.knows(app.id))):
            # One refusal stops everything on this host, so every app that needed something is marked.
            seen.error = "refused_" + planned.refusals[0].reason
    return report


def report_after(report: HostReport, planned: HostPlan, applied: Applied, still_there: Sequence[Finding]) -> None:
    """Enter what was done, and what the second look at the databases showed."""
    report.failures = applied.messages()
    for finding in still_there:
        report.failures.append("%s: %s is still installed after its removal" % (finding.backend.name, finding.package.name))
    failed: Set[str] = set()
    for change in [failure.change for failure in applied.failed] + list(applied.skipped):
        failed.update(change.apps)
    failed.update(finding.app.id for finding in still_there)
    left = {id(each) for each in still_there}
    deleted = {change.name for change in applied.done if change.kind == "file"}
    for app_id, seen in report.apps.items():
        if app_id in failed:
            seen.error = "error"
        packages = [each for each in planned.going if each.app.id == app_id]
        files = [each for each in report.leftovers if each.app == app_id]
        files_left = [each for each in files if each.file.shown not in deleted]
        if (packages or len(files_left) < len(files)) and not any(id(each) in left for each in packages):
            seen.removal = "done"
            seen.after = len(packages) < len(seen.findings) or bool(files_left)
    report.changed = bool(applied.done)
    report.verified = not report.failures


def _app_before(app: AppRequest, situation: Situation, planned: HostPlan) -> AppReport:
    seen = AppReport(removed_earlier=app.id in situation.ledger.removed)
    if situation.can_see(app):
        seen.before = seen.after = False
    else:
        seen.why_not_seen = "no_identifier"
    blocked_on = situation.ledger.apps.get(app.id, {}).get("blocks", {})
    for finding in situation.findings:
        if finding.app is not app:
            continue
        seen.before = seen.after = True
        plain = finding.to_plain()
        if finding.actionable and finding.backend.name in blocked_on:
            plain["blocked_before"] = "true"
        if not finding.actionable:
            seen.why_not_removed = "detect_only"
        seen.findings.append(plain)
    if any(leftover.app == app.id for leftover in situation.leftovers):
        seen.before = seen.after = True
        if not any(change.kind == "file" and app.id in change.apps and change.op == "delete" for change in planned.plan.changes):
            seen.why_not_removed = seen.why_not_removed or "leftover_kept"
    if app.state == "absent" and app.block != "none" and not planned.refusals:
        _enter_block(app, situation, planned.blocks, seen)
    return seen


def _enter_block(app: AppRequest, situation: Situation, blocks: Mapping[str, Any], seen: AppReport) -> None:
    """An app is blocked as well as its least blocked name is: one open door is an open door."""
    strengths = []
    for backend in situation.backends:
        if backend.name not in blocks:
            continue
        for name in sorted(names_to_act_on(backend, app)):
            holding = [block for block in blocks[backend.name].blocks if name in block.names]
            strengths.append("strong" if any(block.strength == "strong" for block in holding) else "soft" if holding else "none")
            for block in holding:
                mechanism = "%s %s" % (backend.name, block.mechanism)
                if mechanism not in seen.mechanism:
                    seen.mechanism.append(mechanism)
    if not strengths:
        seen.why_not_blocked = "no_identifier"
    elif "none" in strengths:
        seen.why_not_blocked = "no_block"
    else:
        seen.block = "soft" if "soft" in strengths else "strong"


def _removal_lines(planned: HostPlan) -> List[str]:
    lines = []
    for removal in planned.removals:
        for package in removal.plan.removes or removal.request.packages:
            where = "" if package.scope == "system" else " (%s)" % package.scope
            lines.append("%s: %s %s%s" % (removal.backend, package.name, package.version, where))
    return lines


def _refusal_to_plain(refusal: Refusal) -> Dict[str, Any]:
    return {
        "backend": refusal.backend,
        "reason": refusal.reason,
        "names": list(refusal.names),
        "plan": list(refusal.plan),
        "message": refusal.message,
    }
