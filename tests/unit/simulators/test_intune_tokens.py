# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is let in, and to what."""

from __future__ import annotations

import base64
import json
import time

import pytest

from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import APPS, COMPLIANCE, DEVICES, PROFILES, Graph, blocked_list

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def assertion(sim: Simulation, alg: str = "PS256", **changes: object) -> str:
    connection = sim.connection
    claims = {
        "aud": f"{connection['authority_url']}/{connection['tenant_id']}/oauth2/v2.0/token",
        "iss": connection["client_id"],
        "sub": connection["client_id"],
        "jti": "1",
        "exp": int(time.time()) + 600,
        **changes,
    }
    return f"{part({'alg': alg, 'x5t#S256': 'thumbprint'})}.{part(claims)}.c2lnbmF0dXJl"


def test_a_secret_gives_a_token_that_names_its_roles(graph: Graph) -> None:
    token = graph.new_token()
    claims = json.loads(base64.urlsafe_b64decode(token["access_token"].split(".")[1] + "=="))
    assert token["expires_in"] == 3599
    assert claims["aud"] == "https://graph.microsoft.com"
    assert "DeviceManagementApps.Read.All" in claims["roles"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "somebody else"}, "unauthorized_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "DeviceManagementApps.Read.All"}, "invalid_scope"),
        ({"scope": "https://graph.microsoft.us/.default"}, "invalid_resource"),
        ({"scope": "http:/.default"}, "invalid_resource"),
        ({"scope": "/.default"}, "invalid_resource"),
    ],
)
def test_the_login_service_refuses(graph: Graph, form: dict[str, str], error: str) -> None:
    assert graph.new_token(**form)["error"] == error


def test_a_certificate_signs_an_assertion(sim: Simulation, graph: Graph) -> None:
    form = {"client_secret": "", "client_assertion_type": ASSERTION}
    assert "access_token" in graph.new_token(**form, client_assertion=assertion(sim))
    assert graph.new_token(**form, client_assertion=assertion(sim, alg="RS256"))["error"] == "invalid_client"
    assert "aud" in graph.new_token(**form, client_assertion=assertion(sim, aud="https://elsewhere"))["error_description"]
    assert "expired" in graph.new_token(**form, client_assertion=assertion(sim, exp=1))["error_description"]


def test_a_federated_token_is_taken_verbatim(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"federated_token": "header.of-the-pipeline.signature"}})
    form = {"client_secret": "", "client_assertion_type": ASSERTION}
    assert "access_token" in graph.new_token(**form, client_assertion="header.of-the-pipeline.signature")
    assert graph.new_token(**form, client_assertion="header.of-another.signature")["error"] == "invalid_client"


def test_a_managed_identity_needs_the_metadata_header(sim: Simulation, graph: Graph) -> None:
    url = sim.connection["managed_identity_url"] + "?api-version=2018-02-01&resource=https://graph.microsoft.com/"
    assert graph.send("GET", url).status == 400
    answer = graph.send("GET", url, headers={"Metadata": "true"})
    assert answer.status == 200
    graph.token = answer.body["access_token"]
    assert graph.get(f"{DEVICES}?$top=1").status == 200


def test_app_service_has_a_header_of_its_own(sim: Simulation, graph: Graph) -> None:
    url = sim.connection["managed_identity_url"] + "?api-version=2019-08-01&resource=https://graph.microsoft.com"
    assert graph.send("GET", url, headers={"X-IDENTITY-HEADER": "wrong"}).status == 401
    answer = graph.send("GET", url, headers={"X-IDENTITY-HEADER": sim.state()["volatile"]["app_service_identity_header"]})
    assert answer.body["token_type"] == "Bearer"


def test_tokens_of_other_services_expired_and_revoked_ones_are_refused(sim: Simulation, graph: Graph) -> None:
    assert graph.send("GET", sim.connection["graph_url"] + DEVICES).status == 401
    assert graph.call("GET", DEVICES, Authorization="Bearer a.b.c").status == 401
    defender = graph.new_token(scope="https://api.securitycenter.microsoft.com/.default")["access_token"]
    assert graph.call("GET", DEVICES, Authorization=f"Bearer {defender}").status == 401
    sim.objects({"revoke_tokens": True})
    assert graph.get(DEVICES).status == 401
    sim.objects({"settings": {"token_lifetime": 0}})
    graph.token = graph.new_token()["access_token"]
    assert graph.get(DEVICES).status == 401


def test_a_missing_permission_is_named(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"roles": ["DeviceManagementConfiguration.Read.All"]}})
    graph.token = graph.new_token()["access_token"]
    assert graph.get(COMPLIANCE).status == 200
    refused = graph.post("/beta/deviceManagement/configurationPolicies", blocked_list("a.b"))
    assert refused.status == 403
    assert "DeviceManagementConfiguration.ReadWrite.All" in refused.message
    assert "DeviceManagementApps.Read.All" in graph.get(APPS).message
    assert graph.get("/v1.0/groups").body["error"]["code"] == "Authorization_RequestDenied"


def test_intune_wraps_its_messages_and_graph_echoes_ids(graph: Graph) -> None:
    answer = graph.call("POST", PROFILES, {"displayName": "no type"}, client_request_id="11111111-2222-3333-4444-555555555555")
    assert answer.status == 400
    assert "Activity ID: 11111111-2222-3333-4444-555555555555" in json.loads(answer.message)["Message"]
    assert answer.headers["client-request-id"] == "11111111-2222-3333-4444-555555555555"
    assert answer.body["error"]["innerError"]["request-id"] == answer.headers["request-id"]


def test_every_cloud_has_a_host_of_its_own(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"cloud": "gcchigh"}})
    assert graph.new_token()["error"] == "invalid_resource"
    assert graph.get(DEVICES).status == 401
    graph.token = graph.new_token(scope="https://graph.microsoft.us/.default")["access_token"]
    assert graph.get(f"{DEVICES}?$top=1").status == 200


def test_the_simulators_own_address_is_a_resource_too(sim: Simulation, graph: Graph) -> None:
    graph.token = graph.new_token(scope=sim.connection["graph_url"] + "/.default")["access_token"]
    assert graph.get(f"{DEVICES}?$top=1").status == 200


def test_actions_need_the_privileged_permission(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"roles": ["DeviceManagementManagedDevices.ReadWrite.All"]}})
    graph.token = graph.new_token()["access_token"]
    key = sim.state()["devices"][0]["id"]
    refused = graph.post(f"{DEVICES}/{key}/syncDevice")
    assert refused.status == 403
    assert "DeviceManagementManagedDevices.PrivilegedOperations.All" in refused.message
