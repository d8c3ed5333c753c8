# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jamf Pro as a target of a run: reads, plan and writes put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...engine.apply import Applied
from ...engine.plan import Plan
from ...mdm.apple.enforcement import os_version_tuple
from ...mdm.planning.capability import Capability, Support
from ...mdm.planning.effects import Dropped
from ...mdm.planning.fleet import FleetDevice, ManagedDevice
from ...mdm.planning.grouped_controls import GroupedControls
from ...mdm.planning.keep import StandingControl
from ...mdm.planning.kept import NOTHING_KEPT, Kept
from ...mdm.planning.kept_controls import desired_with_kept
from ...mdm.planning.native_scope import NativeScope
from ...mdm.planning.plan_draft import PlanDraft
from ...mdm.planning.requirements import Requirement
from ...mdm.run.ledger import Ledger, ended_events
from ...mdm.run.outbox import Outbox
from ...mdm.run.outbox_target import OutboxTarget
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Policy
from . import capabilities
from .api.jamf import Jamf
from .controls import Control, JamfControls
from .fleet_reader import FleetReader
from .look_ups import LookUps
from .objects import MACOS, MOBILE
from .owned_names import is_tagged_for
from .plan import JamfDraft, draft_plan, standing_controls
from .process_names import process_names, refuse_protected
from .reader import StateReader
from .remembered import events_of_objects, forgotten, unseen_objects
from .requirements import MOBILE_PLATFORMS, requirements_of
from .resources.report_groups import ReportReader, Reports, finding_of
from .resources.surroundings import Surroundings
from .server_state import ServerState

PROFILE, NO_WEB_BLOCK = "profile", "none"
INVENTORY, GROUPS = "inventory", "groups"
#: Version from which Apple calls the restriction that hides apps deprecated.
_DEPRECATED_FROM = (27,)
#: How often a server that asks for changes is read once more at most.
_READINGS = 3


@dataclass(frozen=True)
class JamfSettings:
    """What a user can choose of the target.

    Args:
        prefix: how names begin.
        adopt: take over a profile that has the name of one of ours and no marker.
        web_block: ``profile`` or ``none``.
        findings: ``inventory`` or ``groups``.
    """

    prefix: str = "BAN"
    adopt: bool = False
    web_block: str = PROFILE
    findings: str = INVENTORY


class JamfTarget(OutboxTarget):
    """One server.

    Args:
        outbox: where notices go, because the server has no message to a user.

    Raises:
        AppbanError: for a policy that would end what a Mac can't do without.
    """

    names: Mapping[str, str] = capabilities.NAMES

    def __init__(self, jamf: Jamf, policies: Sequence[Policy], settings: JamfSettings, outbox: Outbox) -> None:
        refuse_protected(policies)
        self.by_groups = settings.findings == GROUPS
        self.inventory = FleetReader(jamf, policies, with_apps=not self.by_groups)
        super().__init__(policies, outbox, jamf.counters, self.inventory.found)
        self.jamf = jamf
        self.settings = settings
        self.reporting: Mapping[str, str] = dict.fromkeys((*MOBILE_PLATFORMS, "macos"), capabilities.REPORT) if self.by_groups else {}
        self.report_reader = ReportReader(jamf, self.policies, settings.prefix)
        self.reports = Reports()
        self.reader = StateReader(jamf, settings.prefix, self.policy_ids)
        self.state = ServerState()
        self.requirements: Sequence[frozenset[Requirement]] = ()
        self.kept = NOTHING_KEPT
        #: Ids of mobile devices that are not managed any more.
        self.left: frozenset[str] = frozenset()
        self.dropped: Mapping[str, Dropped] = {}
        self.dropping: Sequence[tuple[Dropped, frozenset[str]]] = ()
        self.desired: Sequence[Control] = ()
        #: Of profiles and records that earlier runs made and that no reading shows: name -> devices that may still have them.
        self.unseen: Mapping[str, frozenset[str]] = {}

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the capability table, with what the user has chosen and the server collects."""
        row = capabilities.capability_of(record)
        if self.settings.web_block == NO_WEB_BLOCK and row.block_web.mechanisms:
            row = replace(row, block_web=Support(why_not="no_backend"))
        if row.sees == "all" and str(record.get("id")) in self.inventory.blind:
            return replace(row, sees="none", why_unseen="privacy_setting")
        if row.sees == "all" and self.by_groups:
            return replace(row, sees="reported", why_unseen="awaiting_check_in")
        return row

    def devices(self) -> Iterator[ManagedDevice]:
        """Every device of the server."""
        return self.inventory.devices()

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """What was found, of those devices and apps that may be looked at."""
        if not self.by_groups:
            return super().findings(fleet)
        self.reports = self.report_reader.read(self.report_reader.wanted(fleet))
        self.reports.doubt(fleet, self.look_ups)
        found = list(self.reports.devices(fleet))
        devices = {member.device.id: member.device for member in fleet}
        stand = all(self.reports.members(each) is not None for each in self.reports.wanted)
        # Before the groups are there, nothing is known, and nothing speaks against the server either.
        self.inventory.tell_what_is_shown([devices[device] for device, _app in found] if stand else devices.values())
        return {(device, app): [finding_of(app)] for device, app in found}

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one."""
        return LookUps(self.jamf).managed(devices)

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none."""
        if self.by_groups:
            return self.reports.doubted(device, app)
        return super().doubted(device, app)

    def may_still_hold(self, device: str, app: str) -> bool | None:
        """Whether a control of ours may still be on a device; None: its contact says so."""
        if any(app in each.apps and device in devices for each, devices in self.dropping):
            return True
        if any(device in devices for devices in self.unseen.values()):
            return True
        # A phone that has left the management has lost all that came with it.
        return False if device in self.left else None

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        return self.inventory.knows(app, platform)

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
        """The changes, made of what the server holds now."""
        self.fleet = fleet
        self.left = frozenset(
            member.device.id
            for member in fleet
            if member.device.platform in MOBILE_PLATFORMS and member.device.record.get("enrollment") == "none"
        )
        now = self.now = utc_text(decider.moment)
        wanted = requirements_of(self.policies, self.settings.web_block != NO_WEB_BLOCK)
        native_scopes = (
            NativeScope(self.policies, decider, wanted, MOBILE_PLATFORMS, {"supervised": True, "enrollment": "device"}),
            NativeScope(self.policies, decider, wanted, ("macos",), {"enrollment": "device"}),
        )

        def controls(requirements: Sequence[frozenset[Requirement]], kept: Kept) -> JamfControls:
            self.requirements = requirements
            return JamfControls(self.policies, fleet, requirements, native_scopes, self.settings.prefix, kept)

        def standing(plain: GroupedControls[Control], wanted_plainly: Sequence[Control]) -> list[StandingControl]:
            self._settle(fleet, wanted_plainly, now)
            return standing_controls(Surroundings(self.jamf, self.state, fleet, self.policies, now), plain, decider, wanted)

        desired, self.kept = desired_with_kept(fleet, decider, wanted, controls, standing, self.look_ups.managed)
        if self.kept:
            self._settle(fleet, desired, now)
        self.desired = desired
        self.unseen = self._devices_of_unseen(fleet, desired)
        if not desired and not self.by_groups:
            # Groups of a former way to find apps go with the rest.
            self.reports = self.report_reader.read([])
        draft = self._draft(fleet, desired, now, self.reports)
        self.dropped = draft.dropped
        self.dropping = [(each, frozenset(fleet[index].device.id for index in each.devices)) for each in draft.dropped.values()]
        draft.control_states.extend(self.reports.control_states())
        draft.notes[:0] = self._notes(fleet)
        return draft

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        applied = super().apply(plan, ledger, now)
        for change in applied.done:
            each = self.dropped.get(change.key)
            if each is not None:
                devices = [self.fleet[index].device.id for index in sorted(each.devices)]
                ledger.write(now, ended_events("%s: %s" % (each.control, ", ".join(each.apps)), each.apps, devices))
        done = frozenset(change.name for change in applied.done)
        ledger.write(now, events_of_objects(ledger, self.state, self.desired, plan, done))
        for name, unseen in self.unseen.items():
            # Whoever has deleted it, or whichever node lags: since now nothing of it is expected, and devices hear of that at a contact.
            ledger.write(now, [*ended_events(name, (), sorted(unseen)), forgotten(name)])
        return applied

    def _draft(self, fleet: Sequence[FleetDevice], desired: Sequence[Control], now: str, reports: Reports | None = None) -> JamfDraft:
        return draft_plan(Surroundings(self.jamf, self.state, fleet, self.policies, now), desired, self.settings.adopt, reports)

    def _settle(self, fleet: Sequence[FleetDevice], desired: Sequence[Control], now: str) -> None:
        """Read what the server holds; once more where it asks for changes, until two readings agree.

        The nodes of a cluster don't know at once what was written to another one, and this run may be on another than the last.
        """
        self.state = self.reader.read(desired)
        for _again in range(_READINGS):
            unseen = self._unseen(self.state, desired)
            if not unseen and not self._draft(fleet, desired, now).changes:
                break
            before, self.state = self.state, self.reader.read(desired)
            if before == self.state and not unseen:
                break

    def _unseen(self, state: ServerState, desired: Sequence[Control]) -> dict[str, str]:
        def is_ours(name: str) -> bool:
            return self.reader.may_be_ours(name) or is_tagged_for(name, self.policy_ids)

        return unseen_objects(self.ledger, state, desired, is_ours)

    def _devices_of_unseen(self, fleet: Sequence[FleetDevice], desired: Sequence[Control]) -> dict[str, frozenset[str]]:
        """Controls that the server doesn't show although earlier runs made them, with the devices of their kind."""
        devices: dict[str, set[str]] = {MOBILE: set(), MACOS: set()}
        for member in fleet:
            if member.device.platform in (*MOBILE_PLATFORMS, "macos"):
                devices[MACOS if member.device.platform == "macos" else MOBILE].add(member.device.id)
        every = devices[MOBILE] | devices[MACOS]
        return {name: frozenset(devices.get(family, every)) for name, family in self._unseen(self.state, desired).items()}

    def _notes(self, fleet: Sequence[FleetDevice]) -> Iterator[str]:
        yield from self.inventory.notes()
        yield from self.kept.notes()
        for name in sorted(self.unseen):
            yield (
                "%s was made by an earlier run, and the server doesn't show it: somebody has deleted it, or the node that answers lags. "
                "Run again: until devices have been in contact nothing is called lifted" % name
            )
        for _family, name in sorted(self.reports.foreign):
            yield "the group %s is somebody else's, so nothing tells who has the app: rename it, or choose another name_prefix" % name
        wanted = {requirement.mechanism for requirements in self.requirements for requirement in requirements}
        if capabilities.IOS_BLOCK in wanted:
            new = sum(
                member.device.platform in MOBILE_PLATFORMS
                and (os_version_tuple(member.device.record.get("os_version")) or ()) >= _DEPRECATED_FROM
                for member in fleet
            )
            if new:
                yield (
                    "%d device%s version 27 or later, in which Apple calls the list of blocked apps of a profile deprecated: it still"
                    " works there, and this server has no other way to us" % (new, " has" if new == 1 else "s have")
                )
        apps = {
            app
            for requirements in self.requirements
            for requirement in requirements
            if requirement.mechanism in (capabilities.MACOS_KILL, capabilities.MACOS_DELETE)
            for app in requirement.apps
        }
        nameless = sorted({app.id for app in apps if not process_names(self.policies, app)})
        if any(process_names(self.policies, app) for app in apps):
            yield "restricted software needs the Jamf agent on the Mac, and no inventory says whether it runs"
        if nameless:
            yield (
                "on Macs nothing blocks %s: it has no exact display_name that is sure enough to go by as the name of a process"
                % ", ".join(nameless)
            )
