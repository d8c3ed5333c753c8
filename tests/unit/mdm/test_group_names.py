# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups that expressions name are read like those that mappings name; where none can be read off, that is said before anything is read."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.group_names import refuse_unreadable_groups, wanted_groups
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support import policy_samples as samples


def policy(when: Any, **more: Any) -> Policy:
    return samples.policy(rules=[{"name": "Some", "when": when, "actions": ["block"]}], exemptions=None, **more)


@pytest.mark.fault_kind("D3", "an expression about groups that leaves everybody unclassified")
@pytest.mark.parametrize(
    ("when", "names"),
    [
        ({"groups": ["a", "b"]}, {"a", "b"}),
        ("contains(groups, 'field')", {"field"}),
        ("!contains(groups, 'field') && ownership == 'corporate'", {"field"}),
        ("contains(groups, 'a') || contains(groups, 'b')", {"a", "b"}),
        ("length(groups[?@ == 'a']) > `0`", {"a"}),
        ("length(groups[?'a' == @]) > `0`", {"a"}),
        ("ownership == 'corporate'", set()),
        ({"any": [{"groups": "a"}, {"not": {"groups": "b"}}]}, {"a", "b"}),
    ],
)
def test_groups_are_read_off_a_condition(when: Any, names: set[str]) -> None:
    refuse_unreadable_groups([policy(when)])
    assert wanted_groups([policy(when)]) == names


@pytest.mark.fault_kind("D3", "an expression about groups that leaves everybody unclassified")
@pytest.mark.parametrize("when", ["length(groups) > `2`", "length(groups[?starts_with(@, 'Field')]) > `0`", "groups[0] == 'a'"])
def test_an_expression_of_which_no_groups_can_be_read_off_is_refused(when: str) -> None:
    told = r"rules\[0\].when: .*groups.* can't be read off .*groups: \[NAME\]"
    with pytest.raises(AppbanError, match=told):
        refuse_unreadable_groups([policy(when)])
    spared = samples.exemption(when=when, devices=None)
    with pytest.raises(AppbanError, match=r"exemptions\[0\].when"):
        refuse_unreadable_groups([samples.policy(rules=[{"name": "Some", "when": {}, "actions": ["block"]}], exemptions=[spared])])
