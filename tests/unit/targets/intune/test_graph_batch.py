# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches: twenty at most, each item with an answer and a throttle of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import RetryPolicy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph_batch import BatchItem
from tests.support.intune.app import Tenant, tenant
from tests.support.loopback import Answer, Seen

Item = dict[str, Any]


def batch(*script: Callable[[Item], Item | None]) -> Callable[[Seen], Answer]:
    """Answer batches as Graph does, in reverse order; the n-th batch by the n-th function."""
    steps = list(script)

    def behave(seen: Seen) -> Answer:
        assert seen.path.endswith("/$batch")
        items = seen.json()["requests"]
        assert 0 < len(items) <= 20
        assert all(item["url"].startswith("/") and "v1.0" not in item["url"] for item in items)
        assert all(("body" in item) == (item.get("headers", {}).get("Content-Type") == "application/json") for item in items)
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        answers = [step(item) for item in items]
        return Answer(200, {"responses": [answer for answer in reversed(answers) if answer]})

    return behave


def fine(item: Item) -> Item:
    return {"id": item["id"], "status": 200, "headers": {"Content-Type": "application/json"}, "body": {"url": item["url"]}}


def throttle(*ids: str, wait: str | None = None, status: int = 429) -> Callable[[Item], Item]:
    def answer(item: Item) -> Item:
        if item["id"] not in ids:
            return fine(item)
        return {"id": item["id"], "status": status, "headers": {"Retry-After": wait} if wait else {}, "body": None}

    return answer


def reads(count: int) -> list[BatchItem]:
    return [BatchItem(str(number), f"groups/{number}", permission="Group.Read.All") for number in range(count)]


def adds(count: int) -> list[BatchItem]:
    permission = "GroupMember.ReadWrite.All"
    return [BatchItem(str(number), "groups/1/members/$ref", "POST", body={"n": number}, permission=permission) for number in range(count)]


def sent(t: Tenant) -> list[list[str]]:
    return [[item["id"] for item in seen.json()["requests"]] for seen in t.api]


def test_reads_are_bundled_by_twenty_and_matched_by_id() -> None:
    with tenant(batch(fine)) as t:
        answers = t.graph.batch("v1.0", reads(45), what="read the groups")
        assert list(answers) == [str(number) for number in range(45)]
        assert all(answers[str(number)].json() == {"url": f"/groups/{number}"} for number in range(45))
        assert [len(ids) for ids in sent(t)] == [20, 20, 5]
        assert {seen.path for seen in t.api} == {"/graph/v1.0/$batch"}
        assert t.rig.counts == {"reads": 3, "writes": 0, "retries": 0}
        assert t.graph.permissions_used() == ["Group.Read.All"]


def test_nothing_to_do_is_nothing_sent() -> None:
    with tenant() as t:
        assert t.graph.batch("v1.0", [], what="read nothing") == {}
        assert t.rig.seen == []


def test_queries_are_encoded_as_elsewhere() -> None:
    with tenant(batch(fine)) as t:
        t.graph.batch("beta", [BatchItem("a", "/x", params={"$filter": "a eq 'b c'"})], what="read x")
        assert t.api[0].json() == {"requests": [{"id": "a", "method": "GET", "url": "/x?$filter=a%20eq%20%27b%20c%27"}]}


def test_writes_are_counted_one_by_one() -> None:
    with tenant(batch(fine)) as t:
        items = [*adds(20), BatchItem("read", "x"), BatchItem("delete", "x/1", "DELETE")]
        t.graph.batch("v1.0", items, what="change members")
        assert t.rig.counts == {"reads": 0, "writes": 21, "retries": 0}
        assert t.api[0].json()["requests"][0] == {
            "id": "0",
            "method": "POST",
            "url": "/groups/1/members/$ref",
            "headers": {"Content-Type": "application/json"},
            "body": {"n": 0},
        }


def test_only_throttled_items_are_sent_again_after_their_own_wait() -> None:
    script = batch(throttle("3", "7", wait="11"), throttle("7"), fine)
    with tenant(script) as t:
        answers = t.graph.batch("v1.0", adds(10), what="add members")
        assert all(answer.ok() for answer in answers.values())
        assert sent(t) == [[str(number) for number in range(10)], ["3", "7"], ["7"]]
        assert t.rig.clock.naps[0] == 11
        assert 0 <= t.rig.clock.naps[1] <= 4
        assert t.rig.counts == {"reads": 0, "writes": 10, "retries": 2}


def test_the_longest_wait_counts() -> None:
    def answer(item: Item) -> Item:
        return throttle(item["id"], wait=item["id"])(item) if item["id"] in {"3", "9"} else fine(item)

    with tenant(batch(answer, fine)) as t:
        t.graph.batch("v1.0", reads(10), what="read the groups")
        assert t.rig.clock.naps == [9]


def test_a_throttle_that_never_ends_is_left_to_the_caller() -> None:
    with tenant(batch(throttle("1")), retry=RetryPolicy(attempts=3)) as t:
        answers = t.graph.batch("v1.0", reads(2), what="read the groups")
        assert [answer.status for answer in answers.values()] == [200, 429]
        assert len(t.api) == 3


def test_a_wait_beyond_the_deadline_is_an_error() -> None:
    with tenant(batch(throttle("1", wait="600")), deadline=60) as t, pytest.raises(OutOfTime, match=r"1 of 2 requests .* 600 s"):
        t.graph.batch("v1.0", reads(2), what="read the groups")


def test_an_item_that_may_have_happened_is_not_sent_again() -> None:
    with tenant(batch(throttle("0", "1", "2", status=503), fine)) as t:
        items = [BatchItem("0", "x", "POST", body={}), BatchItem("1", "x", "PATCH", body={}), BatchItem("2", "x")]
        answers = t.graph.batch("v1.0", items, what="write")
        assert [answer.status for answer in answers.values()] == [503, 200, 200]
        assert sent(t) == [["0", "1", "2"], ["1", "2"]]


def test_errors_of_items_are_left_to_the_caller() -> None:
    def answer(item: Item) -> Item:
        body = {"error": {"code": "Request_BadRequest", "message": "One or more added object references already exist"}}
        return {"id": item["id"], "status": 400, "body": body} if item["id"] == "1" else fine(item)

    with tenant(batch(answer)) as t:
        answers = t.graph.batch("v1.0", adds(3), what="add members")
        assert [one.status for one in answers.values()] == [200, 400, 200]
        error = t.graph.failure(answers["1"], "GroupMember.ReadWrite.All")
        assert error.what.startswith("Failed to add members: HTTP 400 Bad Request: Request_BadRequest: One or more added")
        assert "/graph/v1.0/groups/1/members/$ref" in error.where
        assert error.code == "Request_BadRequest"


@pytest.mark.parametrize(
    ("items", "kind"), [(reads(3), RequestFailed), (adds(3), UncertainWrite), ([BatchItem("1", "x", "DELETE")], RequestFailed)]
)
def test_a_response_that_is_missing_is_an_error(items: list[BatchItem], kind: type[AppbanError]) -> None:
    with tenant(batch(lambda item: None if item["id"] == "1" else fine(item))) as t:
        with pytest.raises(AppbanError, match="misses 1 of") as caught:
            t.graph.batch("v1.0", items, what="do it")
        assert caught.value.__class__ is kind


@pytest.mark.parametrize(
    "responses",
    [
        None,
        {},
        [{"id": "0", "status": 200}, {"id": "9", "status": 200}],
        [{"id": "0", "status": 200}, {"id": "0", "status": 200}],
        [{"id": "0", "status": "200"}],
        [{"id": "0"}],
        ["x"],
    ],
)
def test_responses_that_can_not_be_matched_are_an_error(responses: Any) -> None:
    with tenant(Answer(200, {"responses": responses})) as t, pytest.raises(RequestFailed, match="Failed to read the groups"):
        t.graph.batch("v1.0", reads(1), what="read the groups")


@pytest.mark.parametrize(
    ("items", "sent_again"),
    [(reads(2), True), (adds(2), False), ([BatchItem("0", "x", "PATCH", body={})], True)],
)
@pytest.mark.parametrize("trouble", [Answer(503), Answer(drop=True)])
def test_a_batch_is_as_safe_to_repeat_as_what_it_holds(items: list[BatchItem], sent_again: bool, trouble: Answer) -> None:
    with tenant(trouble, batch(fine)) as t:
        if sent_again:
            t.graph.batch("v1.0", items, what="do it")
            assert t.rig.counts["retries"] == 1
        else:
            with pytest.raises(UncertainWrite):
                t.graph.batch("v1.0", items, what="do it")
            assert len(t.api) == 1


def test_check_mode_reads_one_by_one_and_refuses_writes() -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(404) if seen.path.endswith("/3") else Answer(200, {"path": seen.path})

    with tenant(answer, check_mode=True) as t:
        answers = t.graph.batch("v1.0", reads(30), what="read the groups")
        assert {seen.method for seen in t.api} == {"GET"}
        assert list(answers) == [str(number) for number in range(30)]
        assert [one for one, response in answers.items() if not response.ok()] == ["3"]
        assert answers["29"].json() == {"path": "/graph/v1.0/groups/29"}
        assert t.rig.counts == {"reads": 30, "writes": 0, "retries": 0}
        with pytest.raises(WriteInCheckMode):
            t.graph.batch("v1.0", [*reads(2), BatchItem("w", "x", "DELETE")], what="do it")
        assert len(t.api) == 30


def test_a_refused_token_is_no_answer_to_an_item() -> None:
    for check_mode in (False, True):
        with tenant(Answer(401), check_mode=check_mode) as t, pytest.raises(RequestFailed, match="HTTP 401"):
            t.graph.batch("v1.0", reads(3), what="read the groups")


def test_check_mode_and_apply_get_the_same_answers() -> None:
    with tenant(batch(fine)) as t:
        bundled = t.graph.batch("v1.0", reads(3), what="read the groups")
    with tenant(lambda seen: Answer(200, {"url": seen.target.removeprefix("/graph/v1.0")}), check_mode=True) as t:
        single = t.graph.batch("v1.0", reads(3), what="read the groups")
    assert {one: (response.status, response.json()) for one, response in bundled.items()} == {
        one: (response.status, response.json()) for one, response in single.items()
    }


@pytest.mark.parametrize(
    "items",
    [
        [BatchItem("1", "x"), BatchItem("1", "y")],
        [BatchItem("1", "https://evil.example/x")],
    ],
)
def test_a_malformed_batch_is_not_sent(items: list[BatchItem]) -> None:
    with tenant() as t:
        with pytest.raises(AppbanError, match="malformed"):
            t.graph.batch("v1.0", items, what="do it")
        assert t.rig.seen == []
