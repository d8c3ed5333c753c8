# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native scope: an ownership that it names wants the same on every device, whatever else is true of the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import reject
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.native_scope import OWNERSHIPS, NativeScope
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import BannedApp, Requirement
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Decision, Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.cases import drawn
from tests.support.mdm_samples import NOW, app, exemption, policy

PLATFORMS = ("ios", "ipados", "android")
VALUES: Mapping[str, list[Any]] = {
    "ownership": ["corporate", "personal", ["corporate", "personal"], "shared"],
    "platform": ["ios", ["ios", "android"], "ipados"],
    "supervised": [True, False],
    "enrollment": ["user", ["fully_managed", "cope"], "device"],
    "work_apps": [True],
    "department": ["police", ["police", "parks"]],
    "paid_use": [True],
}
NATIVE = ("ownership", "platform", "supervised", "enrollment", "work_apps")
EXPRESSIONS = ["ownership == 'corporate' && supervised", "department != 'police'", "contains(groups, 'field')", "!paid_use"]


def whens(attributes: Iterable[str], expressions: bool = True) -> st.SearchStrategy[Any]:
    leaf = st.sampled_from([{name: value} for name in attributes for value in VALUES[name]])
    mapping = st.recursive(
        leaf,
        lambda part: (
            st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts})
            | st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts})
            | part.map(lambda one: {"not": one})
        ),
        max_leaves=4,
    )
    return mapping | st.sampled_from(EXPRESSIONS) if expressions else mapping


ACTIONS = st.lists(st.sampled_from(("audit", "advise", "remove", "block")), min_size=1, max_size=2, unique=True)


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, ...]:
    made = []
    for name in ("city", "school")[: draw(st.integers(1, 2))]:
        rules = [
            {"name": f"Rule {number}", "when": draw(whens(VALUES)), "actions": draw(ACTIONS)} for number in range(draw(st.integers(1, 3)))
        ]
        exempt = [exemption(devices=["SN0001"])] if draw(st.booleans()) else []
        if draw(st.booleans()):
            exempt.append(
                exemption("EX-2", when={"all": [{"department": "police"}, draw(whens(NATIVE, expressions=False))]}, apps=["wechat"])
            )
        if draw(st.booleans()):
            exempt.append(exemption("EX-3", when={"all": [{"supervised": True}, {"enrollment": "user"}]}, apps=["wechat"]))
        try:
            made.append(policy(name, rules=rules, exemptions=exempt, apps=[app(), app("wechat")]))
        except PolicyError:
            # An exemption that plainly covers all of its scope is refused.
            reject()
    return tuple(made)


DEVICES = st.fixed_dictionaries(
    {
        "id": st.just("device-9"),
        "serial": st.just("SN0009"),
        "platform": st.sampled_from(PLATFORMS),
        "ownership": st.sampled_from(("corporate", "personal", "shared", None)),
        "supervised": st.sampled_from((True, False, None)),
        "enrollment": st.sampled_from((*ENROLLMENTS, None)),
        "work_apps": st.just(True),
    },
    optional={
        "department": st.sampled_from(("police", "parks", None)),
        "paid_use": st.sampled_from((True, False)),
        "groups": st.sampled_from((["field"], [])),
        "user": st.just("jana"),
    },
)


def requirements_of(record: Mapping[str, Any], decision: Decision) -> frozenset[Requirement]:
    """A target that has one mechanism an action."""
    return frozenset(
        Requirement(action, frozenset({BannedApp(each.app, tuple(v.policy for v in each.policies if action in v.actions))}))
        for each in decision.apps.values()
        for action in each.actions
    )


def pushed(made: tuple[Policy, ...]) -> tuple[Decider, NativeScope]:
    decider = Decider(made, NOW)
    return decider, NativeScope(made, decider, requirements_of, PLATFORMS)


@drawn(made=policies(), devices=st.lists(DEVICES, min_size=1, max_size=8), quick=25, full=100)
def test_what_is_said_of_an_ownership_holds_for_every_device_of_it(made: tuple[Policy, ...], devices: list[dict[str, Any]]) -> None:
    decider, native_scope = pushed(made)
    for record in devices:
        requirements = requirements_of(record, decider.decide(record))
        # The target may know less of the ownership than the asset facts do; a native scope goes by what the target knows.
        for native in {record["ownership"], None} & set(OWNERSHIPS):
            if native is not None and native != record["ownership"]:
                continue
            for requirement in _every_requirement(native_scope):
                if native in native_scope.ownerships(requirement, [record["platform"]]):
                    assert _is_wanted(requirement, requirements)


def _is_wanted(requirement: Requirement, requirements: Iterable[Requirement]) -> bool:
    """Whether the same is wanted, by the same policies at least: another policy may turn out to ask for it too."""
    return all(
        any(
            each.mechanism == requirement.mechanism and app.id in each.app_ids and set(app.policies) <= set(each.policies)
            for each in requirements
        )
        for app in requirement.apps
    )


def _every_requirement(native_scope: NativeScope) -> set[Requirement]:
    return {requirement for seen in native_scope._table.values() for requirements in seen for requirement in requirements}


@drawn(made=policies(), quick=25, full=100)
def test_several_platforms_are_named_only_where_each_is(made: tuple[Policy, ...]) -> None:
    _decider, native_scope = pushed(made)
    for requirement in _every_requirement(native_scope):
        each = [native_scope.ownerships(requirement, [platform]) for platform in PLATFORMS]
        assert native_scope.ownerships(requirement, PLATFORMS) == frozenset.intersection(*each)


BANNED = Requirement("block", frozenset({BannedApp("banned", ("city",))}))


def named(*rules: dict[str, Any], **changes: Any) -> set[str | None]:
    _decider, native_scope = pushed((policy(rules=rules, **changes),))
    return set(native_scope.ownerships(BANNED, ["ios"]))


def test_a_rule_by_ownership_is_pushed_down() -> None:
    assert named({"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}) == {"corporate"}


def test_a_rule_for_everybody_is_pushed_down_for_those_of_unknown_ownership_too() -> None:
    assert named({"name": "All", "when": {"work_apps": True}, "actions": ["block"]}) == {"corporate", "personal", None}


@pytest.mark.parametrize("attribute", ["department", "supervised", "enrollment", "groups", "paid_use"])
def test_a_rule_that_rests_on_anything_else_is_not(attribute: str) -> None:
    value: Any = {"supervised": True, "enrollment": "device", "paid_use": True}.get(attribute, "police")
    assert named({"name": "Some", "when": {"ownership": "corporate", attribute: value}, "actions": ["block"]}) == set()


def test_an_earlier_rule_that_may_match_keeps_a_later_one_back() -> None:
    """First match wins, so a device of that department would get something else."""
    spared = {"name": "Police", "when": {"department": "police"}, "actions": ["audit"]}
    assert named(spared, {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}) == set()


CORPORATE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}


@pytest.mark.parametrize("when", [{"department": "police"}, "department == 'police'", {"supervised": True, "department": "police"}])
def test_an_exemption_by_facts_that_the_target_does_not_know_switches_it_off(when: Any) -> None:
    """A device that enrolls tomorrow may be exempt, and would be reached before a run could leave it out."""
    assert named(CORPORATE, exemptions=[exemption(when=when)]) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"devices": ["SN0001"]},
        {"users": ["jana"], "follow_user": True},
        {"when": {"supervised": True, "enrollment": "user"}, "apps": ["wechat"]},
        {"when": {"department": "police"}, "granted": "2023-04-01"},
        {"when": {"department": "police"}, "expires": "2023-03-19T00:00:00Z"},
    ],
)
def test_other_exemptions_leave_it_on(changes: dict[str, Any]) -> None:
    assert named(CORPORATE, exemptions=[exemption(**changes)], apps=[app(), app("wechat")]) == {"corporate"}


def test_a_device_that_only_an_exemption_names_is_an_exception_and_no_reason_against_a_scope() -> None:
    made = (policy(rules=[CORPORATE], exemptions=[exemption(devices=["SN0001"])]),)
    decider, native_scope = pushed(made)
    exempt = {"id": "device-1", "serial": "SN0001", "platform": "ios", "ownership": "corporate"}
    assert native_scope.ownerships(BANNED, ["ios"]) == {"corporate"}
    assert requirements_of(exempt, decider.decide(exempt)) == frozenset()


SUPERVISED = {"supervised": True, "enrollment": "device"}


@drawn(made=policies(), devices=st.lists(DEVICES, min_size=1, max_size=8), quick=25, full=100)
def test_of_a_scope_of_some_it_holds_for_every_one_of_those(made: tuple[Policy, ...], devices: list[dict[str, Any]]) -> None:
    decider = Decider(made, NOW)
    native_scope = NativeScope(made, decider, requirements_of, PLATFORMS, SUPERVISED)
    for record in ({**each, **SUPERVISED} for each in devices):
        for requirement in _every_requirement(native_scope):
            if record["ownership"] in native_scope.ownerships(requirement, [record["platform"]]):
                assert _is_wanted(requirement, requirements_of(record, decider.decide(record)))


def test_a_rule_by_supervision_is_pushed_down_to_a_scope_of_supervised_devices() -> None:
    made = (policy(rules=[{"name": "Some", "when": {"ownership": "corporate", "supervised": True}, "actions": ["block"]}]),)
    decider = Decider(made, NOW)
    assert NativeScope(made, decider, requirements_of, PLATFORMS).ownerships(BANNED, ["ios"]) == frozenset()
    assert NativeScope(made, decider, requirements_of, PLATFORMS, SUPERVISED).ownerships(BANNED, ["ios"]) == {"corporate"}
