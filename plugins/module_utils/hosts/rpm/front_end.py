# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf 4, dnf 5 and zypper have in common: one rpm database, from which rpm itself finds and removes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, FrozenSet, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import BlockPlan, BlockRequest, Package, RemovalPlan, RemovalRequest, Unseen
from ..system import System
from .block import Answer, Draft, Providers, Simulated, judged, plan_providers, to_be_made, verify_rpm_change
from .database import installed_packages, package_files, plan_rpm_removal
from .package_names import DATABASE, KINDS


class RpmFrontEnd:
    """The part of :class:`..backend.Backend` that every front end of rpm answers alike.

    Args:
        system: the host.
        keeps_guard: this front end installs and removes the guard of the rpm database; of several on one host one does.
    """

    name = ""
    kinds: Tuple[str, ...] = KINDS
    database = DATABASE

    def __init__(self, system: System, keeps_guard: bool = True) -> None:
        self.system = system
        self.keeps_guard = keeps_guard

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """See :class:`..backend.Backend`."""
        return installed_packages(self.system, names)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Nothing: the database is the system's, and all of it was read."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """See :class:`..backend.Backend`."""
        return package_files(self.system, packages)

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """See :class:`..backend.Backend`."""
        return plan_rpm_removal(self.system, self.name, request)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """See :class:`..backend.Backend`.

        The repositories are asked for providers when a name is new, when anything is to be done anyway, and when the simulation would
        install something that is not blocked yet. So with nothing to do one question is enough: the simulation.
        """
        providers = plan_providers(self.system, self.name, request, owned, self.providers)
        draft = self.draft(request, owned, providers)
        if draft.changes:
            return to_be_made(draft if providers.asked else self._draft_anew(request, owned))
        questions = tuple(name for name in draft.soft.names if name not in request.present)
        simulated = self.simulate(questions) if questions and not draft.unsupported else Simulated()
        unknown = {each for packages in simulated.admitted.values() for each in packages} - set(draft.soft.names)
        if unknown and request.providers and not providers.asked:
            anew = self._draft_anew(request, owned)
            if anew.changes:
                return to_be_made(anew)
        return judged(draft, request, simulated)

    def _draft_anew(self, request: BlockRequest, owned: Mapping[str, Any]) -> Draft:
        return self.draft(request, owned, plan_providers(self.system, self.name, request, owned, self.providers, again=True))

    @abstractmethod
    def providers(self, names: Sequence[str]) -> Answer:
        """Which packages of the repositories provide these names, from what is on the host."""

    @abstractmethod
    def simulate(self, names: Sequence[str]) -> Simulated:
        """Ask the front end, without the network, what it would do if somebody installed each of these names now."""

    @abstractmethod
    def draft(self, request: BlockRequest, owned: Mapping[str, Any], providers: Providers) -> Draft:
        """The block with these providers, and what is to be done for it."""

    def verify(self, change: Change) -> Optional[str]:
        """See :class:`..backend.Backend`."""
        return verify_rpm_change(self.system, change)
