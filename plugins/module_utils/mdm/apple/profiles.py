# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration profiles of Apple devices as bytes, the same bytes for the same content. Keys as in Apple's device management schema."""

from __future__ import annotations

import plistlib
import uuid
from typing import Any, Mapping, Sequence

from ...engine.errors import AppbanError

#: Names of payload UUIDs are made in this space, so that a profile with the same content keeps its UUIDs.
_SPACE = uuid.UUID("6f0f0c1e-6d57-4c1c-9a4b-1d3f5d0a8f11")
#: About as many as a built-in filter takes (Apple, com.apple.webcontent-filter).
MAX_DENIED_URLS = 500


def configuration_profile(
    identifier: str, name: str, payloads: Sequence[Mapping[str, Any]], description: str = "", uuid_of_content: bool = False
) -> bytes:
    """A configuration profile (XML property list) for the whole device.

    Args:
        identifier: reverse-DNS name of the profile; payloads are named below it.
        name: what the device shows.
        payloads: payload dictionaries with ``PayloadType`` and their own keys.
        uuid_of_content: give the profile another UUID with every other content, so that a device's list of profiles tells which one it
            has; otherwise the UUID goes with the identifier.
    """
    version = plistlib.dumps({"payloads": [dict(each) for each in payloads], "name": name}, sort_keys=True).hex() if uuid_of_content else ""
    content: list[dict[str, Any]] = []
    for number, payload in enumerate(payloads, 1):
        named = "%s.%d" % (identifier, number)
        content.append(
            {
                "PayloadDisplayName": name,
                "PayloadIdentifier": named,
                "PayloadUUID": payload_uuid(named),
                "PayloadVersion": 1,
                **payload,
            }
        )
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": identifier,
            "PayloadUUID": payload_uuid(identifier + version),
            "PayloadDisplayName": name,
            "PayloadDescription": description,
            "PayloadScope": "System",
            "PayloadRemovalDisallowed": True,
            "PayloadContent": content,
        },
        sort_keys=True,
    )


def payload_uuid(identifier: str) -> str:
    """The UUID that goes with a payload's identifier."""
    return str(uuid.uuid5(_SPACE, identifier)).upper()


def web_filter_payload(domains: Sequence[str]) -> dict[str, Any]:
    """A built-in web content filter that denies the sites of some domains and switches no automatic filter on.

    Supervised iOS and iPadOS only. URLs are prefixes, so each domain is denied with and without ``www``; other subdomains
    can't be told (a limit of the payload, see ``docs/intune.md``).

    Raises:
        AppbanError: for more URLs than a device takes.
    """
    urls = [scheme + prefix + domain for domain in sorted(set(domains)) for prefix in ("", "www.") for scheme in ("https://", "http://")]
    if len(urls) > MAX_DENIED_URLS:
        raise AppbanError(
            "a web content filter takes about %d URLs, and these domains make %d" % (MAX_DENIED_URLS, len(urls)),
            "",
            "Use fewer domain_tiers in the policy",
        )
    return {
        "PayloadType": "com.apple.webcontent-filter",
        "FilterType": "BuiltIn",
        # True would switch on Apple's filter of adult sites as well.
        "AutoFilterEnabled": False,
        "DenyListURLs": urls,
        # The older name of the same key, for iOS before 14.5.
        "BlacklistedURLs": urls,
    }


def browser_payloads(domains: Sequence[str]) -> list[dict[str, Any]]:
    """Managed preferences of Edge and Chrome on a Mac. A bare host covers its subdomains in both."""
    hosts = sorted(set(domains))
    return [{"PayloadType": browser, "URLBlocklist": hosts} for browser in ("com.google.Chrome", "com.microsoft.Edge")]
