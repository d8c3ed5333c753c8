# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are written into OData URLs (OData 4.01, part 2: URL conventions), and how the service writes instants."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from ....mdm.http.server_values import later

#: An instant as the service writes nearly all of them.
_PLAIN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_NO_GUID = "00000000-0000-0000-0000-000000000000"


def literal(value: str) -> str:
    """Write a string for a ``$filter``: in single quotes, those within doubled. The query encodes it afterwards."""
    return "'%s'" % value.replace("'", "''")


def instant(text: object) -> str:
    """Read an instant, without fractions; empty for none. The service writes the year 1 for "never"."""
    plain = _PLAIN.fullmatch(text) if isinstance(text, str) else None
    if plain is not None and plain[1][:4] != "0001" and _is_day(plain[1]):
        return plain[0]
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?Z", str(text or ""))
    if found is None or found[1].startswith("0001"):
        return ""
    # What there is not (a 30th of February) is none.
    return later(found[1] + "Z", timedelta(0))


@lru_cache(maxsize=8192)
def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def segment(value: str) -> str:
    """Write a value as one segment of a path."""
    return quote(value, safe="")


def directory_name(value: Any) -> str:
    """An id of the directory as it is compared everywhere here: in small letters, and empty for none, which services also write as zeros.

    Ids are GUIDs, and no letter case is theirs: a service that spells one of them in another way speaks of the same device or user.
    """
    name = value.lower() if isinstance(value, str) else ""
    return "" if name == _NO_GUID else name
