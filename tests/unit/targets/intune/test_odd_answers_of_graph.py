# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graph answers that are valid and wrong: of an odd shape, doubled, without an end. And what a batch does with its writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed, EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import RetryPolicy
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph_batch import BatchItem
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.group_members import GroupMembers
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.notifications import send_notices
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.reader import StateReader
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.resources.indicators import Defender
from tests.support.intune.app import Tenant, tenant
from tests.support.loopback import Answer, Seen

READ = "Device.Read.All"
ODD_BODIES: dict[str, Any] = {
    "null": None,
    "text": "not now",
    "base64": "eyJ2YWx1ZSI6IFtdfQ==",
    "list": [],
    "no value": {"@odata.context": "x"},
    "value null": {"value": None},
    "value object": {"value": {}},
    "error": {"error": {"code": "ServiceUnavailable", "message": "later"}},
    "item null": {"value": [None]},
    "item without id": {"value": [{"displayName": "x"}]},
    "odd link": {"value": [], "@odata.nextLink": 7},
}
odd_bodies = pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())


def in_batch(body: Any, status: int = 200) -> Callable[[Seen], Answer]:
    """Answer each item of a batch with this body."""

    def behave(seen: Seen) -> Answer:
        return Answer(200, {"responses": [{"id": item["id"], "status": status, "body": body} for item in seen.json()["requests"]]})

    return behave


@pytest.mark.fault_kind("T7", "pages of Graph of an odd shape")
@odd_bodies
def test_an_odd_page_is_an_error_with_the_name_of_the_call(body: Any) -> None:
    with tenant(Answer(200, body)) as t, pytest.raises(RequestFailed, match="Failed to list the managed devices: "):
        list(t.graph.pages("beta", "x", what="list the managed devices", permission=READ))


@pytest.mark.fault_kind("T7", "parts of a batch of an odd shape")
@odd_bodies
def test_an_odd_list_in_a_batch_is_an_error_with_the_name_of_the_call(body: Any) -> None:
    with tenant(in_batch(body)) as t:
        answers = t.graph.batch("v1.0", [BatchItem("1", "groups")], what="read the groups")
        with pytest.raises(RequestFailed, match="Failed to read the groups: "):
            t.graph.read_list(answers["1"], permission=READ)


@pytest.mark.fault_kind("T7", "what a tenant holds, of an odd shape")
@odd_bodies
def test_an_odd_answer_to_what_the_tenant_holds_is_one_error(body: Any) -> None:
    with tenant(in_batch(body)) as t, pytest.raises(RequestFailed, match="Failed to read what the tenant holds: "):
        StateReader(t.graph, "BAN", frozenset(), frozenset()).read(conditional_access=False)


@pytest.mark.fault_kind("T7", "looking devices up in the directory, of an odd shape")
@odd_bodies
def test_an_odd_answer_of_the_directory_is_one_error(body: Any) -> None:
    with tenant(in_batch(body)) as t, pytest.raises(RequestFailed, match="Failed to look devices up in the directory: "):
        GroupMembers(t.graph).add("1", "g", ["d"], by_user=False)


@pytest.mark.fault_kind("T7", "indicators of an odd shape")
@odd_bodies
def test_odd_indicators_are_one_error(body: Any) -> None:
    with tenant(Answer(200, body)) as t, pytest.raises(RequestFailed, match="Failed to read the indicators: "):
        Defender(t.cloud, t.credentials, t.rig.connection, False).ours("BAN", frozenset())


@pytest.mark.fault_kind("T7", "documents of an odd shape")
@pytest.mark.parametrize("body", [None, "x", [], 7])
def test_a_document_that_is_no_object_is_one_error(body: Any) -> None:
    with tenant(Answer(200, body)) as t:
        for read in (t.graph.get, t.graph.find):
            with pytest.raises(RequestFailed, match="Failed to count the managed devices: the answer holds no object but"):
                read("v1.0", "x", what="count the managed devices", permission=READ)


@pytest.mark.fault_kind("T7", "a create whose answer holds no id")
@pytest.mark.parametrize("body", [None, "x", [], {}, {"id": None}, {"id": ""}])
def test_a_create_whose_answer_holds_no_id_is_looked_up(body: Any) -> None:
    with tenant(Answer(201, body)) as t, pytest.raises(UncertainWrite, match="Failed to make the group: ") as caught:
        t.graph.create("v1.0", "groups", {}, what="make the group", permission=READ)
    assert "Look the object up" in caught.value.next_step
    with tenant(Answer(201, {"id": "7"})) as t:
        assert t.graph.create("v1.0", "groups", {}, what="make the group", permission=READ) == "7"


@pytest.mark.fault_kind("T7", "a batch of an odd shape")
@pytest.mark.parametrize(
    "body", [None, "x", [], {"responses": None}, {"responses": [None]}, {"responses": ["1"]}, {"responses": [{"id": "1", "status": True}]}]
)
def test_an_odd_batch_is_one_error(body: Any) -> None:
    with tenant(Answer(200, body)) as t, pytest.raises(RequestFailed, match="Failed to read the groups: the answer to a batch "):
        t.graph.batch("v1.0", [BatchItem("1", "groups")], what="read the groups")


def link(t_url: str, number: int) -> str:
    return f"{t_url}/graph/beta/x?$skiptoken={number}"


def endless(items: Callable[[int], list[dict[str, Any]]]) -> Callable[[Seen], Answer]:
    """Lead on for ever, to a new link each time."""
    asked = 0

    def behave(seen: Seen) -> Answer:
        nonlocal asked
        asked += 1
        return Answer(200, {"value": items(asked), "@odata.nextLink": link("http://%s" % seen.headers["host"], asked)})

    return behave


@pytest.mark.fault_kind("T1", "page 2 of Graph repeats page 1")
def test_a_page_that_comes_again_is_refused() -> None:
    with tenant(endless(lambda _number: [{"id": "1"}, {"id": "2"}])) as t:
        with pytest.raises(AppbanError, match="Failed to list x: a page holds nothing that was not on an earlier one"):
            list(t.graph.pages("beta", "x", what="list x", permission=READ))
        assert len(t.api) == 2


@pytest.mark.fault_kind("T1", "Graph gives more than the tenant counts")
def test_a_list_that_outgrows_its_count_is_refused() -> None:
    with tenant(endless(lambda number: [{"id": str(number * 500 + each)} for each in range(500)])) as t:
        with pytest.raises(AppbanError, match="Failed to list x: the server counts 600 and gives more than 1600"):
            list(t.graph.pages("beta", "x", what="list x", permission=READ, expected=600))
        assert len(t.api) == 4


@pytest.mark.fault_kind("T1", "empty pages of Graph without an end")
def test_empty_pages_end() -> None:
    with tenant(endless(lambda _number: [])) as t, pytest.raises(AppbanError, match="empty pages without an end"):
        list(t.graph.pages("beta", "x", what="list x", permission=READ))


@pytest.mark.fault_kind("T1", "a list that begins in a batch repeats its first page")
def test_a_list_that_begins_in_a_batch_is_followed_to_its_end_and_guarded() -> None:
    def first(seen: Seen) -> Answer:
        body = {"value": [{"id": "1"}], "@odata.nextLink": link("http://%s" % seen.headers["host"], 1)}
        return Answer(200, {"responses": [{"id": "1", "status": 200, "body": body}]})

    with tenant(first, Answer(200, {"value": [{"id": "2"}]})) as t:
        answers = t.graph.batch("beta", [BatchItem("1", "x", what="list x")], what="read")
        assert t.graph.read_list(answers["1"], permission=READ) == [{"id": "1"}, {"id": "2"}]
    with tenant(first, Answer(200, {"value": [{"id": "1"}]})) as t:
        answers = t.graph.batch("beta", [BatchItem("1", "x", what="list x")], what="read")
        with pytest.raises(AppbanError, match="Failed to list x: a page holds nothing that was not"):
            t.graph.read_list(answers["1"], permission=READ)


def test_a_refused_part_of_a_batch_is_its_own_error() -> None:
    with tenant(in_batch({"error": {"code": "Forbidden", "message": "no"}}, 403)) as t:
        answers = t.graph.batch("v1.0", [BatchItem("1", "groups")], what="read the groups")
        with pytest.raises(RequestFailed, match="HTTP 403 Forbidden: no") as caught:
            t.graph.read_list(answers["1"], permission=READ)
        assert READ in caught.value.next_step


# Writes in batches.


def deletes(count: int) -> list[BatchItem]:
    what = "remove a member from the group BAN tiktok"
    return [BatchItem(str(number), f"groups/1/members/{number}/$ref", "DELETE", {"q": "s"}, what=what) for number in range(count)]


def throttling(times: int, status: int = 429) -> list[Callable[[Seen], Answer]]:
    return [in_batch(None, status)] * times


@pytest.mark.fault_kind("T10", "deletes in a batch that are throttled for long")
@pytest.mark.parametrize("status", [429, 503])
def test_throttled_deletes_in_a_batch_are_made_in_the_end(status: int) -> None:
    with tenant(*throttling(14, status), in_batch(None, 204), deadline=3600) as t:
        answers = t.graph.batch("v1.0", deletes(3), what="remove members")
        assert [answer.status for answer in answers.values()] == [204] * 3
        assert t.rig.counts == {"reads": 0, "writes": 3, "retries": 14}


@pytest.mark.fault_kind("T10", "a batch of deletes that is throttled as a whole")
def test_a_throttled_batch_of_deletes_is_sent_in_the_end() -> None:
    with tenant(*[Answer(429)] * 14, in_batch(None, 404), deadline=3600) as t:
        assert t.graph.batch("v1.0", deletes(1), what="remove members")["0"].status == 404


@pytest.mark.fault_kind("T10", "deletes in a batch that are throttled beyond the deadline")
def test_deletes_in_a_batch_that_are_throttled_to_the_end_are_named() -> None:
    with tenant(in_batch(None, 429), deadline=600) as t:
        with pytest.raises(OutOfTime, match=r"Failed to remove members: .*remove a member from the group BAN tiktok.*of the 600 s"):
            t.graph.batch("v1.0", deletes(2), what="remove members")
        assert len(t.api) > 6


def test_other_parts_of_a_batch_keep_their_bound() -> None:
    def behave(seen: Seen) -> Answer:
        return in_batch(None, 429)(seen)

    with tenant(behave, retry=RetryPolicy(attempts=3), deadline=3600) as t:
        items = [BatchItem("a", "x", "PATCH", body={}), BatchItem("b", "y")]
        assert [answer.status for answer in t.graph.batch("v1.0", items, what="write").values()] == [429, 429]
        assert len(t.api) == 3


class Journal:
    """Keeps what is noted."""

    def __init__(self, t: Tenant) -> None:
        self.tenant = t
        self.noted: list[tuple[str, str, str]] = []

    def note_write(self, method: str, url: str, what: str) -> None:
        assert not [seen for seen in self.tenant.api if seen.path.endswith("batch")] or len(self.noted) >= 20
        self.noted.append((method, url, what))


@pytest.mark.fault_kind("R1", "each write of a batch is noted before the batch is sent")
def test_each_write_of_a_batch_is_noted_once_by_its_own_address() -> None:
    script = [in_batch(None, 429), in_batch(None, 204)]
    with tenant(*script) as t:
        t.rig.connection.journal.record = journal = Journal(t)
        t.graph.batch("v1.0", [*deletes(2), BatchItem("read", "me")], what="remove members")
        what = "remove a member from the group BAN tiktok"
        assert journal.noted == [("DELETE", f"/groups/1/members/{number}/$ref", what) for number in range(2)]


@pytest.mark.fault_kind("R1", "a batch that can't be noted is not sent")
def test_a_batch_that_can_not_be_noted_does_not_leave() -> None:
    class Full:
        def note_write(self, method: str, url: str, what: str) -> None:
            raise EvidenceError("No space left on device")

    with tenant(in_batch(None, 204)) as t:
        t.rig.connection.journal.record = Full()
        with pytest.raises(EvidenceError):
            t.graph.batch("v1.0", deletes(2), what="remove members")
        assert t.api == []
        assert t.rig.connection.writes_sent == 0


@pytest.mark.fault_kind("R1", "a notice that can't be noted is not remembered as sent")
def test_a_notice_that_can_not_be_noted_is_sent_by_the_next_run(tmp_path: Path) -> None:
    class Full:
        def note_write(self, method: str, url: str, what: str) -> None:
            raise EvidenceError("No space left on device")

    ledger = Ledger.open(str(tmp_path), "intune", writable=True)
    notice = Notice("device-1", 0, "city:Work devices:", ("tiktok",), "Please remove TikTok", "It is banned")
    with tenant(in_batch(None, 204)) as t:
        t.rig.connection.journal.record = Full()
        with pytest.raises(ChangeFailed, match=r"1 of 1 notices were not sent.*No space left"):
            send_notices(t.graph, ledger, "2023-03-20T09:00:00Z", [notice])
        assert t.api == []
    assert Ledger.open(str(tmp_path), "intune", writable=True).noticed_at("device-1", notice.stage, "tiktok") == ""


def test_token_requests_and_reads_are_not_noted() -> None:
    with tenant(in_batch({"value": []})) as t:
        t.rig.connection.journal.record = journal = Journal(t)
        t.graph.batch("v1.0", [BatchItem("read", "me")], what="read")
        assert journal.noted == []


@pytest.mark.fault_kind("R1", "writes of a batch that may have had an effect")
@pytest.mark.parametrize(
    ("script", "count"),
    [
        ([in_batch(None, 204)], 3),
        ([in_batch(None, 404)], 0),
        ([in_batch(None, 429), in_batch(None, 204)], 3),
        ([in_batch(None, 503), in_batch(None, 204)], 3),
        ([Answer(200, {"responses": []})], 3),
        ([Answer(drop=True)], 3),
        ([Answer(400)], 0),
    ],
)
def test_writes_of_a_batch_that_may_have_had_an_effect_are_counted(script: list[Any], count: int) -> None:
    with tenant(*script) as t:
        try:
            t.graph.batch("v1.0", [*deletes(3), BatchItem("read", "me")], what="remove members")
        except AppbanError:
            pass
        assert t.rig.connection.writes_sent == count
