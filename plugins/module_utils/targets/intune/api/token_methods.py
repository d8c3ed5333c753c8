# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five ways to an access token. The first three are one request of OAuth 2.0 (client credentials) with different proof."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ....engine.errors import AppbanError
from ....mdm.http.access_token import Token
from .token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    from .client_assertion import ClientCertificate

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Where Azure gives virtual machines their identity (Entra documentation, "How to use managed identities to acquire an access token").
IMDS_URL = "http://169.254.169.254/metadata/identity/oauth2/token"

#: Permission -> others that hold it (Graph permissions reference, groups). ReadWrite holding Read goes without saying.
WIDER = {
    "GroupMember.Read.All": ("GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"),
    "GroupMember.ReadWrite.All": ("Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "Group.Read.All": ("Directory.Read.All", "Directory.ReadWrite.All"),
    "Group.Create": ("Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "Ti.ReadWrite": ("Ti.ReadWrite.All",),
}


class TokenMethod(Protocol):
    """One way to an access token."""

    @property
    def renewable(self) -> bool:
        """Whether asking again may give another token."""

    def fetch(self, resource: str) -> Token:
        """Get a token.

        Args:
            resource: the API that it is for: "https://graph.microsoft.com".

        Raises:
            AppbanError: if there is none to be had.
        """


@dataclass(frozen=True)
class App:
    """An app registration, and where its tokens come from.

    Args:
        endpoint: sends the requests.
        token_url: the token endpoint of the tenant.
        client_id: the app.
    """

    endpoint: TokenEndpoint
    token_url: str
    client_id: str

    def fetch(self, resource: str, proof: Mapping[str, str]) -> Token:
        """Get a token with a proof of who we are."""
        form = {"client_id": self.client_id, "scope": resource + "/.default", "grant_type": "client_credentials", **proof}
        return self.endpoint.post(self.token_url, form)


@dataclass(frozen=True)
class WithSecret:
    """A client secret."""

    app: App
    secret: str = field(repr=False)
    renewable: bool = True

    def fetch(self, resource: str) -> Token:
        return self.app.fetch(resource, {"client_secret": self.secret})


@dataclass(frozen=True)
class WithCertificate:
    """A certificate, with which every request is signed anew."""

    app: App
    certificate: ClientCertificate = field(repr=False)
    send_chain: bool = False
    renewable: bool = True

    def fetch(self, resource: str) -> Token:
        connection = self.app.endpoint.connection
        signed = self.certificate.assertion(
            self.app.token_url, self.app.client_id, connection.retry_loop.identifier(), connection.clock.utcnow(), self.send_chain
        )
        connection.redactor.learn(signed)
        return self.app.fetch(resource, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed})


@dataclass(frozen=True)
class WithFederatedToken:
    """A token of somebody whom the app registration trusts (GitHub, GitLab, Kubernetes), in a file that is renewed from outside."""

    app: App
    path: str
    renewable: bool = True

    def fetch(self, resource: str) -> Token:
        # Read each time, because it is replaced every few minutes to hours.
        try:
            with open(self.path, encoding="utf-8") as file:
                foreign = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise AppbanError("The federated token can't be read: %s" % reason, self.path, "Correct federated_token_file") from None
        if not foreign:
            raise AppbanError("The file of the federated token is empty", self.path, "Check what should renew it")
        self.app.endpoint.redactor.learn(foreign)
        return self.app.fetch(resource, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": foreign})


@dataclass(frozen=True)
class WithManagedIdentity:
    """The identity that Azure gives to the machine, or to an app of App Service.

    Args:
        endpoint: sends the requests.
        client_id: which identity, if the machine has several.
        service_url: where the machine asks; App Service names it in IDENTITY_ENDPOINT.
        service_secret: what App Service wants to see (IDENTITY_HEADER); empty on a virtual machine.
    """

    endpoint: TokenEndpoint
    client_id: str = ""
    service_url: str = IMDS_URL
    service_secret: str = field(default="", repr=False)
    renewable: bool = True

    def fetch(self, resource: str) -> Token:
        if self.service_secret:
            version, headers = "2019-08-01", {"X-IDENTITY-HEADER": self.service_secret}
        else:
            version, headers = "2018-02-01", {"Metadata": "true"}
        params = {"api-version": version, "resource": resource + "/", "client_id": self.client_id or None}
        return self.endpoint.get(self.service_url, params, headers)


@dataclass(frozen=True)
class ReadyTokens:
    """Tokens that somebody else asked for; each is good for one API.

    Args:
        endpoint: knows clock and redactor.
        tokens: resource -> (token, name of the option that it came with).
    """

    endpoint: TokenEndpoint
    tokens: Mapping[str, tuple[str, str]] = field(repr=False)
    renewable: bool = False

    def fetch(self, resource: str) -> Token:
        token, option = self.tokens.get(resource, ("", ""))
        if not token:
            next_step = "A token is good for one API only; give one for this API too"
            raise AppbanError("There is no ready access token for %s" % resource, "", next_step)
        now = self.endpoint.connection.clock.utcnow().timestamp()
        expires = read_claims(token).get("exp")
        if isinstance(expires, (int, float)) and expires <= now:
            ago = " %d s ago" % (now - expires) if math.isfinite(expires) else ""
            raise AppbanError("The access token expired%s" % ago, option, "Get a new one and run again")
        return Token(token, float("inf"))


# What an access token says about itself. It is read for messages only and proves nothing: the server decides.


def read_claims(token: str) -> Mapping[str, Any]:
    """Decode the claims of a JSON Web Token without checking it; empty for a token of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def granted_permissions(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """The permissions that a token carries, or None if it doesn't tell.

    ``roles`` holds application permissions, ``scp`` those that an app has on behalf of a user (Entra documentation, access token claims).
    A token of Entra with neither was made for an app to which nothing was granted.
    """
    roles = claims.get("roles")
    scopes = claims.get("scp")
    if not isinstance(roles, list) and not isinstance(scopes, str):
        return frozenset() if "appid" in claims or "azp" in claims else None
    found = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return frozenset(found + (scopes.split() if isinstance(scopes, str) else []))


def is_held(permission: str, granted: Iterable[str]) -> bool:
    """Say whether one of the granted permissions is or holds another."""
    sufficient = {permission, permission.replace(".Read.", ".ReadWrite."), *WIDER.get(permission, ())}
    return not sufficient.isdisjoint(granted)
