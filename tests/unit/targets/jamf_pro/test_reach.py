# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a scope reaches for sure: what nobody can tell counts as not reached, so that no device is said to have a control that it lacks."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.controls import criteria_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MOBILE, Group, Scope
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.scope_members import ScopeMembers
from tests.support.jamf_pro.pure_server import device
from tests.support.mdm_samples import NOW, fleet, policy

#: Three iPhones and an iPad, by position; their numbers are one higher.
DEVICES = [device(1), device(2), device(3), device(4, "ipados")]
SMART = Group(MOBILE, 10, "phones", True, criteria=criteria_of(["ios"]))
STATIC = Group(MOBILE, 11, "exempt", False, members=frozenset({2}))
UNREAD = Group(MOBILE, 12, "unread", False)
SOMEBODYS = 99


def reached(scope: Scope) -> frozenset[int]:
    members = ScopeMembers(fleet([policy()], DEVICES, NOW), (SMART, STATIC, UNREAD))
    return members.of_audience(MOBILE, scope.audience, members.groups)


@pytest.mark.parametrize(
    ("scope", "positions"),
    [
        (Scope(everything=True), {0, 1, 2, 3}),
        (Scope(groups=frozenset({10})), {0, 1, 2}),
        (Scope(groups=frozenset({10}), excluded_groups=frozenset({11})), {0, 2}),
        (Scope(groups=frozenset({10}), excluded_devices=frozenset({1})), {1, 2}),
        (Scope(devices=frozenset({4})), {3}),
        # Groups of somebody else, and ours whose members were not read, count for nothing.
        (Scope(groups=frozenset({SOMEBODYS, 12}), devices=frozenset({4})), {3}),
    ],
)
def test_what_is_known_of_a_scope_is_reached(scope: Scope, positions: set[int]) -> None:
    assert reached(scope) == positions


@pytest.mark.parametrize(
    "scope",
    [
        Scope(everything=True, excluded_groups=frozenset({SOMEBODYS})),
        Scope(groups=frozenset({10}), excluded_groups=frozenset({11, SOMEBODYS})),
        Scope(groups=frozenset({10}), excluded_groups=frozenset({12})),
        Scope(everything=True, foreign=("exclusions.buildings: HQ",)),
        Scope(everything=True, foreign=("limitations.users: bob",)),
    ],
)
def test_whoever_may_be_spared_by_what_nobody_can_look_into_is_not_called_reached(scope: Scope) -> None:
    assert reached(scope) == frozenset()
