# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NanoMDM and KMFDDM as a target of a run: enrolments, answers, reads, plan and writes put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ...engine.apply import Applied
from ...engine.plan import Plan
from ...mdm.planning.capability import Capability, Support
from ...mdm.planning.control_state import ControlState, ControlStates
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...mdm.planning.plan_result import PlanResult
from ...mdm.planning.requirements import Requirement
from ...mdm.run.assess import may_look
from ...mdm.run.known_fleet import FleetDoubted, LoneLookUps
from ...mdm.run.ledger import Ledger
from ...mdm.run.outbox import Outbox
from ...mdm.run.target_run import ChooseNotices
from ...policy.asset_index import AssetIndex
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Policy
from ...policy.names_compared import comparable
from . import capabilities
from .api.kmfddm import Kmfddm
from .api.nanomdm import NanoMdm
from .command_plan import CommandPlan, marks_of
from .command_uuids import command_mark
from .controls import DECLARED, Control, Desired, DesiredControls, removed_by
from .declaration_names import DeclarationNames
from .declaration_plan import DeclarationPlan
from .executor import Executor
from .fleet_index import FleetIndex
from .holdings import Holdings
from .objects import DeviceReport, Enrollment, Interests
from .planner import Planner
from .profile_store import ProfileStore
from .questions import (
    Question,
    Questions,
    answered_at,
    app_question,
    apps_that_were_asked_about,
    bundle_ids_of,
    information_question,
    is_spared_questions,
)
from .reader import StateReader
from .release_rules import ReleaseRules, policies_that_rest
from .reports import Reports
from .requirements import Ways, requirements_of
from .server_state import ServerState
from .slugs import apps_of_slug, is_slug_of

ASK, NEVER = "ask", "never"
PROFILE, NO_WEB_BLOCK = "profile", "none"
_SERIAL = "serial:"
UNREADABLE = "source_unreadable"
PLATFORMS = ("ios", "ipados", "tvos", "macos")
#: How long a device may take to judge a declaration that it has told about. It takes seconds.
PATIENCE_OF_JUDGEMENT = timedelta(days=1)


@dataclass(frozen=True)
class NanoSettings:
    """What a user can choose of the target.

    Args:
        prefix: of declarations, sets and profiles; everything below it is ours.
        adopt: take over a declaration that has the name of one of ours and another type.
        web_block: ``profile`` or ``none``.
        inventory: ``ask`` devices for the banned apps, or ``never``.
        inventory_every: how often a device is asked at most, and how long a command that was put off waits until it is sent once more.
        push: whether NanoMDM is to wake devices up.
        accept_fleet_size: how many enrolments somebody has confirmed that there are; None for nobody.
    """

    prefix: str
    adopt: bool = False
    web_block: str = PROFILE
    inventory: str = ASK
    inventory_every: timedelta = timedelta(hours=24)
    push: bool = True
    accept_fleet_size: int | None = None


class NanoTarget:
    """One NanoMDM server, with or without KMFDDM.

    Args:
        kmfddm: None where there is no such server.
        store: where profiles are hosted; None where they are not.
        read_enrollments: gives the enrolments.
        reports: what devices have told.
        ledger: what is remembered, for reading.
        assets: asset facts by serial number.
    """

    names: Mapping[str, str] = capabilities.NAMES
    reporting: Mapping[str, str] = dict.fromkeys(PLATFORMS, capabilities.APP_LIST)
    #: A device can lose its supervision, and change its version, by being wiped.
    until_enrolled = frozenset(("supervised", "os_version"))

    def __init__(
        self,
        nanomdm: NanoMdm,
        kmfddm: Kmfddm | None,
        store: ProfileStore | None,
        policies: Sequence[Policy],
        settings: NanoSettings,
        read_enrollments: Callable[[], Sequence[Enrollment]],
        reports: Reports,
        outbox: Outbox,
        ledger: Ledger,
        now: datetime,
        assets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.nanomdm = nanomdm
        self.kmfddm = kmfddm
        self.store = store
        self.policies = tuple(policies)
        self.look_ups = LoneLookUps(self.look_up)
        self.policy_ids = frozenset(policy.id for policy in policies)
        self.settings = settings
        self.read_enrollments = read_enrollments
        self.source = reports
        self.outbox = outbox
        self.ledger = ledger
        self.now = now
        self.assets = AssetIndex(assets or {})
        self.interests: Interests | None = None
        self.declaration_names = DeclarationNames(settings.prefix)
        self.reader = StateReader(kmfddm, store, self.declaration_names, self.policy_ids)
        self.reports: Mapping[str, DeviceReport] = {}
        self.requirements: list[frozenset[Requirement]] = []
        self.desired = Desired()
        self.state = ServerState()
        self.index = FleetIndex((), ())
        self.declarations: DeclarationPlan | None = None
        self.holdings: Holdings | None = None
        self.rules = ReleaseRules(self.index, self.declaration_names, self.policy_ids, frozenset(), {})
        self.enrollments: Sequence[Enrollment] = ()
        self.respelled = 0
        #: How many devices have another serial number than their list says, and the serial numbers that several enrolments have.
        self.corrected = 0
        self.doubled: list[str] = []
        #: Name of a control by command -> marks of what may have been sent under it.
        self.sent: dict[str, frozenset[str]] = {}
        self.warnings: tuple[str, ...] = ()
        self.unasked: frozenset[str] = frozenset()
        self.unrecorded: list[dict[str, str]] = []

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the capability table, with what the user has set up."""
        row = capabilities.capability_of(record)
        if self.settings.web_block == NO_WEB_BLOCK and row.block_web.mechanisms:
            row = replace(row, block_web=Support(why_not="no_backend"))
        if self.kmfddm is None and row.block.mechanisms == (capabilities.BINARIES,):
            row = replace(row, block=Support(why_not="no_backend"))
        if not self.source and row.sees == "reported":
            row = replace(row, sees="none", why_unseen="no_backend")
        if row.sees == "reported" and str(record.get("id")) in self.unasked:
            row = replace(row, sees="none", why_unseen="privacy_setting")
        return row

    def devices(self) -> Iterator[ManagedDevice]:
        """Every enrolment, with what the device itself has told."""
        enrollments = self.read_enrollments()
        if not enrollments and self.settings.accept_fleet_size != 0:
            raise FleetDoubted(
                "stopped before any write: there are no enrolments in the list, and that is no order to let devices go",
                "",
                "Nothing was written. Check the list; if no device is left, run once with accept_fleet_size: 0",
            )
        reports = self.source.read(Interests(marks=self._information(), profile_prefix=self.settings.prefix + "."))
        enrollments = self.enrollments = self._spelled(enrollments, reports)
        self.corrected = 0
        devices = [self._device(each, reports.get(each.id) or DeviceReport()) for each in enrollments]
        serials = Counter(filter(None, (comparable(each.record.get("serial")) for each in devices)))
        written = {comparable(each.record.get("serial")): str(each.record.get("serial")) for each in devices}
        self.doubled = sorted(written[serial] for serial, count in serials.items() if count > 1)
        # What a list of apps was asked for follows from the decision; what devices tell of themselves has to be known before that.
        decider = Decider(self.policies, self.now)
        joined = [replace(each, record=self.assets.join(each.record)) for each in devices]
        self._read([FleetDevice(each, decider.decide(each.record)) for each in joined])
        for each, member in zip(devices, self.index.fleet, strict=True):
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
        """Ask for devices one by one, by enrolment id or by serial number.

        The database knows each. A list only knows whom it has; of others nobody can say, but for one that has told that it leaves.
        """
        names = {each: each.removeprefix(_SERIAL) for each in devices if each.startswith(_SERIAL)}
        ids = [each for each in devices if each not in names]
        if self.source.database is not None:
            by_id, by_serial = self.source.database.managed(ids, names.values())
            return {**by_id, **{each: by_serial[serial] for each, serial in names.items()}}
        listed = {each.id: each.managed for each in self.enrollments}
        serials: dict[str, bool] = {}
        for enrollment in self.enrollments:
            serials[enrollment.serial] = serials.get(enrollment.serial, False) or enrollment.managed
        found: dict[str, bool | None] = {each: serials.get(serial) for each, serial in names.items()}
        for each in ids:
            left = bool((self.reports.get(each) or DeviceReport()).checked_out_at)
            found[each] = False if left else listed.get(each)
        return found

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none.

        A list of apps with a row without an id may show the very app that was asked for.
        """
        report = self.reports.get(device)
        if report is None or not report.unreadable:
            return ""
        position = self.index.position(device)
        platform = self.index.fleet[position].device.platform if position is not None else ""
        return UNREADABLE if report.unreadable & bundle_ids_of(self.policies, platform, [app]) else ""

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

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider, choose_notices: ChooseNotices) -> PlanResult:
        """The plan, made of what the servers hold now."""
        self.rules = self._release_rules(fleet, decider)
        self.state = self.reader.read([member.device.id for member in fleet], self.reports)
        self.declarations = declarations = self._declaration_plan()
        self.reader.look_up(self.state, declarations.in_doubt())
        commands = CommandPlan(
            self.state,
            self._commanded(),
            self.desired.removals,
            self.policy_ids,
            self.index,
            self.ledger,
            self.declaration_names,
            self.now,
            self.settings.inventory_every,
            self._apps_of,
            self.rules.may_release,
            self.sent,
        )
        self.holdings = Holdings(self.state, self.ledger, self.declaration_names, self.sent, self._is_ours, self._apps_of, self.now)
        questions: list[Question] = []
        if self.settings.inventory == ASK and self.source:
            asking = Questions(self.policies, self.settings.prefix, self.settings.inventory_every, self.now, self.ledger)
            sees = [self.capability_of(member.device.record).sees == "reported" for member in fleet]
            questions = asking.due(fleet, self.reports, sees)
        period = int(self.now.timestamp() // max(self.settings.inventory_every.total_seconds(), 1))
        planner = Planner(self.state, self.index, declarations, commands, questions, "period %d" % period)
        seen = tuple(self._seen(fleet))
        planned = planner.plan(lambda control_states: choose_notices(ControlStates((*control_states.all, *seen))))
        # Taken from what was told before this run, so what this run does is not confirmed by it.
        self.unrecorded = [*commands.unrecorded, *self.holdings.confirmations()]
        return replace(planned, control_states=(*planned.control_states, *seen), notes=tuple(self._notes()))

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""
        ledger.write(now, self.unrecorded)
        executor = Executor(
            self.nanomdm,
            self.kmfddm,
            self.store,
            self.outbox,
            ledger,
            self.index,
            self.state,
            now,
            self.settings.push,
            instant=self.source.instant,
        )
        applied = executor.run(plan)
        self.warnings = executor.told()
        return applied

    def run_state(self) -> Mapping[str, Any]:
        """What only this target knows about the outcome."""
        return {}

    # Devices.

    def _spelled(self, enrollments: Sequence[Enrollment], reports: Mapping[str, DeviceReport]) -> Sequence[Enrollment]:
        """Enrolments with their ids as the server has them; to the server, another letter case is another device."""
        remembered = {device for device, _name in (*self.ledger.assigned, *self.ledger.released, *self.ledger.asked)}
        spelled = {each.lower(): each for each in sorted(remembered)}
        spelled.update((each.lower(), each) for each in sorted(reports))
        found = []
        for each in enrollments:
            known = each.id in reports or each.id in remembered
            identifier = each.id if known else spelled.get(each.id.lower(), each.id)
            self.respelled += identifier != each.id
            found.append(each if identifier == each.id else replace(each, id=identifier))
        return found

    def _device(self, enrollment: Enrollment, report: DeviceReport) -> ManagedDevice:
        """A device: its list says who has it, and what it says of itself counts for more than what its list does."""
        record = enrollment.record()
        if report.serial and report.serial != record.get("serial"):
            self.corrected += bool(record.get("serial"))
            record["serial"] = report.serial
        if report.supervised is not None:
            record["supervised"] = report.supervised
        if report.os_version:
            record["os_version"] = report.os_version
        if not enrollment.managed or report.checked_out_at:
            record["enrollment"] = "none"
        seen_at = max(enrollment.last_seen, report.seen_at)
        if seen_at:
            record["last_seen"] = seen_at
        return ManagedDevice(record, synced_at=seen_at, enrolled_at=report.enrolled_at)

    def _looked_at(self, member: FleetDevice) -> str:
        """When a device told of the apps that may be looked at on it, of the one with the oldest word; empty where it told of none."""
        report = self.reports.get(member.device.id) or DeviceReport()
        names = apps_that_were_asked_about(self.policies, member)
        told = [max(report.asked.get(name, ""), report.apps[name].at if name in report.apps else "") for name in names]
        return min(filter(None, told), default="")

    def _information(self) -> frozenset[str]:
        return frozenset((information_question(self.settings.prefix)[1],))

    def _read(self, fleet: Sequence[FleetDevice]) -> None:
        """Find out what is wanted of a fleet, and read what its devices have told of that, unless it has been read."""
        self.unasked = frozenset(member.device.id for member in fleet if is_spared_questions(member))
        self._want(fleet)
        self.index = FleetIndex(fleet, self.requirements)
        interests = self._interests(fleet)
        if interests != self.interests:
            self.interests, self.reports = interests, self.source.read(interests)

    def _interests(self, fleet: Sequence[FleetDevice]) -> Interests:
        """What is wanted of all that devices have told."""
        marks = marks_of(self._commanded(), self.desired.removals, self.declaration_names, self.ledger, self.sent)
        ids = {member.device.id for member in fleet} | {device for device, _control in (*self.ledger.assigned, *self.ledger.released)}
        questions: dict[str, frozenset[str]] = {}
        for platform, bundle_ids in {(member.device.platform, apps_that_were_asked_about(self.policies, member)) for member in fleet}:
            if bundle_ids:
                _command, mark = app_question(self.settings.prefix, platform, bundle_ids)
                questions[mark] = bundle_ids
        every = frozenset(name for bundle_ids in questions.values() for name in bundle_ids)
        remembered = (*self.ledger.assigned.values(), *self.ledger.released.values())
        orders = frozenset(memory.order for memory in remembered if memory.order)
        return Interests(every, questions, marks | self._information(), self.settings.prefix + ".", frozenset(ids), orders)

    # Requirements.

    def _want(self, fleet: Sequence[FleetDevice]) -> None:
        ways = Ways(self.kmfddm is not None, self.store is not None, self.settings.web_block != NO_WEB_BLOCK)
        wanted = requirements_of(self.policies, ways)
        self.requirements = [wanted(member.device.record, member.decision) for member in fleet]
        self.desired = DesiredControls(self.policies, fleet, self.requirements, self.declaration_names, self.store).desired()
        self.sent = {control.name: self._mark_of(control) for control in (*self._unremembered(fleet, ways), *self._commanded())}

    def _mark_of(self, control: Control) -> frozenset[str]:
        return frozenset((command_mark(self.declaration_names.prefix, control.command),))

    def _unremembered(self, fleet: Sequence[FleetDevice], ways: Ways) -> list[Control]:
        """Controls by command that would be wanted if every policy were in force for everybody.

        A ledger that knows of nothing may be a lost one, and then devices' answers to these are all that tells what was sent to them.
        """
        if not self.source or self.ledger.assigned or self.ledger.released:
            return []
        in_force = [
            replace(policy, state="enforced", exemptions=(), effective=replace(policy.effective, until=None)) for policy in self.policies
        ]
        decider = Decider(in_force, self.now)
        decided = [FleetDevice(member.device, decider.decide(member.device.record)) for member in fleet]
        wanted = requirements_of(in_force, ways)
        requirements = [wanted(member.device.record, member.decision) for member in decided]
        desired = DesiredControls(in_force, decided, requirements, self.declaration_names, self.store).desired()
        return [control for control in desired.controls if control.mechanism not in DECLARED]

    def _is_ours(self, name: str) -> bool:
        return is_slug_of(self.declaration_names.slug_of_set(name), self.policy_ids)

    def _apps_of(self, name: str) -> tuple[str, ...]:
        if removed_by(name):
            apps = [app for policy in self.policies for app in policy.apps]
            return tuple({app.id for app in apps if any(each.value == removed_by(name) for each in app.identifiers)})
        return apps_of_slug(self.declaration_names.slug_of_set(name), self.policies)

    def _commanded(self) -> list[Control]:
        return [control for control in self.desired.controls if control.mechanism not in DECLARED]

    def _release_rules(self, fleet: Sequence[FleetDevice], decider: Decider) -> ReleaseRules:
        held = {device for device, name in (*self.ledger.assigned, *self.ledger.released) if self._is_ours(name)}
        absent = sorted(device for device in held if self.index.position(device) is None)
        confirmed = self.settings.accept_fleet_size == len(fleet)
        resting = policies_that_rest(decider)
        managed: Mapping[str, bool | None] = {}
        if absent and not confirmed and not self.policy_ids <= resting:
            # Only the database is asked, and only that has a bound.
            look_up = self.look_up if self.source.database is None else lambda ids: self.look_ups.managed(ids, "they lose what they have")
            managed = look_up(absent)
        return ReleaseRules(self.index, self.declaration_names, self.policy_ids, resting, managed, confirmed)

    def _declaration_plan(self) -> DeclarationPlan:
        return DeclarationPlan(
            self.state,
            [control for control in self.desired.controls if control.mechanism in DECLARED],
            self.policy_ids,
            self.index,
            self.ledger,
            self.declaration_names,
            lambda control: self.store is not None and self.store.holds(control.name, control.profile),
            self.settings.adopt,
            utc_text(self.now - PATIENCE_OF_JUDGEMENT),
            self._apps_of,
            self.rules.may_release,
            utc_text(self.now - self.settings.inventory_every),
        )

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

    def _notes(self) -> Iterator[str]:
        if not self.source:
            yield "neither webhook_log nor enrollments_sql is given, so nobody learns which apps devices have, and what became of commands"
        yield from ("the webhook log: %s" % problem for problem in self.source.problems)
        if self.respelled:
            yield "%d ids in the list are in another letter case than the server's; the server's are taken" % self.respelled
        if self.corrected:
            yield "%d devices told another serial number when they enrolled than the list has; theirs are taken" % self.corrected
        if self.doubled:
            about = len(self.doubled), ", ".join(self.doubled[:5])
            yield "%d serial numbers belong to more than one enrolment, such as %s: an exemption holds for all of them" % about
        kept = self.rules.kept_of_absent(key for key in self.ledger.assigned if self._is_ours(key[1]))
        if kept:
            yield (
                "%d devices that have controls of ours are not in the list of enrolments any more, and keep them: say `managed: false`"
                " there of those that have left, or confirm the size of the list with accept_fleet_size" % kept
            )
        yield from self.declarations.notes if self.declarations is not None else ()
        if self.kmfddm is None:
            yield "kmfddm_url is not given, so nothing is declared: profiles are sent, and nothing but their answers proves them"
        sent = [control.name for control in self._commanded()]
        if sent:
            yield (
                "%s: sent by command. A device that is locked puts it off, and a profile that was put off can still arrive after its"
                " removal was asked for; the next run that sees it asks again" % ", ".join(sent)
            )
        named = {(control.requirement, app) for control in self.desired.controls for app in control.apps}
        wanted = {
            (requirement, app.id)
            for requirements in self.requirements
            for requirement in requirements
            if requirement.mechanism == capabilities.BINARIES
            for app in requirement.apps
        }
        nameless = sorted({app for _want, app in wanted - named})
        if nameless:
            yield "on Macs nothing blocks %s: that takes both an apple_team_id and a macos_bundle_id" % ", ".join(nameless)
