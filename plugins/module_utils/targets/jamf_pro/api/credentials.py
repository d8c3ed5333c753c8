# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose how to get access tokens of a Jamf Pro server, keep them, renew them, and give them back at the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ....engine.errors import AppbanError
from ....mdm.http.access_token import Token
from ....mdm.http.clock import Clock
from ....mdm.http.redaction import Redactor
from .token_methods import ClientCredentials, TokenMethod, TokenRequests, UserAccount, take_back

#: Seconds before its end from which a token is not used any more, if it lives long enough for that.
MARGIN = 60.0
#: The part of a short life that is kept back instead: a token of 60 s is used for 45 s.
SHORT_LIFE = 4.0


@dataclass(frozen=True)
class CredentialOptions:
    """The options as the user gave them; None or empty for what was not given.

    Args:
        client_id: of an API client.
        client_secret: its secret.
        username: of an account, instead of an API client.
        password: its password.
    """

    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def choose_method(options: CredentialOptions, redactor: Redactor) -> TokenMethod:
    """Choose the way to a token; nothing is sent yet.

    Raises:
        AppbanError: naming all that is missing or ambiguous.
    """
    redactor.learn(options.client_secret, options.password)
    client = {"client_id": options.client_id, "client_secret": options.client_secret}
    account = {"username": options.username, "password": options.password}
    problems = []
    if any(client.values()) and any(account.values()):
        given = [name for name, value in {**client, **account}.items() if value]
        problems.append("%s are given, which belong to two different ways to log in" % ", ".join(given))
    for pair in (client, account):
        missing = [name for name, value in pair.items() if not value]
        if len(missing) == 1:
            there = next(name for name in pair if name not in missing)
            problems.append("%s is given without %s" % (there, missing[0]))
    if not any(client.values()) and not any(account.values()):
        problems.append("there are no credentials")
    if problems:
        raise AppbanError(
            "The connection options don't say how to log in: %s" % "; ".join(problems),
            "",
            "Give client_id and client_secret of an API client, or username and password of an account",
        )
    if options.client_id and options.client_secret:
        return ClientCredentials(options.client_id, options.client_secret)
    return UserAccount(str(options.username), str(options.password))


class Credentials:
    """Authorizes the requests to one server; several threads may use it at once.

    Args:
        method: the way to a token.
        requests: sends the token requests.
        clock: tells when a token is to be renewed.
    """

    def __init__(self, method: TokenMethod, requests: TokenRequests, clock: Clock) -> None:
        self.method = method
        self.requests = requests
        self.clock = clock
        self.lock = threading.Lock()
        self.token: Token | None = None
        self.good_until = 0.0

    def __repr__(self) -> str:
        return "Credentials(%s for %s)" % (type(self.method).__name__, self.requests.base_url)

    def headers(self) -> Mapping[str, str]:
        """The header that authorizes a request; a new token if there is none or the old one is about to end.

        Raises:
            RequestFailed, OutOfTime: if there is no token to be had.
        """
        with self.lock:
            asked = self.clock.monotonic()
            if self.token is None or asked >= self.good_until:
                old, self.token = self.token, None
                self.token = self.method.renew(self.requests, old) if old else self.method.fetch(self.requests)
                self.good_until = asked + self.token.lifetime - min(MARGIN, self.token.lifetime / SHORT_LIFE)
            return self.token.headers()

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Drop the token to which the server answered 401, unless another thread has done so."""
        with self.lock:
            if self.token is not None and headers.get("Authorization") == self.token.headers()["Authorization"]:
                self.token = None
        return True

    def close(self) -> None:
        """Take the token back, at the end of a run: in check mode too, and without ever failing."""
        with self.lock:
            token, self.token = self.token, None
        if token is not None:
            take_back(self.requests, token)
