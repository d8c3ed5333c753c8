# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flatpak can do for a ban, as data."""

from __future__ import annotations

from ..capability import LAB, Capability, Mechanism
from .backend import BYPASSES, MECHANISM, STRENGTH

CAPABILITY = Capability(
    "flatpak",
    "flatpak",
    "directories of the system's, extra and every person's installation",
    "flatpak uninstall, as the person whose it is",
    (Mechanism(MECHANISM, STRENGTH, "filter on every system remote", BYPASSES),),
    "no stronger way was proved",
    "filter taken off the remotes, file deleted",
    LAB,
)
