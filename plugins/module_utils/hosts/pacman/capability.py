# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pacman can do for a ban, as data."""

from __future__ import annotations

from ..capability import LAB, Capability, Mechanism, guard
from .backend import GUARD_BYPASSES, HOOK_BYPASSES

CAPABILITY = Capability(
    "pacman",
    "pacman",
    "pacman -Q",
    "pacman -R of an explicit list",
    (
        Mechanism("hook", "soft", "transaction hook that aborts", HOOK_BYPASSES),
        guard("hook and a guard package in HoldPkg", GUARD_BYPASSES),
    ),
    "",
    "hook and guard package deleted, our word taken out of HoldPkg",
    LAB,
)
