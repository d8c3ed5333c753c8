# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of one Jamf Pro server: its addresses, the node it stays on, and the JSON of the Pro API."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Container, Iterator, Mapping
from typing import Any

from ...mdm.connection import Connection
from ...mdm.http_errors import RequestFailed
from ...mdm.response import Response
from ...mdm.retry import REPEATABLE, Safety
from ...mdm.session import Session
from ...mdm.sticky_cookies import StickyCookies
from ...mdm.urls import QueryValue, join
from .credentials import CredentialOptions, Credentials, choose_method
from .jamf_errors import read_jamf_error
from .privileges import AND
from .token_methods import TokenRequests

#: What keeps a client on one node of Jamf Cloud; the second is the newer one.
STICKY = ("APBALANCEID", "jpro-ingress")
#: Seconds that an answer may take at least: scopes and groups are worked out for the whole fleet within the request that changes them.
PATIENCE = 120.0
HOW_TO_GRANT = "Give the API role of the client, or the account, the privilege %s (Settings, API roles and clients)"
#: Rows of a page of groups or of members; the inventory has a rule of its own.
PAGE_SIZE = 500


def open_jamf(url: str, base_path: str, options: CredentialOptions, connection: Connection, check_mode: bool) -> Jamf:
    """Make the client; nothing is sent yet.

    Args:
        url: of the server, or of the gateway in front of it.
        base_path: where the server is mounted below it: "/api/proclassic/tenant/ID"; empty for nowhere.
        options: how to log in.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.

    Raises:
        AppbanError: for options that can't work.
    """
    base_url = join(url, base_path).rstrip("/")
    cookies = StickyCookies(STICKY)
    method = choose_method(options, connection.redactor)
    credentials = Credentials(method, TokenRequests(base_url, connection, cookies), connection.clock)
    return Jamf(base_url, credentials, connection, check_mode, cookies)


class Jamf:
    """Talks to one server; several threads may use it at once. Close it at the end, or use it in a ``with`` statement.

    ``what`` follows "Failed to"; ``privilege`` is what the request needs, named in the message of a 403 and remembered once it succeeds.
    A write is sent once: where nobody knows what became of it, UncertainWrite is raised, and the caller looks.

    Args:
        base_url: of the server, base path included.
        credentials: for it.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.
        cookies: those that keep us on one node.
    """

    def __init__(self, base_url: str, credentials: Credentials, connection: Connection, check_mode: bool, cookies: StickyCookies) -> None:
        patient = dataclasses.replace(connection, delivery=connection.delivery.with_patience(PATIENCE))
        self.credentials = credentials
        self.clock = connection.clock
        self.session = Session(
            base_url, credentials, patient, check_mode, read_message=read_jamf_error, how_to_grant=HOW_TO_GRANT, cookies=cookies
        )
        self.lock = threading.Lock()
        self.used: set[str] = set()

    def __repr__(self) -> str:
        return "Jamf(%s)" % self.session.base_url

    def __enter__(self) -> Jamf:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the access token back. The connection stays open; it is its maker's."""
        self.credentials.close()

    def privileges_used(self) -> list[str]:
        """The privileges of the requests that succeeded, sorted."""
        with self.lock:
            return sorted(self.used)

    def note(self, privilege: str) -> None:
        """Remember that privileges were used."""
        with self.lock:
            self.used.update(privilege.split(AND) if privilege else ())

    def version(self) -> str:
        """The server's version: "11.32.0-t1700000000". Raises as ``get``."""
        document = self.get("/api/v1/jamf-pro-version", what="read the server's version", privilege="")
        return str(document.get("version") or "") if isinstance(document, dict) else ""

    def get(self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str) -> Any:
        """Read one JSON document.

        Raises:
            RequestFailed, OutOfTime
        """
        return self.fetch(path, params, what=what, privilege=privilege).json()

    def find(self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str) -> Any | None:
        """Read one JSON document that may not be there: None for 404. Raises as ``get``."""
        response = self.fetch(path, params, what=what, privilege=privilege, accept={404})
        return response.json() if response.ok() else None

    def fetch(
        self,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        privilege: str,
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        safety: Safety = REPEATABLE,
    ) -> Response:
        """Read, and hand out the answer as it is. Raises as ``get``."""
        response = self.session.get(path, params, what=what, needs=privilege, headers=headers, accept=accept, safety=safety)
        if response.ok():
            self.note(privilege)
        return response

    def rows(self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a list of light rows, page by page: until there are as many as the server says.

        Raises:
            RequestFailed, OutOfTime
        """
        seen = 0
        size = PAGE_SIZE
        while True:
            query = {**(params or {}), "page": seen // size, "page-size": size}
            response = self.fetch(path, query, what=what, privilege=privilege)
            self.session.counters.add(pages=1)
            total, results = read_page(response)
            yield from results
            if seen == 0 and results:
                # A server that gives fewer rows than it is asked for doesn't say so, and counts its pages by its own size.
                size = min(size, len(results))
            seen += len(results)
            if seen >= total:
                return
            if len(results) < size:
                raise incomplete(response, seen, total)

    def post(self, path: str, body: object, *, what: str, privilege: str) -> Any:
        """Create.

        Raises:
            UncertainWrite, WriteInCheckMode, RequestFailed, OutOfTime
        """
        response = self.session.post(path, what=what, body=body, needs=privilege)
        self.note(privilege)
        return response.json()

    def put(self, path: str, body: object, *, what: str, privilege: str) -> None:
        """Replace. Raises as ``post``."""
        self.session.put(path, what=what, body=body, needs=privilege, repeatable=False)
        self.note(privilege)

    def patch(self, path: str, body: object, *, what: str, privilege: str) -> None:
        """Set the values that are named. Raises as ``post``."""
        self.session.patch(path, what=what, body=body, needs=privilege, repeatable=False)
        self.note(privilege)

    def delete(self, path: str, *, what: str, privilege: str) -> None:
        """Delete; what is gone already is as good. Raises as ``post``."""
        self.session.delete(path, what=what, needs=privilege, repeatable=False)
        self.note(privilege)


def read_page(response: Response) -> tuple[int, list[Mapping[str, Any]]]:
    """The size of the whole list and the rows of one page: ``{"totalCount", "results"}``.

    Raises:
        RequestFailed: for anything else; taken for an empty page, it would end the list too early.
    """
    document = response.json()
    total = document.get("totalCount") if isinstance(document, dict) else None
    results = document.get("results") if isinstance(document, dict) else None
    if isinstance(total, int) and isinstance(results, list) and all(isinstance(row, dict) for row in results):
        return total, results
    raise RequestFailed(
        "Failed to %s: the answer is not a page of a list" % response.request.what,
        response.place(),
        "Check the URL and the base path in the connection options, and what a proxy may put in the way",
        response.status,
        client_request_id=response.client_request_id,
    )


def incomplete(response: Response, seen: int, total: int) -> RequestFailed:
    """The error of a list that ends before its end."""
    return RequestFailed(
        "Failed to %s: the server gave %d rows and says that there are %d" % (response.request.what, seen, total),
        response.place(),
        "Run again; if it happens again, tell the maker of the server",
        response.status,
        client_request_id=response.client_request_id,
    )
