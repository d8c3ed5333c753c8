# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets and policies drawn at random, for properties of Intune's plans."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support.mdm_samples import device
from tests.support.random_policies import policies_of

RULES: tuple[dict[str, Any], ...] = (
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "block_web"]},
    {"name": "Corporate blocked", "when": {"ownership": "corporate"}, "actions": ["block"]},
    {"name": "Police", "when": {"department": "police"}, "actions": ["remove", "block"]},
    {"name": "Supervised", "when": {"supervised": True}, "actions": ["block_web", "block"]},
    {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise", "withdraw_access"]},
    {"name": "All", "when": {"work_apps": True}, "actions": ["remove"]},
)
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"platform": "ipados", "supervised": False},
    {"ownership": "personal", "supervised": False},
    {"ownership": None},
    {"platform": "android", "supervised": None, "enrollment": "fully_managed"},
    {"platform": "android", "supervised": None, "enrollment": "cope"},
    {"platform": "android", "ownership": "personal", "supervised": None, "enrollment": "work_profile"},
    {"platform": "windows", "supervised": None},
    {"platform": "macos", "supervised": None},
    {"platform": "macos", "ownership": "personal", "supervised": None},
)


@st.composite
def devices(draw: st.DrawFn) -> list[ManagedDevice]:
    made = []
    for number in range(1, draw(st.integers(1, 9)) + 1):
        record = {**draw(st.sampled_from(KINDS)), "department": draw(st.sampled_from(("police", "parks", None)))}
        without = draw(
            st.sampled_from(({}, {}, {}, {"directory_id": ""}, {"user_id": ""}, {"user_id": "user-1", "user": "user1@city.example"}))
        )
        made.append(device(number, **record, **without))
    return made


def policies() -> st.SearchStrategy[tuple[Policy, ...]]:
    return policies_of(RULES)
