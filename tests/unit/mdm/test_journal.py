# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every write is noted before it leaves, without secrets, and what can't be noted doesn't leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from tests.support.loopback import Answer, Rig, rig

WRITES: dict[str, Callable[[Session], Any]] = {
    "POST": lambda session: session.post("a/x", what="make x", body={}),
    "PUT": lambda session: session.put("a/x", what="write x", body={}),
    "PATCH": lambda session: session.patch("a/x", what="change x", body={}),
    "DELETE": lambda session: session.delete("a/x", what="delete x"),
}


class Journal:
    """Keeps what is noted, and how many requests had left by then."""

    def __init__(self, r: Rig) -> None:
        self.rig = r
        self.noted: list[tuple[str, str, str]] = []
        self.left: list[int] = []

    def note_write(self, method: str, url: str, what: str) -> None:
        self.noted.append((method, url, what))
        self.left.append(len(self.rig.seen))


class Full:
    """Has no room."""

    def note_write(self, method: str, url: str, what: str) -> None:
        raise EvidenceError("No space left on device")


@pytest.mark.fault_kind("R1", "each write is noted before it is sent")
@pytest.mark.parametrize("verb", WRITES)
def test_a_write_is_noted_before_it_leaves_and_once(verb: str) -> None:
    with rig(Answer(429), Answer(200, {})) as r:
        r.connection.journal.record = journal = Journal(r)
        WRITES[verb](r.session)
        assert [(method, url) for method, url, _what in journal.noted] == [(verb, r.server.url + "/a/x")]
        assert journal.left == [0]
        assert len(r.seen) == 2


@pytest.mark.fault_kind("R1", "what can't be noted is not written")
@pytest.mark.parametrize("verb", WRITES)
def test_what_can_not_be_noted_does_not_leave(verb: str) -> None:
    with rig(Answer(200, {})) as r:
        r.connection.journal.record = Full()
        with pytest.raises(EvidenceError):
            WRITES[verb](r.session)
        assert r.seen == []
        assert r.connection.writes_sent == 0
        assert r.counts["writes"] == 0


@pytest.mark.fault_kind("R1", "secrets in what is noted")
def test_no_secret_is_noted() -> None:
    with rig(Answer(200, {})) as r:
        r.connection.journal.record = journal = Journal(r)
        r.connection.redactor.learn("s3cret-of-ours")
        r.session.put("a/s3cret-of-ours?sig=abcdef", what="write s3cret-of-ours", params={"q": "personal"})
        assert journal.noted == [("PUT", r.server.url + "/a/********", "write ********")]


@pytest.mark.fault_kind("R1", "long addresses in what is noted")
def test_a_long_address_is_noted_in_part() -> None:
    with rig(Answer(200, {})) as r:
        r.connection.journal.record = journal = Journal(r)
        r.session.put("v1/enqueue/" + ",".join(["00008030-001A"] * 100), what="queue")
        url = journal.noted[0][1]
        assert len(url) == 300
        assert url.startswith(r.server.url + "/v1/enqueue/00008030-001A,")
        assert url.endswith("...")


def test_neither_reads_nor_check_mode_are_noted() -> None:
    with rig(Answer(200, {}), check_mode=True) as r:
        r.connection.journal.record = journal = Journal(r)
        r.session.get("x", what="read x")
        r.session.ask("x", what="ask x", in_check_mode=True)
        with pytest.raises(WriteInCheckMode):
            r.session.post("x", what="make x")
        assert journal.noted == []
        assert r.connection.writes_sent == 0


@pytest.mark.fault_kind("R1", "a copy of the connection notes in the same journal")
def test_a_copy_of_the_connection_shares_journal_and_count() -> None:
    with rig(Answer(200, {})) as r:
        copy = dataclasses.replace(r.connection, retry_loop=r.connection.retry_loop.with_patience(120))
        r.connection.journal.record = journal = Journal(r)
        WRITES["PUT"](Session(r.server.url, r.session.authorize, copy, False))
        assert len(journal.noted) == 1
        assert (copy.writes_sent, r.connection.writes_sent) == (1, 1)


@pytest.mark.fault_kind("R1", "changed is true when anything was")
@pytest.mark.parametrize(
    ("answers", "verb", "count"),
    [
        ([Answer(200, {})], "PUT", 1),
        ([Answer(503)], "POST", 1),
        ([Answer(drop=True)], "POST", 1),
        ([Answer(504)], "PUT", 1),
        ([Answer(drop=True), Answer(400)], "PUT", 1),
        ([Answer(429), Answer(200, {})], "PUT", 1),
        ([Answer(502), Answer(404)], "DELETE", 1),
        ([Answer(400)], "POST", 0),
        ([Answer(404)], "DELETE", 0),
        ([Answer(501)], "POST", 0),
        ([Answer(429)], "POST", 0),
    ],
)
def test_writes_that_may_have_had_an_effect_are_counted(answers: list[Answer], verb: str, count: int) -> None:
    with rig(*answers) as r:
        try:
            WRITES[verb](r.session)
        except (RequestFailed, UncertainWrite):
            pass
        assert r.connection.writes_sent == count


def test_a_write_for_which_there_is_no_time_had_no_effect() -> None:
    with rig(Answer(200, {}), deadline=10) as r:
        r.clock.passed = 20
        with pytest.raises(OutOfTime):
            WRITES["PUT"](r.session)
        assert r.connection.writes_sent == 0


def test_a_write_that_is_interrupted_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_words: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with rig(Answer(200, {})) as r:
        monkeypatch.setattr(r.connection.transport, "exchange", interrupt)
        with pytest.raises(KeyboardInterrupt):
            WRITES["PUT"](r.session)
        assert r.connection.writes_sent == 1
