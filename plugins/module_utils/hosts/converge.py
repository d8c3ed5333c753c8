# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run on one host: detect, plan, rails, remove, read again, block, verify the block.

Check mode is the same way and ends before the first change. The order is what the package managers' traps ask for: a block
that is set first hides the app from its own removal (dnf reports success and leaves it installed), so blocks come last.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple

from ..engine.apply import Applied, apply_plan
from ..engine.errors import AppbanError, ChangeFailed
from ..engine.plan import Change
from .backend import Backend
from .host_plan import HostPlan, plan_host
from .ledger import Ledger, claim, write_ledger
from .rails import check_globs
from .report import HostReport, report_after, report_before
from .request import HostRequest
from .situation import Finding, Situation, look
from .steps import perform
from .system import System


def converge(request: HostRequest, system: System) -> HostReport:
    """Bring a host to the request, or in check mode say what that would take.

    Args:
        request: what is asked for.
        system: the host; its own check mode decides whether anything is changed.

    Raises:
        AppbanError: for a call that can't be carried out at all (bad globs, a damaged ledger, not root). What the rails
            refuse and what fails on the way is in the report, not raised.
    """
    problems = check_globs(request.protected)
    if problems:
        raise AppbanError("\n  ".join(["the option `protected` can't be used:"] + problems), "", "Nothing was changed")
    situation = look(request, system)
    planned = plan_host(request, situation)
    report = report_before(request, situation, planned, system.check_mode)
    if planned.refusals:
        report.changed = False
        return report
    if request.on_unsupported == "fail":
        _refuse_unsupported(planned)
    if system.check_mode:
        report.verified = not report.changed
        return report
    if report.changed and not system.is_root():
        raise AppbanError("removing and blocking needs root", "", "Run with become: true, or only look with --check")
    if planned.plan:
        _apply(request, situation, planned, system, report)
    else:
        write_ledger(system, planned.ledger, situation.ledger)
        report.verified = True
    return report


def _refuse_unsupported(planned: HostPlan) -> None:
    lines = [
        "%s can't block %s (%s)" % (backend, name, reason)
        for backend, block in planned.blocks.items()
        for name, reason in sorted(block.unsupported.items())
    ]
    if lines:
        raise AppbanError(
            "\n  ".join(["a block that was asked for can't be made on this host:"] + lines),
            "",
            "Nothing was changed. Set on_unsupported: report to go on without it",
        )


def _apply(request: HostRequest, situation: Situation, planned: HostPlan, system: System, report: HostReport) -> None:
    before, after = situation.ledger, planned.ledger
    # All that may be ours is on disk before the first change: killed at any moment, a later lift still knows it.
    meanwhile = claim(before, after)
    write_ledger(system, meanwhile, before)

    def execute(change: Change) -> None:
        perform(change.step, system)
        problem = planned.owners[change.key].verify(change)
        if problem:
            raise ChangeFailed("done, but the host doesn't show it: %s" % problem, change.name, "Look at this host by hand")

    applied = apply_plan(planned.plan, execute)
    still_there = _read_again(planned)
    report_after(report, request, situation, planned, applied, still_there)
    if report.failures:
        after = _ledger_after_failures(before, meanwhile, planned, applied, report)
    write_ledger(system, after, meanwhile)


def _ledger_after_failures(before: Ledger, meanwhile: Ledger, planned: HostPlan, applied: Applied, report: HostReport) -> Ledger:
    """What is true when not everything was done: per backend the block of before, of after, or whatever may be ours of both."""
    attempted = {change.key for change in applied.done} | {failure.change.key for failure in applied.failed}
    sources: Dict[str, Ledger] = {}
    for name, plan in planned.blocks.items():
        if report.is_done(plan.changes):
            sources[name] = planned.ledger
        elif attempted.intersection(change.key for change in plan.changes):
            sources[name] = meanwhile
        else:
            sources[name] = before
    owned = {name: value for name, value in before.owned.items() if name not in sources}
    apps: Dict[str, Dict[str, Any]] = {}
    for name, ledger in sources.items():
        if name in ledger.owned:
            owned[name] = ledger.owned[name]
    for app, entry in meanwhile.apps.items():
        blocks = {}
        for name in entry["blocks"]:
            block = sources.get(name, planned.ledger).block_of(app, name)
            if block:
                blocks[name] = block
        if blocks:
            apps[app] = {"since": entry["since"], "blocks": blocks}
    removed = dict(before.removed)
    seen_to_go = {app for app, seen in report.apps.items() if seen.removal == "done"}
    removed.update((app, entries) for app, entries in planned.ledger.removed.items() if app in seen_to_go)
    return Ledger(owned, apps, removed, before.made_directory)


def _read_again(planned: HostPlan) -> List[Finding]:
    """Never trust an exit code: what was to go is looked for once more in the low-level databases."""
    backends: Dict[str, Backend] = {finding.backend.name: finding.backend for finding in planned.going}
    left: Set[Tuple[str, str, str]] = set()
    for name, backend in backends.items():
        asked = frozenset(each.package.name for each in planned.going if each.backend is backend)
        left.update((name, package.name, package.scope) for package in backend.installed(asked))
    return [each for each in planned.going if (each.backend.name, each.package.name, each.package.scope) in left]
