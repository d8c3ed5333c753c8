# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that end, are revoked or refused, missing privileges, several nodes, a path below the address and a gateway."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.clock import SystemClock
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.transport import Transport
from tests.simulators.jamf_pro import tokens as server_tokens
from tests.simulators.jamf_pro.errors import Refusal
from tests.simulators.jamf_pro.privileges import EVERY_PRIVILEGE
from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    NOW,
    SECOND_MAC,
    SECOND_PHONE,
    TABLET,
    JamfCity,
    everything,
    jamf_city,
    picture,
)
from tests.support.jamf_pro.writes import WRITES, lift_leaves_nothing

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]


@pytest.mark.parametrize("paths", ["old", "new", "both"])
def test_both_addresses_for_tokens_are_known(city: JamfCity, tmp_path: Path, paths: str) -> None:
    city.settings(oauth_paths=paths)
    run = city.run(everything(tmp_path), NOW)
    asked = [each["path"] for each in run.exchanges if each["path"].endswith("/oauth/token")]
    assert asked == (["/api/v1/oauth/token", "/api/oauth/token"] if paths == "old" else ["/api/v1/oauth/token"])


def test_a_user_logs_in_and_leaves_no_token_behind(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    known = city.simulation.user_login
    account = {"client_id": None, "client_secret": None, "username": known["username"], "password": known["password"]}
    run = city.run(everything(tmp_path), NOW, **account)
    assert picture(city) == undisturbed
    assert [each["path"] for each in run.exchanges if "oauth" in each["path"]] == []
    assert run.exchanges[-1]["path"].endswith("/invalidate-token")
    assert city.vendor.identities.tokens == {}
    wrong = city.run(everything(tmp_path), NOW, expect_failure=True, **{**account, "password": "not the password"})
    assert "401" in wrong.message
    assert "user name and password" in wrong.message
    assert "not the password" not in wrong.message


@pytest.mark.parametrize("account", [False, True])
def test_tokens_that_end_in_mid_run_are_replaced(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: bool, undisturbed: list[str]
) -> None:
    passed = 0.0

    def later() -> float:
        nonlocal passed
        passed += 4.0
        return time.time() + passed

    class ServersTime:
        time = staticmethod(later)

    # Four seconds for every look at the clock; the module can't know, so the server refuses some of its tokens.
    monkeypatch.setattr(server_tokens, "time", ServersTime)
    city.settings(client_token_lifetime=60, user_token_lifetime=60)
    known = city.simulation.user_login
    more = {"client_id": None, "client_secret": None, "username": known["username"], "password": known["password"]} if account else {}
    run = city.run(everything(tmp_path), NOW, **more)
    assert picture(city) == undisturbed
    assert len([each for each in run.exchanges if each["status"] == 401]) >= 2
    assert len([each for each in run.exchanges if each["path"].endswith(("/token", "/keep-alive"))]) >= 3
    once = [(each["method"], each["path"], str(each.get("body"))) for each in run.writes() if each["status"] != 401]
    assert len(once) == len(set(once)) == WRITES


def test_tokens_of_sixty_seconds_are_renewed_before_they_end(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[str]
) -> None:
    passed = 0.0
    exchange = Transport.exchange
    monotonic = SystemClock.monotonic

    def slow(self: Transport, request: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal passed
        passed += 5.0
        return exchange(self, request, *arguments, **options)

    class ServersTime:
        time = staticmethod(lambda: time.time() + passed)

    # Every request takes five seconds, for both sides.
    monkeypatch.setattr(server_tokens, "time", ServersTime)
    monkeypatch.setattr(Transport, "exchange", slow)
    monkeypatch.setattr(SystemClock, "monotonic", lambda clock: monotonic(clock) + passed)
    city.settings(client_token_lifetime=60)
    run = city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed
    assert [each for each in run.exchanges if each["status"] == 401] == []
    assert len([each for each in run.exchanges if each["path"].endswith("/oauth/token")]) >= 4


@pytest.mark.parametrize("write", [1, 6, 11])
def test_a_token_that_is_revoked_at_any_moment_is_replaced(city: JamfCity, tmp_path: Path, write: int, undisturbed: list[str]) -> None:
    answer = city.vendor.answer
    seen = 0

    def revoking(request: Any, front: Any) -> Any:
        nonlocal seen
        if request.method == "POST" and "token" not in request.target:
            seen += 1
            if seen == write:
                city.vendor.identities.revoke_all()
        return answer(request, front)

    city.vendor.answer = revoking
    run = city.run(everything(tmp_path), NOW)
    assert len([each for each in run.exchanges if each["status"] == 401]) == 1
    assert picture(city) == undisturbed


def test_a_server_that_refuses_every_token_is_asked_for_one_more_and_no_third(city: JamfCity, tmp_path: Path) -> None:
    def refuse(_request: Any) -> None:
        raise Refusal(401, "INVALID_TOKEN", "Unauthorized")

    city.vendor.identities.require = refuse
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert len([each for each in run.exchanges if each["path"].endswith("oauth/token")]) == 2
    assert "401" in run.message
    assert run.writes() == []


def test_every_privilege_that_is_missing_is_named_and_no_other_is_needed(city: JamfCity, tmp_path: Path) -> None:
    first = everything(tmp_path)
    steps = [
        first,
        everything(tmp_path, exempt=[TABLET, SECOND_PHONE, SECOND_MAC], apps=["tiktok", "capcut"]),
        [lifted(each) for each in first],
    ]
    needed: dict[str, tuple[int, Any]] = {}
    for number, step in enumerate(steps):
        before = city.snapshot()
        for privilege in city.run(step, NOW).values["privileges"]:
            needed.setdefault(privilege, (number, before))
    assert set(needed) <= set(EVERY_PRIVILEGE)
    assert len(needed) > 15
    for missing, (number, before) in needed.items():
        city.restore(before)
        city.settings(privileges=sorted(set(needed) - {missing}))
        run = city.run(steps[number], NOW, expect_failure=True)
        lines = [line for line in run.message.splitlines() if "403" in line]
        assert lines, missing
        assert all(missing in line and "Give the API role" in line for line in lines), (missing, lines)
    # And nothing else is needed, as the last of them shows by succeeding.
    city.restore(before)
    city.settings(privileges=sorted(needed))
    city.run(steps[number], NOW)


@pytest.mark.parametrize("cookie", ["APBALANCEID", "jpro-ingress"])
def test_a_run_stays_on_one_node_however_far_behind_the_others_are(
    city: JamfCity, tmp_path: Path, cookie: str, undisturbed: list[str]
) -> None:
    city.settings(nodes=3, node_lag=50, cookie=cookie)
    run = city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed
    first, *others = run.exchanges
    assert "Cookie" not in first["headers"]
    assert {each["headers"]["Cookie"] for each in others} == {"%s=node%d" % (cookie, int(others[0]["headers"]["Cookie"][-1]))}


@pytest.mark.parametrize("gateway", [False, True])
def test_a_server_that_is_mounted_below_a_path_works_as_any(tmp_path: Path, gateway: bool, undisturbed: list[str]) -> None:
    base = "/api/proclassic/tenant/11111111-2222"
    with jamf_city(tmp_path, base_path=base, gateway=gateway) as city:
        before = picture(city)
        run = city.run(everything(tmp_path), NOW)
        assert {each["path"].startswith(base + "/") for each in run.exchanges} == {True}
        assert picture(city) == undisturbed
        assert city.run(everything(tmp_path), NOW).writes() == []
        lift_leaves_nothing(city, tmp_path, before)
        assert [each["path"] for each in city.exchanges if "/subset" in each["path"] or each["path"].endswith("/commands")] == []
