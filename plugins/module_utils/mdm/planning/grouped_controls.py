# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls that go by groups: one of those whom a control is for by name, and one of those who are excepted from it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...policy.decide import Decider
from .controls import Controls
from .keep import possible_requirements
from .members import EXEMPT, MEMBERS, WantedGroup
from .requirements import Requirement, RequirementsOf
from .scopes import ControlScope

_NOBODY = ControlScope()


@dataclass(frozen=True)
class GroupedControl:
    """A control that goes by groups.

    Args:
        apps: ids of the apps of which it carries a name.
        names: what it blocks; None where that can't be told.
    """

    requirement: Requirement
    name: str
    apps: tuple[str, ...] = ()
    names: frozenset[str] | None = None
    control_scope: ControlScope = _NOBODY
    groups: tuple[WantedGroup[Any], ...] = ()


Grouped = TypeVar("Grouped", bound=GroupedControl)

#: Name of an object -> the control that has it, and what it blocks.
ControlsByName = dict[str, tuple[Grouped, "frozenset[str]"]]


class GroupedControls(Controls[Grouped]):
    """Makes controls that go by groups of their own."""

    def scoped(self, control: Grouped, scope: ControlScope) -> Grouped:
        return replace(control, control_scope=scope, groups=groups_of(control.name, control.requirement, scope))

    def objects_of(self, control: Grouped) -> Mapping[str, frozenset[str]]:
        """What the objects of a control are called that reach devices, and what each blocks."""
        return {control.name: control.names or frozenset()}

    def by_name(self, there: Collection[str], decider: Decider, requirements_of: RequirementsOf) -> ControlsByName[Grouped]:
        """Names of objects -> the controls that have them, and what the objects block: of the controls that somebody needs, and where there
        are others of those that the policies could need of some device.

        Args:
            there: names of the objects of ours that are there.
        """
        if not there:
            return {}
        known = self._named(frozenset().union(*self.requirements))
        if not known.keys() >= set(there):
            known = {**self._named(possible_requirements(decider, requirements_of, self.mechanisms)), **known}
        return known

    def _named(self, requirements: Iterable[Requirement]) -> ControlsByName[Grouped]:
        made = [control for control in map(self.bare, requirements) if control is not None]
        return {name: (control, names) for control in made for name, names in self.objects_of(control).items()}


def groups_of(name: str, requirement: Requirement, scope: ControlScope) -> tuple[WantedGroup[str], ...]:
    """The groups of a control that shares none with another: of its members, and of those that are excepted."""
    listed = ((MEMBERS, scope.include), (EXEMPT, scope.exclude))
    return tuple(WantedGroup("%s (%s)" % (name, role), members, role, requirement.policies) for role, members in listed if members)
