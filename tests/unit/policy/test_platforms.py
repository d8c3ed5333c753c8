# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an app exists at all: an entry may declare its platforms, and on others the ban does not count against a device."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy import serialize
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import Catalog, parse_catalog, version_of
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider, covers_whole_scope, decide
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import PLATFORMS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.instants import read_now
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import VERDICTS, AppDecision, Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import STRUCTURE, PolicyError, Problem
from ansible_collections.appban.endpoint.plugins.module_utils.policy.schema import catalog_schema, policy_schema
from tests.support import mutations
from tests.support.policy_samples import SMALL, TIKTOK, entry, exemption

NOW = read_now("2023-03-20T09:00:00Z")
PHONES: dict[str, Any] = {
    "id": "phones-only",
    "title": "Phones Only",
    "vendor": "nobody",
    "platforms": ["ios", "android"],
    "platforms_source": "maker: phones.example/download",
    "identifiers": {"ios_bundle_id": [entry("com.example.phones")], "android_package": [entry("com.example.phones")]},
}
CATALOG = parse_catalog([[("phones-only.yml", PHONES), ("tiktok.yml", TIKTOK)]])


def made(catalog: Catalog = CATALOG, **changes: Any) -> Policy:
    return parse_policy({**SMALL, "apps": ["phones-only"], **changes}, "small.yml", catalog, "0" * 64)


def decided(*policies: Policy, **device: Any) -> AppDecision:
    record = {"id": "d1", "serial": "S1", "ownership": "corporate", **device}
    return decide(policies, record, NOW).apps["phones-only"]


def problems(*documents: dict[str, Any]) -> list[str]:
    """What is refused of documents that lie over each other."""
    try:
        parse_catalog([[(f"app{number}.yml", document)] for number, document in enumerate(documents)])
    except PolicyError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.fault_kind("R4", "an app counts against a device of a platform for which it does not exist")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_elsewhere_it_is_not_applicable_and_nothing_is_demanded(platform: str) -> None:
    app = decided(made(), platform=platform)
    here = platform in ("ios", "ipados", "android")
    assert app.verdict == ("enforce" if here else "not_applicable")
    assert app.actions == (("remove", "block") if here else ())
    assert app.would == ()
    if not here:
        assert app.reason == "Phones Only does not exist on the platform of this device, as its entry declares."


def test_an_app_on_iphones_is_on_ipads_too() -> None:
    assert decided(made(), platform="ipados").verdict == "enforce"
    only_ipad = parse_catalog([[("phones-only.yml", {**PHONES, "platforms": ["ipados", "android"]})]])
    assert decided(made(only_ipad), platform="ios").verdict == "not_applicable"


@pytest.mark.parametrize("platform", [None, "", "iphone", ["ios"]])
def test_an_unknown_platform_is_no_reason(platform: Any) -> None:
    assert decided(made(), platform=platform).verdict == "enforce"


def test_without_a_declaration_nothing_changes() -> None:
    policy = made(apps=["tiktok"])
    found = decide([policy], {"id": "d1", "platform": "linux", "ownership": "corporate"}, NOW).apps["tiktok"]
    assert found.verdict == "enforce", "a missing identifier stays a gap"
    assert "platform" not in Decider([policy], NOW).attributes


def exempting(**changes: Any) -> Policy:
    return made(
        exemptions=[exemption(**{"devices": ["S1"], "granted": "2023-03-02T00:00:00Z", "expires": "2023-06-01T00:00:00Z", **changes})]
    )


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (made(), "not_applicable"),
        (exempting(), "not_applicable"),
        (made(state="report_only"), "not_applicable"),
        (made(effective={"from": "2024-03-01T00:00:00Z"}), "not_applicable"),
        (made(apps=["tiktok"], review=["phones-only"]), "not_applicable"),
        (made(state="lifted"), "lifted"),
        (made(rules=[{"name": "x", "when": {"ownership": "personal"}, "actions": ["block"]}]), "out_of_scope"),
        (made(rules=[{"name": "x", "when": {"department": "press"}, "actions": ["block"]}]), "unclassified"),
    ],
    ids=["enforce", "exempt", "report_only", "pending", "review", "lifted", "out_of_scope", "unclassified"],
)
def test_it_stands_only_in_the_place_of_what_would_have_been_looked_for(policy: Policy, verdict: str) -> None:
    app = decided(policy, platform="linux")
    assert app.verdict == verdict
    assert app.actions == app.would == ()
    if verdict == "not_applicable":
        assert app.exempted is None


def test_a_policy_that_declares_nothing_still_asks() -> None:
    """Of two policies with accounts of their own, the strictest counts."""
    own = {"id": "phones-only", "title": "Phones Only", "identifiers": {"deb": ["phones-only"]}}
    other = parse_policy({**SMALL, "policy": "other", "apps": [own]}, "other.yml", parse_catalog([]), "0" * 64)
    app = decided(made(), other, platform="linux")
    assert (app.verdict, app.actions) == ("enforce", ("remove", "block"))
    assert [each.verdict for each in app.policies] == ["not_applicable", "enforce"]


def test_the_order_of_verdicts() -> None:
    assert VERDICTS[-3:] == ("lifted", "not_applicable", "out_of_scope")


def test_an_exemption_of_everybody_concerned_is_found_although_others_are_not_concerned() -> None:
    policy = exempting(devices=["S1", "S2"])
    devices = [
        {"id": "d1", "serial": "S1", "platform": "ios", "ownership": "corporate"},
        {"id": "d2", "serial": "S2", "platform": "ios", "ownership": "corporate"},
        {"id": "d3", "serial": "S3", "platform": "linux", "ownership": "corporate"},
    ]
    assert covers_whole_scope([policy], [decide([policy], each, NOW) for each in devices]) == ["small/EX-1"]


def test_it_survives_the_way_through_plain_data() -> None:
    policy = made()
    assert serialize.deserialize_policy(serialize.serialize_policy(policy)) == policy
    assert policy.apps[0].platforms == ("ios", "android")
    assert policy.apps[0].platforms_source == "maker: phones.example/download"
    assert "platform" in policy.attributes, "who describes devices is asked for what decisions rest on"


def test_other_apps_keep_the_version_of_their_content() -> None:
    """A declaration is content, and no declaration changes no hash that earlier records name."""
    bare = parse_catalog([[("tiktok.yml", TIKTOK)]]).apps["tiktok"]
    assert version_of([bare]) == "270fac8c0d76"
    declared = parse_catalog([[("t.yml", {**TIKTOK, "platforms": ["ios", "android", "windows"], "platforms_source": "maker"})]]).apps
    assert version_of(declared.values()) != version_of([bare])


# The grammar.


def test_a_word_outside_the_vocabulary_is_refused_with_the_nearest() -> None:
    (problem,) = problems({**PHONES, "platforms": ["ios", "andriod"]})
    assert "platforms[1]" in problem
    assert "andriod" in problem
    assert "android" in problem


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"platforms": []}, "a list with at least one item"),
        ({"platforms": "ios"}, "a list with at least one item"),
        ({"platforms": ["ios", "android", "ios"]}, "each platform once"),
        ({"platforms_source": None}, "platforms_source"),
        ({"platforms": None}, "platforms"),
        ({"platforms": ["ios"]}, "android_package"),
        ({"platforms": ["windows"]}, "ios_bundle_id"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    found = problems({key: value for key, value in {**PHONES, **changes}.items() if value is not None})
    assert found
    assert any(told in each for each in found), found


def test_inline_the_policy_is_the_source() -> None:
    own = {"id": "hexchat", "title": "HexChat", "platforms": ["linux"], "identifiers": {"deb": ["hexchat"]}}
    policy = parse_policy({**SMALL, "apps": [own]}, "small.yml", parse_catalog([]), "")
    assert policy.apps[0].platforms_source == "policy small"


def test_a_later_account_adds_to_the_declaration_or_leaves_it() -> None:
    more = {"id": "phones-only", "note": "seen"}
    assert parse_catalog([[("a.yml", PHONES)], [("b.yml", more)]]).apps["phones-only"].platforms == ("ios", "android")
    wider = {
        "id": "phones-only", "platforms": ["ios", "android", "linux"], "platforms_source": "ours",
        "identifiers": {"deb": [entry("phones-only")]},
    }  # fmt: skip
    app = parse_catalog([[("a.yml", PHONES)], [("b.yml", wider)]]).apps["phones-only"]
    assert (app.platforms, app.platforms_source) == (("ios", "android", "linux"), "ours")


@pytest.mark.parametrize(
    "later",
    [
        {"id": "phones-only", "identifiers": {"deb": [entry("phones-only")]}},
        {"id": "phones-only", "platforms": ["ios"], "platforms_source": "ours"},
    ],
)
def test_a_later_account_that_contradicts_it_is_refused(later: dict[str, Any]) -> None:
    (problem,) = problems(PHONES, later)
    assert "app1.yml" in problem
    assert "platforms" in problem


@given(st.sampled_from(sorted(PLATFORMS)), st.sets(st.sampled_from(sorted(PLATFORMS)), min_size=1))
def test_whoever_is_listed_is_never_left_out(platform: str, listed: set[str]) -> None:
    own = {"id": "phones-only", "title": "x", "platforms": sorted(listed), "identifiers": {"domain": ["phones.example"]}}
    policy = parse_policy({**SMALL, "apps": [own]}, "small.yml", parse_catalog([]), "")
    verdict = decided(policy, platform=platform).verdict
    if platform in listed:
        assert verdict == "enforce"
    elif not (platform == "ipados" and "ios" in listed):
        assert verdict == "not_applicable"


@pytest.mark.parametrize("name", ["catalog", "policy"])
def test_the_schema_says_of_every_damage_what_the_parser_says(name: str) -> None:
    validator = jsonschema.Draft202012Validator(catalog_schema() if name == "catalog" else policy_schema())
    own = {
        "id": "own",
        "title": "Own",
        "platforms": ["ios"],
        "platforms_source": "ours",
        "identifiers": {"ios_bundle_id": ["com.example.own"]},
    }
    start: dict[str, Any] = PHONES if name == "catalog" else {**SMALL, "apps": [own]}
    count = 0
    for damage, document in mutations.table(start):
        count += 1
        try:
            if name == "catalog":
                parse_catalog([[("app.yml", document)]])
            else:
                parse_policy(document, "small.yml", CATALOG, "")
            problems: tuple[Problem, ...] = ()
        except PolicyError as error:
            problems = error.problems
        accepted = validator.is_valid(document)
        structural = [problem for problem in problems if problem.kind == STRUCTURE]
        assert not (accepted and structural), (damage, structural)
        assert accepted or problems, damage
    assert count > 100
