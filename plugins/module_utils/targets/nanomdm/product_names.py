# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which platform a device has, by the product name that Apple gave it: "iPhone15,2", "MacBookPro18,3"."""

from __future__ import annotations

#: Beginnings of product names, in small letters -> platform. All Macs have "mac" somewhere in theirs, and nothing else has.
_BEGINNINGS = {"iphone": "ios", "ipod": "ios", "ipad": "ipados", "appletv": "tvos", "realitydevice": "visionos"}


def platform_of(product_name: str) -> str:
    """The platform of a product name; empty for one that isn't known (an Apple Watch has none that policies speak of)."""
    name = product_name.replace(" ", "").lower()
    for beginning, platform in _BEGINNINGS.items():
        if name.startswith(beginning):
            return platform
    return "macos" if "mac" in name else ""
