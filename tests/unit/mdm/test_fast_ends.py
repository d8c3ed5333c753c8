# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends that come soon: a server that can't be reached is no server that is slow, and every wait is counted."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import DIVISIBLE_READ
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from tests.support.loopback import Answer, Rig, new_authority, rig

NOBODY = "http://127.0.0.1:1"


def failure(r: Rig, url: str, **options: Any) -> RequestFailed:
    r.session.base_url = url
    with pytest.raises(RequestFailed) as caught:
        r.session.get("x", what="read x", **options)
    return caught.value


@pytest.mark.fault_kind("T9", "a connection that is refused")
def test_a_refused_connection_is_tried_once_more_and_no_longer() -> None:
    with rig() as r:
        error = failure(r, NOBODY)
        assert "after 2 attempts: no connection to 127.0.0.1: Connection refused" in error.what
        assert len(r.clock.naps) == 1
        assert r.clock.passed <= 1
        assert error.unreachable
        assert not error.timed_out


@pytest.mark.fault_kind("T9", "a network that can't be reached")
@pytest.mark.parametrize("number", [101, 113])
def test_an_unreachable_network_is_tried_once_more(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_words: object, **_more: object) -> None:
        raise OSError(number, "unreachable")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    with rig() as r:
        assert "after 2 attempts" in failure(r, NOBODY).what
        assert r.clock.passed <= 1


@pytest.mark.fault_kind("T9", "a connection that nobody takes")
def test_a_connection_that_nobody_takes_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def request(*_words: object, timeout: Any, **_more: object) -> None:
        asked.append(timeout)
        raise requests.exceptions.ConnectTimeout

    monkeypatch.setattr(requests.Session, "request", request)
    with rig(timeout=300) as r:
        error = failure(r, NOBODY)
        assert error.unreachable
        assert not error.timed_out
        assert sum(connecting for connecting, _reading in asked) <= 20
        assert r.clock.passed <= 1


@pytest.mark.fault_kind("T9", "a name that nobody knows")
def test_an_unknown_name_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve(host: str, *_words: object, **_more: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with rig() as r:
        error = failure(r, "https://nowhere.invalid")
        assert error.what == "Failed to read x: the name nowhere.invalid can't be resolved"
        assert r.clock.naps == []
        assert len(asked) == 1


@pytest.mark.fault_kind("T9", "a handshake that fails")
@pytest.mark.parametrize("reason", ["NO_CIPHERS_AVAILABLE", "TLSV1_ALERT_INTERNAL_ERROR", "UNEXPECTED_EOF_WHILE_READING"])
def test_a_handshake_that_fails_is_not_tried_again(reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def do_handshake(_self: object, *_words: object) -> None:
        begun.append(1)
        error = (ssl.SSLEOFError if "EOF" in reason else ssl.SSLError)(1, "[SSL: %s] no" % reason)
        error.reason = reason
        raise error

    authority = new_authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with rig(context=authority.server_context(tmp_path), ca_path=str(tmp_path / "ca.pem")) as r:
        monkeypatch.setattr(ssl.SSLSocket, "do_handshake", do_handshake)
        error = failure(r, r.server.url)
        assert "doesn't speak TLS as we do" in error.what
        assert reason in error.what
        assert begun == [1]
        assert r.clock.naps == []


@pytest.mark.fault_kind("T9", "a handshake that breaks under a write")
def test_a_write_whose_handshake_fails_never_left(tmp_path: Path) -> None:
    with rig() as r, pytest.raises(RequestFailed, match="doesn't speak TLS"):
        # A server that speaks plain HTTP.
        Session(r.server.url.replace("http:", "https:"), r.session.authorize, r.connection, False).post("x", what="make x")
    assert r.connection.writes_sent == 0


@pytest.mark.fault_kind("T9", "too slow is a time-out while reading")
def test_only_a_time_out_while_reading_calls_a_server_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def request(*_words: object, **_more: object) -> None:
        raise requests.exceptions.ReadTimeout

    with rig(Answer(drop=True)) as r:
        broken = failure(r, r.server.url, safety=DIVISIBLE_READ)
        assert "after 6 attempts" in broken.what
        assert not broken.timed_out
        monkeypatch.setattr(requests.Session, "request", request)
        naps = len(r.clock.naps)
        assert failure(r, r.server.url, safety=DIVISIBLE_READ).timed_out
        assert len(r.clock.naps) == naps


@pytest.mark.fault_kind("T9", "waits are counted")
def test_waits_are_counted_in_whole_seconds() -> None:
    throttled = Answer(429, headers={"Retry-After": "20.4"})
    with rig(throttled, throttled, throttled, Answer(200, {})) as r:
        r.session.get("x", what="read x")
        told = r.connection.counters.requests()
        assert (told["waits"], told["waited"]) == (3, 61)
        r.connection.retry_loop.with_timeout(1).with_patience(2).wait(5, Request("GET", r.server.url, "x"), "")
        assert r.connection.counters.requests()["waits"] == 4


@pytest.mark.fault_kind("T9", "waits are counted")
def test_a_run_without_waits_says_so() -> None:
    with open_connection({}) as connection:
        assert connection.counters.requests() == {"reads": 0, "writes": 0, "retries": 0, "waits": 0, "waited": 0}
