# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Classic API's documents: fixed schemas, silent about what they don't know (Jamf Pro fact sheet, 6)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Protocol
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .errors import ClassicRefusal, conflict


class Names(Protocol):
    """Who knows the objects that documents refer to."""

    def name_of(self, collection: str, number: int) -> str | None:
        """The name of an object; None where there is no such one."""

    def number_of(self, collection: str, name: str) -> int | None:
        """The number of an object; None where there is no such one."""

    def extra_of(self, collection: str, number: int) -> dict[str, Any]:
        """More that a document says of an object it refers to."""

    @property
    def unknown_names_conflict(self) -> bool:
        """Whether a name that is nobody's is refused."""


@dataclass(frozen=True)
class Leaf:
    """A text, a number or a flag. `server`: what a client writes is ignored."""

    default: Any = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    server: bool = False

    def read(self, element: ElementTree.Element) -> Any:
        text = (element.text or "").strip()
        if isinstance(self.default, bool):
            return {"true": True, "false": False}.get(text.lower(), self.default)
        if isinstance(self.default, int):
            return int(text) if text.lstrip("-").isdigit() else self.default
        # Out of the enumeration: 201, and the default in its place.
        return text if not self.choices or text in self.choices else self.default


@dataclass(frozen=True)
class Ref:
    """One object of another collection, or none (-1)."""

    of: str
    none: str

    def read(self, element: ElementTree.Element, names: Names) -> int:
        number, name = (element.findtext("id") or "").strip(), (element.findtext("name") or "").strip()
        if number in ("", "-1") and name in ("", self.none):
            return -1
        found = known_number(self.of, number, names) if number not in ("", "-1") else names.number_of(self.of, name)
        if found is None:
            raise conflict(f"Problem with {element.tag}")
        return found


@dataclass(frozen=True)
class Refs:
    """Objects of another collection. Of users only names are kept."""

    item: str
    of: str = ""
    sized: bool = False

    def read(self, element: ElementTree.Element, names: Names) -> list[Any]:
        found: list[Any] = []
        for child in element.findall(self.item):
            number, name = (child.findtext("id") or "").strip(), (child.findtext("name") or "").strip()
            value: Any = name or None
            if self.of:
                value = known_number(self.of, number, names) if number else names.number_of(self.of, name)
                if value is None and (number or self.sized or names.unknown_names_conflict):
                    raise conflict(f"Problem with {self.item} in {element.tag}")
            if value is not None and value not in found:
                found.append(value)
        return found


@dataclass(frozen=True)
class Many:
    """Several branches of one kind."""

    item: str
    branch: dict[str, Any]


def known_number(collection: str, text: str, names: Names) -> int | None:
    number = int(text) if text.isdigit() else -1
    return number if names.name_of(collection, number) is not None else None


def defaults(branch: dict[str, Any]) -> dict[str, Any]:
    """A document of which nothing was said."""
    return {name: default_of(node) for name, node in branch.items()}


def default_of(node: Any) -> Any:
    if isinstance(node, dict):
        return defaults(node)
    if isinstance(node, Leaf):
        return node.default
    return -1 if isinstance(node, Ref) else []


def parsed(body: bytes, root: str) -> ElementTree.Element:
    """The body as XML. Raises ClassicRefusal for anything else."""
    try:
        element = ElementTree.fromstring(body)
    except ElementTree.ParseError as problem:
        raise ClassicRefusal(400, f"Error: {problem}") from problem
    if element.tag != root:
        raise ClassicRefusal(400, f"Error: the root element must be {root}")
    return element


def merged(branch: dict[str, Any], element: ElementTree.Element, before: dict[str, Any], names: Names) -> dict[str, Any]:
    """What a write makes of a document: elements that are there replace, absent ones stay, unknown ones are dropped."""
    after = copy.deepcopy(before)
    for child in element:
        node = branch.get(child.tag)
        if isinstance(node, dict):
            after[child.tag] = merged(node, child, after[child.tag], names)
        elif isinstance(node, Leaf):
            if not node.server:
                after[child.tag] = node.read(child)
        elif isinstance(node, Many):
            items = child.findall(node.item)
            after[child.tag] = [merged(node.branch, item, defaults(node.branch), names) for item in items]
        elif node is not None:
            after[child.tag] = node.read(child, names)
    return after


def require(branch: dict[str, Any], document: dict[str, Any]) -> None:
    """Raises ClassicRefusal that names the first required field without a value."""
    for name, node in branch.items():
        if isinstance(node, dict):
            require(node, document[name])
        elif isinstance(node, Leaf) and node.required and document[name] in ("", None):
            raise conflict(f"Problem with {name}")


def shown(branch: dict[str, Any], document: dict[str, Any], names: Names) -> dict[str, Any]:
    """A document as readers see it: names beside numbers, in the order of the schema."""
    return {name: shown_value(node, document[name], names) for name, node in branch.items()}


def shown_value(node: Any, value: Any, names: Names) -> Any:
    if isinstance(node, dict):
        return shown(node, value, names)
    if isinstance(node, Many):
        return [shown(node.branch, item, names) for item in value]
    if isinstance(node, Ref):
        name = names.name_of(node.of, value)
        return {"id": -1, "name": node.none} if name is None else {"id": value, "name": name}
    if isinstance(node, Refs):
        if not node.of:
            return [{"name": name} for name in value]
        known = [(number, names.name_of(node.of, number)) for number in value]
        return [{"id": number, "name": name, **names.extra_of(node.of, number)} for number, name in known if name is not None]
    return value


def written(tag: str, value: Any, node: Any = None) -> str:
    """A shown document as XML. Its text is escaped once, the way a reader expects."""
    if isinstance(value, dict):
        branch = node if isinstance(node, dict) else {}
        return f"<{tag}>{''.join(written(name, item, branch.get(name)) for name, item in value.items())}</{tag}>"
    if isinstance(value, list):
        size = f"<size>{len(value)}</size>" if isinstance(node, Many) or (isinstance(node, Refs) and node.sized) else ""
        inner = node.branch if isinstance(node, Many) else None
        return f"<{tag}>{size}{''.join(written(node.item, item, inner) for item in value)}</{tag}>"
    if value is None or value == "":
        return f"<{tag}/>"
    return f"<{tag}>{str(value).lower() if isinstance(value, bool) else escape(str(value))}</{tag}>"
