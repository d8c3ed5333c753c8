# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of one Jamf Pro server: its addresses, the node it stays on, and the JSON of the Pro API."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Container, Iterator, Mapping
from typing import Any

from ....mdm.http.complete_lists import Distinct
from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.paging import AGAIN, REPEATED, described, frame_and_items, most_of, object_of, odd
from ....mdm.http.response import Response
from ....mdm.http.retry import REPEATABLE, Safety
from ....mdm.http.session import Session
from ....mdm.http.sticky_cookies import StickyCookies
from ....mdm.http.urls import QueryValue, join, refuse_own_paths
from .credentials import CredentialOptions, Credentials, choose_method
from .jamf_errors import read_jamf_error
from .privileges import AND
from .token_methods import TokenRequests

#: What a person knows the server as.
PRODUCT = "Jamf Pro"
#: What keeps a client on one node of Jamf Cloud; the second is the newer one.
STICKY = ("APBALANCEID", "jpro-ingress")
#: Seconds that an answer may take at least: scopes and groups are worked out for the whole fleet within the request that changes them.
PATIENCE = 120.0
HOW_TO_GRANT = "Give the API role of the client, or the account, the privilege %s (Settings, API roles and clients)"
#: Where its APIs are below its address.
OWN_PATHS = ("/JSSResource", "/api/v1", "/api/v2", "/api", "/uapi")
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
    refuse_own_paths(url, "url", OWN_PATHS)
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
        patient = dataclasses.replace(connection, retry_loop=connection.retry_loop.with_patience(PATIENCE))
        self.credentials = credentials
        self.clock = connection.clock
        self.counters = connection.counters
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
        return str(document.get("version") or "")

    def get(self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str) -> dict[str, Any]:
        """Read one JSON document.

        Raises:
            RequestFailed, OutOfTime
        """
        return object_of(self.fetch(path, params, what=what, privilege=privilege))

    def find(self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str) -> dict[str, Any] | None:
        """Read one JSON document that may not be there: None for 404. Raises as ``get``."""
        response = self.fetch(path, params, what=what, privilege=privilege, accept={404})
        return object_of(response) if response.ok() else None

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

    def rows(
        self, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, privilege: str, key: str
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a list of light rows, page by page: until there are as many different ones as the server says.

        Args:
            key: the field with a row's id.

        Raises:
            RequestFailed, OutOfTime
        """
        seen = 0
        first: int | None = None
        distinct = Distinct()
        size = PAGE_SIZE
        while True:
            query = {**(params or {}), "page": seen // size, "page-size": size}
            response = self.fetch(path, query, what=what, privilege=privilege)
            self.session.counters.add(pages=1)
            total, results = read_page(response, key)
            first = total if first is None else first
            refuse_growth(response, first, max(total, seen + len(results)))
            fresh = [row for row in results if distinct.add(str(row[key]))]
            if results and not fresh:
                raise unsound(response, REPEATED)
            if seen + len(results) > total:
                raise incomplete(response, seen + len(results), total)
            yield from fresh
            if seen == 0 and results:
                # A server that gives fewer rows than it is asked for doesn't say so, and counts its pages by its own size.
                size = min(size, len(results))
            seen += len(results)
            if seen >= total:
                if len(distinct) < total:
                    raise incomplete(response, len(distinct), total)
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


def read_page(response: Response, key: str = "") -> tuple[int, list[dict[str, Any]]]:
    """The size of the whole list and the rows of one page: ``{"totalCount", "results"}``.

    Args:
        key: the field with a row's id, which each must have; empty for none.

    Raises:
        RequestFailed: for anything else; taken for an empty page, it would end the list too early.
    """
    document, rows = frame_and_items(response, "results", key)
    total = document.get("totalCount")
    if isinstance(total, int) and not isinstance(total, bool) and total >= 0:
        return total, rows
    shown = described(total) if "totalCount" in document else "nothing"
    raise odd(response, "the answer holds no count but %s under totalCount" % (total if isinstance(total, int) else shown))


def incomplete(response: Response, seen: int, total: int) -> RequestFailed:
    """The error of a list that isn't as long as the server says."""
    return unsound(response, "the server gave %d rows and says that there are %d" % (seen, total))


def unsound(response: Response, problem: str) -> RequestFailed:
    """The error of a list that can't be true."""
    return RequestFailed(
        "Failed to %s: %s" % (response.request.what, problem),
        response.place(),
        AGAIN,
        response.status,
        client_request_id=response.client_request_id,
    )


def refuse_growth(response: Response, first: int, now: int) -> None:
    """Refuse a list that grows and grows while it is read.

    Args:
        first: how many rows the server counted first.
        now: how many it counts, or has given, by now.

    Raises:
        RequestFailed
    """
    if now > most_of(first):
        raise unsound(response, "the server counts %d and gives more than %d" % (first, most_of(first)))
