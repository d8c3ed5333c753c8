# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls as text for a diff: what a person has to see before they let it happen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...engine.errors import AppbanError
from ...mdm.apple.profile_text import profile_lines


def declarations_text(documents: Iterable[Mapping[str, Any]], profile: bytes = b"") -> str:
    """Declarations as a server holds them, and what the profile that they lead to says."""
    lines: list[str] = []
    for document in documents:
        lines.append("%s:" % document.get("Type"))
        lines.extend("  %s" % line for line in _lines(document.get("Payload")))
    return "\n".join(lines) + "\n" + (profile_text(profile) if profile else "")


def profile_text(profile: bytes) -> str:
    """What a profile says."""
    try:
        return "\n".join(profile_lines(profile)) + "\n"
    except AppbanError:
        return "a profile of %d bytes\n" % len(profile)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in sorted(value.items()):
            if isinstance(part, (Mapping, list)):
                yield "%s:" % key
                yield from ("  %s" % line for line in _lines(part))
            else:
                yield "%s: %s" % (key, part)
    elif isinstance(value, list):
        for part in value:
            yield "- %s" % (", ".join(_lines(part)) if isinstance(part, Mapping) else part)
    elif value is not None:
        yield str(value)
