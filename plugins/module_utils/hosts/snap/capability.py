# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What snap can do for a ban, as data."""

from __future__ import annotations

from ..capability import RECORDED, Capability

CAPABILITY = Capability(
    "snap",
    "snap",
    "snapd's files",
    "snap remove (snapd keeps its usual snapshot)",
    (),
    "snapd can't forbid a snap by name on a host",
    "nothing to lift",
    RECORDED,
)
