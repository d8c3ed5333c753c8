# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exchange in order, for tests that look at the traffic."""

from __future__ import annotations

import threading
from typing import Any

from .exchange import Request, Response, readable
from .faults import GENERIC_KINDS


class ExchangeLog:
    """Keeps bodies as bytes and parses them when somebody asks, so that a big fleet's pages cost nothing to log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[tuple[Request, Response | None, str | None]] = []

    def add(self, request: Request, response: Response | None, fault: str | None) -> None:
        with self._lock:
            self._entries.append((request, response, fault))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            entries = list(self._entries)
        return [described(*entry) for entry in entries]


def described(request: Request, response: Response | None, fault: str | None) -> dict[str, Any]:
    """One exchange as plain data. A dropped connection has status null; a batch with a spoilt answer inside is spoilt itself."""
    spoilt_inside = [kind for kind in request.inner_faults.values() if kind not in GENERIC_KINDS]
    entry: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "url": request.url,
        "headers": dict(request.headers),
        "body": request.form() if is_form(request) else readable(request.body),
        "status": None if response is None else response.status,
        "response_headers": {} if response is None else dict(response.headers),
        "response": None,
        "fault": fault or next(iter(spoilt_inside), None),
        "inner_faults": dict(request.inner_faults),
    }
    if response is not None:
        entry["response"] = readable(response.payload())
    return entry


def is_form(request: Request) -> bool:
    return (request.header("Content-Type") or "").startswith("application/x-www-form-urlencoded")
