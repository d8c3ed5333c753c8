# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CommandUUIDs that a server takes once, and that tell what the command was.

NanoMDM stores one command for a list of enrolments and refuses a CommandUUID that it has seen before, for whomever it is. So the same
command for the same enrolments gets the same UUID every time, and can't be queued twice; another list of enrolments gets another one. A
device's answer names nothing but the UUID. Its first 48 bits are therefore a mark of what was commanded, whoever got it with whom: UUID
version 8 (RFC 9562, section 5.8) leaves them to us.
"""

from __future__ import annotations

import hashlib
import json
import plistlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

MARK_DIGITS = 12


def command_mark(name_prefix: str, command: Mapping[str, Any]) -> str:
    """The mark of a command: twelve hexadecimal digits, the same for the same content.

    Args:
        name_prefix: so that two users of one server don't take each other's commands for their own.
        command: what stands under ``Command``.
    """
    content = plistlib.dumps(dict(command), sort_keys=True)
    return hashlib.sha256(name_prefix.encode("utf-8") + b"\0" + content).hexdigest()[:MARK_DIGITS]


def command_uuid(mark: str, ids: Iterable[str], idempotency_key: str, enrolled: Mapping[str, str] | None = None) -> str:
    """The CommandUUID of a command for some enrolments.

    Args:
        mark: of the command.
        ids: enrolment ids, in any order.
        idempotency_key: what makes it another time that the same is commanded (a date for example); the same key never queues it twice
            for the same enrolments.
        enrolled: id -> when it enrolled, as far as that is known. Enrolling empties the queue of a device, and the server remembers the
            UUIDs that were in it all the same, so it has to be another one then.
    """
    since = enrolled or {}
    named = [[each, since[each]] if since.get(each) else each for each in sorted(set(ids))]
    rest = hashlib.sha256(json.dumps([mark, idempotency_key, named]).encode("utf-8")).hexdigest()
    number = int(mark + "8" + rest[:3] + "0" + rest[3:18], 16)
    return str(uuid.UUID(int=number | (1 << 63)))


def mark_of(text: str) -> str:
    """The mark in a CommandUUID; empty for one that isn't of this kind."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return ""
    return found.hex[:MARK_DIGITS] if found.version == 8 else ""
