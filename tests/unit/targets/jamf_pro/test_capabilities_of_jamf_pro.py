# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Jamf Pro can do, as data: the table is whole, its kinds are total, and every word in it is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import REASONS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import ACTIONS_WITH_SUPPORT, render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS, OWNERSHIPS, PLATFORMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.capabilities import (
    BY_KIND,
    IOS_BLOCK,
    IOS_WEB,
    MECHANISMS,
    NAMES,
    TABLE,
    capability_of,
)

ODD = st.sampled_from((None, "", "x", 0, [], {}))
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "platform": st.sampled_from(PLATFORMS) | ODD,
        "ownership": st.sampled_from(OWNERSHIPS) | ODD,
        "enrollment": st.sampled_from(ENROLLMENTS) | ODD,
        "supervised": st.booleans() | ODD,
        "os_version": st.sampled_from(("9.0", "16.3", "27.0")) | ODD,
    },
)
IPHONE: dict[str, Any] = {"platform": "ios", "os_version": "16.3", "ownership": "corporate", "supervised": True, "enrollment": "device"}


def test_every_record_has_a_row() -> None:
    @given(RECORDS)
    def check(record: dict[str, Any]) -> None:
        row = capability_of(record)
        assert BY_KIND[row.kind] is row
        if record.get("supervised") is not True and record.get("platform") != "macos":
            assert not row.block.mechanisms
            assert not row.block_web.mechanisms
        # What it blocks with is made for its platform.
        for action in ("remove", "block", "block_web"):
            for mechanism in row.support(action).mechanisms:
                assert record["platform"] in MECHANISMS[mechanism].platforms

    check()


def test_every_word_of_the_table_is_known() -> None:
    for row in TABLE:
        assert (row.sees == "all") == (row.why_unseen == "")
        assert row.why_unseen in ("", *REASONS)
        for action in ACTIONS_WITH_SUPPORT:
            support = row.support(action)
            assert set(support.mechanisms) <= set(NAMES)
            assert support.why_not in ("", *REASONS)
    text = render_markdown(TABLE, NAMES)
    assert all(row.label in text for row in TABLE)


def test_nothing_removes_an_app_from_an_iphone() -> None:
    assert not [row.kind for row in TABLE if row.remove.mechanisms and row.kind != "macos"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "ios_supervised"),
        ({"platform": "ipados"}, "ios_supervised"),
        ({"supervised": None}, "ios_unsupervised"),
        ({"supervised": False, "ownership": None}, "ios_unsupervised"),
        ({"supervised": False, "ownership": "personal"}, "ios_personal"),
        ({"supervised": False, "enrollment": "user"}, "ios_user_enrollment"),
        ({"enrollment": "none"}, "unmanaged"),
        ({"os_version": "9.2"}, "other"),
        ({"os_version": None}, "ios_supervised"),
        ({"os_version": "27.0"}, "ios_supervised"),
        ({"platform": "tvos"}, "tvos_supervised"),
        ({"platform": "tvos", "supervised": False}, "tvos_unsupervised"),
        ({"platform": "visionos", "os_version": "2.0"}, "other"),
        ({"platform": "macos", "supervised": False}, "macos"),
        ({"platform": None}, "other"),
    ],
)
def test_kind_of_a_device(changes: dict[str, Any], kind: str) -> None:
    assert capability_of({**IPHONE, **changes}).kind == kind


def test_an_apple_tv_has_a_block_and_no_web_filter() -> None:
    row = BY_KIND["tvos_supervised"]
    assert row.block.mechanisms == (IOS_BLOCK,)
    assert row.block_web.why_not == "no_backend"
    assert "tvos" not in MECHANISMS[IOS_WEB].platforms
