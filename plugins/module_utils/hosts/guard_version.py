# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard package's version: made of what it blocks, so that comparing the installed version compares the list."""

from __future__ import annotations

import hashlib
from typing import Iterable

#: Raised when a guard is built differently for the same names, so that guards of an older build are replaced.
LAYOUT = 1


def guard_version(names: Iterable[str]) -> str:
    """Version of the guard package that conflicts with exactly these names.

    Args:
        names: package names in any order; duplicates count once.

    Returns:
        ``0.`` and twelve hexadecimal digits. Letters, digits and full stops only: deb, rpm and pacman versions all allow those (pacman
        and rpm divide version from release at a hyphen). Two versions have no meaningful order; a guard may have to be "downgraded".
    """
    listed = "\n".join(sorted(set(names)))
    digest = hashlib.sha256(("%d\n%s\n" % (LAYOUT, listed)).encode("utf-8")).hexdigest()
    return "0.%s" % digest[:12]
