# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages, selections, filters, and what inventories tell."""

from __future__ import annotations

import pytest

from tests.simulators.intune import start
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import APPS, DETECTED, DEVICES, PROFILES, Graph, device_of, strict_complaints

BRIEF = "$select=id,deviceName"


def test_a_list_comes_in_pages_that_together_are_the_fleet() -> None:
    with start(devices=2345, seed=3) as sim:
        graph = Graph(sim)
        first = graph.get(f"{DEVICES}?{BRIEF}").body
        rows = graph.pages(f"{DEVICES}?{BRIEF}")
        count = graph.get("/v1.0/deviceManagement/managedDeviceOverview").body["enrolledDeviceCount"]
        assert strict_complaints(sim) == []
    assert len(first["value"]) == 1000
    assert len({row["id"] for row in rows}) == 2345 == count
    assert all(set(row) == {"id", "deviceName"} for row in rows)


def test_a_page_holds_at_most_a_thousand(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"page_size": 50}})
    assert len(graph.get(f"{DEVICES}?$top=5000&{BRIEF}").body["value"]) == 50
    assert len(graph.get(f"{DEVICES}?$top=7&{BRIEF}").body["value"]) == 7


def test_a_next_link_works_only_as_it_was_given(sim: Simulation, graph: Graph) -> None:
    link = graph.get(f"{DEVICES}?$top=10&{BRIEF}").body["@odata.nextLink"]
    assert link.startswith(sim.connection["graph_url"] + "/beta/")
    assert graph.get(link).status == 200
    assert graph.get(link.replace("$top=10", "$top=20")).status == 400
    assert graph.get(f"{DEVICES}?$skiptoken=abc").status == 400


def test_a_record_keeps_some_properties_for_a_single_read_with_select(sim: Simulation, graph: Graph) -> None:
    key = sim.state()["devices"][0]["id"]
    assert graph.get(f"{DEVICES}/{key}").body["udid"] is None
    assert graph.get(f"{DEVICES}/{key}?$select=udid").body["udid"]
    assert graph.get(f"{DEVICES}?$select=id,udid").body["value"][0].get("udid") is None


def test_v1_knows_neither_beta_properties_nor_beta_values(sim: Simulation, graph: Graph) -> None:
    key = device_of(sim, "android_cope", app=None)["id"]
    assert graph.get(f"{DEVICES}/{key}").body["deviceEnrollmentType"] == "androidEnterpriseCorporateWorkProfile"
    old = graph.get(f"/v1.0/deviceManagement/managedDevices/{key}").body
    assert old["deviceEnrollmentType"] == "unknownFutureValue"
    assert "ownerType" not in old
    assert graph.get("/v1.0/deviceManagement/managedDevices?$select=ownerType").status == 400


def test_a_filter_that_intune_does_not_know_returns_everything(graph: Graph) -> None:
    everything = len(graph.pages(f"{DEVICES}?{BRIEF}"))
    assert len(graph.pages(f"{DEVICES}?{BRIEF}&$filter=isSupervised eq true")) == everything
    assert len(graph.pages(f"{DEVICES}?{BRIEF}&$filter=lastSyncDateTime lt 2023-01-01T00:00:00Z")) < everything
    assert graph.get(f"{DEVICES}?$filter=noSuchThing eq 1").status == 400


def test_names_are_filtered_with_doubled_quotes(eager: Graph) -> None:
    body = {"@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "The city's own"}
    key = eager.make(PROFILES, body)
    found = eager.get(f"{PROFILES}?$filter=displayName eq 'The city''s own'").body["value"]
    assert [row["id"] for row in found] == [key]
    assert eager.get(f"{PROFILES}?$filter=startswith(displayName,'BAN')").body["value"] == []
    assert eager.get(f"{PROFILES}?$filter=name eq 'x'").status == 400


def test_apps_are_filtered_by_type(graph: Graph) -> None:
    found = graph.get(f"{APPS}?$filter=isof('microsoft.graph.iosStoreApp')").body["value"]
    assert {row["@odata.type"] for row in found} == {"#microsoft.graph.iosStoreApp"}
    assert graph.get(f"{APPS}/microsoft.graph.iosStoreApp").body["value"] == found


def test_discovered_apps_have_names_only(graph: Graph) -> None:
    rows = graph.get(f"{DETECTED}?$filter=startswith(displayName,'TikTok')").body["value"]
    assert {row["displayName"] for row in rows} >= {"TikTok"}
    assert len({(row["displayName"], row["version"], row["platform"]) for row in rows}) == len(rows)
    assert all(
        set(row) == {"@odata.type", "id", "displayName", "version", "sizeInByte", "deviceCount", "publisher", "platform"} for row in rows
    )


def test_the_filter_on_discovered_apps_may_be_ignored(sim: Simulation, graph: Graph) -> None:
    sim.objects({"settings": {"detected_apps_filter": "ignored"}})
    rows = graph.get(f"{DETECTED}?$filter=startswith(displayName,'TikTok')").body["value"]
    assert "WhatsApp" in {row["displayName"] for row in rows}


def test_discovered_apps_have_their_traps(graph: Graph) -> None:
    row = next(row for row in graph.pages(DETECTED) if row["deviceCount"] > 0)
    assert graph.get(f"{DETECTED}?$expand=managedDevices").status == 400
    assert graph.get(f"{DETECTED}/{row['id']}").body["deviceCount"] == 0
    assert len(graph.get(f"{DETECTED}/{row['id']}?$expand=managedDevices").body["managedDevices"]) == row["deviceCount"]
    devices = graph.pages(f"{DETECTED}/{row['id']}/managedDevices?$select=id")
    assert len(devices) == row["deviceCount"]
    assert graph.get(f"{DETECTED}/{row['id']}/managedDevices/{devices[0]['id']}").status == 400
    assert graph.get(f"{DETECTED}?$orderby=deviceCount desc").status == 429


@pytest.mark.parametrize(
    ("kind", "profile", "told"),
    [
        ("ios_corporate", "personal", True),
        ("ios_personal", "personal", False),
        ("ios_user_enrollment", "personal", False),
        ("android_fully_managed", "work", True),
        ("android_cope", "personal", False),
        ("android_cope", "work", True),
        ("android_work_profile", "personal", False),
        ("android_work_profile", "work", True),
        ("windows_corporate", "personal", True),
        ("windows_personal", "personal", False),
    ],
)
def test_an_inventory_tells_of_corporate_devices_and_of_work_profiles(
    sim: Simulation, graph: Graph, kind: str, profile: str, told: bool
) -> None:
    [enrolled] = sim.devices([{"op": "enroll", "kind": kind}])
    key = enrolled["devices"][0]
    sim.devices([{"op": "install", "device": key, "app": "tiktok", "profile": profile}, {"op": "inventory", "device": key}])
    name = "BytedancePte.Ltd.TikTok" if kind.startswith("windows") else "TikTok"
    names = {row["displayName"] for row in graph.get(f"{DEVICES}/{key}/detectedApps").body["value"]}
    assert (name in names) is told


def test_inventories_lag_a_week_behind(sim: Simulation, graph: Graph) -> None:
    key = sim.devices([{"op": "enroll", "kind": "ios_corporate"}])[0]["devices"][0]
    path = f"{DEVICES}/{key}/detectedApps"
    sim.devices([{"op": "install", "device": key, "app": "tiktok"}])
    sim.clock(advance=6 * 86400, check_in=True)
    assert "TikTok" not in {row["displayName"] for row in graph.get(path).body["value"]}
    sim.clock(advance=86400, check_in=True)
    assert "TikTok" in {row["displayName"] for row in graph.get(path).body["value"]}
    sim.devices([{"op": "remove", "device": key, "app": "tiktok"}])
    sim.clock(advance=86400, check_in=True)
    assert "TikTok" in {row["displayName"] for row in graph.get(path).body["value"]}


def test_windows_sends_classic_apps_daily(sim: Simulation, graph: Graph) -> None:
    key = sim.devices([{"op": "enroll", "kind": "windows_corporate"}])[0]["devices"][0]
    classic = {"id": "WeChat", "name": "WeChat", "version": "3.9.0"}
    sim.devices([{"op": "install", "device": key, "app": classic}, {"op": "install", "device": key, "app": "tiktok"}])
    sim.clock(advance=86400, check_in=True)
    names = {row["displayName"] for row in graph.get(f"{DEVICES}/{key}/detectedApps").body["value"]}
    assert "WeChat" in names
    assert "BytedancePte.Ltd.TikTok" not in names
