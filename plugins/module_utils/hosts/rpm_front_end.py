# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf 4, dnf 5 and zypper have in common: one rpm database, from which rpm itself finds and removes."""

from __future__ import annotations

from typing import FrozenSet, Optional, Sequence, Tuple

from ..engine.plan import Change
from .backend import Package, RemovalPlan, RemovalRequest, Unseen
from .rpm_block import verify_rpm_change
from .rpm_database import installed_packages, package_files, plan_rpm_removal
from .system import System


class RpmFrontEnd:
    """The part of :class:`.backend.Backend` that every front end of rpm answers alike.

    Args:
        system: the host.
        keeps_guard: this front end installs and removes the guard of the rpm database; of several on one host one does.
    """

    name = ""
    kinds: Tuple[str, ...] = ("rpm",)
    database = "rpm"

    def __init__(self, system: System, keeps_guard: bool = True) -> None:
        self.system = system
        self.keeps_guard = keeps_guard

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """See :class:`.backend.Backend`."""
        return installed_packages(self.system, names)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """See :class:`.backend.Backend`."""
        return package_files(self.system, packages)

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """See :class:`.backend.Backend`."""
        return plan_rpm_removal(self.system, self.name, request)

    def verify(self, change: Change) -> Optional[str]:
        """See :class:`.backend.Backend`."""
        return verify_rpm_change(self.system, change)
