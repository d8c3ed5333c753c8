# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token endpoints and the tokens: client secret, client assertion, managed identity (Intune fact sheet, 2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlsplit

from ..exchange import Request, Response
from .errors import Refusal, stable_id
from .settings import Settings

GRAPH_HOSTS = {
    "global": "graph.microsoft.com", "gcchigh": "graph.microsoft.us", "dod": "dod-graph.microsoft.us",
    "china": "microsoftgraph.chinacloudapi.cn",
}  # fmt: skip
GOVERNMENT_DEFENDER = "api-gov.securitycenter.microsoft.us"
DEFENDER_HOSTS = {"global": "api.securitycenter.microsoft.com", "gcchigh": GOVERNMENT_DEFENDER, "dod": GOVERNMENT_DEFENDER}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class OAuthError(Exception):
    """A refusal in the shape of the login service."""

    def __init__(self, error: str, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.document = {"error": error, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}
        self.status = status


class Identities:
    """The tenant's application, and every token that was issued. Lifetimes are real time: the simulated clock is the tenant's."""

    def __init__(self, seed: int, settings: Settings) -> None:
        self.settings = settings
        self.seed = seed
        self.tenant_id = stable_id("tenant", seed)
        self.client_id = stable_id("client", seed)
        self.client_secret = "simulated-client-secret-" + hashlib.sha256(f"secret-{seed}".encode()).hexdigest()[:24]
        self.identity_header = "simulated-identity-header-" + hashlib.sha256(f"msi-{seed}".encode()).hexdigest()[:24]
        self.key = f"signing-key-{seed}".encode()
        self.revoked_before = 0
        self.issued = 0
        self.graph_url = ""
        self.defender_url = ""

    def revoke_all(self) -> None:
        """Every token issued so far is refused from now on."""
        self.revoked_before = self.issued

    def resource_kind(self, resource: str) -> str | None:
        """Which API a resource means, if it is one of this tenant's cloud."""
        resource = resource.rstrip("/")
        host = urlsplit(resource).netloc
        if host == GRAPH_HOSTS[self.settings.cloud] or resource in (self.graph_url, self.graph_url.removesuffix("/graph")):
            return "graph"
        if host == DEFENDER_HOSTS.get(self.settings.cloud) or resource == self.defender_url:
            return "defender"
        return None

    def issue(self, resource: str) -> dict[str, Any]:
        resource = resource.rstrip("/")
        if self.resource_kind(resource) is None:
            raise OAuthError("invalid_resource", 500011, f"The resource principal named {resource} was not found in the tenant.")
        self.issued += 1
        now = int(time.time())
        lifetime = self.settings.token_lifetime
        claims = {
            "aud": resource, "iss": f"https://sts.windows.net/{self.tenant_id}/", "iat": now, "nbf": now, "exp": now + lifetime,
            "appid": self.client_id, "tid": self.tenant_id, "roles": list(self.settings.roles), "uti": str(self.issued),
        }  # fmt: skip
        unsigned = encoded(b'{"typ":"JWT","alg":"HS256"}') + "." + encoded(json.dumps(claims).encode())
        token = unsigned + "." + encoded(hmac.digest(self.key, unsigned.encode(), "sha256"))
        return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}

    def claims_of(self, request: Request, kind: str) -> dict[str, Any]:
        """What the bearer token says. Raises Refusal for a token that is missing, foreign, expired or revoked."""
        scheme, _space, token = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("Access token is empty.")
        unsigned, _dot, signature = token.rpartition(".")
        if not hmac.compare_digest(encoded(hmac.digest(self.key, unsigned.encode(), "sha256")), signature):
            raise unauthorized("Access token validation failure.")
        claims: dict[str, Any] = decoded(unsigned.split(".")[1])
        if self.resource_kind(claims["aud"]) != kind:
            raise unauthorized("Access token validation failure. Invalid audience.")
        if claims["exp"] <= time.time() or int(claims["uti"]) <= self.revoked_before:
            raise unauthorized("Lifetime validation failed, the token is expired.")
        return claims

    def token_endpoint(self, request: Request, tenant: str) -> Response:
        """POST {authority}/{tenant}/oauth2/v2.0/token."""
        try:
            return Response(200, self.client_credentials(request, tenant), {"Cache-Control": "no-store"})
        except OAuthError as refusal:
            return Response(refusal.status, refusal.document)

    def client_credentials(self, request: Request, tenant: str) -> dict[str, Any]:
        form = request.form()
        if request.method != "POST":
            raise OAuthError("invalid_request", 900561, "The endpoint only accepts POST requests.")
        if tenant not in (self.tenant_id, "city.example"):
            raise OAuthError("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            raise OAuthError("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != self.client_id:
            raise OAuthError("unauthorized_client", 700016, "Application was not found in the directory.")
        scope = form.get("scope", "")
        if not scope.endswith("/.default") or " " in scope:
            raise OAuthError("invalid_scope", 1002012, "The scope is not valid: client credential flows need the resource's /.default.")
        if "client_assertion" in form:
            self.check_assertion(form, request)
        elif not hmac.compare_digest(form.get("client_secret", "").encode(), self.client_secret.encode()):
            raise OAuthError("invalid_client", 7000215, "Invalid client secret provided.", 401)
        return self.issue(scope.removesuffix("/.default"))

    def check_assertion(self, form: dict[str, str], request: Request) -> None:
        """A federated token must be the pipeline's own, verbatim; a certificate's assertion must have the right shape."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", 900144, "client_assertion_type is missing or wrong.")
        assertion = form["client_assertion"]
        if assertion == self.settings.federated_token:
            return
        try:
            head, claims = (decoded(part) for part in assertion.split(".")[:2])
            signature = assertion.split(".")[2]
        except (ValueError, IndexError) as problem:
            raise OAuthError("invalid_client", 50027, "JWT token is invalid or malformed.", 401) from problem
        own_url = request.origin + request.raw_path
        real_url = f"https://login.microsoftonline.com/{self.tenant_id}/oauth2/v2.0/token"
        complaints = [
            text
            for wrong, text in (
                (head.get("alg") != "PS256", "alg must be PS256"),
                (not head.get("x5t#S256"), "x5t#S256 is missing"),
                (claims.get("aud") not in (own_url, self.authority_form(request), real_url), "aud is not the token endpoint"),
                (claims.get("iss") != self.client_id or claims.get("sub") != self.client_id, "iss and sub must be the client id"),
                (not claims.get("jti"), "jti is missing"),
                (not isinstance(claims.get("exp"), int) or claims["exp"] <= time.time(), "the assertion is expired"),
                (isinstance(claims.get("exp"), int) and claims["exp"] > time.time() + 3600 * 24, "exp is too far away"),
                (not signature, "the signature is missing"),
            )
            if wrong
        ]
        if complaints:
            raise OAuthError("invalid_client", 700027, "Client assertion failed validation: " + "; ".join(complaints), 401)

    def authority_form(self, request: Request) -> str:
        """The endpoint's address by the Host header, for clients that use another name of loopback."""
        return f"http://{request.header('Host')}{request.raw_path}"

    def managed_identity(self, request: Request) -> Response:
        """The instance metadata service, or App Service's endpoint if the identity header is there."""
        query = request.query
        app_service = request.header("X-IDENTITY-HEADER")
        if app_service is not None:
            if app_service != self.identity_header or query.get("api-version") != "2019-08-01":
                return Response(401, {"statusCode": 401, "message": "wrong identity header or api-version"})
        elif (request.header("Metadata") or "").lower() != "true" or query.get("api-version") != "2018-02-01":
            return Response(
                400, {"error": "invalid_request", "error_description": "Required metadata header not specified or wrong api-version"}
            )
        try:
            token = self.issue(query.get("resource", ""))
        except OAuthError as refusal:
            return Response(refusal.status, refusal.document)
        expires_on = str(int(time.time()) + token["expires_in"])
        answer = {
            **token,
            "expires_in": str(token["expires_in"]),
            "expires_on": expires_on,
            "resource": query["resource"],
            "client_id": self.client_id,
        }
        return Response(200, answer)


def unauthorized(message: str) -> Refusal:
    return Refusal(401, message, intune=False, headers={"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'})
