# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Homebrew can do for a ban, as data."""

from __future__ import annotations

from ..capability import RECORDED, Capability, Mechanism
from .backend import BYPASSES, MECHANISM, STRENGTH

CAPABILITY = Capability(
    "homebrew",
    "Homebrew",
    "directories of the prefixes",
    "brew uninstall, as the prefix's owner",
    (Mechanism(MECHANISM, STRENGTH, "forbidden lists in /etc/homebrew/brew.env", BYPASSES),),
    "Homebrew has nothing stronger",
    "our names taken out",
    RECORDED,
)
