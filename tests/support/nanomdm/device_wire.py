# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device talks to an MDM server: property lists over HTTP, as Apple's MDM protocol has them."""

from __future__ import annotations

import http.client
import json
import plistlib
from collections.abc import Mapping
from typing import Any

CHECK_IN = "application/x-apple-aspen-mdm-checkin"
COMMANDS = "application/x-apple-aspen-mdm"


class ServerRefused(Exception):
    """The server answered a device with something else than 200."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the MDM server answered a device with {status}: {text}")
        self.status = status


class DeviceWire:
    """One device's connection. ``identity`` is the certificate as a proxy that ends TLS would hand it on."""

    def __init__(self, address: tuple[str, int], header: str, identity: str) -> None:
        self._address = address
        self._headers = {header: identity}
        self._link: http.client.HTTPConnection | None = None

    def check_in(self, message: Mapping[str, Any]) -> bytes:
        """Send a check-in message and return the answer's body. Raises ServerRefused."""
        return self._send(message, CHECK_IN)

    def report(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Report a status and return the next command, None when there is none. Raises ServerRefused."""
        answer = self._send(message, COMMANDS)
        return plistlib.loads(answer) if answer else None

    def declarative(self, names_itself: Mapping[str, str], endpoint: str, data: Any = None) -> Any:
        """Ask or tell the server about declarations and return its JSON, None for an empty answer. Raises ServerRefused."""
        message: dict[str, Any] = {"MessageType": "DeclarativeManagement", "Endpoint": endpoint, **names_itself}
        if data is not None:
            message["Data"] = json.dumps(data).encode()
        answer = self.check_in(message)
        return json.loads(answer) if answer else None

    def hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _send(self, message: Mapping[str, Any], kind: str) -> bytes:
        if self._link is None:
            self._link = http.client.HTTPConnection(*self._address, timeout=60)
        self._link.request("PUT", "/mdm", plistlib.dumps(dict(message)), {**self._headers, "Content-Type": kind})
        answer = self._link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ServerRefused(answer.status, body.decode(errors="replace").strip())
        return body
