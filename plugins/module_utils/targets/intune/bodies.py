# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings that each mechanism puts into a tenant: plain bodies of Microsoft Graph objects, without name and assignment. Pure.

The source of the shapes is the published metadata of Microsoft Graph; what the settings do is Microsoft's documentation of device
restrictions, the settings catalog and Android Enterprise.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any, Iterable, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from ...engine.errors import AppbanError
from ...mdm.apple import profiles

Body = dict[str, Any]

_GRAPH = "#microsoft.graph."
_SETTING = _GRAPH + "deviceManagementConfiguration"
_RULES = uuid.UUID("3c9f3f86-9d0b-4a2b-8f5e-0f6f2b0a7c55")
BLOCKED_APPS_SETTING = "com.apple.applicationaccess_blockedappbundleids"
MAX_RESTRICTED_APPS = 100
MAX_PERSONAL_APPS = 500
MAX_VISIBILITY_LIST = 10000

#: "Hidden apps" is appsNotInListCompliant, and so is "prohibited". The other word turns the list round: every app that is not in it
#: would vanish from the phone. So the word stands here and nowhere else, and no option reaches it.
_LISTED_APPS_ARE_FORBIDDEN = "appsNotInListCompliant"


def ios_blocked_apps(bundle_ids: Sequence[str]) -> Body:
    """A settings catalog policy that hides apps on supervised devices and keeps them from being opened."""
    group = "com.apple.applicationaccess_com.apple.applicationaccess"
    child = {
        "@odata.type": _SETTING + "SimpleSettingCollectionInstance",
        "settingDefinitionId": BLOCKED_APPS_SETTING,
        "simpleSettingCollectionValue": _strings(bundle_ids),
    }
    instance = {
        "@odata.type": _SETTING + "GroupSettingCollectionInstance",
        "settingDefinitionId": group,
        "groupSettingCollectionValue": [{"@odata.type": _SETTING + "GroupSettingValue", "children": [child]}],
    }
    return _catalog_policy("iOS", "mdm,appleRemoteManagement", instance)


def ios_hidden_apps(apps: Mapping[str, str]) -> Body:
    """The older way to hide apps on supervised devices, by a device restrictions profile. apps: bundle id -> title."""
    _at_most(MAX_VISIBILITY_LIST, apps, "a list of hidden apps")
    return {
        "@odata.type": _GRAPH + "iosGeneralDeviceConfiguration",
        "appsVisibilityListType": _LISTED_APPS_ARE_FORBIDDEN,
        "appsVisibilityList": app_list(apps),
    }


def prohibited_apps(platform: str, apps: Mapping[str, str]) -> Body:
    """A list that makes devices report whether they have one of the apps, and does nothing else. platform: ``ios`` or ``macos``."""
    odata_type = {"ios": "iosGeneralDeviceConfiguration", "macos": "macOSGeneralDeviceConfiguration"}[platform]
    return {
        "@odata.type": _GRAPH + odata_type,
        "compliantAppListType": _LISTED_APPS_ARE_FORBIDDEN,
        "compliantAppsList": app_list(apps),
    }


def ios_restricted_apps(apps: Mapping[str, str]) -> Body:
    """A compliance policy: a device with one of the apps is not compliant."""
    _at_most(MAX_RESTRICTED_APPS, apps, "a compliance policy")
    return {"@odata.type": _GRAPH + "iosCompliancePolicy", "restrictedApps": app_list(apps)}


def android_personal_block_list(apps: Mapping[str, str]) -> Body:
    """Apps that the personal profile of a corporate device may not have (Android 11 and later take them off). apps: package -> title."""
    _at_most(MAX_PERSONAL_APPS, apps, "a personal block list")
    store = "https://play.google.com/store/apps/details?id="
    return {
        "@odata.type": _GRAPH + "androidDeviceOwnerGeneralDeviceConfiguration",
        "personalProfilePlayStoreMode": "blockedApps",
        "personalProfilePersonalApplications": [{**item, "appStoreUrl": store + item["appId"]} for item in app_list(apps)],
    }


def windows_applocker(control: str, package_names: Iterable[str]) -> Body:
    """A custom profile with AppLocker rules that keep packaged apps from starting and let every other one start.

    Args:
        control: name of the control; the rules' grouping on the device is made of it, so that it is no other profile's.
        package_names: names of app packages without the publisher's suffix (``BytedancePte.Ltd.TikTok``).
    """
    grouping = "appban-%s" % hashlib.sha256(control.encode("utf-8")).hexdigest()[:12]
    return {
        "@odata.type": _GRAPH + "windows10CustomConfiguration",
        "omaSettings": [
            {
                "@odata.type": _GRAPH + "omaSettingString",
                "displayName": "AppLocker rules for packaged apps",
                "omaUri": "./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/%s/StoreApps/Policy" % grouping,
                "value": applocker_rules(package_names),
            }
        ],
    }


def package_name(family_name: str) -> str:
    """The name of an app package without its publisher's suffix: what Windows calls the identity's name."""
    return family_name.rsplit("_", 1)[0]


def applocker_rules(package_names: Iterable[str]) -> str:
    """An AppLocker rule collection (XML).

    Without the rule that allows everything, a collection in force forbids everything that it does not name. The publisher is any,
    because a package's name carries its publisher's prefix and the publisher's certificate name is in no public text.
    """
    rules = [_applocker_rule("Allow every packaged app", "Allow", "*")]
    rules.extend(_applocker_rule("Forbid %s" % name, "Deny", name) for name in sorted(set(package_names)))
    return '<RuleCollection Type="Appx" EnforcementMode="Enabled">%s</RuleCollection>' % "".join(rules)


def _applocker_rule(name: str, action: str, product: str) -> str:
    return (
        '<FilePublisherRule Id="%s" Name=%s Description="" UserOrGroupSid="S-1-1-0" Action="%s"><Conditions>'
        '<FilePublisherCondition PublisherName="*" ProductName=%s BinaryName="*">'
        '<BinaryVersionRange LowSection="*" HighSection="*" /></FilePublisherCondition></Conditions></FilePublisherRule>'
    ) % (uuid.uuid5(_RULES, "%s %s" % (action, product)), quoteattr(name), action, quoteattr(product))


def windows_url_blocklist(domains: Sequence[str]) -> Body:
    """A settings catalog policy with Edge's URL blocklist for the device. A bare host covers its subdomains."""
    setting = "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_urlblocklist"
    child = {
        "@odata.type": _SETTING + "SimpleSettingCollectionInstance",
        "settingDefinitionId": setting + "_urlblocklistdesc",
        "simpleSettingCollectionValue": _strings(domains),
    }
    instance = {
        "@odata.type": _SETTING + "ChoiceSettingInstance",
        "settingDefinitionId": setting,
        "choiceSettingValue": {"@odata.type": _SETTING + "ChoiceSettingValue", "value": setting + "_1", "children": [child]},
    }
    return _catalog_policy("windows10", "mdm", instance)


def ios_web_filter(control: str, domains: Sequence[str]) -> Body:
    """A custom profile with a web content filter, for supervised devices."""
    profile = profiles.configuration_profile(_identifier(control), control, [profiles.web_filter_payload(domains)])
    return {"@odata.type": _GRAPH + "iosCustomConfiguration", **_custom_profile(control, profile)}


def macos_url_blocklist(control: str, domains: Sequence[str]) -> Body:
    """A custom profile with the URL blocklists of Edge and Chrome."""
    profile = profiles.configuration_profile(_identifier(control), control, profiles.browser_payloads(domains))
    return {
        "@odata.type": _GRAPH + "macOSCustomConfiguration",
        "deploymentChannel": "deviceChannel",
        **_custom_profile(control, profile),
    }


def app_list(apps: Mapping[str, str]) -> list[dict[str, str]]:
    """Graph's list of apps. apps: bundle or package id -> title."""
    return [{"@odata.type": _GRAPH + "appListItem", "name": title, "appId": app_id} for app_id, title in sorted(apps.items())]


def _strings(values: Sequence[str]) -> list[dict[str, str]]:
    return [{"@odata.type": _SETTING + "StringSettingValue", "value": value} for value in sorted(set(values))]


def _catalog_policy(platforms: str, technologies: str, instance: Mapping[str, Any]) -> Body:
    return {
        "platforms": platforms,
        "technologies": technologies,
        "settings": [{"@odata.type": _SETTING + "Setting", "settingInstance": dict(instance)}],
    }


def _custom_profile(control: str, profile: bytes) -> Body:
    return {
        "payloadName": control,
        "payloadFileName": _identifier(control) + ".mobileconfig",
        "payload": base64.b64encode(profile).decode("ascii"),
    }


def _identifier(control: str) -> str:
    return "endpoint.appban.%s" % hashlib.sha256(control.encode("utf-8")).hexdigest()[:16]


def _at_most(limit: int, apps: Mapping[str, str], what: str) -> None:
    if len(apps) > limit:
        raise AppbanError(
            "%s takes at most %d apps, and these policies name %d" % (what, limit, len(apps)), "", "Split the ban into several policies"
        )
