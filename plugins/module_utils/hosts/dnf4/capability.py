# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf 4 can do for a ban, as data."""

from __future__ import annotations

from ..capability import LAB, Capability, Mechanism, guard
from ..rpm.block import GUARD_BYPASSES
from .backend import EXCLUDE_BYPASSES, GUARD_BYPASS

CAPABILITY = Capability(
    "dnf4",
    "dnf 4",
    "rpm -q",
    "rpm -e of an explicit list",
    (
        Mechanism("excludes", "soft", "our names in excludepkgs of dnf.conf", EXCLUDE_BYPASSES),
        guard("excludes and a guard package in protected.d", (*GUARD_BYPASSES, GUARD_BYPASS)),
    ),
    "",
    "our names taken out; protected.d file and guard package deleted",
    LAB,
)
