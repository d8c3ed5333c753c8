# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calgary's and Alberta's rules in a simulated Intune tenant: removal and block are two results, and every platform gets an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.intune.tenant import lifted, plain
from tests.support.intune.tenant_devices import (
    TIKTOK,
    assets_csv,
    bans,
    can_open_tiktok,
    change,
    contact,
    device_of,
    devices_of,
    exemption,
    has_tiktok,
    install_tiktok,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    rows_of,
    written,
)

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"

pytestmark = [pytest.mark.usefixtures("graph_contract", "no_waiting"), pytest.mark.long]

IOS_APP = {
    "@odata.type": "#microsoft.graph.iosStoreApp", "displayName": "TikTok", "publisher": "TikTok Pte. Ltd.", "bundleId": TIKTOK,
    "appStoreUrl": "https://apps.apple.com/app/id835599320", "applicableDeviceType": {"iPad": True, "iPhoneAndIPod": True},
    "minimumSupportedOperatingSystem": {"v13_0": True},
}  # fmt: skip


def test_C1_C2_removal_and_block_are_two_results(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.objects({"plant": {"path": "deviceAppManagement/mobileApps", "body": IOS_APP}})
        managed, own, clean = registered(city, kind="ios_supervised", ownership="company")[:3]
        loose, loose_managed = registered(city, kind="ios_corporate", ownership="company")[:2]
        city.simulation.devices([{"op": "remove", "device": "all", "app": "tiktok"}])
        install_tiktok(city, own["id"], loose["id"])
        city.simulation.devices(
            [{"op": "install", "device": each["id"], "app": "tiktok", "managed": True} for each in (managed, loose_managed)]
        )
        contact(city, NOW)
        city.run(plain("calgary"), NOW)
        contact(city, LATER)
        second = city.run(plain("calgary"), LATER)
        assert not has_tiktok(device_of(city, managed["id"]))
        assert outcomes(second, [managed]) == {("removed", "")}
        # What a person installed stays, hidden: never "removed".
        assert has_tiktok(device_of(city, own["id"]))
        assert not can_open_tiktok(device_of(city, own["id"]))
        assert {row["outcome"] for row in rows_of(second, [own])} <= {"blocked_not_removed", "removal_requested"}
        assert outcomes(second, [clean]) == {("compliant", "")}
        # Removed, and nothing keeps it away: not where the policy wants it.
        assert not has_tiktok(device_of(city, loose_managed["id"]))
        assert outcomes(second, [loose_managed]) == {("cannot_enforce", "unsupervised")}
        assert can_open_tiktok(device_of(city, loose["id"]))
        assert {row["outcome"] for row in rows_of(second, [loose])} <= {"cannot_enforce", "removal_requested"}
        # In the end nothing is waited for any more.
        much_later = "2023-04-20T09:00:00Z"
        contact(city, much_later)
        last = city.run(plain("calgary"), much_later)
        assert outcomes(last, [own]) == {("blocked_not_removed", "user_installed")}
        assert {row["outcome"] for row in rows_of(last, [loose])} == {"cannot_enforce"}


def test_C3_the_site_is_blocked_in_browsers_of_other_city_devices(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("calgary"), NOW)
        contact(city, LATER)
        second = city.run(plain("calgary"), LATER)
        for kind in ("windows_corporate", "mac_corporate"):
            for device in devices_of(city, kind=kind, ownership="company", online=True):
                assert {"tiktok.com", "tiktokv.com"} <= set(device["blocked_domains"])
        for device in devices_of(city, ownership="personal"):
            assert device["blocked_domains"] == []
        # The iPhones' rule doesn't ask for it, and on Android nobody can.
        assert devices_of(city, kind="ios_supervised", ownership="company")[0]["blocked_domains"] == []
        android = registered(city, kind="android_fully_managed", ownership="company")
        assert outcomes(second, [device for device in android if not has_tiktok(device)]) == {("cannot_enforce", "no_backend")}
        assert "compliant" not in {row["outcome"] for row in rows_of(second, android)}
        assert [has_tiktok(device_of(city, device["id"])) for device in android] == [has_tiktok(device) for device in android]
        city.run(lifted(plain("calgary")), LATER)
        contact(city, NEXT_DAY)
        assert [device["blocked_domains"] for device in city.state()["devices"] if device["blocked_domains"] and device["online"]] == []


def test_C3_defender_blocks_the_site_only_where_it_is_told_to(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        start = city.state()["objects"]
        policy = written(
            tmp_path, "calgary", **{"  from: 2023-03-01T00:00:00": "  from: 2023-03-01T00:00:00\n  until: P6M\n  on_expiry: lift"}
        )
        refused = city.run(policy, NOW, web_block="defender", expect_failure=True)
        assert "reach every onboarded device" in refused.message
        assert refused.writes() == []
        assert city.state()["objects"] == start
        where = {"web_block": "defender", "defender_device_groups": ["City laptops"]}
        run = city.run(policy, NOW, **where)
        scopes = [entry["body"]["scope"] for entry in run.exchanges if "/oauth2/" in entry["path"]]
        assert len(set(scopes)) == 2
        tokens = {entry["headers"]["Authorization"] for entry in run.exchanges if "/defender/" in entry["path"]}
        assert tokens.isdisjoint({entry["headers"]["Authorization"] for entry in run.exchanges if "/graph/" in entry["path"]})
        made = city.state()["objects"]["indicators"]
        assert {"tiktok.com", "tiktokv.com"} <= {each["indicatorValue"] for each in made}
        assert {(each["action"], tuple(each["rbacGroupNames"])) for each in made} == {("Block", ("City laptops",))}
        # Six months from 1 March, 00:00 in Calgary, where summer time is in force by then.
        assert {str(each["expirationTime"])[:19] for each in made} == {"2023-09-01T06:00:00"}
        windows = registered(city, kind="windows_corporate", ownership="company")
        # One place blocks the site, not two.
        assert not any("URL blocklist" in name for name in bans(city).values())
        assert city.run(policy, NOW, **where).writes() == []
        assert rows_of(run, windows)
        city.run(lifted(policy), LATER, **where)
        assert city.state()["objects"] == start


def test_C6_the_councillors_own_phone_stays_untouched_and_the_citys_is_checked(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        work, private = registered(city, kind="ios_supervised", ownership="company")[0], registered(city, kind="ios_personal")[0]
        change(city, private["id"], user=work["user"])
        install_tiktok(city, work["id"], private["id"])
        contact(city, NOW)
        before = device_of(city, private["id"])
        run = city.run(plain("calgary"), NOW)
        contact(city, LATER)
        assert device_of(city, private["id"]) == before
        assert outcomes(run, [private]) == {("out_of_scope", "")}
        assert "BAN calgary iOS blocked apps" in reached(city)[work["id"]]
        assert not can_open_tiktok(device_of(city, work["id"]))


def test_A1_every_platform_is_covered_or_says_that_nothing_reaches_it(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW, devices=120) as city:
        install_tiktok(city, *(device["id"] for device in devices_of(city, kind="mac_corporate")))
        contact(city, NOW)
        city.run(plain("alberta"), NOW)
        contact(city, LATER)
        second = city.run(plain("alberta"), LATER)
        seen = set()
        for device in devices_of(city, ownership="company", online=True):
            [row] = rows_of(second, [device])
            seen.add(device["platform"])
            assert row["verdict"] == "enforce"
            unreached = not reached(city)[device["id"]] - {name for name in reached(city)[device["id"]] if "report" in name}
            if unreached:
                assert (row["outcome"], row["reason"]) in {
                    ("cannot_enforce", "no_backend"),
                    ("cannot_enforce", "unsupervised"),
                    ("cannot_enforce", "user_installed"),
                    ("not_observable", "no_backend"),
                }, (device["kind"], row["outcome"], row["reason"])
            if has_tiktok(device) and device["kind"] != "android_cope":
                assert row["outcome"] != "compliant"
        assert seen == {"ios", "android", "windows", "macos"}
        assert {row["reason"] for row in rows_of(second, devices_of(city, kind="mac_corporate", ownership="company"))} == {"no_backend"}


def test_A2_the_message_is_sent_before_anything_is_removed(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="android_fully_managed", ownership="company")[0]
        install_tiktok(city, phone["id"])
        contact(city, NOW)
        run = city.run(plain("alberta"), NOW)
        paths = [entry["path"] for entry in run.writes()]
        notices = [number for number, path in enumerate(paths) if path.endswith("sendCustomNotificationToCompanyPortal")]
        removals = [number for number, path in enumerate(paths) if path.endswith(("/assignments", "/assign"))]
        assert notices
        assert removals
        assert max(notices) < min(removals)
        assert len(device_of(city, phone["id"])["notifications"]) == 1
        contact(city, LATER)
        assert not has_tiktok(device_of(city, phone["id"]))
        assert city.run(plain("alberta"), LATER).writes() == []


def test_an_exempt_device_of_alberta_is_neither_told_nor_touched(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="android_fully_managed", ownership="company")[0]
        install_tiktok(city, phone["id"])
        contact(city, NOW)
        before = device_of(city, phone["id"])
        policy = written(tmp_path, "alberta", exemption(devices=[phone["serial"]], category=None))
        city.run(policy, NOW, assets=assets_csv(tmp_path, {phone["serial"]: {"department": "Police"}}))
        contact(city, LATER)
        assert device_of(city, phone["id"]) == before
