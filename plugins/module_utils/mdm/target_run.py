# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a target: devices, decisions, findings, plan, guard, writes, outcomes, evidence. The same for every MDM.

In check mode nothing is written to the target, and no notice is sent; the record and the reading are the same. The record is opened
before anything is contacted, and holds who is in scope and what is planned before the first write.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..engine.apply import Applied, Failure
from ..engine.errors import AppbanError, EvidenceError, LimitExceeded
from ..engine.evidence import EvidenceRecord, Row, choose_run_id, leave_no_empty_run, summary_of, unfinished_records
from ..engine.guard import check_limits, check_reach, strictest_limits
from ..engine.outcomes import Outcome, judge
from ..engine.plan import Change, Plan
from ..engine.previous_record import PreviousRecord, read_previous_record
from ..engine.run_header import Provenance, run_header
from ..engine.run_lock import RunLock
from ..engine.version import VERSION
from ..policy.decide import Decider, covers_whole_scope
from ..policy.devices import join_asset_facts
from ..policy.instants import read_now, utc_text
from ..policy.model import Policy
from ..policy.plain import policy_to_plain
from ..policy.standing import LIFTED
from .capability import Capability
from .covering import Coverings
from .fleet import FleetDevice, ManagedDevice
from .group_names import wanted_groups
from .journal import Journal
from .known_fleet import FleetDoubted, FleetMemory, LoneLookUps, check_fleet_size
from .ledger import Ledger, ended_events
from .notices import Notice, NoticeText, notices_of
from .observe import Observer, Seen, Situation, may_look

SHOWN_FINDINGS = 100
SHOWN_CONFLICTS = 50
SHOWN_KEPT = 10
#: How far the clock of a server may be ahead of ours.
CLOCKS_APART = timedelta(days=1)
#: What capabilities rest on, whatever the policies ask for.
CAPABILITY_FACTS = ("platform", "ownership", "supervised", "enrollment", "os_version")


@dataclass(frozen=True)
class RunRequest:
    """What a user asks of a run.

    Args:
        target: name of the record and of the ledger.
        now: the run's instant.
        assets: asset facts by serial number.
        limits: replaces the policies' limits; None for theirs.
        stale_after: age of the look from which "not found" says nothing.
        versions: of the software, for the record.
        accept_fleet_size: the size of a fleet that has shrunk, as somebody has confirmed it; None for none.
        provenance: who runs it, from what.
    """

    target: str
    policies: tuple[Policy, ...]
    now: datetime
    assets: Mapping[str, Mapping[str, Any]]
    evidence_dir: str
    check_mode: bool
    run_id: str = ""
    evidence: str = "exceptions"
    limits: Mapping[str, Any] | None = None
    stale_after: timedelta = timedelta(days=30)
    notice: NoticeText = field(default_factory=NoticeText)
    versions: Mapping[str, str] = field(default_factory=dict)
    accept_fleet_size: int | None = None
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True)
class TargetPlan:
    """What a target would do.

    Args:
        conflicts: what works against the ban and is somebody else's, a sentence each.
        drift: what somebody did to our controls, a sentence each.
        notes: more that a person should know.
    """

    plan: Plan
    coverings: Coverings
    conflicts: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


ChooseNotices = Callable[[Coverings], Sequence[Notice]]


class Target(Protocol):
    """What an adapter gives to a run."""

    names: Mapping[str, str]
    reporting: Mapping[str, str]
    #: Given by the run before it plans: asks for single devices, within the bound of a run.
    look_ups: LoneLookUps

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the target's capability table."""

    def devices(self) -> Iterator[ManagedDevice]:
        """Every device of the target."""

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """(device id, app id) -> what was found, for those that may be looked at."""

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one: True for one that is managed, False for one that is gone for certain, None where nobody can say.

        Args:
            devices: ids of devices, or ``serial:`` and a serial number; besides them whatever names the target itself puts in.
        """

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none."""

    def may_still_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours may still be on a device, or still arrive; None where devices don't say and their contact counts."""

    def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Of device and app pairs that were seen together and are not any more, those of which that is not proved."""

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a name that it could be found by."""

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider, choose_notices: ChooseNotices) -> TargetPlan:
        """The plan, made of what the target holds. choose_notices: given whom the controls reach, who is to be told."""

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""

    def situation(self) -> Mapping[str, Any]:
        """What of :class:`.observe.Situation` only the target knows."""


@dataclass(frozen=True)
class RunResult:
    """What a module returns of a run. failure: what a person has to act on; empty where all went well."""

    changed: bool
    values: Mapping[str, Any]
    diff: Sequence[Mapping[str, str]]
    failure: str = ""


def run_target(target: Target, request: RunRequest, journal: Journal | None = None) -> RunResult:
    """One run.

    Args:
        journal: where the writes of the target's connection are noted before they are sent.

    Raises:
        AppbanError: where it can't even be recorded, or where nothing was to be written.
    """
    return _Run(target, request, journal or Journal()).run()


#: What is known of devices that are alike, and id and serial number of each of them.
DeviceClass = tuple[Mapping[str, Any], list[tuple[str, "str | None"]]]


def _by_facts(devices: Iterable[tuple[Mapping[str, Any], str, Any]]) -> Iterator[DeviceClass]:
    """Devices with what is known of each of them, those that are alike together."""
    by_class: dict[str, DeviceClass] = {}
    for facts, device, serial in devices:
        key = json.dumps(facts, sort_keys=True, default=str)
        by_class.setdefault(key, (facts, []))[1].append((device, None if serial is None else str(serial)))
    for key in sorted(by_class):
        yield by_class[key]


class _Run:
    def __init__(self, target: Target, request: RunRequest, journal: Journal) -> None:
        self.journal = journal
        self.target = target
        self.request = request
        self.now = utc_text(request.now)
        self.decider = Decider(request.policies, request.now)
        self.by_id = {policy.id: policy for policy in request.policies}
        self.ledger = Ledger.open(request.evidence_dir, request.target, writable=not request.check_mode)
        self.fleet: list[FleetDevice] = []
        self.left: list[str] = []
        self.previous = PreviousRecord()
        self.memory = FleetMemory(self.previous, (), (), frozenset())
        #: id -> what was remembered of a device, and since when.
        self.since: dict[str, Mapping[str, str]] = {}
        self.doubled = 0
        #: Contacts after this instant have not come yet. The run's own may have been given, so the clock counts too.
        self.latest = utc_text(max(request.now, read_now(request.provenance.wall_clock())) + CLOCKS_APART)
        self.ahead = 0
        #: Writes that had left before any of the plan: logging in is none of it.
        self.sent_before = 0
        # Devices that are alike share their decisions, so their plain forms are made once.
        self._plain: dict[int, dict[str, Any]] = {}

    def run(self) -> RunResult:
        request = self.request
        limits = strictest_limits(
            [request.limits] if request.limits else [policy_to_plain(policy)["limits"] for policy in request.policies]
        )
        # First of all: a directory that can't be written to must show before anything is contacted.
        run_id = request.run_id or choose_run_id(request.evidence_dir, self.now)
        lock = RunLock(request.evidence_dir, request.target)
        try:
            lock.hold({"run_id": run_id, "since": request.provenance.wall_clock(), "user": request.provenance.user})
        except AppbanError:
            if not request.run_id:
                leave_no_empty_run(request.evidence_dir, run_id)
            raise
        try:
            # Read again now that nobody else writes it.
            self.ledger = Ledger.open(request.evidence_dir, request.target, writable=not request.check_mode)
            self.previous = read_previous_record(request.evidence_dir, request.target, run_id, self.by_id)
            record = EvidenceRecord(request.evidence_dir, run_id, request.target, self._header(limits), request.evidence)
            self.left = unfinished_records(request.evidence_dir, request.target, run_id)
            try:
                return self._recorded(record, limits)
            except AppbanError as error:
                self._close_unread(record, error)
                raise
            finally:
                record.abandon()
        finally:
            lock.release()

    def _recorded(self, record: EvidenceRecord, limits: Any) -> RunResult:
        request = self.request
        self._read_fleet()
        record.add_classes(self._classes())
        blanket = covers_whole_scope(request.policies, (member.decision for member in self.fleet))
        if blanket:
            raise AppbanError(
                "an exemption leaves nobody of this run under its policy: %s" % ", ".join(blanket),
                "",
                "Narrow it, or end the ban with `state: lifted`; nothing was written",
            )
        self.target.look_ups = LoneLookUps(self.target.look_up)
        # Read again under the lock, so it knows what a run knew that ended a moment ago.
        remember = getattr(self.target, "remember", None)
        if remember is not None:
            remember(self.ledger)
        findings = self.target.findings(self.fleet)
        notices: list[Notice] = []

        def choose_notices(coverings: Coverings) -> list[Notice]:
            notices.extend(self._notices(findings, coverings))
            return notices

        planned = self.target.plan(self.fleet, self.decider, choose_notices)
        planned = self._without_ends_in_doubt(planned)
        unproved = self._unproved(findings)
        gone = self._opted_out()
        record.add_classes(self._missing())
        # Before the guard: a plan that is refused or stopped can be read, too.
        record.add_plan(planned.plan.as_plain(), rows=(len(self.fleet) + len(gone)) * max(1, len(self._apps())))
        stopped = self._guard(limits, planned, notices)
        applied = Applied((), (), ())
        if not request.check_mode and not stopped:
            applied = self._apply(record, planned)
        try:
            situation = self._situation(findings, planned, applied, notices, bool(stopped), unproved)
            last, shown = self._rows(record, planned, situation, stopped, gone, applied)
        except EvidenceError as error:
            # What was written to the target is written: it is said, and the partial record says what it was.
            return self._unrecorded(record, planned, applied, error)
        return self._result(planned, applied, last, record.path, shown, stopped)

    def _apply(self, record: EvidenceRecord, planned: TargetPlan) -> Applied:
        """Carry the plan out, each write noted before it is sent.

        Raises:
            EvidenceError: where the ledger can't be written; nothing was sent.
        """
        plan = planned.plan
        stood = dict(self.ledger.standing)
        self.ledger.write(self.now, [*self._ending(plan), *self._beginning(planned)])
        self.journal.record = record
        self.sent_before = self.journal.count
        try:
            applied = self.target.apply(plan, self.ledger, self.now)
        except AppbanError as error:
            # It failed as a whole, and what was sent until then is sent: nobody knows what of it was made.
            applied = Applied((), tuple(Failure(change, str(error)) for change in plan.changes), ())
        finally:
            self.journal.record = None
        unmade = {failure.change.key for failure in applied.failed} | {change.key for change in applied.skipped}
        for covering in planned.coverings.all:
            if not covering.dated and not unmade.isdisjoint(covering.changes):
                # For what this run says, a control that was not written stands as it stood.
                self.ledger.standing.pop(covering.control, None)
                if covering.control in stood:
                    self.ledger.standing[covering.control] = stood[covering.control]
        return applied

    # The fleet.

    def _read_fleet(self) -> None:
        """Every device once, as its management knows it and as it was known, with the decision about it.

        Raises:
            FleetDoubted: where it has become much shorter since the last run.
        """
        policies = self.request.policies
        attributes = {*self.decider.attributes, *CAPABILITY_FACTS, *getattr(self.target, "capability_facts", ())}
        self.memory = FleetMemory(self.previous, attributes, policies, wanted_groups(policies))
        ids: dict[str, None] = {}
        serials: set[str] = set()
        for device in self.target.devices():
            if device.id in ids:
                # A device that a list has twice is one device.
                self.doubled += 1
                continue
            ids[device.id] = None
            member = self._member(self._of_this_time(device))
            if member.device.record.get("serial"):
                serials.add(str(member.device.record["serial"]))
            self.fleet.append(member)
        check_fleet_size(self.previous, ids, frozenset(serials), self.request.accept_fleet_size)

    def _of_this_time(self, device: ManagedDevice) -> ManagedDevice:
        """A device without a contact that has not come yet: what a clock gone wrong says proves nothing."""
        if device.synced_at <= self.latest:
            return device
        self.ahead += 1
        return replace(device, synced_at="", inventory_at="", inventory_by="")

    def _member(self, device: ManagedDevice) -> FleetDevice:
        # What the assets say now goes before what was known.
        said = join_asset_facts(self.memory.identify(device.record), self.request.assets)
        record, since, decided_by = self.memory.fill(said, device.enrolled_at, getattr(self.target, "until_enrolled", frozenset()))
        if since:
            self.since[device.id] = since
        return FleetDevice(replace(device, record=record), self.decider.decide(decided_by))

    def _classes(self) -> Iterator[DeviceClass]:
        """Devices in scope by what is known of them."""
        return _by_facts(
            (self.memory.facts_of(member, self.since.get(member.device.id, {})), member.device.id, member.device.record.get("serial"))
            for member in self.fleet
            if member.decision.scope == "in_scope"
        )

    def _missing(self) -> Iterator[DeviceClass]:
        """Devices that were in scope, that the list doesn't have, and that nobody has found to be gone.

        The next run has to know of them, or a device that one list leaves out would come back as a stranger. After a while, and once
        somebody has confirmed the size of the fleet, they are forgotten.
        """
        if self.request.accept_fleet_size == len(self.fleet):
            return iter(())
        here = {member.device.id for member in self.fleet}
        serials = {str(member.device.record.get("serial")) for member in self.fleet}
        answers = self.target.look_ups.answers
        forgotten = utc_text(self.request.now - self.request.stale_after)
        missing = []
        for device in sorted(set(self.previous.in_scope) - here):
            known = self.previous.in_scope[device]
            gone = answers.get(device) is False and answers.get("serial:%s" % known.serial, False) is False
            # What a check finds out is told by the apply that follows it.
            gone = gone and not self.request.check_mode
            since = known.facts.get("missing_since") or self.now
            if not gone and known.serial not in serials and since >= forgotten:
                missing.append(({"facts": {}, **known.facts, "missing_since": since}, device, known.serial))
        return _by_facts(missing)

    def _without_ends_in_doubt(self, planned: TargetPlan) -> TargetPlan:
        """The plan without deletions that no policy orders, where a device that was in scope is not in the list and not known to be gone.

        A control that nobody in the list needs may be there for a device that the list leaves out.
        """
        ended = self._ended_apps()
        deletes = [change for change in planned.plan.changes if change.op == "delete" and not set(change.apps or self._apps()) <= ended]
        here = {member.device.id for member in self.fleet}
        serials = {str(member.device.record.get("serial")) for member in self.fleet}
        missing = {
            device: known.serial
            for device, known in self.previous.in_scope.items()
            if device not in here and known.serial not in serials
        }
        if not deletes or not missing or self.request.accept_fleet_size == len(self.fleet):
            return planned
        names = [name for device, serial in missing.items() for name in (device, *(["serial:%s" % serial] if serial else []))]
        look_ups = self.target.look_ups
        fits = len(look_ups.answers) + len(names) <= look_ups.most
        managed = look_ups.managed(names, "controls of ours are deleted") if fits else dict.fromkeys(names)
        doubted = sum(
            managed[device] is not False or (bool(serial) and managed["serial:%s" % serial] is not False)
            for device, serial in missing.items()
        )  # fmt: skip
        if not doubted:
            return planned
        plan, kept = planned.plan.without(change.key for change in deletes)
        note = "%s stays: %d device%s in scope at %s %s not in the list now and not known to be gone" % (
            ", ".join(sorted(dict.fromkeys(change.name for change in kept))[:SHOWN_KEPT]),
            doubted,
            " that was" if doubted == 1 else "s that were",
            self.previous.now,
            "is" if doubted == 1 else "are",
        )
        return replace(planned, plan=plan, notes=(*planned.notes, note))

    def _unproved(self, findings: Mapping[tuple[str, str], Any]) -> frozenset[tuple[str, str]]:
        """Pairs of device and app of which it is not proved that the app is gone, although it is not shown any more."""
        vanished = [
            (member.device.id, app.app)
            for member in self.fleet
            for app in member.decision.apps.values()
            if may_look(app)
            and (member.device.id, app.app) not in findings
            and self.ledger.story(member.device.id, app.app).present
            and self.target.capability_of(member.device.record).sees == "all"
        ]
        return self.target.absences(vanished) if vanished else frozenset()

    def _notices(self, findings: Mapping[tuple[str, str], Any], coverings: Coverings) -> list[Notice]:
        """Notices that are asked for and have not been sent: where the app is, and where nobody can tell."""
        seen = Observer(self._before_writing(findings, coverings), self.target.names)
        wanted: list[Notice] = []
        for index, member in enumerate(self.fleet):
            apps = {
                app.app: app
                for app in member.decision.apps.values()
                if "advise" in app.actions
                and not self.target.capability_of(member.device.record).advise.why_not
                and seen.presence(index, member, app) is not False
            }
            if apps:
                can_lose_access = bool(self.target.capability_of(member.device.record).withdraw_access.mechanisms)
                every = notices_of(member.decision, member.device.id, index, apps, self.by_id, self.request.notice, can_lose_access)
                wanted.extend(each for each in every if not self._is_told(each))
        return wanted

    def _is_told(self, notice: Notice) -> bool:
        return all(self.ledger.noticed_at(notice.device, notice.stage, app) for app in notice.apps)

    def _before_writing(self, findings: Mapping[tuple[str, str], Any], coverings: Coverings) -> Situation:
        return Situation(
            coverings=coverings,
            capability_of=self.target.capability_of,
            findings=findings,
            reporting=self.target.reporting,
            findable=self.target.findable,
            ledger=self.ledger,
            now=self.request.now,
            stale_after=self.request.stale_after,
        )

    def _guard(self, limits: Any, planned: TargetPlan, notices: Sequence[Notice]) -> str:
        """Why the run is stopped before any write; empty where it is not.

        Raises:
            AppbanError: where the plan reaches a device that it must not touch.
        """
        wrong = {change.key: self._names(self._not_to_be_reached(change)) for change in planned.plan.changes}
        check_reach({key: names for key, names in wrong.items() if names})
        new: set[int] = {notice.index for notice in notices}
        keys = {change.key for change in planned.plan.changes}
        for covering in planned.coverings.all:
            if keys.intersection(covering.changes):
                new |= covering.new
        try:
            check_limits(limits, self._names(new), len(self.fleet), self._names(self._losing(planned)))
        except LimitExceeded as error:
            return str(error)
        return ""

    def _names(self, indexes: Iterable[int]) -> list[str]:
        return [str(self.fleet[index].device.record.get("serial") or self.fleet[index].device.id) for index in sorted(indexes)]

    def _not_to_be_reached(self, change: Change) -> set[int]:
        """Devices that a change reaches although an app that it is made for is not enforced there.

        What an app is called on a platform on which it does not exist does nothing there.
        """
        known: dict[int, bool] = {}
        found = set()
        for index in change.reaches:
            decision = self.fleet[index].decision
            # Devices that are alike share their verdicts.
            key = id(decision.verdicts)
            if key not in known:
                apps = [decision.apps[app] for app in change.apps if app in decision.apps] or list(decision.apps.values())
                apps = [app for app in apps if app.verdict != "not_applicable"]
                known[key] = not any(app.verdict == "enforce" for app in apps) or (
                    bool(change.apps) and any(app.verdict != "enforce" for app in apps)
                )
            if known[key]:
                found.add(index)
        return found

    def _losing(self, planned: TargetPlan) -> set[int]:
        """Devices that a change takes something of ours from although no policy orders that, and that nothing covers for the same app."""
        ended = self._ended_apps()
        losing: set[int] = set()
        for change in planned.plan.changes:
            apps = set(change.apps) or set(self._apps())
            if not change.releases or apps <= ended:
                continue
            covered: set[int] = set()
            for covering in planned.coverings.all:
                if covering.mechanism not in self.target.reporting.values() and apps & covering.apps:
                    covered |= covering.covers
            losing |= change.releases - covered
        return losing

    def _ended_apps(self) -> set[str]:
        """Apps that no policy of the run bans any more."""
        banned = {app.id for each in self.decider.standings if each.phase != LIFTED for app in each.policy.apps}
        return {app.id for each in self.decider.standings if each.phase == LIFTED for app in each.policy.apps} - banned

    def _situation(
        self,
        findings: Mapping[tuple[str, str], Any],
        planned: TargetPlan,
        applied: Applied,
        notices: Sequence[Notice],
        stopped: bool,
        unproved: frozenset[tuple[str, str]],
    ) -> Situation:
        unmade = {failure.change.key for failure in applied.failed} | {change.key for change in applied.skipped}
        waits = self.request.check_mode or stopped

        def doubted(device: str, app: str) -> str:
            return self.target.doubted(device, app) or ("source_contradicts" if (device, app) in unproved else "")

        return Situation(
            coverings=planned.coverings,
            capability_of=self.target.capability_of,
            findings=findings,
            reporting=self.target.reporting,
            findable=self.target.findable,
            ledger=self.ledger,
            now=self.request.now,
            unmade=frozenset(unmade),
            pending=frozenset(change.key for change in planned.plan.changes) if waits else frozenset(),
            to_notify=frozenset(notice.index for notice in notices) if waits else frozenset(),
            doubted=doubted,
            previous=self.previous.seen,
            previous_now=self.previous.now,
            plan=planned.plan,
            failed_on={failure.change.key: failure.devices for failure in applied.failed},
            may_still_hold=self.target.may_still_hold,
            stale_after=self.request.stale_after,
            stopped=stopped,
            **self.target.situation(),
        )

    # The record.

    def _header(self, limits: Any) -> dict[str, Any]:
        request = self.request
        return run_header(
            now=self.now,
            check_mode=request.check_mode,
            policies=[policy_to_plain(policy) for policy in request.policies],
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
            record.close(0, 0, {**self._no_totals(), "stopped": str(error), "fleet": fleet})
        except EvidenceError:
            # What went wrong first is what a person has to know; the partial record stays.
            return

    def _no_totals(self) -> dict[str, Any]:
        return {"findings": 0, "drift": 0, "decision_due": [], "notes": []}

    def _rows(
        self,
        record: EvidenceRecord,
        planned: TargetPlan,
        situation: Situation,
        stopped: str,
        gone: Sequence[tuple[str, str | None]],
        applied: Applied,
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        request = self.request
        observer = Observer(situation, self.target.names)
        shown: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        found = 0
        for index, member in enumerate(self.fleet):
            rows = []
            for app_id, app in sorted(member.decision.apps.items()):
                seen = observer.observe(index, member, app)
                rows.append(self._row(member, app_id, seen, situation))
                found += len(seen.findings)
                for finding in seen.findings[: SHOWN_FINDINGS - len(shown)]:
                    shown.append({"device": member.device.id, "serial": member.device.record.get("serial"), **finding})
                events.extend(self._events(member, app_id, seen, rows[-1].outcome, situation))
            record.add_device(rows)
        for device, serial in gone:
            record.add_device(self._rows_of_opted_out(device, serial))
            events.append({"event": "opted_out", "device": device})
        events.extend(self._standing(planned))
        if not request.check_mode and not stopped:
            self.ledger.write(self.now, events)
        in_scope = sum(member.decision.scope == "in_scope" for member in self.fleet)
        more = {**self._totals(found, planned), "stopped": stopped or None, "fleet": "complete"}
        return record.close(len(self.fleet) + len(gone), in_scope, more), shown

    def _ending(self, plan: Plan) -> Iterator[dict[str, Any]]:
        """What is about to be taken from devices, which may have it until they are in contact again, and which controls go.

        Said before it is done: a run that is killed in between must not leave devices that still have it and of which nobody knows that.
        """
        for change in plan.changes:
            devices = [self.fleet[index].device.id for index in sorted(change.releases)]
            yield from ended_events(change.name, change.apps, devices, gone=change.op == "delete")

    def _totals(self, found: int, planned: TargetPlan) -> dict[str, Any]:
        notes = {note for member in self.fleet for note in member.decision.notes} | set(planned.notes) | set(self.decider.notes)
        notes |= set(self.memory.notes()) | set(self._notes_of_records())
        return {
            "findings": found,
            "drift": len(planned.drift),
            "decision_due": sorted(self.decider.decision_due),
            "notes": sorted(notes),
        }

    def _notes_of_records(self) -> Iterator[str]:
        if not self.previous:
            yield "no_previous_record: nothing is known of earlier runs, so what rests on memory (removed, opted out) is not claimed"
        if self.doubled:
            yield "the list of devices has %d of them twice" % self.doubled
        if self.ahead:
            yield "the last contact of %d devices is in the future: a clock is wrong, and nothing rests on it" % self.ahead
        for path in self.left[:1]:
            yield "an interrupted run left %s: it says what that run was about to do" % path

    def _row(self, member: FleetDevice, app_id: str, seen: Seen, situation: Situation) -> Row:
        app = member.decision.apps[app_id]
        plain = self._plain.get(id(app))
        if plain is None:
            plain = self._plain[id(app)] = app.to_plain()
        # It was not looked for, because one of its policies may or may not be about this device.
        doubted = app.verdict != "enforce" and not may_look(app) and app.verdict in ("report_only", "pending", "review")
        judged = judge({**plain, "verdict": "unclassified"} if doubted else plain, seen.observation, self.request.check_mode)
        return Row(
            device=member.device.record,
            app=app_id,
            decision=plain,
            outcome=judged,
            before={True: "present", False: "absent", None: "not_observed"}[seen.observation.before],
            mechanism=seen.mechanism,
            seen_at=seen.seen_at,
            requested_at=seen.requested_at,
            findings=seen.findings,
            words=seen.words,
            last_seen_at=seen.last_seen_at,
        )

    def _events(self, member: FleetDevice, app_id: str, seen: Seen, outcome: Outcome, situation: Situation) -> Iterator[dict[str, Any]]:
        """What is to be remembered of a device and app after this run."""
        observation = seen.observation
        device = member.device.id
        story = self.ledger.story(device, app_id)
        about = {"device": device, "app": app_id}
        if observation.before and not story.present:
            yield {"event": "present", **about, "ownership": str(member.device.record.get("ownership") or "")}
        # As long as a removal waits for what is demanded besides it, it is not told yet.
        if observation.before is False and story.present and not observation.stale and outcome.name not in ("stale", "failed"):
            yield {"event": "gone", **about}
        if outcome.name == "removal_requested" and not story.requested_at:
            yield {"event": "requested", **about}
        if observation.access_withdrawn and not story.withdrawn:
            yield {"event": "withdrawn", **about}
        # Also where nothing is demanded any more, or nothing is tied to compliance: an exemption or another date gives access back too.
        if story.withdrawn and not (member.device.access_withdrawn and situation.access_depends_on_compliance is not False):
            yield {"event": "restored", **about}

    def _beginning(self, planned: TargetPlan) -> Iterator[dict[str, Any]]:
        """What is about to be given to devices by name, and which controls of a target that keeps no dates are about to be written.

        Said before it is done, as its end is: a run that is killed in between must not leave controls that seem to have stood for long.
        """
        keys = {change.key for change in planned.plan.changes}
        for covering in planned.coverings.all:
            by_name = set() if keys.isdisjoint(covering.changes) else set(covering.new & covering.named)
            if covering.dated and covering.confirmed is None:
                # Who comes to a control that stays as it is (a member of a group, an exception that ends) is in no date of it.
                for change in planned.plan.changes:
                    if change.op == "update" and change.name != covering.control and not covering.apps.isdisjoint(change.apps):
                        by_name |= change.reaches & covering.covers
            for index in sorted(by_name):
                yield {"event": "assigned", "device": self.fleet[index].device.id, "control": covering.control}
            if not covering.dated and not keys.isdisjoint(covering.changes):
                yield {"event": "stands", "device": "", "control": covering.control}

    def _standing(self, planned: TargetPlan) -> Iterator[dict[str, Any]]:
        """Controls that the target keeps no date of and that this run has seen for the first time: they stand since now."""
        for covering in planned.coverings.all:
            if not covering.dated and not covering.changes and not self.ledger.stands_since(covering.control):
                yield {"event": "stands", "device": "", "control": covering.control}

    def _opted_out(self) -> list[tuple[str, str | None]]:
        """Private devices that had a story and have left the management since: their users gave the work apps up instead.

        Only where neither the id nor the serial number is managed any more, asked for one by one; what the last run did not know of is
        not claimed.
        """
        here = {member.device.id for member in self.fleet}
        serials = {str(member.device.record.get("serial")) for member in self.fleet if member.device.record.get("serial")}
        left: dict[str, str | None] = {}
        # Of a story about another ban's app this run knows nothing to tell; the run of that ban counts the device.
        for device in self.ledger.devices_with_a_story():
            known = self.previous.in_scope.get(device)
            if device in here or not self.ledger.is_personal(device) or known is None or known.serial in serials:
                continue
            if any(self._has_a_story(device, app) for app in self._apps()):
                left[device] = known.serial
        names = [name for device, serial in left.items() for name in (device, *(["serial:" + serial] if serial else []))]
        managed = self.target.look_ups.managed(names, "they count as opted out") if names else {}
        return sorted(
            (device, serial)
            for device, serial in left.items()
            if managed[device] is False and (not serial or managed["serial:" + serial] is False)
        )

    def _has_a_story(self, device: str, app: str) -> bool:
        story = self.ledger.story(device, app)
        return story.present or story.withdrawn

    def _apps(self) -> list[str]:
        return sorted({app.id for policy in self.request.policies for app in (*policy.apps, *policy.review)})

    def _rows_of_opted_out(self, device: str, serial: str | None) -> list[Row]:
        said: dict[str, Any] = {
            "verdict": "out_of_scope",
            "actions": [],
            "policies": [],
            "exemption": None,
            "reason": "The device is not managed any more, and has no work apps with that.",
        }
        record = {"id": device, "serial": serial, "ownership": "personal"}
        return [Row(record, app, said, Outcome("out_of_scope", "opted_out")) for app in self._apps()]

    # The result.

    def _result(
        self,
        planned: TargetPlan,
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
            "findings": list(shown),
            "unenforceable": last["unenforceable"],
            "conflicts": list(planned.conflicts[:SHOWN_CONFLICTS]),
            "drift": list(planned.drift),
            "notes": last["notes"],
            "decision_due": bool(last["decision_due"]),
            "evidence": path,
            "record": {
                name: last[name]
                for name in ("devices", "in_scope", "outcomes", "totals", "unenforceable", "reasons", "decision_due", "notes")
            },
        }
        failure = stopped
        if applied.failed or applied.skipped:
            made, all_of_them = len(applied.done), len(planned.plan)
            failure = "%d of %d changes were made; these were not:\n%s" % (made, all_of_them, "\n".join(applied.messages()))
        return RunResult(self._changed(planned, applied) and not stopped, values, planned.plan.diff(), failure)

    def _changed(self, planned: TargetPlan, applied: Applied) -> bool:
        """Whether anything was changed, or in check mode would be. A change that failed half-way may have changed something."""
        if self.request.check_mode:
            return bool(planned.plan)
        return bool(applied.done) or bool(applied.failed and self.journal.count > self.sent_before)

    def _unrecorded(self, record: EvidenceRecord, planned: TargetPlan, applied: Applied, error: EvidenceError) -> RunResult:
        """The result of a run that wrote to the target and could not finish its record."""
        values = {"changes": planned.plan.summaries(), "evidence": record.partial_path}
        failure = "%d of %d changes were made, and the record of them could not be finished: %s" % (
            len(applied.done),
            len(planned.plan),
            error,
        )
        return RunResult(self._changed(planned, applied), values, planned.plan.diff(), failure)
