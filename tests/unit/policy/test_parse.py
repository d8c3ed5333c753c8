# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies: what is read from them, and what is refused, where and in which words."""

from __future__ import annotations

import copy
from datetime import date, datetime
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy import instants
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import ExemptionRules, Limits
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import deserialize_policy, serialize_policy
from tests.support.policy_samples import CATALOG, FULL, SMALL, document, exemption, policy, problems_at, problems_of


def test_every_key_of_the_language_is_read() -> None:
    parsed = parse_policy(FULL, "full.yml", CATALOG, sha256="abc")
    assert [app.id for app in parsed.apps] == ["tiktok", "hexchat"]
    assert [app.id for app in parsed.review] == ["wechat", "capcut"]
    assert parsed.authority is not None
    assert parsed.authority.advised_by == ("Federal", "Provincial")
    assert parsed.effective.until is not None
    assert instants.utc_text(parsed.effective.until.at) == "2023-08-31T22:00:00Z"
    assert parsed.effective.review_on == date(2023, 9, 1)
    assert [len(rule.stages) for rule in parsed.rules] == [1, 2]
    assert instants.utc_text(parsed.rules[1].stages[1].start.at) == "2023-03-14T23:00:00Z"
    assert parsed.rules[0].stages[0].actions == ("remove", "block", "block_web")
    assert parsed.limits == Limits(500, 20.5)
    assert parsed.exemption_rules == ExemptionRules(("enforcement", "online_harm", "other_work"), 365, ("mitigations",))
    # A plain day runs from its first moment; an exemption's last day is covered to its end.
    assert instants.utc_text(parsed.exemptions[1].granted.at) == "2023-03-01T23:00:00Z"
    assert instants.utc_text(parsed.exemptions[1].expires.at) == "2023-06-30T22:00:00Z"
    assert parsed.attributes == ("accesses", "department", "groups", "ownership", "work_apps")
    assert parsed.sha256 == "abc"


def test_vendor_shared_domains_are_off_unless_asked_for() -> None:
    def domains(**changes: Any) -> list[str]:
        return [found.value for found in policy(**changes).apps[0].identifiers if found.kind == "domain"]

    assert domains() == ["tiktok.com", "ttwstatic.com"]
    assert domains(domain_tiers=["core"]) == ["tiktok.com"]
    assert domains(domain_tiers=["core", "extended", "vendor_shared"]) == ["byteoversea.com", "tiktok.com", "ttwstatic.com"]


def test_plain_form_round_trips() -> None:
    parsed = parse_policy(FULL, "full.yml", CATALOG, sha256="abc")
    plain = serialize_policy(parsed)
    again = deserialize_policy(plain)
    assert serialize_policy(again) == plain
    assert again == parsed


@pytest.mark.parametrize("data", [None, [], {}, {"format": 2}, {"format": 1}, SMALL, {"format": 1, "policy": 3}, "x"])
def test_another_plain_form_is_refused(data: Any) -> None:
    with pytest.raises(PolicyError, match=r"the result of the lookup appban\.endpoint\.policy"):
        deserialize_policy(data)


def test_a_vendor_family_names_all_its_apps_and_review_leaves_out_the_banned() -> None:
    parsed = policy(apps=["tiktok"], review=["vendor:bytedance", "wechat"])
    assert [app.id for app in parsed.apps] == ["tiktok"]
    assert [app.id for app in parsed.review] == ["capcut", "wechat"]
    parsed = policy(apps=["vendor:bytedance"], review=["capcut"])
    assert [app.id for app in parsed.apps] == ["tiktok"]


def test_inline_identifiers_join_those_of_the_catalog() -> None:
    app = policy(apps=[{"id": "tiktok", "identifiers": {"deb": ["tiktok-desktop"]}}]).apps[0]
    deb = next(found for found in app.identifiers if found.kind == "deb")
    assert (deb.value, deb.confidence, deb.source) == ("tiktok-desktop", "sure", "policy small")
    assert any(found.kind == "ios_bundle_id" for found in app.identifiers)
    assert app.title == "TikTok"


def test_the_catalog_version_follows_the_content_that_is_used() -> None:
    plain = policy().catalog_version
    assert policy(title="Another").catalog_version == plain
    assert policy(domain_tiers=["core"]).catalog_version != plain


STRUCTURAL = [
    ("$", {"title": None}, "the key title", ()),
    ("titel", {"titel": "x"}, "one of the keys", ("title",)),
    ("policy", {"policy": "City"}, "an id of 1 to 40", ()),
    ("policy", {"policy": "a\n"}, "an id of 1 to 40", ()),
    ("state", {"state": "enforce"}, "one of enforced", ("enforced",)),
    ("apps", {"apps": []}, "at least one item", ()),
    ("apps[0]", {"apps": [3]}, "an app id", ()),
    ("rules[0].actions[1]", {"rules": [{"name": "x", "when": {}, "actions": ["remove", "wipe"]}]}, "one of audit", ()),
    ("rules[0].when.any", {"rules": [{"name": "x", "when": {"any": []}, "actions": ["remove"]}]}, "a list", ()),
    ("rules[0].when.ownership", {"rules": [{"name": "x", "when": {"ownership": None}, "actions": ["remove"]}]}, "one of corporate", ()),
    (
        "rules[0].when.platform[1]",
        {"rules": [{"name": "x", "when": {"platform": ["ios", "iphone"]}, "actions": ["audit"]}]},
        "one of ios",
        (),
    ),
    (
        "rules[0].when.any[0].not.supervised",
        {"rules": [{"name": "x", "when": {"any": [{"not": {"supervised": "yes"}}]}, "actions": ["audit"]}]},
        "true or false",
        (),
    ),
    ("limits.max_percent", {"limits": {"max_percent": 101}}, "a number from 0 to 100", ()),
    ("limits.max_devices", {"limits": {"max_devices": 1.5}}, "a whole number", ()),
    ("exemptions[0].devices[0]", {"exemptions": [exemption(devices=[123])]}, "in quotes if it has digits only", ()),
    ("exemptions[0]", {"exemptions": [exemption(approved_by=None)]}, "the key approved_by", ()),
    ("exemptions[0]", {"exemptions": [exemption(reason=None)]}, "the key reason", ()),
    ("effective.from", {"effective": {"from": "soon"}}, "an instant such as", ()),
    ("apps[0].identifiers.debs", {"apps": [{"id": "x", "title": "X", "identifiers": {"debs": ["xx"]}}]}, "one of the keys", ("deb",)),
]


@pytest.mark.parametrize(("path", "changes", "expected", "near"), STRUCTURAL)
def test_structure(path: str, changes: dict[str, Any], expected: str, near: tuple[str, ...]) -> None:
    problems = problems_at(path, **changes)
    assert len(problems) == 1
    assert expected in problems[0].expected
    assert set(near) <= set(problems[0].nearest)
    assert problems[0].kind == "structure"


def rules(*items: dict[str, Any]) -> dict[str, Any]:
    return {"rules": [{"name": f"Rule {index}", "when": {"department": f"d{index}"}, **item} for index, item in enumerate(items)]}


MEANING = [
    ("effective.from", {"effective": {"from": "2023-03-01T00:00:00"}}, "an instant with an offset"),
    ("effective.from", {"effective": {"from": "2023-03-01"}}, "an instant with an offset"),
    ("effective.until", {"effective": {"from": "2023-03-01T00:00:00Z", "until": "2023-03-01T00:00:00Z"}}, "after effective.from"),
    ("effective.on_expiry", {"effective": {"from": "2023-03-01T00:00:00Z", "on_expiry": "lift"}}, "until beside it"),
    ("effective.review_on", {"effective": {"from": "2023-03-01T00:00:00Z", "review_on": "2023-02-30"}}, "a day that exists"),
    ("timezone", {"timezone": "Europe/Praha"}, "IANA time zone"),
    ("apps[0]", {"apps": ["tik-tok"]}, "the id of an app in the catalog"),
    ("apps[0]", {"apps": ["vendor:bytedanse"]}, "a vendor in the catalog"),
    ("apps[1]", {"apps": ["tiktok", "tiktok"]}, "each app once"),
    ("review[0]", {"review": ["tiktok"]}, "isn't banned too"),
    ("apps[0]", {"apps": [{"id": "new", "identifiers": {"deb": ["new"]}}]}, "the key title"),
    ("apps[0]", {"apps": [{"id": "new", "title": "New"}]}, "the key identifiers"),
    (
        "apps[0].identifiers.android_package",
        {"apps": [{"id": "x", "title": "X", "identifiers": {"android_package": ["com.tencent.mm"]}}]},
        "no other app",
    ),
    ("apps[0].identifiers.deb[1]", {"apps": [{"id": "x", "title": "X", "identifiers": {"deb": ["xx", "xx"]}}]}, "each identifier once"),
    ("rules[1].name", rules({}, {"name": "Rule 0"}), "names that differ"),
    ("rules[0]", {"rules": [{"name": "x", "when": {}}]}, "one of the two"),
    ("rules[0].actions", {"rules": [{"name": "x", "when": {}, "actions": ["remove", "remove"]}]}, "each action once"),
    (
        "rules[1]",
        {"rules": [{"name": "x", "when": {}, "actions": ["audit"]}, {"name": "y", "when": {"a": 1}, "actions": ["audit"]}]},
        "an empty when",
    ),
    ("rules[0].when", {"rules": [{"name": "x", "when": "ownership ==", "actions": ["audit"]}]}, "a JMESPath expression"),
    (
        "rules[0].stages[1].from",
        {
            "rules": [
                {"name": "x", "when": {}, "stages": [{"actions": ["advise"]}, {"from": "2023-02-01T00:00:00Z", "actions": ["remove"]}]}
            ]
        },
        "not before effective.from",
    ),
    (
        "rules[0].stages[1]",
        {"rules": [{"name": "x", "when": {}, "stages": [{"actions": ["advise"]}, {"actions": ["remove"]}]}]},
        "after the stage before",
    ),
]


@pytest.mark.parametrize(("path", "changes", "expected"), MEANING)
def test_meaning(path: str, changes: dict[str, Any], expected: str) -> None:
    problems = problems_at(path, **{"rules": SMALL["rules"], **changes})
    assert any(expected in problem.expected for problem in problems), problems_of(document(**changes))
    assert all(problem.kind == "meaning" for problem in problems)


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"devices": None}, "exemptions[0]", "one of devices, users or when"),
        # U5: a user's exemption says what it covers.
        ({"devices": None, "users": ["ada"]}, "exemptions[0].users", "follow_user: true"),
        ({"users": ["ada"], "follow_user": True}, "exemptions[0].follow_user", "no follow_user where devices are named"),
        ({"follow_user": True}, "exemptions[0].follow_user", "users beside it"),
        ({"when": {"department": "x"}}, "exemptions[0].when", "either when, or devices"),
        ({"expires": "2023-03-01"}, "exemptions[0].expires", "after granted"),
        ({"expires": "2024-03-02"}, "exemptions[0].expires", "at most 365 days"),
        ({"apps": ["wechat"]}, "exemptions[0].apps[0]", "an app of this policy"),
        ({"granted": "2023-03-02T00:00:00"}, "exemptions[0].granted", "an instant with an offset"),
        # Blanket: all of the policy's scope, in several disguises.
        ({"devices": None, "when": {}}, "exemptions[0].when", "part of the policy's scope"),
        ({"devices": None, "when": {"ownership": "corporate"}}, "exemptions[0].when", "part of the policy's scope"),
        ({"devices": None, "when": {"ownership": ["corporate", "shared"]}}, "exemptions[0].when", "part of the policy's scope"),
        ({"devices": None, "when": {"ownership": ["corporate", "shared", "personal"]}}, "exemptions[0].when", "part of the policy's scope"),
        (
            {"devices": None, "when": {"any": [{"department": "x"}, {"ownership": "corporate"}]}},
            "exemptions[0].when",
            "part of the policy's scope",
        ),
        ({"devices": None, "when": {"not": {"not": {"ownership": "corporate"}}}}, "exemptions[0].when", "part of the policy's scope"),
        ({"devices": None, "when": {"supervised": [True, False]}}, "exemptions[0].when", "part of the policy's scope"),
    ],
)
def test_exemptions_are_held_to_account(changes: dict[str, Any], path: str, expected: str) -> None:
    problems = problems_at(path, exemptions=[exemption(**changes)])
    assert [problem for problem in problems if expected in problem.expected], problems_of(document(exemptions=[exemption(**changes)]))


def test_an_exemption_for_a_part_of_the_scope_is_taken() -> None:
    for when in (
        {"ownership": "corporate", "department": "press"},
        {"department": "press"},
        {"not": {"ownership": "corporate"}},
        "floor > `1`",
    ):
        assert problems_of(document(exemptions=[exemption(devices=None, when=when)])) == (), when


def test_U4_categories_and_required_fields_are_a_closed_list() -> None:
    held = {"categories": ["enforcement", "online_harm", "other_work"], "require": ["mitigations"], "max_days": 30}
    found = problems_of(document(exemption_rules=held, exemptions=[exemption(category="enforcment")]))
    assert {problem.path for problem in found} == {"exemptions[0].category", "exemptions[0].mitigations", "exemptions[0].expires"}
    assert next(problem for problem in found if problem.path.endswith("category")).nearest == ("enforcement",)
    found = problems_of(document(exemption_rules=held, exemptions=[exemption(expires="2023-03-20", mitigations=["x"])]))
    assert [problem.path for problem in found] == ["exemptions[0].category"]


def test_max_days_counts_days_of_the_calendar() -> None:
    held = {"max_days": 30}
    for expires, sound in (
        ("2023-04-01", True),
        ("2023-04-02", False),
        ("2023-04-01T23:59:59+01:00", True),
        ("2023-04-02T00:00:00+01:00", True),
        ("2023-04-02T00:00:01+01:00", False),
    ):
        assert (problems_of(document(exemption_rules=held, exemptions=[exemption(expires=expires)])) == ()) is sound, expires


def test_an_expired_exemption_stays_valid_as_a_document() -> None:
    assert policy(exemptions=[exemption(granted="2013-03-02", expires="2013-06-30")]).exemptions[0].id == "EX-1"


def test_duplicate_exemption_ids() -> None:
    assert problems_at("exemptions[1].id", exemptions=[exemption(), exemption()])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ios_bundle_id", "com.zhiliaoapp.*"),
        ("ios_bundle_id", "tiktok"),
        ("android_package", "com.a?"),
        ("android_package", "com.1a"),
        ("appx_family_name", "BytedancePte.Ltd.TikTok"),
        ("appx_family_name", "*TikTok*_6yccndn6064se"),
        ("store_id", "9nh2gph4jzs4"),
        ("winget", "ByteDance.*"),
        ("winget", "TikTok"),
        ("msi_product_code", "12345678-1234-1234-1234-123456789012"),
        ("uninstall_name", "TikTok*"),
        ("deb", "Tiktok"),
        ("deb", "tiktok*"),
        ("deb", "x"),
        ("rpm", "tik tok"),
        ("pacman", "-tiktok"),
        ("apk", "tik/tok"),
        ("flatpak", "com.tiktok"),
        ("snap", "TikTok"),
        ("snap", "tik--tok"),
        ("snap", "123"),
        ("brew_cask", "Tik Tok"),
        ("chrome_extension", "abcdefghijklmnopabcdefghijklmnoz"),
        ("domain", "*.tiktok.com"),
        ("domain", "TikTok.com"),
        ("domain", "tiktok"),
        ("domain", "https://tiktok.com"),
        ("domain", "münchen.de"),
        ("domain", "tiktok.com."),
        ("domain", "-a.com"),
        ("display_name", "*"),
        ("display_name", "*a*"),
        ("apple_team_id", "22mmun2rn5"),
    ],
)
def test_identifiers_that_are_no_exact_names_are_refused(kind: str, value: str) -> None:
    found = problems_of(document(apps=[{"id": "x", "title": "X", "identifiers": {kind: [value]}}]))
    assert [problem.path for problem in found] == [f"apps[0].identifiers.{kind}[0]"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ios_bundle_id", "com.apple.mobilesafari"),
        ("macos_bundle_id", "com.jamf.management.daemon"),
        ("android_package", "com.android.settings"),
        ("android_package", "com.google.android.gms"),
        ("android_package", "com.microsoft.windowsintune.companyportal"),
        ("deb", "systemd"),
        ("deb", "libc6"),
        ("deb", "sudo"),
        ("deb", "openssh-server"),
        ("deb", "python3"),
        ("deb", "apt"),
        ("deb", "linux-image-amd64"),
        ("rpm", "dnf"),
        ("rpm", "kernel-core"),
        ("pacman", "pacman"),
        ("apk", "busybox"),
        ("snap", "snapd"),
        ("flatpak", "org.freedesktop.Platform"),
        ("domain", "akamaized.net"),
        ("domain", "co.uk"),
        ("domain", "microsoft.com"),
    ],
)
def test_system_components_and_management_agents_are_refused(kind: str, value: str) -> None:
    found = problems_of(document(apps=[{"id": "x", "title": "X", "identifiers": {kind: [value]}}]))
    assert [problem.path for problem in found] == [f"apps[0].identifiers.{kind}[0]"]
    assert found[0].kind == "meaning"


def test_B9_names_are_never_guessed() -> None:
    for name, near in (("tik-tok", "tiktok"), ("tiktokk", "tiktok"), ("we-chat", "wechat"), ("chat-program", None)):
        (found,) = problems_at("apps[0]", apps=[name])
        assert near is None or near in found.nearest


def test_all_problems_come_at_once() -> None:
    wrong = copy.deepcopy(FULL)
    wrong["titel"] = "x"
    wrong["apps"][0] = "tik-tok"
    wrong["rules"][1]["stages"][1]["from"] = "2023-03-26T02:30:00"
    wrong["exemptions"][0]["expires"] = "2025-01-01"
    wrong["limits"]["max_devices"] = "many"
    assert {problem.path for problem in problems_of(wrong)} >= {
        "titel",
        "apps[0]",
        "rules[1].stages[1].from",
        "exemptions[0].expires",
        "limits.max_devices",
    }


def test_native_dates_of_a_yaml_reader_are_taken() -> None:
    parsed = policy(effective={"from": datetime.fromisoformat("2023-03-01T00:00:00+01:00"), "review_on": date(2023, 9, 1)})
    assert instants.utc_text(parsed.effective.start.at) == "2023-02-28T23:00:00Z"
    assert parsed.effective.review_on == date(2023, 9, 1)


def test_a_document_that_holds_itself_is_refused() -> None:
    looped = document()
    looped["rules"][0]["when"]["any"] = [looped["rules"][0]["when"]]
    (found,) = problems_of(looped)
    assert "nested" in found.found
