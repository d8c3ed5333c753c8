# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes that claim something of a device, which has to be so."""

from __future__ import annotations

#: What says that an app is kept away, or taken off.
CLAIMS = ("compliant", "blocked_not_removed", "removed", "removal_requested", "recurred")
