# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Graph and Intune say no."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ..exchange import Request, Response

CODES = {
    400: "BadRequest", 401: "InvalidAuthenticationToken", 403: "Forbidden", 404: "ResourceNotFound", 405: "MethodNotAllowed",
    409: "Conflict", 424: "FailedDependency", 429: "TooManyRequests", 500: "InternalServerError", 503: "ServiceUnavailable",
    504: "GatewayTimeout",
}  # fmt: skip


class Refusal(Exception):
    """A request that the tenant refuses. `intune` wraps the message the way Intune's own services do."""

    def __init__(
        self, status: int, message: str, code: str | None = None, intune: bool = True, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES[status]
        self.intune = intune
        self.headers = headers or {}


def directory_refusal(status: int, message: str, code: str) -> Refusal:
    """A refusal by the directory, which speaks plainly."""
    return Refusal(status, message, code, intune=False)


def nested(message: str, request: Request, activity_id: str) -> str:
    """Intune puts a JSON text with an Activity ID inside the message (Intune fact sheet, 4)."""
    url = f"https://fef.msub06.manage.microsoft.com{request.raw_path}"
    text = (
        f"{message} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: {activity_id} - Url: {url}"
    )
    fields = {
        "_version": 3,
        "Message": text,
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return json.dumps(fields, indent=2).replace("\n", "\r\n")


def error_response(refusal: Refusal, request: Request, request_id: str, now: str) -> Response:
    """The body that Graph sends with every refusal."""
    client_id = request.header("client-request-id") or request_id
    message = nested(refusal.message, request, client_id) if refusal.intune else refusal.message
    inner: dict[str, Any] = {"date": now, "request-id": request_id, "client-request-id": client_id}
    return Response(refusal.status, {"error": {"code": refusal.code, "message": message, "innerError": inner}}, dict(refusal.headers))


def stable_id(*parts: object) -> str:
    """A GUID that is the same for the same parts in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))
