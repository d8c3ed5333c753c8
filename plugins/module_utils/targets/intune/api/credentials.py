# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose how to get access tokens, keep them, renew them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....engine.errors import AppbanError
from ....mdm.http.access_token import Token
from ....mdm.http.connection import Connection
from ....mdm.http.urls import is_loopback, origin
from .clouds import Cloud
from .token_endpoint import TokenEndpoint
from .token_methods import (
    IMDS_URL,
    App,
    ReadyTokens,
    TokenMethod,
    WithCertificate,
    WithFederatedToken,
    WithManagedIdentity,
    WithSecret,
    granted_permissions,
    is_held,
    read_claims,
)

if TYPE_CHECKING:
    from .client_assertion import ClientCertificate

#: Seconds before its end from which a token is not used any more.
MARGIN = 300.0
#: Value of ``auth`` -> the option that it needs, which also chooses it where ``auth`` is not given.
METHODS = {
    "secret": "client_secret",
    "certificate": "certificate_path",
    "federated": "federated_token_file",
    "token": "access_token",
    "managed_identity": "",
}


@dataclass(frozen=True)
class CredentialOptions:
    """The options as the user gave them; None or empty for what was not given.

    Args:
        auth: a key of ``METHODS``, or nothing to choose by what is given.
        tenant_id: GUID or domain of the tenant.
        client_id: of the app registration; of the identity, for a managed one.
        client_secret: the secret's value.
        certificate_path: PEM file with private key and certificate.
        certificate_password: of the private key.
        certificate_chain: send the certificates along (an app registration that trusts subject and issuer).
        federated_token_file: file with the token of a trusted issuer.
        access_token: a ready token for Graph.
        defender_access_token: a ready token for Defender for Endpoint.
    """

    auth: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    certificate_password: str | None = field(default=None, repr=False)
    certificate_chain: bool = False
    federated_token_file: str | None = None
    access_token: str | None = field(default=None, repr=False)
    defender_access_token: str | None = field(default=None, repr=False)

    def given(self) -> list[str]:
        """The methods for which there is what they need."""
        return [method for method, option in METHODS.items() if option and getattr(self, option)]


class Credentials:
    """Authorizes the requests to one API; several threads may use it at once.

    Args:
        method: the way to a token.
        resource: the API: "https://graph.microsoft.com".
        connection: has the clock.
    """

    def __init__(self, method: TokenMethod, resource: str, connection: Connection) -> None:
        self.method = method
        self.resource = resource
        self.clock = connection.clock
        self.lock = threading.Lock()
        self.token: Token | None = None
        self.good_until = 0.0

    def __repr__(self) -> str:
        return "Credentials(%s for %s)" % (type(self.method).__name__, self.resource)

    def current(self) -> Token:
        """The token, a new one if there is none or the old one is about to end."""
        with self.lock:
            if self.token is None or self.clock.monotonic() >= self.good_until:
                asked = self.clock.monotonic()
                self.token = self.method.fetch(self.resource)
                # A token of a few minutes must not be over before it was used.
                self.good_until = asked + self.token.lifetime - min(MARGIN, self.token.lifetime / 2)
            return self.token

    def headers(self) -> Mapping[str, str]:
        """The header that authorizes a request.

        Raises:
            AppbanError: if there is no token to be had.
        """
        return self.current().headers()

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Drop the token to which the server answered 401, unless another thread has done so.

        Raises:
            AppbanError: for a ready token, because nobody here can renew it.
        """
        with self.lock:
            if self.token is not None and headers.get("Authorization") == self.token.headers()["Authorization"]:
                if not self.method.renewable:
                    raise AppbanError(
                        "The server refuses the access token (HTTP 401)",
                        self.resource,
                        "It has expired or is for another API, tenant or cloud: get a new one for %s and run again" % self.resource,
                    )
                self.token = None
        return True

    def permissions(self) -> frozenset[str] | None:
        """The permissions that the token carries, None if it doesn't tell. Asks for a token if there is none yet."""
        return granted_permissions(read_claims(self.current().value))

    def missing_permissions(self, needed: Iterable[str]) -> list[str]:
        """Those of the needed permissions that the token doesn't hold, sorted; none if it doesn't tell.

        With a managed identity, what was granted within the last day may be missing, because Azure keeps its tokens that long.
        """
        granted = self.permissions()
        if granted is None:
            return []
        return sorted({permission for permission in needed if not is_held(permission, granted)})


def choose_method(
    options: CredentialOptions, cloud: Cloud, connection: Connection, environ: Mapping[str, str], imds_url: str = IMDS_URL
) -> TokenMethod:
    """Choose the way to a token; nothing is sent yet.

    Args:
        options: what the user gave.
        cloud: where the tenant is.
        connection: sends the requests; its redactor learns every secret.
        environ: the process environment, for App Service.
        imds_url: where a virtual machine asks for its identity.

    Raises:
        AppbanError: naming all that is missing, wrong or ambiguous.
    """
    connection.redactor.learn(
        options.client_secret, options.certificate_password, options.access_token, options.defender_access_token
    )
    method, problems = find_method(options)
    certificate = None
    if method in {"secret", "certificate", "federated"}:
        problems += app_problems(options)
    if method == "certificate" and options.certificate_path:
        certificate, problem = load_certificate(options, connection)
        problems += problem
    if method == "federated" and options.federated_token_file and not os.path.isfile(options.federated_token_file):
        problems.append("federated_token_file %s doesn't exist" % options.federated_token_file)
    for name in ("access_token", "defender_access_token"):
        if method == "token" and re.search(r"\s", (getattr(options, name) or "").strip()):
            problems.append("%s holds white space" % name)
    if problems:
        raise AppbanError("The credentials are not usable: %s" % "; ".join(problems), "", "Correct the connection options")
    endpoint = TokenEndpoint(connection)
    app = App(endpoint, "%s/%s/oauth2/v2.0/token" % (cloud.authority_url, options.tenant_id), options.client_id or "")
    if method == "secret":
        return WithSecret(app, options.client_secret or "")
    if certificate:
        return WithCertificate(app, certificate, options.certificate_chain)
    if method == "federated":
        return WithFederatedToken(app, options.federated_token_file or "")
    if method == "managed_identity":
        return managed_identity(endpoint, options.client_id or "", environ, imds_url)
    tokens = {cloud.graph_url: ((options.access_token or "").strip(), "access_token")}
    if cloud.defender_url and options.defender_access_token:
        tokens[cloud.defender_url] = (options.defender_access_token.strip(), "defender_access_token")
    return ReadyTokens(endpoint, tokens)


def find_method(options: CredentialOptions) -> tuple[str, list[str]]:
    """Find the method that the options mean, and what stands against it."""
    given = options.given()
    if options.auth:
        if options.auth not in METHODS:
            return "", ["auth is %r, but must be one of %s" % (options.auth, ", ".join(METHODS))]
        option = METHODS[options.auth]
        return options.auth, ["auth is %s, but %s is missing" % (options.auth, option)] if option and options.auth not in given else []
    if len(given) == 1:
        return given[0], []
    if given:
        names = " and ".join(METHODS[method] for method in given)
        return "", ["%s are given, so say with auth which of them counts: %s" % (names, " or ".join(given))]
    ways = ", ".join(option for option in METHODS.values() if option)
    return "", ["none of %s is given, and auth is not managed_identity" % ways]


def app_problems(options: CredentialOptions) -> list[str]:
    """What is wrong with tenant and app."""
    problems = ["%s is missing" % name for name in ("tenant_id", "client_id") if not getattr(options, name)]
    tenant = options.tenant_id or ""
    if tenant.lower() in {"common", "organizations", "consumers"}:
        problems.append("tenant_id is %s, but an app without a user needs the id of one tenant" % tenant)
    elif tenant and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", tenant):
        problems.append("tenant_id is neither a GUID nor a domain name")
    return problems


def load_certificate(options: CredentialOptions, connection: Connection) -> tuple[ClientCertificate | None, list[str]]:
    """Read the certificate, or say why that can't be done."""
    try:
        # Only here: the library that reads certificates takes its time to load.
        from .client_assertion import read_certificate

        return read_certificate(options.certificate_path or "", options.certificate_password, connection.clock.utcnow()), []
    except AppbanError as error:
        return None, [str(error)]


def managed_identity(endpoint: TokenEndpoint, client_id: str, environ: Mapping[str, str], imds_url: str) -> WithManagedIdentity:
    """Find the managed identity service: App Service says in the environment where it is, a virtual machine has it at a fixed address."""
    url, secret = environ.get("IDENTITY_ENDPOINT", ""), environ.get("IDENTITY_HEADER", "")
    if not url or not secret:
        return WithManagedIdentity(endpoint, client_id, imds_url)
    scheme, host, _port = origin(url)
    if scheme != "https" and not is_loopback(host) and not host.startswith("169.254."):
        raise AppbanError("IDENTITY_ENDPOINT is not an address of this machine", host, "Check the environment that Ansible runs in")
    endpoint.redactor.learn(secret)
    return WithManagedIdentity(endpoint, client_id, url, secret)
