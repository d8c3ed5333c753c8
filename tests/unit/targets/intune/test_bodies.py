# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each mechanism puts into a tenant: valid by Graph's own description, and turned the right way round."""

from __future__ import annotations

import base64
import plistlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import bodies
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import RESOURCES
from tests.contract import violations

APPS = {"com.banned.app": "Banned", "com.banned.lite": "Banned Lite"}
# Collection, body.
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ios_blocked_apps": ("configuration_policy", bodies.ios_blocked_apps(list(APPS))),
    "windows_url_blocklist": ("configuration_policy", bodies.windows_url_blocklist(["banned.example"])),
    "ios_hidden_apps": ("device_configuration", bodies.ios_hidden_apps(APPS)),
    "ios_prohibited": ("device_configuration", bodies.prohibited_apps("ios", APPS)),
    "macos_prohibited": ("device_configuration", bodies.prohibited_apps("macos", APPS)),
    "android_personal": ("device_configuration", bodies.android_personal_block_list(APPS)),
    "applocker": ("device_configuration", bodies.windows_applocker("BAN x", ["Banned.App"])),
    "ios_web": ("device_configuration", bodies.ios_web_filter("BAN x", ["banned.example"])),
    "macos_web": ("device_configuration", bodies.macos_url_blocklist("BAN x", ["banned.example"])),
    "ios_compliance": ("compliance_policy", bodies.ios_restricted_apps(APPS)),
}


def create_violations(collection: str, body: dict[str, Any]) -> list[str]:
    """What Graph's description says against creating it. The answer is left out of it: the connection was dropped."""
    resource = RESOURCES[collection]
    exchange = {
        "method": "POST",
        "path": "/beta" + resource.path,
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer x"},
        "body": {resource.name_key: "BAN x", "description": "d", "roleScopeTagIds": ["0"], **body},
        "status": None,
    }
    return violations(exchange)


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("name", BODIES)
def test_graph_takes_it(name: str) -> None:
    assert create_violations(*BODIES[name]) == []


@pytest.mark.usefixtures("graph_contract")
@pytest.mark.parametrize("name", BODIES)
def test_the_contract_would_notice(name: str) -> None:
    collection, body = BODIES[name]
    assert create_violations(collection, {**body, "bannedApps": []})


@pytest.mark.parametrize(
    ("name", "word", "listed"),
    [
        ("ios_hidden_apps", "appsVisibilityListType", "appsVisibilityList"),
        ("ios_prohibited", "compliantAppListType", "compliantAppsList"),
        ("macos_prohibited", "compliantAppListType", "compliantAppsList"),
    ],
)
def test_the_listed_apps_are_the_forbidden_ones(name: str, word: str, listed: str) -> None:
    """The other word of the two would forbid, or hide, every app on the device that is not in the list."""
    body = BODIES[name][1]
    assert body[word] == "appsNotInListCompliant"
    assert [item["appId"] for item in body[listed]] == list(APPS)


@pytest.mark.parametrize("name", ["bodies.py", "controls.py", "plan.py", "resources/assigned_objects.py"])
def test_the_dangerous_word_is_nowhere_where_something_is_written(name: str) -> None:
    assert "appsInListCompliant" not in (Path(bodies.__file__).parent / name).read_text(encoding="utf-8")


def test_only_listed_apps_are_kept_from_a_personal_profile() -> None:
    body = BODIES["android_personal"][1]
    assert body["personalProfilePlayStoreMode"] == "blockedApps"
    assert [item["appId"] for item in body["personalProfilePersonalApplications"]] == list(APPS)
    assert body["personalProfilePersonalApplications"][0]["appStoreUrl"].endswith("?id=com.banned.app")


@pytest.mark.parametrize(
    ("make", "limit", "what"),
    [
        (bodies.ios_restricted_apps, 100, "a compliance policy takes at most 100 apps"),
        (bodies.android_personal_block_list, 500, "a personal block list takes at most 500"),
        (bodies.ios_hidden_apps, 10_000, "a list of hidden apps takes at most 10000"),
    ],
)
def test_more_apps_than_a_list_takes_are_refused(make: Callable[[dict[str, str]], Any], limit: int, what: str) -> None:
    make({f"com.a{number}": "A" for number in range(limit)})
    with pytest.raises(AppbanError, match=what):
        make({f"com.a{number}": "A" for number in range(limit + 1)})


# AppLocker.


@pytest.fixture(scope="module")
def applocker(vendor_file: Callable[[str], Path]) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(vendor_file("windows/AppLocker.xsd")))


def as_policy(rules: str) -> str:
    """The schema is that of a whole policy; a device setting holds one collection of it."""
    return f'<AppLockerPolicy Version="1">{rules}</AppLockerPolicy>'


NAMES = st.lists(st.from_regex(r"[A-Za-z0-9.-]{1,30}", fullmatch=True) | st.just("B&n <ned> \"'"), min_size=1, max_size=5)


def test_applocker_rules_keep_to_microsofts_schema(applocker: xmlschema.XMLSchema) -> None:
    @given(NAMES)
    def check(names: list[str]) -> None:
        applocker.validate(as_policy(bodies.applocker_rules(names)))

    check()


def test_the_schema_would_notice(applocker: xmlschema.XMLSchema) -> None:
    rules = bodies.applocker_rules(["Banned.App"])
    for old, new in (
        ('Action="Deny"', 'Action="Forbid"'),
        ("FilePublisherRule", "PublisherRule"),
        ('HighSection="*"', 'HighSection="all"'),
    ):
        assert not applocker.is_valid(as_policy(rules.replace(old, new)))


@given(NAMES)
def test_every_other_app_may_start(names: list[str]) -> None:
    """Without the rule that allows all, AppLocker keeps every packaged app of the device from starting."""
    rules = ElementTree.fromstring(bodies.applocker_rules(names))
    assert rules.attrib == {"Type": "Appx", "EnforcementMode": "Enabled"}
    first, *denied = rules
    condition = first.find("Conditions/FilePublisherCondition")
    assert condition is not None
    assert (first.attrib["Action"], condition.attrib["ProductName"], condition.attrib["PublisherName"]) == ("Allow", "*", "*")
    conditions = [each.find("Conditions/FilePublisherCondition") for each in denied]
    assert [each.attrib["Action"] for each in denied] == ["Deny"] * len(set(names))
    assert [each.attrib["ProductName"] for each in conditions if each is not None] == sorted(set(names))
    assert all(each.attrib["UserOrGroupSid"] == "S-1-1-0" for each in rules)
    assert len({each.attrib["Id"] for each in rules}) == len(rules)


def test_a_profile_has_rules_of_its_own_place_on_the_device() -> None:
    """Two profiles with one grouping would overwrite each other."""
    here, there = (bodies.windows_applocker(name, ["Banned.App"])["omaSettings"][0] for name in ("BAN a", "BAN b"))
    assert re.fullmatch(r"\./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/appban-[0-9a-f]{12}/StoreApps/Policy", here["omaUri"])
    assert here["omaUri"] != there["omaUri"]
    assert here["value"] == there["value"]


def test_profiles_are_what_they_say() -> None:
    for name, kind in (("ios_web", "com.apple.webcontent-filter"), ("macos_web", "com.google.Chrome")):
        body = BODIES[name][1]
        profile = plistlib.loads(base64.b64decode(body["payload"]))
        assert profile["PayloadContent"][0]["PayloadType"] == kind
        assert profile["PayloadDisplayName"] == body["payloadName"] == "BAN x"
        assert body["payloadFileName"].endswith(".mobileconfig")


@given(st.permutations(["com.c", "com.a", "com.b"]))
def test_the_order_of_apps_makes_no_other_body(order: list[str]) -> None:
    assert bodies.ios_blocked_apps(order) == bodies.ios_blocked_apps(sorted(order))
    titles = {name: name for name in order}
    assert bodies.app_list(titles) == bodies.app_list(dict(sorted(titles.items())))
    assert bodies.applocker_rules(order) == bodies.applocker_rules(sorted(order))
