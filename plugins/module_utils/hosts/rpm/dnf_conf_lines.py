# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines and lists of a dnf configuration file, with the place of everything in the text.

The reading follows libdnf's parser, as seen with dnf 4.14: ``exclude`` and ``excludepkgs`` are two keys of one list that
add up; the last occurrence of each key counts, in all ``[main]`` sections together; keys are applied in the order of their first
occurrence; a value whose first element is empty clears what came before; blanks, commas and line ends divide, tabs don't; a line
that begins with white space continues the value; a value may stand in quotes as a whole; key and section names are case-sensitive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

KEYS = ("exclude", "excludepkgs")
WHITE = " \t\r\v\f"
_TOKEN = re.compile(r"[^ ,]+")


@dataclass(frozen=True)
class Line:
    """One physical line: where it starts, where its text ends and where its line end ends."""

    start: int
    end: int
    next: int


@dataclass(frozen=True)
class Token:
    """One element of a list, by position in the text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Assignment:
    """One ``key = value`` of a ``[main]`` section, continuation lines included.

    Args:
        key: as written.
        start: start of its first line.
        value: position right behind the equals sign.
        inside: start and end of the value without surrounding blanks and quotes.
        tokens: its elements.
        clears: its first element is empty, so it empties the list first.
    """

    key: str
    start: int
    next: int
    value: int
    inside: Tuple[int, int]
    tokens: Tuple[Token, ...]
    clears: bool


@dataclass(frozen=True)
class Document:
    """What of the file matters here."""

    header: Optional[Line]
    assignments: Tuple[Assignment, ...]

    def applied(self) -> List[Assignment]:
        """The assignments that count, in the order libdnf applies them."""
        last: Dict[str, Assignment] = {}
        for each in self.assignments:
            last[each.key] = each
        return list(last.values())

    def honoured(self) -> List[Assignment]:
        """Those of the applied assignments that no later one empties."""
        kept: List[Assignment] = []
        for each in self.applied():
            kept = [each] if each.clears else kept + [each]
        return kept


def lines_of(text: str) -> List[Line]:
    """The physical lines of a text."""
    lines = []
    start = 0
    while start < len(text):
        stop = text.find("\n", start)
        if stop < 0:
            lines.append(Line(start, len(text), len(text)))
            break
        lines.append(Line(start, stop, stop + 1))
        start = stop + 1
    return lines


def parse(text: str, keys: Sequence[str] = KEYS) -> Document:
    """The assignments to some keys in the ``[main]`` sections."""
    header: Optional[Line] = None
    assignments: List[Assignment] = []
    in_main = False
    lines = lines_of(text)
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        content = text[line.start : line.end]
        if line.start == 0 and content.startswith("\xef\xbb\xbf"):
            content = content[3:]
        if content.lstrip(WHITE).startswith("["):
            in_main = content.lstrip(WHITE).startswith("[main]")
            if in_main and header is None:
                header = line
            continue
        if not content.strip(WHITE) or content[0] in "#;" or content[0] in WHITE:
            continue
        body = [line]
        while index < len(lines) and continues(text[lines[index].start : lines[index].end]):
            body.append(lines[index])
            index += 1
        key, equals, _rest = content.partition("=")
        if in_main and equals and key.strip(WHITE) in keys:
            assignments.append(_assignment(text, key.strip(WHITE), body))
    return Document(header, tuple(assignments))


def continues(content: str) -> bool:
    """Whether a line goes on with the value of the one before it."""
    return content[:1] != "" and content[0] in WHITE and not content.lstrip(WHITE).startswith("[")


def _assignment(text: str, key: str, body: List[Line]) -> Assignment:
    value = text.index("=", body[0].start) + 1
    end = body[-1].end
    blank = WHITE + "\n"
    start = value
    while start < end and text[start] in blank:
        start += 1
    while end > start and text[end - 1] in blank:
        end -= 1
    if end - start >= 2 and text[start] in "\"'" and text[end - 1] == text[start]:
        start, end = start + 1, end - 1
    if start == end:
        # Nothing but blanks: an element goes right behind the equals sign, or between the quotes.
        if text[start - 1 : start] not in ('"', "'"):
            start = end = value
        return Assignment(key, body[0].start, body[-1].next, value, (start, end), (), True)
    tokens: List[Token] = []
    for line in body:
        first, last = max(line.start, start), min(line.end, end)
        while first < last and text[first] in WHITE:
            first += 1
        while last > first and text[last - 1] in WHITE:
            last -= 1
        tokens.extend(Token(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text, first, last))
    # A list that begins on the next line begins with an empty element, too.
    clears = text[start] in " ,\n" or "\n" in text[value:start]
    return Assignment(key, body[0].start, body[-1].next, value, (start, end), tuple(tokens), clears)
