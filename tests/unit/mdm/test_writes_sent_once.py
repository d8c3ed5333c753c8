# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes that a caller doesn't want sent twice, and reads that a caller would rather divide."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import DIVISIBLE_READ, RetryPolicy
from tests.support.loopback import Answer, Rig, rig

WRITES = ("put", "patch", "delete")


def write(r: Rig, verb: str, **more: Any) -> Any:
    return getattr(r.session, verb)("/x", what="change x", repeatable=False, **more)


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(502), Answer(504), Answer(500)])
def test_a_write_that_is_not_repeatable_is_sent_once(verb: str, answer: Answer) -> None:
    with rig(answer) as r:
        with pytest.raises(UncertainWrite):
            write(r, verb)
        assert len(r.seen) == 1


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_a_write_that_is_put_off_is_sent_once_unless_it_deletes(verb: str) -> None:
    with rig(Answer(503)) as r:
        with pytest.raises(UncertainWrite):
            write(r, verb)
        assert len(r.seen) == 1


@pytest.mark.parametrize("verb", WRITES)
def test_it_is_sent_again_where_it_was_certainly_not_executed(verb: str) -> None:
    with rig(Answer(429, None, {"Retry-After": "1"}), Answer(200, {})) as r:
        assert write(r, verb).ok()
        assert r.counts == {"reads": 0, "writes": 1, "retries": 1}


def test_a_read_that_can_be_divided_fails_at_once_and_is_no_uncertain_write() -> None:
    with rig(Answer(504)) as r:
        with pytest.raises(RequestFailed) as caught:
            r.session.get("/x", what="read x", safety=DIVISIBLE_READ)
        assert caught.value.status == 504
        assert len(r.seen) == 1


def test_a_patient_client_still_wants_a_connection_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def request(*_words: object, timeout: Any, **_more: object) -> None:
        asked.append(timeout)
        raise requests.exceptions.ConnectTimeout

    monkeypatch.setattr(requests.Session, "request", request)
    with rig(retry=RetryPolicy(attempts=1)) as r:
        for seconds in (1, 120):
            retry_loop = r.connection.retry_loop.with_patience(seconds)
            with pytest.raises(RequestFailed) as caught:
                retry_loop.send(Request("GET", r.server.url, "read x"), DIVISIBLE_READ, r.connection.counters.add_retry)
            assert "took no connection within %g s" % min(retry_loop.timeout, 10) in caught.value.what
    assert asked == [(5, 5), (10, 120)]


def test_patience_is_added_and_never_taken_away() -> None:
    with rig() as r:
        assert r.connection.retry_loop.with_patience(120).timeout == 120
        assert r.connection.retry_loop.with_patience(1).timeout == 5
