# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that come short, doubled or endless, counts that lie, bodies of the wrong shape, and deletes that have to wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.intune import spoil, start
from tests.simulators.intune.call import PAGE_FAULTS
from tests.simulators.intune.tenant import Tenant
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import (
    CATALOG,
    DETECTED,
    DEVICES,
    Graph,
    blocked_list,
    strict_complaints,
)

LIST = f"{DEVICES}?$top=50&$select=id,serialNumber"
OVERVIEW = "/v1.0/deviceManagement/managedDeviceOverview"
SECOND = {"path": "managedDevices.*skiptoken"}


@pytest.fixture
def whole(graph: Graph) -> list[str]:
    return ids(graph.pages(LIST))


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


def order(sim: Simulation, kind: str, path: str = "managedDevices", nth: Any = 1, **options: Any) -> None:
    sim.faults([{"match": {"path": path}, "nth": nth, "kind": kind, **options}])


def test_a_page_may_repeat_the_page_before_it(sim: Simulation, graph: Graph, whole: list[str]) -> None:
    order(sim, "repeat_page", SECOND["path"])
    rows = ids(graph.pages(LIST))
    assert rows == [*whole[:50], *whole[:50], *whole[100:]]
    order(sim, "repeat_page")
    assert ids(graph.pages(LIST)) == [*whole[:50], *whole]


def test_a_device_may_be_doubled_and_its_neighbour_missing(sim: Simulation, graph: Graph, whole: list[str]) -> None:
    order(sim, "double", nth="all", item=whole[60])
    rows = ids(graph.pages(LIST))
    assert len(rows) == len(whole)
    assert rows[60] == rows[61] == whole[61]
    assert set(whole) - set(rows) == {whole[60]}
    order(sim, "double")
    assert ids(graph.pages(LIST))[:3] == [whole[1], whole[1], whole[2]]
    order(sim, "double", item=49)
    assert ids(graph.pages(LIST))[48:51] == [whole[48], whole[48], whole[50]]
    # Asked for on its own, the missing device is there.
    order(sim, "double", nth="all", item=whole[60])
    assert graph.get(f"{DEVICES}/{whole[60]}").status == 200


def test_devices_may_be_missing(sim: Simulation, graph: Graph, whole: list[str]) -> None:
    serial = next(row["serialNumber"] for row in graph.pages(LIST)[10:] if row["serialNumber"])
    order(sim, "missing_item", nth="all", item=[whole[0], serial])
    rows = graph.pages(LIST)
    assert len(rows) == len(whole) - 2
    assert whole[0] not in ids(rows)
    assert serial not in {row["serialNumber"] for row in rows}


def test_a_list_may_be_short_and_say_nothing(sim: Simulation, graph: Graph, whole: list[str]) -> None:
    order(sim, "short_list")
    assert ids(graph.pages(LIST)) == whole[:60]
    order(sim, "short_list", by=6)
    assert ids(graph.pages(LIST)) == whole[:-6]
    order(sim, "empty_list")
    assert graph.get(LIST).body == {"value": []}
    # The service counts all the same.
    assert graph.get(OVERVIEW).body["enrolledDeviceCount"] == len(whole)


@pytest.mark.parametrize(("rows", "distinct", "each"), [("again", 120, 50), ("new", 500, 50), ("none", 0, 0)])
def test_next_links_may_never_end(sim: Simulation, graph: Graph, rows: str, distinct: int, each: int) -> None:
    order(sim, "endless", rows=rows)
    link, links, seen = LIST, set(), []
    for _page in range(10):
        body = graph.get(link).body
        assert len(body["value"]) == each
        link = body["@odata.nextLink"]
        links.add(link)
        seen += ids(body["value"])
    assert len(links) == 10
    assert len(set(seen)) == distinct


@pytest.mark.parametrize(
    ("kind", "options", "shown"),
    [
        ("count_null", {}, None),
        ("count_missing", {}, "missing"),
        ("count_zero", {}, 0),
        ("count_lags", {}, 119),
        ("count_lags", {"by": 7}, 113),
        ("count_high", {}, 121),
        ("count_high", {"by": 400}, 520),
        ("count_text", {}, "120"),
    ],
)
@pytest.mark.parametrize("query", ["", "?$select=enrolledDeviceCount"])
def test_a_count_may_lie(sim: Simulation, graph: Graph, kind: str, options: dict[str, int], shown: Any, query: str) -> None:
    order(sim, kind, "managedDeviceOverview", **options)
    assert graph.get(OVERVIEW + query).body.get("enrolledDeviceCount", "missing") == shown
    assert graph.get(OVERVIEW + query).body["enrolledDeviceCount"] == 120


def test_rows_of_discovered_apps_may_count_otherwise(sim: Simulation, graph: Graph) -> None:
    right = {row["id"]: row["deviceCount"] for row in graph.pages(DETECTED)}
    order(sim, "count_high", "detectedApps", by=9)
    assert {row["id"]: row["deviceCount"] for row in graph.pages(DETECTED)} == {key: count + 9 for key, count in right.items()}
    one = next(iter(right))
    order(sim, "count_missing", "detectedApps", item=one)
    assert [row["id"] for row in graph.pages(DETECTED) if "deviceCount" not in row] == [one]


@pytest.mark.parametrize(("how", "part"), [("empty", 0.0), ("short", 0.5)])
def test_a_row_may_list_fewer_devices_than_it_counts(sim: Simulation, graph: Graph, how: str, part: float) -> None:
    rows = [row for row in graph.pages(DETECTED) if row["displayName"] == "TikTok"]
    other = next(row for row in graph.pages(DETECTED) if row["displayName"] == "WhatsApp")

    def listed(row: dict[str, Any]) -> int:
        return len(graph.get(f"{DETECTED}/{row['id']}/managedDevices?$select=id").body["value"])

    whole = {row["id"]: listed(row) for row in rows}
    assert whole == {row["id"]: row["deviceCount"] for row in rows}
    for key, meant in ((rows[0]["id"], rows[:1]), ("TikTok", rows), ("*", [*rows, other])):
        sim.objects({"settings": {"detected_app_devices": {key: how}}})
        assert [row for row in graph.pages(DETECTED) if row["displayName"] == "TikTok"] == rows
        assert {row["id"]: listed(row) for row in meant} == {row["id"]: int(row["deviceCount"] * part) for row in meant}
        expanded = graph.get(f"{DETECTED}/{rows[0]['id']}?$expand=managedDevices").body["managedDevices"]
        assert len(expanded) == int(whole[rows[0]["id"]] * part)
        if key != "*":
            assert listed(other) == other["deviceCount"]


def test_a_list_of_devices_may_come_empty_once(sim: Simulation, graph: Graph) -> None:
    row = next(row for row in graph.pages(DETECTED) if row["displayName"] == "TikTok")
    order(sim, "empty_list", f"detectedApps/{row['id']}/managedDevices")
    path = f"{DETECTED}/{row['id']}/managedDevices?$select=id"
    assert graph.get(path).body["value"] == []
    assert len(graph.get(path).body["value"]) == row["deviceCount"]


def test_a_page_of_discovered_apps_may_be_cut_short(sim: Simulation, graph: Graph) -> None:
    count = len(graph.pages(DETECTED))
    order(sim, "truncated", "detectedApps")
    body = graph.get(DETECTED).body
    assert len(body["value"]) == count // 2
    assert "@odata.nextLink" not in body


ITEMS = [
    ("item_without_id", {}, "no id"),
    ("item_without_id", {"name": "serialNumber"}, "no serialNumber"),
    ("null_property", {}, {"id": None}),
    ("null_property", {"name": "serialNumber"}, {"serialNumber": None}),
    ("string_item", {}, "unexpected"),
    ("null_item", {}, None),
    ("list_item", {}, []),
]


@pytest.mark.parametrize(("kind", "options", "shown"), ITEMS)
def test_an_item_of_a_page_may_be_odd(sim: Simulation, graph: Graph, kind: str, options: dict[str, str], shown: Any) -> None:
    right = graph.get(LIST).body["value"]
    order(sim, kind, nth="all", item=3, **options)
    rows = graph.get(LIST).body["value"]
    assert len(rows) == len(right) == 50
    assert [*rows[:3], *rows[4:]] == [*right[:3], *right[4:]]
    if isinstance(shown, dict):
        assert rows[3] == {**right[3], **shown}
    elif str(shown).startswith("no "):
        assert set(right[3]) - set(rows[3]) == {str(shown).removeprefix("no ")}
    else:
        assert rows[3] == shown


BODIES = [
    ("value_null", {"value": None}),
    ("value_object", {"value": {}}),
    ("value_text", {"value": "PGh0bWw+"}),
    ("no_value", {}),
    ("null_body", None),
    ("text_body", "PGh0bWw+"),
    ("list_body", []),
    ("error_body", {"error": {"code": "UnknownError", "message": ""}}),
]


@pytest.mark.parametrize(("kind", "shown"), BODIES)
def test_a_body_may_have_any_shape(sim: Simulation, graph: Graph, kind: str, shown: Any) -> None:
    order(sim, kind, "v1.0/groups")
    answer = graph.get("/v1.0/groups?$top=999")
    assert (answer.status, answer.body) == (200, shown)


@pytest.mark.parametrize(("kind", "shown"), BODIES)
def test_an_item_of_a_batch_may_have_a_body_of_any_shape(sim: Simulation, graph: Graph, kind: str, shown: Any) -> None:
    order(sim, kind, "/beta/deviceManagement/assignmentFilters")
    urls = ["/deviceManagement/assignmentFilters", "/deviceManagement/deviceConfigurations"]
    asked = [{"id": url.rsplit("/", 1)[-1], "method": "GET", "url": url} for url in urls]
    answer = graph.post("/beta/$batch", {"requests": asked})
    items = {item["id"]: item for item in answer.body["responses"]}
    assert items["assignmentFilters"]["status"] == 200
    assert items["assignmentFilters"]["body"] == shown
    assert items["deviceConfigurations"]["body"]["value"]
    # Whoever holds the traffic against a description knows that this answer was spoilt on order.
    assert (sim.requests()[-1]["fault"], sim.requests()[-1]["inner_faults"]) == (kind, {"assignmentFilters": kind})


def test_a_body_may_be_missing(sim: Simulation, graph: Graph) -> None:
    order(sim, "empty_body", "deviceConfigurations", nth="all")
    answer = graph.get("/beta/deviceManagement/deviceConfigurations")
    assert (answer.status, answer.body) == (200, None)
    asked = [{"id": "1", "method": "GET", "url": "/deviceManagement/deviceConfigurations"}]
    [item] = graph.post("/beta/$batch", {"requests": asked}).body["responses"]
    assert item["status"] == 200
    assert "body" not in item


def test_answers_of_a_batch_may_be_missing_or_doubled(sim: Simulation, graph: Graph) -> None:
    asked = [{"id": key, "method": "GET", "url": "/deviceManagement/assignmentFilters"} for key in ("a", "b", "c")]
    order(sim, "missing_item", "batch", item="b")
    assert [item["id"] for item in graph.post("/beta/$batch", {"requests": asked}).body["responses"]] == ["c", "a"]
    order(sim, "double", "batch", item="b")
    assert [item["id"] for item in graph.post("/beta/$batch", {"requests": asked}).body["responses"]] == ["c", "a", "a"]
    order(sim, "item_without_id", "batch", item="b", name="status")
    items = graph.post("/beta/$batch", {"requests": asked}).body["responses"]
    assert [item["id"] for item in items if "status" not in item] == ["b"]


def test_a_refusal_is_not_spoilt(sim: Simulation, graph: Graph) -> None:
    order(sim, "null_body", nth="all")
    assert graph.get(f"{DEVICES}/nobody").status == 404


def test_what_a_fault_spoils_is_whole_afterwards(sim: Simulation, graph: Graph, whole: list[str]) -> None:
    before = sim.state()
    for kind in sorted(spoil.KINDS | PAGE_FAULTS):
        order(sim, kind)
        assert graph.get(LIST).status == 200
    assert ids(graph.pages(LIST)) == whole
    assert sim.state() == before


def test_options_are_for_the_kinds_that_have_them(sim: Simulation) -> None:
    with pytest.raises(ValueError, match="unknown keys"):
        order(sim, "503", item=1)
    with pytest.raises(ValueError, match="unknown keys"):
        order(sim, "double", colour="red")
    assert Tenant.fault_kinds > spoil.KINDS | PAGE_FAULTS


@pytest.fixture
def slow() -> Iterator[Simulation]:
    """A tenant in which two deletes are let through every thirty seconds of its own clock."""
    with start(devices=5) as sim:
        settings = {"deletes_per_window": 2, "delete_window_seconds": 30, "throttle_clock": "tenant", "eventual_consistency": 0}
        sim.objects({"settings": settings})
        yield sim
        assert strict_complaints(sim) == []


def test_deletes_in_a_row_have_to_wait_as_long_as_they_are_told(slow: Simulation) -> None:
    graph = Graph(slow)
    keys = [graph.make(CATALOG, blocked_list("a.b", name=f"n{number}")) for number in range(5)]
    assert graph.delete(f"{CATALOG}/{keys[0]}").status == 204
    slow.clock(advance=10)
    assert graph.delete(f"{CATALOG}/{keys[1]}").status == 204
    refused = graph.delete(f"{CATALOG}/{keys[2]}")
    assert (refused.status, refused.headers["retry-after"]) == (429, "20")
    # Too early is refused again, and is told how long it still is.
    slow.clock(advance=19)
    assert graph.delete(f"{CATALOG}/{keys[2]}").headers["retry-after"] == "1"
    assert graph.get(f"{CATALOG}/{keys[2]}").status == 200
    slow.clock(advance=1)
    assert graph.delete(f"{CATALOG}/{keys[2]}").status == 204
    assert graph.delete(f"{CATALOG}/{keys[3]}").status == 429
    asked = [{"id": key, "method": "DELETE", "url": f"/deviceManagement/configurationPolicies/{key}"} for key in keys[3:]]
    slow.clock(advance=10)
    items = graph.post("/beta/$batch", {"requests": asked}).body["responses"]
    assert sorted(item["status"] for item in items) == [204, 429]
    [told] = [item["headers"]["Retry-After"] for item in items if item["status"] == 429]
    assert told == "20"


def test_a_whole_lift_of_deletes_comes_through_with_waits(slow: Simulation) -> None:
    graph = Graph(slow)
    keys = [graph.make(CATALOG, blocked_list("a.b", name=f"n{number}")) for number in range(9)]
    waited = []
    for key in keys:
        while (answer := graph.delete(f"{CATALOG}/{key}")).status == 429:
            waited.append(int(answer.headers["retry-after"]))
            slow.clock(advance=waited[-1])
        assert answer.status == 204
    assert waited == [30, 30, 30, 30]
    assert [entry["status"] for entry in slow.requests() if entry["method"] == "DELETE"].count(429) == 4
