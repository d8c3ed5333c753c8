# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a decision to what a host is asked for: never a name more than the policies in force give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import PACKAGE_KINDS
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import LEFTOVER_KINDS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import ACTIONS, VERDICTS
from ansible_collections.appban.endpoint.plugins.plugin_utils.host_requests import apps_of_policies, is_doubted, request_of_decision
from tests.support.hosts.fake_host import request as module_options

APPS = ("capcut", "tiktok", "wechat")
POLICIES = ("city", "nation", "proposal")


def policy(name: str, confidence: str = "sure") -> dict[str, Any]:
    """A policy in plain form that names every app, each by a package of its own and by one that all policies share."""
    apps = [
        {
            "id": app,
            "title": app.title(),
            "identifiers": {
                "deb": [
                    {"value": "%s-%s" % (app, name), "confidence": confidence, "source": "test"},
                    {"value": "%s-shared" % app, "confidence": confidence, "source": "test"},
                ],
                "ios_bundle_id": [{"value": "com.example.%s" % app, "confidence": "sure"}],
                "domain": [
                    {"value": "%s.example" % app, "confidence": "sure", "tier": "core"},
                    {"value": "cdn.example", "confidence": "sure", "tier": "vendor_shared"},
                ],
            },
        }
        for app in APPS
    ]
    return {"policy": name, "apps": apps[:2], "review": apps[2:]}


def part(**verdicts: str) -> dict[str, Any]:
    """An app's part of a decision, from what each policy says; the strictest verdict leads, as the policy core has it."""
    return {
        "verdict": min(verdicts.values(), key=VERDICTS.index),
        "actions": ["remove", "block"] if "enforce" in verdicts.values() else [],
        "policies": [{"policy": name, "verdict": verdict} for name, verdict in verdicts.items()],
    }


def decision(**parts: dict[str, Any]) -> dict[str, Any]:
    return {"apps": parts}


def asked(said: dict[str, Any], confidence: str = "sure") -> dict[str, Any] | None:
    return request_of_decision(said, apps_of_policies(policy(name, confidence) for name in POLICIES))


@st.composite
def decisions(draw: Any) -> dict[str, Any]:
    parts = {}
    for app in draw(st.sets(st.sampled_from(APPS), min_size=1)):
        each = part(**{name: draw(st.sampled_from(VERDICTS)) for name in draw(st.sets(st.sampled_from(POLICIES), min_size=1))})
        if each["actions"]:
            each["actions"] = [action for action in ACTIONS if draw(st.booleans())]
        parts[app] = each
    return {"apps": parts}


@given(decisions())
def test_U1_U3_only_an_app_that_is_enforced_is_removed_or_blocked(said: dict[str, Any]) -> None:
    request = asked(said)
    unclassified = {app for app, each in said["apps"].items() if is_doubted(each)}
    if request is None:
        assert unclassified == set(said["apps"])
        return
    assert unclassified != set(said["apps"]), "a host that is wholly unclassified is not contacted"
    assert request["others"] == ("keep" if unclassified else "lift")
    for app in request["apps"]:
        verdict = said["apps"][app["id"]]["verdict"]
        assert app["id"] not in unclassified
        if verdict in ("exempt", "out_of_scope", "lifted", "not_applicable"):
            assert app == {"id": app["id"], "identifiers": {}, "state": "lifted"}, "not looked for, only lifted"
        elif verdict == "enforce":
            actions = said["apps"][app["id"]]["actions"]
            # A demanded block has the form that the host's task says.
            form = None if "block" in actions else "false"
            assert (app["state"], app["remove"], app.get("block")) == ("absent", "remove" in actions, form)
        else:
            assert (app["state"], app["remove"], app["block"]) == ("absent", False, "false")
    listed = {app["id"] for app in request["apps"]}
    looked_for = {app for app, each in said["apps"].items() if each["verdict"] in ("enforce", "report_only", "pending", "review")}
    assert listed == (looked_for if not unclassified else set(said["apps"]) - unclassified)


@given(decisions())
def test_every_name_comes_from_a_policy_that_counts(said: dict[str, Any]) -> None:
    request = asked(said)
    for app in (request or {"apps": []})["apps"]:
        each = said["apps"][app["id"]]
        counting = {"enforce"} if each["verdict"] == "enforce" else {"report_only", "pending", "review"}
        policies = {one["policy"] for one in each["policies"] if one["verdict"] in counting}
        names = {entry["value"] for entry in app["identifiers"].get("deb", ())}
        expected = {"%s-%s" % (app["id"], name) for name in policies} | ({"%s-shared" % app["id"]} if policies else set())
        assert names == (expected if app["state"] == "absent" else set())


@given(decisions(), st.sampled_from(["true", "strong"]))
def test_the_module_accepts_what_is_asked(said: dict[str, Any], block: str) -> None:
    request = asked(said)
    if request is not None:
        parsed = module_options(*request["apps"], others=request["others"], block=block)
        assert {app.id for app in parsed.apps} == {app["id"] for app in request["apps"]}
        assert {app.block for app in parsed.apps if app.state == "absent"} <= {"none", "soft" if block == "true" else "strong"}


def test_a_host_of_which_nothing_is_known_is_not_touched_at_all() -> None:
    assert asked(decision(tiktok=part(city="unclassified"), wechat=part(city="unclassified"))) is None


def test_P4_a_host_out_of_scope_is_only_asked_to_forget_us() -> None:
    assert asked(decision(tiktok=part(city="out_of_scope"))) == {"apps": [], "others": "lift"}


@pytest.mark.fault_kind("R4", "a host is looked into for an app that does not exist on its platform")
def test_an_app_that_does_not_exist_there_is_not_looked_for_and_keeps_no_block() -> None:
    said = decision(tiktok=part(city="not_applicable"), wechat=part(city="enforce"))
    request = asked(said)
    assert request is not None
    assert ([app["id"] for app in request["apps"]], request["others"]) == (["wechat"], "lift")


def test_an_unclassified_app_keeps_its_block_while_others_are_lifted_by_name() -> None:
    assert asked(decision(tiktok=part(city="unclassified"), capcut=part(city="exempt"))) == {
        "apps": [{"id": "capcut", "identifiers": {}, "state": "lifted"}],
        "others": "keep",
    }


@pytest.mark.parametrize("verdict", ["exempt", "review", "pending", "report_only"])
def test_a_block_stays_while_one_of_two_policies_does_not_know_the_device(verdict: str) -> None:
    assert asked(decision(tiktok=part(city=verdict, region="unclassified"))) is None


def test_a_proposal_does_not_make_a_name_sure_for_the_policy_in_force() -> None:
    apps = apps_of_policies([policy("city", "detect_only"), policy("proposal", "sure")])
    request = request_of_decision(decision(tiktok=part(city="enforce", proposal="report_only")), apps)
    assert request is not None
    assert request["apps"][0]["identifiers"]["deb"] == [
        {"value": "tiktok-city", "confidence": "detect_only"},
        {"value": "tiktok-shared", "confidence": "detect_only"},
    ]


def test_of_two_policies_in_force_the_surer_name_counts() -> None:
    apps = apps_of_policies([policy("city", "detect_only"), policy("nation", "sure")])
    request = request_of_decision(decision(tiktok=part(city="enforce", nation="enforce")), apps)
    assert request is not None
    confidences = {entry["value"]: entry["confidence"] for entry in request["apps"][0]["identifiers"]["deb"]}
    assert confidences == {"tiktok-city": "detect_only", "tiktok-shared": "sure", "tiktok-nation": "sure"}


def test_only_identifiers_that_matter_on_a_host_go_there() -> None:
    apps = apps_of_policies([policy("city")])
    kinds = {kind for by_policy in apps.values() for identifiers in by_policy.values() for kind in identifiers}
    assert kinds <= set(PACKAGE_KINDS) | set(LEFTOVER_KINDS)
    assert apps["tiktok"]["city"]["domain"] == [{"value": "tiktok.example", "confidence": "sure"}], "a shared domain names other apps too"


@pytest.mark.parametrize("option", ["max_removals", "lock_timeout"])
def test_a_number_that_no_run_can_keep_to_is_refused(option: str) -> None:
    with pytest.raises(AppbanError, match=r"%s: found -1, expected 0 or more" % option):
        module_options(**{option: -1})
