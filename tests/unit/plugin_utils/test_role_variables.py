# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the roles against their argument specs: defaults are good, and whatever is wrong is one short sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.plugin_utils.role_variables import SECRET, options_of_role, problems_of_variables

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=300), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("role", ["tenant", "host"])
def test_every_default_is_good(role: str) -> None:
    options = options_of_role(role)
    assert problems_of_variables(role, {name: option["default"] for name, option in options.items() if "default" in option}, options) == []


@pytest.mark.fault_kind("D4", "values of any form")
@given(data=st.data(), role=st.sampled_from(["tenant", "host"]), value=VALUES)
def test_any_value_is_good_or_told_in_one_short_sentence(data: st.DataObject, role: str, value: Any) -> None:
    name = data.draw(st.sampled_from(sorted(options_of_role(role))))
    for told in problems_of_variables(role, {name: value}, [name]):
        assert told.startswith(name)
        assert "\n" not in told
        assert "<class" not in told
        assert len(told) < 1500


@pytest.mark.parametrize("name", sorted(SECRET))
def test_what_may_be_secret_is_not_shown(name: str) -> None:
    for value in ("hunter2", ["hunter2"], 42):
        [told] = problems_of_variables("tenant", {name: value}, [name])
        assert "hunter2" not in told
        assert "42" not in told
