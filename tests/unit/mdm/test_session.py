# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs: what leaves, how often, what comes back, and what is said when it goes wrong."""

from __future__ import annotations

import io
import re
import threading
import uuid
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import Anonymous
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import RetryPolicy
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Content, Session
from tests.support.loopback import START, Answer, Rig, Seen, Server, rig, running

SECRET = "t0ken-that-n0body-may-see"
Call = Callable[[Session], Any]

READS: dict[str, Call] = {
    "get": lambda session: session.get("x", what="read x"),
    "ask": lambda session: session.ask("x", what="read x", body={}, in_check_mode=True),
}
REPEATABLE_WRITES: dict[str, Call] = {
    "put": lambda session: session.put("x", what="write x", body={}),
    "patch": lambda session: session.patch("x", what="write x", body={}),
    "delete": lambda session: session.delete("x", what="delete x"),
    "assign": lambda session: session.post("x", what="assign x", body={}, repeatable=True),
}
CREATES: dict[str, Call] = {"post": lambda session: session.post("x", what="make x", body={})}
WRITES = {**REPEATABLE_WRITES, **CREATES}


class Bearer:
    """A token that the server may refuse; there are so many new ones."""

    def __init__(self, renewals: int = 1) -> None:
        self.number = 0
        self.left = renewals

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {SECRET}-{self.number}"}

    def refused(self, headers: dict[str, str]) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.number += 1
        return True


def by_name(calls: dict[str, Call]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", calls.values(), ids=calls.keys())


def fails(r: Rig, call: Call, kind: type[AppbanError] = RequestFailed) -> AppbanError:
    with pytest.raises(AppbanError) as caught:
        call(r.session)
    assert caught.value.__class__ is kind
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__context__} {r.session!r} {r.connection!r}"
    return caught.value


def test_a_read_brings_its_answer() -> None:
    with rig(Answer(200, {"value": [1, "é"]}), authorize=Bearer()) as r:
        response = r.session.get("/a/b", {"$filter": "x eq 'y z'"}, what="read x", headers={"ConsistencyLevel": "eventual"})
        assert response.json() == {"value": [1, "é"]}
        assert SECRET not in repr(response)
        (seen,) = r.seen
        assert seen.target == "/a/b?$filter=x%20eq%20%27y%20z%27"
        assert seen.headers["authorization"] == f"Bearer {SECRET}-0"
        assert seen.headers["consistencylevel"] == "eventual"
        assert seen.headers["user-agent"] == "appban.endpoint"
        assert r.counts == {"reads": 1, "writes": 0, "retries": 0}


def test_a_body_is_json_or_what_the_caller_says() -> None:
    with rig(Answer(204)) as r:
        assert r.session.put("x", what="write x", body={"name": "é"}).json() is None
        r.session.post("x", what="write x", content=Content(b"<a/>", "text/xml"))
        r.session.post("x", what="call x")
        assert [(seen.headers.get("content-type"), seen.body) for seen in r.seen] == [
            ("application/json", '{"name": "é"}'.encode()),
            ("text/xml", b"<a/>"),
            (None, b""),
        ]


def test_every_attempt_has_a_request_id_of_its_own_and_chance_is_seeded() -> None:
    def ids() -> list[str]:
        with rig(Answer(503), Answer(503), Answer(200, {})) as r:
            r.session.get("x", what="read x")
            return [seen.headers["client-request-id"] for seen in r.seen]

    assert len(set(ids())) == 3
    assert all(uuid.UUID(one).version == 4 for one in ids())
    assert ids() == ids()


@by_name({**READS, **REPEATABLE_WRITES})
@pytest.mark.parametrize("trouble", [*map(Answer, (429, 502, 503, 504)), Answer(drop=True), Answer(200, {"a": 1}, cut=True)])
def test_what_is_safe_is_sent_again(call: Call, trouble: Answer) -> None:
    with rig(trouble, trouble, Answer(200, {})) as r:
        call(r.session)
        assert len(r.seen) == 3
        assert r.counts["retries"] == 2
        assert r.counts["reads"] + r.counts["writes"] == 1
        assert len(r.clock.naps) == 2
        assert r.clock.naps[0] <= 2
        assert r.clock.naps[1] <= 4


@by_name({**READS, **WRITES})
@pytest.mark.parametrize("status", [400, 404, 409, 412, 418])
def test_a_refusal_is_not_sent_again(call: Call, status: int) -> None:
    with rig(Answer(status, {"error": {"code": "Bad", "message": "no good"}})) as r:
        if status == 404 and call is WRITES["delete"]:
            assert not call(r.session).ok()
        else:
            assert fails(r, call).status == status
        assert len(r.seen) == 1


@by_name(CREATES)
@pytest.mark.parametrize("trouble", [Answer(500), Answer(502), Answer(503), Answer(504), Answer(drop=True), Answer(201, {}, cut=True)])
def test_a_create_that_may_have_happened_is_never_sent_again(call: Call, trouble: Answer) -> None:
    with rig(trouble, Answer(201, {})) as r:
        error = fails(r, call, UncertainWrite)
        assert "Look the object up" in error.next_step
        assert len(r.seen) == 1
        assert r.counts == {"reads": 0, "writes": 1, "retries": 0}


@by_name(CREATES)
def test_a_create_that_was_refused_is_sent_again(call: Call) -> None:
    with rig(Answer(429, headers={"Retry-After": "9"}), Answer(201, {})) as r:
        call(r.session)
        assert r.clock.naps == [9]
        assert r.counts == {"reads": 0, "writes": 1, "retries": 1}


@by_name(CREATES)
def test_a_create_that_never_left_is_no_uncertain_one(call: Call) -> None:
    with rig() as r:
        r.session.base_url = "http://127.0.0.1:1"
        error = fails(r, call)
        assert "no connection to 127.0.0.1: Connection refused" in error.what
        assert "after 2 attempts" in error.what


@by_name(CREATES)
@pytest.mark.parametrize("status", [501, 505])
def test_some_server_errors_say_that_nothing_happened(call: Call, status: int) -> None:
    with rig(Answer(status)) as r:
        assert fails(r, call).status == status


def test_a_server_that_is_silent_is_asked_again_and_a_create_is_uncertain() -> None:
    event = threading.Event()
    with rig(Answer(hold=event), Answer(200, {}), timeout=0.2) as r:
        r.session.get("x", what="read x")
        assert r.counts["retries"] == 1
        event.set()
    event = threading.Event()
    with rig(Answer(hold=event), timeout=0.2) as r:
        assert "gave no answer within 0.2 s" in fails(r, CREATES["post"], UncertainWrite).what
        event.set()


def test_attempts_are_bounded() -> None:
    with rig(Answer(503, {"message": "overloaded"}), retry=RetryPolicy(attempts=3)) as r:
        error = fails(r, READS["get"])
        assert re.fullmatch("Failed to read x: HTTP 503 Service Unavailable, after 3 attempts within [0-9] s: overloaded", error.what)
        assert len(r.seen) == 3
        assert r.counts == {"reads": 1, "writes": 0, "retries": 2}


@pytest.mark.parametrize("header", ["40", "date"])
def test_the_server_says_how_long_to_wait(header: str) -> None:
    at = format_datetime(START.replace(second=40), usegmt=True)
    with rig(Answer(429, headers={"Retry-After": at if header == "date" else header}), Answer(200, {})) as r:
        r.session.get("x", what="read x")
        assert r.clock.naps == [40]


def test_a_time_that_has_passed_does_not_make_us_hammer() -> None:
    with rig(*[Answer(503, headers={"Retry-After": "0"})] * 5, Answer(200, {})) as r:
        r.session.get("x", what="read x")
        assert len(r.clock.naps) == 5
        assert sum(r.clock.naps) > 5


@by_name({**READS, **WRITES})
def test_a_wait_beyond_the_deadline_is_not_begun(call: Call) -> None:
    with rig(Answer(429, headers={"Retry-After": "3600"}), deadline=100) as r:
        error = fails(r, call, OutOfTime)
        assert "HTTP 429 and asked to wait 3600 s" in error.what
        assert "of the 100 s for all requests of this run only 100 s are left" in error.what
        assert r.clock.naps == []


def test_the_deadline_is_one_for_all_requests() -> None:
    with rig(Answer(503), retry=RetryPolicy(attempts=1000), deadline=300) as r:
        fails(r, READS["get"], OutOfTime)
        assert 200 < r.clock.passed < 300
        r.clock.passed = 300
        sent = len(r.seen)
        assert "are over" in fails(r, READS["get"], OutOfTime).what
        assert len(r.seen) == sent


def test_an_answer_that_trickles_in_beyond_the_deadline_is_given_up() -> None:
    with rig(lambda _seen: late(r)) as r:
        assert "for all requests of this run were over" in fails(r, CREATES["post"], UncertainWrite).what
        r.clock.passed = 0
        fails(r, READS["get"], OutOfTime)


def late(r: Rig) -> Answer:
    r.clock.passed = 1e9
    return Answer(200, {"value": 1})


@by_name(WRITES)
def test_no_write_leaves_in_check_mode(call: Call) -> None:
    with rig(check_mode=True) as r:
        assert "about to leave in check mode" in fails(r, call, WriteInCheckMode).what
        assert r.seen == []
        assert r.counts == {"reads": 0, "writes": 0, "retries": 0}


def test_check_mode_reads_by_get_and_by_post_only_where_the_caller_vouches() -> None:
    with rig(Answer(200, {}), check_mode=True) as r:
        r.session.get("x", what="read x")
        fails(r, lambda session: session.ask("x", what="export x"), WriteInCheckMode)
        r.session.ask("x", what="query x", in_check_mode=True)
        assert [seen.method for seen in r.seen] == ["GET", "POST"]
        assert r.counts == {"reads": 2, "writes": 0, "retries": 0}


def test_what_is_gone_need_not_be_deleted() -> None:
    with rig(Answer(404)) as r:
        r.session.delete("x", what="delete x")
        assert fails(r, lambda session: session.delete("x", what="delete x", missing_ok=False)).status == 404


def test_the_caller_may_accept_an_error() -> None:
    with rig(Answer(400, {"error": {"message": "already a member"}})) as r:
        assert r.session.post("x", what="add x", accept={400}).status == 400


@by_name({**READS, **WRITES})
def test_a_refused_token_is_renewed_once(call: Call) -> None:
    with rig(Answer(401), Answer(200, {}), authorize=Bearer()) as r:
        call(r.session)
        assert [seen.headers["authorization"][-1] for seen in r.seen] == ["0", "1"]
        assert r.counts["retries"] == 1
    with rig(Answer(401), authorize=Bearer(renewals=5)) as r:
        assert "credentials" in fails(r, call).next_step
        assert len(r.seen) == 2


def test_an_error_says_what_where_and_what_to_do() -> None:
    body = {"error": {"code": "Forbidden", "message": f"no {SECRET}-0 here"}}
    with rig(Answer(403, body, {"request-id": "srv-1"}), authorize=Bearer()) as r:
        r.connection.redactor.learn(f"{SECRET}-0")
        error = fails(r, lambda session: session.get("a", {"q": SECRET}, what="list the devices", needs="Devices.Read.All"))
        assert error.what == "Failed to list the devices: HTTP 403 Forbidden: no ******** here"
        assert error.where == f"GET {r.server.url}/a, request-id srv-1, client-request-id {r.seen[0].headers['client-request-id']}"
        assert error.next_step == "Grant the account of the connection options the permission Devices.Read.All"
        assert isinstance(error, RequestFailed)
        assert (error.status, error.code, error.request_id) == (403, "Forbidden", "srv-1")
        assert error.client_request_id == r.seen[0].headers["client-request-id"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"code": "X1", "message": "broken"}}, ": X1: broken"),
        ({"error": "invalid_grant", "error_description": "no"}, ": invalid_grant: no"),
        ({"error": "just this"}, ": just this"),
        ({"message": "broken"}, ": broken"),
        ({"httpStatus": 400, "errors": [{"code": "A", "description": "one"}, {"description": "two"}]}, ": one; two"),
        (b"<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>", ": 502 Bad Gateway"),
        (b"plain words", ": plain words"),
        (b"", ""),
        ([], ": []"),
        (b"x" * 5000, ": " + "x" * 300 + " ..."),
        ({"error": {"code": 7, "message": None}}, ": 7"),
    ],
)
def test_the_servers_words_are_found(body: Any, said: str) -> None:
    with rig(Answer(400, body)) as r:
        assert fails(r, READS["get"]).what == "Failed to read x: HTTP 400 Bad Request" + said


def test_a_token_in_the_servers_words_is_scrubbed() -> None:
    with rig(lambda seen: Answer(400, {"message": "got " + seen.headers["authorization"]}), authorize=Bearer()) as r:
        for call in {**READS, **WRITES}.values():
            fails(r, call)


@by_name({**READS, **WRITES})
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(call: Call, status: int) -> None:
    with running(Server(Answer(200, {"value": "stolen"}))) as other, rig(
        Answer(status, headers={"Location": other.url + "/x?sig=abcdef"}), authorize=Bearer()
    ) as r:
        error = fails(r, call)
        assert f"a redirect to {other.url}/x, which is not followed" in error.what
        assert "abcdef" not in str(error)
        assert other.seen == []
        assert len(r.seen) == 1


def test_a_link_to_another_host_is_refused() -> None:
    with running(Server()) as other, rig(authorize=Bearer()) as r:
        error = fails(r, lambda session: session.get(other.url + "/next", what="list x"), AppbanError)
        assert "the token doesn't go there" in error.what
        assert other.seen == r.seen == []
        assert r.counts["reads"] == 0
        r.session.get(r.server.url + "/next?$skiptoken=a%20b", what="list x")
        assert r.seen[0].target == "/next?$skiptoken=a%20b"


def test_plain_http_is_for_this_machine() -> None:
    with open_connection({}) as connection, pytest.raises(AppbanError, match="not an https URL"):
        Session("http://mdm.example", Anonymous(), connection, False)


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with rig(Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"})) as r:
        error = fails(r, lambda session: session.get("x", what="read x").json())
        assert "the answer is not JSON but a page for a browser, 19 bytes of text/html" in error.what


def test_a_header_that_can_not_be_sent_is_not_shown() -> None:
    class Broken(Bearer):
        def headers(self) -> dict[str, str]:
            return {"Authorization": f"Bearer {SECRET}\nX: y"}

    with rig(authorize=Broken()) as r:
        assert "InvalidHeader" in fails(r, CREATES["post"]).what
        assert r.seen == []


def test_cookies_are_not_kept() -> None:
    with rig(Answer(200, {}, {"Set-Cookie": "session=1"})) as r:
        r.session.get("x", what="read x")
        r.session.get("x", what="read x")
        assert "cookie" not in r.seen[1].headers


def test_netrc_does_not_replace_the_token(tmp_path, monkeypatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with rig(authorize=Bearer()) as r:
        r.session.get("x", what="read x")
        assert r.seen[0].headers["authorization"].startswith("Bearer ")


def test_a_connection_is_used_again_and_shared_by_no_two_requests() -> None:
    gate = threading.Barrier(4, timeout=10)

    def together(_seen: Seen) -> Answer:
        gate.wait()
        return Answer(200, {})

    with rig(together) as r:
        for _round in range(2):
            threads = [threading.Thread(target=READS["get"], args=(r.session,)) for _number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(r.seen) == 8
        assert r.counts == {"reads": 8, "writes": 0, "retries": 0}
        assert r.connection.transport.idle.qsize() == 4


def test_a_signed_url_is_fetched_without_the_token() -> None:
    # More than one piece of it has been written when it breaks.
    script = [Answer(503), Answer(200, b"x" * 100_000, cut=True), Answer(200, b"zip" * 1000)]
    with running(Server(*script)) as blob, rig(authorize=Bearer()) as r:
        into = io.BytesIO(b"before")
        into.seek(6)
        url = blob.url + "/report.zip?sv=1&sig=s1gnature-of-azure"
        assert r.session.fetch_without_token(url, into, limit=200_000, what="fetch the report") == 3000
        assert into.getvalue() == b"before" + b"zip" * 1000
        assert all("authorization" not in seen.headers for seen in blob.seen)
        assert blob.seen[0].query["sig"] == "s1gnature-of-azure"
        assert r.counts == {"reads": 1, "writes": 0, "retries": 2}
        # The whole query is the secret, whatever the parameter of the signature is called.
        r.session.fetch_without_token(blob.url + "/x?key=s1gned-otherwise", io.BytesIO(), limit=10_000, what="fetch the report")
        assert "s1gn" not in r.connection.redactor.scrub("sv=1&sig=s1gnature-of-azure and key=s1gned-otherwise")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, b"x" * 101), "larger than the 100 bytes"),
        (Answer(403, b"<Error>sig=s1gnature-of-azure expired</Error>"), "HTTP 403 Forbidden"),
        (Answer(302, headers={"Location": "https://elsewhere.example/"}), "a redirect to https://elsewhere.example/"),
        (Answer(drop=True), "after 6 attempts"),
    ],
)
def test_a_download_that_fails_says_why_without_the_signature(answer: Answer, said: str) -> None:
    with running(Server(answer)) as blob, rig(check_mode=True) as r:
        into = io.BytesIO()
        url = blob.url + "/report.zip?sig=s1gnature-of-azure"
        error = fails(r, lambda session: session.fetch_without_token(url, into, limit=100, what="fetch the report"))
        assert said in error.what
        assert "s1gnature" not in str(error)


def test_a_full_disk_is_no_broken_connection() -> None:
    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError(28, "No space left on device")

    with running(Server(Answer(200, b"zip"))) as blob, rig() as r:
        error = fails(r, lambda session: session.fetch_without_token(blob.url, Full(), limit=100, what="fetch the report"))
        assert error.what == "Failed to fetch the report: the answer can't be kept: No space left on device"
        assert len(blob.seen) == 1


def test_a_download_needs_https() -> None:
    with rig() as r:
        url = "http://a.example/x?sig=1"
        error = fails(r, lambda session: session.fetch_without_token(url, io.BytesIO(), limit=1, what="fetch x"), AppbanError)
        assert "sig=1" not in str(error)


def test_what_read_means_to_a_server_adds_up() -> None:
    script = [Answer(503), Answer(200, {}), Answer(429), Answer(201, {}), Answer(drop=True), Answer(204), Answer(401), Answer(200, {})]
    with rig(*script, authorize=Bearer()) as r:
        r.session.get("x", what="read x")
        r.session.post("x", what="make x")
        r.session.delete("x", what="delete x")
        r.session.get("x", what="read x")
        assert sum(r.counts.values()) == len(r.seen) == 8
        assert r.counts == {"reads": 2, "writes": 2, "retries": 4}


@pytest.mark.parametrize("options", [{"timeout": 0}, {"deadline": -1}, {"timeout": float("nan")}, {"ca_path": "/nowhere/ca.pem"}])
def test_options_that_can_not_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(AppbanError) as caught:
        open_connection({}, **options)
    assert caught.value.next_step
