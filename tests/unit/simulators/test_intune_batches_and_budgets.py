# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches, throttling and ordered faults."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.intune.errors import Refusal
from tests.simulators.intune.settings import Settings
from tests.simulators.intune.throttle import Throttle
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import APPS, CATALOG, DEVICES, PROFILES, Answer, Dropped, Graph, blocked_list

READ = {"method": "GET", "url": "/deviceManagement/managedDevices?$top=1&$select=id"}
NEW_PROFILE = {"@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "x"}


def batch(graph: Graph, *items: dict[str, Any], version: str = "beta") -> Answer:
    numbered = [{"id": str(number), **item} for number, item in enumerate(items, 1)]
    return graph.post(f"/{version}/$batch", {"requests": numbered})


def by_id(answer: Answer) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in answer.body["responses"]}


def test_every_item_has_its_own_answer_in_no_order(graph: Graph) -> None:
    answer = batch(graph, READ, {"method": "GET", "url": "/deviceManagement/noSuchThing"})
    assert answer.status == 200
    assert [item["id"] for item in answer.body["responses"]] == ["2", "1"]
    assert {key: item["status"] for key, item in by_id(answer).items()} == {"1": 200, "2": 400}
    assert len(by_id(answer)["1"]["body"]["value"]) == 1


@pytest.mark.parametrize(
    "items",
    [
        [READ] * 21,
        [{**READ, "id": "a"}, {**READ, "id": "A"}],
        [{**READ, "dependsOn": ["9"]}],
        [READ, READ, {**READ, "dependsOn": ["1"]}],
        [{"method": "FETCH", "url": "/users"}],
        [],
    ],
)
def test_batches_that_are_refused_as_a_whole(graph: Graph, items: list[dict[str, Any]]) -> None:
    assert batch(graph, *items).status == 400


def test_a_body_needs_its_media_type_and_a_url_has_no_version(graph: Graph) -> None:
    write = {"method": "POST", "url": "/deviceManagement/deviceConfigurations", "body": NEW_PROFILE}
    headers = {"headers": {"Content-Type": "application/json"}}
    answer = batch(graph, write, {**write, **headers}, {**READ, "url": "/v1.0" + READ["url"]})
    assert {key: item["status"] for key, item in by_id(answer).items()} == {"1": 400, "2": 201, "3": 400}


def test_what_depends_on_a_failure_fails(graph: Graph) -> None:
    bad = {"method": "GET", "url": "/deviceManagement/managedDevices/none"}
    answer = batch(graph, bad, {**READ, "dependsOn": ["1"]})
    assert {key: item["status"] for key, item in by_id(answer).items()} == {"1": 404, "2": 424}


def test_versions_do_not_mix_in_a_batch(graph: Graph) -> None:
    answer = batch(graph, {"method": "GET", "url": "/deviceManagement/configurationPolicies"}, version="v1.0")
    assert by_id(answer)["1"]["status"] == 400


def test_items_are_throttled_one_by_one(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"throttle_budgets": {"devices": [1, 2]}}})
    answer = batch(graph, READ, READ, READ)
    assert answer.status == 200
    assert sorted(item["status"] for item in answer.body["responses"]) == [200, 200, 429]
    assert by_id(answer)["3"]["headers"]["Retry-After"]


def test_an_item_can_be_made_to_fail(sim: Simulation, graph: Graph) -> None:
    sim.faults([{"match": {"method": "GET", "path": "managedDevices"}, "nth": 2, "kind": "429", "retry_after": 7}])
    answer = batch(graph, READ, READ)
    assert {key: item["status"] for key, item in by_id(answer).items()} == {"1": 200, "2": 429}
    assert by_id(answer)["2"]["headers"]["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("family", "path", "says_when"),
    [("devices", DEVICES, True), ("applications", APPS, True), ("configuration", PROFILES, False), ("configuration_v2", CATALOG, False)],
)
def test_budgets_are_per_family_and_not_all_say_when_to_come_back(
    sim: Simulation, graph: Graph, family: str, path: str, says_when: bool
) -> None:
    sim.objects({"settings": {"throttle_budgets": {family: [1, 3]}}})
    answers = [graph.get(f"{path}?$top=1") for _unused in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert ("retry-after" in answers[3].headers) is says_when


def test_writes_have_a_smaller_budget(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"throttle_budgets": {"configuration_v2": [1, 100]}}})
    assert [graph.post(CATALOG, blocked_list("a.b")).status for _unused in range(2)] == [201, 429]
    assert graph.get(CATALOG).status == 200


def test_a_window_slides() -> None:
    moments = iter([0.0, 0.0, 10.0, 10.0, 19.0, 20.0, 20.0])
    throttle = Throttle(Settings(throttle_budgets={"devices": [200, 2]}), lambda: next(moments))
    path = ["deviceManagement", "managedDevices"]
    throttle.charge("GET", path, {})
    throttle.charge("GET", path, {})
    for _unused in range(3):
        with pytest.raises(Refusal):
            throttle.charge("GET", path, {})
    throttle.charge("GET", path, {})
    throttle.charge("GET", path, {})


def test_the_directory_counts_units(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"directory_units": 5}})
    assert graph.get("/v1.0/users").headers["x-ms-resource-unit"] == "2"
    group = sim.state()["objects"]["groups"][0]["id"]
    assert graph.get(f"/v1.0/groups/{group}/members").headers["x-ms-throttle-limit-percentage"] == "1.0"
    assert graph.get("/v1.0/groups").status == 429


def test_conditional_access_may_allow_one_request_a_second(sim: Simulation, graph: Graph) -> None:
    path = "/v1.0/identity/conditionalAccess/policies"
    assert [graph.get(path).status for _unused in range(3)] == [200, 200, 200]
    sim.objects({"settings": {"conditional_access_limit": True}})
    answers = [graph.get(path) for _unused in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert "retry-after" not in answers[1].headers


@pytest.mark.parametrize("kind", ["429", "500", "503", "504"])
def test_a_status_fault_strikes_once_and_has_no_effect(sim: Simulation, graph: Graph, kind: str) -> None:
    before = sim.state()["objects"]
    sim.faults([{"match": {"method": "POST", "path": "configurationPolicies"}, "kind": kind}])
    answer = graph.post(CATALOG, blocked_list("a.b"))
    assert answer.status == int(kind)
    assert ("retry-after" in answer.headers) is (kind == "429")
    assert sim.state()["objects"] == before
    assert graph.post(CATALOG, blocked_list("a.b")).status == 201


def test_retry_after_can_be_a_date_or_missing(sim: Simulation, graph: Graph) -> None:
    date = "Wed, 01 Mar 2023 00:00:09 GMT"
    match = {"path": "managedDevices"}
    sim.faults(
        [{"match": match, "nth": 1, "kind": "429", "retry_after": date}, {"match": match, "nth": 2, "kind": "429", "retry_after": None}]
    )
    assert graph.get(DEVICES).headers["retry-after"] == date
    assert "retry-after" not in graph.get(DEVICES).headers


@pytest.mark.parametrize(("kind", "effect"), [("timeout_after_effect", 1), ("drop", 0)])
def test_a_connection_may_break_before_or_after_the_effect(sim: Simulation, graph: Graph, kind: str, effect: int) -> None:
    sim.faults([{"match": {"method": "POST", "path": "/beta/deviceManagement/configurationPolicies$"}, "kind": kind}])
    with pytest.raises(Dropped):
        graph.post(CATALOG, blocked_list("a.b"))
    assert len(sim.state()["objects"]["configurationPolicies"]) == effect
    assert sim.requests()[-1]["status"] is None


def test_a_stale_read_shows_what_was_before_the_last_write(sim: Simulation, eager: Graph) -> None:
    sim.faults([{"match": {"method": "GET", "path": "configurationPolicies"}, "nth": [1, 2, 4], "kind": "stale"}])
    key = eager.make(CATALOG, blocked_list("a.b"))
    assert eager.get(f"{CATALOG}/{key}").status == 404
    assert eager.get(CATALOG).body["value"] == []
    assert eager.get(f"{CATALOG}/{key}").status == 200
    eager.patch(f"{CATALOG}/{key}", {"description": "new"})
    assert eager.get(f"{CATALOG}/{key}").body["description"] == "managed-by=appban"


def test_pages_can_go_wrong(sim: Simulation, graph: Graph) -> None:
    path = f"{DEVICES}?$top=50&$select=id"
    whole = {row["id"] for row in graph.pages(path)}
    kinds = ["foreign_next_link", "http_next_link", "missing_page"]
    sim.faults([{"match": {"path": "managedDevices"}, "nth": number, "kind": kind} for number, kind in enumerate(kinds, 1)])
    assert not graph.get(path).body["@odata.nextLink"].startswith(sim.connection["graph_url"])
    assert graph.get(path).body["@odata.nextLink"].startswith("http://127.0.0.1/")
    assert len({row["id"] for row in graph.pages(path)}) == len(whole) - 50
    sim.faults([{"match": {"path": "managedDevices"}, "nth": 1, "kind": "truncated"}])
    assert len(graph.pages(path)) == 25
    sim.faults([{"match": {"path": "managedDevices"}, "nth": 1, "kind": "empty_page"}])
    first = graph.get(path).body
    assert first["value"] == []
    assert {row["id"] for row in graph.pages(first["@odata.nextLink"])} == whole


def test_proxies_and_broken_answers(sim: Simulation, graph: Graph) -> None:
    sim.faults([{"match": {"path": "x"}, "kind": "html", "nth": 1}, {"match": {"path": "groups"}, "kind": "bad_json", "nth": "all"}])
    assert graph.get("/v1.0/groups").body[:9] == b'{"value":'
    assert graph.get("/v1.0/groups?$top=5&x=1").status == 502


def test_an_order_for_an_unknown_fault_is_refused(sim: Simulation) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        sim.faults([{"kind": "earthquake"}])
    with pytest.raises(ValueError, match="unknown keys"):
        sim.faults([{"kind": "429", "count": 1}])
