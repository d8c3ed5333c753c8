# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two APIs as a test speaks them by hand, without anything of the collection between."""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests

from tests.support.nanomdm.servers import NO_PUSH, NanoServers

TIMEOUT = 30


@dataclass(frozen=True)
class Enqueued:
    """What NanoMDM answered to a command."""

    status: int
    answer: dict[str, Any]
    command_uuid: str


class NanoApi:
    """NanoMDM's and KMFDDM's APIs over one kept connection each.

    Args:
        straight: past the fronts, which neither log nor spoil it then.
    """

    def __init__(self, servers: NanoServers, straight: bool = False) -> None:
        self.servers = servers
        self._apis = servers.apis(straight)
        self._nanomdm, self._kmfddm = requests.Session(), requests.Session()
        for session, api in zip((self._nanomdm, self._kmfddm), self._apis, strict=True):
            session.trust_env = False
            session.auth = (api.user, api.key)

    def enqueue(self, ids: Sequence[str], request_type: str, command_uuid: str | None = None, **command: Any) -> Enqueued:
        """Queue one command for some devices, without a push."""
        command_uuid = command_uuid or str(uuid.uuid4())
        body = plistlib.dumps({"CommandUUID": command_uuid, "Command": {"RequestType": request_type, **command}})
        return self.enqueue_body(ids, body, command_uuid)

    def enqueue_body(self, ids: Sequence[str], body: bytes, command_uuid: str = "") -> Enqueued:
        """Queue whatever the body says."""
        url = f"{self._apis[0].root}/enqueue/{','.join(ids)}?{NO_PUSH}"
        answer = self._nanomdm.put(url, data=body, timeout=TIMEOUT)
        return Enqueued(answer.status_code, answer.json(), command_uuid)

    def kmfddm(self, method: str, path: str, document: Any = None) -> requests.Response:
        """Ask KMFDDM; ``path`` begins after ``/v1`` or what stands for it."""
        return self._kmfddm.request(method, f"{self._apis[1].root}{path}", json=document, timeout=TIMEOUT)

    def put_declaration(self, identifier: str, kind: str, payload: dict[str, Any]) -> int:
        return self.kmfddm("PUT", "/declarations", {"Identifier": identifier, "Type": kind, "Payload": payload}).status_code

    def assign(self, name: str, declarations: Sequence[str], ids: Sequence[str]) -> list[int]:
        """Put declarations into a set and the set onto devices; the statuses of all requests."""
        sets = [self.kmfddm("PUT", f"/set-declarations/{name}?declaration={declaration}") for declaration in declarations]
        enrollments = [self.kmfddm("PUT", f"/enrollment-sets/{device}?set={name}") for device in ids]
        return [answer.status_code for answer in (*sets, *enrollments)]

    def declaration_status(self, device: str) -> dict[str, dict[str, Any]]:
        """What KMFDDM knows of a device's declarations, by identifier."""
        rows = self.kmfddm("GET", f"/declaration-status/{device}").json().get(device) or []
        return {row["identifier"]: row for row in rows}

    def close(self) -> None:
        self._nanomdm.close()
        self._kmfddm.close()
