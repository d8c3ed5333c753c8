# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt can do for a ban, as data."""

from __future__ import annotations

from ..capability import LAB, Capability, Mechanism, guard
from .backend import PIN_BYPASSES
from .guard import GUARD_BYPASSES

CAPABILITY = Capability(
    "apt",
    "apt, dpkg",
    "dpkg-query",
    "dpkg --purge of an explicit list",
    (
        Mechanism("pin", "soft", "preferences file, priority -1", PIN_BYPASSES),
        guard("pin and a Protected guard package (held where dpkg is older than 1.20.1)", GUARD_BYPASSES),
    ),
    "",
    "file and guard package deleted",
    LAB,
)
