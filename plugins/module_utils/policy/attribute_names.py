# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of attributes in a policy that look like another one's. Any name may be an asset fact, so they are told and not refused."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Iterable, Iterator, Optional

from . import expression
from .devices import ATTRIBUTES, VOCABULARY
from .model import Policy, When
from .problems import child

# Names that are compared, so that the cost of a policy with very many of them stays small.
MOST_COMPARED = 1000


def attribute_meant(name: str) -> Optional[str]:
    """The attribute that a name is hardly different from, None for a name like no other or one that is an attribute."""
    near = () if name in ATTRIBUTES else get_close_matches(name.lower(), ATTRIBUTES, n=1, cutoff=0.8)
    return near[0] if near else None


def mistyped_attributes(policy: Policy) -> Iterator[tuple[str, str]]:
    """Path and words for each name of a policy's conditions that is hardly meant, each name once."""
    places: dict[str, str] = {}
    alone: dict[str, str] = {}
    for path, name, is_alone in _names_of_policy(policy):
        places.setdefault(name, path)
        if is_alone and name not in ATTRIBUTES:
            alone.setdefault(name, path)
    spelled: dict[str, str] = {}
    for name, path in list(places.items())[:MOST_COMPARED]:
        if name in ATTRIBUTES:
            continue
        near = attribute_meant(name)
        other = spelled.setdefault(name.lower(), name)
        if name in alone:
            meant = next(("{%s: %s}" % (each, name) for each, values in VOCABULARY.items() if name in values), near)
            hint = "; perhaps %s is meant" % meant if meant else ""
            text = f"`{name}` is no attribute that any target knows, and nothing is compared with it{hint} (asset facts may have it)"
            yield alone[name], text
        elif near:
            yield path, f"`{name}` is no attribute that any target knows; perhaps {near} is meant (asset facts may have it)"
        elif other != name:
            yield path, f"`{name}` and `{other}` ({places[other]}) differ by letter case only; they are two attributes"


def _names_of_policy(policy: Policy) -> Iterator[tuple[str, str, bool]]:
    """Path and name of each attribute of a policy's conditions, in their order, and whether it is all that the condition is."""
    whens: list[tuple[str, When]] = [(child("rules", index), rule.when) for index, rule in enumerate(policy.rules)]
    whens += [(child("exemptions", index), held.when) for index, held in enumerate(policy.exemptions) if held.when is not None]
    for path, when in whens:
        yield from _names(when, child(path, "when"))


def _names(when: When, path: str) -> Iterator[tuple[str, str, bool]]:
    if isinstance(when, str):
        for name in expression.compile_expression(when).attributes:
            yield path, name, when.strip() == name
        return
    for key, value in when.items():
        where = child(path, key)
        if key in ("any", "all"):
            parts: Iterable[When] = value
            for index, part in enumerate(parts):
                yield from _names(part, child(where, index))
        elif key == "not":
            yield from _names(value, where)
        else:
            yield where, key, False
