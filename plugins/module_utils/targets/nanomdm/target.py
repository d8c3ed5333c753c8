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
from ...mdm.planning.capability import Capability, Support
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_draft import Step, carry_out
from ...mdm.run.known_fleet import LoneLookUps
from ...mdm.run.ledger import Ledger
from ...mdm.run.outbox import Outbox
from ...mdm.run.run_request import Target
from ...policy.asset_index import AssetIndex
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Policy
from . import capabilities
from .fleet_reader import FleetReader
from .holdings import Holdings
from .inventory import Inventory
from .names import ControlNames
from .objects import Enrollment
from .plan import NanoDraft, draft_plan
from .release_rules import ReleaseRules
from .requirements import Ways
from .resources.assignments import Assignments
from .resources.questions import bundle_ids_of
from .server_state import StateReader
from .surroundings import NO_WEB_BLOCK, NanoSettings, Servers, Surroundings

PLATFORMS = ("ios", "ipados", "tvos", "macos")


class NanoTarget(Target):
    """One NanoMDM server, with or without KMFDDM.

    Args:
        read_enrollments: gives the enrolments.
        ledger: what is remembered, for reading.
        assets: asset facts by serial number.
    """

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
        self.control_names = ControlNames(settings.prefix, policies)
        ways = Ways(servers.kmfddm is not None, servers.store is not None, settings.web_block != NO_WEB_BLOCK)
        self.inventory = Inventory(self.policies, self.control_names, self.source, ways, servers.store, now)
        self.fleet_reader = FleetReader(read_enrollments, self.source, settings.accept_fleet_size)
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
        if row.sees == "reported" and str(record.get("id")) in self.inventory.unasked:
            row = replace(row, sees="none", why_unseen="privacy_setting")
        return row

    def devices(self) -> Iterator[ManagedDevice]:
        """Every enrolment, with what the device itself has told."""
        listed = self.fleet_reader.list_enrollments()
        reports = self.inventory.of_themselves()
        remembered = (device for device, _name in (*self.ledger.assigned, *self.ledger.released, *self.ledger.asked))
        devices = self.fleet_reader.devices(listed, reports, remembered)
        # What a list of apps was asked for follows from the decision; what devices tell of themselves has to be known before that.
        decider = Decider(self.policies, self.now)
        joined = [replace(each, record=self.assets.join(each.record)) for each in devices]
        self.inventory.read([FleetDevice(each, decider.decide(each.record)) for each in joined], self.ledger)
        for each, member in zip(devices, self.inventory.fleet, strict=True):
            yield replace(each, inventory_at=self.inventory.looked_at(member))

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """What was found, of those devices and apps that may be looked at."""
        self.inventory.read(fleet, self.ledger)
        return self.inventory.findings([self.capability_of(member.device.record).sees != "none" for member in fleet])

    def remember(self, ledger: Ledger) -> None:
        """Go by what earlier runs remember, from now on."""
        self.ledger = ledger

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one, by enrolment id or by serial number."""
        return self.fleet_reader.look_up(devices, self.inventory.reports)

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none."""
        return self.inventory.doubted(device, app)

    def may_still_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours for an app may still be on a device, or may still arrive there.

        Returns:
            False where the device has told the end of all of them, or enrolled again since; None where nothing is known of any, or where
            nobody tells what devices say.
        """
        return self.holdings.may_hold(device, app) if self.source and self.holdings is not None else None

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a bundle id on a platform."""
        return bool(bundle_ids_of(self.policies, platform, [app]))

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> NanoDraft:
        """The changes, made of what the servers hold now."""
        reader = StateReader(self.servers.kmfddm, self.servers.store, self.control_names)
        state = reader.read([member.device.id for member in fleet], self.inventory.reports)
        around = Surroundings(self.servers, self.settings, self.control_names, self.ledger, self.now, fleet, self.inventory.desired, state)
        rules = ReleaseRules(around, decider, self._managed)
        assignments = Assignments(around, rules)
        reader.look_up(state, assignments.in_doubt())
        can_see = [self.capability_of(member.device.record).sees == "reported" for member in fleet]
        draft = draft_plan(assignments, rules, self.policies, can_see)
        self.around, self.holdings = around, Holdings(around)
        # Taken from what was told before this run, so what this run does is not confirmed by it.
        draft.unrecorded.extend(self.holdings.confirmations())
        self.unrecorded = draft.unrecorded
        draft.control_states.extend(self.inventory.control_states())
        draft.notes[:0] = self._notes(rules)
        return draft

    def notice_step(self, notices: tuple[Notice, ...]) -> Step:
        """What hands notices over."""
        return Step(self.outbox.hand_over, (self.ledger, utc_text(self.now), notices, self.inventory.fleet))

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""
        ledger.write(now, self.unrecorded)
        return apply_plan(plan, carry_out, self.servers.nanomdm.session.counters.progress.changed)

    def run_state(self) -> Mapping[str, Any]:
        """What only this target knows about the outcome."""
        return {}

    def _managed(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Whether devices that are not in the run are managed. Only the database is asked, and only that has a bound."""
        if self.source.database is None:
            return self.look_up(devices)
        return self.look_ups.managed(devices, "they lose what they have")

    # What is told.

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
        sent = [control.name for control in self.inventory.desired.commanded]
        if sent:
            yield (
                "%s: sent by command. A device that is locked puts it off, and a profile that was put off can still arrive after its"
                " removal was asked for; the next run that sees it asks again" % ", ".join(sent)
            )
        named = {(control.requirement, app) for control in self.inventory.desired.controls for app in control.apps}
        binaries = {each for asked in self.inventory.desired.requirements for each in asked if each.mechanism == capabilities.BINARIES}
        nameless = sorted({app.id for each in binaries for app in each.apps if (each, app.id) not in named})
        if nameless:
            yield "on Macs nothing blocks %s: that takes both an apple_team_id and a macos_bundle_id" % ", ".join(nameless)
