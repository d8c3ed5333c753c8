# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package managers that this collection knows. A new one is registered here, and nowhere else."""

from __future__ import annotations

from typing import Dict, Tuple

from . import apk, apt, dnf4, dnf5, flatpak, homebrew, pacman, snap, zypper
from .package_manager import PackageManager

#: In the order in which they are asked. Of those that share a database the first one here removes.
PACKAGE_MANAGERS: Tuple[PackageManager, ...] = tuple(
    folder.PACKAGE_MANAGER for folder in (apt, dnf5, dnf4, zypper, pacman, apk, flatpak, snap, homebrew)
)

BACKEND_NAMES: Tuple[str, ...] = tuple(each.name for each in PACKAGE_MANAGERS)
#: Kinds of identifiers that name a package of a host's package manager.
PACKAGE_KINDS: Tuple[str, ...] = tuple(dict.fromkeys(kind for each in PACKAGE_MANAGERS for kind in each.kinds))
#: A package manager's name, a kind of identifiers or the database itself -> the low-level database, which decides how names are written.
DATABASES: Dict[str, str] = {word: each.database for each in PACKAGE_MANAGERS for word in (each.name, *each.kinds, each.database)}
