# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zypper can do for a ban, as data."""

from __future__ import annotations

from ..capability import LAB, Capability, Mechanism, guard
from ..rpm.block import GUARD_BYPASSES
from .backend import GUARD_BYPASS, LOCK_BYPASSES

CAPABILITY = Capability(
    "zypper",
    "zypper",
    "rpm -q",
    "rpm -e of an explicit list",
    (
        Mechanism("lock", "soft", "our stanzas in /etc/zypp/locks", LOCK_BYPASSES),
        guard("locks and a locked guard package", (*GUARD_BYPASSES, GUARD_BYPASS)),
    ),
    "",
    "our stanzas taken out, guard package deleted",
    LAB,
)
