# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What manages a device decides what reaches it: agents, states, co-management, enrolment again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.intune import start, versions
from tests.simulators.intune.management import AGENTS, STATES, STATES_OF_MANAGED, WITH_CHANNEL, WORKLOADS
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import (
    ALL_DEVICES,
    APPS,
    CATALOG,
    COMPLIANCE,
    DEVICES,
    PROFILES,
    TIKTOK,
    Graph,
    again,
    app_ids,
    assigned,
    blocked_list,
    check_in,
    compliance,
    device_of,
    strict_complaints,
)

FEATURES = "configurationManagerClientEnabledFeatures"
DENY = """<RuleCollection Type="Appx" EnforcementMode="Enabled">
<FilePublisherRule Id="a9e18c21-ff8f-43cf-b9fc-db40eed693ba" Name="all" Description="" UserOrGroupSid="S-1-1-0" Action="Allow"><Conditions>
<FilePublisherCondition PublisherName="*" ProductName="*" BinaryName="*"><BinaryVersionRange LowSection="0.0.0.0" HighSection="*"/>
</FilePublisherCondition></Conditions></FilePublisherRule>
<FilePublisherRule Id="b9e18c21-ff8f-43cf-b9fc-db40eed693ba" Name="no" Description="" UserOrGroupSid="S-1-1-0" Action="Deny"><Conditions>
<FilePublisherCondition PublisherName="*" ProductName="BytedancePte.Ltd.TikTok" BinaryName="*">
<BinaryVersionRange LowSection="0.0.0.0" HighSection="*"/></FilePublisherCondition></Conditions></FilePublisherRule></RuleCollection>"""
APPLOCKER = {
    "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
    "displayName": "BAN windows",
    "omaSettings": [
        {
            "@odata.type": "#microsoft.graph.omaSettingString",
            "displayName": "deny",
            "omaUri": "./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/Ban1/StoreApps/Policy",
            "value": DENY,
        }
    ],
}
WINGET = {
    "@odata.type": "#microsoft.graph.winGetApp",
    "displayName": "TikTok",
    "publisher": "TikTok Pte. Ltd.",
    "packageIdentifier": "9NH2GPH4JZS4",
    "installExperience": {"runAsAccount": "user"},
}


def record(graph: Graph, device: dict[str, Any], version: str = "beta") -> dict[str, Any]:
    answer = graph.get(f"/{version}/deviceManagement/managedDevices/{device['id']}")
    assert answer.status == 200
    found: dict[str, Any] = answer.body
    return found


def truth_of(sim: Simulation, key: str) -> dict[str, Any]:
    [found] = [device for device in sim.truth()["devices"] if device["id"] == key]
    return dict(found)


@pytest.mark.usefixtures("graph_contract")
def test_the_agents_and_states_are_those_of_the_description() -> None:
    beta = versions.contracts("contract")["beta"]
    assert set(beta.enums["managementAgentType"]) == AGENTS
    assert set(beta.enums["managementState"]) == STATES
    assert set(beta.properties(FEATURES)) - {"@odata.type"} == set(WORKLOADS)


def test_every_agent_and_state_is_in_the_fleet_on_demand() -> None:
    with start(devices=40, seed=2) as plain, start(devices=40, seed=2, agents=True) as sim, start(devices=40, seed=2, agents=True) as two:
        assert sim.state() == two.state()
        assert sim.state()["devices"][:40] == plain.state()["devices"]
        graph = Graph(sim)
        rows = graph.pages(DEVICES)
        old = graph.pages("/v1.0/deviceManagement/managedDevices")
        overview = graph.get("/v1.0/deviceManagement/managedDeviceOverview").body
        assert strict_complaints(sim) == []
    assert {row["managementAgent"] for row in rows} == AGENTS
    assert {row["managementState"] for row in rows} == STATES
    co_managed = [row for row in rows if row["managementAgent"] == "configurationManagerClientMdm"]
    assert len({tuple(row[FEATURES].items()) for row in co_managed}) > 4
    assert all((row[FEATURES] is not None) == row["managementAgent"].startswith("configurationManagerClient") for row in rows)
    assert "officeApps" not in next(row[FEATURES] for row in old if row[FEATURES])
    assert {row["managementAgent"] for row in old} == AGENTS - {"intuneAosp", "google", "unknownFutureValue"}
    # The overview counts other things than the list: it says itself that it leaves the old PC agent out.
    assert overview["enrolledDeviceCount"] == len(rows) - 2


@pytest.mark.parametrize("agent", sorted(AGENTS))
def test_controls_reach_only_agents_with_a_channel(sim: Simulation, eager: Graph, agent: str) -> None:
    device = device_of(sim, "ios_supervised")
    sim.devices([{"op": "patch", "device": device["id"], "set": {"managementAgent": agent, FEATURES: dict.fromkeys(WORKLOADS, True)}}])
    policy = assigned(eager, CATALOG, blocked_list(TIKTOK))
    rule = assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=0))
    sim.clock(advance=3600)
    after = check_in(eager, device)
    reached = agent in WITH_CHANNEL
    assert (policy in after["controls"], rule in after["controls"]) == (reached, reached)
    assert {app["hidden"] for app in after["apps"] if app["id"] == TIKTOK} == {reached}
    # The service says that the device was in contact all the same.
    assert record(eager, device)["lastSyncDateTime"] == "2023-03-01T01:00:00Z"
    assert record(eager, device)["managementAgent"] == agent


@pytest.mark.parametrize("state", sorted(STATES))
def test_a_device_that_is_leaving_gets_nothing_new_and_keeps_what_it_has(sim: Simulation, eager: Graph, state: str) -> None:
    device = device_of(sim, "ios_supervised")
    first = assigned(eager, CATALOG, blocked_list(TIKTOK))
    assert first in check_in(eager, device)["controls"]
    sim.devices([{"op": "patch", "device": device["id"], "set": {"managementState": state}}])
    second = assigned(eager, COMPLIANCE, compliance(TIKTOK))
    after = check_in(eager, device)
    assert (second in after["controls"]) is (state in STATES_OF_MANAGED)
    assert (first in after["controls"]) is (state not in ("discovered", "unknownFutureValue"))
    assert record(eager, device)["managementState"] == state


def test_a_retirement_that_was_ordered_lets_nothing_through(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "ios_supervised")
    assert eager.post(f"{DEVICES}/{device['id']}/retire").status == 204
    policy = assigned(eager, CATALOG, blocked_list(TIKTOK))
    assert policy not in check_in(eager, device)["controls"]
    assert record(eager, device)["managementState"] == "retireIssued"


@pytest.mark.parametrize(
    ("workloads", "blocked", "removed"),
    [((), False, False), (("deviceConfiguration",), True, False), (("modernApps",), False, True), (WORKLOADS, True, True)],
)
def test_co_managed_devices_take_what_their_workloads_let_through(
    sim: Simulation, eager: Graph, workloads: tuple[str, ...], blocked: bool, removed: bool
) -> None:
    device = device_of(sim, "windows_corporate", app=None, ownership="company")
    sim.devices([{"op": "install", "device": device["id"], "app": "tiktok"}])
    features = {name: name in workloads for name in WORKLOADS}
    change = {"managementAgent": "configurationManagerClientMdm", FEATURES: features}
    sim.devices([{"op": "patch", "device": device["id"], "set": change}])
    assert record(eager, device)[FEATURES] == features
    rules = assigned(eager, PROFILES, APPLOCKER)
    app = eager.make(APPS, WINGET)
    after = check_in(eager, device)
    assert (rules in after["controls"]) is blocked
    assert {item["launch_blocked"] for item in after["apps"] if item["name"] == "TikTok"} == {blocked}
    assert eager.assign(APPS, app, ALL_DEVICES, intent="uninstall").status in (200, 204)
    after = check_in(eager, device)
    assert ("TikTok" not in {item["name"] for item in after["apps"]}) is removed
    assert (app in after["controls"]) is removed


def test_what_configuration_manager_judges_says_so(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "windows_corporate", app=None)
    change = {"managementAgent": "configurationManagerClientMdm", FEATURES: {"compliancePolicy": False}}
    sim.devices([{"op": "patch", "device": device["id"], "set": change}])
    assert record(eager, device)["complianceState"] == "configManager"


def test_a_workload_decides_about_inventories(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "windows_corporate", app=None, ownership="company")
    change = {"managementAgent": "configurationManagerClientMdm", FEATURES: {"inventory": False, "modernApps": True}}
    sim.devices([{"op": "patch", "device": device["id"], "set": change}])
    sim.devices([{"op": "install", "device": device["id"], "app": {"id": "new", "name": "Brand New"}}])
    sim.clock(advance=8 * 86400)
    check_in(eager, device)
    path = f"{DEVICES}/{device['id']}/detectedApps"
    assert "Brand New" not in {row["displayName"] for row in eager.pages(path)}
    [refused] = sim.devices([{"op": "inventory", "device": device["id"]}])
    assert refused["refused"][0]["reason"] == "what manages the device takes no inventory"
    sim.devices([{"op": "patch", "device": device["id"], "set": {FEATURES: {"inventory": True}}}])
    check_in(eager, device)
    assert "Brand New" in {row["displayName"] for row in eager.pages(path)}


@pytest.mark.parametrize("change", [{"managementAgent": "pigeon"}, {"managementState": "bored"}, {FEATURES: {"lunch": True}}, {"apps": []}])
def test_what_the_description_does_not_have_is_refused(sim: Simulation, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"known:|workloads are|can't set"):
        sim.devices([{"op": "patch", "device": sim.state()["devices"][0]["id"], "set": change}])


def test_a_device_enrols_again_under_new_ids_with_its_serial_number(sim: Simulation, eager: Graph) -> None:
    old = device_of(sim, "ios_personal")
    policy = assigned(eager, COMPLIANCE, compliance(TIKTOK, hours=0))
    assert policy in check_in(eager, old)["controls"]
    [enrolled] = sim.devices([{"op": "enroll", "replaces": old["serial"]}])
    [key] = enrolled["devices"]
    assert eager.get(f"{DEVICES}/{old['id']}").status == 404
    new = record(eager, {"id": key})
    assert (new["serialNumber"], new["userId"], new["managedDeviceOwnerType"]) == (old["serial"], old["user"], "personal")
    assert new["azureADDeviceId"] != old["azure_id"]
    assert len(eager.pages(f"{DEVICES}?$select=id")) == len(sim.state()["devices"]) == 120
    was, is_now = truth_of(sim, old["id"]), truth_of(sim, key)
    assert (was["enrolled"], was["replaced_by"], was["controls"], was["lets_through"]) == (False, key, [], [])
    assert is_now["enrolled"]
    assert TIKTOK in {app["id"] for app in is_now["apps"]}
    [wiped] = sim.devices([{"op": "enroll", "replaces": key, "wiped": True, "kind": "ios_supervised"}])
    fresh = again(sim, {"id": wiped["devices"][0]})
    assert (fresh["kind"], fresh["serial"]) == ("ios_supervised", old["serial"])
    assert TIKTOK not in app_ids(fresh)


def test_both_records_of_one_serial_number_may_stand(sim: Simulation, eager: Graph) -> None:
    old = device_of(sim, "ios_personal")
    [enrolled] = sim.devices([{"op": "enroll", "kind": "ios_personal", "serial": old["serial"]}])
    found = eager.get(f"{DEVICES}?$filter=serialNumber eq '{old['serial']}'&$select=id").body["value"]
    assert {row["id"] for row in found} == {old["id"], *enrolled["devices"]}


def test_some_devices_never_send_an_inventory(sim: Simulation, eager: Graph) -> None:
    known = device_of(sim, "ios_supervised")
    [enrolled] = sim.devices([{"op": "enroll", "kind": "ios_supervised", "apps": ["tiktok"], "inventory": False}])
    sim.devices([{"op": "no_inventory", "device": known["id"]}])
    sim.clock(advance=30 * 86400, check_in=True)
    for key in (known["id"], enrolled["devices"][0]):
        assert eager.get(f"{DEVICES}/{key}/detectedApps").body["value"] == []
        true = truth_of(sim, key)
        assert {app["in_inventory"] for app in true["apps"]} == {False}
        assert TIKTOK in {app["id"] for app in true["apps"]}
        assert true["last_inventory"] is None
        assert sim.devices([{"op": "inventory", "device": key}])[0]["refused"][0]["reason"] == "sends no inventory"


def test_a_list_of_apps_may_be_older_than_the_last_contact(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "ios_supervised")
    dates = {"last_inventory": "2023-03-01T00:00:00Z", "enrolled": "2023-02-28T00:00:00Z"}
    sim.devices([{"op": "remove", "device": device["id"], "app": "tiktok"}, {"op": "inventory", "device": device["id"]}])
    sim.devices([{"op": "patch", "device": device["id"], "set": dates}])
    sim.devices([{"op": "install", "device": device["id"], "app": "tiktok"}])
    sim.clock(advance=5 * 86400, check_in=True)
    true = truth_of(sim, device["id"])
    assert (true["last_contact"], true["last_inventory"]) == ("2023-03-06T00:00:00Z", "2023-03-01T00:00:00Z")
    assert {app["in_inventory"] for app in true["apps"] if app["id"] == TIKTOK} == {False}
    sim.clock(advance=2 * 86400, check_in=True)
    assert {app["in_inventory"] for app in truth_of(sim, device["id"])["apps"] if app["id"] == TIKTOK} == {True}


@pytest.mark.parametrize("name", ["\u200eTikTok", "Tik\u200bTok", "ＴｉｋＴｏｋ", "TIKTOK", None])
def test_inventories_may_spell_a_name_in_odd_ways(sim: Simulation, eager: Graph, name: str | None) -> None:
    device = device_of(sim, "ios_supervised", app="com.microsoft")
    sim.devices([{"op": "remove", "device": device["id"], "app": "tiktok"}])
    sim.devices(
        [{"op": "install", "device": device["id"], "app": "tiktok", "listed_as": name}, {"op": "inventory", "device": device["id"]}]
    )
    path = f"{DEVICES}/{device['id']}/detectedApps"
    names = [row["displayName"] for row in eager.get(path).body["value"]]
    assert name in names
    assert "TikTok" not in names
    assert name in [row["displayName"] for row in eager.pages("/v1.0/deviceManagement/detectedApps")]
    # The app is the same, and so is what a control does to it.
    assigned(eager, CATALOG, blocked_list(TIKTOK))
    assert {app["hidden"] for app in check_in(eager, device)["apps"] if app["id"] == TIKTOK} == {True}
    [app] = [app for app in truth_of(sim, device["id"])["apps"] if app["id"] == TIKTOK]
    assert (app["name"], app["listed_as"], app["launchable"]) == ("TikTok", name, False)


def test_a_name_is_spelt_otherwise_from_the_next_inventory_on(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "windows_corporate", app=None, ownership="company")
    sim.devices([{"op": "remove", "device": device["id"], "app": "tiktok"}])
    orders = [{"op": "install", "app": "tiktok"}, {"op": "list_as", "app": "tiktok", "name": "\u200bTikTok"}, {"op": "inventory"}]
    sim.devices([{**order, "device": device["id"]} for order in orders])
    names = [row["displayName"] for row in eager.get(f"{DEVICES}/{device['id']}/detectedApps").body["value"]]
    assert "\u200bTikTok" in names
    assert "BytedancePte.Ltd.TikTok" not in names
    [refused] = sim.devices([{"op": "list_as", "device": device["id"], "app": "no such app", "name": None}])
    assert refused["refused"][0]["reason"] == "not installed"


def test_one_device_is_found_by_any_of_its_names(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "ios_supervised")
    for field, value in (("azureADDeviceId", device["azure_id"]), ("serialNumber", device["serial"]), ("id", device["id"])):
        rows = eager.get(f"{DEVICES}?$filter={field} eq '{value}'&$select=id").body["value"]
        assert [row["id"] for row in rows] == [device["id"]], field
        assert eager.get(f"{DEVICES}?$filter={field} eq 'nobody'").body["value"] == []
    with_apps = eager.get(f"{DEVICES}/{device['id']}?$expand=detectedApps").body["detectedApps"]
    assert with_apps == eager.get(f"{DEVICES}/{device['id']}/detectedApps").body["value"]
    assert eager.get(f"/v1.0/deviceManagement/managedDevices/{device['id']}/detectedApps").status == 400
    assert eager.get(f"{DEVICES}?$expand=detectedApps").status == 400
    assert eager.get(f"{DEVICES}/nobody").status == 404


def test_a_filter_on_devices_may_be_ignored_or_refused(sim: Simulation, eager: Graph) -> None:
    path = f"{DEVICES}?$filter=id eq 'nobody'&$select=id"
    sim.objects({"settings": {"managed_devices_filter": "ignored"}})
    assert len(eager.get(path).body["value"]) == 120
    sim.objects({"settings": {"managed_devices_filter": "refused"}})
    assert eager.get(path).status == 400


def test_the_truth_knows_what_has_arrived_and_what_is_pending(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "ios_supervised")
    key = device["id"]
    before = truth_of(sim, key)
    policy = assigned(eager, CATALOG, blocked_list(TIKTOK))
    waiting = truth_of(sim, key)
    assert waiting["pending"] == sorted(
        [*before["pending"], {"id": policy, "name": "BAN ios", "change": "apply"}], key=lambda change: (change["change"], change["id"])
    )
    assert waiting["controls"] == []
    check_in(eager, device)
    arrived = truth_of(sim, key)
    assert arrived["pending"] == []
    assert {"id": policy, "name": "BAN ios", "in_force": True} in arrived["controls"]
    assert {app["launchable"] for app in arrived["apps"] if app["id"] == TIKTOK} == {False}
    assert {app["launchable"] for app in arrived["apps"] if app["id"] != TIKTOK} == {True}
    eager.patch(f"{CATALOG}/{policy}", {"description": "another"})
    assert truth_of(sim, key)["pending"] == [{"id": policy, "name": "BAN ios", "change": "update"}]
    eager.delete(f"{CATALOG}/{policy}")
    # Done is not arrived: the device is blocked until it hears of it, and the truth still has the name.
    gone = truth_of(sim, key)
    assert gone["pending"] == [{"id": policy, "name": "BAN ios", "change": "release"}]
    assert {app["launchable"] for app in gone["apps"] if app["id"] == TIKTOK} == {False}
    check_in(eager, device)
    assert {app["launchable"] for app in truth_of(sim, key)["apps"]} == {True}


def test_the_truth_does_not_move_by_looking(sim: Simulation, eager: Graph) -> None:
    assigned(eager, COMPLIANCE, compliance(TIKTOK))
    before = sim.state()
    assert sim.truth() == sim.truth()
    assert sim.state() == before


def test_nothing_is_pending_where_nothing_gets_through(sim: Simulation, eager: Graph) -> None:
    device = device_of(sim, "ios_supervised")
    assigned(eager, CATALOG, blocked_list(TIKTOK))
    sim.devices([{"op": "patch", "device": device["id"], "set": {"managementAgent": "msSense"}}])
    true = truth_of(sim, device["id"])
    assert (true["agent"], true["lets_through"], true["pending"]) == ("msSense", [], [])
