# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask for an access token, and say what is wrong if there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from ....mdm.http.access_token import Token
from ....mdm.http.connection import Connection
from ....mdm.http.http_errors import RequestFailed
from ....mdm.http.response import Request, Response, ServerMessage, read_server_message, shorten
from ....mdm.http.retry import REPEATABLE, Safety
from ....mdm.http.server_values import seconds_of
from ....mdm.http.urls import QueryValue, with_query

FORM = "application/x-www-form-urlencoded"
#: The managed identity service asks its callers to come back after these too (Entra documentation, managed identity, error handling).
IDENTITY_SERVICE = Safety(frozenset({404, 410, 429, 500, 502, 503, 504}), repeatable=True)
#: Seconds within which a service on the same machine answers, or isn't there.
IDENTITY_SERVICE_TIMEOUT = 10.0

#: What to do about an error of Entra (Entra documentation, authentication and authorization error codes).
ADVICE = {
    "7000215": "The client secret is wrong: use its value, not its id, from the app registration in Entra",
    "7000222": "The client secret has expired: make a new one in the app registration in Entra",
    "700016": "The tenant knows no app with this client_id: check client_id, tenant_id and cloud",
    "700027": "The certificate is not one of the app registration's, or has expired: upload it in Entra",
    "700024": "The proof is outside its time: check the clock of the controller, and that the token file is renewed",
    "70021": "No federated credential of the app registration matches issuer, subject and audience of the token file",
    "700211": "No federated credential of the app registration has the issuer of the token file",
    "700212": "No federated credential of the app registration has the audience of the token file",
    "700213": "No federated credential of the app registration has the subject of the token file",
    "7000112": "The app is disabled in this tenant: enable it under Enterprise applications in Entra",
    "7000229": "The app has no service principal in this tenant: give admin consent to it",
    "90002": "There is no such tenant in this cloud: check tenant_id and cloud",
    "900023": "tenant_id is neither a GUID nor a domain name",
    "90038": "The tenant is in another national cloud: set cloud",
    "500011": "The tenant doesn't know the API that the token is for: check cloud, and that the tenant has the product",
    "53003": "Conditional access blocks the app: allow the address of the controller",
    "1002012": "The scope is wrong: check graph_url",
}


class TokenEndpoint:
    """Sends token requests. They are repeated as reads are, because asking twice does no harm, and counted apart from the API's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.redactor = connection.redactor

    def post(self, url: str, form: Mapping[str, str]) -> Token:
        """Ask Entra.

        Args:
            url: the token endpoint of the tenant.
            form: the fields; the secret ones must be known to the redactor.

        Raises:
            RequestFailed, OutOfTime
        """
        request = Request("POST", url, "get an access token", {"Content-Type": FORM}, urlencode(form).encode("ascii"))
        self.connection.counters.add(tokens=1)
        response = self.connection.retry_loop.send(request, REPEATABLE, self.connection.counters.add_token)
        return self.read(response)

    def get(self, url: str, params: Mapping[str, QueryValue], headers: Mapping[str, str]) -> Token:
        """Ask the managed identity service of the machine, past any proxy.

        Raises:
            RequestFailed, OutOfTime
        """
        request = Request("GET", with_query(url, params), "get an access token of the managed identity", headers)
        self.connection.counters.add(tokens=1)
        retry_loop = self.connection.retry_loop.with_timeout(IDENTITY_SERVICE_TIMEOUT)
        response = retry_loop.send(request, IDENTITY_SERVICE, self.connection.counters.add_token, direct=True)
        return self.read(response)

    def read(self, response: Response) -> Token:
        """Take the token out of an answer."""
        if not response.ok():
            raise self.failure(response, read_entra_message(response))
        document = response.json()
        value = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(value, str) or not value:
            raise self.failure(response, ServerMessage("the answer holds no access token"))
        self.redactor.learn(value)
        return Token(value, self.lifetime(document))

    def lifetime(self, document: Mapping[str, object]) -> float:
        """Seconds that a token is good for; numbers may come as strings, and App Service gives the instant (``expires_on``) only."""
        for name, offset in (("expires_in", 0.0), ("expires_on", self.connection.clock.utcnow().timestamp())):
            seconds = seconds_of(document.get(name))
            if seconds is not None:
                return max(0.0, seconds - offset)
        return 0.0

    def failure(self, response: Response, message: ServerMessage) -> RequestFailed:
        """Make the error of a token request."""
        scrub = self.redactor.scrub
        detail = ": %s" % message.text if message.text else ""
        return RequestFailed(
            scrub("Failed to %s: HTTP %d%s" % (response.request.what, response.status, detail)),
            scrub(response.place(message.request_id)),
            scrub(message.advice or "Check the credentials in the connection options"),
            response.status,
            scrub(message.code),
            scrub(message.request_id),
            response.client_request_id,
        )


def read_entra_message(response: Response) -> ServerMessage:
    """Read an error of Entra: the AADSTS code, the sentence that follows it, and the trace id that Microsoft's support asks for."""
    plain = read_server_message(response)
    try:
        document = response.json()
    except RequestFailed:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("error_description"), str):
        return plain
    description = document["error_description"]
    # The description goes on with trace id, correlation id and timestamp.
    text = re.split(r"[\r\n]+|\s+Trace ID:", description, maxsplit=1)[0]
    number = re.search(r"AADSTS(\d+)", description)
    code = "AADSTS%s" % number[1] if number else str(document.get("error", ""))
    advice = ADVICE.get(number[1], "") if number else ""
    return ServerMessage(shorten(text), code, str(document.get("trace_id", "")), advice)
