# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run on one host: look, plan, apply, look again.

Packages are removed first. Then the host is looked at once more, and the blocks are planned with what is really gone, so that a
removal that failed holds back no other app and no block. At the end the host is looked at a last time: what is reported is what that
look saw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..engine.apply import Applied, apply_plan
from ..engine.errors import AppbanError, ChangeFailed
from ..engine.plan import Change, Plan
from . import intent
from .backend import Backend
from .host_lock import host_lock
from .host_plan import HostPlan, ledger_after, names_there, plan_blocks, plan_host, removal_notes
from .ledger import Ledger, claim, write_ledger
from .looked import LOOKED_PATH, rendered
from .rails import check_globs
from .remains import Installed, Remains, after_removal, before_removal
from .report import HostReport, report_after, report_before
from .request import HostRequest
from .situation import Finding, Situation, look
from .steps import discard_handed_over, perform
from .system import System


def converge(request: HostRequest, system: System, who: str = "a run of appban.endpoint") -> HostReport:
    """Bring a host to the request, or in check mode say what that would take.

    Args:
        request: what is asked for.
        system: the host; its own check mode decides whether anything is changed.
        who: this run and since when it is at work, for the note of an interrupted run and for others that have to wait.

    Raises:
        AppbanError: for a call that can't be carried out at all (bad globs, a damaged ledger, not root, another run at work). What the
            rails refuse and what fails on the way is in the report, not raised.
    """
    problems = check_globs(request.protected)
    if problems:
        raise AppbanError("\n  ".join(["the option `protected` can't be used:"] + problems), "", "Nothing was changed")
    only_look = system.check_mode or request.plan_only
    with host_lock(exclusive=not only_look, who=who, timeout=request.lock_timeout):
        return _look_and_plan(request, system) if only_look else _converge(request, system, who)


def _look_and_plan(request: HostRequest, system: System) -> HostReport:
    situation = look(request, system)
    planned = plan_host(request, situation)
    report = report_before(request, situation, planned, check_mode=True)
    if planned.refusals:
        report.changed = False
        return report
    if request.on_unsupported == "fail":
        _refuse_unsupported(planned)
    report.verified = not report.changed and not report.failures
    _keep_look(request, system, situation.ledger, report)
    return report


def _converge(request: HostRequest, system: System, who: str) -> HostReport:
    tidied: List[str] = []
    noted = intent.Intent()
    if system.is_root():
        tidied, noted = intent.tidy_up(system)
        discard_handed_over(system)
        system.look_again()
    situation = _remember_interrupted(request, system, look(request, system), noted, tidied)
    planned = plan_host(request, situation)
    report = report_before(request, situation, planned, check_mode=False)
    report.notes.extend(tidied)
    report.changed = report.changed or bool(tidied)
    report.interrupted = report.interrupted or bool(tidied)
    if planned.refusals:
        report.changed = bool(tidied)
        return report
    if request.on_unsupported == "fail":
        _refuse_unsupported(planned)
    _refuse_unseen_by_the_guard(request, planned)
    if planned and not system.is_root():
        raise AppbanError("removing and blocking needs root", "", "Run with become: true, or only look with --check")
    if planned:
        _apply(request, situation, planned, system, report, who)
    else:
        report.verified = not report.failures
        _keep_look(request, system, situation.ledger, report)
    return report


def _remember_interrupted(request: HostRequest, system: System, situation: Situation, noted: intent.Intent, tidied: List[str]) -> Situation:
    """Enter into the ledger what a run that was killed had removed, so that its return is told as one."""
    there = {(each.app.id, each.backend.name, each.package.name, each.package.scope) for each in situation.findings}
    removed = dict(situation.ledger.removed)
    for app in request.apps:
        if app.id in situation.hurt or situation.unseen.get(app.id):
            # It may still be where nobody could look.
            continue
        # Killed between the ledger and the note, it had remembered them itself.
        entries = tuple(each for each in noted.removals.get(app.id, ()) if each not in removed.get(app.id, ()))
        if entries and not any((app.id, each["backend"], each["name"], each["scope"]) in there for each in entries):
            removed[app.id] = tuple(removed.get(app.id, ())) + entries
            tidied.extend("it had removed %s: %s %s" % (each["backend"], each["name"], each["version"]) for each in entries)
    if removed == situation.ledger.removed:
        return situation
    ledger = replace(situation.ledger, removed=removed)
    write_ledger(system, ledger, situation.ledger)
    return replace(situation, ledger=ledger)


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


def _refuse_unseen_by_the_guard(request: HostRequest, planned: HostPlan) -> None:
    """Refuse changes that the approved plan did not show: the host may have changed since then."""
    if request.approved is None:
        return
    approved = {(each["op"], each["kind"], each["name"]) for each in request.approved}
    new = ["%(op)s %(kind)s %(name)s" % each for each in planned.summaries() if (each["op"], each["kind"], each["name"]) not in approved]
    if new:
        raise AppbanError(
            "\n  ".join(["this host has changed since its plan was made, and now there is more to do:"] + new),
            "",
            "Nothing was changed; run again",
        )


def _apply(request: HostRequest, situation: Situation, planned: HostPlan, system: System, report: HostReport, who: str) -> None:
    before = situation.ledger
    # All that may be ours is on disk before the first change: killed at any moment, a later lift still knows it.
    meanwhile = claim(before, planned.ledger)
    system.remove_file(LOOKED_PATH)
    if planned.plan:
        intent.begin(system, intent.intent_of(planned.plan.changes, who, removal_notes(planned.to_remove, request.now)))
    write_ledger(system, meanwhile, before)

    def execute(change: Change) -> None:
        perform(change.step, system)
        problem = planned.owners[change.key].verify(change)
        if problem:
            raise ChangeFailed("done, but the host doesn't show it: %s" % problem, change.name, "Look at this host by hand")

    files = _files_that_go(planned, system)
    removed = apply_plan(planned.removal, execute)
    system.look_again()
    halfway = look(request, system, situation.broken)
    gone = _gone(planned, removed, situation, halfway)
    remains = _remains(files, gone, system)
    kept = names_there(halfway, halfway.findings)
    # Planned once more, from the same ledger as before, with what is really gone.
    halfway = replace(halfway, ledger=before, remains={**halfway.remains, **remains})
    blocks, block, owners = plan_blocks(request, halfway, kept)
    seen_by_the_guard = {change.key for change in planned.plan.changes}
    block = Plan(tuple(change for change in block.changes if change.key in seen_by_the_guard))
    planned = replace(planned, block=block, blocks=blocks, owners={**planned.owners, **owners})
    blocked = apply_plan(block, execute)

    applied = Applied(removed.done + blocked.done, removed.failed + blocked.failed, removed.skipped + blocked.skipped)
    left = {each.app.id for each in planned.to_remove if each not in gone}
    # An app of which something is still there was not removed, so that finding it again is no recurrence.
    after = ledger_after(request, halfway, [each for each in gone if each.app.id not in left], blocks, kept)
    if applied.failed_keys:
        after = _ledger_after_failures(before, meanwhile, after, planned, applied)
    # The note goes last: while it is there, nobody is accused of what the ledger claims and the host doesn't have yet.
    write_ledger(system, after, meanwhile)
    intent.end(system)
    last, settled = _look_and_settle(request, system, situation)
    if settled.only_ledger and not applied.failed_keys:
        # A block that was made and doesn't hold: the ledger remembers what was seen, not what was planned.
        write_ledger(system, settled.ledger, last.ledger)
        last, settled = _look_and_settle(request, system, situation)
    report_after(report, request, planned, applied, gone, last, settled)
    _keep_look(request, system, after, _as_seen_again(request, last, settled))


def _look_and_settle(request: HostRequest, system: System, before: Situation) -> Tuple[Situation, HostPlan]:
    system.look_again()
    last = look(request, system, before.broken)
    return last, plan_host(request, last)


def _as_seen_again(request: HostRequest, last: Situation, settled: HostPlan) -> HostReport:
    """The report that the next run would make if nothing happens in between."""
    report = report_before(request, last, settled, check_mode=False)
    report.verified = not report.changed
    return report


def _keep_look(request: HostRequest, system: System, ledger: Ledger, report: HostReport) -> None:
    """Keep what this look saw, where the next run may ask for it: nothing is to be done, and all is known that this rests on."""
    if not request.digest or system.check_mode or not system.is_root() or not ledger:
        return
    if (
        report.changed
        or report.failures
        or not report.verified
        or report.host_plan.refusals
        or report.is_of_the_moment()
        or not system.basis.holds()
    ):
        return
    content = rendered(request.digest, system.basis.to_plain(), report.to_plain())
    system.write(LOOKED_PATH, content, 0o600)


def _gone(planned: HostPlan, removed: Applied, before: Situation, halfway: Situation) -> List[Finding]:
    """The findings that this run was to remove and that the second look, which could have shown them, did not find."""
    there = {_identity(each) for each in halfway.findings}
    failed = {app for failure in removed.failed for app in failure.change.apps}
    # What was in a person's place and went out of sight during the removal has not been seen to go.
    hidden = {app for app in failed if set(halfway.unseen.get(app, ())).difference(before.unseen.get(app, ()))}
    return [each for each in planned.to_remove if _identity(each) not in there and each.app.id not in hidden]


def _identity(finding: Finding) -> Tuple[str, str, str, str]:
    package = finding.package
    return finding.backend.name, package.name, package.version, package.scope


def _files_that_go(planned: HostPlan, system: System) -> Dict[str, Installed]:
    """App id -> the files of its packages that are to be removed, by path and identity."""
    found: Dict[str, List[str]] = {}
    backends: Dict[str, Backend] = {finding.backend.name: finding.backend for finding in planned.to_remove}
    for name, backend in backends.items():
        for app in dict.fromkeys(each.app.id for each in planned.to_remove if each.backend.name == name):
            packages = [each.package for each in planned.to_remove if each.backend.name == name and each.app.id == app]
            found.setdefault(app, []).extend(backend.files(packages))
    return {app: before_removal(system, paths) for app, paths in found.items()}


def _remains(files: Mapping[str, Installed], gone: Sequence[Finding], system: System) -> Dict[str, Remains]:
    """App id -> files and processes of it that are left although its packages are gone from their database."""
    left = {app: after_removal(system, files[app]) for app in dict.fromkeys(each.app.id for each in gone) if app in files}
    return {app: each for app, each in left.items() if each}


def _ledger_after_failures(before: Ledger, meanwhile: Ledger, after: Ledger, planned: HostPlan, applied: Applied) -> Ledger:
    """The ledger after some changes failed: per backend the old block, the new one, or everything that may be ours of both."""
    attempted = {change.key for change in applied.done} | {failure.change.key for failure in applied.failed}
    sources: Dict[str, Ledger] = {}
    for name, plan in planned.blocks.items():
        keys = {change.key for change in plan.changes}
        if not keys & applied.failed_keys:
            sources[name] = after
        elif keys & attempted:
            sources[name] = meanwhile
        else:
            sources[name] = before
    owned = {name: value for name, value in before.owned.items() if name not in sources}
    for name, ledger in sources.items():
        if name in ledger.owned:
            owned[name] = ledger.owned[name]
    apps: Dict[str, Dict[str, Any]] = {}
    for app, entry in meanwhile.apps.items():
        blocks = {}
        for name in entry["blocks"]:
            block = sources.get(name, after).block_of(app, name)
            if block:
                blocks[name] = block
        if blocks:
            apps[app] = {"since": entry["since"], "blocks": blocks}
    return Ledger(owned, apps, after.removed, before.made_directory, after.remains, after.running)
