# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who joins a group of ours and who leaves it, and what waits for what."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.members import plan_members
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.order import Phase
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_draft import PlanDraft, Step


def planned(before: str, after: str, excluded: bool) -> list[tuple[Phase, Change]]:
    draft = PlanDraft()
    plan_members(
        draft, "group", "G", frozenset(before), frozenset(after), excluded,
        apps=(), text=lambda members: "".join(sorted(members)), step=lambda stand, then: Step(lambda: None, (stand, then)),
    )  # fmt: skip
    return list(draft.changes.values())


@pytest.mark.fault_kind("T6", "an exception ends although those who were to join its group could not")
def test_nobody_leaves_an_exception_where_somebody_could_not_join_it() -> None:
    (joined, joining), (left, leaving) = planned("ab", "bc", excluded=True)
    assert (joined, left) == (Phase.SCOPES, Phase.END_EXCEPTION)
    assert leaving.needs == (joining.key,)
    assert (joining.after, leaving.before, leaving.after) == ("abc", "abc", "bc")


def test_who_leaves_a_control_waits_for_nobody() -> None:
    (left, leaving), (joined, joining) = planned("ab", "bc", excluded=False)
    assert (left, joined) == (Phase.RELEASE, Phase.JOIN)
    assert leaving.needs == joining.needs == ()


@pytest.mark.parametrize("excluded", [False, True])
def test_one_direction_is_one_change_and_none_is_none(excluded: bool) -> None:
    assert [change.needs for _phase, change in planned("a", "ab", excluded)] == [()]
    assert [change.needs for _phase, change in planned("ab", "a", excluded)] == [()]
    assert planned("a", "a", excluded) == []
