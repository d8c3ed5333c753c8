# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver of NanoMDM's webhook: every event becomes one line of JSON in a file, as it arrived."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulators.exchange import Request, Response
from tests.simulators.server import Listener

#: NanoMDM's name for the header with the base64 of the body's HMAC with SHA-256 (docs/operations-guide.md).
SIGNATURE = "X-Hmac-Signature"
#: Seconds to wait for an event at most. NanoMDM answers the device first and calls the webhook afterwards.
PATIENCE = 10.0


class WebhookLog:
    """Listens until closed. With a key, an event without the right signature is refused (401) and not written."""

    def __init__(self, path: Path, key: str | None = None) -> None:
        self.path = path
        self.key = key
        self.refused = 0
        self._arrived = threading.Condition()
        self._lines: list[bytes] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        self._listener = Listener(self._serve)
        self.url = self._listener.url + "/webhook"

    def _serve(self, request: Request) -> Response:
        with self._arrived:
            if self.key is not None and not self._is_signed(request):
                self.refused += 1
                self._arrived.notify_all()
                return Response(401)
            with self.path.open("ab") as file:
                file.write(request.body + b"\n")
            self._lines.append(request.body)
            self._arrived.notify_all()
        return Response(200)

    def _is_signed(self, request: Request) -> bool:
        wanted = base64.b64encode(hmac.new(str(self.key).encode(), request.body, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(request.header(SIGNATURE) or "", wanted)

    def events(self, topic: str | None = None) -> list[dict[str, Any]]:
        """All events so far, or those of a topic such as ``mdm.Connect``."""
        with self._arrived:
            found = [json.loads(line) for line in self._lines]
        return [event for event in found if topic in (None, event["topic"])]

    def wait_for(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """All events, as soon as they are enough. Raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: enough([json.loads(line) for line in self._lines]), PATIENCE):
                raise TimeoutError(f"the webhook got {len(self._lines)} events and waits for more")
        return self.events()

    def wait_for_results(self, command_uuid: str, statuses: int = 1) -> list[dict[str, Any]]:
        """The reports of a command, once there are so many."""

        def reports(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [event for event in events if event.get("acknowledge_event", {}).get("command_uuid") == command_uuid]

        return reports(self.wait_for(lambda events: len(reports(events)) >= statuses))

    def close(self) -> None:
        self._listener.close()
