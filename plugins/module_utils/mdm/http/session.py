# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP session of one MDM server: verbs that count, retry what is safe, and write nothing in check mode."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import urljoin

from ...engine.errors import WriteInCheckMode
from .advice import WRONG_PLACE, advice
from .authorization import Authorize
from .connection import Connection
from .http_errors import RequestFailed, UncertainWrite
from .response import ReadMessage, Request, Response, read_server_message
from .retry import CERTAINLY_NOT, CREATE, REPEATABLE, REPEATABLE_DELETE, SLOW_DELETE, Safety
from .retry_loop import LOOK_IT_UP, Effect
from .sticky_cookies import StickyCookies
from .urls import QueryValue, in_a_message, join, require_https, require_same_origin, shown, with_query


@dataclass(frozen=True)
class Content:
    """A body that isn't JSON.

    Args:
        data: its bytes.
        media_type: the Content-Type header.
    """

    data: bytes = field(repr=False)
    media_type: str


class Session:
    """Talks to one server; several threads may use it at once.

    ``what`` says what is being done and follows "Failed to": "list the managed devices". ``needs`` names the permission that the request
    needs, for the message of a 403. ``accept`` holds statuses besides 2xx that the caller deals with; any other one raises.

    Args:
        base_url: where paths are below; https, or this machine.
        authorize: gives the headers that prove who we are.
        connection: what the sessions of the run share.
        check_mode: whether writes are refused.
        read_message: finds the server's words in the answer to a failed request.
        headers: sent with every request.
        how_to_grant: what to do about a permission that is missing; ``%s`` stands for it.
        cookies: those that are kept and sent back; none by default.
    """

    def __init__(
        self,
        base_url: str,
        authorize: Authorize,
        connection: Connection,
        check_mode: bool,
        read_message: ReadMessage = read_server_message,
        headers: Mapping[str, str] | None = None,
        how_to_grant: str = "Grant the account of the connection options the permission %s",
        cookies: StickyCookies | None = None,
    ) -> None:
        require_https(base_url, "The server's URL")
        self.base_url = base_url
        self.authorize = authorize
        self.connection = connection
        self.counters = connection.counters
        self.redactor = connection.redactor
        self.check_mode = check_mode
        self.read_message = read_message
        self.headers = dict(headers or {})
        self.how_to_grant = how_to_grant
        self.cookies = cookies or StickyCookies()

    def __repr__(self) -> str:
        return "Session(%s)" % shown(self.base_url)

    def get(
        self,
        path: str,
        params: Mapping[str, QueryValue] | None = None,
        *,
        what: str,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        safety: Safety = REPEATABLE,
    ) -> Response:
        """Read.

        Args:
            path: below the base URL, or an absolute URL on the same scheme, host and port (a next link).
            params: the query.
            safety: when it may be sent again.

        Raises:
            RequestFailed, OutOfTime, AppbanError
        """
        request = self.request("GET", path, params, what, headers)
        self.counters.add(reads=1)
        return self.send(request, safety, needs, accept)

    def ask(
        self,
        path: str,
        *,
        what: str,
        body: object = None,
        content: Content | None = None,
        params: Mapping[str, QueryValue] | None = None,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        in_check_mode: bool = False,
        reads: int = 1,
    ) -> Response:
        """Read by POST: a query that the vendor wants in a body, an export job. Counted and retried as a read.

        Args:
            in_check_mode: the caller's word that the server changes nothing by it, so that it may leave in check mode.
            reads: how many reads it counts as.

        Raises:
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        request = self.request("POST", path, params, what, headers, body, content)
        if not in_check_mode:
            self.refuse_in_check_mode(request)
        self.counters.add(reads=reads)
        return self.send(request, REPEATABLE, needs, accept)

    def post(
        self,
        path: str,
        *,
        what: str,
        body: object = None,
        content: Content | None = None,
        params: Mapping[str, QueryValue] | None = None,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        repeatable: bool = False,
    ) -> Response:
        """Create, or command.

        Args:
            body: sent as JSON.
            content: a body of another kind.
            repeatable: the caller's word that doing it twice is the same as once (an action that sets a whole list).

        Raises:
            UncertainWrite: it may have been executed; look the object up.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        return self.write("POST", path, params, what, headers, body, content, needs, accept, REPEATABLE if repeatable else CREATE)

    def put(
        self,
        path: str,
        *,
        what: str,
        body: object = None,
        content: Content | None = None,
        params: Mapping[str, QueryValue] | None = None,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        repeatable: bool = True,
    ) -> Response:
        """Replace. Raises as ``post``, but UncertainWrite only if it isn't repeatable: where it takes the server minutes, for example."""
        return self.write("PUT", path, params, what, headers, body, content, needs, accept, REPEATABLE if repeatable else CREATE)

    def patch(
        self,
        path: str,
        *,
        what: str,
        body: object = None,
        content: Content | None = None,
        params: Mapping[str, QueryValue] | None = None,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        repeatable: bool = True,
    ) -> Response:
        """Set the values that are named. Raises as ``put``."""
        return self.write("PATCH", path, params, what, headers, body, content, needs, accept, REPEATABLE if repeatable else CREATE)

    def delete(
        self,
        path: str,
        *,
        what: str,
        params: Mapping[str, QueryValue] | None = None,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        missing_ok: bool = True,
        repeatable: bool = True,
    ) -> Response:
        """Delete.

        A server that throttles (429, 503) is asked again until the deadline, however often.

        Args:
            missing_ok: whether 404 is as good as done: an attempt whose answer was lost leads there.

        Raises as ``put``.
        """
        statuses = Either(accept, {404}) if missing_ok else accept
        safety = REPEATABLE_DELETE if repeatable else SLOW_DELETE
        return self.write("DELETE", path, params, what, headers, None, None, needs, statuses, safety)

    def fetch_without_token(self, url: str, into: BinaryIO, *, limit: int, what: str) -> int:
        """Fetch what a signed URL (Azure: SAS) gives to everybody who has it; no token goes along.

        Args:
            url: https, or this machine. Its query is a secret, and from now on the redactor knows it.
            into: a file that can seek and write; what was there before stays.
            limit: bytes that are fetched at most.

        Returns:
            The number of bytes.

        Raises:
            RequestFailed, OutOfTime, AppbanError
        """
        require_https(url, "The address of the download")
        self.redactor.learn(url.partition("?")[2])
        self.counters.add(reads=1)
        request = Request("GET", url, what, {"Accept": "*/*"})
        response = self.connection.retry_loop.send(request, REPEATABLE, self.counters.add_retry, into, limit)
        if not response.ok():
            raise self.failure(response)
        return response.size

    def write(
        self,
        method: str,
        path: str,
        params: Mapping[str, QueryValue] | None,
        what: str,
        headers: Mapping[str, str] | None,
        body: object,
        content: Content | None,
        needs: str,
        accept: Container[int],
        safety: Safety,
        parts: Sequence[Part] | None = None,
        acted: Callable[[Response | None], int] | None = None,
    ) -> Response:
        """The one way out for every write, and so the one place where check mode stops it and where it is noted before it leaves.

        Args:
            parts: the writes that it consists of; by default it is one itself, and it is none for what was noted and counted before.
            acted: counts the writes that may have had an effect, by an answer of success; by None if there is none, and nobody knows.
        """
        request = self.request(method, path, params, what, headers, body, content)
        self.refuse_in_check_mode(request)
        noted = [Part(method, request.url, what)] if parts is None else parts
        for part in noted:
            self.connection.note(part.method, part.url, part.what)
        self.counters.add(writes=len(noted))
        effect = Effect()
        response = None
        try:
            response = self.send(request, safety, needs, accept, effect)
        finally:
            if effect.possible:
                self.connection.journal.add(acted(response) if acted else 1)
        return response

    def refuse_in_check_mode(self, request: Request) -> None:
        """Raise WriteInCheckMode if this is check mode."""
        if self.check_mode:
            raise WriteInCheckMode(
                self.redactor.scrub("A request to %s was about to leave in check mode" % request.what),
                self.redactor.scrub("%s %s" % (request.method, in_a_message(request.url))),
                "Nothing was sent; this is a defect of the collection, please report it",
            )

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, QueryValue] | None,
        what: str,
        headers: Mapping[str, str] | None,
        body: object = None,
        content: Content | None = None,
    ) -> Request:
        """Form a request, without what authorizes it.

        Raises:
            AppbanError: if the path is a URL on another server.
        """
        url = with_query(join(self.base_url, path), params)
        require_same_origin(url, self.base_url, what)
        every = {**self.headers, **(headers or {})}
        data = None
        if content is not None:
            data = content.data
            every["Content-Type"] = content.media_type
        elif body is not None:
            data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
            every["Content-Type"] = "application/json"
        return Request(method, url, what, every, data)

    def send(
        self, request: Request, safety: Safety, needs: str, accept: Container[int], effect: Effect | None = None
    ) -> Response:
        """Send with authorization, renewed once if the server refuses it, and raise for what the caller doesn't accept."""
        authorization = self.authorize.headers()
        response = self.deliver(request, authorization, safety, effect)
        if response.status == 401 and self.authorize.refused(authorization):
            self.counters.add_retry()
            response = self.deliver(request, self.authorize.headers(), safety, effect)
        if response.ok() or response.status in accept:
            return response
        if response.status >= 500 and response.status not in CERTAINLY_NOT and safety.leaves_doubt():
            failed = self.failure(response, needs)
            raise UncertainWrite(failed.what, failed.where, LOOK_IT_UP, response.status)
        raise self.failure(response, needs)

    def deliver(self, request: Request, authorization: Mapping[str, str], safety: Safety, effect: Effect | None = None) -> Response:
        """Send with these headers and the cookies that are kept."""
        whole = with_headers(request, {**authorization, **self.cookies.headers()})
        response = self.connection.retry_loop.send(whole, safety, self.counters.add_retry, effect=effect)
        self.cookies.learn(response)
        return response

    def failure(self, response: Response, needs: str = "") -> RequestFailed:
        """Make the error of an answer that says no."""
        message = self.read_message(response)
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = ""
        reason = ("HTTP %d %s" % (response.status, phrase)).rstrip()
        # Many a code is the phrase once more: NotFound, Forbidden.
        code = "" if message.code.lower() == phrase.replace(" ", "").lower() else message.code
        if response.attempts > 1:
            reason += ", after %d attempts within %s s" % (response.attempts, "%d" % round(response.seconds))
        redirect = redirected(response) if 300 <= response.status < 400 else None
        if redirect:
            reason += ": " + redirect[0]
        elif message.text:
            reason += ": %s%s" % (code + ": " if code and code not in message.text else "", message.text)
        elif code:
            reason += ": " + code
        request_id = message.request_id or response.request_id()
        next_step = message.advice or advice(response.status, bool(request_id))
        if response.status == 403 and needs and not message.advice:
            next_step = self.how_to_grant % needs
        if redirect:
            next_step = redirect[1]
        scrub = self.redactor.scrub
        return RequestFailed(
            scrub("Failed to %s: %s" % (response.request.what, reason)),
            scrub(response.place(request_id)),
            scrub(next_step),
            response.status,
            scrub(message.code),
            scrub(request_id),
            response.client_request_id,
        )


def redirected(response: Response) -> tuple[str, str]:
    """What an answer says that sends us elsewhere, and what to do about it."""
    if response.status == 304:
        return "an answer for a cache, and nobody asked for one", advice(304)
    place = response.headers.get("location", "")
    if not place:
        return "a redirect that names no place", WRONG_PLACE
    if urljoin(response.request.url, place) == response.request.url:
        return "a redirect to the same address", WRONG_PLACE
    told = "a redirect to %s, which is not followed because the token would go there too" % in_a_message(place)
    return told, "Give the URL that it redirects to in the connection options, if that is the right server"


@dataclass(frozen=True)
class Part:
    """One write, as it is noted.

    Args:
        method: in capitals.
        url: absolute, or relative to the API.
        what: what is being done.
    """

    method: str
    url: str
    what: str


@dataclass(frozen=True)
class Either:
    """Holds what one of two containers holds."""

    one: Container[int]
    other: Container[int]

    def __contains__(self, status: object) -> bool:
        return status in self.one or status in self.other


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    """Add headers to a request."""
    return Request(request.method, request.url, request.what, {**request.headers, **headers}, request.content)
