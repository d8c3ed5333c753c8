# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NanoMDM and KMFDDM as a target of a run: enrolments, answers, reads, plan and writes put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ...engine.apply import Applied, apply_plan
from ...engine.plan import Plan
from ...mdm.apple.commands import remove_application
from ...mdm.planning.capability import Capability, Support
from ...mdm.planning.control_state import ControlState
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_draft import Step, carry_out
from ...mdm.run.assess import may_look
from ...mdm.run.known_fleet import LoneLookUps
from ...mdm.run.ledger import Ledger
from ...mdm.run.outbox import Outbox
from ...policy.asset_index import AssetIndex
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Policy
from . import capabilities
from .controls import Desired, DesiredControls, removed_by
from .fleet_reader import FleetReader
from .holdings import Holdings
from .names import ControlNames
from .objects import DeviceReport, Enrollment, Interests
from .plan import NanoDraft, draft_plan
from .profile_story import mark_in
from .release_rules import ReleaseRules
from .requirements import Ways, requirements_of
from .resources.assignments import Assignments
from .resources.questions import (
    answered_at,
    app_question,
    apps_that_were_asked_about,
    bundle_ids_of,
    information_question,
    is_spared_questions,
)
from .server_state import StateReader
from .surroundings import NO_WEB_BLOCK, NanoSettings, Servers, Surroundings

UNREADABLE = "source_unreadable"
PLATFORMS = ("ios", "ipados", "tvos", "macos")


class NanoTarget:
    """One NanoMDM server, with or without KMFDDM.

    Args:
        read_enrollments: gives the enrolments.
        ledger: what is remembered, for reading.
        assets: asset facts by serial number.
    """

    waits_for_notices = True
    names: Mapping[str, str] = capabilities.NAMES
    reporting: Mapping[str, str] = dict.fromkeys(PLATFORMS, capabilities.APP_LIST)
    #: A device can lose its supervision, and change its version, by being wiped.
    until_enrolled = frozenset(("supervised", "os_version"))

    def __init__(
        self,
        servers: Servers,
        policies: Sequence[Policy],
        settings: NanoSettings,
        read_enrollments: Callable[[], Sequence[Enrollment]],
        outbox: Outbox,
        ledger: Ledger,
        now: datetime,
        assets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.servers = servers
        self.source = servers.reports
        self.policies = tuple(policies)
        self.look_ups = LoneLookUps(self.look_up)
        self.settings = settings
        self.outbox = outbox
        self.ledger = ledger
        self.now = now
        self.assets = AssetIndex(assets or {})
        self.ways = Ways(servers.kmfddm is not None, servers.store is not None, settings.web_block != NO_WEB_BLOCK)
        self.control_names = ControlNames(settings.prefix, policies)
        self.fleet_reader = FleetReader(read_enrollments, self.source, settings.accept_fleet_size)
        self.interests: Interests | None = None
        self.reports: Mapping[str, DeviceReport] = {}
        self.fleet: Sequence[FleetDevice] = ()
        self._platforms: Mapping[str, str] = {}
        self.unasked: frozenset[str] = frozenset()
        self.desired = Desired()
        self.around: Surroundings | None = None
        self.holdings: Holdings | None = None
        self.unrecorded: list[dict[str, str]] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the servers said beside their answers."""
        return self.around.told() if self.around is not None else ()

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the capability table, with what the user has set up."""
        row = capabilities.capability_of(record)
        if self.settings.web_block == NO_WEB_BLOCK and row.block_web.mechanisms:
            row = replace(row, block_web=Support(why_not="no_backend"))
        if self.servers.kmfddm is None and row.block.mechanisms == (capabilities.BINARIES,):
            row = replace(row, block=Support(why_not="no_backend"))
        if not self.source and row.sees == "reported":
            row = replace(row, sees="none", why_unseen="no_backend")
        if row.sees == "reported" and str(record.get("id")) in self.unasked:
            row = replace(row, sees="none", why_unseen="privacy_setting")
        return row

    def devices(self) -> Iterator[ManagedDevice]:
        """Every enrolment, with what the device itself has told."""
        listed = self.fleet_reader.list_enrollments()
        reports = self.source.read(Interests(marks=self._information(), profile_prefix=self.settings.prefix + "."))
        remembered = (device for device, _name in (*self.ledger.assigned, *self.ledger.released, *self.ledger.asked))
        devices = self.fleet_reader.devices(listed, reports, remembered)
        # What a list of apps was asked for follows from the decision; what devices tell of themselves has to be known before that.
        decider = Decider(self.policies, self.now)
        joined = [replace(each, record=self.assets.join(each.record)) for each in devices]
        self._read([FleetDevice(each, decider.decide(each.record)) for each in joined])
        for each, member in zip(devices, self.fleet, strict=True):
            yield replace(each, inventory_at=self._looked_at(member))

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """What was found, of those devices and apps that may be looked at."""
        self._read(fleet)
        found: dict[tuple[str, str], Sequence[Mapping[str, str]]] = {}
        for member in fleet:
            report = self.reports.get(member.device.id)
            if report is None or not report.apps or self.capability_of(member.device.record).sees == "none":
                continue
            for app in member.decision.apps.values():
                names = bundle_ids_of(self.policies, member.device.platform, [app.app]) if may_look(app) else frozenset()
                sure = bundle_ids_of(self.policies, member.device.platform, [app.app], doubtful=False)
                here = [report.apps[name] for name in sorted(names & report.apps.keys())]
                if here:
                    found[(member.device.id, app.app)] = [
                        {
                            "app": app.app,
                            "backend": "app_list",
                            "name": each.name or each.id,
                            "version": each.version,
                            "scope": "device",
                            "confidence": "actionable" if each.id in sure else "detect_only",
                        }
                        for each in here
                    ]
        return found

    def remember(self, ledger: Ledger) -> None:
        """Go by what earlier runs remember, from now on."""
        self.ledger = ledger

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one, by enrolment id or by serial number."""
        return self.fleet_reader.look_up(devices, self.reports)

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none.

        A list of apps with a row without an id may show the very app that was asked for.
        """
        report = self.reports.get(device)
        if report is None or not report.unreadable:
            return ""
        asked = bundle_ids_of(self.policies, self._platforms.get(device, ""), [app])
        return UNREADABLE if report.unreadable & asked else ""

    def may_still_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours for an app may still be on a device, or may still arrive there.

        Returns:
            False where the device has told the end of all of them, or enrolled again since; None where nothing is known of any, or where
            nobody tells what devices say.
        """
        return self.holdings.may_hold(device, app) if self.source and self.holdings is not None else None

    def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Of device and app pairs that are not seen together any more, those of which that is not proved."""
        return frozenset()

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a bundle id on a platform."""
        return bool(bundle_ids_of(self.policies, platform, [app]))

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> NanoDraft:
        """The changes, made of what the servers hold now."""
        reader = StateReader(self.servers.kmfddm, self.servers.store, self.control_names)
        state = reader.read([member.device.id for member in fleet], self.reports)
        around = Surroundings(self.servers, self.settings, self.control_names, self.ledger, self.now, fleet, self.desired, state)
        rules = ReleaseRules(around, decider, self._managed)
        assignments = Assignments(around, rules)
        reader.look_up(state, assignments.in_doubt())
        can_see = [self.capability_of(member.device.record).sees == "reported" for member in fleet]
        draft = draft_plan(assignments, rules, self.policies, can_see)
        self.around, self.holdings = around, Holdings(around)
        # Taken from what was told before this run, so what this run does is not confirmed by it.
        draft.unrecorded.extend(self.holdings.confirmations())
        self.unrecorded = draft.unrecorded
        draft.control_states.extend(self._seen(fleet))
        draft.notes[:0] = self._notes(rules)
        return draft

    def notice_step(self, notices: tuple[Notice, ...]) -> Step:
        """What hands notices over."""
        return Step(self.outbox.hand_over, (self.ledger, utc_text(self.now), notices, self.fleet))

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""
        ledger.write(now, self.unrecorded)
        return apply_plan(plan, carry_out, self.servers.nanomdm.session.counters.progress.changed)

    def run_state(self) -> Mapping[str, Any]:
        """What only this target knows about the outcome."""
        return {}

    # What is wanted, and what devices have told of that.

    def _read(self, fleet: Sequence[FleetDevice]) -> None:
        """Find out what is wanted of a fleet, and read what its devices have told of that, unless it has been read."""
        self.fleet = fleet
        self.unasked = frozenset(member.device.id for member in fleet if is_spared_questions(member))
        self._platforms = {member.device.id: member.device.platform for member in fleet}
        desired = self._desired(self.policies, fleet)
        self.desired = replace(desired, sent={**self._sent_before(fleet), **desired.sent})
        interests = self._interests(fleet)
        if interests != self.interests:
            self.interests, self.reports = interests, self.source.read(interests)

    def _desired(self, policies: Sequence[Policy], fleet: Sequence[FleetDevice]) -> Desired:
        wanted = requirements_of(policies, self.ways)
        requirements = [wanted(member.device.record, member.decision) for member in fleet]
        return DesiredControls(policies, fleet, requirements, self.control_names, self.servers.store).desired()

    def _sent_before(self, fleet: Sequence[FleetDevice]) -> Mapping[str, frozenset[str]]:
        """Name -> marks of the controls by command that would be wanted if every policy were in force for everybody.

        A ledger that knows of nothing may be a lost one, and then devices' answers to these are all that tells what was sent to them.
        """
        if not self.source or self.ledger.assigned or self.ledger.released:
            return {}
        in_force = [
            replace(policy, state="enforced", exemptions=(), effective=replace(policy.effective, until=None)) for policy in self.policies
        ]
        decider = Decider(in_force, self.now)
        return self._desired(in_force, [FleetDevice(each.device, decider.decide(each.device.record)) for each in fleet]).sent

    def _interests(self, fleet: Sequence[FleetDevice]) -> Interests:
        """What is wanted of all that devices have told."""
        remembered = [*self.ledger.assigned.items(), *self.ledger.released.items()]
        questions: dict[str, frozenset[str]] = {}
        for platform, bundle_ids in {(member.device.platform, apps_that_were_asked_about(self.policies, member)) for member in fleet}:
            if bundle_ids:
                questions[app_question(self.settings.prefix, platform, bundle_ids)[1]] = bundle_ids
        return Interests(
            frozenset().union(*questions.values()),
            questions,
            self._marks() | self._information(),
            self.settings.prefix + ".",
            frozenset(member.device.id for member in fleet).union(device for (device, _control), _memory in remembered),
            frozenset(memory.order for _key, memory in remembered if memory.order),
        )

    def _marks(self) -> frozenset[str]:
        """Marks of all commands whose answers are of interest."""
        names, ledger = self.control_names, self.ledger
        remembered = [*ledger.assigned.items(), *ledger.released.items()]
        sent = {control for (_device, control), _memory in remembered if names.is_sent(control)}.union(self.desired.sent)
        removed = {removed_by(control) for (_device, control), _memory in remembered if removed_by(control)}
        commands = [*map(remove_application, removed), *(each for removal in self.desired.removals for each in removal.commands.values())]
        return frozenset(
            (
                *map(names.mark, commands),
                *map(names.removal_mark, sent),
                *(mark_in(memory) for (_device, control), memory in remembered if names.is_sent(control)),
                *frozenset().union(*self.desired.sent.values()),
            )
        ) - {""}

    def _information(self) -> frozenset[str]:
        return frozenset((information_question(self.settings.prefix)[1],))

    def _looked_at(self, member: FleetDevice) -> str:
        """When a device told of the apps that may be looked at on it, of the one with the oldest word; empty where it told of none."""
        report = self.reports.get(member.device.id) or DeviceReport()
        names = apps_that_were_asked_about(self.policies, member)
        told = [max(report.asked.get(name, ""), report.apps[name].at if name in report.apps else "") for name in names]
        return min(filter(None, told), default="")

    def _managed(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Whether devices that are not in the run are managed. Only the database is asked, and only that has a bound."""
        if self.source.database is None:
            return self.look_up(devices)
        return self.look_ups.managed(devices, "they lose what they have")

    # What is told.

    def _seen(self, fleet: Sequence[FleetDevice]) -> Iterator[ControlState]:
        """For each app, who has told whether it has it; how long ago is told by the devices themselves."""
        for app in sorted({app.id for policy in self.policies for app in (*policy.apps, *policy.review)}):
            told = set()
            for index, member in enumerate(fleet):
                report = self.reports.get(member.device.id)
                names = bundle_ids_of(self.policies, member.device.platform, [app])
                if report is not None and names and answered_at(report, names):
                    told.add(index)
            yield ControlState(
                control="InstalledApplicationList",
                mechanism=capabilities.APP_LIST,
                apps=frozenset((app,)),
                covers=frozenset(range(len(fleet))),
                confirmed=frozenset(told),
            )

    def _notes(self, rules: ReleaseRules) -> Iterator[str]:
        if not self.source:
            yield "neither webhook_log nor enrollments_sql is given, so nobody learns which apps devices have, and what became of commands"
        yield from ("the webhook log: %s" % problem for problem in self.source.problems)
        yield from self.fleet_reader.notes()
        kept = rules.kept_of_absent()
        if kept:
            yield (
                "%d devices that have controls of ours are not in the list of enrolments any more, and keep them: say `managed: false`"
                " there of those that have left, or confirm the size of the list with accept_fleet_size" % kept
            )
        if self.servers.kmfddm is None:
            yield "kmfddm_url is not given, so nothing is declared: profiles are sent, and nothing but their answers proves them"
        sent = [control.name for control in self.desired.commanded]
        if sent:
            yield (
                "%s: sent by command. A device that is locked puts it off, and a profile that was put off can still arrive after its"
                " removal was asked for; the next run that sees it asks again" % ", ".join(sent)
            )
        named = {(control.requirement, app) for control in self.desired.controls for app in control.apps}
        binaries = {each for asked in self.desired.requirements for each in asked if each.mechanism == capabilities.BINARIES}
        nameless = sorted({app.id for each in binaries for app in each.apps if (each, app.id) not in named})
        if nameless:
            yield "on Macs nothing blocks %s: that takes both an apple_team_id and a macos_bundle_id" % ", ".join(nameless)
