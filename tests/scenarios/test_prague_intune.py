# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prague's rules in a simulated Intune tenant: private devices get a word and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.intune.tenant import lifted, plain
from tests.support.intune.tenant_devices import (
    TIKTOK,
    assets_csv,
    bans,
    contact,
    device_of,
    has_tiktok,
    install_tiktok,
    mentions,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    rows_of,
)

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
LIABILITY = "An attack through a private device can have legal consequences for its owner."

pytestmark = pytest.mark.usefixtures("graph_contract", "no_waiting")


def test_P3_P4_P5_private_devices_are_only_told_and_only_those_with_access(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phones = registered(city, kind="ios_personal")
        told, spared, unknown = phones[:3]
        android = registered(city, kind="android_work_profile")[0]
        install_tiktok(city, told["id"], spared["id"], unknown["id"])
        contact(city, NOW)
        before = {device["id"]: device for device in city.state()["devices"]}
        facts = {each["serial"]: {"accesses_city_systems": "false"} for each in city.state()["devices"] if each["serial"]}
        facts.update({told["serial"]: {"accesses_city_systems": "true"}, android["serial"]: {"accesses_city_systems": "true"}})
        facts[unknown["serial"]] = {"accesses_city_systems": None}
        assets = assets_csv(tmp_path, facts)
        notice = {"title": "Please remove {apps}", "body": "{authority} asks you to remove {apps}.", "addition": LIABILITY}
        check = city.run(plain("prague"), NOW, assets=assets, notice=notice, check=True)
        assert [change.split()[:2] for change in check.changes()] == [["command", "notice"]]
        run = city.run(plain("prague"), NOW, assets=assets, notice=notice)
        # The only writes of the whole run are the two notices.
        assert sorted(entry["path"] for entry in run.writes()) == sorted(
            f"/deviceManagement/managedDevices/{each['id']}/sendCustomNotificationToCompanyPortal" for each in (told, android)
        )
        assert bans(city) == {}
        contact(city, LATER)
        for device in (told, android):
            after = dict(device_of(city, device["id"]))
            [sent] = after.pop("notifications")
            assert LIABILITY in sent["body"]
            assert "Prague City Hall" in sent["body"]
            assert after == {name: value for name, value in before[device["id"]].items() if name != "notifications"}
        assert {row["outcome"] for row in rows_of(run, [told, android])} <= {"advised", "not_observable"}
        assert outcomes(run, [spared]) == {("out_of_scope", "")}
        assert outcomes(run, [unknown]) == {("unclassified", "")}
        assert mentions(run, spared, unknown) == []
        assert rows_of(run, [unknown])[0]["explanation"]
        assert "accesses_city_systems" in json.dumps(rows_of(run, [unknown]))
        # Once a stage: nobody is told twice.
        assert city.run(plain("prague"), NEXT_DAY, assets=assets, notice=notice).writes() == []


IOS_APP = {
    "@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "publisher": "TikTok Pte. Ltd.", "bundleId": TIKTOK,
    "appStoreUrl": "https://apps.apple.com/app/id835599320", "applicableDeviceType": {"iPad": True, "iPhoneAndIPod": True},
    "minimumSupportedOperatingSystem": {"v13_0": True},
}  # fmt: skip


def test_P1_P2_work_phones_are_cleaned_and_a_return_is_a_recurrence(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone, other = registered(city, kind="ios_supervised", ownership="company")[:2]
        android = registered(city, kind="android_fully_managed", ownership="company")[0]
        laptop = registered(city, kind="windows_corporate", ownership="company")[0]

        city.simulation.objects({"plant": {"path": "deviceAppManagement/mobileApps", "body": IOS_APP}})

        def install(*devices: str) -> None:
            city.simulation.devices([{"op": "install", "device": each, "app": "tiktok", "managed": True} for each in devices])

        city.simulation.devices([{"op": "remove", "device": "all", "app": "tiktok"}])
        install(phone["id"], other["id"])
        install_tiktok(city, android["id"], laptop["id"])
        contact(city, NOW)
        assets = assets_csv(tmp_path, {each["serial"]: {"accesses_city_systems": "true"} for each in (phone, other, android, laptop)})
        first = city.run(plain("prague"), NOW, assets=assets)
        assert outcomes(first, [phone, other, android]) == {("removal_requested", "")}
        assert outcomes(first, [laptop]) == {("out_of_scope", "")}
        contact(city, LATER)
        second = city.run(plain("prague"), LATER, assets=assets)
        assert outcomes(second, [phone, other]) == {("removed", "")}
        # The list of a fully managed Android may leave out apps: nobody can see that one is gone.
        assert outcomes(second, [android]) == {("not_observable", "inventory_incomplete")}
        assert (second.writes(), has_tiktok(device_of(city, laptop["id"]))) == ([], True)
        # Somebody finds a way to have it again.
        install(phone["id"])
        city.simulation.devices([{"op": "inventory", "device": phone["id"]}])
        third = city.run(plain("prague"), NEXT_DAY, assets=assets)
        assert outcomes(third, [phone]) == {("removal_requested", "recurrence")}
        contact(city, "2023-03-22T09:00:00Z")
        last = city.run(plain("prague"), "2023-03-22T09:00:00Z", assets=assets)
        assert outcomes(last, [phone]) == {("recurred", "")}
        assert outcomes(last, [other]) == {("compliant", "")}


def test_P7_both_policies_together_demand_the_union_and_are_lifted_one_by_one(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        start = city.state()
        both, city_only, private = (
            *registered(city, kind="ios_supervised", ownership="company")[:2],
            registered(city, kind="ios_personal")[0],
        )
        facts = {
            each["serial"]: {"accesses_city_systems": "false", "critical_infrastructure": "false"}
            for each in city.state()["devices"]
            if each["serial"]
        }
        facts[both["serial"]] = {"accesses_city_systems": "true", "critical_infrastructure": "true"}
        facts[city_only["serial"]] = {"accesses_city_systems": "true", "critical_infrastructure": "false"}
        facts[private["serial"]] = {"accesses_city_systems": "true", "critical_infrastructure": "true"}
        assets = assets_csv(tmp_path, facts)
        policies = [plain("prague"), plain("prague-nukib")]
        run = city.run(policies, NOW, assets=assets)
        contact(city, LATER)
        assert city.run(policies, LATER, assets=assets).writes() == []
        assert any("blocked apps" in name for name in reached(city)[both["id"]])
        assert any("web filter" in name for name in reached(city)[both["id"]])
        assert not any("blocked apps" in name or "web filter" in name for name in reached(city)[city_only["id"]])
        assert {name for name in reached(city)[private["id"]] if "compliance" not in name and "report" not in name} == set()
        row = rows_of(run, [both])[0]
        assert set(row["policies"]) == {"prague", "prague-nukib"}
        assert {"remove", "block", "block_web"} <= set(row["actions"])
        assert rows_of(run, [city_only])[0]["actions"] == ["remove"]
        # NÚKIB's warning ends: what only it asked for goes.
        city.run([plain("prague"), lifted(plain("prague-nukib"))], LATER, assets=assets)
        contact(city, NEXT_DAY)
        assert not any("blocked apps" in name or "web filter" in name for name in reached(city)[both["id"]])
        city.run([lifted(policy) for policy in policies], NEXT_DAY, assets=assets)
        assert city.state()["objects"] == start["objects"]
