# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Semantic comparison: whether an object holds what we want, by our own keys only.

Servers add defaults, reorder lists, write null for what is missing and give every part an id. None of that is a difference.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where ``found`` does not hold what is wanted, one path each; empty where it does.

    Only keys of ``wanted`` are looked at. Lists are sets: each wanted item must have a found one that holds it, and there must
    be no more found ones than wanted ones. Text is compared without white space at its ends; null is the same as missing.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return [path or "."] if any(value is not None for value in wanted.values()) else []
        lines: list[str] = []
        for key, value in wanted.items():
            if key == "@odata.type" and key not in found:
                # OData names a type only where it can't be told from the place; where it can, an answer leaves it out.
                continue
            lines.extend(differences(value, found.get(key), "%s.%s" % (path, key) if path else str(key)))
        return lines
    if isinstance(wanted, (list, tuple)):
        return [] if _same_sets(wanted, found if isinstance(found, (list, tuple)) else ()) else [path or "."]
    if isinstance(wanted, str) and isinstance(found, str):
        return [] if wanted.strip() == found.strip() else [path or "."]
    if wanted is None:
        # Whether the server says null, an empty text or nothing, there is nothing.
        return [] if found in (None, "", [], {}) else [path or "."]
    return [] if type(wanted) is type(found) and wanted == found else [path or "."]


def _same_sets(wanted: Sequence[Any], found: Sequence[Any]) -> bool:
    if len(wanted) != len(found):
        return False
    if all(isinstance(item, str) for item in (*wanted, *found)):
        return sorted(item.strip() for item in wanted) == sorted(item.strip() for item in found)
    partner: dict[int, int] = {}
    return all(_finds_partner(index, wanted, found, partner, set()) for index in range(len(wanted)))


def _finds_partner(index: int, wanted: Sequence[Any], found: Sequence[Any], partner: dict[int, int], tried: set[int]) -> bool:
    """Give a wanted item a found one that holds it; one that is taken is given up by a wanted item that another one holds too.

    Args:
        partner: position in found -> position in wanted.
        tried: positions in found that this search need not try again.
    """
    for position, other in enumerate(found):
        if position in tried or differences(wanted[index], other):
            continue
        tried.add(position)
        if position not in partner or _finds_partner(partner[position], wanted, found, partner, tried):
            partner[position] = index
            return True
    return False
