# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and dates out of the texts of servers. What can't be read, or is beyond every bound, is none; nothing raises."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ...policy.instants import InstantError, read_now, utc_text

#: The last instant that there is, as this collection writes it.
END_OF_TIME = "9999-12-31T23:59:59Z"


def text_in(row: Mapping[str, object], key: str) -> str:
    """A text under a key; empty where there is none, or something else."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def whole_number(value: object) -> int:
    """An id, which may come as text; 0 for what is none, which is no object's id."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def is_whole_number(text: str) -> bool:
    """Whether ``whole_number`` reads a text as what it says."""
    return re.fullmatch(r"[0-9]{1,18}", text) is not None


def part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a row; an empty one where the server gives null."""
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def text(row: Mapping[str, Any], name: str) -> str:
    """A text; empty where the server gives null."""
    return str(row.get(name) or "")


def switch(row: Mapping[str, Any], name: str) -> bool | None:
    """A flag; None where the server doesn't say."""
    found = row.get(name)
    return found if isinstance(found, bool) else None


def instant_of(said: str) -> str:
    """An instant of a server in the one form of this collection, whose order is that of its texts; empty for anything else."""
    try:
        return utc_text(read_now(said).replace(microsecond=0)) if said else ""
    except InstantError:
        return ""


def seconds_of(value: object) -> float | None:
    """Seconds, which may come as text; None for what is none, or has no end."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def http_date(text: str) -> datetime | None:
    """A date as headers have it (RFC 9110, section 5.6.7); None for anything else."""
    try:
        instant = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError):
        # What email.utils raises is not said anywhere.
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)


def later(at: str, by: timedelta) -> str:
    """An instant of this collection some time after (or before) another one; the end of time where there is none, and empty for none."""
    try:
        instant = read_now(at)
    except InstantError:
        return ""
    try:
        return utc_text(instant + by)
    except OverflowError:
        return END_OF_TIME if by > timedelta(0) else ""
