# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that are asked of the discovered apps: few, and in every form in which a name may be listed."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import findings


@pytest.mark.fault_kind("T3", "Intune: names in other letter case and with a mark nobody sees, at a service that minds both")
def test_a_name_is_asked_for_in_every_form_in_one_filter() -> None:
    (text,) = findings._filters(["TikTok", "抖音"])
    for form in ("TikTok", "TIKTOK", "tiktok", "抖音"):
        assert f"startswith(displayName,'{form}')" in text
        assert f"startswith(displayName,'\u200e{form}')" in text
    assert text.count("startswith") == 8


def test_what_another_question_answers_is_not_asked_for() -> None:
    assert findings._filters(["TikTok", "TikTok Lite", "TIKTOK*"]) == findings._filters(["TikTok"])
    assert len(findings._filters([f"App {number}" for number in range(3)])) == 1


def test_a_pattern_without_a_beginning_asks_for_everything() -> None:
    assert findings._filters(["*Tok", "Lark"]) == [""]
