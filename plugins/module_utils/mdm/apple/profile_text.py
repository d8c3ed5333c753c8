# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a configuration profile says, as text for a diff. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from .profile_comparison import REWRITTEN_KEYS, parse_profile
from .restrictions import BLOCK_KEYS, RESTRICTIONS, is_default


def profile_lines(content: bytes) -> list[str]:
    """One setting a line, without names and identifiers, and without restrictions that are at Apple's default.

    Raises:
        AppbanError: for bytes that are no profile that can be read.
    """
    profile = parse_profile(content)
    lines: list[str] = []
    for payload in profile["PayloadContent"]:
        lines.append("%s:" % payload["PayloadType"])
        for key, value in sorted(payload.items()):
            if key in REWRITTEN_KEYS or key == "PayloadType" or _says_nothing(payload, key, value):
                continue
            if isinstance(value, list):
                lines.append("  %s:" % key)
                lines.extend("  - %s" % item for item in _in_order(value))
            else:
                lines.append("  %s: %s" % (key, value))
    return lines


def _says_nothing(payload: Mapping[str, Any], key: str, value: Any) -> bool:
    return payload["PayloadType"] == RESTRICTIONS and key not in BLOCK_KEYS and is_default(key, value)


def _in_order(items: list[Any]) -> list[Any]:
    """Lists of text are sets, and servers reorder them."""
    return sorted(items) if all(isinstance(item, str) for item in items) else items
