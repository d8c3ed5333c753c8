# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Payloads that devices read themselves: AppLocker rules, Apple profiles, Edge's settings."""

from __future__ import annotations

import base64
import plistlib
import uuid
from typing import Any

import pytest

from tests.support.intune.graph_client import CATALOG, PROFILES, SETTING, Graph, assigned, check_in, device_of


def applocker(*rules: tuple[str, str]) -> dict[str, Any]:
    xml = "".join(
        f'<FilePublisherRule Id="{uuid.UUID(int=index)}" Name="r" Description="" UserOrGroupSid="S-1-1-0" Action="{action}"><Conditions>'
        f'<FilePublisherCondition PublisherName="*" ProductName="{product}" BinaryName="*">'
        '<BinaryVersionRange LowSection="*" HighSection="*"/></FilePublisherCondition></Conditions></FilePublisherRule>'
        for index, (action, product) in enumerate(rules)
    )
    setting = {
        "@odata.type": "#microsoft.graph.omaSettingString",
        "displayName": "AppLocker",
        "omaUri": "./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/appban/StoreApps/Policy",
        "value": f'<RuleCollection Type="Appx" EnforcementMode="Enabled">{xml}</RuleCollection>',
    }
    return {"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": "BAN windows", "omaSettings": [setting]}


def test_applocker_without_an_allow_all_rule_blocks_everything(eager: Graph) -> None:
    device = device_of(eager.sim, "windows_corporate", app="Bytedance")
    key = assigned(eager, PROFILES, applocker(("Allow", "*"), ("Deny", "BytedancePte.Ltd.TikTok")))
    blocked = {app["name"] for app in check_in(eager, device)["apps"] if app["launch_blocked"]}
    assert blocked == {"TikTok"}
    eager.delete(f"{PROFILES}/{key}")
    assigned(eager, PROFILES, applocker(("Deny", "BytedancePte.Ltd.TikTok")))
    blocked = {app["name"] for app in check_in(eager, device)["apps"] if app["launch_blocked"]}
    assert {"TikTok", "Microsoft Teams"} <= blocked


def test_applocker_that_is_no_xml_is_an_error_on_the_device(eager: Graph) -> None:
    device = device_of(eager.sim, "windows_corporate", app=None)
    body = applocker(("Allow", "*"))
    body["omaSettings"][0]["value"] = "<RuleCollection"
    key = assigned(eager, PROFILES, body)
    after = check_in(eager, device)
    assert after["controls"] == []
    assert after["errors"][0].startswith(key)


@pytest.mark.parametrize(
    ("old", "new", "is_error"),
    [
        ('Id="00000000-0000-0000-0000-000000000001"', 'Id="rule"', True),
        ('Id="00000000-0000-0000-0000-000000000001"', 'Id="00000000-0000-0000-0000-000000000000"', True),
        ('UserOrGroupSid="S-1-1-0" Action="Deny"', 'Action="Deny"', True),
        ('Action="Deny"', 'Action="Block"', True),
        ('PublisherName="*" ProductName="BytedancePte', 'PublisherName="CN=Guessed" ProductName="BytedancePte', False),
        ('UserOrGroupSid="S-1-1-0" Action="Deny"', 'UserOrGroupSid="S-1-5-32-544" Action="Deny"', False),
        ('EnforcementMode="Enabled"', 'EnforcementMode="AuditOnly"', False),
    ],
)
def test_applocker_rules_must_be_right_to_work(eager: Graph, old: str, new: str, is_error: bool) -> None:
    device = device_of(eager.sim, "windows_corporate", app="Bytedance")
    body = applocker(("Allow", "*"), ("Deny", "BytedancePte.Ltd.TikTok"))
    right = body["omaSettings"][0]["value"]
    body["omaSettings"][0]["value"] = right.replace(old, new)
    assert body["omaSettings"][0]["value"] != right
    assigned(eager, PROFILES, body)
    after = check_in(eager, device)
    assert not any(app["launch_blocked"] for app in after["apps"])
    assert bool(after["errors"]) is is_error


def test_two_applocker_policies_must_not_share_a_grouping(eager: Graph) -> None:
    device = device_of(eager.sim, "windows_corporate", app="Bytedance")
    first = assigned(eager, PROFILES, applocker(("Allow", "*")))
    second = assigned(eager, PROFILES, applocker(("Allow", "*"), ("Deny", "BytedancePte.Ltd.TikTok")))
    assert check_in(eager, device)["errors"] == [f"{second}: the grouping is taken by {first}"]


def profile_of(payload: dict[str, Any], kind: str) -> dict[str, Any]:
    own = {"PayloadVersion": 1, "PayloadUUID": "0D7F2E4C-0001-4000-8000-000000000001", "PayloadIdentifier": "appban.web"}
    whole = {**own, "PayloadIdentifier": "appban", "PayloadType": "Configuration", "PayloadContent": [{**own, **payload}]}
    encoded = base64.b64encode(plistlib.dumps(whole)).decode()
    return {"@odata.type": f"#microsoft.graph.{kind}", "displayName": "BAN web", "payloadName": "web", "payload": encoded}


def test_web_payloads_block_sites(eager: Graph) -> None:
    phone, personal = device_of(eager.sim, "ios_supervised"), device_of(eager.sim, "ios_personal")
    mac = device_of(eager.sim, "mac_corporate")
    web_filter = {"PayloadType": "com.apple.webcontent-filter", "FilterType": "BuiltIn", "DenyListURLs": ["https://tiktok.com"]}
    assigned(eager, PROFILES, profile_of(web_filter, "iosCustomConfiguration"))
    edge = {"PayloadType": "com.microsoft.Edge", "URLBlocklist": ["tiktok.com"]}
    assigned(eager, PROFILES, profile_of(edge, "macOSCustomConfiguration"))
    assert check_in(eager, phone)["blocked_domains"] == ["https://tiktok.com"]
    assert check_in(eager, mac)["blocked_domains"] == ["tiktok.com"]
    after = check_in(eager, personal)
    assert after["blocked_domains"] == []
    assert "supervised" in after["errors"][0]


def test_edge_on_windows_blocks_sites(eager: Graph) -> None:
    definition = "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_urlblocklist"
    child = {
        "@odata.type": f"{SETTING}SimpleSettingCollectionInstance",
        "settingDefinitionId": definition + "_urlblocklistdesc",
        "simpleSettingCollectionValue": [{"@odata.type": f"{SETTING}StringSettingValue", "value": "tiktok.com"}],
    }
    instance = {
        "@odata.type": f"{SETTING}ChoiceSettingInstance",
        "settingDefinitionId": definition,
        "choiceSettingValue": {"@odata.type": f"{SETTING}ChoiceSettingValue", "value": definition + "_1", "children": [child]},
    }
    body = {"name": "BAN edge", "platforms": "windows10", "technologies": "mdm", "settings": [{"settingInstance": instance}]}
    assigned(eager, CATALOG, body)
    assert check_in(eager, device_of(eager.sim, "windows_corporate", app=None))["blocked_domains"] == ["tiktok.com"]
