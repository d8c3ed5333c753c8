# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's configuration profiles: keys and types as Apple publishes them, and the same bytes for the same content."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profiles import (
    MAX_DENIED_URLS,
    browser_payloads,
    configuration_profile,
    payload_uuid,
    web_filter_payload,
)

FOLDER = "apple-device-management/mdm/profiles"
TYPES = {"<string>": str, "<integer>": int, "<boolean>": bool, "<array>": list, "<dictionary>": dict, "<data>": bytes}
DOMAINS = st.lists(st.from_regex(r"[a-z]{1,8}\.(com|example)", fullmatch=True), min_size=1, max_size=6)


def violations(content: Mapping[str, Any], keys: list[Mapping[str, Any]], where: str) -> list[str]:
    """What Apple's schema says against a dictionary: unknown keys, missing ones, wrong types, values outside their range."""
    known = {each["key"]: each for each in keys}
    found = [f"{where}.{key}: Apple has no such key" for key in content if key not in known]
    for key, each in known.items():
        if key not in content:
            found += [f"{where}.{key}: missing"] if each.get("presence") == "required" else []
            continue
        value, expected = content[key], TYPES[each["type"]]
        if value.__class__ is not expected:
            found.append(f"{where}.{key}: {type(value).__name__} instead of {expected.__name__}")
        if "rangelist" in each and value not in each["rangelist"]:
            found.append(f"{where}.{key}: {value!r} is not one of {each['rangelist']}")
        if expected is list and len(each.get("subkeys", [])) == 1 and "type" in each["subkeys"][0]:
            wrong = [item for item in value if item.__class__ is not TYPES[each["subkeys"][0]["type"]]]
            found += [f"{where}.{key}: items of a wrong type: {wrong}"] if wrong else []
    return found


@pytest.fixture(scope="module")
def schema(vendor_file: Callable[[str], Path]) -> Callable[[str], list[Mapping[str, Any]]]:
    def keys(name: str) -> list[Mapping[str, Any]]:
        document = yaml.safe_load(vendor_file(f"{FOLDER}/{name}.yaml").read_text(encoding="utf-8"))
        return list(document["payloadkeys"])

    return keys


def test_a_web_filter_keeps_to_apples_schema(schema: Callable[[str], list[Mapping[str, Any]]]) -> None:
    profile = plistlib.loads(configuration_profile("endpoint.appban.x", "BAN x", [web_filter_payload(["banned.example"])]))
    assert violations(profile, schema("TopLevel"), "profile") == []
    (payload,) = profile["PayloadContent"]
    keys = [*schema("CommonPayloadKeys"), *schema("com.apple.webcontent-filter")]
    assert violations(payload, keys, "payload") == []


def test_the_check_against_the_schema_notices(schema: Callable[[str], list[Mapping[str, Any]]]) -> None:
    keys = schema("com.apple.webcontent-filter")
    for wrong in ({"DenyListURL": []}, {"DenyListURLs": "x"}, {"DenyListURLs": [1]}, {"AutoFilterEnabled": 0}, {"FilterType": "Builtin"}):
        assert len(violations(wrong, keys, "payload")) == 1


def test_a_domain_is_denied_with_and_without_www_on_both_schemes() -> None:
    payload = web_filter_payload(["b.example", "a.example", "a.example"])
    assert payload["DenyListURLs"][:4] == ["https://a.example", "http://a.example", "https://www.a.example", "http://www.a.example"]
    assert payload["BlacklistedURLs"] == payload["DenyListURLs"]
    assert len(payload["DenyListURLs"]) == 8
    assert payload["AutoFilterEnabled"] is False, "Apple's own filter of adult sites is nobody's ban"


def test_more_urls_than_a_device_takes_are_refused() -> None:
    fitting = [f"d{number}.example" for number in range(MAX_DENIED_URLS // 4)]
    assert len(web_filter_payload(fitting)["DenyListURLs"]) == MAX_DENIED_URLS
    with pytest.raises(AppbanError, match=r"takes about 500 URLs, and these domains make 504.*domain_tiers"):
        web_filter_payload([*fitting, "one-more.example"])


def test_browsers_get_bare_hosts() -> None:
    assert browser_payloads(["b.example", "a.example", "b.example"]) == [
        {"PayloadType": "com.google.Chrome", "URLBlocklist": ["a.example", "b.example"]},
        {"PayloadType": "com.microsoft.Edge", "URLBlocklist": ["a.example", "b.example"]},
    ]


@given(DOMAINS, st.randoms(use_true_random=False))
def test_the_same_content_is_the_same_bytes(domains: list[str], order: Any) -> None:
    shuffled = list(domains)
    order.shuffle(shuffled)
    for make in (lambda names: [web_filter_payload(names)], browser_payloads):
        assert configuration_profile("endpoint.appban.x", "BAN x", make(domains)) == configuration_profile(
            "endpoint.appban.x", "BAN x", make(shuffled)
        )


def test_every_payload_has_an_identifier_and_a_uuid_of_its_own() -> None:
    profile = plistlib.loads(configuration_profile("endpoint.appban.x", "BAN x", browser_payloads(["a.example"]), "For the ban x"))
    named = [profile, *profile["PayloadContent"]]
    assert [each["PayloadIdentifier"] for each in named] == ["endpoint.appban.x", "endpoint.appban.x.1", "endpoint.appban.x.2"]
    assert len({each["PayloadUUID"] for each in named}) == 3
    assert profile["PayloadUUID"] == payload_uuid("endpoint.appban.x")
    assert profile["PayloadRemovalDisallowed"] is True
    other = plistlib.loads(configuration_profile("endpoint.appban.y", "BAN x", browser_payloads(["a.example"])))
    assert other["PayloadUUID"] != profile["PayloadUUID"]
