# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies mean to a device: settings-catalog trees, Apple profiles, AppLocker XML."""

from __future__ import annotations

import base64
import plistlib
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

IOS_BLOCKED = "com.apple.applicationaccess_blockedappbundleids"
EDGE_URLS = "device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_urlblocklist"
APPLOCKER = re.compile(r"^\./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/(?P<grouping>[^/]+)/StoreApps/Policy$")

GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
EVERYONE = "S-1-1-0"


class Unusable(Exception):
    """A payload that a device reports as an error."""


def setting_instances(node: Any) -> Iterator[dict[str, Any]]:
    """Every setting of a settings-catalog tree, at any depth."""
    if isinstance(node, dict):
        if "settingDefinitionId" in node:
            yield node
        for value in node.values():
            yield from setting_instances(value)
    elif isinstance(node, list):
        for value in node:
            yield from setting_instances(value)


def collection_values(settings: list[dict[str, Any]], definition: str) -> list[str] | None:
    """The texts of a collection setting, or None where the tree doesn't have it."""
    for instance in setting_instances(settings):
        if instance["settingDefinitionId"].lower() == definition and "simpleSettingCollectionValue" in instance:
            return [str(item.get("value")) for item in instance["simpleSettingCollectionValue"]]
    return None


def edge_blocklist(settings: list[dict[str, Any]]) -> list[str] | None:
    """The sites of Edge's URLBlocklist, where its switch is on."""
    for instance in setting_instances(settings):
        if instance["settingDefinitionId"].lower() == EDGE_URLS:
            choice = instance.get("choiceSettingValue") or {}
            if str(choice.get("value", "")).lower() == EDGE_URLS + "_1":
                return collection_values(choice.get("children", []), EDGE_URLS + "_urlblocklistdesc")
    return None


def apple_payloads(encoded: str) -> list[dict[str, Any]]:
    """The payloads of a .mobileconfig. Raises Unusable for one that no device would install."""
    try:
        profile = plistlib.loads(base64.b64decode(encoded))
    except Exception as problem:  # plistlib raises whatever its two parsers raise
        raise Unusable(f"not a property list: {problem}") from problem
    if not isinstance(profile, dict) or profile.get("PayloadType") != "Configuration" or not profile.get("PayloadIdentifier"):
        raise Unusable("not a configuration profile")
    contents = profile.get("PayloadContent")
    if not isinstance(contents, list) or not all(isinstance(item, dict) and item.get("PayloadType") for item in contents):
        raise Unusable("PayloadContent must be an array of payloads")
    for item in [profile, *contents]:
        if not item.get("PayloadUUID") or not item.get("PayloadIdentifier") or item.get("PayloadVersion") != 1:
            raise Unusable("PayloadUUID, PayloadIdentifier or PayloadVersion is missing")
    return contents


def blocked_sites(payloads: list[dict[str, Any]], platform: str) -> list[str]:
    """Sites that the payloads keep a device from."""
    sites: list[str] = []
    for payload in payloads:
        kind = payload["PayloadType"]
        if kind == "com.apple.webcontent-filter" and payload.get("FilterType", "BuiltIn") == "BuiltIn":
            sites += payload.get("DenyListURLs") or payload.get("BlacklistedURLs") or []
        if platform == "macos" and kind in ("com.microsoft.Edge", "com.google.Chrome"):
            sites += payload.get("URLBlocklist", [])
        if platform == "macos" and kind == "org.mozilla.firefox":
            sites += payload.get("WebsiteFilter", {}).get("Block", [])
    return sites


def blocked_bundle_ids(payloads: list[dict[str, Any]]) -> list[str] | None:
    """Bundle ids of a restrictions payload; Apple renamed the key."""
    for payload in payloads:
        for key in ("blockedAppBundleIDs", "blacklistedAppBundleIDs"):
            if payload["PayloadType"] == "com.apple.applicationaccess" and key in payload:
                return [str(value) for value in payload[key]]
    return None


def store_app_rules(xml: str) -> tuple[set[str], set[str] | None]:
    """Read an AppLocker rule collection: (denied names, the only allowed names or None for everything).

    A collection without an allow-all rule blocks every store app (Intune fact sheet, 3.9).
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as problem:
        raise Unusable(f"AppLocker XML: {problem}") from problem
    if root.tag != "RuleCollection" or root.get("Type") != "Appx":
        raise Unusable("AppLocker StoreApps needs a RuleCollection of Type Appx")
    if root.get("EnforcementMode") != "Enabled":
        return set(), None
    denied: set[str] = set()
    allowed: set[str] = set()
    check_rules(root)
    for rule in root.iter("FilePublisherRule"):
        if rule.get("UserOrGroupSid") != EVERYONE:
            # A rule for a group of users says nothing about this device's user.
            continue
        names = {
            condition.get("ProductName", "").casefold()
            for condition in rule.iterfind("./Conditions/FilePublisherCondition")
            # The certificate names of publishers aren't known here, so that a rule with one never matches.
            if condition.get("BinaryName") == "*" and condition.get("PublisherName") == "*"
        }
        (denied if rule.get("Action") == "Deny" else allowed).update(names)
    return denied, None if "*" in allowed else allowed


def check_rules(root: ElementTree.Element) -> None:
    """What AppLocker's schema demands of a rule. Raises Unusable, as Windows refuses the whole policy."""
    seen: set[str] = set()
    for rule in root:
        if rule.tag not in ("FilePublisherRule", "FilePathRule", "FileHashRule", "RuleCollectionExtensions"):
            raise Unusable(f"AppLocker knows no {rule.tag}")
        key = rule.get("Id", "").lower()
        if rule.tag != "FilePublisherRule":
            continue
        missing = {"Id", "Name", "Description", "UserOrGroupSid", "Action"} - set(rule.keys())
        if missing or rule.get("Action") not in ("Allow", "Deny") or not GUID.match(key) or key in seen:
            raise Unusable(f"AppLocker rule {key!r}: attributes are missing or not valid, or the Id is there twice")
        seen.add(key)
        conditions = rule.findall("./Conditions/FilePublisherCondition")
        if len(conditions) != 1 or {"PublisherName", "ProductName", "BinaryName"} - set(conditions[0].keys()):
            raise Unusable(f"AppLocker rule {key!r} needs one complete condition")
        versions = conditions[0].findall("BinaryVersionRange")
        if len(versions) != 1 or {"LowSection", "HighSection"} - set(versions[0].keys()):
            raise Unusable(f"AppLocker rule {key!r} needs a version range")
