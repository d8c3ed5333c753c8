# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device does what a device would: refuses what it may not do, hides what is denied, and shows it again."""

from __future__ import annotations

import base64
import plistlib
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.declaration_rules import ACTIVATION, APP_SETTINGS, LEGACY
from tests.support.nanomdm.device_facts import App, DeviceFacts
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import OTHERS, TIKTOK, all_at_once, make_fleet
from tests.support.nanomdm.profile_host import ProfileHost

BAN = "org.example.ban"
DENIES = {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": [TIKTOK.identifier]}
FILTER = {"PayloadType": "com.apple.webcontent-filter", "FilterType": "BuiltIn", "DenyListURLs": ["https://www.tiktok.com"]}


def profile(*payloads: dict[str, Any], identifier: str = BAN, number: int = 1) -> bytes:
    content = [
        {"PayloadIdentifier": f"{identifier}.{place}", "PayloadUUID": f"{number}-{place}", "PayloadVersion": 1, **payload}
        for place, payload in enumerate(payloads)
    ]
    top = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": identifier, "PayloadUUID": str(number)}
    return plistlib.dumps({**top, "PayloadContent": content})


def enrolled(api: NanoApi, **facts: Any) -> FakeDevice:
    device = api.servers.device(apps=[TIKTOK, *OTHERS], **facts)
    device.enrol()
    return device


def send(api: NanoApi, device: FakeDevice, request_type: str, **command: Any) -> tuple[str, dict[str, Any]]:
    """Queue one command, let the device connect, and return the status with what it reported."""
    sent = api.enqueue([device.id], request_type, **command)
    assert sent.status == 200
    device.connect()
    report = api.servers.webhook.wait_for_results(sent.command_uuid)[-1]["acknowledge_event"]
    return report["status"], plistlib.loads(base64.b64decode(report["raw_payload"]))


def install(api: NanoApi, device: FakeDevice, content: bytes) -> str:
    return send(api, device, "InstallProfile", Payload=content)[0]


def test_a_denied_app_is_hidden_and_stays_installed(api: NanoApi) -> None:
    device = enrolled(api)
    assert install(api, device, profile(DENIES)) == "Acknowledged"
    assert (device.visible_apps(), device.can_open(TIKTOK.identifier)) == (["org.example.mail", "org.example.notes"], False)
    assert device.is_installed(TIKTOK.identifier)
    status, report = send(api, device, "InstalledApplicationList", Identifiers=[TIKTOK.identifier], Items=["Identifier", "Version"])
    assert (status, report["InstalledApplicationList"]) == ("Acknowledged", [{"Identifier": TIKTOK.identifier, "Version": TIKTOK.version}])
    assert send(api, device, "RemoveProfile", Identifier=BAN)[0] == "Acknowledged"
    assert device.can_open(TIKTOK.identifier)


def test_a_profile_with_the_same_identifier_replaces_the_other(api: NanoApi) -> None:
    device = enrolled(api)
    install(api, device, profile(DENIES))
    install(api, device, profile({**DENIES, "blockedAppBundleIDs": ["org.example.notes"]}, number=2))
    assert list(device.profiles) == [BAN]
    assert (device.can_open(TIKTOK.identifier), device.can_open("org.example.notes")) == (True, False)
    listed = send(api, device, "ProfileList")[1]["ProfileList"]
    assert [(row["PayloadIdentifier"], row["PayloadUUID"]) for row in listed] == [(BAN, "2")]


def test_lists_of_several_profiles_add_up(api: NanoApi) -> None:
    device = enrolled(api)
    install(api, device, profile(DENIES))
    install(api, device, profile({**DENIES, "blockedAppBundleIDs": ["org.example.notes"]}, identifier="org.example.other"))
    assert device.visible_apps() == ["org.example.mail"]


@pytest.mark.parametrize(
    ("key", "version", "denied"),
    [
        ("blockedAppBundleIDs", "14.8", False),
        ("blockedAppBundleIDs", "15.0", True),
        ("blockedAppBundleIDs", "27.0", True),
        ("blacklistedAppBundleIDs", "14.8", True),
    ],
)
def test_the_key_has_to_be_one_that_the_system_knows(api: NanoApi, key: str, version: str, denied: bool) -> None:
    device = enrolled(api, os_version=version)
    install(api, device, profile({"PayloadType": "com.apple.applicationaccess", key: [TIKTOK.identifier]}))
    assert device.can_open(TIKTOK.identifier) is not denied


def test_restrictions_do_nothing_without_supervision(api: NanoApi) -> None:
    device = enrolled(api, supervised=False)
    assert install(api, device, profile(DENIES)) == "Acknowledged"
    assert device.can_open(TIKTOK.identifier)


@pytest.mark.parametrize(
    ("facts", "payload", "text"),
    [
        ({"supervised": False}, FILTER, "supervised"),
        ({"supervised": False, "enrollment": "user"}, DENIES, "User Enrollment"),
        ({"platform": "Mac"}, FILTER, "macOS"),
    ],
    ids=["web filter unsupervised", "restriction in User Enrollment", "web filter on a Mac"],
)
def test_a_device_refuses_a_profile_that_it_can_not_have(api: NanoApi, facts: dict[str, Any], payload: dict[str, Any], text: str) -> None:
    device = enrolled(api, **facts)
    status, report = send(api, device, "InstallProfile", Payload=profile({"PayloadType": "org.example.fine"}, payload))
    assert (status, device.profiles) == ("Error", {})
    (error,) = report["ErrorChain"]
    assert (error["ErrorDomain"], error["ErrorCode"]) == ("MCInstallationErrorDomain", 4001)
    assert text in error["LocalizedDescription"]


@pytest.mark.parametrize("content", [b"", b"<plist", plistlib.dumps({"PayloadType": "Other"}), profile({})])
def test_a_device_refuses_what_is_no_profile(api: NanoApi, content: bytes) -> None:
    device = enrolled(api)
    assert install(api, device, content) == "Error"
    assert device.profiles == {}


def test_a_web_filter_denies_what_begins_with_its_urls(api: NanoApi) -> None:
    device = enrolled(api)
    install(api, device, profile(FILTER))
    assert device.blocked_sites() == ["https://www.tiktok.com"]
    assert (device.can_visit("https://www.tiktok.com/@somebody"), device.can_visit("https://tiktok.com")) == (False, True)


def test_only_managed_apps_are_removed(api: NanoApi) -> None:
    device = enrolled(api)
    assert send(api, device, "RemoveApplication", Identifier=TIKTOK.identifier)[0] == "Error"
    assert device.is_installed(TIKTOK.identifier)
    assert send(api, device, "RemoveApplication", Identifier="org.example.mail")[0] == "Acknowledged"
    assert not device.is_installed("org.example.mail")


def test_user_enrollment_shows_neither_private_apps_nor_the_device(api: NanoApi) -> None:
    device = enrolled(api, supervised=False, enrollment="user")
    listed = send(api, device, "InstalledApplicationList")[1]
    assert [row["Identifier"] for row in listed["InstalledApplicationList"]] == ["org.example.mail"]
    answers = send(api, device, "DeviceInformation", Queries=["UDID", "SerialNumber", "IsSupervised"])[1]["QueryResponses"]
    assert answers == {"IsSupervised": False}
    assert "UDID" not in listed
    event = api.servers.webhook.events("mdm.Authenticate")[0]["checkin_event"]
    assert event["ids"] == {"id": device.id, "type": "User Enrollment (Device)"}


def test_managed_apps_are_listed(api: NanoApi) -> None:
    device = enrolled(api)
    listed = send(api, device, "ManagedApplicationList")[1]["ManagedApplicationList"]
    assert {identifier: row["Status"] for identifier, row in listed.items()} == {"org.example.mail": "Managed"}
    rows = send(api, device, "InstalledApplicationList", ManagedAppsOnly=True)[1]["InstalledApplicationList"]
    assert [row["Identifier"] for row in rows] == ["org.example.mail"]


def test_an_unknown_command_is_an_error(api: NanoApi) -> None:
    assert send(api, enrolled(api), "NoSuchCommand")[0] == "Error"


def test_what_the_user_does_is_seen(api: NanoApi) -> None:
    device = enrolled(api)
    device.delete_app(TIKTOK.identifier)
    assert not device.is_installed(TIKTOK.identifier)
    install(api, device, profile(DENIES))
    device.install_app(TIKTOK)
    assert (device.is_installed(TIKTOK.identifier), device.can_open(TIKTOK.identifier)) == (True, False)


def test_checking_out_and_enrolling_again_take_management_away(api: NanoApi) -> None:
    device = enrolled(api)
    install(api, device, profile(DENIES))
    device.check_out()
    assert (device.profiles, device.can_open(TIKTOK.identifier)) == ({}, True)
    device.enrol()
    install(api, device, profile(DENIES))
    device.enrol()
    assert (device.profiles, device.can_open(TIKTOK.identifier)) == ({}, True)


def test_a_legacy_declaration_installs_its_profile_and_takes_it_away(api: NanoApi, tmp_path: Path) -> None:
    device = enrolled(api, os_version="17.0")
    with ProfileHost(api.servers.authority, tmp_path) as host:
        url = host.publish("/ban.mobileconfig", profile(DENIES))
        api.put_declaration(f"{BAN}.cfg", LEGACY, {"ProfileURL": url})
        api.put_declaration(f"{BAN}.act", ACTIVATION, {"StandardConfigurations": [f"{BAN}.cfg"]})
        api.assign(BAN, [f"{BAN}.cfg", f"{BAN}.act"], [device.id])
        device.connect()
        assert host.asked == ["/ban.mobileconfig"]
        assert not device.can_open(TIKTOK.identifier)
        assert send(api, device, "ProfileList")[1]["ProfileList"][0]["Source"] == "Declarative Device Management"
        assert send(api, device, "RemoveProfile", Identifier=BAN)[0] == "Error"
        assert api.kmfddm("DELETE", f"/enrollment-sets/{device.id}?set={BAN}").status_code == 204
        device.connect()
    assert (device.can_open(TIKTOK.identifier), device.installed_profiles()) == (True, {})


@pytest.mark.parametrize("trouble", ["absent", "http", "untrusted", "refused"])
def test_a_legacy_declaration_whose_profile_is_not_to_be_had_is_invalid(api: NanoApi, tmp_path: Path, trouble: str) -> None:
    device = api.servers.device(apps=[TIKTOK], supervised=False, trust=ssl.create_default_context() if trouble == "untrusted" else None)
    device.enrol()
    with ProfileHost(api.servers.authority, tmp_path) as host:
        url = host.publish("/web.mobileconfig", profile(FILTER))
        url = {"absent": host.url + "/none", "http": url.replace("https", "http")}.get(trouble, url)
        api.put_declaration(f"{BAN}.cfg", LEGACY, {"ProfileURL": url})
        api.put_declaration(f"{BAN}.act", ACTIVATION, {"StandardConfigurations": [f"{BAN}.cfg"]})
        api.assign(BAN, [f"{BAN}.cfg", f"{BAN}.act"], [device.id])
        device.connect()
    row = api.declaration_status(device.id)[f"{BAN}.cfg"]
    assert (row["active"], row["valid"], row["reasons"][0]["code"]) == (False, "invalid", "Error.ConfigurationCannotBeApplied")
    assert device.installed_profiles() == {}


def test_declared_binaries_do_not_start_on_a_mac(api: NanoApi) -> None:
    device = api.servers.device(platform="Mac", os_version="27.0", apps=[App("", "TikTok", team_id="TEAM1"), App("", "Tool", team_id="T2")])
    device.enrol()
    api.put_declaration(f"{BAN}.cfg", APP_SETTINGS, {"Allowed": {"DeniedBinaries": [{"TeamID": "TEAM1"}]}})
    api.put_declaration(f"{BAN}.act", ACTIVATION, {"StandardConfigurations": [f"{BAN}.cfg"]})
    api.assign(BAN, [f"{BAN}.cfg", f"{BAN}.act"], [device.id])
    device.connect()
    assert (device.can_open("TikTok"), device.can_open("Tool")) == (False, True)
    assert device.visible_apps() == ["TikTok", "Tool"]


def test_a_fleet_is_mixed_and_the_same_for_the_same_seed(api: NanoApi) -> None:
    fleet = make_fleet(api.servers, 60)
    assert [device.facts for device in fleet] == [device.facts for device in make_fleet(api.servers, 60, enrol=False)]
    kinds = {(device.facts.platform, device.facts.enrollment, device.facts.supervised) for device in fleet}
    assert len(kinds) == 6
    assert {device.facts.os_version for device in fleet} == {"26.1", "27.0"}
    assert 10 <= sum(device.is_installed(TIKTOK.identifier) for device in fleet) <= 20
    assert api.enqueue([device.id for device in fleet], "DeviceInformation").status == 200
    assert all_at_once(fleet) == [[("DeviceInformation", "Acknowledged")]] * 60


def test_a_device_in_user_enrollment_is_never_supervised() -> None:
    with pytest.raises(ValueError, match="never supervised"):
        DeviceFacts("U", "S", enrollment="user", supervised=True)
