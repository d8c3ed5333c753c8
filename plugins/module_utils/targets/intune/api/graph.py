# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Microsoft Graph: paths by API version, lists by page, permissions by call."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.http.json_text import loads
from ....mdm.http.paging import Page, frame_and_items, is_identifier, link_of, object_of, read_pages
from ....mdm.http.response import Response, ServerMessage, read_server_message, shorten
from ....mdm.http.retry_loop import LOOK_IT_UP
from ....mdm.http.session import Session
from ....mdm.http.urls import QueryValue, require_same_origin, with_query
from .clouds import Cloud
from .credentials import Credentials
from .graph_batch import BatchItem, run_batch

#: Where a page says where the next one is.
NEXT_LINK = "@odata.nextLink"
HOW_TO_GRANT = "Grant the app registration the application permission %s in Entra, with admin consent"
#: Intune's sentence is followed by ids and an internal URL, joined with " - ".
TAIL = re.compile(r"\s+-\s+(?:Operation ID|Activity ID|Url\b|CustomApiErrorPhrase).*", re.DOTALL)
ACTIVITY = re.compile(r"Activity ID:\s*([0-9a-fA-F-]{36})")
#: A tenant whose service is not set up answers so to every request.
NO_INTUNE = "not applicable to target tenant"


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

    def _noted(self, permission: str, response: Response) -> Response:
        self.note(permission)
        return response

    def get(
        self, version: str, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, permission: str
    ) -> dict[str, Any]:
        """Read one document.

        Raises:
            RequestFailed, OutOfTime
        """
        return object_of(self._noted(permission, self.session.get(address(version, path), params, what=what, needs=permission)))

    def find(
        self, version: str, path: str, params: Mapping[str, QueryValue] | None = None, *, what: str, permission: str
    ) -> dict[str, Any] | None:
        """Read one document that may not be there: None for 404.

        Raises:
            RequestFailed, OutOfTime
        """
        response = self._noted(permission, self.session.get(address(version, path), params, what=what, needs=permission, accept={404}))
        return object_of(response) if response.ok() else None

    def pages(
        self,
        version: str,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        permission: str,
        expected: int | None = None,
        ahead: bool = False,
    ) -> Iterator[Any]:
        """Yield the items of a list, page by page, following ``@odata.nextLink`` as it is (Graph documentation, "Paging").

        Args:
            expected: how many there are, as the service counts them elsewhere: a list that far outgrows that is an error.
            ahead: see ``read_pages``.

        Raises:
            RequestFailed, OutOfTime, AppbanError: for a page that fails, at the place where it is missing; for a list without an end.
        """
        yield from self._follow(with_query(address(version, path), params), None, what, permission, expected, ahead)

    def read_list(self, answer: Response, *, permission: str) -> list[dict[str, Any]]:
        """Read a whole list whose first page is the answer to an item of a batch; the other pages are read one by one.

        Raises:
            RequestFailed, OutOfTime, AppbanError: if the answer is an error, and as ``pages``.
        """
        if not answer.ok():
            raise self.failure(answer, permission)
        return list(self._follow(answer.request.url, answer, answer.request.what, permission, None))

    def _follow(
        self, first: str, answer: Response | None, what: str, permission: str, expected: int | None, ahead: bool = False
    ) -> Iterator[Any]:
        """Yield the items of a list from its first page on, which may have been answered already."""
        base_url = self.session.base_url

        def fetch(where: str) -> Page:
            if answer is not None and where == first:
                return read_page(answer)
            response = self._noted(permission, self.session.get(where, what=what, needs=permission))
            self.session.counters.add(pages=1)
            return read_page(response)

        def identify(item: Any) -> str:
            return str(item.get("id") or "")

        def admit(link: str) -> None:
            require_same_origin(link, base_url, what)

        for page in read_pages(first, fetch, what, admit, expected=expected, identify=identify, ahead=ahead):
            yield from page.items

    def ask(self, version: str, path: str, body: object, *, what: str, permission: str) -> dict[str, Any]:
        """Read by POST: an export job, a report. See ``Session.ask``."""
        return object_of(self._noted(permission, self.session.ask(address(version, path), what=what, body=body, needs=permission)))

    def post(self, version: str, path: str, body: object, *, what: str, permission: str, repeatable: bool = False) -> Any:
        """Create, or call an action; ``repeatable`` for one that sets a whole list, such as ``assign``. See ``Session.post``."""
        response = self.session.post(address(version, path), what=what, body=body, needs=permission, repeatable=repeatable)
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
        return self._noted(permission, self.session.put(address(version, path), what=what, body=body, needs=permission)).json()

    def patch(self, version: str, path: str, body: object, *, what: str, permission: str) -> Any:
        """Set the values that are named. See ``Session.patch``."""
        return self._noted(permission, self.session.patch(address(version, path), what=what, body=body, needs=permission)).json()

    def delete(self, version: str, path: str, *, what: str, permission: str) -> None:
        """Delete; an object that is gone already is as good. See ``Session.delete``."""
        self.session.delete(address(version, path), what=what, needs=permission, missing_ok=True)
        self.note(permission)

    def batch(
        self,
        version: str,
        items: Sequence[BatchItem],
        *,
        what: str,
        answers: dict[str, Response] | None = None,
        things: str = "",
    ) -> dict[str, Response]:
        """Make many requests with few; the answers keep their status, so that the caller decides what each means. See ``run_batch``."""
        answers = run_batch(self.session, version, items, what, answers, things)
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


def read_page(response: Response) -> Page:
    """Read a page of a list.

    Raises:
        RequestFailed: for whatever isn't one.
    """
    document, items = frame_and_items(response, "value", "id")
    return Page(items, link_of(response, document, NEXT_LINK))


def read_graph_error(response: Response) -> ServerMessage:
    """Find code, sentence and ids in the answer to a failed request.

    The shape is ``{"error": {"code", "message", "innerError": {"request-id", "client-request-id", "date"}}}`` (Graph documentation, "Error
    responses"). In Intune's, ``message`` is itself JSON: ``{"Message": "... - Operation ID ... - Activity ID: ...", ...}``.
    """
    try:
        document = response.json()
    except RequestFailed:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return read_server_message(response)
    inner = error.get("innerError") or error.get("innererror")
    request_id = str(inner.get("request-id", "")) if isinstance(inner, dict) else ""
    raw = str(error.get("message") or "")
    nested = read_nested(raw)
    sentence = str(nested.get("Message") or raw)
    activity = ACTIVITY.search(sentence)
    text = shorten(TAIL.sub("", sentence))
    phrase = str(nested.get("CustomApiErrorPhrase") or "")
    if phrase and phrase not in text:
        text = "%s (%s)" % (text, phrase)
    if activity and activity[1].lower() != (request_id or response.request_id()).lower():
        text = "%s (Activity ID %s)" % (text, activity[1])
    advice = "Check that the tenant has an Intune licence and that the app may use it" if NO_INTUNE in text.lower() else ""
    return ServerMessage(text, str(error.get("code") or ""), request_id, advice)


def read_nested(message: str) -> Mapping[str, Any]:
    """Read the document within a message of Intune; empty if the message is a plain sentence."""
    if not message.lstrip().startswith("{"):
        return {}
    try:
        nested = loads(message)
    except (ValueError, RecursionError):
        return {}
    return nested if isinstance(nested, dict) else {}
