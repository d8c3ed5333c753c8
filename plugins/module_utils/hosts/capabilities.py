# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capability matrix of hosts, gathered from the folders of the package managers. docs/capabilities.md and docs/limits.md are made
from it.

Mechanisms, strengths and bypasses are those of the backends themselves; a test compares them.
"""

from __future__ import annotations

import importlib
import re
from typing import List, Tuple

from .capability import Capability
from .package_managers import PACKAGE_MANAGERS

# By name, so that they need no second registration.
CAPABILITIES: Tuple[Capability, ...] = tuple(
    importlib.import_module(".%s.capability" % each.name, __package__).CAPABILITY for each in PACKAGE_MANAGERS
)

_HEAD = ("Package manager", "Finds in", "Removes with", "Block", "Strong block", "Lift", "Proved with")


def render_markdown() -> str:
    """The capability matrix of hosts as a Markdown table."""
    rows: List[Tuple[str, ...]] = [_HEAD, ("---",) * len(_HEAD)]
    for capability in CAPABILITIES:
        how = {each.strength: each.how for each in capability.mechanisms}
        rows.append(
            (
                "**%s**" % _escape(capability.label),
                _escape(capability.detect),
                _escape(capability.remove),
                _escape(how.get("soft", "none: removed again at every run")),
                _escape(how.get("strong", "none: %s" % capability.why_not_strong)),
                _escape(capability.lift),
                _escape(capability.proved),
            )
        )
    return "".join("| %s |\n" % " | ".join(row) for row in rows)


def render_bypasses() -> str:
    """What still gets past each block, as a Markdown list with an entry for each block."""
    entries: List[str] = []
    for capability in CAPABILITIES:
        for each in capability.mechanisms:
            title = "%s, %s" % (capability.label, "block" if each.strength == "soft" else "strong block")
            entries.append("- **%s**: %s.\n" % (_escape(title), _escape("; ".join(each.bypasses))))
    return "".join(entries)


def _escape(text: str) -> str:
    """Text as Markdown shows it literally."""
    return re.sub(r"([\\*_|<>])", r"\\\1", text)
