# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five ways to a token: what goes over the wire, when it is renewed, and what is said when there is none."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.credentials import (
    CredentialOptions,
    Credentials,
    choose_method,
)
from tests.support.intune.app import CLIENT_ID, CLIENT_SECRET, TENANT, certificate, cloud_at, make_token, token_answer
from tests.support.loopback import START, Answer, Rig, new_key, pem_of, rig

APP = {"tenant_id": TENANT, "client_id": CLIENT_ID}
KEY = new_key()
CERTIFICATE = certificate(KEY)
PEM = serialization.Encoding.PEM


def credentials(r: Rig, environ: dict[str, str] | None = None, resource: str = "graph", **options: Any) -> Credentials:
    cloud = cloud_at(r.server.url)
    wanted = CredentialOptions(**options)
    method = choose_method(wanted, cloud, r.connection, environ or {}, r.server.url + "/metadata/identity/oauth2/token")
    assert "cl1ent" not in repr((wanted, method))
    assert "MII" not in repr((wanted, method))
    return Credentials(method, f"{r.server.url}/{resource}", r.connection)


def problems(r: Rig, **options: Any) -> str:
    with pytest.raises(AppbanError) as caught:
        credentials(r, **options)
    assert r.seen == []
    return str(caught.value)


def decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_client_secret_goes_over_the_wire() -> None:
    with rig(token_answer(1)) as r:
        made = credentials(r, client_secret=CLIENT_SECRET, **APP)
        assert made.headers() == {"Authorization": "Bearer " + make_token(1)}
        (seen,) = r.seen
        assert (seen.method, seen.path) == ("POST", f"/{TENANT}/oauth2/v2.0/token")
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        assert "authorization" not in seen.headers
        assert seen.form == {
            "client_id": CLIENT_ID,
            "scope": f"{r.server.url}/graph/.default",
            "grant_type": "client_credentials",
            "client_secret": CLIENT_SECRET,
        }
        assert r.counts == {"reads": 0, "writes": 0, "retries": 0}
        assert r.connection.counters.tokens == 1
        assert make_token(1) not in r.connection.redactor.scrub(f"{made!r} {made.current()!r} {make_token(1)}")


def test_a_token_that_is_no_jwt_is_kept_secret_too() -> None:
    with rig(Answer(200, {"access_token": "0paque-t0ken", "expires_in": 3599})) as r:
        assert credentials(r, client_secret=CLIENT_SECRET, **APP).headers() == {"Authorization": "Bearer 0paque-t0ken"}
        assert r.connection.redactor.scrub("it was 0paque-t0ken") == "it was ********"


def test_each_api_has_a_token_of_its_own() -> None:
    with rig(token_answer(1)) as r:
        credentials(r, resource="defender", client_secret=CLIENT_SECRET, **APP).headers()
        assert r.seen[0].form["scope"] == f"{r.server.url}/defender/.default"


@pytest.mark.parametrize("password", [None, "passw0rd-of-the-key"])
def test_a_certificate_signs(tmp_path: Path, password: str | None) -> None:
    other = certificate(new_key(), name="issuer")
    path = tmp_path / "app.pem"
    pem = other.public_bytes(PEM) + pem_of(KEY, password and password.encode()) + CERTIFICATE.public_bytes(PEM)
    path.write_bytes(b"Bag Attributes\n" + pem)
    with rig(token_answer(1), token_answer(2)) as r:
        made = credentials(r, certificate_path=str(path), certificate_password=password, certificate_chain=True, **APP)
        made.headers()
        made.refused(made.headers())
        made.headers()
        assert [len(seen.form) for seen in r.seen] == [5, 5]
        form = r.seen[0].form
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        header, claims, signature = form["client_assertion"].split(".")
        thumbprint = base64.urlsafe_b64encode(CERTIFICATE.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        chain = [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in (CERTIFICATE, other)]
        assert decode(header) == {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint, "x5c": chain}
        issued = int(START.timestamp())
        assert {name: value for name, value in decode(claims).items() if name != "jti"} == {
            "aud": f"{r.server.url}/{TENANT}/oauth2/v2.0/token",
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "iat": issued,
            "nbf": issued,
            "exp": issued + 600,
        }
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        CERTIFICATE.public_key().verify(raw, f"{header}.{claims}".encode(), pss, hashes.SHA256())
        second = r.seen[1].form["client_assertion"].split(".")[1]
        assert decode(claims)["jti"] != decode(second)["jti"]
        assert signature not in r.connection.redactor.scrub(form["client_assertion"])


def test_the_chain_is_sent_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(pem_of(KEY) + CERTIFICATE.public_bytes(PEM))
    with rig(token_answer(1)) as r:
        credentials(r, certificate_path=str(path), **APP).headers()
        assert "x5c" not in decode(r.seen[0].form["client_assertion"].split(".")[0])


@pytest.mark.parametrize(
    ("content", "password", "said"),
    [
        (None, None, "can't be read: No such file or directory"),
        (b"", None, "has no private key"),
        (pem_of(KEY), None, "has no certificate that can be read"),
        (CERTIFICATE.public_bytes(PEM), None, "has no private key"),
        (pem_of(KEY) + certificate(new_key()).public_bytes(PEM), None, "None of the certificates belongs to the private key"),
        (pem_of(KEY) + certificate(KEY, days=-1).public_bytes(PEM), None, "expired on 2026-02-28"),
        (pem_of(KEY, b"right-passw0rd") + CERTIFICATE.public_bytes(PEM), None, "is encrypted"),
        (pem_of(KEY, b"right-passw0rd") + CERTIFICATE.public_bytes(PEM), "wrong-passw0rd", "Check certificate_password"),
        (pem_of(KEY)[:300] + b"\n" + CERTIFICATE.public_bytes(PEM), None, "private key can't be read"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())) + CERTIFICATE.public_bytes(PEM), None, "is not an RSA key"),
    ],
)
def test_a_certificate_that_can_not_be_used_is_named_before_any_request(
    tmp_path: Path, content: bytes | None, password: str | None, said: str
) -> None:
    path = tmp_path / "app.pem"
    if content is not None:
        path.write_bytes(content)
    with rig() as r:
        text = problems(r, certificate_path=str(path), certificate_password=password, **APP)
        assert said in text
        assert "passw0rd" not in text


def test_a_password_that_is_not_needed_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(pem_of(KEY) + CERTIFICATE.public_bytes(PEM))
    with rig(token_answer(1)) as r:
        credentials(r, certificate_path=str(path), certificate_password="left-over", **APP).headers()


def test_a_federated_token_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first-foreign-token\n")
    with rig(token_answer(1)) as r:
        made = credentials(r, federated_token_file=str(path), **APP)
        made.headers()
        path.write_text("second-foreign-token")
        made.refused(made.headers())
        made.headers()
        assert [seen.form["client_assertion"] for seen in r.seen] == ["first-foreign-token", "second-foreign-token"]
        assert r.connection.redactor.scrub("second-foreign-token") == "********"
        path.write_text(" ")
        made.refused(made.headers())
        with pytest.raises(AppbanError, match="is empty"):
            made.headers()
        path.unlink()
        with pytest.raises(AppbanError, match="can't be read: No such file"):
            made.headers()


@pytest.mark.parametrize("client_id", [None, CLIENT_ID])
def test_a_virtual_machine_has_an_identity(client_id: str | None) -> None:
    with rig(Answer(404), Answer(200, {"access_token": make_token(1), "expires_in": "86399"}), proxy="http://127.0.0.1:1") as r:
        made = credentials(r, auth="managed_identity", client_id=client_id)
        made.headers()
        assert r.seen[-1].headers["metadata"] == "true"
        assert r.seen[-1].path == "/metadata/identity/oauth2/token"
        expected = {"api-version": "2018-02-01", "resource": f"{r.server.url}/graph/", **({"client_id": client_id} if client_id else {})}
        assert r.seen[-1].query == expected
        assert r.connection.counters.tokens == 2
        assert made.good_until == 86399 - 300


def test_app_service_has_an_identity() -> None:
    expires = str(int(START.timestamp()) + 3600)
    with rig(Answer(200, {"access_token": make_token(1), "expires_on": expires})) as r:
        environ = {"IDENTITY_ENDPOINT": r.server.url + "/MSI/token", "IDENTITY_HEADER": "header-of-app-service"}
        made = credentials(r, environ, auth="managed_identity")
        made.headers()
        assert r.seen[0].path == "/MSI/token"
        assert r.seen[0].headers["x-identity-header"] == "header-of-app-service"
        assert "metadata" not in r.seen[0].headers
        assert r.seen[0].query == {"api-version": "2019-08-01", "resource": f"{r.server.url}/graph/"}
        assert made.good_until == 3300
        assert r.connection.redactor.scrub("header-of-app-service") == "********"
    with rig() as r, pytest.raises(AppbanError, match="not an address of this machine"):
        credentials(r, {"IDENTITY_ENDPOINT": "http://evil.example/", "IDENTITY_HEADER": "x"}, auth="managed_identity")


def test_a_ready_token_is_used_as_it_is() -> None:
    with rig() as r:
        made = credentials(r, access_token=f" {make_token(1)}\n")
        assert made.headers() == {"Authorization": "Bearer " + make_token(1)}
        assert r.seen == []
        with pytest.raises(AppbanError, match="refuses the access token") as caught:
            made.refused(made.headers())
        assert made.resource in caught.value.next_step
        assert make_token(1) not in str(caught.value)


def test_a_ready_token_that_has_expired_is_noticed() -> None:
    with rig() as r:
        made = credentials(r, access_token=make_token(exp=int(START.timestamp()) - 90))
        with pytest.raises(AppbanError, match=r"expired 90 s ago \(access_token\)"):
            made.headers()


def test_a_ready_token_is_for_one_api() -> None:
    with rig() as r:
        with pytest.raises(AppbanError, match=r"no ready access token for .*/defender"):
            credentials(r, resource="defender", access_token=make_token(1)).headers()
        made = credentials(r, resource="defender", access_token=make_token(1), defender_access_token=make_token(2))
        assert made.headers() == {"Authorization": "Bearer " + make_token(2)}


def test_a_token_is_kept_until_five_minutes_before_its_end() -> None:
    with rig(token_answer(1, 3600), token_answer(2, 3600), deadline=10_000) as r:
        made = credentials(r, client_secret=CLIENT_SECRET, **APP)
        made.headers()
        r.clock.passed = 3299
        assert make_token(1) in made.headers()["Authorization"]
        r.clock.passed = 3300
        assert make_token(2) in made.headers()["Authorization"]


@pytest.mark.parametrize(("expires_in", "kept"), [(400, 199), ("3600", 3299), (None, 0), ("soon", 0)])
def test_short_and_odd_lifetimes(expires_in: Any, kept: float) -> None:
    with rig(token_answer(1, expires_in), token_answer(2), deadline=10_000) as r:
        made = credentials(r, client_secret=CLIENT_SECRET, **APP)
        made.headers()
        if kept:
            r.clock.passed = kept
            made.headers()
            assert len(r.seen) == 1
        r.clock.passed = kept + 1
        made.headers()
        assert len(r.seen) == 2


def test_threads_ask_for_one_token_and_renew_it_once() -> None:
    with rig(token_answer(1), token_answer(2)) as r:
        made = credentials(r, client_secret=CLIENT_SECRET, **APP)
        old = made.headers()
        results: list[bool] = []
        threads = [threading.Thread(target=lambda: (results.append(made.refused(old)), made.headers())) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [True] * 8
        assert len(r.seen) == 2
        assert made.headers() == {"Authorization": "Bearer " + make_token(2)}


@pytest.mark.parametrize("trouble", [Answer(429, headers={"Retry-After": "3"}), Answer(503), Answer(drop=True)])
def test_token_requests_are_patient_and_counted_apart(trouble: Answer) -> None:
    with rig(trouble, trouble, token_answer(1)) as r:
        credentials(r, client_secret=CLIENT_SECRET, **APP).headers()
        assert r.connection.counters.tokens == len(r.seen) == 3
        assert r.counts == {"reads": 0, "writes": 0, "retries": 0}
    with rig(Answer(429, headers={"Retry-After": "3000"}), deadline=60) as r, pytest.raises(OutOfTime, match="get an access token"):
        credentials(r, client_secret=CLIENT_SECRET, **APP).headers()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        ("7000215", "use its value, not its id"),
        ("7000222", "has expired"),
        ("700016", "check client_id"),
        ("90002", "no such tenant"),
        ("1", "Check"),
    ],
)
def test_errors_of_entra_come_with_advice_and_without_the_secret(number: str, advice: str) -> None:
    description = f"AADSTS{number}: Invalid secret '{CLIENT_SECRET}' provided.\r\nTrace ID: trace-1 Correlation ID: c Timestamp: now"
    body = {"error": "invalid_client", "error_description": description, "error_codes": [int(number)], "trace_id": "trace-1"}
    with rig(Answer(401, body)) as r:
        with pytest.raises(RequestFailed) as caught:
            credentials(r, client_secret=CLIENT_SECRET, **APP).headers()
        error = caught.value
        assert error.what == f"Failed to get an access token: HTTP 401: AADSTS{number}: Invalid secret '********' provided."
        assert "request-id trace-1" in error.where
        assert advice in error.next_step
        assert (error.status, error.code) == (401, f"AADSTS{number}")
        assert len(r.seen) == 1


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), Answer(200, {}), Answer(200, []), Answer(400, b"<html>x</html>"), Answer(302)])
def test_other_answers_are_errors(answer: Answer) -> None:
    with rig(answer) as r, pytest.raises(RequestFailed, match="Failed to get an access token"):
        credentials(r, client_secret=CLIENT_SECRET, **APP).headers()


def test_the_preflight_names_what_is_missing() -> None:
    needed = ["DeviceManagementApps.ReadWrite.All", "DeviceManagementManagedDevices.Read.All", "Group.Create"]
    with rig(token_answer(roles=["DeviceManagementManagedDevices.ReadWrite.All", "Group.Create"])) as r:
        made = credentials(r, client_secret=CLIENT_SECRET, **APP)
        assert made.missing_permissions(needed) == ["DeviceManagementApps.ReadWrite.All"]
    with rig() as r:
        assert credentials(r, access_token="opaque-token-of-a-simulator").missing_permissions(needed) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ["none of client_secret, certificate_path, federated_token_file, access_token is given"]),
        ({"client_secret": "x"}, ["tenant_id is missing", "client_id is missing"]),
        ({"auth": "secret"}, ["auth is secret, but client_secret is missing", "tenant_id is missing", "client_id is missing"]),
        ({"auth": "password", **APP}, ["auth is 'password', but must be one of secret, certificate, federated, token, managed_identity"]),
        ({"client_secret": "x", "access_token": "y", **APP}, ["client_secret and access_token are given", "secret or token"]),
        ({"client_secret": "x", "client_id": "y", "tenant_id": "common"}, ["tenant_id is common"]),
        ({"client_secret": "x", "client_id": "y", "tenant_id": "a/b"}, ["neither a GUID nor a domain name"]),
        ({"federated_token_file": "missing-file", "client_id": "y"}, ["tenant_id is missing", "file missing-file doesn't exist"]),
        ({"certificate_path": "missing-file", "client_id": "y"}, ["tenant_id is missing", "No such file"]),
        ({"access_token": "a b"}, ["access_token holds white space"]),
    ],
)
def test_all_problems_of_the_options_come_at_once(options: dict[str, Any], said: list[str]) -> None:
    with rig() as r:
        text = problems(r, **options)
        assert [part for part in said if part not in text] == []


def test_auth_decides_between_what_is_given(tmp_path: Path) -> None:
    with rig(token_answer(1)) as r:
        made = credentials(r, auth="secret", client_secret=CLIENT_SECRET, access_token="ready", federated_token_file="missing", **APP)
        made.headers()
        assert r.seen[0].form["client_secret"] == CLIENT_SECRET
