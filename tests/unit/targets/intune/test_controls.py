# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From decisions to controls: whom each is for, what it is called, what it goes by, and that no deadline comes early."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.identifiers import would_block
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities as names
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.bodies import package_name
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.controls import (
    MAX_GRACE_HOURS,
    VISIBILITY_LIST,
    Control,
    ControlSettings,
    grace_hours,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import ALL_DEVICES, ALL_USERS, EXCLUDED_GROUP, GROUP
from tests.support.intune.pure_tenant import Run
from tests.support.intune.random_policies import devices, policies
from tests.support.mdm_samples import NOW, app, device, exemption, policy

EVERYTHING = {"name": "All", "when": {"work_apps": True}, "actions": ["remove", "block", "block_web", "withdraw_access"]}
ONE_OF_EACH = [
    device(1),
    device(2, ownership="personal", supervised=False),
    device(3, platform="android", supervised=None, enrollment="fully_managed"),
    device(4, platform="android", supervised=None, enrollment="cope"),
    device(5, platform="windows", supervised=None),
    device(6, platform="macos", supervised=None),
    device(7, platform="macos", ownership="personal", supervised=None),
]


def controls(*made: Policy, fleet: list[ManagedDevice] | None = None, **options: Any) -> dict[str, Control]:
    """Mechanism -> its one control."""
    found = Run(made, fleet or ONE_OF_EACH, **options).desired.controls
    assert len({each.mechanism for each in found}) == len(found)
    return {each.mechanism: each for each in found}


INSTANTS = st.datetimes(datetime(2023, 1, 1), datetime(2024, 6, 1), timezones=st.just(timezone.utc))


@given(
    deadline=INSTANTS,
    armed=INSTANTS,
    after=st.timedeltas(timedelta(0), timedelta(days=500)),
    found=st.timedeltas(timedelta(0), timedelta(days=500)),
)
def test_no_device_loses_access_before_the_deadline(deadline: datetime, armed: datetime, after: timedelta, found: timedelta) -> None:
    """Intune counts from when a device is found non-compliant, which is never before the policy was armed."""
    hours = grace_hours(deadline, armed, armed + after)
    if hours is None:
        assert deadline - armed > timedelta(hours=MAX_GRACE_HOURS)
        return
    assert 0 <= hours <= MAX_GRACE_HOURS
    if armed + after >= deadline:
        assert hours == 0
    else:
        assert armed + found + timedelta(hours=hours) >= deadline
        assert armed + timedelta(hours=hours) < deadline + timedelta(hours=1), "the first one found waits less than an hour too long"


@given(
    deadline=INSTANTS,
    armed=INSTANTS,
    one=st.timedeltas(timedelta(0), timedelta(days=400)),
    two=st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_until_the_deadline_every_run_asks_for_the_same_grace(deadline: datetime, armed: datetime, one: timedelta, two: timedelta) -> None:
    """Otherwise each run would write."""
    before = [grace_hours(deadline, armed, armed + each) for each in (one, two) if armed + each < deadline]
    assert len(set(before)) <= 1


@settings(max_examples=80)
@given(policies(), devices())
def test_distinct_wants_have_distinct_names(made: tuple[Policy, ...], fleet: list[ManagedDevice]) -> None:
    desired = Run(made, fleet).desired
    assert len({each.name for each in desired.controls}) == len(desired.controls) == len({each.requirement for each in desired.controls})
    groups = [group.name for each in desired.controls for group in each.groups]
    assert len(groups) == len(set(groups))
    filters = {each.name: each.rule for control in desired.controls for each in control.filters}
    assert all(filters[each.name] == each.rule for control in desired.controls for each in control.filters)


@settings(max_examples=30)
@given(policies(), devices(), st.integers())
def test_the_order_of_devices_and_policies_makes_no_other_control(made: tuple[Policy, ...], fleet: list[ManagedDevice], seed: int) -> None:
    def of(listed: list[ManagedDevice], ordered: tuple[Policy, ...]) -> list[Any]:
        return [
            (each.requirement, each.name, each.identifiers, each.body, each.targets, each.groups, each.filters, each.grace_hours)
            for each in Run(ordered, listed).desired.controls
        ]

    shuffled = list(fleet)
    random.Random(seed).shuffle(shuffled)
    assert of(shuffled, made) == of(fleet, made)
    assert of(fleet, made[::-1]) == of(fleet, made)


def test_what_is_doubtful_is_only_reported() -> None:
    made = controls(policy(rules=[EVERYTHING]))
    assert made[names.IOS_LIST].identifiers == ("com.banned.app", "com.banned.doubtful")
    for mechanism in (names.IOS_BLOCK, names.IOS_UNINSTALL, names.IOS_COMPLIANCE):
        assert made[mechanism].identifiers == ("com.banned.app",)
        assert "doubtful" not in str(made[mechanism].body)


def test_windows_goes_by_the_ids_of_microsofts_store() -> None:
    """The kind of identifier holds Apple's numbers too."""
    made = controls(policy(rules=[EVERYTHING]))
    assert made[names.WINDOWS_UNINSTALL].identifiers == ("9NH2GPH4JZS4",)
    assert "Banned.App" in str(made[names.WINDOWS_APPLOCKER].body)
    assert "6yccndn6064se" not in str(made[names.WINDOWS_APPLOCKER].body)
    assert package_name("BytedancePte.Ltd.TikTok_6yccndn6064se") == "BytedancePte.Ltd.TikTok"


def test_an_app_without_a_fitting_name_is_missing_and_not_guessed() -> None:
    desired = Run([policy(rules=[EVERYTHING], apps=[app(identifiers={"android_package": ["com.banned"]})])], ONE_OF_EACH).desired
    assert (names.IOS_BLOCK, "banned") in desired.without_identifier
    assert {each.mechanism for each in desired.controls} == {names.ANDROID_UNINSTALL, names.ANDROID_PERSONAL}


def test_lists_hold_every_app_of_a_population_and_assignments_one_each() -> None:
    desired = Run([policy(rules=[EVERYTHING], apps=[app(), app("wechat")])], ONE_OF_EACH).desired
    count = {mechanism: sum(each.mechanism == mechanism for each in desired.controls) for mechanism in names.NAMES}
    assert (count[names.IOS_BLOCK], count[names.IOS_COMPLIANCE], count[names.ANDROID_PERSONAL]) == (1, 1, 1)
    assert (count[names.IOS_UNINSTALL], count[names.ANDROID_UNINSTALL]) == (2, 2)


def test_a_whole_ownership_is_one_scope_and_exempt_devices_its_exceptions() -> None:
    rule = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
    fleet = [device(number) for number in range(1, 30)]
    control = controls(policy(rules=[rule], exemptions=[exemption(devices=["SN0003"])]), fleet=fleet)[names.IOS_BLOCK]
    assert {target.kind for target in control.targets} == {ALL_DEVICES, EXCLUDED_GROUP}
    assert [group.members for group in control.groups] == [{"aad-3"}]
    assert [each.rule for each in control.filters] == ['(device.deviceOwnership -eq "Corporate")']
    assert control.name == "BAN city iOS blocked apps"
    assert control.groups[0].name == "BAN city iOS blocked apps (exceptions)"


def test_a_rule_by_facts_of_ours_is_a_list_of_members() -> None:
    rule = {"name": "Police", "when": {"department": "police"}, "actions": ["block"]}
    fleet = [device(1, department="police"), device(2, department="parks")]
    control = controls(policy(rules=[rule]), fleet=fleet)[names.IOS_BLOCK]
    assert {target.kind for target in control.targets} == {GROUP}
    assert [group.members for group in control.groups] == [{"aad-1"}]


def test_lists_that_report_go_to_users() -> None:
    """Intune ignores them on groups of devices."""
    made = controls(policy(rules=[EVERYTHING]))
    (target,) = made[names.IOS_LIST].targets
    assert target.kind == ALL_USERS
    assert made[names.IOS_LIST].filters[0].rule == '(device.deviceOwnership -in ["Personal", "Unknown"])'


def test_the_older_way_to_hide_apps_can_be_chosen() -> None:
    chosen = controls(policy(rules=[EVERYTHING]), settings=ControlSettings(ios_mechanism=VISIBILITY_LIST))[names.IOS_BLOCK]
    assert (chosen.resource, dict(chosen.body or {})["appsVisibilityListType"]) == ("device_configuration", "appsNotInListCompliant")


def test_a_site_that_stays_open_for_somebody_is_another_list() -> None:
    rule = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block_web"]}
    made = Run(
        [policy(rules=[rule], exemptions=[exemption(devices=["SN0001"], domains=["banned.example"])])], [device(1), device(2), device(3)]
    ).desired.controls
    assert [(each.name, each.control_scope.covers) for each in made] == [("BAN city iOS web filter", {1, 2})]


def test_sites_of_several_apps_are_one_list_whatever_is_left_open_in_it() -> None:
    """Two lists on one device are in conflict."""
    rule = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block_web"]}
    opened = exemption(devices=["SN0001"], apps=["banned"], domains=["banned.example"])
    made = Run([policy(rules=[rule], apps=[app(), app("wechat")], exemptions=[opened])], [device(1), device(2), device(3)])
    found = {each.name: (each.control_scope.covers, each.identifiers) for each in made.desired.controls}
    assert found == {
        "BAN city iOS web filter": ({1, 2}, ("banned.example", "wechat.example")),
        "BAN city iOS web filter but for banned.example": ({0}, ("wechat.example",)),
    }


@pytest.mark.parametrize(
    ("domain", "opened", "expected"),
    [
        ("tiktok.com", (), False),
        ("tiktok.com", ("tiktok.com",), True),
        ("www.tiktok.com", ("tiktok.com",), True),
        ("tiktok.com", ("m.tiktok.com",), True),
        ("nottiktok.com", ("tiktok.com",), False),
        ("tiktok.com", ("tiktok.com.example",), False),
    ],
)
def test_an_open_site_is_not_blocked_through_another_name(domain: str, opened: tuple[str, ...], expected: bool) -> None:
    assert would_block(domain, opened) == expected


@pytest.mark.parametrize(("days", "armed"), [(10, True), (364, True), (366, False)])
def test_a_deadline_that_is_too_far_ahead_is_not_armed_yet(days: int, armed: bool) -> None:
    deadline = (NOW + timedelta(days=days)).isoformat()
    stages = [{"actions": ["advise"]}, {"from": deadline, "actions": ["withdraw_access"]}]
    desired = Run([policy(rules=[{"name": "All", "when": {"work_apps": True}, "stages": stages}])], [device()]).desired
    found = {each.mechanism: each for each in desired.controls}
    assert (names.IOS_COMPLIANCE in found) == armed
    assert bool(desired.not_yet_armed) != armed
    if armed:
        # Ten minutes for a clock that is ahead of the tenant's, rounded up to a whole hour.
        assert found[names.IOS_COMPLIANCE].grace_hours == days * 24 + 1
        assert dict(found[names.IOS_COMPLIANCE].facts)["armed"] == "2023-03-20T08:50:00Z"
