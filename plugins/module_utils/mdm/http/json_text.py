# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON from servers and devices. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

#: Half of a surrogate pair, as JSON writes it, as bytes that Python's reader lets pass, and as Python holds it: no text that could be
#: written down or shown.
_WRITTEN = re.compile(rb"\\u[dD][89abcdefABCDEF]|\xed[\xa0-\xbf]")
_SUSPECTS = (b"\\ud", b"\\uD", b"\xed")
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes | str) -> Any:
    """A document, with the replacement character for each half of a surrogate pair.

    A name that was cut off in the middle of an emoji is valid JSON, and would fail whoever writes it into a file.

    Raises:
        ValueError, RecursionError
    """
    document = json.loads(data)
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    # A large page is looked through for single bytes first, which takes next to no time.
    suspected = any(each in raw for each in _SUSPECTS)
    return _whole(document) if suspected and _WRITTEN.search(raw) else document


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
