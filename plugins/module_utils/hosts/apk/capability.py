# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apk (Alpine) can do for a ban, as data."""

from __future__ import annotations

from ..capability import RECORDED, Capability, Mechanism
from .backend import BYPASSES, MECHANISM, STRENGTH

CAPABILITY = Capability(
    "apk",
    "apk (Alpine)",
    "the installed database",
    "apk del, if a simulation shows nothing else",
    (Mechanism(MECHANISM, STRENGTH, "conflict (!name) in /etc/apk/world", BYPASSES),),
    "apk has nothing stronger",
    "our lines taken out",
    RECORDED,
)
