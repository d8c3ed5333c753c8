# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of many conditions a device can meet at all, found by one of its attributes instead of by asking each."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .devices import compared_value, flag_of
from .scope import AllOf, Condition, Wanted

# Below this number asking each condition is cheaper than looking up which to ask.
_WORTHWHILE = 8


class ConditionIndex:
    """Candidates among conditions. Those left out are surely false for the device, never unknown."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.everything: tuple[int, ...] = tuple(range(len(conditions)))
        self.attribute: str | None = None
        self.by_value: dict[str, tuple[int, ...]] = {}
        self.others: tuple[int, ...] = ()
        if len(conditions) >= _WORTHWHILE:
            self._choose([_texts_wanted(condition) for condition in conditions])

    def candidates(self, device: Mapping[str, Any]) -> tuple[int, ...]:
        """Positions, in order, of the conditions that may be true or unknown for a device."""
        if self.attribute is None:
            return self.everything
        value = compared_value(device, self.attribute)
        if not isinstance(value, str) or isinstance(flag_of(value), bool):
            # A word that may stand for true leaves conditions about other words unknown.
            return self.everything
        return self.by_value.get(value, self.others)

    def _choose(self, wanted: Sequence[Mapping[str, tuple[str, ...]]]) -> None:
        tables: dict[str, dict[str, list[int]]] = {}
        users: dict[str, int] = {}
        for position, texts in enumerate(wanted):
            for attribute, values in texts.items():
                users[attribute] = users.get(attribute, 0) + 1
                table = tables.setdefault(attribute, {})
                for value in dict.fromkeys(values):
                    table.setdefault(value, []).append(position)

        def cost(attribute: str) -> float:
            table = tables[attribute]
            return len(wanted) - users[attribute] + sum(map(len, table.values())) / len(table)

        if not tables:
            return
        best = min(sorted(tables), key=cost)
        if cost(best) > 0.8 * len(wanted):
            return
        self.attribute = best
        self.others = tuple(position for position, texts in enumerate(wanted) if best not in texts)
        self.by_value = {value: tuple(sorted((*positions, *self.others))) for value, positions in tables[best].items()}


def _texts_wanted(condition: Condition) -> dict[str, tuple[str, ...]]:
    """The attributes that must have one of some texts for a condition to hold."""
    texts: dict[str, tuple[str, ...]] = {}
    for part in condition.parts if isinstance(condition, AllOf) else (condition,):
        if isinstance(part, Wanted) and all(isinstance(value, str) for value in part.values):
            texts[part.attribute] = tuple(str(value) for value in part.values)
    return texts
