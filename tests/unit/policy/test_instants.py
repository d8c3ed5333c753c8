# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instants, days and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy import instants
from ansible_collections.appban.endpoint.plugins.module_utils.policy.instants import InstantError

BRUSSELS = instants.read_zone("Europe/Brussels")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2023-03-15T00:00:00+01:00", "2023-03-14T23:00:00Z"),
        ("2023-03-15T00:00:00Z", "2023-03-15T00:00:00Z"),
        ("2023-03-15 00:00+01:00", "2023-03-14T23:00:00Z"),
        ("2023-03-15T00:00:00", "2023-03-14T23:00:00Z"),
        ("2023-07-15T00:00:00", "2023-07-14T22:00:00Z"),
        ("2023-03-15", "2023-03-14T23:00:00Z"),
        ("2023-03-15T00:00:00.5Z", "2023-03-15T00:00:00.500000Z"),
        ("2023-10-29T02:30:00+02:00", "2023-10-29T00:30:00Z"),
    ],
)
def test_an_instant_is_read_by_its_offset_or_the_zone(text: str, utc: str) -> None:
    assert instants.utc_text(instants.read_moment(text, BRUSSELS)) == utc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2023-03-26T02:30:00", "skips"),
        ("2023-10-29T02:30:00", "shows twice"),
        ("2023-02-29T00:00:00Z", "a day that exists"),
        ("2023-03-15T24:00:00Z", "a time of day that exists"),
        ("2023-03-15T00:00:00+15:00", "offset between"),
        ("0001-01-01T00:00:00+14:00", "a year between"),
        ("yesterday", "an instant such as"),
        ("2023-03-15T00:00:00Z\n", "an instant such as"),
        ("٢٠٢٣-03-15T00:00:00Z", "an instant such as"),
    ],
)
def test_what_is_no_moment_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InstantError, match=said):
        instants.read_moment(text, BRUSSELS)


def test_an_instant_without_offset_needs_a_zone() -> None:
    with pytest.raises(InstantError, match="timezone for the whole document"):
        instants.read_moment("2023-03-15T00:00:00", None)


@pytest.mark.parametrize(
    ("start", "duration", "local"),
    [
        ("2023-03-10", "P6M", "2023-09-10T00:00:00+02:00"),  # Belgium: midnight stays midnight over the change to summer time
        ("2023-08-31", "P6M", "2024-02-29T00:00:00+01:00"),
        ("2022-08-31", "P6M", "2023-02-28T00:00:00+01:00"),
        ("2024-02-29", "P1Y", "2025-02-28T00:00:00+01:00"),
        ("2023-03-25", "P1D", "2023-03-26T00:00:00+01:00"),
        ("2023-03-25", "P2D", "2023-03-27T00:00:00+02:00"),
        ("2023-03-26", "PT24H", "2023-03-27T01:00:00+02:00"),  # a day of 23 hours
        ("2023-03-25T02:30:00", "P1D", "2023-03-26T03:30:00+02:00"),  # skipped: moved on by what was skipped
        ("2023-10-28T02:30:00", "P1D", "2023-10-29T02:30:00+02:00"),  # shown twice: the first showing
        ("2023-01-31", "P1M1D", "2023-03-01T00:00:00+01:00"),
        ("2023-01-01", "P2W", "2023-01-15T00:00:00+01:00"),
        ("2023-01-01", "P1Y6M", "2024-07-01T00:00:00+02:00"),
    ],
)
def test_B3_durations_follow_the_calendar(start: str, duration: str, local: str) -> None:
    end = instants.add_duration(instants.read_moment(start, BRUSSELS), instants.read_duration(duration), BRUSSELS)
    assert end.astimezone(BRUSSELS).isoformat() == local


@pytest.mark.parametrize("text", ["P", "PT", "P0D", "P1", "6M", "P-1M", "P1.5M", "P1M ", "PT0S", "P1H", "P123456D", "P١M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InstantError):
        instants.read_duration(text)


def test_a_duration_beyond_the_calendar_is_refused() -> None:
    for text in ("P99999Y", "P99999M", "P99999W"):
        with pytest.raises(InstantError, match="year 9999"):
            instants.add_duration(datetime(9000, 1, 1, tzinfo=UTC), instants.read_duration(text), UTC)


@pytest.mark.parametrize("name", ["Mars/Olympus", "Europe", "../../etc/passwd", "", "Europe/Prague\x00"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InstantError, match="IANA time zone"):
        instants.read_zone(name)


def test_a_day_that_begins_at_one_begins_at_its_first_moment() -> None:
    # Beirut's clocks skip midnight when summer time begins.
    beirut = instants.read_zone("Asia/Beirut")
    assert instants.start_of_day(instants.read_day("2022-03-27"), beirut).astimezone(beirut).isoformat() == "2022-03-27T01:00:00+03:00"


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    st.integers(0, 60),
    st.integers(0, 400),
)
def test_longer_durations_end_later_whatever_the_clock_does(local: datetime, months: int, days: int) -> None:
    start = local.replace(tzinfo=BRUSSELS).astimezone(UTC)
    shorter = instants.add_duration(start, instants.Duration(months, days, 0), BRUSSELS)
    longer = instants.add_duration(start, instants.Duration(months, days + 1, 0), BRUSSELS)
    assert timedelta(hours=22) <= longer - shorter <= timedelta(hours=26)
    assert shorter >= start - timedelta(hours=1)
