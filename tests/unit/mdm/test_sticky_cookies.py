# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies: none is kept but those of a load balancer that an adapter names."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import Anonymous
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.sticky_cookies import StickyCookies
from tests.support.loopback import Answer, rig

NAMES = ("APBALANCEID", "jpro-ingress")


def after(*headers: str) -> dict[str, str]:
    """What the next request says after answers with these headers."""
    cookies = StickyCookies(NAMES)
    for header in headers:
        cookies.learn(Response(Request("GET", "https://mdm.example", "read"), 200, {"set-cookie": header}))
    return dict(cookies.headers())


@pytest.mark.parametrize(
    ("headers", "cookie"),
    [
        (["APBALANCEID=aws.std-1; path=/; HttpOnly"], "APBALANCEID=aws.std-1"),
        (["JSESSIONID=secret; Expires=Wed, 21 Oct 2026 07:28:00 GMT, APBALANCEID=a==; Path=/"], "APBALANCEID=a=="),
        (["jpro-ingress=1|2; Secure, APBALANCEID=a"], "APBALANCEID=a; jpro-ingress=1|2"),
        (["APBALANCEID=a", "APBALANCEID=b"], "APBALANCEID=b"),
    ],
)
def test_the_named_cookies_are_kept(headers: list[str], cookie: str) -> None:
    assert after(*headers) == {"Cookie": cookie}


@pytest.mark.parametrize("header", ["JSESSIONID=secret", "XAPBALANCEID=a", "x=1; APBALANCEID=a", ""])
def test_no_other_cookie_is_kept(header: str) -> None:
    assert after(header) == {}


def test_an_empty_value_takes_a_cookie_away() -> None:
    assert after("APBALANCEID=a", "APBALANCEID=; Max-Age=0") == {}


def test_a_session_sends_back_what_it_was_told_to_keep_and_by_default_nothing() -> None:
    answer = Answer(200, {}, {"Set-Cookie": "APBALANCEID=node2; path=/"})
    with rig(answer) as r:
        sticky = Session(r.server.url, Anonymous(), r.connection, False, cookies=StickyCookies(NAMES))
        for session in (sticky, sticky, r.session, r.session):
            session.get("/x", what="read x")
        assert [seen.headers.get("cookie") for seen in r.seen] == [None, "APBALANCEID=node2", None, None]
