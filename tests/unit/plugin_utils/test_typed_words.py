# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that Ansible would drop: they are refused, and what may be a part of a secret is not shown."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.plugin_utils.typed_words import refuse_lost_words


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ("b.yml", "b.yml"),
        ("policies/b 'c.yml']", "policies/b, c.yml"),
        ("pass phrase", "2 words"),
        ("phrase", "a word"),
        ("b.yml phrase", "b.yml"),
    ],
)
def test_what_stands_behind_a_variable_is_refused(left: str, told: str) -> None:
    with pytest.raises(AppbanError) as caught:
        refuse_lost_words(["a.yml"], {"_raw_params": left})
    assert str(caught.value).partition(": ")[2].startswith(told + ". ")
    assert "phrase" not in str(caught.value)


def test_a_text_that_looks_like_a_list_is_refused_and_a_path_is_not() -> None:
    with pytest.raises(AppbanError, match=r"looks like a list: \[a\.yml, b\.yml\]\. Give it as a list"):
        refuse_lost_words(["[a.yml, b.yml]"], {})
    refuse_lost_words(["policies/[old]/a.yml", "a b.yml", ""], {"_raw_params": ""})
