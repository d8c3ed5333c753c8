# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to say of a run while it runs, and when: from the events that a module writes to lines for a person. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .shown_lines import visible

#: Letters of a line at most, and of a line in the file that is still read.
_LONGEST_LINE = 240
LONGEST_EVENT = 2000
_VERBS = {"read": "read", "write": "wrote", "changed": "made"}


@dataclass(frozen=True)
class Pace:
    """How often something is said.

    Args:
        first: seconds before the first line; a run that ends before it is silent.
        every: seconds between two lines at least.
        silent: seconds after which a run of which nothing is heard is said to be still running.
    """

    first: float
    every: float
    silent: float


#: Somebody looks on.
ON_A_TERMINAL = Pace(first=1.0, every=1.0, silent=30.0)
#: The lines go into a log: AWX, a pipeline, a file.
IN_A_LOG = Pace(first=60.0, every=60.0, silent=60.0)


class Talk:
    """Hears events and says what is new, no more often than its pace allows.

    Args:
        name: of the tenant, before every line.
        pace: how often.
        begun: the instant of the beginning, in seconds of any clock.
    """

    def __init__(self, name: str, pace: Pace, begun: float) -> None:
        self.name = name
        self.pace = pace
        self.begun = begun
        self._said: float | None = None
        self._how_far = ""
        self._news = False
        self._wait = ""
        self._waits = 0
        self._unsaid_waits = 0
        self._waited = 0.0

    def hear(self, line: bytes) -> None:
        """Take in a line of the file; what can't be read is passed over."""
        try:
            event = json.loads(line)
            if event["event"] == "wait":
                self._wait = wait_text(event)
                self._waits += 1
                self._unsaid_waits += 1
                self._waited += float(event["seconds"])
            else:
                self._how_far = how_far_text(event)
            self._news = True
        except (ValueError, TypeError, KeyError, AttributeError):
            return

    def say(self, now: float) -> str:
        """The line that is due; empty for none."""
        passed = now - self.begun
        since = passed if self._said is None else now - self._said
        if passed < self.pace.first or (self._said is not None and since < self.pace.every):
            return ""
        if not self._news:
            if since < self.pace.silent:
                return ""
            parts = ["still running after %s" % duration(passed)]
            parts += ["%s so far" % self._how_far] if self._how_far else []
        else:
            parts = [part for part in (self._wait, self._how_far) if part]
            if self._waits > 1 and self._unsaid_waits:
                parts.append("%d waits so far, %s together" % (self._waits, duration(self._waited)))
        self._said = now
        self._news = False
        # A wait is said once; how far it is stays true.
        self._wait = ""
        self._unsaid_waits = 0
        return printable("%s: %s" % (self.name, "; ".join(parts)))


def wait_text(event: Mapping[str, Any]) -> str:
    """A wait in words: ``the server asked to wait 30 s (HTTP 429, attempt 2 of 6, GET /deviceManagement/managedDevices)``."""
    seconds = duration(float(event["seconds"]))
    details = [str(event["why"])]
    if event.get("attempt"):
        number = "attempt %d" % event["attempt"]
        details.append("%s of %d" % (number, event["of"]) if event.get("of") else number)
    if event.get("request"):
        details.append(str(event["request"]))
    if event["asked_by"] == "server":
        return "the server asked to wait %s (%s)" % (seconds, ", ".join(details))
    if event["asked_by"] == "settle":
        return "waiting %s until it shows: %s" % (seconds, details[0])
    return "trying again in %s (%s)" % (seconds, ", ".join(details))


def how_far_text(event: Mapping[str, Any]) -> str:
    """How far it is: ``read 4,000 of about 20,000 devices``, ``12 of 340 changes made``, ``12 of 340 changes tried, 2 failed``."""
    done, of = int(event["done"]), event.get("of")
    if event["event"] == "changed":
        failed, skipped = int(event.get("failed") or 0), int(event.get("skipped") or 0)
        word = "tried" if failed or skipped else "made"
        parts = ["%s of %s changes %s" % (grouped(done - skipped), grouped(int(of or done)), word)]
        parts += ["%s failed" % grouped(failed)] if failed else []
        parts += ["%s left out" % grouped(skipped)] if skipped else []
        return ", ".join(parts)
    about = "about " if event["event"] == "read" and of != done else ""
    total = " of %s%s" % (about, grouped(int(of))) if of else ""
    return "%s %s%s %s" % (_VERBS[event["event"]], grouped(done), total, event["things"])


def waits_lines(waits: Any) -> list[str]:
    """What a run has waited for, for its summary; at most five kinds.

    Args:
        waits: what the module returned of them.
    """
    kinds = [dict(each) for each in waits or ()]
    lines = [_kind_text(each) for each in kinds[:5]]
    if len(kinds) > 5:
        lines.append("and %d other kinds of waits, see `waits` of the result" % (len(kinds) - 5))
    return lines


def _kind_text(kind: Mapping[str, Any]) -> str:
    times = "once" if kind["waits"] == 1 else "%d times" % kind["waits"]
    by = {"server": "as the server asked", "settle": "as it settles"}.get(str(kind["asked_by"]), "of our own accord")
    request = ", %s" % kind["request"] if kind.get("request") else ""
    last = ""
    if kind.get("attempt"):
        last = ", last at attempt %d" % kind["attempt"] + (" of %d" % kind["of"] if kind.get("of") else "")
    return printable("%s, %s in all, %s (%s%s%s)" % (times, duration(float(kind["waited"])), by, kind["why"], request, last))


def duration(seconds: float) -> str:
    """Seconds in words: ``0.4 s``, ``30 s``, ``2 min 5 s``."""
    if seconds < 1:
        return "%.1f s" % seconds
    whole = round(seconds)
    if whole < 120:
        return "%d s" % whole
    return "%d min%s" % (whole // 60, " %d s" % (whole % 60) if whole % 60 else "")


def grouped(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def printable(line: str) -> str:
    """A line that can't do anything to a terminal, and that fits one."""
    clean = visible(line[: _LONGEST_LINE + 1])
    return clean if len(clean) <= _LONGEST_LINE else clean[:_LONGEST_LINE] + " ..."
