# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where in its file a part of a document stands: from the path of a problem to a line and a column.

Positions are looked for only when there is a problem. The file is then read once more, into nodes that know where they begin.
"""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..policy.problems import Problem, child
from .yaml_values import HAS_YAML, DocumentLoader

try:
    import yaml
except ImportError:
    # yaml_values.HAS_YAML says so.
    pass

# One step of a path as problems.child() writes it: a name, an index, or a key that is no name, shortened.
_STEP = re.compile(
    r"""\.?(?P<name>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]+)\]|\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|.{57}\.\.\.)\]""", re.DOTALL
)
_JSON_SPACE = re.compile(r"[ \t\n\r]*")
_JSON_SCALAR = re.compile(r"[^\s,\]}]+")

_NUMBER = re.compile(r"(?P<what>the key )?(?P<number>-?[0-9.]+(?:e[+-]?[0-9]+)?)")
_WRITTEN = re.compile(r"[-+]?[0-9][0-9A-Za-z_.+-]*(?::[0-9]+)*")
_DECODER = json.JSONDecoder()


class Mark(NamedTuple):
    """A position in a file, counted from 1."""

    line: int
    column: int


class Place:
    """A value of a document: where it begins, and the places of what is inside it.

    items: gives the places of a list; entries: gives (key, mark of the key, place of the value) of a mapping. Both are called when
    somebody asks, and once, because a document of a few lines may unfold into a billion values.
    """

    def __init__(
        self,
        mark: Mark,
        items: Callable[[], list[Place]] | None = None,
        entries: Callable[[], Iterable[tuple[str, Mark, Place]]] | None = None,
    ) -> None:
        self.mark = mark
        self._items = items
        self._entries = entries
        self._listed: list[Place] | None = None
        self._by_step: dict[str, tuple[Mark, Place]] | None = None

    def items(self) -> list[Place]:
        """The places of a list's items."""
        if self._listed is None:
            self._listed = self._items() if self._items else []
        return self._listed

    def item(self, index: int) -> Place | None:
        """The place of one of a list's items."""
        items = self.items()
        return items[index] if index < len(items) else None

    def entries(self) -> Iterable[tuple[str, Mark, Place]]:
        """Key, mark of the key and place of the value for each entry of a mapping."""
        return self._entries() if self._entries else ()

    def entry(self, step: str) -> tuple[Mark, Place] | None:
        """The key's mark and the value's place of a mapping's entry. step: the key as problems.child() writes it."""
        if self._by_step is None:
            self._by_step = {}
            for key, mark, place in self.entries():
                self._by_step.setdefault(child("$", key), (mark, place))
        return self._by_step.get(step)


def located(problems: Iterable[Problem], text: str, file: str) -> list[Problem]:
    """The problems with their positions, in the order of the file; those of other files and of no known place come first.

    text: the whole content of the file, as far as it can be read.
    """
    problems = list(problems)
    wanting = {problem for problem in problems if problem.file == file and problem.path and not problem.line}
    root = read_places(text, file) if wanting else None
    if root is not None:
        lines = text.splitlines()
        problems = [_located(problem, root, lines) if problem in wanting else problem for problem in problems]
    return sorted(problems, key=lambda problem: (problem.line, problem.column) if problem.file == file else (0, 0))


def read_places(text: str, file: str) -> Place | None:
    """The place of a document as a whole; None where it can't be read.

    file: its name, whose ending says whether it is JSON.
    """
    unreadable: tuple[type[Exception], ...] = (ValueError, LookupError, RecursionError)
    if HAS_YAML:
        unreadable += (yaml.YAMLError,)
    try:
        if file.lower().endswith(".json"):
            return _JsonPlaces(text).read()
        root = yaml.compose(text, Loader=DocumentLoader) if HAS_YAML else None
        return place_of_node(root) if root is not None else None
    except unreadable:
        return None


def json_keys_twice(text: str) -> Iterator[tuple[str, str, int, Mark]]:
    """Of each key that a mapping of a JSON text has a second time its path, itself, the line of the first one and its own mark."""
    waiting = [("$", _JsonPlaces(text).read())]
    while waiting:
        path, place = waiting.pop()
        waiting.extend((child(path, index), item) for index, item in enumerate(place.items()))
        lines: dict[str, int] = {}
        for key, mark, value in place.entries():
            waiting.append((child(path, key), value))
            if key in lines:
                yield child(path, key), key, lines[key], mark
            lines.setdefault(key, mark.line)


def mark_of(node_mark: Any) -> Mark:
    """The mark of one of PyYAML's."""
    return Mark(node_mark.line + 1, node_mark.column + 1)


def place_of_node(node: Any) -> Place:
    """The place of a node of PyYAML."""
    known: dict[int, Place] = {}

    def place(of: Any) -> Place:
        # Nodes that are referred to again (aliases) are one node, which may even hold itself.
        if id(of) not in known:
            known[id(of)] = Place(
                mark_of(of.start_mark),
                functools.partial(items_of, of) if isinstance(of, yaml.SequenceNode) else None,
                functools.partial(entries_of, of) if isinstance(of, yaml.MappingNode) else None,
            )
        return known[id(of)]

    def items_of(of: Any) -> list[Place]:
        return [place(item) for item in of.value]

    def entries_of(of: Any) -> list[tuple[str, Mark, Place]]:
        return [(key_text(key), mark_of(key.start_mark), place(value)) for key, value in merged_entries(of)]

    return place(node)


def key_text(key: Any) -> str:
    """The text of a key's node as it stands in the path of a problem."""
    if not isinstance(key, yaml.ScalarNode):
        return ""
    if key.tag == "tag:yaml.org,2002:bool":
        # An explicit tag (!!bool yes) makes a flag of the other words of YAML 1.1.
        return "true" if key.value.lower() in ("yes", "true", "on") else "false"
    if key.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        # As it is once it has been read: 0012 is 10.
        return str(yaml.safe_load(key.value))
    return str(key.value)


def merged_entries(node: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """The entries of a mapping's node: its own, then those that ``<<`` merges into it."""
    if not isinstance(node, yaml.MappingNode):
        return
    merges: list[Any] = []
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            merges.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
        else:
            yield key, value
    for merged in merges if depth < 20 else ():
        yield from merged_entries(merged, depth + 1)


def _located(problem: Problem, root: Place, lines: Sequence[str]) -> Problem:
    mark, place, rest = root.mark, root, problem.path
    if rest == "$":
        rest = ""
    while rest:
        match = _STEP.match(rest)
        if match is None:
            break
        if match["index"] is not None:
            item = place.item(int(match["index"]))
            found = (item.mark, item) if item is not None else None
        else:
            found = place.entry(match[0].lstrip(".") if match["name"] else match[0])
        if found is None:
            # A key that is missing: the mapping it is missing in.
            break
        place, rest = found[1], rest[match.end() :]
        mark = found[0] if problem.of_key and not rest else place.mark
    return replace(problem, line=mark.line, column=mark.column, found=problem.found if rest else _as_written(problem.found, mark, lines))


def _as_written(found: str, mark: Mark, lines: Sequence[str]) -> str:
    """A number with what its author wrote, where YAML has made something else of it: 0012 is the number 10."""
    number = _NUMBER.fullmatch(found)
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    written = _WRITTEN.match(line, mark.column - 1)
    if number is None or written is None or written[0] == number["number"]:
        return found
    return f"{number['what'] or ''}{written[0][:60]} (the number {number['number']})"


class _JsonPlaces:
    """The places of a JSON text that json.loads has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def read(self) -> Place:
        return self._value(self._skip(0))[0]

    def _mark(self, offset: int) -> Mark:
        line = bisect_right(self.starts, offset)
        return Mark(line, offset - self.starts[line - 1] + 1)

    def _skip(self, offset: int) -> int:
        match = _JSON_SPACE.match(self.text, offset)
        return match.end() if match else offset

    def _value(self, offset: int) -> tuple[Place, int]:
        mark, first = self._mark(offset), self.text[offset]
        if first == "{":
            entries, end = self._entries(offset + 1)
            return Place(mark, entries=lambda: entries), end
        if first == "[":
            items, end = self._items(offset + 1)
            return Place(mark, lambda: items), end
        if first == '"':
            return Place(mark), _DECODER.raw_decode(self.text, offset)[1]
        match = _JSON_SCALAR.match(self.text, offset)
        if match is None:
            raise ValueError(offset)
        return Place(mark), match.end()

    def _items(self, offset: int) -> tuple[list[Place], int]:
        items: list[Place] = []
        offset = self._skip(offset)
        while self.text[offset] != "]":
            place, offset = self._value(offset)
            items.append(place)
            offset = self._after_comma(offset)
        return items, offset + 1

    def _entries(self, offset: int) -> tuple[list[tuple[str, Mark, Place]], int]:
        entries: list[tuple[str, Mark, Place]] = []
        offset = self._skip(offset)
        while self.text[offset] != "}":
            mark = self._mark(offset)
            key, offset = _DECODER.raw_decode(self.text, offset)
            place, offset = self._value(self._skip(self._skip(offset) + 1))
            entries.append((key, mark, place))
            offset = self._after_comma(offset)
        return entries, offset + 1

    def _after_comma(self, offset: int) -> int:
        offset = self._skip(offset)
        return self._skip(offset + 1) if self.text[offset] == "," else offset
