# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration profiles a device takes, and what comes of them.

Facts: Apple's device management schema (mdm/profiles/TopLevel.yaml, com.apple.applicationaccess.yaml, com.apple.webcontent-filter.yaml).
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterable, Mapping
from typing import Any
from xml.parsers.expat import ExpatError

from tests.support.nanomdm.device_facts import DeviceFacts
from tests.support.nanomdm.error_chain import not_installable

RESTRICTIONS = "com.apple.applicationaccess"
WEB_FILTER = "com.apple.webcontent-filter"
#: Key -> since which version of iOS and of tvOS. Deprecated keys still work.
DENY_KEYS = {"blockedAppBundleIDs": {"iOS": 15, "tvOS": 15}, "blacklistedAppBundleIDs": {"iOS": 9, "tvOS": 11}}
ALLOW_KEYS = {"allowListedAppBundleIDs": {"iOS": 15, "tvOS": 15}, "whitelistedAppBundleIDs": {"iOS": 9, "tvOS": 11}}
SUPERVISED_ONLY = {*DENY_KEYS, *ALLOW_KEYS, "allowAppInstallation", "allowUIAppInstallation", "allowMarketplaceAppInstallation"}

Profile = Mapping[str, Any]


def read_profile(content: bytes, device: DeviceFacts) -> dict[str, Any]:
    """Read a profile that the device takes. Raises Refused for one that it rejects."""
    try:
        profile = plistlib.loads(content)
    # plistlib lets through whatever its parsers and converters raise.
    except (ExpatError, ValueError, TypeError, LookupError, OverflowError, RecursionError, AttributeError):
        raise not_installable("The profile is invalid: it is no property list") from None
    if not isinstance(profile, dict) or profile.get("PayloadType") != "Configuration":
        raise not_installable("The profile is invalid: its PayloadType is not Configuration")
    for key, kind in (("PayloadIdentifier", str), ("PayloadUUID", str), ("PayloadVersion", int), ("PayloadContent", list)):
        if not isinstance(profile.get(key), kind):
            raise not_installable(f"The profile is invalid: the field {key} is missing or not of the right kind")
    uuids = [payload.get("PayloadUUID") for payload in profile["PayloadContent"]]
    for payload in profile["PayloadContent"]:
        for key in ("PayloadType", "PayloadIdentifier", "PayloadUUID"):
            if not isinstance(payload.get(key), str):
                raise not_installable(f"The profile is invalid: a payload lacks the field {key}")
        _reject_payload(payload, device)
    if len(set(uuids)) != len(uuids):
        raise not_installable("The profile is invalid: two payloads have the same PayloadUUID")
    return profile


def _reject_payload(payload: Mapping[str, Any], device: DeviceFacts) -> None:
    kind = payload["PayloadType"]
    if kind == RESTRICTIONS and device.enrollment == "user":
        forbidden = sorted(SUPERVISED_ONLY & set(payload))
        if forbidden:
            raise not_installable(f"The restriction {forbidden[0]} is not allowed in a User Enrollment")
    if kind == WEB_FILTER and payload.get("FilterType", "BuiltIn") == "BuiltIn":
        if device.system == "macOS":
            raise not_installable("A Web Content Filter payload of the type BuiltIn is not supported on macOS")
        if not device.supervised:
            raise not_installable("The Web Content Filter payload can only be installed on supervised devices")


def denied_apps(profiles: Iterable[Profile], device: DeviceFacts) -> set[str]:
    """Bundle ids that profiles deny, all lists together. Nothing where the device isn't supervised: it ignores those keys."""
    return set().union(*_lists(profiles, device, DENY_KEYS))


def allowed_apps(profiles: Iterable[Profile], device: DeviceFacts) -> set[str] | None:
    """The only bundle ids that profiles allow, None where no profile says so."""
    lists = list(_lists(profiles, device, ALLOW_KEYS))
    return set.intersection(*lists) if lists else None


def _lists(profiles: Iterable[Profile], device: DeviceFacts, keys: Mapping[str, Mapping[str, int]]) -> Iterable[set[str]]:
    for payload in _payloads(profiles, RESTRICTIONS) if device.supervised else ():
        for key, since in keys.items():
            if key in payload and device.version[0] >= since.get(device.system, 10**9):
                yield set(payload[key])


def denied_sites(profiles: Iterable[Profile], device: DeviceFacts) -> set[str]:
    """URLs whose pages a built-in filter doesn't show."""
    key = "DenyListURLs" if device.version >= (14, 5) else "BlacklistedURLs"
    return {url for payload in _payloads(profiles, WEB_FILTER) for url in payload.get(key, ())}


def _payloads(profiles: Iterable[Profile], kind: str) -> Iterable[Mapping[str, Any]]:
    return (payload for profile in profiles for payload in profile["PayloadContent"] if payload["PayloadType"] == kind)
