# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 4: what is known of it before it is loaded."""

from __future__ import annotations

from ..backend import Backend
from ..package_manager import PackageManager
from ..rpm.package_names import DATABASE, KINDS, NAMES
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Dnf4

    return Dnf4(system, keeps_guard=first)


PACKAGE_MANAGER = PackageManager(
    name="dnf4", kinds=KINDS, database=DATABASE,
    names=NAMES,
    # Fedora with dnf5 keeps "dnf" as a link to it; the program of dnf4 is dnf-3 everywhere.
    programs=("rpm", "dnf-3"),
    load=_load,
    own_files=("/etc/dnf/protected.d/appban-guard.conf",),
    shared_files=("/etc/dnf/dnf.conf",),
)
