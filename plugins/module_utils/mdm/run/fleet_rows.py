# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a fleet after a run: devices that are alike in all that an assessment rests on are assessed once.

Alike are devices with the same decision, the same attributes but their own, in the same controls and changes, with the same freshness of
what they told, and without a memory of their own. Of a device with a memory (an app that was found, a story in the ledger) those apps
are assessed by what that memory says; a device that the ledger knows by name (assigned, ended, told by a notice) is assessed alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...engine.evidence import EvidenceRecord, Row
from ...engine.outcomes import judge
from ...engine.presence import Presence
from ...policy.model import AppDecision
from ..planning.fleet import FleetDevice, alike_of
from .assess import Assessment, Assessor, RunState, may_look, undoubted
from .ledger_events import Event, events_of_device
from .row_form import RowForm

SHOWN_FINDINGS = 100
_BEFORE = {True: "present", False: "absent", None: "not_observed"}


@dataclass
class _Judged:
    """One app of devices that are alike.

    Args:
        row: of one of them.
        form: how the row of each is written; None where the record leaves it out.
        findings: how many there are on each.
        alone: something is to be remembered of each, so that each is assessed for itself.
    """

    row: Row
    form: RowForm | None
    findings: int
    alone: bool


@dataclass
class _Class:
    """Devices that are alike.

    Args:
        apps: by position of the app, and by what is remembered of a device and it.
        plain: the apps of a device without any memory, in their order; None where one of them is to be assessed for each device.
        kept: those of them that the record keeps.
        devices: how many without any memory there are.
    """

    apps: list[dict[Any, _Judged]]
    plain: list[_Judged] | None = None
    kept: list[_Judged] = field(default_factory=list)
    devices: int = 0
    in_scope: bool = False


class FleetRows:
    """Assesses a fleet and writes the rows of its devices in their order.

    Args:
        run_state: after the writes.
        names: mechanism -> what a reader calls it.
        check_mode: nothing was written.
    """

    def __init__(self, run_state: RunState, names: Mapping[str, str], check_mode: bool, record: EvidenceRecord, presence: Presence) -> None:
        self.run_state = run_state
        self.check_mode = check_mode
        self.record = record
        self.presence = presence
        self.assessor = Assessor(run_state, names)
        self.events: list[Event] = []
        #: Findings of all devices, and some of them to be shown.
        self.found = 0
        self.shown: list[dict[str, Any]] = []
        self._classes: dict[Any, _Class] = {}
        # Devices that are alike share their decisions, so their plain forms are made once.
        self._plain: dict[int, dict[str, Any]] = {}
        #: By decision: its apps in their order, and positions of those that are looked for and of those of which nothing is demanded.
        self._apps: dict[int, tuple[list[AppDecision], list[int], list[int]]] = {}
        ledger = run_state.ledger
        self._known_by_name = {device for device, _control in ledger.assigned} | set(ledger.ended)
        self._known_by_name.update(device for device, _stage, _app in ledger.notices)
        self._remembered = {device for found in (ledger.stories, run_state.findings, run_state.previous) for device, _app in found}
        #: Instants of changes of controls in their order.
        self._changes = sorted({ledger.stands_since(each.control) if not each.dated else each.changed_at for each in self._controls})

    @property
    def _controls(self) -> Sequence[Any]:
        return self.run_state.control_states.all

    def write(self, fleet: Sequence[FleetDevice]) -> None:
        """Add every device of the fleet to the record, and count it."""
        places = _places(self.run_state, len(fleet))
        for index, member in enumerate(fleet):
            device = member.device.id
            if device in self._known_by_name:
                self._add_alone(index, member)
                continue
            found = self._class_of(index, member, places[index])
            if device in self._remembered:
                self._add_remembering(index, member, device, found)
            elif found.plain is None and not self._make_plain(index, member, found):
                self._add_alone(index, member)
            else:
                found.devices += 1
                for judged in found.kept:
                    self._write_line(judged, member, device)
        for each in self._classes.values():
            if each.devices and each.plain is not None:
                self._count([judged.row for judged in each.plain], each.in_scope, each.devices)

    # What devices have in common.

    def _class_of(self, index: int, member: FleetDevice, place: int) -> _Class:
        device = member.device
        decision = member.decision
        looked_at = device.looked_at
        apps, looked_for, given_up = self._apps_of(member)
        run = self.run_state
        doubts: Any = None
        if looked_for and run.doubted is not undoubted:
            doubts = tuple([run.doubted(device.id, apps[each].app) for each in looked_for])
        holds: Any = None
        if run.may_still_hold is not None and given_up:
            holds = tuple([run.may_still_hold(device.id, apps[each].app) for each in given_up])
        key = (
            id(decision.verdicts),
            id(alike_of(device.record)),
            place,
            bisect_left(self._changes, device.synced_at),
            device.synced_at > device.enrolled_at,
            bool(device.synced_at),
            looked_at < self.assessor.stale_before,
            looked_at < self.presence.old_before,
            bool(looked_at),
            device.looked_by > run.previous_now,
            device.access_withdrawn,
            doubts,
            holds,
        )
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = _Class([{} for _each in apps], in_scope=decision.scope == "in_scope")
        return found

    def _apps_of(self, member: FleetDevice) -> tuple[list[AppDecision], list[int], list[int]]:
        found = self._apps.get(id(member.decision.verdicts))
        if found is None:
            apps = [app for _id, app in sorted(member.decision.apps.items())]
            looked_for = [position for position, app in enumerate(apps) if may_look(app)]
            given_up = [position for position, app in enumerate(apps) if app.verdict != "enforce"]
            found = self._apps[id(member.decision.verdicts)] = (apps, looked_for, given_up)
        return found

    def _make_plain(self, index: int, member: FleetDevice, found: _Class) -> bool:
        """Assess the apps of a device without a memory, for it and all that are like it; False where each has to be assessed alone."""
        apps = self._apps_of(member)[0]
        judged = [self._judged(index, member, position, app, found, None) for position, app in enumerate(apps)]
        if any(each.alone for each in judged):
            return False
        found.plain = judged
        found.kept = [each for each in judged if each.form is not None]
        return True

    def _judged(self, index: int, member: FleetDevice, position: int, app: AppDecision, found: _Class, memory: Any) -> _Judged:
        known = found.apps[position].get(memory)
        if known is None:
            assessment, row, events = self._assessed(index, member, app)
            form = RowForm(row) if self.record.keeps(row) and not events else None
            known = found.apps[position][memory] = _Judged(row, form, len(assessment.findings), bool(events))
        return known

    def _memory_of(self, member: FleetDevice, device: str, app: AppDecision) -> Any:
        """What is remembered of a device and an app, as far as an assessment rests on it; None for nothing."""
        run = self.run_state
        key = (device, app.app)
        story, found, seen = run.ledger.stories.get(key), run.findings.get(key), run.previous.get(key)
        if story is None and found is None and seen is None:
            return None
        looked_by = member.device.looked_by
        return (
            story and (story.present, story.removals > 0, story.requested_at, story.withdrawn, story.requested_at >= looked_by),
            found is not None and tuple([tuple(each.items()) for each in found]),
            seen is not None and seen >= member.device.looked_at,
            seen is None,
        )

    # One device.

    def _add_remembering(self, index: int, member: FleetDevice, device: str, found: _Class) -> None:
        """A device that something is remembered of, of one of its apps at least."""
        apps = self._apps_of(member)[0]
        rows = []
        for position, app in enumerate(apps):
            judged = self._judged(index, member, position, app, found, self._memory_of(member, device, app))
            if judged.alone:
                rows.append(self._written_alone(index, member, app))
                continue
            if judged.findings:
                self._show(member, self.run_state.findings[(device, app.app)])
            if judged.form is not None:
                self._write_line(judged, member, device)
            rows.append(judged.row)
        self._count(rows, found.in_scope, 1)

    def _add_alone(self, index: int, member: FleetDevice) -> None:
        rows = [self._written_alone(index, member, app) for app in self._apps_of(member)[0]]
        self._count(rows, member.decision.scope == "in_scope", 1)

    def _written_alone(self, index: int, member: FleetDevice, app: AppDecision) -> Row:
        assessment, row, events = self._assessed(index, member, app)
        self._show(member, assessment.findings)
        self.events.extend(events)
        self.record.add_row(row)
        return row

    def _assessed(self, index: int, member: FleetDevice, app: AppDecision) -> tuple[Assessment, Row, list[Event]]:
        assessment = self.assessor.assess(index, member, app)
        row = self._row(member, app, assessment)
        run = self.run_state
        events = events_of_device(member, app.app, assessment, row.outcome, run.ledger, run.access_depends_on_compliance)
        return assessment, row, list(events)

    def _row(self, member: FleetDevice, app: AppDecision, assessment: Assessment) -> Row:
        plain = self._plain.get(id(app))
        if plain is None:
            plain = self._plain[id(app)] = app.to_plain()
        # It was not looked for, because one of its policies may or may not be about this device.
        doubted = app.verdict != "enforce" and not may_look(app) and app.verdict in ("report_only", "pending", "review")
        judged = judge({**plain, "verdict": "unclassified"} if doubted else plain, assessment.observation, self.check_mode)
        return Row(
            device=member.device.record,
            app=app.app,
            decision=plain,
            outcome=judged,
            before=_BEFORE[assessment.observation.before],
            mechanism=assessment.mechanism,
            seen_at=assessment.seen_at,
            requested_at=assessment.requested_at,
            findings=assessment.findings,
            words=assessment.words,
            last_seen_at=assessment.last_seen_at,
        )

    def _write_line(self, judged: _Judged, member: FleetDevice, device: str) -> None:
        row, serial = judged.row, member.device.record.get("serial")
        seen_at = None if row.seen_at is None else member.device.looked_at
        last_seen_at = None if row.last_seen_at is None else self.run_state.previous.get((device, row.app))
        if judged.form is not None:
            self.record.add_line(judged.form.line(device, None if serial is None else str(serial), seen_at, last_seen_at))

    def _show(self, member: FleetDevice, findings: Sequence[Mapping[str, str]]) -> None:
        self.found += len(findings)
        for finding in findings[: SHOWN_FINDINGS - len(self.shown)]:
            self.shown.append({"device": member.device.id, "serial": member.device.record.get("serial"), **finding})

    def _count(self, rows: Sequence[Row], in_scope: bool, devices: int) -> None:
        self.record.count_devices(rows, devices)
        if in_scope:
            self.presence.add(rows, devices)


def _places(run: RunState, devices: int) -> list[int]:
    """For each device a number that is the same for those that are in the same controls and changes, however these are told apart."""
    places = [0] * devices
    numbers: dict[tuple[int, int], int] = {}
    for number, positions in enumerate(_position_sets(run)):
        for index in positions:
            key = (places[index], number)
            place = numbers.get(key)
            if place is None:
                place = numbers[key] = len(numbers) + 1
            places[index] = place
    return places


def _position_sets(run: RunState) -> Iterable[Iterable[int]]:
    """Every set of positions in the fleet that an assessment looks into."""
    for control in run.control_states.all:
        yield from (control.covers, control.unnamed, control.new, control.confirmed or ())
        refusals: dict[tuple[str, str], list[int]] = {}
        for index in {*control.refused, *control.refusal_words}:
            refusals.setdefault((control.refused.get(index, ""), control.refusal_words.get(index, "")), []).append(index)
        yield from refusals.values()
    for change in (*run.plan.changes, *run.left_out):
        yield from (change.reaches, change.releases)
    yield run.to_notify
    yield from (devices for devices in run.failed_on.values() if devices is not None)
