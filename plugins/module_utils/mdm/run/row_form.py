# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record's row of devices that are alike, serialized once; each device puts in what is its own. Pure."""

from __future__ import annotations

import json
from json.encoder import encode_basestring

from ...engine.evidence import Row

#: What differs between the rows of devices that are alike, in the order of the row.
OWN = ("device", "serial", "seen_at", "last_seen_at")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "))


class RowForm:
    """A row with gaps.

    Args:
        row: of one of the devices.
    """

    def __init__(self, row: Row) -> None:
        parts = ["{"]
        for name, value in row.to_plain().items():
            parts[-1] += "%s%s: " % ("" if parts == ["{"] else ", ", _ENCODER.encode(name))
            if name in OWN:
                parts.append("")
            else:
                parts[-1] += _ENCODER.encode(value)
        self._start, self._to_serial, self._to_seen, self._to_last_seen, end = parts
        self._end = end + "}\n"

    def line(self, device: str, serial: str | None, seen_at: str | None, last_seen_at: str | None) -> bytes:
        """The line of one device, byte for byte as the record writes the row."""
        text = "".join(
            (
                self._start, encode_basestring(device),
                self._to_serial, _quoted(serial),
                self._to_seen, _quoted(seen_at),
                self._to_last_seen, _quoted(last_seen_at), self._end,
            )
        )  # fmt: skip
        return text.encode("utf-8", "backslashreplace")


def _quoted(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)
