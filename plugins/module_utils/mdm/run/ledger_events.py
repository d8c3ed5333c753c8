# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has the ledger remember: before its writes, what they are about to take and give; after them, what was seen. Pure.

What is about to be done is said before it is done: a run that is killed in between must neither leave devices that still have something
of which nobody knows, nor controls that seem to have stood for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...engine.outcomes import Outcome
from ...engine.plan import Plan
from ..planning.control_state import ControlState
from ..planning.fleet import FleetDevice
from .assess import Assessment
from .ledger import Ledger, ended_events

Event = dict[str, Any]


def events_before_writing(plan: Plan, control_states: Iterable[ControlState], fleet: Sequence[FleetDevice]) -> Iterator[Event]:
    """What a plan is about to take from devices, and what it is about to give them.

    Args:
        fleet: the devices whose positions plan and control states name.
    """
    yield from _endings(plan, fleet)
    yield from _beginnings(plan, control_states, fleet)


def _endings(plan: Plan, fleet: Sequence[FleetDevice]) -> Iterator[Event]:
    """What is taken from devices, which may have it until they are in contact again, and which controls go."""
    for change in plan.changes:
        devices = [fleet[index].device.id for index in sorted(change.releases)]
        yield from ended_events(change.name, change.apps, devices, gone=change.op == "delete")


def _beginnings(plan: Plan, control_states: Iterable[ControlState], fleet: Sequence[FleetDevice]) -> Iterator[Event]:
    """What is given to devices by name, and which controls of a target that keeps no dates are written."""
    keys = {change.key for change in plan.changes}
    for control_state in control_states:
        by_name = set() if keys.isdisjoint(control_state.changes) else set(control_state.new & control_state.named)
        if control_state.dated and control_state.confirmed is None:
            # Who comes to a control that stays as it is (a member of a group, an exception that ends) is in no date of it.
            for change in plan.changes:
                if change.op == "update" and change.name != control_state.control and not control_state.apps.isdisjoint(change.apps):
                    by_name |= change.reaches & control_state.covers
        for index in sorted(by_name):
            yield {"event": "assigned", "device": fleet[index].device.id, "control": control_state.control}
        if not control_state.dated and not keys.isdisjoint(control_state.changes):
            yield _stands(control_state.control)


def events_of_standing_controls(control_states: Iterable[ControlState], ledger: Ledger) -> Iterator[Event]:
    """Controls that the target keeps no date of and that this run has seen for the first time: they stand since now."""
    for control_state in control_states:
        if not control_state.dated and not control_state.changes and not ledger.stands_since(control_state.control):
            yield _stands(control_state.control)


def events_of_device(
    member: FleetDevice, app: str, assessment: Assessment, outcome: Outcome, ledger: Ledger, access_depends_on_compliance: bool | None
) -> Iterator[Event]:
    """What is to be remembered of a device and app after a run.

    Args:
        app: id of the app.
        assessment: what is known of both after the run.
        outcome: what became of it.
        ledger: what was remembered before.
        access_depends_on_compliance: False where nothing is tied to compliance; None where nobody can tell.
    """
    observation = assessment.observation
    device = member.device.id
    story = ledger.story(device, app)
    about = {"device": device, "app": app}
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
    if story.withdrawn and not (member.device.access_withdrawn and access_depends_on_compliance is not False):
        yield {"event": "restored", **about}


def _stands(control: str) -> Event:
    return {"event": "stands", "device": "", "control": control}
