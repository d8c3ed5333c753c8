# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and dates as no server should write them: each is read as none, and none ends a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import retry_after
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.server_values import whole_number
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.sticky_cookies import StickyCookies
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api import odata, token_endpoint, token_methods
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import devices, fleet_reader
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import token_methods as jamf_tokens
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import profile_story
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api import server_instants
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import NOT_NOW
from tests.support.loopback import START, Answer, rig

DATES = [
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    "Mon, 99999999999999999999 Jan 2026 00:00:00 GMT",
    "Mon, 01 Jan 2026 00:00:99999999999999999999 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 31 Dec 9999 23:59:59 -2359",
    "9" * 5000,
    "1e400",
    "nan",
    "-1",
    "٣",
]


@pytest.mark.fault_kind("T7", "a Retry-After that is no date")
@pytest.mark.parametrize("text", DATES)
def test_a_wait_that_can_not_be_read_is_none_or_a_number(text: str) -> None:
    found = retry_after(text, START)
    assert found is None or 0 <= found < 1e12


@pytest.mark.fault_kind("T7", "a Retry-After that is no date")
def test_a_wait_that_can_not_be_read_leaves_our_own() -> None:
    with rig(*(Answer(429, headers={"Retry-After": text}) for text in DATES[:2]), Answer(200, {})) as r:
        r.session.get("x", what="read x")
        assert r.counts["retries"] == 2
        assert all(nap < 5 for nap in r.clock.naps)


@pytest.mark.fault_kind("T7", "a lifetime that is no number")
@pytest.mark.parametrize("lifetime", ["9" * 5000, "1e400", "nan", "inf", "-5", [], {}, None, True])
def test_a_lifetime_that_can_not_be_read_is_none(lifetime: Any) -> None:
    with open_connection({}) as connection:
        endpoint = token_endpoint.TokenEndpoint(connection)
        assert endpoint.lifetime({"expires_in": lifetime}) == 0
        assert endpoint.lifetime({"expires_on": lifetime}) == 0


@pytest.mark.fault_kind("T7", "a lifetime that is no number")
@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize(
    "document", [{"expires_in": "1e400"}, {"expires": "9999-12-31T23:59:59Z"}, {"expires": "0001-01-01T00:00:00+14:00"}, {}]
)
def test_the_clock_of_a_server_may_be_odd(date: str, document: Mapping[str, object]) -> None:
    with open_connection({}) as connection:
        requests = jamf_tokens.TokenRequests("https://jamf.example", connection, StickyCookies())
        answer = Response(Request("POST", "https://jamf.example", "x"), 200, {"date": date})
        assert 0 <= requests.lifetime(answer, document) < 1e12


@pytest.mark.fault_kind("T7", "an id that is no number")
@pytest.mark.parametrize("text", ["²", "٣", "9" * 5000, "9" * 19, "-1", "1.5", "", None, "٣٤"])
def test_an_id_that_is_no_number_is_none(text: Any) -> None:
    assert whole_number(text) == 0
    assert devices.number_of(ManagedDevice({"id": "computer:%s" % text})) == 0


@pytest.mark.fault_kind("T7", "an instant that there is not")
@pytest.mark.parametrize(
    "text", ["2026-13-45T99:99:99Z", "2026-02-30T00:00:00Z", "２０２６-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "x", "", None, 3]
)
def test_an_instant_that_there_is_not_is_none(text: Any) -> None:
    assert odata.instant(text) == ""
    assert server_instants.utc_seconds(text) == ""


@pytest.mark.fault_kind("T7", "an instant at the end of time")
def test_an_instant_at_the_end_of_time_can_be_added_to() -> None:
    ends = "9999-12-31T23:59:59Z"
    reader = cast(Any, fleet_reader.FleetReader).__new__(fleet_reader.FleetReader)
    reader._listing = ()
    reader.tell_what_is_shown([ManagedDevice({"id": "computer:1", "ownership": "corporate"}, synced_at=ends)])
    report = cast(Any, type("Report", (), {"connected_at": ends}))
    result = cast(Any, type("Result", (), {"status": NOT_NOW, "at": ends}))
    assert profile_story.is_still_offered(result, report)


@pytest.mark.fault_kind("T7", "a token that ended for ever ago")
def test_a_token_whose_end_is_no_number_is_taken_for_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_methods, "read_claims", lambda _token: {"exp": float("-inf")})
    with open_connection({}) as connection:
        ready = token_methods.ReadyTokens(token_endpoint.TokenEndpoint(connection), {"x": ("token", "option")})
        with pytest.raises(AppbanError, match="The access token expired"):
            ready.fetch("x")
