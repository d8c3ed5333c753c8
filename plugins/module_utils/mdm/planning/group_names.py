# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The groups that policies ask for by name: the only ones that a target has to read members of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...engine.errors import AppbanError
from ...policy import scope
from ...policy.expression import group_names
from ...policy.model import Policy


def wanted_groups(policies: Iterable[Policy]) -> frozenset[str]:
    """Names of groups that rules and exemptions ask for."""
    return frozenset(name for _path, condition in _conditions(policies) for name in _names_in(scope.compile_when(condition)) if name)


def refuse_unreadable_groups(policies: Iterable[Policy]) -> None:
    """Refuse conditions about groups of which no names can be read off: a target reads only groups that have a name.

    Raises:
        AppbanError: with every such condition.
    """
    wrong = [path for path, condition in _conditions(policies) if None in _names_in(scope.compile_when(condition))]
    if wrong:
        raise AppbanError(
            "%s: the names of the groups can't be read off this expression, and only groups with a name are read" % ", ".join(wrong),
            "",
            "Write groups: [NAME], or contains(groups, 'NAME'); nothing was contacted",
        )


def _conditions(policies: Iterable[Policy]) -> Iterator[tuple[str, Any]]:
    for policy in policies:
        for index, rule in enumerate(policy.rules):
            yield "%s: rules[%d].when" % (policy.id, index), rule.when
        for index, exemption in enumerate(policy.exemptions):
            if exemption.when is not None:
                yield "%s: exemptions[%d].when" % (policy.id, index), exemption.when


def _names_in(condition: scope.Condition) -> list[str | None]:
    """Names of groups; None among them where there may be more, of which the names don't show."""
    if isinstance(condition, scope.Wanted):
        return [str(value) for value in condition.values] if condition.attribute == "groups" else []
    if isinstance(condition, scope.Not):
        return _names_in(condition.part)
    if isinstance(condition, (scope.AllOf, scope.AnyOf)):
        return [name for part in condition.parts for name in _names_in(part)]
    named = group_names(condition.text)
    return [None] if named is None else [*named]
