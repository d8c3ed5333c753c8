# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in to a Jamf Pro server, stay logged in, log out; and tell a wrong password from a missing privilege."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.redaction import Redactor
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.credentials import CredentialOptions, choose_method
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.profiles import Profiles
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MOBILE
from tests.support.jamf_pro.server_and_client import Tenant, profile, tenant


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant() as one:
        yield one


def account(server: Tenant) -> dict[str, str]:
    return dict(server.sim.user_login)


def test_an_api_client_logs_in_once_and_gives_its_token_back(server: Tenant) -> None:
    assert server.jamf.version().startswith("11.")
    assert server.jamf.version().startswith("11.")
    assert server.sent("POST") == ["POST /api/v1/oauth/token"]
    server.jamf.close()
    assert server.sent("POST")[1:] == ["POST /api/v1/auth/invalidate-token"]
    assert server.sim.requests()[-1]["status"] == 204
    assert server.connection.counters.requests() == {"reads": 2, "writes": 0, "retries": 0, "waits": 0, "waited": 0}
    assert server.connection.counters.tokens == 2


def test_an_older_server_has_another_place_for_tokens(server: Tenant) -> None:
    server.settings(oauth_paths="old")
    server.jamf.version()
    server.clock.sleep(46)
    server.jamf.version()
    old = "POST /api/oauth/token"
    assert server.sent("POST") == ["POST /api/v1/oauth/token", old, old]


def test_a_token_of_a_minute_is_renewed_before_it_ends(server: Tenant) -> None:
    server.jamf.version()
    server.clock.sleep(44)
    server.jamf.version()
    assert len(server.sent("POST")) == 1
    server.clock.sleep(2)
    server.jamf.version()
    assert len(server.sent("POST")) == 2


def test_a_refused_token_is_renewed_once(server: Tenant) -> None:
    server.jamf.version()
    server.sim.objects({"revoke_tokens": True})
    server.jamf.version()
    assert len(server.sent("POST")) == 2
    server.settings(client_token_lifetime=0)
    server.sim.objects({"revoke_tokens": True})
    with pytest.raises(RequestFailed) as caught:
        server.jamf.version()
    assert caught.value.status == 401
    assert "credentials" in caught.value.next_step


def test_the_classic_api_takes_the_same_token_and_renews_it_too(server: Tenant) -> None:
    server.jamf.version()
    server.sim.objects({"revoke_tokens": True})
    assert Profiles(server.jamf, MOBILE).list_all() == []


def test_a_user_keeps_the_token_alive_and_logs_in_again_where_that_fails(server: Tenant) -> None:
    server.settings(user_token_lifetime=600)
    with server.another_client(**account(server)) as jamf:
        jamf.version()
        server.clock.sleep(560)
        jamf.version()
        assert server.sent("POST") == ["POST /api/v1/auth/token", "POST /api/v1/auth/keep-alive"]
        server.clock.sleep(560)
        server.sim.objects({"revoke_tokens": True})
        jamf.version()
        assert server.sent("POST")[2:] == ["POST /api/v1/auth/keep-alive", "POST /api/v1/auth/token"]


def test_how_long_a_users_token_lives_is_told_by_the_servers_clock(server: Tenant) -> None:
    # The clock of the controller is far away from the server's, and the token is used all the same.
    with server.another_client(**account(server)) as jamf:
        jamf.version()
        lifetime = jamf.credentials.token.lifetime if jamf.credentials.token else 0
        assert lifetime == pytest.approx(1800, abs=5)


def test_wrong_credentials_are_told_from_missing_privileges(server: Tenant) -> None:
    known = server.sim.connection
    with pytest.raises(RequestFailed) as caught:
        server.another_client(client_id=known["client_id"], client_secret="wrong-secret-0815").version()
    assert caught.value.status == 401
    assert "secret" in caught.value.next_step
    assert "wrong-secret-0815" not in str(caught.value)
    with pytest.raises(RequestFailed):
        server.another_client(username=server.sim.user_login["username"], password="wrong-password-0815").version()
    server.settings(privileges=["Read Computers"])
    with pytest.raises(RequestFailed) as caught:
        Profiles(server.jamf, MOBILE).list_all()
    assert caught.value.status == 403
    assert "Read iOS Configuration Profiles" in caught.value.next_step
    assert "credentials" not in caught.value.next_step


def test_check_mode_logs_in_and_out_and_writes_nothing(server: Tenant) -> None:
    with server.another_client(check_mode=True) as jamf:
        assert Profiles(jamf, MOBILE).list_all() == []
        with pytest.raises(AppbanError, match="check mode"):
            Profiles(jamf, MOBILE).create(profile())
    assert server.writes() == []
    assert server.sent(path="invalidate-token") == ["POST /api/v1/auth/invalidate-token"]


@pytest.mark.parametrize("kind", ["500", "drop", "504"])
def test_logging_out_never_fails_a_run(server: Tenant, kind: str) -> None:
    server.jamf.version()
    server.sim.faults([{"match": {"path": "invalidate-token"}, "nth": "all", "kind": kind}])
    server.jamf.close()
    assert len(server.sent(path="invalidate-token")) == 1
    assert server.clock.naps == []


def test_no_token_reaches_a_message(server: Tenant) -> None:
    server.jamf.version()
    token = str(server.jamf.credentials.headers()["Authorization"]).split()[1]
    assert server.connection.redactor.scrub("x %s y" % token) == "x ******** y"
    assert token not in repr(server.jamf.credentials) + repr(server.jamf.credentials.token)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "there are no credentials"),
        ({"client_id": "a"}, "client_id is given without client_secret"),
        ({"password": "a"}, "password is given without username"),
        ({"client_id": "a", "client_secret": "b", "username": "c", "password": "d"}, "two different ways"),
        ({"client_id": "a", "username": "c"}, "client_id is given without client_secret; username is given without password"),
    ],
)
def test_options_that_can_not_work_are_all_named(options: dict[str, str], problem: str) -> None:
    with pytest.raises(AppbanError) as caught:
        choose_method(CredentialOptions(**options), Redactor())
    assert problem in caught.value.what


@pytest.mark.parametrize("options", [{"base_path": "/api/proclassic/tenant/1", "gateway": True}, {"base_path": "jamf/"}])
def test_a_server_may_be_mounted_below_a_path(options: dict[str, object]) -> None:
    with tenant(4, **options) as server:
        assert server.jamf.version()
        made = Profiles(server.jamf, MOBILE).create(profile())
        Profiles(server.jamf, MOBILE).delete(made.id, made.name)
        base = server.sim.connection["base_path"]
        assert all(line.split()[1].startswith(base + "/") and "subset" not in line for line in server.sent())


def test_a_wrong_base_path_is_named() -> None:
    with tenant(2) as server:
        server.sim.connection["base_path"] = "/elsewhere"
        with pytest.raises(RequestFailed) as caught:
            server.another_client().version()
        assert "base path" in caught.value.next_step
        server.sim.connection["base_path"] = ""
