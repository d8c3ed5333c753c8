# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles that are put on devices, and taken off them, by command."""

from __future__ import annotations

from collections.abc import Iterable

from ....engine.plan import Change
from ....mdm.apple.commands import remove_profile
from ....mdm.planning.control_state import ControlState
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ..command_uuids import mark_of
from ..controls import Control
from ..objects import CommandResult
from ..profile_story import ProfileStory, is_sending, mark_in
from ..release_rules import ReleaseRules
from .commands import Commands, Order
from .declarations import profile_text

PROFILE = "profile"


class SentProfiles:
    """Plans which devices get and lose which profiles."""

    def __init__(self, commands: Commands, rules: ReleaseRules) -> None:
        self.around = commands.around
        self.commands = commands
        self.rules = rules
        #: What devices have told and the ledger does not remember: events for it, so that at the end it is known who has a profile.
        self.unrecorded: list[dict[str, str]] = []

    def plan(self, draft: PlanDraft) -> None:
        """Plan who gets a profile, and who loses one."""
        for control in self.around.desired.commanded:
            self._install(control, draft)
        for name, devices in sorted(self._unwanted().items()):
            self._withdraw(name, devices, draft)

    def _install(self, control: Control, draft: PlanDraft) -> None:
        mark = self.around.names.mark(control.command)
        keys: dict[str, str] = {}
        events: dict[str, dict[str, str]] = {}
        confirmed, new, refused = set[int](), set[int](), dict[int, CommandResult]()
        for index in sorted(control.devices):
            device = self.around.id(index)
            story = self.around.story(device, control.name)
            done, remembered = story.report.results.get(mark), story.assigned
            is_asked_back = story.released is not None and story.told_at(mark) <= story.released.answered
            # What it told before its removal was asked for is no proof: that may still be waiting for the device.
            if story.is_on(mark, control.profile_uuid) and not is_asked_back:
                confirmed.add(index)
                if story.memory is None:
                    about = {"device": device, "control": control.name, "enrolled": story.report.enrolled_at, "content": mark}
                    self.unrecorded.append({"event": "assigned", **about})
                continue
            if done is not None and done.is_refusal and remembered is not None and not is_sending(remembered):
                refused[index] = done
                continue
            key = self._key_of_installation(device, control, mark, story)
            if key is not None:
                keys[device], events[device] = key, self._event_of_installation(device, mark, story)
                if remembered is None or is_sending(remembered):
                    new.add(index)
        changes: tuple[str, ...] = ()
        if keys:
            text = profile_text(control.profile) + self.around.text(keys)
            step = Step(self.commands.send, (Order(control.command, keys, events),))
            reaches = self.around.positions(keys)
            change = Change("command", PROFILE, control.name, None, text, apps=control.apps, reaches=reaches, step=step)
            changes = (draft.add(Phase.COMMANDS, change),)
        draft.control_states.append(
            ControlState(
                control=control.name,
                mechanism=control.mechanism,
                apps=frozenset(control.apps),
                covers=control.devices,
                new=frozenset(new),
                changes=changes,
                confirmed=frozenset(confirmed),
                refused={index: done.reason for index, done in refused.items()},
                refusal_words={index: done.words for index, done in refused.items()},
            )
        )

    def _key_of_installation(self, device: str, control: Control, mark: str, story: ProfileStory) -> str | None:
        """What makes it another time that a profile is sent to a device; None where it is not due."""
        done, lost = story.report.results.get(mark), story.lost_at(mark, control.profile_uuid)
        key = self.commands.idempotency_key(device, control.name, mark, done)
        if not key and lost and done is not None and (story.assigned is None or done.order[0] > story.assigned.heard):
            # It has carried out what was sent, and the profile is gone again: what took it off had waited for longer.
            return "lost %s" % lost
        return key

    def _unwanted(self) -> dict[str, set[str]]:
        """Name of a profile -> devices that may have it, and must not."""
        around = self.around
        found: list[tuple[str, str]] = [*around.ledger.assigned, *around.ledger.released]
        for device, report in around.state.reports.items():
            found.extend((device, name) for name in report.profiles)
            # Nobody remembers that it was sent, and the device tells that it was.
            found.extend((device, name) for name, marks in around.desired.sent.items() if not marks.isdisjoint(report.results))
        unwanted: dict[str, set[str]] = {}
        for device, name in found:
            if around.names.is_sent(name) and around.names.is_ours(name) and not around.is_wanted(device, name):
                unwanted.setdefault(name, set()).add(device)
        return unwanted

    def _withdraw(self, name: str, devices: Iterable[str], draft: PlanDraft) -> None:
        around = self.around
        stories = {device: around.story(device, name) for device in sorted(devices) if self.rules.may_release(device, name)}
        keys = {}
        for device, story in stories.items():
            key = story.removal_key(story.released is not None and around.is_overdue(story.released))
            if key is not None:
                keys[device] = key
        for phase, word, leaving in self.rules.in_turn(keys):
            events = {device: self._event_of_removal(device, stories[device]) for device in leaving}
            order = Order(remove_profile(name), {device: keys[device] for device in leaving}, events)
            change = Change(
                "command",
                "%s %s" % (word, PROFILE),
                name,
                around.text(leaving),
                None,
                apps=around.apps_of(name),
                releases=around.positions(leaving),
                step=Step(self.commands.send, (order,)),
            )
            draft.add(phase, change)

    def _event_of_installation(self, device: str, mark: str, story: ProfileStory) -> dict[str, str]:
        results = story.report.results
        told = [each.order[0] for each in (results.get(mark), results.get(story.removal_mark)) if each is not None]
        heard = max((*told, story.report.profiles_order[0]))
        event = {"event": "assigned", "device": device, "control": story.name, "enrolled": story.report.enrolled_at, "content": mark}
        return {**event, "heard": heard} if heard else event

    def _event_of_removal(self, device: str, story: ProfileStory) -> dict[str, str]:
        sent = story.last_sent
        return {
            "event": "released",
            "device": device,
            "control": story.name,
            "enrolled": story.report.enrolled_at,
            "content": mark_of(sent.uuid) if sent is not None else mark_in(story.memory),
            "answered": max(story.report.profiles_at, story.last_sent_at),
        }
