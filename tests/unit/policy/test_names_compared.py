# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that look alike are the same, whatever a device writes around them."""

from __future__ import annotations

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.names_compared import LEFT_TO_RIGHT_MARK, comparable


@pytest.mark.fault_kind("T3", "names of apps, for every target")
@pytest.mark.parametrize(
    "written",
    [
        "TikTok",
        "tiktok",
        " TIKTOK\n",
        LEFT_TO_RIGHT_MARK + "TikTok",
        "Tik\u200bTok",
        "\ufeffTikTok",
        "\uff34\uff49\uff4b\uff34\uff4f\uff4b",
        "Tik\u00adTok",
        "\u200e TikTok \u200f",
        "\u00a0TikTok",
    ],
)
def test_what_nobody_sees_makes_no_other_name(written: str) -> None:
    assert comparable(written) == "tiktok"


@pytest.mark.parametrize("other", ["TikTok Lite", "Tik Tok", "TikT0k", ""])
def test_what_somebody_sees_does(other: str) -> None:
    assert comparable(other) != comparable("TikTok")


def test_no_name_is_no_name() -> None:
    assert comparable(None) == comparable("\u200e ") == ""
    assert comparable("Stra\u00dfe") == comparable("STRASSE")
    assert comparable(comparable("\u1e9e\u0345")) == comparable("\u1e9e\u0345")
