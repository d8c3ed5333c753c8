# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package managers that this collection knows. A new one is registered here, and nowhere else."""

from __future__ import annotations

from typing import Dict, Tuple

from .apk import package_manager as apk
from .apt import package_manager as apt
from .dnf4 import package_manager as dnf4
from .dnf5 import package_manager as dnf5
from .flatpak import package_manager as flatpak
from .homebrew import package_manager as homebrew
from .package_manager import PackageManager
from .pacman import package_manager as pacman
from .snap import package_manager as snap
from .zypper import package_manager as zypper

#: In the order in which they are asked. Of those that share a database the first one here removes.
PACKAGE_MANAGERS: Tuple[PackageManager, ...] = tuple(
    module.PACKAGE_MANAGER for module in (apt, dnf5, dnf4, zypper, pacman, apk, flatpak, snap, homebrew)
)

BACKEND_NAMES: Tuple[str, ...] = tuple(each.name for each in PACKAGE_MANAGERS)
#: Kinds of identifiers that name a package of a host's package manager.
PACKAGE_KINDS: Tuple[str, ...] = tuple(dict.fromkeys(kind for each in PACKAGE_MANAGERS for kind in each.kinds))
#: A package manager's name, a kind of identifiers or the database itself -> the low-level database, which decides how names are written.
DATABASES: Dict[str, str] = {word: each.database for each in PACKAGE_MANAGERS for word in (each.name, *each.kinds, each.database)}
