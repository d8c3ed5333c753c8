# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets and policies drawn at random, for properties of Jamf Pro's plans."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support.jamf_pro.pure_server import device
from tests.support.random_policies import policies_of

RULES: tuple[dict[str, Any], ...] = (
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "block_web"]},
    {"name": "Corporate blocked", "when": {"ownership": "corporate"}, "actions": ["block"]},
    {"name": "Police", "when": {"department": "police"}, "actions": ["remove", "block"]},
    {"name": "Supervised", "when": {"supervised": True}, "actions": ["block_web", "block"]},
    {"name": "iPads", "when": {"platform": ["ipados", "macos"]}, "actions": ["block"]},
    {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]},
    {"name": "All", "when": {"work_apps": True}, "actions": ["remove", "block"]},
)
#: Most are those that a native scope reaches, because that is where an exception is needed.
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"platform": "ipados"},
    {"platform": "ipados", "supervised": False},
    {"ownership": "PersonalDeviceProfile", "supervised": False},
    {"ownership": "UserEnrollment", "supervised": False},
    {"model": ""},
    {"platform": "tvos"},
    {"managed": False},
    {"platform": "macos"},
    {"platform": "macos", "supervised": None},
    {"platform": "macos", "managed": False},
)


@st.composite
def devices(draw: st.DrawFn) -> list[ManagedDevice]:
    made = []
    for number in range(1, draw(st.integers(1, 9)) + 1):
        row = draw(st.sampled_from(KINDS))
        made.append(device(number, department=draw(st.sampled_from(("police", "parks", ""))), **row))
    return made


def policies() -> st.SearchStrategy[tuple[Policy, ...]]:
    return policies_of(RULES)
