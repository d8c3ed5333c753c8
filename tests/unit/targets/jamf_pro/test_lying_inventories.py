# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of a server that lies or breaks: nothing short of the whole fleet passes for it, and nothing goes on for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import Anonymous
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.counters import Counters
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.sticky_cookies import StickyCookies
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import inventory_walk
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.classic import RESTRICTED, Classic
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.jamf import Jamf
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.inventory import MOBILE_DEVICES
from tests.support.loopback import Answer, Seen, rig

Page = Callable[[int, int], Any]


def fleet(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"mobileDeviceId": str(number)} for number in range(start, start + count)]


class Liar(inventory_walk.Walk):
    """Answers (offset, size) with what a function makes of it."""

    def __init__(self, page: Page, size: int = 64) -> None:
        jamf: Any = SimpleNamespace(counters=Counters())
        super().__init__(jamf, MOBILE_DEVICES, ("GENERAL",))
        self.make = page
        self.size = self.most = size
        self.asked = 0

    def ask(self, offset: int, safety: Any) -> Response:
        self.asked += 1
        assert self.asked < 400, "it goes on for ever"
        body = self.make(offset, self.size)
        return Response(Request("GET", "https://jamf.example", "read the inventory"), 200, {}, json.dumps(body).encode())


def of(total: Any, rows: list[dict[str, str]]) -> Page:
    """A server that has these rows and says how many there are."""
    return lambda offset, size: {"totalCount": total, "results": rows[offset : offset + size]}


@pytest.mark.fault_kind("T1", "totalCount of an inventory that proves nothing")
@pytest.mark.parametrize("total", [None, 0, -1, True, "90", 1.5, 10, 63])
def test_a_count_that_proves_nothing_is_not_a_fleet(total: Any) -> None:
    with pytest.raises(RequestFailed, match="Failed to read the inventory: "):
        list(Liar(of(total, fleet(90))).rows())


@pytest.mark.fault_kind("T1", "totalCount is missing")
def test_a_count_that_is_missing_is_an_error() -> None:
    with pytest.raises(RequestFailed, match="Failed to read the inventory: the answer holds no count but nothing under totalCount"):
        list(Liar(lambda _offset, _size: {"results": fleet(3)}).rows())


@pytest.mark.fault_kind("T1", "duplicates of an inventory in the place of devices")
def test_duplicates_are_no_progress() -> None:
    rows = fleet(60) + fleet(29) + fleet(1, 99)
    with pytest.raises(RequestFailed, match="Failed to read the inventory: the server gave 61 rows and says that there are 90"):
        list(Liar(of(90, rows)).rows())


@pytest.mark.fault_kind("T1", "one page of an inventory again and again")
def test_a_page_that_comes_again_is_refused_at_once() -> None:
    walk = Liar(lambda _offset, size: {"totalCount": 10_000, "results": fleet(size)})
    with pytest.raises(RequestFailed, match="a page holds nothing that was not on an earlier one"):
        list(walk.rows())
    assert walk.asked == 2


@pytest.mark.fault_kind("T1", "an inventory that grows without an end")
def test_an_inventory_that_grows_without_an_end_is_refused() -> None:
    walk = Liar(lambda offset, size: {"totalCount": offset + 2 * size, "results": fleet(size, offset)})
    with pytest.raises(RequestFailed, match="Failed to read the inventory: the server counts 128 and gives more than 1128"):
        list(walk.rows())


@pytest.mark.fault_kind("T1", "an inventory that shrinks and grows without an end")
def test_a_count_that_never_rests_is_refused() -> None:
    asked = 0

    def page(offset: int, size: int) -> Any:
        nonlocal asked
        asked += 1
        return {"totalCount": 1000 - asked % 2, "results": fleet(size, offset)}

    with pytest.raises(RequestFailed, match="Failed to read the inventory: "):
        list(Liar(page).rows())


def test_a_fleet_that_shrinks_a_little_is_read_to_its_end() -> None:
    asked = 0

    def page(offset: int, size: int) -> Any:
        nonlocal asked
        asked += 1
        rows = fleet(300) if asked < 3 else fleet(300)[5:]
        return {"totalCount": len(rows), "results": rows[offset : offset + size]}

    found = {row["mobileDeviceId"] for row in Liar(page).rows() if row}
    assert found == {row["mobileDeviceId"] for row in fleet(300)}


@pytest.mark.fault_kind("T7", "pages of an inventory of an odd shape")
@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        [],
        {"totalCount": 1},
        {"totalCount": 1, "results": None},
        {"totalCount": 1, "results": {}},
        {"totalCount": 1, "results": [None]},
        {"totalCount": 1, "results": [{}]},
        {"totalCount": 1, "results": [{"mobileDeviceId": None}]},
        {"error": "busy"},
    ],
)
def test_an_odd_page_is_one_error(body: Any) -> None:
    with pytest.raises(RequestFailed, match="Failed to read the inventory: "):
        list(Liar(lambda _offset, _size: body).rows())


@pytest.mark.fault_kind("T9", "a Jamf Pro server that is not there is not asked for smaller pages")
@pytest.mark.parametrize(
    ("error", "asked"), [(RequestFailed("no connection", unreachable=True), 1), (RequestFailed("it broke"), 1)], ids=["gone", "broken"]
)
def test_pages_get_smaller_only_where_the_server_is_slow(error: RequestFailed, asked: int) -> None:
    sizes = []

    def fetch(_path: str, query: Any, **_more: object) -> Response:
        sizes.append(query["page-size"])
        raise error

    jamf: Any = SimpleNamespace(fetch=fetch, counters=Counters())
    with pytest.raises(RequestFailed):
        list(inventory_walk.Walk(jamf, MOBILE_DEVICES, ("GENERAL",)).rows())
    assert len(sizes) == asked


def test_pages_get_smaller_where_an_answer_takes_too_long() -> None:
    sizes = []

    def fetch(_path: str, query: Any, **_more: object) -> Response:
        sizes.append(query["page-size"])
        raise RequestFailed("too slow", timed_out=True)

    jamf: Any = SimpleNamespace(fetch=fetch, counters=Counters())
    with pytest.raises(RequestFailed):
        list(inventory_walk.Walk(jamf, MOBILE_DEVICES, ("GENERAL",)).rows())
    assert sizes == [512, 256, 128, 64, 32, 16, 8, 4, 2, 1]


@pytest.mark.fault_kind("T9", "a Jamf Pro server that is not there")
def test_a_server_that_is_not_there_ends_the_walk_within_seconds() -> None:
    with rig() as r:
        jamf = Jamf("http://127.0.0.1:1", Anonymous(), r.connection, False, StickyCookies(()))  # type: ignore[arg-type]
        with pytest.raises(RequestFailed, match="no connection"):
            list(inventory_walk.Walk(jamf, MOBILE_DEVICES, ("GENERAL",)).rows())
        assert r.clock.passed <= 1


def listed(answer: Answer | Callable[[Seen], Answer]) -> list[Any]:
    with rig(answer) as r:
        jamf = Jamf(r.server.url, Anonymous(), r.connection, False, StickyCookies(()))  # type: ignore[arg-type]
        return list(jamf.rows("/api/x", what="list the groups", privilege="", key="groupId"))


@pytest.mark.fault_kind("T1", "a list of groups or members that lies about its count")
@pytest.mark.parametrize(
    "body",
    [
        {"totalCount": 0, "results": [{"groupId": "1"}]},
        {"totalCount": None, "results": [{"groupId": "1"}]},
        {"totalCount": 1, "results": [{"groupId": "1"}, {"groupId": "2"}]},
        {"totalCount": 2, "results": [{"groupId": "1"}, {"groupId": "1"}]},
        {"totalCount": 3, "results": [{"groupId": "1"}, {"groupId": "2"}]},
        {"totalCount": 1, "results": [{"groupName": "x"}]},
        "text",
        None,
    ],
)
def test_a_list_that_contradicts_its_count_is_refused(body: Any) -> None:
    with pytest.raises(RequestFailed, match="Failed to list the groups: "):
        listed(Answer(200, body))


@pytest.mark.fault_kind("T1", "a list of groups or members without an end")
def test_a_list_that_grows_without_an_end_is_refused() -> None:
    def behave(seen: Seen) -> Answer:
        start = int(seen.query["page"]) * 500
        rows = [{"groupId": str(start + number)} for number in range(500)]
        return Answer(200, {"totalCount": start + 1000, "results": rows})

    with pytest.raises(RequestFailed, match="Failed to list the groups: the server counts 1000 and gives more than 2000"):
        listed(behave)


@pytest.mark.fault_kind("T7", "one document of an odd shape")
@pytest.mark.parametrize("body", ["text", [], None])
def test_a_document_that_is_no_object_is_one_error(body: Any) -> None:
    with rig(Answer(200, body)) as r:
        jamf = Jamf(r.server.url, Anonymous(), r.connection, False, StickyCookies(()))  # type: ignore[arg-type]
        for read in (jamf.get, jamf.find):
            with pytest.raises(RequestFailed, match="Failed to read the group: the answer holds no object but"):
                read("/api/x", what="read the group", privilege="")


@pytest.mark.fault_kind("T1", "a list of the Classic API with one object in the place of another, or without its id")
@pytest.mark.parametrize("rows", ["<id>1</id>|<id>1</id>", "<id>1</id>|<name>x</name>"])
def test_a_classic_list_of_other_objects_than_it_counts_is_refused(rows: str) -> None:
    inner = "".join(f"<restricted_software_title>{row}</restricted_software_title>" for row in rows.split("|"))
    body = f"<restricted_software><size>2</size>{inner}</restricted_software>".encode()
    with rig(Answer(200, body, {"Content-Type": "application/xml"})) as r:
        jamf = Jamf(r.server.url, Anonymous(), r.connection, False, StickyCookies(()))  # type: ignore[arg-type]
        with pytest.raises(RequestFailed, match="Failed to list the restricted software records: "):
            Classic(jamf, RESTRICTED).list_all()
