# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman: what is known of it before it is loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Pacman

    return Pacman(system)


def _shows_our_hook(system: System) -> bool:
    # Where pacman looks for hooks is a setting of its own.
    from .hook_place import shows_our_hook
    from .settings import PacmanSettings

    return system.which("pacman") is not None and shows_our_hook(system, PacmanSettings(system).hook_directories())


PACKAGE_MANAGER = PackageManager(
    name="pacman", kinds=("pacman",), database="pacman",
    # PKGBUILD(5): not starting with a hyphen or a dot
    names=NameRule(re.compile(r"[A-Za-z0-9@_+][A-Za-z0-9@._+-]*"), "letters, digits and @._+-"),
    programs=("pacman",),
    load=_load,
    shared_files=("/etc/pacman.conf",),
    shows_mark=_shows_our_hook,
)
