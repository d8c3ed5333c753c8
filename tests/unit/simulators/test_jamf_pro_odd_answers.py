# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers with status 200 that are wrong, and refusals that come in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.simulators.jamf_pro import odd_answers
from tests.support.jamf_pro.jamf_pro_client import COMPUTERS, DETAIL, GROUPS, PROFILES, RESTRICTED, SMART, Jamf, tenant

INVENTORIES = [(DETAIL, "mobileDeviceId", "mobileDeviceId:asc"), (COMPUTERS, "id", "id:asc")]
both = pytest.mark.parametrize(("path", "key", "sort"), INVENTORIES)


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def order(jamf: Jamf, kind: str, path: str = "(mobile-devices/detail|computers-inventory)", nth: Any = "all", **more: Any) -> None:
    jamf.sim.faults([{"match": {"path": path}, "nth": nth, "kind": kind, **more}])


def page(jamf: Jamf, path: str, sort: str, number: int = 0, size: int = 5) -> Any:
    return jamf.get(f"{path}?page={number}&page-size={size}&sort={sort}").json


def ids(document: Any, key: str) -> list[str]:
    return [row[key] for row in document["results"]]


@both
def test_an_empty_list_says_that_nobody_is_there(jamf: Jamf, path: str, key: str, sort: str) -> None:
    order(jamf, "empty_list")
    assert jamf.get(path).json == {"totalCount": 0, "results": []}


@both
def test_a_short_list_is_the_same_small_part_on_every_page(jamf: Jamf, path: str, key: str, sort: str) -> None:
    everybody = page(jamf, path, sort)["totalCount"]
    order(jamf, "short_list")
    first, second = page(jamf, path, sort, 0, 1), page(jamf, path, sort, 1, 1)
    assert 0 < first["totalCount"] == second["totalCount"] <= everybody / 5
    assert ids(first, key) == ["1"]
    assert ids(second, key) in (["11"], [])


@both
def test_one_device_is_doubled_and_another_missing(jamf: Jamf, path: str, key: str, sort: str) -> None:
    right = [page(jamf, path, sort, number) for number in (0, 1)]
    order(jamf, "double", nth=[1, 2])
    wrong = [page(jamf, path, sort, number) for number in (0, 1)]
    assert [answer["totalCount"] for answer in wrong] == [answer["totalCount"] for answer in right]
    assert ids(wrong[0], key) == [*ids(right[0], key)[:4], ids(right[0], key)[0]]
    assert ids(wrong[1], key) == [*ids(right[1], key)[:4], ids(right[0], key)[0]]


@both
@pytest.mark.parametrize(("kind", "shown"), [("repeat_page", 0), ("missing_page", 2)])
def test_another_page_comes(jamf: Jamf, path: str, key: str, sort: str, kind: str, shown: int) -> None:
    right = page(jamf, path, sort, shown, 2)
    order(jamf, kind, nth=2)
    assert page(jamf, path, sort, 1, 2) != right
    assert page(jamf, path, sort, 1, 2) == right


@both
def test_pages_end_too_early(jamf: Jamf, path: str, key: str, sort: str) -> None:
    right = page(jamf, path, sort)
    order(jamf, "short_page")
    assert page(jamf, path, sort) == {**right, "results": right["results"][:2]}
    order(jamf, "empty_page")
    assert page(jamf, path, sort) == {**right, "results": []}


@both
def test_pages_never_end(jamf: Jamf, path: str, key: str, sort: str) -> None:
    everybody = page(jamf, path, sort)["totalCount"]
    order(jamf, "endless_pages")
    answers = [page(jamf, path, sort, number) for number in range(40)]
    assert all(answer["results"] and answer["totalCount"] > 5 * number + 5 for number, answer in enumerate(answers))
    assert len({name for answer in answers for name in ids(answer, key)}) == everybody
    order(jamf, "endless_devices")
    found = [name for number in range(40) for name in ids(page(jamf, path, sort, number), key)]
    assert len(set(found)) == len(found) > everybody


@both
@pytest.mark.parametrize(
    ("kind", "count"),
    [("count_zero", lambda total: 0), ("count_null", lambda total: None), ("count_text", lambda total: "many"),
     ("count_behind", lambda total: total - 1), ("count_ahead", lambda total: total + 1), ("count_high", lambda total: 2 * total + 100)],
)  # fmt: skip
def test_the_count_lies(jamf: Jamf, path: str, key: str, sort: str, kind: str, count: Callable[[int], Any]) -> None:
    right = page(jamf, path, sort)
    order(jamf, kind)
    assert page(jamf, path, sort) == {**right, "totalCount": count(right["totalCount"])}
    order(jamf, "count_missing")
    assert page(jamf, path, sort) == {"results": right["results"]}


@both
def test_an_item_is_no_device(jamf: Jamf, path: str, key: str, sort: str) -> None:
    right = page(jamf, path, sort)["results"]
    wrong = {}
    for kind in sorted(odd_answers.ITEMS):
        order(jamf, kind)
        found = page(jamf, path, sort)["results"]
        assert found[1:] == right[1:]
        wrong[kind] = found[0]
    assert wrong["item_null"] is None
    assert wrong["item_text"] == "unavailable"
    assert wrong["item_id_null"] == {**right[0], key: None}
    assert wrong["item_without_id"] == {name: value for name, value in right[0].items() if name != key}


@both
def test_results_are_no_list(jamf: Jamf, path: str, key: str, sort: str) -> None:
    right = page(jamf, path, sort)
    seen = {}
    for kind in sorted(odd_answers.RESULTS):
        order(jamf, kind)
        seen[kind] = page(jamf, path, sort)
    assert seen["results_missing"] == {"totalCount": right["totalCount"]}
    assert {kind: answer["results"] for kind, answer in seen.items() if kind != "results_missing"} == {
        "results_null": None, "results_object": {"0": right["results"][0]}, "results_text": "unavailable",
    }  # fmt: skip


@pytest.mark.parametrize("path", [DETAIL, COMPUTERS, "/api/v2/mobile-devices/1/detail", "/api/v1/auth", PROFILES])
def test_bodies_of_another_shape(jamf: Jamf, path: str) -> None:
    seen = {}
    for kind in sorted(odd_answers.BODIES):
        order(jamf, kind, path)
        answer = jamf.get(path, Accept="application/json")
        assert answer.status == 200
        seen[kind] = answer.text
    assert seen.pop("login_page").startswith("<!DOCTYPE html>")
    assert seen == {"body_null": "null", "body_list": "[]", "body_text": '"unavailable"'}


def plant(jamf: Jamf, *names: str) -> None:
    for name in names:
        jamf.sim.objects({"group": {"name": name}})


def classic(jamf: Jamf, kind: str | None) -> ElementTree.Element:
    jamf.sim.faults([])
    if kind:
        order(jamf, kind, "/JSSResource/mobiledevicegroups$")
    return jamf.get(GROUPS).xml


def test_lists_of_the_classic_api_go_wrong_as_well(jamf: Jamf) -> None:
    plant(jamf, "a", "b", "c", "d")
    names = {kind: [child.findtext("name") for child in classic(jamf, kind).findall("mobile_device_group")]
             for kind in (None, "empty_list", "short_list", "double", "results_missing", "results_object")}  # fmt: skip
    assert names == {
        None: ["a", "b", "c", "d"], "empty_list": [], "short_list": ["a", "b"], "double": ["a", "b", "c", "a"], "results_missing": [],
        "results_object": [],
    }  # fmt: skip
    kinds = (None, "count_missing", "count_null", "count_text", "count_behind", "count_zero", "count_high")
    sizes = {kind: classic(jamf, kind).findtext("size") for kind in kinds}
    assert sizes == {
        None: "4", "count_missing": None, "count_null": "", "count_text": "many", "count_behind": "3", "count_zero": "0",
        "count_high": "108",
    }  # fmt: skip
    first = {kind: next(classic(jamf, kind).iter("mobile_device_group")) for kind in odd_answers.ITEMS}
    assert (first["item_text"].text, len(first["item_null"])) == ("unavailable", 0)
    assert (first["item_without_id"].find("id"), first["item_id_null"].findtext("id")) == (None, "")
    order(jamf, "item_null", "mobiledevicegroups$")
    assert jamf.get(GROUPS, Accept="application/json").json["mobile_device_groups"][0] is None


def test_bodies_of_the_classic_api(jamf: Jamf) -> None:
    seen = {}
    for kind in sorted(odd_answers.BODIES):
        order(jamf, kind, "restrictedsoftware")
        seen[kind] = jamf.get(RESTRICTED).text
    assert (seen["body_null"], seen["body_list"], seen["body_text"]) == ("", "<list/>", "unavailable")
    assert seen["login_page"].startswith("<!DOCTYPE html>")


def test_what_is_there_is_said_to_be_gone(jamf: Jamf) -> None:
    jamf.sim.faults([{"match": {"path": path}, "nth": 1, "kind": "gone"} for path in ("mobile-devices/1$", "mobiledevicegroups/id/1$")])
    plant(jamf, "a")
    assert [jamf.get("/api/v2/mobile-devices/1").status for _unused in range(2)] == [404, 200]
    assert [jamf.get(f"{GROUPS}/id/1").status for _unused in range(2)] == [404, 200]


def test_an_order_that_makes_no_sense_fails_aloud(jamf: Jamf) -> None:
    order(jamf, "double", "jamf-pro-version")
    answer = jamf.get("/api/v1/jamf-pro-version")
    assert answer.status == 500
    assert "'double' makes no sense" in answer.text


def test_groups_and_members_of_the_pro_api_go_wrong_as_well(jamf: Jamf) -> None:
    jamf.call("POST", SMART, {"groupName": "g", "groupDescription": "", "siteId": "-1", "criteria": []})
    members = "/api/v1/mobile-device-groups/smart-group-membership/1"
    assert jamf.get(members).json["totalCount"] > 10
    for path in (SMART, members):
        order(jamf, "empty_list", "mobile-device-groups")
        assert jamf.get(path).json == {"totalCount": 0, "results": []}
        order(jamf, "item_without_id", "mobile-device-groups")
        assert not {"groupId", "mobileDeviceId"} & set(jamf.get(path).json["results"][0])


@both
def test_a_node_that_is_behind_knows_the_inventory_of_before(jamf: Jamf, path: str, key: str, sort: str) -> None:
    device = jamf.device("mac_supervised" if path == COMPUTERS else "iphone_supervised")
    jamf.sim.clock(advance=3600)
    newer = {"op": "patch", "device": device["key"], "set": {"os_version": "99.0"}}
    newcomer = {"op": "enroll", "kind": device["kind"], "serial": "NEWCOMER"}
    jamf.sim.devices([newer, {"op": "inventory", "device": device["key"]}, newcomer])
    total = page(jamf, path, sort)["totalCount"]
    order(jamf, "stale", nth=1)

    def lone() -> Any:
        everything = "&section=GENERAL&section=OPERATING_SYSTEM" if path == COMPUTERS else ""
        document = jamf.get(f"{path}?page-size=500&sort={sort}{everything}").json
        row = next(row for row in document["results"] if row[key] == str(device["id"]))
        version = row["operatingSystem"]["version"] if path == COMPUTERS else row["general"]["osVersion"]
        return document["totalCount"], version

    assert lone() == (total - 1, device["os_version"])
    assert lone() == (total, "99.0")


def test_an_account_of_one_site_sees_little_and_can_not_tell_what_is_gone(jamf: Jamf) -> None:
    total = jamf.get(DETAIL).json["totalCount"]
    jamf.sim.objects({"settings": {"site_restricted": True}})
    seen = jamf.get(DETAIL).json
    assert 0 < seen["totalCount"] == len(seen["results"]) <= total / 5
    assert {jamf.get(f"/api/v2/mobile-devices/{number}").status for number in (2, 3, 4)} == {404}
    assert jamf.get("/api/v2/mobile-devices/1").status == 200
    assert list(jamf.get("/api/v1/auth").json["account"]["privilegesBySite"]) == ["1"]


def test_filters_are_ignored(jamf: Jamf) -> None:
    rules = {DETAIL: "serialNumber==nobody", COMPUTERS: "hardware.serialNumber==nobody"}
    for path, rule in rules.items():
        assert jamf.get(f"{path}?filter={rule}").json["totalCount"] == 0
        order(jamf, "filter_ignored", nth=1)
        assert jamf.get(f"{path}?filter={rule}").json["totalCount"] > 10
        jamf.sim.objects({"settings": {"ignore_filters": True}})
        assert jamf.get(f"{path}?filter={rule}").json["totalCount"] > 10
        jamf.sim.objects({"settings": {"ignore_filters": False}})
    assert jamf.get(f"{DETAIL}?filter=applications==x").status == 400


def removals(jamf: Jamf, count: int) -> list[int]:
    plant(jamf, *(f"g{number}" for number in range(count)))
    return [jamf.call("DELETE", f"{GROUPS}/id/{number}").status for number in range(1, count + 1)]


def test_deletes_are_throttled_in_rows(jamf: Jamf) -> None:
    throttle = {"throttle_methods": ["DELETE"], "throttle_after": 2, "throttle_refusals": 3, "throttle_retry_after": 17}
    jamf.sim.objects({"settings": throttle})
    assert removals(jamf, 9) == [200, 200, 429, 429, 429, 200, 200, 429, 429]
    assert jamf.call("DELETE", f"{GROUPS}/id/3").headers["retry-after"] == "17"
    assert jamf.get(GROUPS).status == 200
    jamf.sim.objects({"settings": {"throttle_status": 503, "throttle_after": 0, "throttle_refusals": -1, "throttle_retry_after": None}})
    answers = [jamf.call("DELETE", f"{GROUPS}/id/4") for _unused in range(5)]
    assert {(answer.status, "retry-after" in answer.headers) for answer in answers} == {(503, False)}
    assert jamf.sim.state()["objects"]["mobiledevicegroups"][1]["id"] == 4


def test_a_delete_is_done_and_nobody_says_so(jamf: Jamf) -> None:
    plant(jamf, "a", "b", "c")
    jamf.sim.faults([
        {"match": {"method": "DELETE", "path": "id/1"}, "nth": 1, "kind": "503_after_effect"},
        {"match": {"method": "DELETE", "path": "id/2"}, "nth": 1, "kind": "429_after_effect", "retry_after": 5},
    ])  # fmt: skip
    assert [jamf.call("DELETE", f"{GROUPS}/id/1").status for _unused in range(2)] == [503, 404]
    answer = jamf.call("DELETE", f"{GROUPS}/id/2")
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    jamf.sim.objects({"settings": {"delete_seconds": 91}})
    assert jamf.call("DELETE", f"{GROUPS}/id/3").status == 504
    assert jamf.sim.state()["objects"]["mobiledevicegroups"] == []


def test_a_node_may_stay_behind_for_ever(jamf: Jamf) -> None:
    jamf.sim.objects({"settings": {"node_lag": 10**9}})
    number = jamf.make(GROUPS, "<mobile_device_group><name>g</name><is_smart>false</is_smart></mobile_device_group>")
    order(jamf, "stale", "mobiledevicegroups")
    assert [jamf.get(f"{GROUPS}/id/{number}").status for _unused in range(5)] == [404] * 5
    jamf.sim.faults([])
    assert jamf.get(f"{GROUPS}/id/{number}").status == 200
