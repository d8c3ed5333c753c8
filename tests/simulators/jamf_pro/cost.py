# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What requests would take on a real server, in seconds that nobody sleeps (Jamf Pro fact sheet, 3 and 6).

Measured there, for computers with their applications: 500 rows 13 s, 1000 rows 14 to 45 s, 2000 rows more than the 90 s after which
the edge answers 504. A parabola goes through these points.
"""

from __future__ import annotations

SECONDS_PER_ROW = 0.0188
SECONDS_PER_SQUARED_ROW = 1.45e-5
LIGHT = 0.1


def page_seconds(rows: int, with_applications: bool, weight: float) -> float:
    """How long a page of the inventory takes."""
    return (SECONDS_PER_ROW * rows + SECONDS_PER_SQUARED_ROW * rows * rows) * (1 if with_applications else LIGHT) * weight
