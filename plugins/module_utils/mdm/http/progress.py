# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is and what it waits for, written into a file while it runs, so that somebody else can show it.

Each event is one line of JSON. Nothing is written unless a file was asked for, and a file that can't be written never stops a run.
An event names the kind of a request and never whom it is about: whatever in an address may be an id or a name is left out.

- ``{"event": "wait", "seconds": 30, "asked_by": "server", "why": "HTTP 429", "attempt": 2, "of": 6, "request": "GET /v1.0/users/*"}``
- ``{"event": "unanswered", "key": 7, "seconds": 5, "request": "GET /v1.0/users/*", "attempt": 2, "of": 6}``
- ``{"event": "answered", "key": 7}``, or given up
- ``{"event": "read", "things": "devices", "done": 4000, "of": 20000}``
- ``{"event": "write", "things": "members of a group", "done": 400, "of": 3000}``
- ``{"event": "changed", "things": "changes", "done": 12, "of": 340, "failed": 2, "skipped": 0}``
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .redaction import Redactor

#: Who asked for a wait: the server named the time (Retry-After), we space our attempts, or a write takes time until it shows.
SERVER, BACK_OFF, SETTLE = "server", "back_off", "settle"
#: What was waited for an answer that did not come in time; only counted, because nobody knows beforehand.
NO_ANSWER = "no_answer"
#: Seconds below which a wait is nothing that anybody has to know.
SHORTEST_WAIT = 0.05
#: A part of an address that is a word of the API. What stands after ``name`` or the like is somebody's.
_WORD = re.compile(r"(?=[A-Z$]*[a-z])[A-Za-z$][A-Za-z$_-]{0,39}|v[0-9]{1,2}(\.[0-9]{1,2})?|[a-z]+[0-9]", re.ASCII)
_BEFORE_A_NAME = frozenset({"name", "username", "email", "id", "udid", "serialnumber", "macaddress", "match", "users"})
#: Words of the API that may stand there, too.
_NO_NAME = frozenset({"count", "search"})
LONGEST_REASON = 120


@dataclass(frozen=True)
class Wait:
    """One wait.

    Args:
        seconds: how long.
        asked_by: SERVER, BACK_OFF, SETTLE or NO_ANSWER.
        why: what the server answered, or why there was no answer.
        request: method and address, without what may be an id or a name; empty where it is no request that waits.
        attempt: the attempt that failed, counted from 1; 0 where attempts are not counted.
        of: how many there are at most; None where only the deadline of the run ends them.
    """

    seconds: float
    asked_by: str
    why: str
    request: str = ""
    attempt: int = 0
    of: int | None = None


def kind_of_request(method: str, url: str) -> str:
    """The method and the path of an address, with an asterisk for each part that may be an id or a name: ``GET /v1.0/groups/*/members``."""
    kept: list[str] = []
    before = ""
    for part in urlsplit(url).path.split("/"):
        is_word = _WORD.fullmatch(part) and (before.lower() not in _BEFORE_A_NAME or part in _NO_NAME)
        kept.append(part if not part or is_word else "*")
        before = part
    return "%s %s" % (method, "/".join(kept))


class Asking:
    """One attempt of a request, told of when its answer takes long.

    Args:
        progress: is told.
        request: from kind_of_request.
        attempt: its number, counted from 1.
        of: how many there are at most; None where only the deadline ends them.
    """

    def __init__(self, progress: Progress, request: str, attempt: int, of: int | None) -> None:
        self.progress = progress
        self.request = request
        self.attempt = attempt
        self.of = of
        self.is_told = False

    def takes_long(self, seconds: float) -> None:
        """Tell that there is no answer yet."""
        self.is_told = True
        self.progress.unanswered(id(self), seconds, self.request, self.attempt, self.of)

    def over(self) -> None:
        """Tell that it is over, if it was told of."""
        if self.is_told:
            self.progress.answered(id(self))


class Progress:
    """Writes events; several threads may use it at once.

    Args:
        path: of a file that is there already; empty for none.
        redactor: scrubs the words of an event.
        monotonic: tells the time that has passed.
        every: seconds between two lines that say how far the same thing is; its end is always told.
    """

    def __init__(
        self, path: str = "", redactor: Redactor | None = None, monotonic: Callable[[], float] = time.monotonic, every: float = 0.5
    ) -> None:
        self.path = path
        self.redactor = redactor or Redactor()
        self.monotonic = monotonic
        self.every = every
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def wait(self, wait: Wait) -> None:
        """Tell of a wait that is about to begin."""
        if wait.seconds < SHORTEST_WAIT:
            return
        event: dict[str, Any] = {"event": "wait", "seconds": round(wait.seconds, 1), "asked_by": wait.asked_by}
        event["why"] = self.redactor.scrub(wait.why)[:LONGEST_REASON]
        if wait.attempt:
            event.update(attempt=wait.attempt, of=wait.of)
        if wait.request:
            event["request"] = self.redactor.scrub(wait.request)
        self._write(event)

    def unanswered(self, key: int, seconds: float, request: str, attempt: int, of: int | None) -> None:
        """Tell of a request that has gone without an answer for some seconds."""
        event = {"event": "unanswered", "key": key, "seconds": round(seconds, 1), "request": self.redactor.scrub(request)}
        self._write({**event, "attempt": attempt, "of": of})

    def answered(self, key: int) -> None:
        """Tell that such a request is over, with an answer or without."""
        self._write({"event": "answered", "key": key})

    def read(self, things: str, done: int, of: int | None = None) -> None:
        """Tell how much of something long has been read.

        Args:
            things: what is read, in the plural.
            of: how many there are about; None if nobody knows.
        """
        self._tell("read", things, done, of)

    def write(self, things: str, done: int, of: int) -> None:
        """Tell how much of one long change has been written."""
        self._tell("write", things, done, of)

    def changed(self, done: int, of: int, failed: int = 0, skipped: int = 0) -> None:
        """Tell how many changes of a plan are over, and how many of those failed or were not tried because of it."""
        self._tell("changed", "changes", done, of, failed=failed, skipped=skipped)

    def _tell(self, event: str, things: str, done: int, of: int | None, **more: int) -> None:
        if not self.path:
            return
        now = self.monotonic()
        with self._lock:
            last = self._last.get(things)
            if done != of and last is not None and now - last < self.every:
                return
            self._last[things] = now
        self._write({"event": event, "things": things, "done": done, "of": of, **more})

    def _write(self, event: dict[str, Any]) -> None:
        if not self.path:
            return
        line = (json.dumps(event) + "\n").encode("ascii")
        try:
            # Appended in one piece, so that whoever reads meanwhile never sees half a line of two threads. Never made: who asked made it.
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError:
            self.path = ""
