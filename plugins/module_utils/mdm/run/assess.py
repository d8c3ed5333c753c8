# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of one device and app after a run: capability, findings, controls and memory put together for the judge. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Callable, Mapping, Sequence

from ...engine.outcomes import Observation
from ...engine.plan import Change, Plan
from ...policy.instants import read_now
from ...policy.model import AppDecision
from ..planning.capability import ACTIONS_WITH_SUPPORT, Capability, CapabilityOf, Support
from ..planning.control_state import ControlState, ControlStates
from ..planning.fleet import FleetDevice
from ..planning.notices import stage_name
from .ledger import Ledger, Story

#: Verdicts under which the app is looked for; under all others nothing of it is kept.
LOOKED_FOR = ("enforce", "report_only", "pending", "review")
#: How long a removal that may have no effect is called requested, after the device had it: an inventory is at most a week old.
PATIENCE = timedelta(days=8)


def undoubted(_device: str, _app: str) -> str:
    """What is said of every device and app where nothing is doubted."""
    return ""


@dataclass(frozen=True)
class RunState:
    """A run's state after its writes (in check mode: after its reads).

    Args:
        findings: (device id, app id) -> what was found.
        reporting: platform -> mechanism that makes devices report an app.
        findable: app id, platform, how the inventory sees -> whether the app has a name that it could be found by.
        failed: keys of changes that were planned and not made, because they failed or what they need did.
        pending: keys of changes that were planned and must not be made in this run (check mode, limits).
        to_notify: positions of the devices that a notice is planned for.
        access_depends_on_compliance: whether anything takes access from a device that is not compliant; None where nobody asked.
        site_blocks: app id, device record -> empty where the site's block stands, otherwise the reason why it doesn't; for targets
            that block sites elsewhere than on the device. None where the device's own mechanisms do.
        doubted: device id, app id -> the reason for which what the target's sources say of them can't be believed; empty for none.
        previous: (device, app) -> instant of the look in which the app was last there.
        previous_now: instant of the last run, by which that look was; empty where that is not known.
        plan: what was planned.
        left_out: changes that had to wait for others which nobody may make now; their keys are among the failed ones.
        failed_on: key of a failed change -> positions of the devices on which it failed; None where it failed as a whole.
        may_still_hold: device id, app id -> whether a control of ours may still be on the device, for targets whose devices say so; None
            where they don't, so that their contact has to do.
        stale_after: age of the look from which "not found" says nothing.
    """

    control_states: ControlStates
    capability_of: CapabilityOf
    findings: Mapping[tuple[str, str], Sequence[Mapping[str, str]]]
    reporting: Mapping[str, str]
    findable: Callable[[str, str, str], bool]
    ledger: Ledger
    now: datetime
    failed: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    to_notify: frozenset[int] = frozenset()
    access_depends_on_compliance: bool | None = None
    site_blocks: Callable[[str, Mapping[str, Any]], str] | None = None
    doubted: Callable[[str, str], str] = undoubted
    previous: Mapping[tuple[str, str], str] = field(default_factory=dict)
    previous_now: str = ""
    plan: Plan = field(default_factory=Plan)
    left_out: tuple[Change, ...] = ()
    failed_on: Mapping[str, frozenset[int] | None] = field(default_factory=dict)
    may_still_hold: Callable[[str, str], bool | None] | None = None
    stale_after: timedelta = timedelta(days=30)
    stopped: bool = False


@dataclass(frozen=True)
class Assessment:
    """What is known of one device and app: the observation for the judge, and what the row tells besides."""

    observation: Observation
    mechanism: tuple[str, ...] = ()
    seen_at: str | None = None
    requested_at: str | None = None
    findings: tuple[Mapping[str, str], ...] = ()
    words: str = ""
    last_seen_at: str | None = None


def is_doubted(app: AppDecision) -> bool:
    """Whether one of the policies may or may not be about the device, and none enforces or exempts."""
    return app.verdict in LOOKED_FOR and app.verdict != "enforce" and any(each.verdict == "unclassified" for each in app.policies)


def may_look(app: AppDecision) -> bool:
    """Whether anything about the app may be kept of this device."""
    return app.verdict in LOOKED_FOR and not is_doubted(app)


class Assessor:
    """Assesses every device of a fleet. names: mechanism -> what a reader calls it."""

    def __init__(self, run_state: RunState, names: Mapping[str, str]) -> None:
        self.run_state = run_state
        self.names = names
        #: A look before this instant proves no absence.
        self.stale_before = _utc(run_state.now - run_state.stale_after)
        self._reaching_changes = tuple(change for change in run_state.plan.changes if change.reaches and change.apps)
        self._failed_changes = tuple(
            change for change in (*run_state.plan.changes, *run_state.left_out) if change.key in run_state.failed
        )

    def assess(self, index: int, device: FleetDevice, app: AppDecision) -> Assessment:
        """What is known of one device and app."""
        run = self.run_state
        if not may_look(app):
            error = "error" if self._struck(index, app.app, released=True) else ""
            return Assessment(Observation(error=error, still_held=not error and self._may_still_hold(index, device, app.app)))
        row = run.capability_of(device.device.record)
        story = run.ledger.story(device.device.id, app.app)
        findings = tuple(run.findings.get((device.device.id, app.app), ()))
        before, why_not_seen = self._before(index, device, app, row, bool(findings))
        facts: dict[str, Any] = {
            "before": before,
            "after": before,
            "why_not_seen": why_not_seen,
            "stale": self._is_stale(device),
            "removed_earlier": story.removals > 0,
        }
        used: list[ControlState] = []
        requested_at = None
        if app.verdict != "enforce":
            # A ban that began, and whose beginning was put off, or that is only proposed now.
            facts["error"] = "error" if self._struck(index, app.app, released=True) else ""
            facts["still_held"] = not facts["error"] and app.verdict != "review" and self._may_still_hold(index, device, app.app)
        else:
            requested_at = self._enforcement(index, device, app, row, story, facts, used)
        mechanism = tuple("%s: %s" % (self.names[each.mechanism], each.control) for each in used if not self._missing(each))
        return Assessment(
            Observation(**facts),
            mechanism=tuple(dict.fromkeys(mechanism)),
            seen_at=device.device.looked_at or None if before is not None else None,
            requested_at=requested_at,
            findings=findings,
            words=self._words(index, used),
            # Handed on until a look shows that it is gone.
            last_seen_at=run.previous.get((device.device.id, app.app)) if before is None or (facts["stale"] and not before) else None,
        )

    def presence(self, index: int, device: FleetDevice, app: AppDecision) -> bool | None:
        """Whether the app is on a device; None where nobody can tell, and where what is known is too old."""
        row = self.run_state.capability_of(device.device.record)
        found = (device.device.id, app.app) in self.run_state.findings
        before, _reason = self._before(index, device, app, row, found)
        return None if before is False and self._is_stale(device) else before

    # Seeing.

    def _before(self, index: int, device: FleetDevice, app: AppDecision, row: Capability, found: bool) -> tuple[bool | None, str]:
        run = self.run_state
        if found:
            return True, ""
        if row.sees == "none":
            return None, row.why_unseen
        if not run.findable(app.app, device.device.platform, row.sees):
            return None, "no_identifier"
        doubt = run.doubted(device.device.id, app.app) or self._contradiction(device, app)
        if doubt:
            return None, doubt
        if row.sees == "all":
            return False, ""
        report = run.control_states.reaching(index, run.reporting.get(device.device.platform, ""), app.app)
        if report is None:
            return None, row.why_unseen
        if self._missing(report) or not self._has_reached(index, device, report):
            return None, "awaiting_check_in"
        return False, ""

    def _contradiction(self, device: FleetDevice, app: AppDecision) -> str:
        """Why a source that does not show the app any more can't be believed: it has shown it, and the device has told nothing since.

        So a removal is confirmed only by a look that is newer than the order.
        """
        run = self.run_state
        key = (device.device.id, app.app)
        story = run.ledger.story(*key)
        if not story.present:
            return ""
        # Where a look is only known to lie between two instants, one that may be of after the last run is a newer one.
        same_look = run.previous.get(key, "") >= device.device.looked_at
        same_look = same_look and not (run.previous_now and device.device.looked_by > run.previous_now)
        return "source_contradicts" if same_look or story.requested_at >= device.device.looked_by else ""

    def _is_stale(self, device: FleetDevice) -> bool:
        # Instants in UTC of one form: their order is that of their texts, and a fleet has many. No look at all is the empty text.
        return device.device.looked_at < self.stale_before

    # Enforcing.

    def _enforcement(
        self,
        index: int,
        device: FleetDevice,
        app: AppDecision,
        row: Capability,
        story: Story,
        facts: dict[str, Any],
        used: list[ControlState],
    ) -> str | None:
        """Fill in what is done about the app; the instant of a request that is not proved yet."""
        run = self.run_state
        requested_at: str | None = None
        demanded = [action for action in ACTIONS_WITH_SUPPORT if action in app.actions]
        reasons = {action: self._why_not(index, device, app.app, action, row.support(action)) for action in demanded}
        if app.domains and reasons.get("block_web") == "no_identifier":
            # An exemption leaves every site of the app open here, so there is nothing to block.
            reasons["block_web"] = ""
        reaching = {action: self._reaching(index, app.app, row.support(action)) for action in demanded}
        for action, control_state in reaching.items():
            # What stands in the way of a control on some devices does so where the app is there in spite of it.
            if action != "remove" and control_state is not None and control_state.obstacle and (control_state.prevented or facts["before"]):
                reasons[action] = reasons[action] or control_state.obstacle
            if action != "remove" and control_state is not None and index in control_state.refused:
                reasons[action] = reasons[action] or control_state.refused[index]
        used.extend(control_state for control_state in reaching.values() if control_state is not None)
        report = run.control_states.reaching(index, run.reporting.get(device.device.platform, ""), app.app)
        needed = [*used, *([report] if report is not None else [])]
        if "remove" in reasons:
            requested_at = self._removal(index, device, row.remove, reaching["remove"], reasons["remove"], story, facts)
        if facts["before"] is False and story.present and story.requested_at:
            # A look that is newer than the order, or _contradiction would have said so.
            facts["removal"] = "confirmed"
        if "block" in reasons:
            facts["why_not_blocked"] = reasons["block"]
            facts["block"] = "none" if reasons["block"] else "soft"
        if "block_web" in reasons:
            facts["why_site_open"] = reasons["block_web"]
        if "withdraw_access" in reasons:
            self._withdrawal(device, reaching["withdraw_access"], reasons["withdraw_access"], facts)
        facts["access_restored"] = story.withdrawn and facts["before"] is False and not device.device.access_withdrawn
        noticed = self._noticed(device, app)
        if "advise" in reasons:
            facts["advised"] = bool(noticed)
            requested_at = requested_at or noticed or None
        facts["unsupported"] = tuple(action for action in demanded if action != "block_web" and not row.support(action).mechanisms)
        facts["no_means"] = self._no_means(reasons)
        facts["unconfirmed"] = any(not self._has_reached(index, device, control_state) for control_state in used)
        facts["pending"] = index in run.to_notify or any(self._is_pending(index, control_state) for control_state in needed)
        if any(self._is_failed(index, app.app, control_state) for control_state in needed) or self._struck(index, app.app):
            facts["error"] = "error"
        elif run.stopped and facts["pending"]:
            facts["error"] = "limit_exceeded"
        return requested_at

    def _removal(
        self,
        index: int,
        device: FleetDevice,
        support: Support,
        control_state: ControlState | None,
        why_not: str,
        story: Story,
        facts: dict[str, Any],
    ) -> str | None:
        run = self.run_state
        if why_not or control_state is None:
            # What can't take off what a person installed, and has nothing of its own there.
            facts["why_not_removed"] = why_not or "user_installed"
            return None
        if control_state.obstacle or index in control_state.refused:
            facts["why_not_removed"] = control_state.refused.get(index, control_state.obstacle)
            return None
        since = story.requested_at
        if not support.certain and since and run.now - read_now(since) > PATIENCE and self._has_reached(index, device, control_state):
            facts["why_not_removed"] = "user_installed"
            return None
        if not since and (
            control_state.changes and (self._missing(control_state) or (index in control_state.new and self._waits(control_state)))
        ):
            # Nothing was sent: check mode, a stopped run, a change that failed.
            return None
        facts["removal"] = "requested"
        return (since or _utc(run.now)) if facts["before"] else None

    def _withdrawal(self, device: FleetDevice, control_state: ControlState | None, why_not: str, facts: dict[str, Any]) -> None:
        run = self.run_state
        if not why_not and run.access_depends_on_compliance is False:
            why_not = "no_conditional_access"
        facts["why_not_withdrawn"] = why_not
        standing = control_state is not None and bool(self._changed_at(control_state)) and not self._missing(control_state)
        facts["access_withdrawn"] = bool(not why_not and standing and facts["before"] and device.device.access_withdrawn)

    def _no_means(self, reasons: Mapping[str, str]) -> str:
        if not reasons or any(not reason for reason in reasons.values()):
            return ""
        strongest = ("block", "remove", "withdraw_access", "block_web", "advise")
        return next(reasons[action] for action in strongest if action in reasons)

    def _why_not(self, index: int, device: FleetDevice, app: str, action: str, support: Support) -> str:
        """The reason why a demanded action is not carried out on a device; empty where it is."""
        run = self.run_state
        if action == "block_web" and run.site_blocks is not None:
            return run.site_blocks(app, device.device.record)
        if support.why_not:
            return support.why_not
        if action == "advise" or self._reaching(index, app, support) is not None:
            return ""
        if any(run.control_states.is_unnamed(index, mechanism, app) for mechanism in support.mechanisms):
            return "not_registered"
        return "" if not support.certain else "no_identifier"

    def _reaching(self, index: int, app: str, support: Support) -> ControlState | None:
        found = (self.run_state.control_states.reaching(index, mechanism, app) for mechanism in support.mechanisms)
        return next((control_state for control_state in found if control_state is not None), None)

    def _noticed(self, device: FleetDevice, app: AppDecision) -> str:
        run = self.run_state
        stages = [stage_name(verdict) for verdict in app.policies if "advise" in verdict.actions]
        return max((run.ledger.noticed_at(device.device.id, stage, app.app) for stage in stages), default="")

    # What became of changes, device by device.

    def _struck(self, index: int, app: str, released: bool = False) -> bool:
        """Whether a change that was not made would have reached the device for an app; released: or would have released it."""
        return any(
            index in (change.releases if released else change.reaches) and self._failed_there(index, change.key)
            for change in self._failed_changes
            if not change.apps or app in change.apps
        )

    def _failed_there(self, index: int, key: str) -> bool:
        devices = self.run_state.failed_on.get(key)
        return devices is None or index in devices

    def _is_failed(self, index: int, app: str, control_state: ControlState) -> bool:
        """Whether a control is not as it is wanted on this device, because a change was not made."""
        keys = set(control_state.changes) & self.run_state.failed
        if not keys:
            return False
        told = [change for change in self._failed_changes if change.key in keys and (change.reaches or change.releases)]
        # A change that says whom it reaches concerns nobody else; what it needs (a group, a filter) fails together with it.
        return not told or any(index in change.reaches and self._failed_there(index, change.key) for change in told)

    def _may_still_hold(self, index: int, device: FleetDevice, app: str) -> bool:
        """Whether a control of ours may still be on a device on which nothing is demanded of an app."""
        run = self.run_state
        if any(index in change.releases for change in run.plan.changes if not change.apps or app in change.apps):
            # It is taken off in this run, or is to be: the device hears of it at its next contact.
            return True
        told = run.may_still_hold(device.device.id, app) if run.may_still_hold else None
        if told is not None:
            return told
        ended = run.ledger.last_ended(device.device.id, app)
        return bool(ended) and device.device.synced_at <= ended and device.device.enrolled_at <= ended

    def _words(self, index: int, used: Sequence[ControlState]) -> str:
        return next((each.refusal_words[index] for each in used if index in each.refusal_words), "")

    # Controls.

    def _waits(self, control_state: ControlState) -> bool:
        return bool(set(control_state.changes) & (self.run_state.failed | self.run_state.pending))

    def _missing(self, control_state: ControlState) -> bool:
        """Whether a control is not there as it is wanted: not made in this run, or not yet."""
        return bool(set(control_state.changes) & (self.run_state.failed | self.run_state.pending)) and not self._changed_at(control_state)

    def _changed_at(self, control_state: ControlState) -> str:
        return control_state.changed_at if control_state.dated else self.run_state.ledger.stands_since(control_state.control)

    def _is_pending(self, index: int, control_state: ControlState) -> bool:
        return index in control_state.new and bool(set(control_state.changes) & self.run_state.pending)

    def _has_reached(self, index: int, device: FleetDevice, control_state: ControlState) -> bool:
        """Whether the device says that the control is in force; where devices don't, whether it has been in contact since the control was
        last changed, or assigned to it by name, and since it enrolled."""
        if control_state.confirmed is not None:
            return index in control_state.confirmed and not (control_state.changes and index in control_state.new)
        if any(index in change.reaches and not control_state.apps.isdisjoint(change.apps) for change in self._reaching_changes):
            # What this run brings, or would bring, the device can't have heard of.
            return False
        synced_at = device.device.synced_at
        changed_at = self._changed_at(control_state)
        if not synced_at or not changed_at or control_state.changes:
            return False
        assigned_at = self.run_state.ledger.assigned_at(device.device.id, control_state.control)
        return synced_at > max(changed_at, assigned_at, device.device.enrolled_at)


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
