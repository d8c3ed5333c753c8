# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory, read to its end whatever the server does to its pages, and of apps only what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Response
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import inventory_walk
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.inventory import (
    computer,
    computers,
    mobile_device,
    mobile_devices,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import COMPUTER, MOBILE, FoundApp, InventoryRow
from tests.support.jamf_pro.server_and_client import TIKTOK, Tenant, tenant

DETAIL = "/api/v2/mobile-devices/detail"


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant(90) as one:
        yield one


def is_tiktok(app: FoundApp) -> bool:
    return app.id == TIKTOK


def fleet(server: Tenant, mac: bool) -> list[dict[str, Any]]:
    return [each for each in server.sim.state()["devices"] if (each["platform"] == "macos") == mac]


def everybody(server: Tenant, mac: bool = False) -> list[int]:
    return sorted(each["id"] for each in fleet(server, mac))


def pages(server: Tenant, path: str = DETAIL) -> list[tuple[int, int, int]]:
    """(page, rows asked for, status) of each request."""
    return [
        (int(entry["query"]["page"]), int(entry["query"]["page-size"]), entry["status"])
        for entry in server.sim.requests()
        if entry["path"] == path
    ]


def small(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let first pages be small, for a small fleet."""
    monkeypatch.setattr(inventory_walk, "FIRST_SIZE", rows)


def test_every_mobile_device_is_read_with_what_is_wanted(server: Tenant) -> None:
    rows = {row.id: row for row in mobile_devices(server.jamf, is_tiktok)}
    assert len(server.sent(path=DETAIL)) == 1
    for device in fleet(server, mac=False):
        row = rows.pop(device["id"])
        assert (row.family, row.unreadable) == (MOBILE, False)
        for name, key in (("name", "name"), ("serial", "serial"), ("user", "user")):
            assert getattr(row, name) == device[key]
        assert (row.managed, row.supervised, row.os_version) == (device["managed"], device["supervised"], device["os_version"])
        assert (row.department, row.ownership) == (device["department"], device["ownership"])
        assert row.device_type == ("tvOS" if device["platform"] == "tvos" else "iOS")
        assert row.last_inventory
        assert row.enrolled
        assert [app.id for app in row.apps or ()] == [TIKTOK] * (TIKTOK in device["reported_apps"])
    assert rows == {}


def test_every_computer_is_read_with_what_is_wanted(server: Tenant) -> None:
    rows = {row.id: row for row in computers(server.jamf, lambda app: app.name == "TikTok.app", with_groups=True)}
    for device in fleet(server, mac=True):
        row = rows.pop(device["id"])
        assert (row.family, row.device_type, row.name, row.serial) == (COMPUTER, "macOS", device["name"], device["serial"])
        assert (row.managed, row.supervised, row.os_version) == (device["managed"], device["supervised"], device["os_version"])
        assert row.last_inventory
        assert row.groups == frozenset()
        assert [(app.id, app.managed) for app in row.apps or ()] == [(TIKTOK, None)] * (TIKTOK in device["reported_apps"])
    assert rows == {}


def test_without_a_wish_no_apps_are_asked_for(server: Tenant) -> None:
    assert all(row.apps is None and row.groups is None for row in [*mobile_devices(server.jamf), *computers(server.jamf)])
    assert not [entry for entry in server.sim.requests() if "APPLICATIONS" in str(entry["query"]) or "GROUP" in str(entry["query"])]


def test_nothing_of_other_apps_is_kept() -> None:
    row = {"mobileDeviceId": "3", "applications": [{"identifier": "com.private.diary", "name": "Diary"}, {"identifier": TIKTOK}]}
    found = mobile_device(row, is_tiktok)
    assert found.apps == (FoundApp(TIKTOK, ""),)
    assert "iary" not in repr(found)
    found = computer({"id": "3", "applications": [{"bundleId": "com.private.diary", "name": "Diary.app"}]}, is_tiktok, False)
    assert found.apps == ()


@pytest.mark.parametrize("empty", [None, {}])
def test_sections_that_are_null_are_no_trouble(empty: Any) -> None:
    parts = {"general": empty, "hardware": empty, "userAndLocation": empty, "applications": None}
    assert mobile_device({"mobileDeviceId": "3", **parts}, is_tiktok) == InventoryRow(MOBILE, 3)
    assert computer({"id": "3", **parts}, is_tiktok, True) == InventoryRow(COMPUTER, 3, device_type="macOS")


def test_pages_follow_each_other_in_a_unique_order(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 16)
    assert [row.id for row in mobile_devices(server.jamf)] == everybody(server)
    assert [page for page, _size, _status in pages(server)] == list(range(-(-len(everybody(server)) // 16)))
    assert {entry["query"]["sort"] for entry in server.sim.requests() if entry["path"] == DETAIL} == {"mobileDeviceId:asc"}
    assert server.connection.counters.pages == len(pages(server))


@pytest.mark.parametrize("cap", [1, 7, 20, 100])
def test_a_silent_cap_ends_no_walk(server: Tenant, cap: int) -> None:
    server.settings(page_cap=cap)
    assert [row.id for row in mobile_devices(server.jamf)] == everybody(server)


def test_a_page_that_takes_too_long_is_halved_and_the_walk_goes_on_from_its_row(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 32)
    server.settings(mobile_row_weight=400)
    assert [row.id for row in mobile_devices(server.jamf, is_tiktok)] == everybody(server)
    asked = pages(server)
    assert asked[0] == (0, 32, 504)
    sizes = [size for _page, size, status in asked if status == 200]
    # Once too slow, never again that big.
    assert len(set(sizes)) == 1
    assert sizes[0] < 32
    assert [status for _page, _size, status in asked].count(504) == len({size for _p, size, status in asked if status == 504})
    assert server.clock.naps == []


@pytest.mark.parametrize("kind", ["502", "html"])
def test_a_page_that_takes_the_server_too_long_is_asked_for_in_halves(server: Tenant, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    small(monkeypatch, 32)
    server.sim.faults([{"match": {"path": DETAIL}, "nth": 2, "kind": kind}])
    assert [row.id for row in mobile_devices(server.jamf)] == everybody(server)
    assert [(page, size) for page, size, _status in pages(server)][:3] == [(0, 32), (1, 32), (2, 16)]


@pytest.mark.fault_kind("T9", "a broken connection to Jamf Pro is no slow server")
@pytest.mark.parametrize("kind", ["drop", "timeout_after_effect"])
def test_a_page_whose_connection_breaks_is_asked_for_again_as_it_is(server: Tenant, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    small(monkeypatch, 32)
    server.sim.faults([{"match": {"path": DETAIL}, "nth": 2, "kind": kind}])
    assert [row.id for row in mobile_devices(server.jamf)] == everybody(server)
    assert [(page, size) for page, size, _status in pages(server)][:3] == [(0, 32), (1, 32), (1, 32)]


def test_a_throttled_page_is_asked_for_again_as_it_is(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 64)
    server.sim.faults([{"match": {"path": DETAIL}, "nth": 1, "kind": "429", "retry_after": 2}])
    assert [row.id for row in mobile_devices(server.jamf)] == everybody(server)
    assert [size for _page, size, _status in pages(server)][:2] == [64, 64]
    assert server.clock.naps == [2]


@pytest.mark.parametrize("corrupt", [[1], [17, 18], [5, 30, 60]])
@pytest.mark.parametrize("cap", [2000, 25])
def test_a_corrupt_record_is_told_and_costs_no_other_device(
    server: Tenant, monkeypatch: pytest.MonkeyPatch, corrupt: list[int], cap: int
) -> None:
    small(monkeypatch, 32)
    server.settings(page_cap=cap)
    server.sim.devices([{"op": "patch", "device": "m%d" % number, "set": {"corrupt": True}} for number in corrupt])
    rows = list(mobile_devices(server.jamf, is_tiktok))
    assert [row.id for row in rows if not row.unreadable] == [number for number in everybody(server) if number not in corrupt]
    assert [row for row in rows if row.unreadable] == [InventoryRow(MOBILE, unreadable=True)] * len(corrupt)
    assert len(rows) == len(everybody(server))


def test_a_passing_failure_loses_no_device(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 1)
    server.sim.faults([{"match": {"path": DETAIL}, "nth": [3, 9], "kind": "500"}])
    rows = list(mobile_devices(server.jamf))
    assert [row.id for row in rows] == everybody(server)


def test_a_server_that_fails_over_everything_is_an_error_and_not_a_fleet_that_can_not_be_read(server: Tenant) -> None:
    server.sim.faults([{"match": {"path": DETAIL}, "nth": "all", "kind": "500"}])
    with pytest.raises(RequestFailed) as caught:
        list(mobile_devices(server.jamf))
    assert caught.value.status == 500
    assert len(pages(server)) < 40


def test_a_server_that_never_answers_is_an_error(server: Tenant) -> None:
    server.sim.faults([{"match": {"path": DETAIL}, "nth": "all", "kind": "504"}])
    with pytest.raises(RequestFailed) as caught:
        list(mobile_devices(server.jamf))
    assert caught.value.status == 504


def test_devices_that_are_deleted_meanwhile_hide_no_other_device(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 8)
    rows = mobile_devices(server.jamf)
    seen = [next(rows).id for _unused in range(8)]
    server.sim.devices([{"op": "unenroll", "device": "m%d" % number} for number in (1, 2, 3)])
    seen += [row.id for row in rows]
    assert sorted(seen) == sorted({*everybody(server), 1, 2, 3})


def test_a_cap_that_comes_late_moves_no_row(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 8)
    rows = mobile_devices(server.jamf)
    seen = [next(rows).id for _unused in range(20)]
    server.settings(page_cap=3)
    assert seen + [row.id for row in rows] == everybody(server)


def test_a_list_that_ends_before_its_end_is_an_error(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    read_page = inventory_walk.read_page

    def read_one_more(response: Response, key: str = "") -> tuple[int, list[Any]]:
        total, rows = read_page(response, key)
        return total + 1, list(rows)

    monkeypatch.setattr(inventory_walk, "read_page", read_one_more)
    with pytest.raises(RequestFailed, match="gave 72 rows and says that there are 73"):
        list(mobile_devices(server.jamf))


def test_an_older_server_has_an_older_inventory_of_computers(server: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = tuple("/api/%s/computers-inventory" % version for version in ("v9", "v8", "v1"))
    old = inventory_walk.Inventory(paths, "id", "id:asc", "", "read the computers", "computers")
    small(monkeypatch, 8)
    walk = inventory_walk.Walk(server.jamf, old, ("GENERAL",))
    assert [int(row["id"]) for row in walk.rows() if row] == everybody(server, mac=True)
    assert len(server.sent(path="/api/v9")) == len(server.sent(path="/api/v8")) == 1


def test_a_missing_privilege_is_named(server: Tenant) -> None:
    server.settings(privileges=["Read Computers"])
    with pytest.raises(RequestFailed) as caught:
        list(mobile_devices(server.jamf))
    assert "Read Mobile Devices" in caught.value.next_step
    list(computers(server.jamf))
    assert server.jamf.privileges_used() == ["Read Computers"]
