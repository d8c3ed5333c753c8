# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a run on their way to a server: one is refused, or its answer is lost, or the process ends there.

Every target sends with the library requests, so that is where this stands; nothing of the collection is used.
"""

from __future__ import annotations

import io
import json
import os
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

SIGN_IN = ("/oauth2/", "/oauth/token", "/auth/")
VERBS = ("POST", "PUT", "PATCH", "DELETE")
#: How the child of ``in_child`` ends where it was to die.
DIED = 9

Send = Callable[[], requests.Response]
#: Given the number of a write, from 1, and what sends it.
Treat = Callable[[int, Send], requests.Response]


class Wire:
    """Sees every write of this process; the same one sent again has the same number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        #: The writes since the last ``count``, each once, as "METHOD address".
        self.writes: list[str] = []
        self._known: dict[tuple[str, str, bytes], int] = {}
        self._treat: Treat | None = None
        self._lock = threading.Lock()
        real = requests.Session.request

        def request(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
            content = options.get("data")
            body = content.encode() if isinstance(content, str) else content or b""
            if not _is_write(method, url, body):
                return real(session, method, url, **options)
            with self._lock:
                number = self._known.setdefault((method, url, body), len(self._known) + 1)
                if number > len(self.writes):
                    self.writes.append(f"{method} {url}")
            if self._treat is None:
                return real(session, method, url, **options)
            return self._treat(number, lambda: real(session, method, url, **options))

        monkeypatch.setattr(requests.Session, "request", request)

    def count(self) -> None:
        """Count writes from 1 again."""
        self.writes, self._known = [], {}

    @contextmanager
    def treated(self, treat: Treat) -> Iterator[None]:
        """Every write is treated so, counted from 1."""
        self.count()
        self._treat = treat
        try:
            yield
        finally:
            self._treat = None

    def refusing(self, which: int) -> Any:
        """The server answers a write with an error, however often it comes, and does nothing."""
        return self.treated(lambda number, send: _error() if number == which else send())

    def losing(self, which: int) -> Any:
        """The server does what a write says, and answers with an error."""

        def treat(number: int, send: Send) -> requests.Response:
            answer = send()
            if number != which:
                return answer
            answer.close()
            return _error()

        return self.treated(treat)

    def dying(self, which: int, done: bool) -> Any:
        """The process ends at a write. done: after the server has done it, otherwise before it is sent."""

        def treat(number: int, send: Send) -> requests.Response:
            if number != which:
                return send()
            if done:
                send().close()
            os._exit(DIED)

        return self.treated(treat)


def in_child(work: Callable[[], Any]) -> int:
    """Do something in a process of its own, and return how that ended: 0, or DIED; 1 for an exception, which it prints."""
    with warnings.catch_warnings():
        # Threads of servers stay behind in the parent, and nothing here needs them in the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _is_write(method: str, url: str, body: bytes) -> bool:
    if method not in VERBS or any(part in url for part in SIGN_IN):
        return False
    if url.endswith("/$batch"):
        return any(item["method"] in VERBS for item in json.loads(body)["requests"])
    return True


def _error() -> requests.Response:
    answer = requests.Response()
    answer.status_code = 500
    answer.headers["Content-Type"] = "application/json"
    answer.raw = io.BytesIO(b'{"error": {"code": "InternalServerError", "message": "No."}}')
    return answer
