# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that are sent and that no server keeps: what makes it another time that one is sent, and the sending.

The ledger is their memory. It is written before something is sent, so that a run that is killed sends it once more at most, and then with
the same CommandUUID, which the server refuses. What nobody has answered yet is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..objects import NOT_NOW, CommandResult, Enqueued
from ..profile_story import is_sending, sending
from ..surroundings import Surroundings


@dataclass(frozen=True)
class Order:
    """A command for some devices.

    Args:
        command: what stands under ``Command``.
        keys: enrolment id -> what makes it another time that the same is commanded.
        events: enrolment id -> what the ledger is to keep of it.
    """

    command: Mapping[str, Any]
    keys: Mapping[str, str]
    events: Mapping[str, Mapping[str, str]]


class Commands:
    """Decides whether a command is due, and sends it."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def idempotency_key(self, device: str, control: str, content: str, done: CommandResult | None) -> str | None:
        """What makes it another time that something is sent; None where it was sent and nothing speaks for sending it again.

        Args:
            control: the ledger's name for it.
            content: what the ledger remembers of what is sent, where it is the same as now.
            done: what the device answered to it.
        """
        remembered, released = self.around.assigned(device, control), self.around.released(device, control)
        report = self.around.report(device)
        if remembered is None:
            return "after %s %s" % (released.at, released.order) if released else ""
        if report.enrolled_since(remembered.enrolled):
            return "enrolled %s" % report.enrolled_at
        if is_sending(remembered) and remembered.content.startswith(content + " "):
            # The same once more, which a server that has taken it takes for a repetition.
            return remembered.order
        if remembered.content != content:
            return "after %s %s" % (remembered.at, remembered.order)
        if done is not None and done.status == NOT_NOW and self.around.is_overdue(remembered):
            return "again %s" % done.at
        return None

    # Verbs.

    def send(self, order: Order) -> bool:
        """Queue a command. False where the server had been sent the very same before."""
        by_key: dict[str, list[str]] = {}
        for device, key in order.keys.items():
            by_key.setdefault(key, []).append(device)
        failed: dict[str, str] = {}
        queued = False
        for key, devices in sorted(by_key.items()):
            events = {device: order.events[device] for device in devices}
            # After a run that is killed here a device may get what nobody else knows of.
            self.around.remember(sending(event, key) for event in events.values() if event["event"] == "assigned")
            result = self.enqueue(order.command, devices, key, {device: event["enrolled"] for device, event in events.items()})
            failed.update(result.failed)
            queued = queued or bool(result.queued)
            sent = {device: result.uuids.get(device, "") for device in devices if device not in result.failed}
            self.around.remember({**events[device], **({"order": uuid} if uuid else {})} for device, uuid in sent.items())
        self.around.refuse_failures(failed, len(order.keys), "were not sent %s" % order.command.get("RequestType"))
        return queued

    def enqueue(self, command: Mapping[str, Any], devices: Iterable[str], key: str, enrolled: Mapping[str, str]) -> Enqueued:
        """Queue a command for devices. What a storage says of ids that it doesn't know is a warning and no more, because another storage
        takes commands for them without a word.

        Args:
            enrolled: enrolment id -> when it enrolled.
        """
        around = self.around
        mark = around.names.mark(command)
        result = around.servers.nanomdm.enqueue(command, devices, mark, key, enrolled=enrolled, push=around.settings.push)
        around.warnings.extend(result.warnings)
        if result.unknown:
            some = ", ".join(sorted(result.unknown)[:5])
            around.warnings.append("the server does not know %d of the enrolments, such as %s" % (len(result.unknown), some))
        return result
