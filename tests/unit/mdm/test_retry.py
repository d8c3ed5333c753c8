# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait: bounds that hold for every attempt, and both forms of Retry-After."""

from __future__ import annotations

import datetime
import random
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import CREATE, REPEATABLE, RetryPolicy, retry_after
from tests.support.loopback import START


@given(st.integers(1, 10_000), st.integers(), st.floats(0.01, 100), st.floats(0.01, 1000))
def test_backoff_stays_within_its_bounds(attempt: int, seed: int, first: float, longest: float) -> None:
    wait = RetryPolicy(first_wait=first, longest_wait=longest).backoff(attempt, random.Random(seed))
    assert 0 <= wait <= longest
    if attempt < 30:
        assert wait <= first * 2 ** (attempt - 1)


def test_backoff_grows_from_two_seconds_to_sixty() -> None:
    class Highest(random.Random):
        def random(self) -> float:
            return 1.0

    assert [RetryPolicy().backoff(attempt, Highest()) for attempt in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


def test_backoff_has_full_jitter_and_is_seeded() -> None:
    draws = [RetryPolicy().backoff(5, random.Random(seed)) for seed in range(200)]
    assert min(draws) < 2
    assert max(draws) > 30
    assert draws == [RetryPolicy().backoff(5, random.Random(seed)) for seed in range(200)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("7", 7),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("nan", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun Mar  1 12:00:30 2026", 30),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, START) == seconds


@given(st.integers(-(10**8), 10**8))
def test_retry_after_as_a_date_is_never_negative(offset: int) -> None:
    header = format_datetime(START + datetime.timedelta(seconds=offset), usegmt=True)
    assert retry_after(header, START) == max(0, offset)


@given(st.text(max_size=40))
def test_no_retry_after_breaks_us(header: str) -> None:
    seconds = retry_after(header, START)
    assert seconds is None or seconds >= 0


def test_a_create_is_repeated_only_after_it_was_refused() -> None:
    assert CREATE.statuses == {429}
    assert not CREATE.repeatable
    assert REPEATABLE.repeatable
