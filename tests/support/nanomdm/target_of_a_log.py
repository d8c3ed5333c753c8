# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target without servers, over a webhook log that a test writes itself: for what real devices do seldom."""

from __future__ import annotations

import base64
import json
import plistlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.outbox import Outbox
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.command_uuids import command_uuid
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enrollment
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.reports import Reports
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.resources.questions import app_question
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.surroundings import NanoSettings, Servers
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.target import NanoTarget

PREFIX = "org.example.ban"
NOW = datetime(2023, 3, 20, 9, tzinfo=timezone.utc)


def list_of_apps(bundle_ids: Iterable[str], rows: Sequence[dict[str, Any]], at: str, device: str = "A", platform: str = "ios") -> str:
    """A line of the log: the device answers our question for these apps with these rows."""
    mark = app_question(PREFIX, platform, bundle_ids)[1]
    raw = plistlib.dumps({"InstalledApplicationList": list(rows), "UDID": device})
    return answer(command_uuid(mark, [device], "1"), raw, at, device)


def answer(uuid: str, raw: bytes, at: str, device: str = "A", status: str = "Acknowledged") -> str:
    details = {"status": status, "command_uuid": uuid, "udid": device, "ids": {"id": device, "type": "Device"}}
    event = {**details, "raw_payload": base64.b64encode(raw).decode()}
    return json.dumps({"topic": "mdm.Connect", "created_at": at, "acknowledge_event": event}) + "\n"


def check_in(message: str, at: str, device: str = "A") -> str:
    raw = base64.b64encode(plistlib.dumps({"MessageType": message, "UDID": device})).decode()
    details = {"udid": device, "raw_payload": raw, "ids": {"id": device, "type": "Device"}}
    return json.dumps({"topic": "mdm." + message, "created_at": at, "checkin_event": details}) + "\n"


def target_of(
    directory: Path, policy: Policy, lines: Iterable[str], enrollments: Sequence[Enrollment], now: datetime = NOW, **more: Any
) -> NanoTarget:
    """A target that has no servers: it can be looked with, and not be planned with."""
    log = directory / "webhook.jsonl"
    log.write_text("".join(lines), encoding="utf-8")
    ledger = Ledger.open(str(directory), "nanomdm", writable=True)
    nothing: Any = None
    settings = NanoSettings(PREFIX)
    return NanoTarget(
        Servers(nothing, None, None, Reports(str(log))),
        [policy],
        settings,
        lambda: enrollments,
        Outbox(str(directory), "nanomdm"),
        ledger,
        now,
        **more,
    )


def looked(target: NanoTarget, policy: Policy, now: datetime = NOW) -> list[FleetDevice]:
    """The fleet, after the target has looked for the apps on it."""
    decider = Decider([policy], now)
    fleet = [FleetDevice(each, decider.decide(each.record)) for each in target.devices()]
    target.found = target.findings(fleet)  # type: ignore[attr-defined]
    return fleet
