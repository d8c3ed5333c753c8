# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NanoMDM and KMFDDM can do, as data: the table is whole, its kinds are total, and what it promises is what is made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import REASONS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import ACTIONS_WITH_SUPPORT, render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import ENROLLMENTS, OWNERSHIPS, PLATFORMS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import capabilities as names
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.capabilities import BY_KIND, NAMES, TABLE, capability_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.requirements import Ways, mechanism_of

ODD = st.sampled_from((None, "", "x", 0, [], {}))
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "platform": st.sampled_from(PLATFORMS) | ODD,
        "ownership": st.sampled_from(OWNERSHIPS) | ODD,
        "enrollment": st.sampled_from(ENROLLMENTS) | ODD,
        "supervised": st.booleans() | ODD,
        "os_version": st.sampled_from(("9.0", "14.8", "16.3", "26.1", "27.0", "27.1 (24B80)")) | ODD,
    },
)
WAYS = st.builds(Ways, st.booleans(), st.booleans(), st.booleans())
IPHONE: dict[str, Any] = {"platform": "ios", "os_version": "26.3", "ownership": "corporate", "supervised": True, "enrollment": "device"}
#: What is asked for on a device.
ASKED = ("remove", "block", "block_web")


def test_every_record_has_a_row_and_what_is_made_for_a_device_is_what_its_row_promises() -> None:
    @given(RECORDS, WAYS)
    def check(record: dict[str, Any], ways: Ways) -> None:
        row = capability_of(record)
        assert BY_KIND[row.kind] is row
        for action in ASKED:
            mechanism = mechanism_of(action, record, ways)
            if mechanism and record.get("platform") in ("ios", "ipados", "tvos", "macos"):
                assert mechanism in row.support(action).mechanisms, (action, mechanism)
            # Where the row promises something and every way is there, it is made.
            if row.support(action).mechanisms and ways == Ways(True, True, True):
                assert mechanism, (action, row.kind)
        if record.get("supervised") is not True:
            assert not row.block.mechanisms
            assert not row.block_web.mechanisms

    check()


def test_every_word_of_the_table_is_known() -> None:
    for row in TABLE:
        assert row.sees in ("reported", "none")
        assert row.why_unseen in REASONS
        for action in ACTIONS_WITH_SUPPORT:
            support = row.support(action)
            assert set(support.mechanisms) <= set(NAMES)
            assert support.why_not in ("", *REASONS)
    text = render_markdown(TABLE, NAMES)
    assert all(row.label in text for row in TABLE)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "ios_supervised"),
        ({"os_version": None}, "ios_supervised"),
        ({"platform": "ipados"}, "ios_supervised"),
        ({"supervised": None}, "ios_unsupervised"),
        ({"supervised": "true"}, "ios_unsupervised"),
        ({"enrollment": "user", "supervised": False}, "ios_user_enrollment"),
        ({"enrollment": "none"}, "unmanaged"),
        ({"platform": "tvos"}, "tvos_supervised"),
        ({"platform": "macos", "os_version": "27.0"}, "macos_27_supervised"),
        ({"platform": "macos", "os_version": "26.4"}, "macos"),
        ({"platform": "macos", "os_version": None}, "macos"),
        ({"platform": "macos", "os_version": "27.0", "supervised": False}, "macos"),
        ({"platform": None}, "other"),
        ({"platform": "android"}, "other"),
    ],
)
def test_devices_have_their_rows(changes: dict[str, Any], kind: str) -> None:
    assert capability_of({**IPHONE, **changes}).kind == kind


@pytest.mark.parametrize(
    ("version", "ways", "mechanism"),
    [
        ("27.0", Ways(), names.APP_SETTINGS),
        ("27.0", Ways(hosted=True), names.APP_SETTINGS),
        ("27.0", Ways(declarations=False), names.PROFILE_COMMAND),
        ("26.9", Ways(), names.PROFILE_COMMAND),
        ("26.9", Ways(hosted=True), names.PROFILE_DECLARATION),
        ("14.8", Ways(hosted=True), names.PROFILE_COMMAND),
        (None, Ways(hosted=True), names.PROFILE_COMMAND),
        ("9.0", Ways(), ""),
    ],
)
def test_a_block_takes_the_form_that_the_device_and_the_servers_allow(version: str | None, ways: Ways, mechanism: str) -> None:
    assert mechanism_of("block", {**IPHONE, "os_version": version}, ways) == mechanism
