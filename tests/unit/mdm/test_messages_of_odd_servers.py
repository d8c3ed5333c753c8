# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of servers that answer in odd ways: what it was, and where to look."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import REPEATABLE
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import classic_xml
from tests.support.loopback import Answer, Behave, rig, running_proxy

PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"


def error_of(*script: Answer | Behave, path: str = "x", reads_json: bool = False) -> AppbanError:
    with rig(*script) as r:

        def ask() -> None:
            answer = r.session.get(path, what="read x")
            if reads_json:
                answer.json()

        with pytest.raises(AppbanError) as caught:
            ask()
    return caught.value


@pytest.mark.fault_kind("D4", "a proxy that wants a login")
def test_a_proxy_that_wants_a_login_is_told_so() -> None:
    with running_proxy(1, "407 Gimme") as proxy, rig(proxy=proxy.address) as client:
        client.session.base_url = "https://graph.test"
        with pytest.raises(AppbanError) as caught:
            client.session.get("x", what="read x")
        assert caught.value.what == "Failed to read x: the proxy gave no way to graph.test: Tunnel connection failed: 407 Gimme"
        assert "user name and password" in caught.value.next_step
        assert len(proxy.asked) == 1


@pytest.mark.fault_kind("D4", "a status that is no redirect, and redirects to nowhere")
def test_what_is_no_redirect_is_not_called_one() -> None:
    error = error_of(Answer(304))
    assert error.what == "Failed to read x: HTTP 304 Not Modified: an answer for a cache, and nobody asked for one"
    assert "redirects" not in error.next_step
    assert "cache" in error.next_step
    error = error_of(Answer(307))
    assert error.what == "Failed to read x: HTTP 307 Temporary Redirect: a redirect that names no place"
    assert "redirects to" not in error.next_step
    assert error.next_step
    error = error_of(Answer(302, headers={"Location": "/x"}))
    assert error.what == "Failed to read x: HTTP 302 Found: a redirect to the same address"
    assert "redirects to" not in error.next_step
    assert error.next_step


@pytest.mark.fault_kind("D4", "a body that can't be decoded")
def test_a_body_that_can_not_be_decoded_is_said_as_that_and_tried_once_more() -> None:
    broken = Answer(200, b"nonsense" * 9, {"Content-Encoding": "gzip"})
    with rig(broken) as r, pytest.raises(AppbanError) as caught:
        r.session.get("x", what="read x")
    assert caught.value.what == "Failed to read x after 2 attempts: the body of the answer can't be decoded; its header says gzip"
    assert "proxy" in caught.value.next_step
    assert "network" not in caught.value.next_step
    assert len(r.seen) == 2
    assert r.clock.passed <= 1


@pytest.mark.fault_kind("D4", "a body without end")
def test_a_body_that_is_too_large_says_the_bound_and_where_to_look() -> None:
    with rig(Answer(200, b"x" * 2000)) as r:
        request = Request("GET", r.server.url + "/x", "read x")
        with pytest.raises(AppbanError) as caught:
            r.connection.retry_loop.send(request, REPEATABLE, r.connection.counters.add_retry, limit=1000)
    assert "larger than the 1000 bytes that are allowed for it" in caught.value.what
    assert "what answers at this address" in caught.value.next_step
    assert "network" not in caught.value.next_step


@pytest.mark.fault_kind("D4", "JSON that is nested too deep")
def test_json_that_is_nested_too_deep_is_said_as_that() -> None:
    error = error_of(Answer(200, b"[" * 200_000), reads_json=True)
    assert error.what == "Failed to read x: the answer is JSON that is nested too deep to be read, 200000 bytes of application/json"


@pytest.mark.fault_kind("D4", "a page where a list was expected")
@pytest.mark.parametrize("kind", ["text/html", "text/xml", "application/json"])
def test_a_page_is_said_as_that(kind: str) -> None:
    answer = Response(Request("GET", "https://jamf.example/JSSResource/x", "read x"), 200, {"content-type": kind}, PAGE)
    expected = "but a page for a browser, %d bytes of %s" % (len(PAGE), kind)
    for read, name in ((classic_xml.parse, "XML"), (Response.json, "JSON")):
        with pytest.raises(AppbanError) as caught:
            read(answer)
        assert caught.value.what == "Failed to read x: the answer is not %s %s" % (name, expected)


@pytest.mark.fault_kind("D4", "a status without advice")
def test_every_status_has_a_next_step() -> None:
    assert "wants a login" in error_of(Answer(511)).next_step
    for status in (400, 409, 418, 451, 500, 501, 507, 599):
        step = error_of(Answer(status)).next_step
        assert "log" in step, status
    assert "request-id" in error_of(Answer(500, headers={"request-id": "abc"})).next_step


@pytest.mark.fault_kind("D4", "an address of a thousand ids, and words without end")
def test_addresses_and_words_of_servers_are_bounded() -> None:
    path = "v1/enqueue/" + ",".join("ABCDEF-%04d" % number for number in range(500))
    error = error_of(Answer(400, {"message": "y" * 5000}), path=path)
    assert len(error.where) < 400
    assert "v1/enqueue/ABCDEF-0000," in error.where
    assert 300 <= error.what.count("y") < 310
    with rig(Answer(drop=True)) as r, pytest.raises(AppbanError) as caught:
        r.session.get(path, what="read x")
    assert len(caught.value.where) < 400
    long = error_of(Answer(302, headers={"Location": "https://else.example/" + "z" * 3000}))
    assert len(long.what) < 500


@pytest.mark.fault_kind("D4", "throttled for ever")
def test_a_server_that_throttles_for_ever_is_said_with_attempts_and_time() -> None:
    error = error_of(Answer(429, headers={"Retry-After": "20"}))
    assert error.what == "Failed to read x: HTTP 429 Too Many Requests, after 6 attempts within 100 s"
