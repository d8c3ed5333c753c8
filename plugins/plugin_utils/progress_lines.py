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
_ASKED_BY = {"server": "as the server asked", "settle": "as it settles", "no_answer": "for an answer that did not come"}
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
        self._wait: _Begun | None = None
        self._is_told = True
        self._unanswered: dict[str, _Begun] = {}
        self._waits = 0
        self._unsaid_waits = 0
        self._waited = 0.0

    def hear(self, line: bytes, now: float | None = None) -> None:
        """Take in a line of the file; what can't be read is passed over.

        Args:
            now: when it was written; None counts as when it is told.
        """
        try:
            event = json.loads(line)
            kind = event["event"]
            if kind == "answered":
                self._unanswered.pop(str(event["key"]), None)
                return
            if kind == "unanswered":
                found = _Begun(event, float(event["seconds"]), now)
                unanswered_text(found, now or 0.0)
                self._unanswered[str(event["key"])] = found
                return
            if kind == "wait":
                begun = _Begun(event, float(event["seconds"]), now)
                wait_text(event)
                self._wait, self._is_told = begun, False
                self._waits += 1
                self._unsaid_waits += 1
                self._waited += begun.seconds
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
            parts = self._under_way(now) or ["still running after %s" % duration(passed)]
            parts += ["%s so far" % self._how_far] if self._how_far else []
        else:
            parts = []
            if self._wait is not None and not self._is_told:
                parts.append(past_wait_text(self._wait.event) if self._wait.left(now) == 0 else wait_text(self._wait.event))
            parts += [self._how_far] if self._how_far else []
            if self._waits > 1 and self._unsaid_waits:
                parts.append("%d waits so far, %s together" % (self._waits, duration(self._waited)))
        self._said = now
        self._news = False
        # A wait is said once; how far it is stays true.
        self._is_told = True
        self._unsaid_waits = 0
        return printable("%s: %s" % (self.name, "; ".join(parts)))

    def _under_way(self, now: float) -> list[str]:
        """What a run that is silent waits for: a wait that is not over, or the answer that takes longest."""
        left = self._wait.left(now) if self._wait is not None else None
        if self._wait is not None and left:
            return [rest_of_wait_text(self._wait.event, left)]
        longest = max(self._unanswered.values(), key=lambda each: each.age(now), default=None)
        return [unanswered_text(longest, now)] if longest is not None else []


@dataclass(frozen=True)
class _Begun:
    """Something that has begun.

    event: what was told of it. seconds: how long it takes in all, or took until it was told. at: when it was told, None if nobody knows.
    """

    event: Mapping[str, Any]
    seconds: float
    at: float | None

    def left(self, now: float) -> float | None:
        """Seconds until it ends; None if nobody knows."""
        return None if self.at is None else max(0.0, self.at + self.seconds - now)

    def age(self, now: float) -> float:
        """Seconds since it began."""
        return self.seconds + (0.0 if self.at is None else now - self.at)


def wait_text(event: Mapping[str, Any]) -> str:
    """A wait in words: ``the server asked to wait 30 s (HTTP 429, attempt 2 of 6, GET /deviceManagement/managedDevices)``."""
    seconds = duration(float(event["seconds"]))
    if event["asked_by"] == "server":
        return "the server asked to wait %s (%s)" % (seconds, _details(event))
    if event["asked_by"] == "settle":
        return "waiting %s until it shows: %s" % (seconds, event["why"])
    return "trying again in %s (%s)" % (seconds, _details(event))


def past_wait_text(event: Mapping[str, Any]) -> str:
    """A wait that is over."""
    seconds = duration(float(event["seconds"]))
    if event["asked_by"] == "server":
        return "waited %s as the server asked (%s)" % (seconds, _details(event))
    if event["asked_by"] == "settle":
        return "waited %s until it shows: %s" % (seconds, event["why"])
    return "waited %s before trying again (%s)" % (seconds, _details(event))


def rest_of_wait_text(event: Mapping[str, Any], left: float) -> str:
    """A wait that goes on: ``still waiting as the server asked, 27 min 10 s left (HTTP 429, attempt 1 of 6, GET /groups)``."""
    if event["asked_by"] == "server":
        return "still waiting as the server asked, %s left (%s)" % (duration(left), _details(event))
    if event["asked_by"] == "settle":
        return "still waiting until it shows, %s left: %s" % (duration(left), event["why"])
    return "still waiting to try again, %s left (%s)" % (duration(left), _details(event))


def unanswered_text(begun: _Begun, now: float) -> str:
    """A request without an answer: ``no answer yet to GET /groups for 30 s, attempt 3 of 6``."""
    return "no answer yet to %s for %s, %s" % (begun.event["request"], duration(begun.age(now)), _attempt(begun.event))


def _attempt(event: Mapping[str, Any]) -> str:
    number = "attempt %d" % event["attempt"]
    return "%s of %d" % (number, event["of"]) if event.get("of") else number


def _details(event: Mapping[str, Any]) -> str:
    details = [str(event["why"])]
    if event.get("attempt"):
        details.append(_attempt(event))
    if event.get("request"):
        details.append(str(event["request"]))
    return ", ".join(details)


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
    by = _ASKED_BY.get(str(kind["asked_by"]), "of our own accord")
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
