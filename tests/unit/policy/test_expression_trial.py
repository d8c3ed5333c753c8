# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An expression that fails for every device is refused when the policy is read."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.expression import ExpressionError, compile_expression


@pytest.mark.fault_kind("D3", "expressions that fail for every device")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contains(groups)", "contains() takes 2 arguments, not 1"),
        ("ownership == 'personal' && length(groups, groups) > `1`", "length() takes 1 argument, not 2"),
        ("merge(groups[?length(@, @) > `1`])", "length() takes 1 argument, not 2"),
        ("length(groups[::0]) > `1`", "the step of a slice can't be 0"),
        ("!(groups[0:2:0] == `[]`)", "the step of a slice can't be 0"),
        ("starts_with(department, `1`)", "starts_with()"),
        ("abs(department) > `1`", "abs()"),
        ("contains(supervised, 'a')", "contains()"),
        ("starts_with(groups, 'a')", "starts_with()"),
        ("department", "neither true nor false"),
        ("os_version > `10`", "to_number() makes one of a text"),
        ("length(accesses)", "neither true nor false"),
        ("abs(floor, floor) > `1`", "abs() takes 1 argument, not 2"),
        ("starts_with(floor, `1`)", "starts_with()"),
    ],
)
def test_what_fails_for_every_device_is_refused(text: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "work_apps",
        "!supervised",
        "private",
        "contains(groups, 'field') && length(accesses) > `0`",
        "floor > `2`",
        "to_number(os_version) >= `17`",
        "starts_with(department, 'press')",
        "starts_with(contract.kind, 'full')",
        "contract.kind == 'full' && contract.hours > `30`",
        "contains(accesses[0].tags, 'a')",
        "length(apps[?name == 'x'].id) > `0`",
        "max(floors) > floor",
        "groups[0] == 'a'",
        "groups[::-1] == `[]`",
        "merge(contract, other, third) == contract",
        "a == b && c == d && e > f",
        "a > b && contains(c, d)",
    ],
)
def test_what_can_be_true_for_some_device_is_taken(text: str) -> None:
    compile_expression(text)
