# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the controls that a fleet's requirements come to: what each carries, whom it is for, what it is called. Pure.

A target says what one of its controls looks like (:meth:`Controls.bare`) and how a scope is put on it (:meth:`Controls.scoped`).
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from ...policy.model import Policy
from .alike_devices import alike_devices
from .capability import CapabilityOf
from .control_names import name_of_requirement
from .fleet import FleetDevice, ManagedDevice
from .identifiers import names_of_app, would_block
from .kept import NOTHING_KEPT, Kept
from .mechanisms import Mechanism, Mechanisms
from .native_scope import NativeScope
from .requirements import Requirement
from .scopes import Candidates, ControlScope, positions_of, resolve_scope


class Control(Protocol):
    """What every target's controls have."""

    @property
    def requirement(self) -> Requirement:
        """What it is for."""

    @property
    def name(self) -> str:
        """What it is called in the target."""

    @property
    def control_scope(self) -> ControlScope:
        """Whom it is for."""

    @property
    def apps(self) -> tuple[str, ...]:
        """Ids of the apps of which it carries a name."""


MadeControl = TypeVar("MadeControl", bound=Control)


class Controls(abc.ABC, Generic[MadeControl]):
    """Makes the controls of one fleet.

    Args:
        policies: of the run.
        requirements: per device of the fleet, what is wanted of it.
        mechanisms: the target's table.
        prefix: how names begin.
        kept: what stays as it is because nobody says anything else of it.
        native_scope: for which ownerships requirements are sure; None where the target goes by other classes.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        fleet: Sequence[FleetDevice],
        requirements: Sequence[frozenset[Requirement]],
        mechanisms: Mechanisms,
        capability_of: CapabilityOf,
        prefix: str,
        kept: Kept = NOTHING_KEPT,
        native_scope: NativeScope | None = None,
    ) -> None:
        self.native_scope = native_scope
        self.policies = policies
        self.fleet = fleet
        self.requirements = requirements
        if kept:
            self.requirements = [kept.requirements_of(index, each) for index, each in enumerate(requirements)]
        self._alike = alike_devices(fleet, self.requirements)
        self._members = [member.device.directory_id for member in fleet]
        self.mechanisms = mechanisms
        self.capability_of = capability_of
        self.prefix = prefix
        self.kept = kept

    # What a target says.

    @abc.abstractmethod
    def bare(self, requirement: Requirement) -> MadeControl | None:
        """The control of a requirement for nobody yet; None where none of its apps has a name that it could carry."""

    @abc.abstractmethod
    def scoped(self, control: MadeControl, scope: ControlScope) -> MadeControl:
        """The same for somebody."""

    def sure_classes(self, requirement: Requirement) -> frozenset[str | None]:
        """Classes of devices that a native scope can name and that get a requirement whatever else is true of them: ownerships, unless a
        target goes by others.
        """
        row = self.mechanism(requirement)
        sure = self.native_scope.ownerships(requirement, row.platforms) if self.native_scope is not None else frozenset()
        return sure if row.native is None else sure & row.native

    def classes_with(self, here: Collection[str | None], sure: frozenset[str | None]) -> frozenset[str | None]:
        """Those of some classes for which a native scope is made. here: classes of which there is a device that needs it."""
        return frozenset(here) & sure

    def may_be_native(self, device: ManagedDevice, native: frozenset[str | None]) -> bool:
        """Whether a native scope may reach a device whose class the target doesn't tell. An ownership that isn't told may be any."""
        return self.native_scope is not None

    # What is the same everywhere.

    def desired(self) -> list[MadeControl]:
        """The controls, in a fixed order."""
        controls = []
        for requirement in sorted(self.kept.requirements.union(*self.requirements), key=self.rank):
            scope = self.scope_of(requirement)
            control = self.bare(requirement) if scope or scope.unnamed else None
            if control is not None:
                controls.append(self.scoped(control, scope))
        return controls

    def rank(self, requirement: Requirement) -> tuple[Any, ...]:
        """What puts requirements in order."""
        order = list(self.mechanisms).index(requirement.mechanism)
        return (order, sorted(requirement.apps), requirement.deadline, requirement.open_domains)

    def mechanism(self, requirement: Requirement) -> Mechanism:
        """The row of a requirement's mechanism."""
        return self.mechanisms[requirement.mechanism]

    def name_of(self, requirement: Requirement) -> str:
        """What the control of a requirement is called."""
        return name_of_requirement(self.prefix, self.policies, requirement, self.mechanism(requirement).words)

    def names_carried(self, requirement: Requirement) -> dict[str, tuple[str, ...]]:
        """Id of each app of a requirement that has any -> its exact names; for sites, without those that are left open to somebody."""
        row = self.mechanism(requirement)
        found = {
            app.id: tuple(
                name
                for name in names_of_app(self.policies, app, row.kind, row.reports_only)
                if not (row.blocks_sites and would_block(name, requirement.open_domains))
            )
            for app in sorted(requirement.apps)
        }
        return {app: names for app, names in found.items() if names}

    def scope_of(self, requirement: Requirement) -> ControlScope:
        """Whom the control of a requirement is for."""
        candidates = self._candidates(requirement)
        standing = self.kept.standing.get(requirement, frozenset())
        sure = self.sure_classes(requirement)
        # A scope for devices that may come is made when the first of their kind has come.
        here = {each.native or self._platform_of(each) for each in candidates if each.useful}
        native = self.classes_with(here, sure) | (standing & sure)
        scope = resolve_scope(candidates, self._members, native)
        if standing & native and not scope.native:
            scope = self._of_all(candidates, native, scope)
        exclude = scope.exclude | self._doubtful(candidates, scope.native, requirement)
        tables = (self.kept.members, self.kept.spared, self.kept.excepted)
        members, spared, excepted = (table.get(requirement, frozenset()) for table in tables)
        return replace(scope, include=scope.include | members, exclude=exclude | spared | excepted)

    def _platform_of(self, candidates: Candidates) -> str:
        return self.fleet[candidates.positions[0]].device.platform

    def _candidates(self, requirement: Requirement) -> list[Candidates]:
        row = self.mechanism(requirement)
        held = {index for index, requirements in self.kept.held.items() if requirement in requirements}
        found = []
        for kind in self._alike:
            device = kind.example.device
            if device.platform in row.platforms:
                wanted = requirement in self.requirements[kind.positions[0]]
                supported = self.capability_of(device.record).supports(row.name)
                for positions, has_effect in zip(kind.split(held), (True, supported), strict=True):
                    if positions:
                        found.append(Candidates(positions, device.native_ownership, wanted, has_effect))
        return found

    def _doubtful(self, candidates: Sequence[Candidates], native: frozenset[str | None], requirement: Requirement) -> frozenset[str]:
        """Devices to be spared whose class isn't told: the target may know it, and then a native scope would reach them."""
        unsure = positions_of(each for each in candidates if not each.wanted and each.native is None)
        return frozenset(
            self._members[index]
            for index in unsure
            if self._members[index]
            and requirement not in self.kept.left_alone.get(index, ())
            and self.may_be_native(self.fleet[index].device, native)
        )

    def _of_all(self, candidates: Sequence[Candidates], native: frozenset[str | None], found: ControlScope) -> ControlScope:
        """A scope of all devices of some classes: whoever comes is meant, though nobody, or hardly anybody, is there now."""
        hit = [each for each in candidates if each.native in native]
        spared = {self._members[index] for index in positions_of(each for each in hit if not each.wanted)}
        return ControlScope(
            native=native,
            include=found.include.difference(self._members[index] for index in positions_of(hit)),
            exclude=frozenset(spared - {""}),
            covers=found.covers.union(positions_of(each for each in hit if each.useful)),
            unnamed=found.unnamed.difference(positions_of(hit)),
        )


def scopes_by_requirement(controls: Sequence[Control]) -> Mapping[Requirement, ControlScope]:
    """Whom the control of each requirement is for."""
    return {control.requirement: control.control_scope for control in controls}
