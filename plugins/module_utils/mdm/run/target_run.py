# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a target: devices, decisions, findings, plan, guard, writes, outcomes, evidence. The same for every MDM.

In check mode nothing is written to the target, and no notice is sent; the record and the reading are the same. The record is opened
before anything is contacted, and holds who is in scope and what is planned before the first write.
"""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ...engine.apply import Applied, Failure
from ...engine.errors import AppbanError, EvidenceError, unexpected
from ...engine.evidence import EvidenceRecord, choose_run_id, leave_no_empty_run, summary_of, unfinished_records
from ...engine.guard import strictest_limits
from ...engine.presence import Presence
from ...engine.previous_record import PreviousRecord, read_previous_record
from ...engine.run_header import run_header
from ...engine.run_lock import RunLock, TenantLock
from ...engine.version import VERSION
from ...policy.asset_index import AssetIndex, notes_of_assets
from ...policy.decide import Decider, covers_whole_scope
from ...policy.exemption_counts import NamedDevices, count_exemptions, notes_of_exemptions, shown_exemptions
from ...policy.fleet_notes import notes_of_fleet
from ...policy.instants import read_now, utc_text
from ...policy.notes import notes_of_policies
from ...policy.serialize import serialize_policy
from ..http.journal import Journal
from ..planning.control_state import ControlStates
from ..planning.group_names import wanted_groups
from ..planning.notices import Notice
from ..planning.plan_result import PlanResult, plan_result
from .assess import Assessor, RunState, may_look, undoubted
from .due_notices import due_notices
from .fleet_rows import FleetRows
from .fleet_store import FleetStore, FleetUnreadable
from .known_fleet import FleetDoubted, FleetMemory, LoneLookUps
from .ledger import Ledger
from .ledger_events import events_before_writing, events_of_standing_controls
from .opted_out import opted_out, rows_of_opted_out
from .plan_guard import PlanGuard
from .read_fleet import ReadFleet
from .run_request import NobodyLeft, RunRequest, RunResult, Target

SHOWN_CONFLICTS = 50
#: How far the clock of a server may be ahead of ours.
CLOCKS_APART = timedelta(days=1)
#: What capabilities rest on, whatever the policies ask for.
CAPABILITY_FACTS = ("platform", "ownership", "supervised", "enrollment", "os_version")
#: Of a run that did not come to know its fleet.
NO_TOTALS: Mapping[str, Any] = {"findings": 0, "drift": 0, "decision_due": [], "notes": []}


def run_target(target: Target, request: RunRequest, journal: Journal | None = None) -> RunResult:
    """One run.

    Args:
        journal: where the writes of the target's connection are noted before they are sent.

    Raises:
        AppbanError: where it can't even be recorded, or where nothing was to be written.
    """
    with interpreter_for_large_fleets():
        return _Run(target, request, journal or Journal()).run()


@contextmanager
def interpreter_for_large_fleets() -> Iterator[None]:
    """Set the interpreter up for a fleet, and as it was at the end.

    Circular garbage is looked for a hundred times more rarely: what a fleet is made of has none, and each look goes over all of it. Threads
    take turns ten times more often: who asks for the next page must not wait until this one is read.
    """
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(100_000, *thresholds[1:])
    sys.setswitchinterval(interval / 10)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


class _Run:
    def __init__(self, target: Target, request: RunRequest, journal: Journal) -> None:
        self.journal = journal
        self.target = target
        self.request = request
        self.now = utc_text(request.now)
        self.decider = Decider(request.policies, request.now)
        self.assets = AssetIndex(request.assets)
        self.by_id = {policy.id: policy for policy in request.policies}
        self.ledger = Ledger.open(request.evidence_dir, request.target, writable=not request.check_mode)
        self.fleet = FleetStore()
        self.exemptions: tuple[NamedDevices, ...] = ()
        self.left: list[str] = []
        self.previous = PreviousRecord()
        #: Writes that had left before any of the plan: logging in is none of it.
        self.sent_before = 0
        #: Why carrying out the plan failed as a whole; empty where it did not.
        self.broken = ""
        self.presence = Presence(utc_text(request.now - request.stale_after), request.stale_after.days)

    def run(self) -> RunResult:
        request = self.request
        limits = strictest_limits(
            [request.limits] if request.limits else [serialize_policy(policy)["limits"] for policy in request.policies]
        )
        # First of all: a directory that can't be written to must show before anything is contacted.
        run_id = request.run_id or choose_run_id(request.evidence_dir, self.now)
        locks = [RunLock(request.evidence_dir, request.target)]
        if request.identity is not None:
            locks.append(TenantLock(request.evidence_dir, request.identity.digest, str(request.identity)))
        holder = {"run_id": run_id, "since": request.provenance.wall_clock(), "user": request.provenance.user, "name": request.target}
        try:
            for lock in locks:
                lock.hold(holder)
        except AppbanError:
            for lock in locks:
                lock.release()
            if not request.run_id:
                leave_no_empty_run(request.evidence_dir, run_id)
            raise
        try:
            # Read again now that nobody else writes it.
            if not self.ledger.is_as_it_was_read():
                self.ledger = Ledger.open(request.evidence_dir, request.target, writable=not request.check_mode)
            self.previous = read_previous_record(request.evidence_dir, request.target, run_id, self.by_id)
            record = EvidenceRecord(request.evidence_dir, run_id, request.target, self._header(limits), request.evidence)
            self.left = unfinished_records(request.evidence_dir, request.target, run_id)
            try:
                return self._recorded(record, limits)
            except AppbanError as error:
                self._close_unread(record, error)
                raise
            except Exception as error:
                # A defect of ours: the record is closed, too, and says so.
                told = unexpected(error)
                self._close_unread(record, told)
                raise told from error
            finally:
                record.abandon()
                self.fleet.close()
        finally:
            for lock in locks:
                lock.release()

    def _recorded(self, record: EvidenceRecord, limits: Any) -> RunResult:
        request = self.request
        read = self._read_fleet()
        self.exemptions = count_exemptions(self.decider.exemptions, read.judged())
        record.add_exemptions(each.to_plain() for each in self.exemptions)
        record.add_classes(read.classes())
        blanket = covers_whole_scope(request.policies, (member.decision for member in self.fleet))
        if blanket:
            raise NobodyLeft(
                "an exemption leaves nobody of this run under its policy: %s" % ", ".join(blanket),
                "",
                "Narrow it, or end the ban with `state: lifted`; nothing was written",
            )
        look_ups = self.target.look_ups = LoneLookUps(self.target.look_up)
        # Read again under the lock, so it knows what a run knew that ended a moment ago.
        remember = getattr(self.target, "remember", None)
        if remember is not None:
            remember(self.ledger)
        findings = self.target.findings(self.fleet)
        draft = self.target.plan(self.fleet, self.decider)
        before = Assessor(self._before_writing(findings, ControlStates(draft.control_states)), self.target.names)
        notices = due_notices(self.fleet, before, self.by_id, request.notice)
        guard = PlanGuard(self.fleet, self.decider, self.target.reporting)
        planned = plan_result(draft, notices, self.target.notice_step, self.target.waits_for_notices)
        planned = guard.without_ends_in_doubt(planned, read, look_ups)
        unproved = self._unproved(findings)
        gone = opted_out(self.ledger, read.not_listed, look_ups, self._apps())
        forgotten = utc_text(request.now - request.stale_after)
        record.add_classes(read.missing(look_ups, self.now, forgotten, request.check_mode))
        # Before the guard: a plan that is refused or stopped can be read, too.
        record.add_plan(planned.plan.as_plain(), rows=(len(self.fleet) + len(gone)) * max(1, len(self._apps())))
        stopped = guard.why_stopped(limits, planned, notices)
        applied = Applied((), (), ())
        if not request.check_mode and not stopped:
            applied = self._apply(record, planned)
        try:
            run_state = self._run_state(findings, planned, applied, notices, bool(stopped), unproved)
            last, shown = self._rows(record, planned, run_state, stopped, gone, read)
        except (EvidenceError, FleetUnreadable) as error:
            # What was written to the target is written: it is said, and the partial record says what it was.
            return self._unrecorded(record, planned, applied, error)
        return self._result(planned, applied, last, record.path, shown, stopped)

    def _apply(self, record: EvidenceRecord, planned: PlanResult) -> Applied:
        """Carry the plan out, each write noted before it is sent.

        Raises:
            EvidenceError: where the ledger can't be written; nothing was sent.
        """
        plan = planned.plan
        stood = dict(self.ledger.standing)
        self.ledger.write(self.now, events_before_writing(plan, planned.control_states.all, self.fleet))
        self.journal.record = record
        self.sent_before = self.journal.count
        try:
            applied = self.target.apply(plan, self.ledger, self.now)
        except Exception as error:
            # It failed as a whole, and what was sent until then is sent: nobody knows what of it was made.
            self.broken = str(error if isinstance(error, AppbanError) else unexpected(error))
            applied = Applied((), tuple(Failure(change, self.broken) for change in plan.changes), ())
        finally:
            self.journal.record = None
        not_made = _not_made(planned, applied)
        for control_state in planned.control_states.all:
            if not control_state.dated and not not_made.isdisjoint(control_state.changes):
                # For what this run says, a control that was not written stands as it stood.
                self.ledger.standing.pop(control_state.control, None)
                if control_state.control in stood:
                    self.ledger.standing[control_state.control] = stood[control_state.control]
        return applied

    # The fleet.

    def _read_fleet(self) -> ReadFleet:
        """Every device once.

        Raises:
            FleetDoubted: where it has become much shorter since the last run.
        """
        request = self.request
        attributes = {*self.decider.attributes, *CAPABILITY_FACTS, *getattr(self.target, "capability_facts", ())}
        memory = FleetMemory(self.previous, attributes, request.policies, wanted_groups(request.policies))
        # What it knew of single devices is the memory's, which forgets what it has made use of.
        self.previous = replace(self.previous, in_scope={})
        return ReadFleet(
            self.target.devices(),
            memory,
            self.decider,
            self.assets,
            # The run's own instant may have been given, so the clock counts too.
            latest=max(request.now, read_now(request.provenance.wall_clock())) + CLOCKS_APART,
            until_enrolled=getattr(self.target, "until_enrolled", frozenset()),
            accepted=request.accept_fleet_size,
            members=self.fleet,
        )

    def _unproved(self, findings: Mapping[tuple[str, str], Any]) -> frozenset[tuple[str, str]]:
        """Pairs of device and app of which it is not proved that the app is gone, although it is not shown any more."""
        not_shown = {pair for pair, story in self.ledger.stories.items() if story.present and pair not in findings}
        devices = {device for device, _app in not_shown}
        vanished = [
            (member.device.id, app.app)
            for member in (self.fleet if devices else ())
            if member.device.id in devices
            for app in member.decision.apps.values()
            if (member.device.id, app.app) in not_shown
            and may_look(app)
            and self.target.capability_of(member.device.record).sees == "all"
        ]
        return self.target.absences(vanished) if vanished else frozenset()

    def _before_writing(self, findings: Mapping[tuple[str, str], Any], control_states: ControlStates) -> RunState:
        return RunState(
            control_states=control_states,
            capability_of=self.target.capability_of,
            findings=findings,
            reporting=self.target.reporting,
            findable=self.target.findable,
            ledger=self.ledger,
            now=self.request.now,
            stale_after=self.request.stale_after,
        )

    def _run_state(
        self,
        findings: Mapping[tuple[str, str], Any],
        planned: PlanResult,
        applied: Applied,
        notices: Sequence[Notice],
        stopped: bool,
        unproved: frozenset[tuple[str, str]],
    ) -> RunState:
        waits = self.request.check_mode or stopped

        doubted = self.target.doubted if self.target.has_doubts else undoubted

        def doubted_or_unproved(device: str, app: str) -> str:
            return doubted(device, app) or ("source_contradicts" if (device, app) in unproved else "")

        return replace(
            self._before_writing(findings, planned.control_states),
            failed=_not_made(planned, applied),
            pending=frozenset(change.key for change in planned.plan.changes) if waits else frozenset(),
            to_notify=frozenset(notice.index for notice in notices) if waits else frozenset(),
            doubted=doubted_or_unproved if unproved else doubted,
            previous=self.previous.seen,
            previous_now=self.previous.now,
            plan=planned.plan,
            left_out=planned.left_out,
            failed_on={failure.change.key: failure.devices for failure in applied.failed},
            may_still_hold=self.target.may_still_hold,
            stopped=stopped,
            **self.target.run_state(),
        )

    # The record.

    def _header(self, limits: Any) -> dict[str, Any]:
        request = self.request
        return run_header(
            now=self.now,
            check_mode=request.check_mode,
            policies=[serialize_policy(policy) for policy in request.policies],
            limits={"max_devices": limits.max_devices, "max_percent": limits.max_percent},
            versions={"appban.endpoint": VERSION, "python": platform.python_version(), **request.versions},
            provenance=request.provenance,
            ledger_sha256=self.ledger.sha256(),
        )

    def _close_unread(self, record: EvidenceRecord, error: AppbanError) -> None:
        """End the record of a run that was refused or failed before it knew the fleet: nothing is claimed of anybody."""
        if isinstance(error, EvidenceError):
            return
        try:
            fleet = "doubted" if isinstance(error, FleetDoubted) else "unread"
            record.close(0, 0, {**NO_TOTALS, "stopped": error.recorded, "fleet": fleet})
        except EvidenceError:
            # What went wrong first is what a person has to know; the partial record stays.
            return

    def _rows(
        self,
        record: EvidenceRecord,
        planned: PlanResult,
        run_state: RunState,
        stopped: str,
        gone: Sequence[tuple[str, str | None]],
        read: ReadFleet,
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        request = self.request
        rows = FleetRows(run_state, self.target.names, request.check_mode, record, self.presence)
        rows.write(self.fleet)
        events = rows.events
        for device, serial in gone:
            record.add_device(rows_of_opted_out(device, serial, self._apps()))
            events.append({"event": "opted_out", "device": device})
        events.extend(events_of_standing_controls(planned.control_states.all, self.ledger))
        if not request.check_mode and not stopped:
            self.ledger.write(self.now, events)
        in_scope = sum(count for verdicts, count in read.verdicts if verdicts.scope == "in_scope")
        more = {**self._totals(rows.found, planned, read), "stopped": stopped or None, "fleet": "complete"}
        return record.close(len(self.fleet) + len(gone), in_scope, more), rows.shown

    def _totals(self, found: int, planned: PlanResult, read: ReadFleet) -> dict[str, Any]:
        notes = {note for verdicts, _count in read.verdicts for note in verdicts.notes} | set(planned.notes) | set(self.decider.notes)
        notes |= set(read.notes()) | set(self._notes_of_records()) | set(self._notes_of_names(read))
        # What servers said while the plan was carried out: that devices could not be woken up.
        notes |= set(notes_of_policies(self.request.policies)) | set(getattr(self.target, "warnings", ()))
        return {
            "findings": found,
            "drift": len(planned.drift),
            "decision_due": sorted(self.decider.decision_due),
            "notes": sorted(notes),
        }

    def _notes_of_names(self, read: ReadFleet) -> list[str]:
        """What names of policies and asset facts match nothing here, or several devices."""
        of_a_part = bool(self.request.provenance.part)
        notes = notes_of_exemptions(self.decider.exemptions, self.exemptions, read.judged(), of_a_part)
        notes += notes_of_fleet(self.request.policies, read.judged(), self.request.now)
        return [*notes, *notes_of_assets(self.assets, read.judged(), of_a_part)]

    def _notes_of_records(self) -> Iterator[str]:
        if not self.previous:
            yield "no_previous_record: nothing is known of earlier runs, so what rests on memory (removed, opted out) is not claimed"
        for path in self.left[:1]:
            yield "an interrupted run left %s: it says what that run was about to do" % path

    def _apps(self) -> list[str]:
        return sorted({app.id for policy in self.request.policies for app in (*policy.apps, *policy.review)})

    # The result.

    def _result(
        self,
        planned: PlanResult,
        applied: Applied,
        last: Mapping[str, Any],
        path: str,
        shown: Sequence[Mapping[str, Any]],
        stopped: str,
    ) -> RunResult:
        values = {
            "summary": summary_of(last),
            "totals": last["totals"],
            "changes": planned.plan.summaries(),
            "changes_made": None if self.broken else len(applied.done),
            "findings": list(shown),
            "unenforceable": last["unenforceable"],
            "conflicts": list(planned.conflicts[:SHOWN_CONFLICTS]),
            "drift": list(planned.drift),
            "exemptions": shown_exemptions(self.exemptions),
            "notes": last["notes"],
            "decision_due": bool(last["decision_due"]),
            "evidence": path,
            "record": {
                name: last[name]
                for name in ("devices", "in_scope", "outcomes", "totals", "unenforceable", "reasons", "decision_due", "notes")
            },
            "presence": self.presence.as_plain(),
        }
        failure = stopped
        if self.broken:
            failure = (
                "carrying out the plan failed after up to %d writes were sent, so which of its %d changes were made is not known: %s. "
                "The next run looks and finishes" % (self.journal.count - self.sent_before, len(planned.plan), self.broken.rstrip("."))
            )
        elif applied.failed or applied.skipped:
            made, all_of_them = len(applied.done), len(planned.plan)
            failure = "%d of %d changes were made; these were not:\n%s" % (made, all_of_them, "\n".join(applied.messages()))
        return RunResult(self._changed(planned, applied) and not stopped, values, planned.plan.diff(), failure)

    def _changed(self, planned: PlanResult, applied: Applied) -> bool:
        """Whether anything was changed, or in check mode would be. A change that failed half-way may have changed something."""
        if self.request.check_mode:
            return bool(planned.plan)
        return bool(applied.done) or bool(applied.failed and self.journal.count > self.sent_before)

    def _unrecorded(self, record: EvidenceRecord, planned: PlanResult, applied: Applied, error: AppbanError) -> RunResult:
        """The result of a run that wrote to the target and could not finish its record."""
        values = {"changes": planned.plan.summaries(), "evidence": record.partial_path}
        failure = "%d of %d changes were made, and the record of them could not be finished: %s" % (
            len(applied.done),
            len(planned.plan),
            error,
        )
        return RunResult(self._changed(planned, applied), values, planned.plan.diff(), failure)


def _not_made(planned: PlanResult, applied: Applied) -> frozenset[str]:
    """Keys of the changes that are wanted and were not made."""
    return applied.failed_keys.union(change.key for change in planned.left_out)
