# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instants as Go programs, webhooks and databases write them, in the one form that this adapter keeps."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def utc_seconds(value: Any) -> str:
    """An instant in UTC and whole seconds (``2023-03-15T08:00:00Z``), so that instants can be compared as text.

    Args:
        value: RFC 3339 text, with as many decimals as Go likes to write, or a datetime of a property list (UTC, without a zone).

    Returns:
        Empty for anything else, and for Go's zero time, which means that there is none.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    else:
        found = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
        if not found:
            return ""
        day, clock, _decimals, offset = found.groups()
        try:
            moment = datetime.fromisoformat("%sT%s%s" % (day, clock, "+00:00" if offset in "Zz" else offset))
        except ValueError:
            return ""
    if moment.year < 1970:
        return ""
    try:
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""


def utc_nanoseconds(value: Any) -> str:
    """The same with nine decimals (``2023-03-15T08:00:00.000000000Z``), for what happens within one second.

    To be compared only with others of this kind.
    """
    seconds = utc_seconds(value)
    if not seconds:
        return ""
    found = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    decimals = (found.group(3) or "") if found else "%06d" % value.microsecond
    return "%s.%sZ" % (seconds[:-1], decimals[:9].ljust(9, "0"))
