# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies drawn at random, of the rules of a target, for properties of its plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.mdm_samples import app, exemption, policy

APPS = ("banned", "wechat")
EXEMPTIONS: tuple[dict[str, Any], ...] = (
    {"devices": ["SN0001"]},
    {"devices": ["SN0002"], "apps": ["wechat"]},
    {"devices": ["SN0003"], "domains": ["banned.example"], "apps": ["banned"]},
    {"users": ["user4@city.example"], "follow_user": True},
)


@st.composite
def policies_of(draw: st.DrawFn, rules_of_target: Sequence[Mapping[str, Any]]) -> tuple[Policy, ...]:
    """One policy or two. rules_of_target: those that a policy may have, by name."""
    made = []
    for name in ("city", "school")[: draw(st.integers(1, 2))]:
        rules = draw(st.lists(st.sampled_from(rules_of_target), min_size=1, max_size=2, unique_by=lambda rule: rule["name"]))
        chosen = draw(st.lists(st.sampled_from(EXEMPTIONS), max_size=2, unique_by=str))
        apps = draw(st.sampled_from((["banned"], ["banned", "wechat"], ["wechat"])))
        fitting = [each for each in chosen if set(each.get("apps", apps)) <= set(apps)]
        exemptions = [exemption(f"EX-{number}", **each) for number, each in enumerate(fitting)]
        banned = [app(each) for each in apps]
        try:
            made.append(policy(name, rules=rules, apps=banned, **({"exemptions": exemptions} if exemptions else {})))
        except PolicyError:
            # An exemption that covers its whole scope is refused; what is left is a policy all the same.
            made.append(policy(name, rules=rules, apps=banned))
    return tuple(made)
