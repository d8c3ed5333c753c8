# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One serial number, as documents and inventories spell it, and the device that has it."""

from __future__ import annotations

SPELLINGS = [
    "C02AB1CDXYZ9",
    "c02ab1cdxyz9",
    "C02AB1CD\u200bXYZ9",
    "\u200eC02AB1CDXYZ9",
    "\ufeffc02ab1cdxyz9",
    "\uff23\uff10\uff12AB1CDXYZ9",
]
#: With blanks around it.
AROUND = ["\u00a0C02AB1CDXYZ9 ", "C02AB1CDXYZ9\n"]
DEVICE = {"id": "7F6D", "serial": "c02ab1cdxyz9", "user": "Ada@City.example", "ownership": "corporate"}
