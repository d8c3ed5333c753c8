# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps that are taken off devices by command, where devices tell that they have them."""

from __future__ import annotations

from collections.abc import Sequence

from ....engine.plan import Change
from ....mdm.apple.commands import remove_application
from ....mdm.apple.enforcement import why_no_block
from ....mdm.planning.control_state import ControlState
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ..capabilities import REMOVE
from ..controls import Removal, removal_name
from ..objects import CommandResult
from ..profile_story import is_sending
from .commands import Commands, Order

_KIND = "removal"
#: What removals are called in the evidence.
_CONTROL = "RemoveApplication"


class Removals:
    """Plans the removals of apps."""

    def __init__(self, commands: Commands) -> None:
        self.around = commands.around
        self.commands = commands
        #: By bundle id: the removals that are due, each with the devices' idempotency keys.
        self._due: dict[str, list[tuple[Removal, dict[str, str]]]] = {}

    def plan(self, draft: PlanDraft) -> None:
        """Plan what is sent to whom. One command for all that have an app, though they may be under other policies, or know it as another
        app of the policies."""
        for removal in self.around.desired.removals:
            self._look(removal, draft)
        for bundle_id, parts in self._due.items():
            self._send(bundle_id, parts, draft)

    def _look(self, removal: Removal, draft: PlanDraft) -> None:
        """See on which devices the app is, and which of them are to be sent its removal now."""
        confirmed, new, words = set(removal.devices), set[int](), dict[int, str]()
        # Where nothing blocks the app either, why that is tells a reader more.
        refused = {index: self._why_no_block(index) or "no_identifier" for index in removal.devices - removal.named}
        changes = []
        for bundle_id, command in sorted(removal.commands.items()):
            mark, control = self.around.names.mark(command), removal_name(bundle_id)
            keys: dict[str, str] = {}
            for index in sorted(removal.named):
                device = self.around.id(index)
                report = self.around.report(device)
                if bundle_id not in report.apps:
                    continue
                done, time = report.results.get(mark), self._time(device, removal)
                remembered = self.around.assigned(device, control)
                if done is not None and done.is_refusal and remembered is not None and remembered.content == time:
                    refused[index], words[index] = self._why_no_block(index) or "user_installed", done.words
                    continue
                confirmed.discard(index)
                key = self.commands.idempotency_key(device, control, time, done)
                if key is not None:
                    keys[device] = key if is_sending(remembered) else "%s %s" % (time, key)
                    if remembered is None or is_sending(remembered):
                        new.add(index)
            if keys:
                self._due.setdefault(bundle_id, []).append((removal, keys))
                changes.append("%s:%s" % (_KIND, bundle_id))
        draft.control_states.append(
            ControlState(
                control=_CONTROL,
                mechanism=REMOVE,
                apps=frozenset(removal.requirement.app_ids),
                covers=removal.devices,
                new=frozenset(new),
                changes=tuple(changes),
                confirmed=frozenset(confirmed),
                refused=refused,
                refusal_words=words,
            )
        )

    def _send(self, bundle_id: str, parts: Sequence[tuple[Removal, dict[str, str]]], draft: PlanDraft) -> None:
        command = remove_application(bundle_id)
        mark = self.around.names.mark(command)
        keys: dict[str, str] = {}
        events: dict[str, dict[str, str]] = {}
        for removal, due in parts:
            for device, key in due.items():
                keys.setdefault(device, key)
                done = self.around.report(device).results.get(mark)
                events.setdefault(device, self._event(device, bundle_id, self._time(device, removal), done))
        apps = tuple(sorted({app for removal, _due in parts for app in removal.requirement.app_ids}))
        step = Step(self.commands.send, (Order(command, keys, events),))
        text, reaches = self.around.text(keys), self.around.positions(keys)
        draft.add(Phase.COMMANDS, Change("command", _KIND, bundle_id, text, apps=apps, reaches=reaches, step=step))

    def _time(self, device: str, removal: Removal) -> str:
        """How often the app was removed from a device before: it may come back, and then its removal is another one."""
        return str(self.around.ledger.story(device, removal.app).removals)

    def _event(self, device: str, bundle_id: str, time: str, earlier: CommandResult | None) -> dict[str, str]:
        enrolled = self.around.report(device).enrolled_at
        event = {"event": "assigned", "device": device, "control": removal_name(bundle_id), "enrolled": enrolled, "content": time}
        return {**event, "answered": earlier.at} if earlier is not None else event

    def _why_no_block(self, index: int) -> str:
        return why_no_block(self.around.fleet[index].device.record, signature_known=True)
