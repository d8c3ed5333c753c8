# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app registration for the tests: its certificate, its tokens, a tenant's token endpoint."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.clouds import Cloud
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.credentials import (
    CredentialOptions,
    Credentials,
    choose_method,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph import Graph
from tests.support.loopback import Answer, Behave, Rig, certificate_builder, rig

CLIENT_SECRET = "cl1ent~secret/with+signs=that&urls%encode"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
TENANT = "contoso.example"


def make_token(number: int = 0, **claims: Any) -> str:
    """A token in the form of Entra's; the number makes it another one."""
    parts = ({"alg": "none"}, {"appid": CLIENT_ID, "number": number, **claims})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(b"signature-%d" % number).rstrip(b"=").decode()])


def token_answer(number: int = 0, expires_in: Any = 3599, **claims: Any) -> Answer:
    """What the token endpoint answers."""
    return Answer(200, {"token_type": "Bearer", "expires_in": expires_in, "access_token": make_token(number, **claims)})


def certificate(key: Any, days: int = 365, name: str = "appban") -> x509.Certificate:
    """A certificate that the key signed itself."""
    return certificate_builder(name, key, days=days).sign(key, hashes.SHA256())


@dataclass(frozen=True)
class Tenant:
    """A server that is both Entra and Graph, and the client that talks to it."""

    rig: Rig
    cloud: Cloud
    credentials: Credentials
    graph: Graph

    @property
    def api(self) -> list[Any]:
        """The requests that reached Graph."""
        return [seen for seen in self.rig.seen if "/oauth2/" not in seen.path]


def cloud_at(url: str) -> Cloud:
    """A cloud whose every host is one server, kept apart by the first part of the path."""
    return Cloud("test", url, url + "/graph", url + "/defender")


@contextlib.contextmanager
def tenant(*script: Answer | Behave, check_mode: bool = False, roles: tuple[str, ...] = (), **options: Any) -> Iterator[Tenant]:
    """Run a tenant whose Graph answers from a script."""
    steps = list(script) or [Answer(200, {})]
    given = 0

    def behave(seen: Any) -> Answer:
        nonlocal given
        if "/oauth2/" in seen.path:
            given += 1
            return token_answer(given, roles=list(roles))
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        return step if isinstance(step, Answer) else step(seen)

    with rig(behave, **options) as r:
        cloud = cloud_at(r.server.url)
        wanted = CredentialOptions(tenant_id=TENANT, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        credentials = Credentials(choose_method(wanted, cloud, r.connection, {}), cloud.graph_url, r.connection)
        yield Tenant(r, cloud, credentials, Graph(cloud, credentials, r.connection, check_mode))
