# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instant of a run, as modules read it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.policy.instants import InstantError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.run_instant import run_instant


@pytest.mark.parametrize("text", ["2023-03-15T01:00:00+01:00", "2023-03-15T00:00:00Z", "2023-03-14T19:00:00.25-05:00"])
def test_it_is_in_utc_and_whole_seconds(text: str) -> None:
    assert run_instant(text) == datetime(2023, 3, 15, tzinfo=timezone.utc)
    assert run_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["yesterday", "2023-03-15T00:00:00", "2023-03-15", "2023-02-30T00:00:00Z", "9999-12-31T23:59:59-01:00"])
def test_a_text_that_could_mean_several_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InstantError, match=r"^now is .+, expected .+\. For example 2023-03-15T00:00:00\+01:00$"):
        run_instant(text, "now")


@pytest.mark.parametrize("text", [None, ""])
def test_without_one_the_clock_is_read(text: str | None) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    assert before <= run_instant(text) <= datetime.now(timezone.utc)
    assert run_instant(text).microsecond == 0
