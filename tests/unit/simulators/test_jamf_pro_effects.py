# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of devices at their next check-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.jamf_pro.jamf_pro_client import (
    EVERYBODY,
    PROFILES,
    RESTRICTED,
    TIKTOK,
    Jamf,
    block,
    cdata,
    payload_text,
    profile_xml,
    tenant,
    web,
)


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def ban(*payloads: dict[str, Any], name: str = "Ban", scope: str = EVERYBODY, general: str = "") -> str:
    return profile_xml(name, cdata(payload_text(*payloads)), scope, general)


def tiktok_of(device: dict[str, Any]) -> dict[str, Any]:
    app: dict[str, Any] = next(app for app in device["apps"] if app["id"] == TIKTOK)
    return app


def test_a_block_hides_on_supervised_devices_only_and_leaves_the_app_in_the_inventory(jamf: Jamf) -> None:
    jamf.make(PROFILES, ban(block(TIKTOK, "com.apple.Preferences")))
    jamf.sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    hidden = jamf.device("iphone_supervised", os_version="16.3")
    assert not tiktok_of(hidden)["hidden"]
    jamf.sim.clock(advance=86400, check_in=True)
    now = jamf.again(hidden)
    assert (tiktok_of(now)["hidden"], tiktok_of(now)["installed"], TIKTOK in now["reported_apps"]) == (True, True, True)
    assert not any(app["hidden"] for app in now["apps"] if app["id"] == "com.apple.Preferences")
    assert jamf.sim.devices([{"op": "launch", "device": now["key"], "app": "tiktok"}])[0]["refused"][0]["reason"].startswith("hidden")
    for kind in ("iphone_unsupervised", "iphone_personal", "iphone_user_enrollment", "mac_supervised"):
        assert not tiktok_of(jamf.again(jamf.device(kind)))["hidden"], kind
    assert tiktok_of(jamf.device("apple_tv"))["hidden"]
    offline = next(item for item in jamf.sim.state()["devices"] if not item["online"] and item["supervised"])
    assert offline["profiles"] == []


def test_old_systems_know_the_old_key_only(jamf: Jamf) -> None:
    old = jamf.device("iphone_supervised", os_version="14.8")
    jamf.sim.devices([{"op": "install", "device": old["key"], "app": "tiktok"}])
    number = jamf.make(PROFILES, ban(block(TIKTOK)))
    jamf.sim.clock(check_in=True)
    assert not tiktok_of(jamf.again(old))["hidden"]
    both = ban(block(TIKTOK, blacklistedAppBundleIDs=[TIKTOK]), general="<redeploy_on_update>All</redeploy_on_update>")
    jamf.put(PROFILES, number, both)
    jamf.sim.clock(check_in=True)
    assert tiktok_of(jamf.again(old))["hidden"]


def test_user_enrollment_refuses_a_profile_with_a_forbidden_key(jamf: Jamf) -> None:
    number = jamf.make(PROFILES, ban(block(TIKTOK)))
    jamf.sim.clock(check_in=True)
    device = jamf.device("iphone_user_enrollment")
    assert (device["failed_profiles"], device["profiles"]) == ([f"mobiledeviceconfigurationprofiles/{number}"], [])
    assert jamf.get("/api/v2/mdm/commands?filter=status==ERROR").json["totalCount"] > 0
    assert jamf.device("iphone_personal")["profiles"] == ["Ban"]


def test_the_web_filter_needs_supervision_and_spoils_the_profile_elsewhere(jamf: Jamf) -> None:
    jamf.make(PROFILES, ban(block(TIKTOK), web("https://tiktok.com", "https://www.tiktok.com")))
    jamf.make(PROFILES, ban(web(*[f"https://{n}.example" for n in range(501)]), name="Too many"))
    jamf.sim.clock(check_in=True)
    assert jamf.device("iphone_supervised")["denied_urls"] == ["https://tiktok.com", "https://www.tiktok.com"]
    assert jamf.device("iphone_unsupervised")["profiles"] == []
    assert not jamf.device("iphone_supervised")["conflicts"]
    jamf.make(PROFILES, ban(web("https://douyin.com"), name="Another"))
    jamf.sim.clock(check_in=True)
    assert jamf.device("iphone_supervised")["conflicts"]


def test_a_changed_payload_reaches_devices_only_by_redeployment_to_all(jamf: Jamf) -> None:
    jamf.sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    number = jamf.make(PROFILES, ban(block(TIKTOK)))
    jamf.sim.clock(check_in=True)
    device = jamf.device("iphone_supervised", os_version="16.3")
    profile = jamf.plist(number)
    profile["PayloadContent"][0]["blockedAppBundleIDs"] = []
    for general, hidden in (("", True), ("<redeploy_on_update>All</redeploy_on_update>", False)):
        text = payload_text(**profile)
        assert jamf.put(PROFILES, number, profile_xml("Ban", cdata(text), general=general)).status == 201
        jamf.sim.clock(check_in=True)
        assert tiktok_of(jamf.again(device))["hidden"] is hidden
    assert len(jamf.again(device)["profiles"]) == 1


def test_an_identity_of_ones_own_leaves_a_ghost(jamf: Jamf) -> None:
    jamf.sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    number = jamf.make(PROFILES, ban(block(TIKTOK)))
    jamf.sim.clock(check_in=True)
    jamf.put(PROFILES, number, ban(block("com.x"), general="<redeploy_on_update>All</redeploy_on_update>"))
    jamf.sim.clock(check_in=True)
    device = jamf.device("iphone_supervised", os_version="16.3")
    assert device["profiles"] == ["Ban", "Ban"]
    assert jamf.call("DELETE", f"{PROFILES}/id/{number}").status == 200
    jamf.sim.clock(check_in=True)
    assert (jamf.again(device)["profiles"], tiktok_of(jamf.again(device))["hidden"]) == (["Ban"], True)


def test_lifting_shows_the_app_again_and_exclusions_spare_devices(jamf: Jamf) -> None:
    device = jamf.device("iphone_supervised", os_version="16.3")
    jamf.sim.devices([{"op": "install", "device": device["key"], "app": "tiktok"}])
    group = jamf.sim.objects({"group": {"name": "Exempt", "members": [device["key"]]}})[0]["group"]
    entry = f"<mobile_device_groups><mobile_device_group><id>{group}</id></mobile_device_group></mobile_device_groups>"
    scope = f"<scope><all_mobile_devices>true</all_mobile_devices><exclusions>{entry}</exclusions></scope>"
    number = jamf.make(PROFILES, ban(block(TIKTOK), scope=scope))
    jamf.sim.clock(check_in=True)
    assert not tiktok_of(jamf.again(device))["hidden"]
    emptied = "<scope><exclusions><mobile_device_groups/></exclusions></scope>"
    jamf.put(PROFILES, number, f"<configuration_profile>{emptied}</configuration_profile>")
    jamf.sim.clock(check_in=True)
    assert tiktok_of(jamf.again(device))["hidden"]
    jamf.call("DELETE", f"{PROFILES}/id/{number}")
    jamf.sim.clock(check_in=True)
    assert (tiktok_of(jamf.again(device))["hidden"], jamf.again(device)["profiles"]) == (False, [])


def restricted(delete: bool) -> str:
    flags = f"<match_exact_process_name>true</match_exact_process_name><delete_executable>{str(delete).lower()}</delete_executable>"
    general = f"<name>[ansible] TikTok</name><process_name>TikTok</process_name><kill_process>true</kill_process>{flags}"
    scope = "<scope><all_computers>true</all_computers></scope>"
    return f"<restricted_software><general>{general}</general>{scope}</restricted_software>"


def test_restricted_software_acts_when_the_app_is_opened_and_by_process_name(jamf: Jamf) -> None:
    jamf.sim.devices([{"op": "install", "device": "all", "app": "tiktok"}])
    number = jamf.make(RESTRICTED, restricted(delete=False))
    jamf.sim.clock(check_in=True)
    mac, bare = jamf.device("mac_supervised", agent=True), jamf.device("mac_supervised", agent=False)
    assert (tiktok_of(mac)["launch_blocked"], tiktok_of(bare)["launch_blocked"]) == (True, False)

    def launch() -> list[str]:
        return [item["reason"] for item in jamf.sim.devices([{"op": "launch", "device": mac["key"], "app": "tiktok"}])[0]["refused"]]

    assert launch() == ["killed by restricted software"]
    jamf.sim.devices([{"op": "rename_app", "device": mac["key"], "app": "tiktok", "file": "Clock.app"}])
    assert launch() == []
    jamf.sim.devices([{"op": "rename_app", "device": mac["key"], "app": "tiktok", "file": "TikTok.app"}])
    jamf.put(RESTRICTED, number, restricted(delete=True))
    jamf.sim.clock(check_in=True)
    assert tiktok_of(jamf.again(mac))["installed"]
    assert launch() == ["deleted by restricted software"]
    assert launch() == ["not installed"]


def test_an_app_record_takes_over_and_takes_away_or_installs_where_nothing_was(jamf: Jamf) -> None:
    general = f"<name>TikTok</name><bundle_id>{TIKTOK}</bundle_id><take_over_management>true</take_over_management>"
    body = f"<mobile_device_application><general>{general}<deploy_as_managed_app>true</deploy_as_managed_app></general>{EVERYBODY}"
    with_app = jamf.device("iphone_supervised", os_version="16.3")
    jamf.sim.devices([{"op": "install", "device": with_app["key"], "app": "tiktok"}, {"op": "remove", "device": "m2", "app": "tiktok"}])
    number = jamf.make("/JSSResource/mobiledeviceapplications", body + "</mobile_device_application>")
    jamf.sim.clock(check_in=True)
    assert tiktok_of(jamf.again(with_app))["managed"]
    without = [item for item in jamf.sim.state()["devices"] if item["platform"] == "ios" and item["online"] and item["managed"]]
    assert all(tiktok_of(item) for item in without)
    jamf.call("DELETE", f"/JSSResource/mobiledeviceapplications/id/{number}")
    jamf.sim.clock(check_in=True)
    assert TIKTOK not in [app["id"] for app in jamf.again(with_app)["apps"]]
