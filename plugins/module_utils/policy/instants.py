# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instants, days and durations as people write them in a policy, turned into exact moments.

A policy is read by people in a time zone, and a deadline is a moment: ``2023-03-15T00:00:00`` in ``Europe/Brussels``. Local
times that the clock skips or shows twice are refused rather than guessed. Durations are calendar durations (ISO 8601): six
months from 10 March is 10 September, not 180 days later, and midnight stays midnight over a change of the clock.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

from .model import Instant

DAY_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT_PATTERN = DAY_PATTERN + r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
DURATION_PATTERN = (
    r"P(?=[0-9T])(?:[0-9]{1,5}Y)?(?:[0-9]{1,5}M)?(?:[0-9]{1,5}W)?(?:[0-9]{1,5}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,5}H)?(?:[0-9]{1,5}M)?(?:[0-9]{1,5}S)?)?"
)
ZONE_PATTERN = r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}"

_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)


class InstantError(ValueError):
    """A text that is no instant, day, duration or time zone; the message says what was expected."""


@dataclass(frozen=True)
class Duration:
    """A calendar duration: months (years are twelve), days (weeks are seven) and seconds, added in this order."""

    months: int
    days: int
    seconds: int


def read_zone(name: str) -> tzinfo:
    """The IANA time zone of a name such as ``Europe/Prague``."""
    # Python 3.8 has no zoneinfo; this file must still be importable there, beside the models.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise InstantError("an IANA time zone such as Europe/Prague that is known on this machine") from error


def read_day(text: str) -> date:
    """A plain day, ``2023-09-01``."""
    if re.fullmatch(DAY_PATTERN, text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise InstantError("a day that exists, written 2023-09-01")


def is_day(text: str) -> bool:
    """Whether a text is a plain day without a time."""
    return re.fullmatch(DAY_PATTERN, text, re.ASCII) is not None


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day in a zone, in UTC. Where the clock skips midnight, the first moment that exists."""
    return _exact(datetime.combine(day, time(0)), zone)


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The first moment after a day in a zone, in UTC."""
    return start_of_day(day + timedelta(days=1), zone)


def read_moment(text: str, zone: tzinfo | None) -> datetime:
    """The exact moment (UTC) of an instant.

    text: ``2023-03-15T00:00:00+01:00``, or without the offset, or a plain day (its start), when zone is given.
    Raises InstantError for what is no instant, has neither offset nor zone, or names a local time that the zone's clock
    skips or shows twice.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise InstantError("an instant such as 2023-03-15T00:00:00+01:00")
    day = read_day(match["day"])
    try:
        local = datetime.combine(
            day,
            time(
                int(match["hour"] or 0),
                int(match["minute"] or 0),
                int(match["second"] or 0),
                int((match["fraction"] or "0").ljust(6, "0")),
            ),
        )
    except ValueError as error:
        raise InstantError("a time of day that exists, 00:00:00 to 23:59:59") from error
    if match["offset"]:
        return _to_utc(local.replace(tzinfo=_read_offset(match["offset"])))
    if zone is None:
        raise InstantError("an instant with an offset (2023-03-15T00:00:00+01:00), or a timezone for the whole document")
    if match["hour"] is None:
        return start_of_day(day, zone)
    early, late = _readings(local, zone)
    if early != late:
        skipped = early > late
        raise InstantError(
            f"a local time that {'exists' if skipped else 'comes once'} in {zone} "
            f"(the clock {'skips' if skipped else 'shows twice'} this one: write the offset)"
        )
    return early


def read_instant(text: str, zone: tzinfo | None) -> Instant:
    """An Instant that keeps both the moment and what its author wrote. See read_moment."""
    return Instant(read_moment(text, zone), text)


def read_now(text: str) -> datetime:
    """The instant to decide at, which must carry an offset: there is no document whose time zone could help."""
    try:
        return read_moment(text, None)
    except InstantError as error:
        raise InstantError("an instant with an offset such as 2023-03-15T00:00:00+01:00 or 2023-03-14T23:00:00Z") from error


def written_offset(text: str) -> tzinfo | None:
    """The fixed offset that an instant carries, if it does."""
    match = _INSTANT.fullmatch(text)
    return _read_offset(match["offset"]) if match and match["offset"] else None


def read_duration(text: str) -> Duration:
    """An ISO 8601 duration such as ``P6M``, ``P1Y6M``, ``P2W`` or ``PT36H``, longer than nothing."""
    match = _DURATION.fullmatch(text)
    if match is None or not re.fullmatch(DURATION_PATTERN, text, re.ASCII):
        raise InstantError("an ISO 8601 duration such as P6M, P1Y or P30D")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = Duration(12 * years + months, 7 * weeks + days, 3600 * hours + 60 * minutes + seconds)
    if duration == Duration(0, 0, 0):
        raise InstantError("a duration longer than nothing")
    return duration


def add_duration(moment: datetime, duration: Duration, zone: tzinfo) -> datetime:
    """A moment plus a calendar duration, by the wall clock of a zone; in UTC.

    31 August plus P6M is the last day of February. A sum that falls where the clock skips moves on by what was skipped;
    one that the clock shows twice is its first showing.
    """
    local = moment.astimezone(zone).replace(tzinfo=None)
    month_index = local.month - 1 + duration.months
    year, month = local.year + month_index // 12, month_index % 12 + 1
    try:
        last_day = calendar.monthrange(year, month)[1]
        local = local.replace(year=year, month=month, day=min(local.day, last_day)) + timedelta(days=duration.days)
        return _exact(local, zone) + timedelta(seconds=duration.seconds)
    except (ValueError, OverflowError, calendar.IllegalMonthError) as error:
        raise InstantError("a duration that ends before the year 9999") from error


def utc_text(moment: datetime) -> str:
    """The ISO form of a moment in UTC, ``2023-03-14T23:00:00Z``."""
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def days_between(earlier: datetime, later: datetime) -> int:
    """Whole days from one moment to another, rounded up: 36 hours ahead are two days."""
    return -((earlier - later) // timedelta(days=1))


def _read_offset(text: str) -> timezone:
    if text in "Zz":
        return timezone.utc
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        raise InstantError("an offset between -14:00 and +14:00")
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if text[0] == "-" else delta)


def _readings(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The two readings of a local time: equal unless the clock skips it (then the first is later) or shows it twice."""
    return (
        _to_utc(local.replace(tzinfo=zone, fold=0)),
        _to_utc(local.replace(tzinfo=zone, fold=1)),
    )


def _exact(local: datetime, zone: tzinfo) -> datetime:
    return _readings(local, zone)[0]


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise InstantError("a year between 1 and 9999") from error
