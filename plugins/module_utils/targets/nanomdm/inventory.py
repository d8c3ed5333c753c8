# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of a fleet, and what its devices have told of that: which of the banned apps they have, and what became of commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ...mdm.apple.commands import remove_application
from ...mdm.planning.control_state import ControlState
from ...mdm.planning.fleet import FleetDevice
from ...mdm.run.assess import may_look
from ...mdm.run.ledger import Ledger
from ...policy.decide import Decider
from ...policy.model import Policy
from .capabilities import APP_LIST
from .controls import Desired, DesiredControls, removed_by
from .names import ControlNames
from .objects import DeviceReport, Interests
from .profile_store import ProfileStore
from .profile_story import mark_in
from .reports import Reports
from .requirements import Ways, requirements_of
from .resources.questions import answered_at, app_question, apps_to_ask_about, bundle_ids_of, information_question, is_spared_questions

_UNREADABLE = "source_unreadable"


class Inventory:
    """Reads what devices have told, and finds the banned apps in it.

    Args:
        source: what devices have told.
        ways: the ways to a device that there are.
        store: where profiles are hosted; None where they are not.
    """

    def __init__(
        self, policies: Sequence[Policy], names: ControlNames, source: Reports, ways: Ways, store: ProfileStore | None, now: datetime
    ) -> None:
        self.policies = policies
        self.names = names
        self.source = source
        self.ways = ways
        self.store = store
        self.now = now
        self.fleet: Sequence[FleetDevice] = ()
        self.desired = Desired()
        self.reports: Mapping[str, DeviceReport] = {}
        #: Devices that are asked nothing.
        self.unasked: frozenset[str] = frozenset()
        self._platforms: Mapping[str, str] = {}
        self._interests: Interests | None = None

    def of_themselves(self) -> Mapping[str, DeviceReport]:
        """What devices have told of themselves, which has to be known before it is known what is wanted of them."""
        return self.source.read(Interests(marks=self._information(), profile_prefix=self.names.prefix + "."))

    def read(self, fleet: Sequence[FleetDevice], ledger: Ledger) -> None:
        """Find out what is wanted of a fleet, and read what its devices have told of that, unless it has been read."""
        self.fleet = fleet
        self.unasked = frozenset(member.device.id for member in fleet if is_spared_questions(member))
        self._platforms = {member.device.id: member.device.platform for member in fleet}
        desired = self._desired(self.policies, fleet)
        self.desired = replace(desired, sent={**self._sent_before(fleet, ledger), **desired.sent})
        interests = self._interests_in(fleet, ledger)
        if interests != self._interests:
            self._interests, self.reports = interests, self.source.read(interests)

    def looked_at(self, member: FleetDevice) -> str:
        """When a device told of the apps that may be looked at on it, of the one with the oldest word; empty where it told of none."""
        report = self.reports.get(member.device.id) or DeviceReport()
        names = apps_to_ask_about(self.policies, member, before=True)
        told = [max(report.asked.get(name, ""), report.apps[name].at if name in report.apps else "") for name in names]
        return min(filter(None, told), default="")

    def findings(self, visible: Sequence[bool]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """What was found, of the apps that may be looked at. visible: per device, whether its answer tells anything."""
        found: dict[tuple[str, str], Sequence[Mapping[str, str]]] = {}
        for member, is_visible in zip(self.fleet, visible, strict=True):
            report = self.reports.get(member.device.id)
            if report is None or not report.apps or not is_visible:
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

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none.

        A list of apps with a row without an id may show the very app that was asked for.
        """
        report = self.reports.get(device)
        if report is None or not report.unreadable:
            return ""
        asked = bundle_ids_of(self.policies, self._platforms.get(device, ""), [app])
        return _UNREADABLE if report.unreadable & asked else ""

    def control_states(self) -> Iterator[ControlState]:
        """For each app, who has told whether it has it; how long ago is told by the devices themselves."""
        for app in sorted({app.id for policy in self.policies for app in (*policy.apps, *policy.review)}):
            told = set()
            for index, member in enumerate(self.fleet):
                report = self.reports.get(member.device.id)
                names = bundle_ids_of(self.policies, member.device.platform, [app])
                if report is not None and names and answered_at(report, names):
                    told.add(index)
            yield ControlState(
                control="InstalledApplicationList",
                mechanism=APP_LIST,
                apps=frozenset((app,)),
                covers=frozenset(range(len(self.fleet))),
                confirmed=frozenset(told),
            )

    def _desired(self, policies: Sequence[Policy], fleet: Sequence[FleetDevice]) -> Desired:
        wanted = requirements_of(policies, self.ways)
        requirements = [wanted(member.device.record, member.decision) for member in fleet]
        return DesiredControls(policies, fleet, requirements, self.names, self.store).all()

    def _sent_before(self, fleet: Sequence[FleetDevice], ledger: Ledger) -> Mapping[str, frozenset[str]]:
        """Name -> marks of the controls by command that would be wanted if every policy were in force for everybody.

        A ledger that knows of nothing may be a lost one, and then devices' answers to these are all that tells what was sent to them.
        """
        if not self.source or ledger.assigned or ledger.released:
            return {}
        in_force = [
            replace(policy, state="enforced", exemptions=(), effective=replace(policy.effective, until=None)) for policy in self.policies
        ]
        decider = Decider(in_force, self.now)
        return self._desired(in_force, [FleetDevice(each.device, decider.decide(each.device.record)) for each in fleet]).sent

    def _interests_in(self, fleet: Sequence[FleetDevice], ledger: Ledger) -> Interests:
        """What is wanted of all that devices have told."""
        remembered = [*ledger.assigned.items(), *ledger.released.items()]
        questions: dict[str, frozenset[str]] = {}
        for platform, bundle_ids in {(each.device.platform, apps_to_ask_about(self.policies, each, before=True)) for each in fleet}:
            if bundle_ids:
                questions[app_question(self.names.prefix, platform, bundle_ids)[1]] = bundle_ids
        return Interests(
            frozenset().union(*questions.values()),
            questions,
            self._marks(ledger) | self._information(),
            self.names.prefix + ".",
            frozenset(member.device.id for member in fleet).union(device for (device, _control), _memory in remembered),
            frozenset(memory.order for _key, memory in remembered if memory.order),
        )

    def _marks(self, ledger: Ledger) -> frozenset[str]:
        """Marks of all commands whose answers are of interest."""
        names = self.names
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
        return frozenset((information_question(self.names.prefix)[1],))
