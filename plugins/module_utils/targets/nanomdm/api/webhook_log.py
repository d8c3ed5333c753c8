# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a webhook log: NanoMDM's webhook events, one JSON object per line, appended by whoever receives the webhook.

NanoMDM posts what devices tell to the address of its ``-webhook-url`` and keeps no way to ask for it again, so the receiver writes each
event to this file as it came. It is also the receiver who must check the ``X-Hmac-Signature`` header: here the file is believed.
Event format: NanoMDM's ``docs``, "webhook-event.schema.json".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ....engine.errors import AppbanError
from ....mdm.http.json_text import loads
from ..device_answers import AUTHENTICATE, DeviceAnswers, authenticate_attributes
from ..objects import DeviceReport, Interests
from .server_instants import utc_nanoseconds, utc_seconds

CONNECT = "mdm.Connect"
DECLARATIVE = "mdm.DeclarativeManagement"
#: The channel of the device itself; the others are channels of its users.
DEVICE_CHANNELS = frozenset({"Device", "User Enrollment (Device)"})
#: Bytes of a line. A list of all apps of a full device stays far below.
LONGEST_LINE = 16 * 1024 * 1024
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class WebhookReading:
    """What a webhook log holds.

    Args:
        reports: enrolment id -> what it has told.
        problems: lines that can't be read, "line 17: ...", the first twenty and how many more; never anything of their content.
        lines: how many there are.
        last_at: the latest event; a log that has stopped growing tells nothing of the present.
    """

    reports: Mapping[str, DeviceReport] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    lines: int = 0
    last_at: str = ""


def read_webhook_log(path: str, interests: Interests, longest_line: int = LONGEST_LINE) -> WebhookReading:
    """Read a webhook log from its beginning, a line at a time; only what is of interest stays in memory.

    A last line without a line feed is one that is just being written, and doesn't count.

    Raises:
        AppbanError: for a file that can't be read.
    """
    answers = DeviceAnswers(interests)
    problems: list[str] = []
    broken = lines = 0
    last = ""
    try:
        with open(path, "rb") as handle:
            for number, line in _lines(handle, longest_line):
                lines = number
                try:
                    last = max(last, _read_event(line, answers))
                except ValueError as error:
                    broken += 1
                    if broken <= MOST_PROBLEMS:
                        problems.append("line %d: %s" % (number, error))
    except OSError as error:
        raise AppbanError(
            "The webhook log can't be read: %s" % (error.strerror or error), path, "Check webhook_log and who may read the file"
        ) from error
    if broken > MOST_PROBLEMS:
        problems.append("and %d more lines" % (broken - MOST_PROBLEMS))
    return WebhookReading(answers.reports(), tuple(problems), lines, last)


def _lines(handle: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that end with a line feed, with their numbers; None for one that is too long, of which nothing is kept."""
    number = 0
    while True:
        line = handle.readline(longest + 1)
        if line.endswith(b"\n"):
            number += 1
            if line.strip():
                yield number, line
            continue
        if len(line) <= longest:
            return
        while line and not line.endswith(b"\n"):
            line = handle.readline(longest + 1)
        if not line:
            return
        number += 1
        yield number, None


def _read_event(line: bytes | None, answers: DeviceAnswers) -> str:
    """Take in one event. Returns its instant.

    Raises:
        ValueError: if it is none.
    """
    if line is None:
        raise ValueError("a line that is too long to be an event")
    try:
        event = loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("topic"), str):
        raise ValueError("it is not a webhook event of NanoMDM: there is no topic")
    topic = event["topic"]
    at = utc_seconds(event.get("created_at"))
    if not at:
        raise ValueError("the event has no created_at that can be read")
    details = event.get("acknowledge_event" if topic == CONNECT else "checkin_event")
    if not isinstance(details, dict):
        raise ValueError("the event %s has no details" % (topic if topic.isprintable() else "of an odd topic")[:60])
    enrollment_id = _enrollment_id(details)
    if not enrollment_id or not answers.wants(enrollment_id):
        return at
    if topic == DECLARATIVE:
        answers.declarative(enrollment_id, _payload(details), at)
        return at
    if topic != CONNECT:
        message = topic.rpartition(".")[2]
        answers.check_in(enrollment_id, message, at, _serial(details) if message == AUTHENTICATE else "")
        return at
    answers.connect(enrollment_id, at)
    status, uuid = details.get("status"), details.get("command_uuid")
    if isinstance(status, str) and isinstance(uuid, str) and uuid:
        answers.answer(enrollment_id, uuid, status, _payload(details), at, utc_nanoseconds(event["created_at"]))
    else:
        answers.check_in(enrollment_id, "", at)
    return at


def _enrollment_id(details: Mapping[str, Any]) -> str:
    """The enrolment whose event this is; empty for one of a user of a device.

    An event that was sent before NanoMDM had looked up the enrolment has no ``ids``; a device's id is then what it calls itself.
    """
    ids = details.get("ids")
    if isinstance(ids, dict):
        found = ids.get("id") if ids.get("type") in DEVICE_CHANNELS else ""
    elif b"UserID" in _payload(details):
        found = ""
    else:
        found = details.get("udid") or details.get("enrollment_id")
    return found if isinstance(found, str) else ""


def _serial(details: Mapping[str, Any]) -> str:
    """The serial number that a device told when it enrolled; empty where that can't be read: that it enrolled counts all the same."""
    try:
        return authenticate_attributes(_payload(details)).get("serial", "")
    except ValueError:
        return ""


def _payload(details: Mapping[str, Any]) -> bytes:
    raw = details.get("raw_payload")
    try:
        return base64.b64decode(raw, validate=True) if isinstance(raw, str) else b""
    except (binascii.Error, ValueError) as error:
        raise ValueError("its raw_payload is not base64") from error
