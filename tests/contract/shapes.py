# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says, compiled: shapes of values, types of objects, operations and the paths that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PARAMETER = "{}"


@dataclass(frozen=True)
class Shape:
    """What one value may be.

    ``kind`` is a JSON type, ``map`` (any keys, values of ``items``) or ``any``. ``type_name`` names an object's declared type or an
    enumeration. Limits that the vendor only writes in a description hold for requests: ``minimum``, ``maximum``, ``max_length``.
    """

    kind: str
    nullable: bool = False
    type_name: str = ""
    items: Shape | None = None
    enum: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    format: str = ""
    read_only: bool = False
    navigation: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    max_items: int | None = None


@dataclass(frozen=True)
class ObjectType:
    """One type with everything it inherits; ``subtypes`` holds its own name too."""

    name: str
    properties: Mapping[str, Shape]
    required: frozenset[str]
    subtypes: frozenset[str]
    abstract: bool = False
    entity: bool = False
    polymorphic: bool = False


@dataclass(frozen=True)
class Body:
    """A request's or a response's body."""

    shape: Shape
    media_type: str
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``responses`` maps a status or ``4XX`` to its body; None is no body."""

    query: frozenset[str]
    headers: frozenset[str]
    request: Body | None
    responses: Mapping[str, Body | None]
    rejected: str = ""


@dataclass(frozen=True)
class Contract:
    """One version of one API."""

    version: str
    types: Mapping[str, ObjectType]
    paths: Mapping[str, Mapping[str, Operation]]
    routes: Mapping[str, object] = field(default_factory=dict)

    def template(self, segments: Iterable[str]) -> str | None:
        """The path in the contract that these segments lead to; a literal segment goes before a parameter."""
        return _follow(self.routes, list(segments))

    def names_of(self, type_name: str) -> dict[str, Shape]:
        """Every property of a type or of one of its subtypes: what $select and $filter may name."""
        names: dict[str, Shape] = {}
        for name in sorted(self.types[type_name].subtypes, reverse=True):
            names.update(self.types[name].properties)
        return names | dict(self.types[type_name].properties)


def routes_of(paths: Iterable[str]) -> dict[str, object]:
    """A tree of segments; a leaf is kept under the empty segment."""
    tree: dict[str, object] = {}
    for path in paths:
        node = tree
        for segment in path.strip("/").split("/"):
            child = node.setdefault(PARAMETER if segment.startswith("{") else segment, {})
            assert isinstance(child, dict)
            node = child
        node[""] = path
    return tree


def _follow(node: Mapping[str, object], segments: list[str]) -> str | None:
    if not segments:
        leaf = node.get("")
        return leaf if isinstance(leaf, str) else None
    if not segments[0]:
        return None
    for key in (segments[0], PARAMETER):
        child = node.get(key)
        if isinstance(child, Mapping) and (found := _follow(child, segments[1:])):
            return found
    return None
