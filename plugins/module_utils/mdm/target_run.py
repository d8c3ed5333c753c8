# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a target: devices, decisions, findings, plan, guard, writes, outcomes, evidence. The same for every MDM.

In check mode nothing is written to the target, and no notice is sent; the record and the reading are the same.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..engine.apply import Applied
from ..engine.errors import AppbanError, LimitExceeded
from ..engine.evidence import EvidenceRecord, Row, choose_run_id, summary_of
from ..engine.guard import check_limits, strictest_limits
from ..engine.outcomes import Outcome, judge
from ..engine.plan import Plan
from ..engine.version import VERSION
from ..policy.decide import Decider, covers_whole_scope
from ..policy.devices import join_asset_facts
from ..policy.instants import utc_text
from ..policy.model import Policy
from ..policy.plain import policy_to_plain
from .capability import Capability
from .covering import Coverings
from .fleet import FleetDevice, ManagedDevice
from .ledger import Ledger
from .notices import Notice, NoticeText, notices_of
from .observe import Observer, Seen, Situation, may_look

SHOWN_FINDINGS = 100
SHOWN_CONFLICTS = 50


@dataclass(frozen=True)
class RunRequest:
    """What a user asks of a run.

    Args:
        target: name of the record and of the ledger.
        now: the run's instant.
        assets: asset facts by serial number.
        limits: replaces the policies' limits; None for theirs.
        stale_after: age of a device's last contact from which "not found" says nothing.
        versions: of the software, for the record.
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

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the target's capability table."""

    def devices(self) -> Iterator[ManagedDevice]:
        """Every device of the target."""

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """(device id, app id) -> what was found, for those that may be looked at."""

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


def run_target(target: Target, request: RunRequest) -> RunResult:
    """One run. Raises AppbanError where it can't even be recorded, or where nothing was to be written."""
    return _Run(target, request).run()


class _Run:
    def __init__(self, target: Target, request: RunRequest) -> None:
        self.target = target
        self.request = request
        self.now = utc_text(request.now)
        self.decider = Decider(request.policies, request.now)
        self.by_id = {policy.id: policy for policy in request.policies}
        self.ledger = Ledger.open(request.evidence_dir, request.target, writable=not request.check_mode)
        self.fleet: list[FleetDevice] = []
        # Devices that are alike share their decisions, so their plain forms are made once.
        self._plain: dict[int, dict[str, Any]] = {}

    def run(self) -> RunResult:
        request = self.request
        limits = strictest_limits(
            [request.limits] if request.limits else [policy_to_plain(policy)["limits"] for policy in request.policies]
        )
        # First of all: a directory that can't be written to must show before anything is contacted.
        run_id = request.run_id or choose_run_id(request.evidence_dir, self.now)
        self.fleet = [self._member(device) for device in self.target.devices()]
        blanket = covers_whole_scope(request.policies, (member.decision for member in self.fleet))
        if blanket:
            raise AppbanError(
                "an exemption leaves nobody of this run under its policy: %s" % ", ".join(blanket),
                "",
                "Narrow it, or end the ban with `state: lifted`; nothing was written",
            )
        findings = self.target.findings(self.fleet)
        notices: list[Notice] = []

        def choose_notices(coverings: Coverings) -> list[Notice]:
            notices.extend(self._notices(findings, coverings))
            return notices

        planned = self.target.plan(self.fleet, self.decider, choose_notices)
        stopped = self._guard(limits, planned, notices)
        applied = Applied((), (), ())
        if not request.check_mode and not stopped:
            applied = self.target.apply(planned.plan, self.ledger, self.now)
        situation = self._situation(findings, planned, applied, notices, bool(stopped))
        last, path, shown = self._record(run_id, limits, planned, situation, stopped)
        return self._result(planned, applied, last, path, shown, stopped)

    def _member(self, device: ManagedDevice) -> FleetDevice:
        record = join_asset_facts(device.record, self.request.assets)
        joined = ManagedDevice(
            record,
            device.native_ownership,
            device.directory_id,
            device.user_id,
            device.access_withdrawn,
            device.synced_at,
            device.enrolled_at,
        )
        return FleetDevice(joined, self.decider.decide(record))

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
        """Why the run is stopped before any write; empty where it is not."""
        new: set[int] = {notice.index for notice in notices}
        keys = {change.key for change in planned.plan.changes}
        for covering in planned.coverings.all:
            if keys.intersection(covering.changes):
                new |= covering.new
        names = [str(self.fleet[index].device.record.get("serial") or self.fleet[index].device.id) for index in sorted(new)]
        try:
            check_limits(limits, names, len(self.fleet))
        except LimitExceeded as error:
            return str(error)
        return ""

    def _situation(
        self, findings: Mapping[tuple[str, str], Any], planned: TargetPlan, applied: Applied, notices: Sequence[Notice], stopped: bool
    ) -> Situation:
        unmade = {failure.change.key for failure in applied.failed} | {change.key for change in applied.skipped}
        waits = self.request.check_mode or stopped
        kinds = {failure.change.kind for failure in applied.failed} | {change.kind for change in applied.skipped}
        ops = {failure.change.op for failure in applied.failed} | {change.op for change in applied.skipped}
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
            stale_after=self.request.stale_after,
            stopped=stopped,
            lift_failed="delete" in ops,
            scope_failed=any("group" in kind for kind in kinds),
            **self.target.situation(),
        )

    # The record.

    def _record(
        self, run_id: str, limits: Any, planned: TargetPlan, situation: Situation, stopped: str
    ) -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        request = self.request
        header = {
            "now": self.now,
            "mode": "check" if request.check_mode else "apply",
            "stopped": stopped or None,
            "policies": [_policy_line(policy) for policy in request.policies],
            "limits": {"max_devices": limits.max_devices, "max_percent": limits.max_percent},
            "versions": {"appban.endpoint": VERSION, "python": platform.python_version(), **request.versions},
        }
        record = EvidenceRecord(request.evidence_dir, run_id, request.target, header, request.evidence)
        observer = Observer(situation, self.target.names)
        shown: list[dict[str, Any]] = []
        events: list[dict[str, str]] = []
        found = 0
        try:
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
            gone = self._opted_out()
            for device in gone:
                record.add_device(self._rows_of_opted_out(device))
                events.append({"event": "opted_out", "device": device})
            events.extend(self._assigned(planned, situation))
            events.extend(self._standing(planned, situation))
            if not request.check_mode and not stopped:
                self.ledger.write(self.now, events)
            last = record.close(
                len(self.fleet) + len(gone), sum(member.decision.scope == "in_scope" for member in self.fleet), self._totals(found, planned)
            )
        finally:
            record.abandon()
        return last, record.path, shown

    def _totals(self, found: int, planned: TargetPlan) -> dict[str, Any]:
        notes = {note for member in self.fleet for note in member.decision.notes} | set(planned.notes) | set(self.decider.notes)
        return {
            "findings": found,
            "drift": len(planned.drift),
            "decision_due": sorted(self.decider.decision_due),
            "notes": sorted(notes),
        }

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
        )

    def _events(self, member: FleetDevice, app_id: str, seen: Seen, outcome: Outcome, situation: Situation) -> Iterator[dict[str, str]]:
        """What is to be remembered of a device and app after this run."""
        observation = seen.observation
        device = member.device.id
        story = self.ledger.story(device, app_id)
        about = {"device": device, "app": app_id}
        if observation.before and not story.present:
            yield {"event": "present", **about, "ownership": str(member.device.record.get("ownership") or "")}
        if observation.before is False and story.present and not observation.stale:
            yield {"event": "gone", **about}
        if outcome.name == "removal_requested" and not story.requested_at:
            yield {"event": "requested", **about}
        if observation.access_withdrawn and not story.withdrawn:
            yield {"event": "withdrawn", **about}
        # Also where nothing is demanded any more, or nothing is tied to compliance: an exemption or another date gives access back too.
        if story.withdrawn and not (member.device.access_withdrawn and situation.access_depends_on_compliance is not False):
            yield {"event": "restored", **about}

    def _assigned(self, planned: TargetPlan, situation: Situation) -> Iterator[dict[str, str]]:
        for covering in planned.coverings.all:
            if covering.changes and not situation.unmade.intersection(covering.changes):
                for index in sorted(covering.new & covering.named):
                    yield {"event": "assigned", "device": self.fleet[index].device.id, "control": covering.control}

    def _standing(self, planned: TargetPlan, situation: Situation) -> Iterator[dict[str, str]]:
        """Since when controls stand that the target keeps no date of: from a write on, or from when they were first seen."""
        for covering in planned.coverings.all:
            if covering.dated or situation.unmade.intersection(covering.changes):
                continue
            if covering.changes or not self.ledger.stands_since(covering.control):
                yield {"event": "stands", "device": "", "control": covering.control}

    def _opted_out(self) -> list[str]:
        """Private devices that had a story and have left the management since: their users gave the work apps up instead."""
        here = {member.device.id for member in self.fleet}
        left = [device for device in self.ledger.devices_with_a_story() if device not in here and self.ledger.is_personal(device)]
        # Of a story about another ban's app this run knows nothing to tell; the run of that ban counts the device.
        return sorted(device for device in left if any(self._has_a_story(device, app) for app in self._apps()))

    def _has_a_story(self, device: str, app: str) -> bool:
        story = self.ledger.story(device, app)
        return story.present or story.withdrawn

    def _apps(self) -> list[str]:
        return sorted({app.id for policy in self.request.policies for app in (*policy.apps, *policy.review)})

    def _rows_of_opted_out(self, device: str) -> list[Row]:
        said: dict[str, Any] = {
            "verdict": "out_of_scope",
            "actions": [],
            "policies": [],
            "exemption": None,
            "reason": "The device is not managed any more, and has no work apps with that.",
        }
        record = {"id": device, "ownership": "personal"}
        return [Row(record, app, said, Outcome("compliant", "opted_out")) for app in self._apps()]

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
                name: last[name] for name in ("devices", "in_scope", "outcomes", "totals", "unenforceable", "decision_due", "notes")
            },
        }
        waits = self.request.check_mode
        changed = bool(planned.plan) if waits else bool(applied.done)
        failure = stopped
        if applied.failed or applied.skipped:
            made, all_of_them = len(applied.done), len(planned.plan)
            failure = "%d of %d changes were made; these were not:\n%s" % (made, all_of_them, "\n".join(applied.messages()))
        return RunResult(changed and not stopped, values, planned.plan.diff(), failure)


def _policy_line(policy: Policy) -> dict[str, Any]:
    plain = policy_to_plain(policy)
    return {name: plain[name] for name in ("policy", "title", "state", "sha256", "catalog_version", "contact")}
