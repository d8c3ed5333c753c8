# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 5: what is known of it before it is loaded."""

from __future__ import annotations

from ..backend import Backend
from ..package_manager import PackageManager
from ..rpm.package_names import DATABASE, KINDS, NAMES
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Dnf5

    return Dnf5(system, keeps_guard=first)


PACKAGE_MANAGER = PackageManager(
    name="dnf5", kinds=KINDS, database=DATABASE,
    names=NAMES,
    programs=("rpm", "dnf5"),
    load=_load,
    own_files=("/etc/dnf/libdnf5.conf.d/90-appban.conf", "/etc/dnf/protected.d/appban-guard.conf"),
)
