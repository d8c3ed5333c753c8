# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module says of a host: per app and in all, as data that the engine can judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ..engine.apply import Applied
from ..engine.plan import Change
from .backend import BlockPlan, Refusal
from .host_plan import HostPlan, apps_acted_on, deleted_leftovers
from .package_managers import PACKAGE_KINDS
from .request import AppRequest, HostRequest
from .situation import Finding, Situation, names_to_act_on

if TYPE_CHECKING:
    from .leftovers import Leftover


@dataclass
class AppReport:
    """One app on this host: those fields of the engine's ``Observation`` that a host can fill, and what they rest on.

    Args:
        block_proof: how it is known that the block holds: ``asked`` of the package manager, or ``read`` in its configuration.
        unseen: reason for a part of the host that was not looked into, though the app may be there.
        remains: files of the removed app that are still there.
        running: ``PID PATH`` of processes that still run from its files.
    """

    before: Optional[bool] = None
    after: Optional[bool] = None
    why_not_seen: str = ""
    removal: str = "none"
    removed_earlier: bool = False
    block: str = "none"
    block_proof: str = ""
    why_not_blocked: str = ""
    why_not_removed: str = ""
    pending: bool = False
    error: str = ""
    unseen: str = ""
    remains: List[str] = field(default_factory=list)
    running: List[str] = field(default_factory=list)
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
        undone: keys of the changes that failed or were skipped.
        left: what is still there although it was to go.
        newly_affected: the run would change this host for the first time for one of its apps.
        changed: something was changed, or in check mode would be.
        verified: the end state was read back and is the requested one.
        check_mode: nothing was changed.
        interrupted: an earlier run was killed while it wrote.
        standing: backend name -> the blocks that the last look after the changes found in place; None where nothing was changed.
        unseen: sentences on what could not be looked into, or was left out.
    """

    host_plan: HostPlan
    apps: Dict[str, AppReport]
    leftovers: Tuple[Leftover, ...] = ()
    notes: List[str] = field(default_factory=list)
    failures: List[str] = field(default_factory=list)
    undone: FrozenSet[str] = frozenset()
    left: Tuple[Finding, ...] = ()
    newly_affected: bool = False
    changed: bool = False
    verified: bool = False
    check_mode: bool = False
    interrupted: bool = False
    standing: Optional[Mapping[str, BlockPlan]] = None
    unseen: List[str] = field(default_factory=list)

    def message(self) -> str:
        """Why the run failed, or an empty text."""
        if self.host_plan.refusals:
            lines = ["nothing was changed on this host, because"]
            for refusal in self.host_plan.refusals:
                lines.append("  " + refusal.message)
                lines.extend("    would " + line for line in refusal.plan)
            return "\n".join(lines)
        if self.failures:
            return "\n  ".join(["not everything could be looked at and done:"] + self.failures)
        return ""

    def is_of_the_moment(self) -> bool:
        """Whether the note is about processes, whose state no file shows."""
        return any(report.running for report in self.apps.values())

    def to_plain(self) -> Dict[str, Any]:
        """The module's return values."""
        planned = self.host_plan
        undone = self.check_mode or bool(planned.refusals)
        removals = _removal_lines(self)
        blocks = {name: plan for name, plan in planned.blocks.items() if self.is_done(plan.changes)}
        standing = blocks if self.standing is None else self.standing
        return {
            "changed": self.changed,
            "changes": planned.summaries(),
            "apps": {name: dict(vars(report)) for name, report in self.apps.items()},
            "findings": [finding for report in self.apps.values() for finding in report.findings],
            "leftovers": [leftover.to_plain() for leftover in self.leftovers],
            "removed": [] if undone else removals,
            "would_remove": removals if undone else [],
            "blocked": [block.to_plain() for plan in standing.values() for block in plan.blocks],
            "unblocked": ["%s: %s" % (name, each) for name, plan in blocks.items() for each in plan.unblocked],
            "refused": [_refusal_to_plain(refusal) for refusal in planned.refusals],
            "unsupported": [
                {"backend": name, "name": each, "reason": reason}
                for name, plan in planned.blocks.items()
                for each, reason in sorted(plan.unsupported.items())
            ],
            "drift": [] if self.interrupted else self._drift(),
            "unseen": self.unseen,
            "notes": list(dict.fromkeys(self.unseen + self.notes + _notes_of(planned.blocks))),
            "newly_affected": self.newly_affected,
            "verified": self.verified,
        }

    def is_done(self, changes: Iterable[Change]) -> bool:
        """Whether none of these changes failed or was skipped (in check mode: would be)."""
        return not any(change.key in self.undone for change in changes)

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
    changed = bool(planned)
    notes = [why + ", so it was not run" for why in situation.passed_over]
    notes += situation.search.notes if situation.search else []
    if situation.interrupted:
        notes.append(
            "an earlier run was interrupted; what is missing of our blocks may be its doing, so nobody is said to have taken it away"
        )
    report = HostReport(planned, {}, situation.leftovers, notes, check_mode=check_mode, changed=changed, interrupted=situation.interrupted)
    report.failures = list(situation.broken.values())
    report.unseen = list(dict.fromkeys(part.note for parts in situation.unseen.values() for part in parts))
    touched = _touched(request, situation, planned)
    for app in request.apps:
        report.apps[app.id] = _app_before(app, situation, planned)
        if app.id in situation.hurt:
            seen = report.apps[app.id]
            seen.error = "error"
            if not seen.before:
                seen.before, seen.after, seen.why_not_seen = None, None, "error"
        report.apps[app.id].pending = check_mode and app.id in touched
    for app in apps_acted_on(request):
        seen = report.apps[app.id]
        if app.id in touched and not situation.ledger.knows(app.id):
            report.newly_affected = True
        if planned.refusals and (seen.before or app.block != "none"):
            # One refusal stops everything on this host: what is there stays, and no block was made or looked after.
            seen.error = "refused_" + planned.refusals[0].reason
    return report


def _touched(request: HostRequest, situation: Situation, planned: HostPlan) -> Set[str]:
    """The apps that the plan changes something for. That a change rewrites a file they share with another app doesn't count."""
    if planned.refusals:
        return set()
    touched = {each.app.id for each in planned.to_remove}
    for change in planned.plan.changes:
        if deleted_leftovers((change,)):
            touched.update(change.apps)
    for name, plan in planned.blocks.items():
        if not plan.changes:
            continue
        for app in request.apps:
            before, after = situation.ledger.block_of(app.id, name), planned.ledger.block_of(app.id, name)
            if before != after or (after and plan.drift):
                touched.add(app.id)
    return touched


def report_after(
    report: HostReport,
    request: HostRequest,
    planned: HostPlan,
    applied: Applied,
    gone: Sequence[Finding],
    last: Situation,
    settled: HostPlan,
) -> None:
    """Enter what was done, and what the last look at the host showed.

    Args:
        report: the report as it stood before the first change.
        request: what was asked for.
        planned: the plan, with the blocks as they were planned after the removals.
        applied: what became of its changes.
        gone: the findings that are in no database any more.
        last: the host as the last look found it.
        settled: the plan that would follow from it: empty if everything is as it should be.
    """
    undone = [failure.change for failure in applied.failed] + list(applied.skipped)
    report.host_plan = planned
    report.undone = frozenset(change.key for change in undone)
    report.left = tuple(each for each in planned.to_remove if each not in gone)
    report.failures = list(last.broken.values()) + applied.messages()
    removals_failed = {change.key for change in planned.removal.changes}.intersection(report.undone)
    if not removals_failed:
        lines = ["%s: %s is still installed after its removal" % (each.backend.name, each.package.name) for each in report.left]
        report.failures.extend(lines)
    if not report.failures:
        more = ["%(op)s %(kind)s %(name)s" % each for each in settled.summaries()]
        report.failures.extend("%s: was done and is to be done again; somebody or something undoes it" % each for each in more)
    failed: Set[str] = {finding.app.id for finding in report.left}.union(last.hurt)
    for change in undone:
        failed.update(change.apps)
    deleted = deleted_leftovers(applied.done)
    # Half a block is not called one.
    standing = {name: plan for name, plan in settled.blocks.items() if not plan.changes}
    report.standing = standing
    for app in request.apps:
        seen = report.apps[app.id]
        if app.id in failed:
            seen.error = "error"
        packages = [each for each in planned.to_remove if each.app is app]
        files = [each for each in report.leftovers if each.app == app.id]
        files_left = [each for each in files if each.file.shown not in deleted]
        if (packages or len(files_left) < len(files)) and not any(each in report.left for each in packages):
            seen.removal = "done"
            seen.after = len(packages) < len(seen.findings) or bool(files_left)
        _enter_block(app, last, standing, seen)
        _enter_remains(app, last, seen)
    for name, plan in settled.blocks.items():
        report.notes.extend(_with_name(name, plan.notes))
        report.notes.extend(_with_name(name, list(plan.overridden.values())))
    report.changed = report.changed and (bool(applied.done) or bool(gone) or bool(planned.only_ledger))
    report.verified = not report.failures


def _notes_of(blocks: Mapping[str, BlockPlan]) -> List[str]:
    return [line for name, plan in blocks.items() for line in _with_name(name, plan.notes)]


def _with_name(name: str, lines: Sequence[str]) -> List[str]:
    return ["%s: %s" % (name, line) for line in lines]


def _enter_remains(app: AppRequest, situation: Situation, seen: AppReport) -> None:
    remains = situation.remains.get(app.id)
    if remains is not None and app.state == "absent":
        seen.remains, seen.running = list(remains.files), list(remains.processes)


def _app_before(app: AppRequest, situation: Situation, planned: HostPlan) -> AppReport:
    seen = AppReport(removed_earlier=app.id in situation.ledger.removed)
    unseen = situation.unseen.get(app.id, ())
    if unseen:
        seen.unseen = unseen[0].reason
    if not all(part.only_open for part in unseen) and not any(finding.app is app for finding in situation.findings):
        # Not found where it was looked for, and it may be where it was not.
        seen.why_not_seen = seen.unseen
    elif situation.can_see(app):
        seen.before = seen.after = False
    else:
        seen.why_not_seen = "no_backend" if any(app.all_names(kind) for kind in PACKAGE_KINDS) else "no_identifier"
    for finding in situation.findings:
        if finding.app is not app:
            continue
        seen.before = seen.after = True
        plain = finding.to_plain()
        if situation.was_blocked(finding):
            plain["blocked_before"] = "true"
        if not finding.actionable:
            seen.why_not_removed = "detect_only"
        seen.findings.append(plain)
    deleted = deleted_leftovers(planned.plan.changes)
    for leftover in situation.leftovers:
        if leftover.app == app.id:
            seen.before = seen.after = True
            if leftover.file.shown not in deleted:
                seen.why_not_removed = seen.why_not_removed or "leftover_kept"
    _enter_remains(app, situation, seen)
    if not planned.refusals:
        _enter_block(app, situation, planned.blocks, seen)
    return seen


def _enter_block(app: AppRequest, situation: Situation, blocks: Mapping[str, BlockPlan], seen: AppReport) -> None:
    """Enter how well an app is blocked: as well as the least blocked of its names."""
    seen.block, seen.block_proof, seen.why_not_blocked, seen.mechanism = "none", "", "", []
    if app.state != "absent" or app.block == "none":
        return
    strengths = []
    proofs = set()
    overridden = False
    for backend in situation.backends:
        plan = blocks.get(backend.name, BlockPlan())
        for name in sorted(names_to_act_on(backend, app)):
            holding = [block for block in plan.blocks if name in block.names]
            strengths.append("strong" if any(block.strength == "strong" for block in holding) else "soft" if holding else "none")
            overridden = overridden or name in plan.overridden
            if holding:
                proofs.add(plan.proof)
            for block in holding:
                mechanism = "%s %s%s" % (backend.name, block.mechanism, " (%s)" % plan.proof if plan.proof else "")
                if mechanism not in seen.mechanism:
                    seen.mechanism.append(mechanism)
    if not strengths:
        seen.why_not_blocked = "detect_only" if situation.can_see(app) else "no_identifier"
    elif "none" in strengths:
        seen.why_not_blocked = "block_overridden" if overridden else "no_block"
    else:
        seen.block = "soft" if "soft" in strengths else "strong"
        # What is known in the weaker way counts for all.
        seen.block_proof = "" if "" in proofs else "read" if "read" in proofs else "asked"


def _removal_lines(report: HostReport) -> List[str]:
    """The removed packages (in check mode: those to remove): the requested ones that are gone, and dependents if all was done."""
    left = {(each.backend.name, each.package.name, each.package.scope) for each in report.left}
    lines = []
    for removal in report.host_plan.removals:
        all_done = report.is_done(removal.plan.changes)
        asked = {(package.name, package.scope) for package in removal.request.packages}
        for package in removal.plan.removes or removal.request.packages:
            known = all_done or (package.name, package.scope) in asked
            if not known or (removal.backend, package.name, package.scope) in left:
                continue
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
