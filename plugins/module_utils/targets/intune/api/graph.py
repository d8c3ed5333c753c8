# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Microsoft Graph: paths by API version, lists by page, permissions by call."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.http.paging import Page, frame_and_items, is_identifier, link_of, object_of, read_pages
from ....mdm.http.response import Response
from ....mdm.http.retry_loop import LOOK_IT_UP
from ....mdm.http.session import Session
from ....mdm.http.urls import QueryValue, require_same_origin, with_query
from .clouds import Cloud
from .credentials import Credentials
from .graph_batch import BatchItem, run_batch
from .graph_errors import read_graph_error

#: Where a page says where the next one is.
NEXT_LINK = "@odata.nextLink"
HOW_TO_GRANT = "Grant the app registration the application permission %s in Entra, with admin consent"


class Graph:
    """Talks to Microsoft Graph; several threads may use it at once.

    ``version`` is "v1.0" or "beta" and belongs to the resource, not to the user: writing an object through another version than the one it
    was made with may drop what that version doesn't know. ``what`` follows "Failed to"; ``permission`` is the application permission that
    the call needs, named in the message of a 403 and remembered once the call succeeds.

    Args:
        cloud: where the tenant is.
        credentials: for ``cloud.graph_url``.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.
    """

    def __init__(self, cloud: Cloud, credentials: Credentials, connection: Connection, check_mode: bool) -> None:
        self.credentials = credentials
        self.session = Session(
            cloud.graph_url, credentials, connection, check_mode, read_message=read_graph_error, how_to_grant=HOW_TO_GRANT
        )
        self.lock = threading.Lock()
        self.used: set[str] = set()

    def __repr__(self) -> str:
        return "Graph(%s)" % self.session.base_url

    def permissions_used(self) -> list[str]:
        """The permissions of the calls that succeeded, sorted."""
        with self.lock:
            return sorted(self.used)

    def note(self, permission: str) -> None:
        """Remember that a permission was used."""
        if permission:
            with self.lock:
                self.used.add(permission)

    def get(
        self,
        version: str,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        permission: str,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Read one document.

        Raises:
            RequestFailed, OutOfTime
        """
        response = self.session.get(address(version, path), params, what=what, needs=permission, headers=headers)
        self.note(permission)
        return object_of(response)

    def find(
        self,
        version: str,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        permission: str,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Read one document that may not be there: None for 404.

        Raises:
            RequestFailed, OutOfTime
        """
        response = self.session.get(address(version, path), params, what=what, needs=permission, headers=headers, accept={404})
        self.note(permission)
        return object_of(response) if response.ok() else None

    def pages(
        self,
        version: str,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        permission: str,
        headers: Mapping[str, str] | None = None,
        expected: int | None = None,
        identifier: str = "id",
        ahead: bool = False,
    ) -> Iterator[Any]:
        """Yield the items of a list, page by page, following ``@odata.nextLink`` as it is (Graph documentation, "Paging").

        Args:
            expected: how many there are, as the service counts them elsewhere: a list that far outgrows that is an error.
            identifier: the field that every item must have.
            ahead: see ``read_pages``.

        Raises:
            RequestFailed, OutOfTime, AppbanError: for a page that fails, at the place where it is missing; for a list without an end.
        """
        first = with_query(address(version, path), params)
        yield from self.follow(first, None, what, permission, headers, expected, identifier, ahead)

    def read_list(
        self, version: str, answer: Response, *, permission: str, expected: int | None = None, identifier: str = "id"
    ) -> list[dict[str, Any]]:
        """Read a whole list whose first page is the answer to an item of a batch; the other pages are read one by one.

        Raises:
            RequestFailed, OutOfTime, AppbanError: if the answer is an error, and as ``pages``.
        """
        if not answer.ok():
            raise self.failure(answer, permission)
        url = answer.request.url
        return list(self.follow(url, answer, answer.request.what, permission, None, expected, identifier))

    def follow(
        self,
        first: str,
        answer: Response | None,
        what: str,
        permission: str,
        headers: Mapping[str, str] | None,
        expected: int | None,
        identifier: str,
        ahead: bool = False,
    ) -> Iterator[Any]:
        """Yield the items of a list from its first page on, which may have been answered already."""
        base_url = self.session.base_url

        def fetch(where: str) -> Page:
            if answer is not None and where == first:
                return read_page(answer, identifier)
            response = self.session.get(where, what=what, needs=permission, headers=headers)
            self.note(permission)
            self.session.counters.add(pages=1)
            return read_page(response, identifier)

        def identify(item: Any) -> str:
            return str(item.get(identifier) or "")

        def admit(link: str) -> None:
            require_same_origin(link, base_url, what)

        for page in read_pages(first, fetch, what, admit, expected=expected, identify=identify, ahead=ahead):
            yield from page.items

    def ask(
        self, version: str, path: str, body: object, *, what: str, permission: str, in_check_mode: bool = False
    ) -> Any:
        """Read by POST: an export job, a report. See ``Session.ask``."""
        response = self.session.ask(address(version, path), what=what, body=body, needs=permission, in_check_mode=in_check_mode)
        self.note(permission)
        return object_of(response)

    def post(
        self,
        version: str,
        path: str,
        body: object,
        *,
        what: str,
        permission: str,
        accept: Container[int] = (),
        repeatable: bool = False,
    ) -> Any:
        """Create, or call an action; ``repeatable`` for one that sets a whole list, such as ``assign``. See ``Session.post``."""
        response = self.session.post(
            address(version, path), what=what, body=body, needs=permission, accept=accept, repeatable=repeatable
        )
        self.note(permission)
        return response.json()

    def create(self, version: str, path: str, body: object, *, what: str, permission: str) -> str:
        """Create an object and return its id.

        Raises:
            UncertainWrite: also if the answer doesn't hold the id; the object is there, under whatever id.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        response = self.session.post(address(version, path), what=what, body=body, needs=permission)
        self.note(permission)
        try:
            made = object_of(response).get("id")
        except RequestFailed as error:
            raise UncertainWrite(error.what, error.where, LOOK_IT_UP, error.status) from error
        if not made or not is_identifier(made):
            raise UncertainWrite("Failed to %s: the answer holds no id" % what, response.place(), LOOK_IT_UP, response.status)
        return str(made)

    def put(self, version: str, path: str, body: object, *, what: str, permission: str) -> Any:
        """Replace. See ``Session.put``."""
        response = self.session.put(address(version, path), what=what, body=body, needs=permission)
        self.note(permission)
        return response.json()

    def patch(self, version: str, path: str, body: object, *, what: str, permission: str) -> Any:
        """Set the values that are named. See ``Session.patch``."""
        response = self.session.patch(address(version, path), what=what, body=body, needs=permission)
        self.note(permission)
        return response.json()

    def delete(self, version: str, path: str, *, what: str, permission: str, missing_ok: bool = True) -> None:
        """Delete; an object that is gone already is as good. See ``Session.delete``."""
        self.session.delete(address(version, path), what=what, needs=permission, missing_ok=missing_ok)
        self.note(permission)

    def batch(
        self,
        version: str,
        items: Sequence[BatchItem],
        *,
        what: str,
        workers: int = 4,
        answers: dict[str, Response] | None = None,
        things: str = "",
    ) -> dict[str, Response]:
        """Make many requests with few; the answers keep their status, so that the caller decides what each means. See ``run_batch``."""
        answers = run_batch(self.session, version, items, what, workers, answers, things)
        for item in items:
            if answers[item.id].ok():
                self.note(item.permission)
        return answers

    def failure(self, response: Response, permission: str = "") -> RequestFailed:
        """Make the error of an answer of a batch that the caller doesn't accept."""
        return self.session.failure(response, permission)


def address(version: str, path: str) -> str:
    """Put the API version before a path; a next link stays as it is."""
    return path if path.startswith(("https://", "http://")) else "%s/%s" % (version, path.lstrip("/"))


def read_page(response: Response, identifier: str = "id") -> Page:
    """Read a page of a list.

    Raises:
        RequestFailed: for whatever isn't one.
    """
    document, items = frame_and_items(response, "value", identifier)
    return Page(items, link_of(response, document, NEXT_LINK))
