# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: API clients by OAuth, users by HTTP basic, and the cookie that keeps a client on one node (Jamf Pro fact sheet, 2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..exchange import Request, Response
from .errors import Refusal, stable_id
from .settings import Settings

FORM = "application/x-www-form-urlencoded"


@dataclass
class Token:
    """One bearer token. `expires` is real time: the simulated clock is the fleet's."""

    kind: str
    expires: float


class Identities:
    """The API client and the user account of the server, and every token in force."""

    def __init__(self, seed: int, settings: Settings) -> None:
        self.settings = settings
        self.seed = seed
        self.client_id = stable_id("jamf-client", seed)
        self.client_secret = "simulated-client-secret-" + hashlib.sha256(f"jamf-{seed}".encode()).hexdigest()[:24]
        self.username = "appban"
        self.password = "simulated-password-" + hashlib.sha256(f"jamf-user-{seed}".encode()).hexdigest()[:24]
        self.issued = 0
        self.tokens: dict[str, Token] = {}

    def revoke_all(self) -> None:
        """Every token issued so far is refused from now on."""
        self.tokens.clear()

    def issue(self, kind: str, lifetime: int) -> str:
        self.issued += 1
        text = "simulated-token-" + hashlib.sha256(f"{self.seed}-{kind}-{self.issued}".encode()).hexdigest()
        self.tokens[text] = Token(kind, time.time() + lifetime)
        return text

    def oauth(self, request: Request, path: str) -> Response:
        """POST /api/v1/oauth/token, or /api/oauth/token on an older server."""
        hidden = {"new": "/api/oauth/token", "old": "/api/v1/oauth/token"}.get(self.settings.oauth_paths)
        if path == hidden:
            raise Refusal(404, "NOT_FOUND", "Not Found")
        if not (request.header("Content-Type") or "").startswith(FORM):
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type is not supported")
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return Response(400, {"error": "unsupported_grant_type"})
        secret = form.get("client_secret", "").encode()
        if form.get("client_id") != self.client_id or not hmac.compare_digest(secret, self.client_secret.encode()):
            return Response(401, {"error": "invalid_client"})
        lifetime = self.settings.client_token_lifetime
        answer = {"access_token": self.issue("client", lifetime), "scope": "api-role:1", "token_type": "Bearer", "expires_in": lifetime}
        return Response(200, answer)

    def user_token(self, request: Request) -> Response:
        """POST /api/v1/auth/token with HTTP basic."""
        scheme, _space, encoded = (request.header("Authorization") or "").partition(" ")
        try:
            name, _colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = password = ""
        right = hmac.compare_digest(password.encode(), self.password.encode())
        if scheme.lower() != "basic" or name != self.username or not right:
            raise Refusal(401, "INVALID_TOKEN", "Unauthorized")
        return self.new_user_token()

    def new_user_token(self) -> Response:
        text = self.issue("user", self.settings.user_token_lifetime)
        expires = datetime.fromtimestamp(self.tokens[text].expires, timezone.utc)
        return Response(200, {"token": text, "expires": expires.strftime("%Y-%m-%dT%H:%M:%S.") + f"{expires.microsecond // 1000:03d}Z"})

    def keep_alive(self, request: Request) -> Response:
        """POST /api/v1/auth/keep-alive: a new token for the old one; users only."""
        text = self.bearer(request)
        if self.require(request).kind != "user":
            raise Refusal(403, "INVALID_PRIVILEGE", "Forbidden")
        del self.tokens[text]
        return self.new_user_token()

    def invalidate(self, request: Request) -> Response:
        """POST /api/v1/auth/invalidate-token."""
        self.require(request)
        del self.tokens[self.bearer(request)]
        return Response(204)

    def bearer(self, request: Request) -> str:
        scheme, _space, text = (request.header("Authorization") or "").partition(" ")
        return text if scheme.lower() == "bearer" else ""

    def require(self, request: Request) -> Token:
        """The token of a request. Raises Refusal where there is none in force."""
        token = self.tokens.get(self.bearer(request))
        if token is None or token.expires <= time.time():
            raise Refusal(401, "INVALID_TOKEN", "Unauthorized")
        return token

    def whoami(self) -> dict[str, Any]:
        """GET /api/v1/auth: who asks and what it may do."""
        privileges, site = sorted(self.settings.privileges), "1" if self.settings.site_restricted else "-1"
        return {
            "account": {"id": "1", "username": self.username, "realName": "", "email": "", "multiSiteAdmin": False,
                        "accessLevel": "FullAccess" if site == "-1" else "SiteAccess", "privilegeSet": "CUSTOM",
                        "privilegesBySite": {site: privileges}, "groupIds": [], "currentSiteId": site},
            "accountGroups": [], "sites": [] if site == "-1" else [{"id": site, "name": "Depot"}], "authenticationType": "JSS",
        }  # fmt: skip


class Nodes:
    """Several servers behind one address. Who sends no cookie comes to another one every time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.turn = 0

    def choose(self, request: Request) -> int:
        found = re.search(rf"(?:^|;)\s*{re.escape(self.settings.cookie)}=node(\d+)", request.header("Cookie") or "")
        if found and 1 <= int(found[1]) <= self.settings.nodes:
            return int(found[1])
        self.turn += 1
        return (self.turn - 1) % self.settings.nodes + 1

    def cookie_for(self, node: int) -> str:
        return f"{self.settings.cookie}=node{node}; path=/; HttpOnly"
