# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outbox: where notices go that a target can't deliver itself. A mailer, a chat or a service desk takes them from there.

It is ``EVIDENCE_DIR/<target>.notices.jsonl``, a line a notice, only ever appended to. What is in it is handed over, not read by anybody
yet; the record says no more than that. Each line has an ``id`` that is the same for the same notice, so that whoever delivers the lines
can tell which of them it has had.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence

from ...engine.errors import EvidenceError
from ..planning.fleet import FleetDevice
from ..planning.notices import Notice
from .ledger import Ledger
from .line_log import append_lines, read_lines

OUTBOX = "notice_outbox"
OUTBOX_NAME = "notice outbox"
_FREE = "Make the evidence directory writable and run again; nothing that the notices announce was done"


class Outbox:
    """The outbox of one target.

    Args:
        directory: the evidence directory.
        target: name of the record.
    """

    def __init__(self, directory: str, target: str) -> None:
        self.path = os.path.join(directory, target + ".notices.jsonl")

    def hand_over(self, ledger: Ledger, now: str, notices: Sequence[Notice], fleet: Sequence[FleetDevice]) -> None:
        """Append notices, each once, then tell the ledger. On disk before it returns, so that what they announce comes after them.

        A run that is killed in between hands a notice over and does not remember it; the next one finds it in the outbox.

        Args:
            now: the run's instant in UTC.
            fleet: whom the notices are for, by their ``index``.

        Raises:
            EvidenceError: where the outbox can't be read or written.
        """
        try:
            there = set(_ids(read_lines(self.path)))
            lines = []
            for notice in notices:
                line = _line(notice, now, fleet[notice.index])
                if line["id"] not in there:
                    lines.append(json.dumps(line, ensure_ascii=False, sort_keys=True))
            if lines:
                append_lines(self.path, lines)
        except OSError as error:
            raise EvidenceError("cannot write the outbox: %s" % error.strerror, self.path, _FREE) from error
        ledger.write(now, [event for notice in notices for event in notice.events("noticed")])


def _line(notice: Notice, now: str, member: FleetDevice) -> dict[str, object]:
    name = "\0".join((notice.device, notice.stage, *notice.apps))
    return {
        "id": hashlib.sha256(name.encode("utf-8")).hexdigest()[:32],
        "at": now,
        "device": notice.device,
        "serial": member.device.record.get("serial"),
        "user": member.device.record.get("user"),
        "stage": notice.stage,
        "apps": list(notice.apps),
        "title": notice.title,
        "body": notice.body,
    }


def _ids(lines: Sequence[bytes]) -> list[str]:
    """The ids of lines. One that makes no sense is somebody else's and stays."""
    found = []
    for line in lines:
        try:
            found.append(str(json.loads(line.decode("utf-8"))["id"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
