# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .http_errors import RequestFailed
from .json_text import loads
from .urls import in_a_message

#: Letters of a server's words in a message at most.
LONGEST_MESSAGE = 300
#: Where servers put their id of a request: Microsoft, then everybody else.
REQUEST_ID_HEADERS = ("request-id", "x-ms-request-id", "x-request-id", "x-correlation-id")


@dataclass(frozen=True)
class Request:
    """One request, as it goes out.

    Args:
        method: in capitals.
        url: absolute, query included.
        what: what is being done, to follow "Failed to": "list the managed devices".
        headers: without the client-request-id, which is new for every attempt.
        content: the body.
    """

    method: str
    url: str
    what: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """An answer, read to its end. Neither headers nor body are in its repr, because either may hold a secret.

    Args:
        request: what was asked.
        status: the HTTP status.
        headers: names in lower case.
        body: as it came, without transfer and content encoding; empty if it went to a file.
        client_request_id: our id of this attempt.
        size: bytes of the body, also if it went to a file.
        attempts: how often the request was sent.
        seconds: how long all attempts took, waits included.
    """

    request: Request
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    client_request_id: str = ""
    size: int = 0
    attempts: int = 1
    seconds: float = 0.0

    def ok(self) -> bool:
        """Say whether the server did what it was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Read the body as JSON; None if there is none.

        Raises:
            RequestFailed: if it is something else, a page of a proxy for example.
        """
        if not self.body.strip():
            return None
        try:
            return loads(self.body)
        except RecursionError:
            problem = "the answer is JSON that is nested too deep to be read, " + self.content()
        except ValueError:
            problem = "the answer is not JSON but " + self.content()
        raise RequestFailed(
            "Failed to %s: %s" % (self.request.what, problem),
            self.place(),
            "Check the URL in the connection options, and what a proxy may put in the way",
            status=self.status,
            client_request_id=self.client_request_id,
        )

    def content(self) -> str:
        """What the body is, in words: ``63 bytes of text/html``."""
        words = "%d bytes of %s" % (len(self.body), shorten(self.headers.get("content-type", "unnamed content"))[:80])
        is_page = re.match(rb"\s*(<!doctype\s+html|<html)\b", self.body[:1000], re.IGNORECASE)
        return "a page for a browser, " + words if is_page else words

    def place(self, request_id: str = "") -> str:
        """Method, URL and request ids, for the place of an error."""
        words = ["%s %s" % (self.request.method, in_a_message(self.request.url))]
        server_id = request_id or self.request_id()
        if server_id:
            words.append("request-id %s" % server_id)
        if self.client_request_id:
            words.append("client-request-id %s" % self.client_request_id)
        return ", ".join(words)

    def request_id(self) -> str:
        """The server's id of the request, if a header gives one."""
        return next((self.headers[name] for name in REQUEST_ID_HEADERS if self.headers.get(name)), "")


@dataclass(frozen=True)
class ServerMessage:
    """What a server says about an error.

    Args:
        text: for a person.
        code: for a program.
        request_id: the server's id of the request, if the body gives one.
        advice: what to do about it, if the code is known.
    """

    text: str = ""
    code: str = ""
    request_id: str = ""
    advice: str = ""


#: How an adapter reads the errors of its vendor.
ReadMessage = Callable[[Response], ServerMessage]


def read_server_message(response: Response) -> ServerMessage:
    """Find the message of an error in the usual places of JSON, or in the text of the body."""
    text = response.body[:100_000].decode("utf-8", "replace")
    try:
        document = loads(response.body) if response.body else None
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return in_json(document)
    if "<html" in text.lower():
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    return ServerMessage(shorten(text))


def in_json(document: Mapping[str, Any]) -> ServerMessage:
    """Find the message of an error in a JSON object."""
    inner = document.get("error")
    source = inner if isinstance(inner, dict) else document
    code = source.get("code") or (inner if isinstance(inner, str) else "")
    text = source.get("message") or source.get("error_description") or source.get("detail") or source.get("description") or ""
    errors = document.get("errors")
    if not text and isinstance(errors, list):
        found = [one.get("description") or one.get("message") or one.get("reason") if isinstance(one, dict) else one for one in errors]
        text = "; ".join(str(one) for one in found if one)
    if not text:
        text, code = (code, "") if isinstance(code, str) else ("", code)
    return ServerMessage(shorten(str(text)), str(code))


def shorten(text: str) -> str:
    """Put a text on one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + " ..."
