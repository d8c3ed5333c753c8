# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package manager of a host can do for a ban, as data. The one of each is in its folder, in ``capability.py``.

Nothing of this goes to hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

LAB = "real tools in the lab"
RECORDED = "recorded output only"


@dataclass(frozen=True)
class Mechanism:
    """One way of a backend to keep an app out.

    Args:
        name: as in :class:`.backend.Block`.
        strength: ``soft`` or ``strong``.
        how: in a few words, for a reader.
        bypasses: what still gets through.
    """

    name: str
    strength: str
    how: str
    bypasses: Tuple[str, ...]


@dataclass(frozen=True)
class Capability:
    """One backend.

    Args:
        backend: its name in options and results.
        label: what a reader calls it.
        detect: where it looks.
        remove: what it removes with.
        mechanisms: its blocks: the default one first, then the strong one; empty where it has none.
        why_not_strong: why there is no strong one; empty where there is.
        lift: what ending a ban does.
        proved: how we know.
    """

    backend: str
    label: str
    detect: str
    remove: str
    mechanisms: Tuple[Mechanism, ...]
    why_not_strong: str
    lift: str
    proved: str


def guard(how: str, bypasses: Tuple[str, ...]) -> Mechanism:
    """The strong form of a block: a guard package."""
    return Mechanism("guard", "strong", how, bypasses)
