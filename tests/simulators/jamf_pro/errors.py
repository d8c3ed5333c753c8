# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Jamf Pro says no: JSON from the Pro API, a page of HTML from the Classic API and from the edge in front of it."""

from __future__ import annotations

import html
import uuid

from ..exchange import Response

TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    415: "Unsupported Media Type", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Time-out",
}  # fmt: skip
NOT_FOUND = "The server has not found anything matching the request URI"
BROKEN_DATABASE = "Unable to update the database"


class Refusal(Exception):
    """A request that the Pro API refuses, with one error of its list."""

    def __init__(self, status: int, code: str, description: str, field: str | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description
        self.field = field

    def response(self) -> Response:
        error = {"code": self.code, "description": self.description, "id": "0", "field": self.field}
        return Response(self.status, {"httpStatus": self.status, "errors": [error]}, {"Content-Type": "application/json"})


class ClassicRefusal(Exception):
    """A request that the Classic API refuses; the reason is one sentence inside a page."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def response(self) -> Response:
        return page(self.status, self.reason)


def conflict(reason: str) -> ClassicRefusal:
    return ClassicRefusal(409, f"Error: {reason}")


def page(status: int, reason: str) -> Response:
    """The Classic API's status page."""
    section = f"10.{status // 100}.{status % 100 + 1}"
    text = (
        '<html>\n<head>\n   <title>Status page</title>\n</head>\n<body style="font-family: sans-serif;">\n'
        f'<p style="font-size: 1.2em;font-weight: bold;margin: 1em 0px;">{TITLES[status]}</p>\n<p>{html.escape(reason)}</p>\n'
        f'<p>You can get technical details <a href="http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec{section}">here</a>.<br>\n'
        'Please continue your visit at our <a href="/">home page</a>.\n</p>\n</body>\n</html>\n'
    )
    return Response(status, headers={"Content-Type": "text/html;charset=UTF-8"}, body=text.encode())


def edge_page(status: int) -> Response:
    """What the load balancer in front of the server says."""
    title = f"{status} {TITLES[status]}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Response(status, headers={"Content-Type": "text/html"}, body=text.encode())


def stable_id(*parts: object) -> str:
    """A UUID that is the same for the same parts in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))
