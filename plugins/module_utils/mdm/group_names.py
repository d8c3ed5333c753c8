# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The groups that policies ask for by name: the only ones that a target has to read members of. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..policy import scope
from ..policy.model import Policy


def wanted_groups(policies: Sequence[Policy]) -> frozenset[str]:
    """Names of groups that rules and exemptions ask for. A JMESPath expression names none that could be read off."""
    conditions = [rule.when for policy in policies for rule in policy.rules]
    conditions += [exemption.when for policy in policies for exemption in policy.exemptions if exemption.when is not None]
    return frozenset(name for condition in conditions for name in _names_in(scope.compile_when(condition)))


def _names_in(condition: scope.Condition) -> list[str]:
    if isinstance(condition, scope.Wanted):
        return [str(value) for value in condition.values] if condition.attribute == "groups" else []
    if isinstance(condition, scope.Not):
        return _names_in(condition.part)
    if isinstance(condition, (scope.AllOf, scope.AnyOf)):
        return [name for part in condition.parts for name in _names_in(part)]
    return []
