# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our token requests against those of msal, Microsoft's own library: the same fields and the same claims."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msal
import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.credentials import CredentialOptions, choose_method
from tests.support.intune.app import CLIENT_ID, CLIENT_SECRET, TENANT, certificate, cloud_at, make_token, token_answer
from tests.support.loopback import new_key, pem_of, rig

#: What msal adds for its own sake: it asks for a document about the user, of whom there is none here.
TELEMETRY = {"client_info"}
#: msal takes nothing but https. No request goes there: its transport is a stub.
LOGIN = "https://login.microsoftonline.com"


class Stub:
    """The transport of msal: keeps what is posted, answers the discovery of the tenant and gives a token."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []

    def get(self, url: str, **_more: Any) -> Any:
        names = ("token_endpoint", "authorization_endpoint", "issuer")
        return Reply(json.dumps(dict.fromkeys(names, f"{LOGIN}/{TENANT}/oauth2/v2.0/token")))

    def post(self, url: str, data: dict[str, Any] | None = None, **_more: Any) -> Any:
        self.posted.append({"url": url, **(data or {})})
        return Reply(json.dumps({"access_token": make_token(1), "expires_in": 3599, "token_type": "Bearer"}))

    def close(self) -> None:
        """Nothing is open."""


class Reply:
    """An answer as msal expects it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.status_code = 200
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        """All is well."""


def decoded(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a proof."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in assertion.split(".")[:2])
    return header, claims


@pytest.mark.parametrize("way", ["secret", "certificate", "federated"])
def test_msal_sends_what_we_send(tmp_path: Path, way: str) -> None:
    key = new_key()
    public = certificate(key)
    pem = public.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "app.pem").write_bytes(pem_of(key) + pem)
    (tmp_path / "foreign").write_text("foreign-token")
    theirs, ours = {
        "secret": (CLIENT_SECRET, {"client_secret": CLIENT_SECRET}),
        # msal signs with PS256 only where it may send the certificate along too.
        "certificate": (
            {"private_key": pem_of(key).decode(), "public_certificate": pem.decode()},
            {"certificate_path": str(tmp_path / "app.pem"), "certificate_chain": True},
        ),
        "federated": ({"client_assertion": lambda: "foreign-token"}, {"federated_token_file": str(tmp_path / "foreign")}),
    }[way]
    with rig(token_answer(1)) as r:
        cloud = cloud_at(r.server.url)
        options = CredentialOptions(tenant_id=TENANT, client_id=CLIENT_ID, **ours)
        choose_method(options, cloud, r.connection, {}).fetch(cloud.graph_url)
        form = {"url": LOGIN + r.seen[0].path, **r.seen[0].form}
        stub = Stub()
        authority = f"{LOGIN}/{TENANT}"
        app = msal.ConfidentialClientApplication(
            CLIENT_ID, client_credential=theirs, authority=authority, http_client=stub, instance_discovery=False
        )
        assert app.acquire_token_for_client([cloud.graph_url + "/.default"])["access_token"] == make_token(1)
    posted = {name: value for name, value in stub.posted[0].items() if name not in TELEMETRY}
    for sent in (form, posted):
        for name, value in sent.items():
            if isinstance(value, bytes):
                sent[name] = value.decode()
    if way == "certificate":
        (our_header, our_claims), (their_header, their_claims) = (decoded(sent.pop("client_assertion")) for sent in (form, posted))
        # RFC 7515 has neither padding nor line breaks there; msal has both.
        their_header["x5t#S256"] = their_header["x5t#S256"].rstrip("=")
        their_header["x5c"] = ["".join(one.split()) for one in their_header["x5c"]]
        assert our_header == their_header
        our_claims["aud"] = our_claims["aud"].replace(r.server.url, LOGIN)
        varying = {"jti", "iat", "exp", "nbf"}
        assert {name: our_claims[name] for name in our_claims.keys() - varying} == {
            name: their_claims[name] for name in their_claims.keys() - varying
        }
        assert our_claims["exp"] - our_claims["iat"] == their_claims["exp"] - their_claims["iat"] == 600
        assert our_claims.keys() - {"nbf"} == their_claims.keys() - {"nbf"}
    assert form == posted
