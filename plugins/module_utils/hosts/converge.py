# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run on one host: detect, plan, rails, remove, read again, block, verify the block.

Check mode is the same way and ends before the first change. The order is what the package managers' traps ask for: a block
that is set first hides the app from its own removal (dnf reports success and leaves it installed), so blocks come last.
"""

from __future__ import annotations

from typing import Dict, List, Set, Tuple

from ..engine.apply import apply_plan
from ..engine.errors import AppbanError, ChangeFailed
from ..engine.plan import Change
from .backend import Backend
from .host_plan import HostPlan, plan_host
from .ledger import Ledger, both, write_ledger
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
        report.verified = not planned.plan
        return report
    if planned.plan:
        _apply(situation, planned, system, report)
    else:
        # Nothing to do on the host itself, but the ledger may still shrink: our block was taken away by hand before its lift.
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


def _apply(situation: Situation, planned: HostPlan, system: System, report: HostReport) -> None:
    if not system.is_root():
        raise AppbanError("removing and blocking needs root", "", "Run with become: true, or only look with --check")
    before, after = situation.ledger, planned.ledger
    # All that may be ours is on disk before the first change: killed at any moment, a later lift still knows it.
    meanwhile = Ledger(both(before.owned, after.owned), both(before.apps, after.apps), before.removed, before.made_directory)
    write_ledger(system, meanwhile, before)

    def execute(change: Change) -> None:
        perform(change.step, system)
        problem = planned.owners[change.key].verify(change)
        if problem:
            raise ChangeFailed("done, but the host doesn't show it: %s" % problem, change.name, "Look at this host by hand")

    applied = apply_plan(planned.plan, execute)
    still_there = _read_again(planned)
    report_after(report, planned, applied, still_there)
    if report.failures:
        removed = dict(before.removed)
        removed.update((app, entries) for app, entries in after.removed.items() if report.apps[app].removal == "done")
        after = Ledger(meanwhile.owned, meanwhile.apps, removed, before.made_directory)
    write_ledger(system, after, meanwhile)


def _read_again(planned: HostPlan) -> List[Finding]:
    """Never trust an exit code: what was to go is looked for once more in the low-level databases."""
    backends: Dict[str, Backend] = {finding.backend.name: finding.backend for finding in planned.going}
    left: Set[Tuple[str, str, str]] = set()
    for name, backend in backends.items():
        asked = frozenset(each.package.name for each in planned.going if each.backend is backend)
        left.update((name, package.name, package.scope) for package in backend.installed(asked))
    return [each for each in planned.going if (each.backend.name, each.package.name, each.package.scope) in left]
