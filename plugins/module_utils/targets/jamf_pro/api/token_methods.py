# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a Jamf Pro server for access tokens, keep them alive, take them back.

Two ways: an API client (OAuth client credentials), or an account with user name and password (Jamf Pro API reference, "Client
Credentials" and "API Authentication"). The token is good for the Pro API and the Classic API alike.
"""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol
from urllib.parse import urlencode

from ....engine.errors import AppbanError
from ....mdm.http.access_token import Token
from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.response import Request, Response
from ....mdm.http.retry import REPEATABLE, Safety
from ....mdm.http.server_values import http_date, seconds_of
from ....mdm.http.sticky_cookies import StickyCookies
from ....mdm.http.urls import join
from .jamf_errors import read_jamf_error

FORM = "application/x-www-form-urlencoded"
#: The first is of today; servers that don't know it yet have the second.
OAUTH_PATHS = ("/api/v1/oauth/token", "/api/oauth/token")
USER_PATH = "/api/v1/auth/token"
KEEP_ALIVE_PATH = "/api/v1/auth/keep-alive"
INVALIDATE_PATH = "/api/v1/auth/invalidate-token"
#: Sent at most once: what comes of it doesn't matter, because there is another way.
ONCE = Safety(frozenset(), repeatable=False, harmless=True)
#: Seconds that taking a token back may take at the end of a run.
FAREWELL_TIMEOUT = 10.0


class TokenRequests:
    """Sends token requests; counted apart from the API's.

    Args:
        base_url: of the server, base path included.
        connection: what the sessions of the run share.
        cookies: the same ones as the session's, so that the whole run stays on one node.
    """

    def __init__(self, base_url: str, connection: Connection, cookies: StickyCookies) -> None:
        self.base_url = base_url
        self.connection = connection
        self.cookies = cookies

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        what: str = "get an access token",
        accept: Container[int] = (),
        safety: Safety = REPEATABLE,
        timeout: float | None = None,
    ) -> Response:
        """Send one.

        Raises:
            RequestFailed, OutOfTime
        """
        request = Request("POST", join(self.base_url, path), what, {**headers, **self.cookies.headers()}, content)
        counters = self.connection.counters
        counters.add(tokens=1)
        retry_loop = self.connection.retry_loop
        if timeout is not None:
            retry_loop = retry_loop.with_timeout(timeout)
        response = retry_loop.send(request, safety, counters.add_token)
        self.cookies.learn(response)
        if response.ok() or response.status in accept:
            return response
        raise self.failure(response)

    def token(self, response: Response, name: str) -> Token:
        """Take the token out of an answer, and tell the redactor about it."""
        document = response.json()
        value = document.get(name) if isinstance(document, dict) else None
        if not isinstance(value, str) or not value:
            raise RequestFailed(
                "Failed to get an access token: the answer holds none",
                response.place(),
                "Check the URL and the base path in the connection options, and what a proxy may put in the way",
                response.status,
            )
        self.connection.redactor.learn(value)
        return Token(value, self.lifetime(response, document))

    def lifetime(self, response: Response, document: Mapping[str, object]) -> float:
        """Seconds that a token is good for: ``expires_in``, or what is left until ``expires`` by the server's own clock."""
        seconds = seconds_of(document.get("expires_in"))
        if seconds is not None:
            return max(0.0, seconds)
        now = http_date(response.headers.get("date", "")) or self.connection.clock.utcnow()
        try:
            ends = datetime.fromisoformat(str(document.get("expires")).replace("Z", "+00:00"))
        except ValueError:
            return 0.0
        if ends.tzinfo is None:
            ends = ends.replace(tzinfo=timezone.utc)
        return max(0.0, (ends - now).total_seconds())

    def failure(self, response: Response) -> RequestFailed:
        """Make the error of a token request."""
        message = read_jamf_error(response)
        scrub = self.connection.redactor.scrub
        refusal = message.text or message.code
        next_step = "Check the URL and the base path in the connection options"
        if response.status in (400, 401):
            next_step = (
                "The server doesn't accept the credentials: check that the API client is enabled and its secret the current one, or "
                "user name and password"
            )
        elif response.status == 403:
            next_step = "The server knows the credentials and doesn't let them in: check that the account may use the API"
        return RequestFailed(
            scrub("Failed to %s: HTTP %d%s" % (response.request.what, response.status, refusal and ": " + refusal)),
            scrub(response.place()),
            next_step,
            response.status,
            scrub(message.code),
        )


class TokenMethod(Protocol):
    """A way to a token."""

    def fetch(self, requests: TokenRequests) -> Token:
        """Get a token.

        Raises:
            RequestFailed, OutOfTime
        """

    def renew(self, requests: TokenRequests, token: Token) -> Token:
        """Get a token in the place of one that is about to end. Raises as ``fetch``."""


@dataclass
class ClientCredentials:
    """An API client.

    Args:
        client_id: of the API client.
        client_secret: known to the redactor.
    """

    client_id: str
    client_secret: str = field(repr=False)
    paths: tuple[str, ...] = OAUTH_PATHS

    def fetch(self, requests: TokenRequests) -> Token:
        fields = {"client_id": self.client_id, "client_secret": self.client_secret, "grant_type": "client_credentials"}
        form = urlencode(fields).encode("ascii")
        response = requests.post(self.paths[0], {"Content-Type": FORM}, form, accept={404} if len(self.paths) > 1 else ())
        if not response.ok():
            response = requests.post(self.paths[1], {"Content-Type": FORM}, form)
            # This server is an older one: never ask it for the newer path again.
            self.paths = self.paths[1:]
        return requests.token(response, "access_token")

    def renew(self, requests: TokenRequests, token: Token) -> Token:
        return self.fetch(requests)


@dataclass(frozen=True)
class UserAccount:
    """A user account of the server.

    Args:
        username: of the account.
        password: known to the redactor.
    """

    username: str
    password: str = field(repr=False)

    def fetch(self, requests: TokenRequests) -> Token:
        pair = base64.b64encode(("%s:%s" % (self.username, self.password)).encode("utf-8")).decode("ascii")
        return requests.token(requests.post(USER_PATH, {"Authorization": "Basic " + pair}), "token")

    def renew(self, requests: TokenRequests, token: Token) -> Token:
        """Keep the token alive, so that no second one stays behind; log in again where that doesn't work."""
        try:
            response = requests.post(KEEP_ALIVE_PATH, token.headers(), what="keep the access token alive", safety=ONCE)
            return requests.token(response, "token")
        except RequestFailed:
            return self.fetch(requests)


def take_back(requests: TokenRequests, token: Token) -> None:
    """Make a token worthless before its time. Changes nothing in the tenant, so it is done in check mode too, and never fails a run."""
    try:
        requests.post(INVALIDATE_PATH, token.headers(), what="take the access token back", safety=ONCE, timeout=FAREWELL_TIMEOUT)
    except AppbanError:
        # It ends by itself soon.
        return
