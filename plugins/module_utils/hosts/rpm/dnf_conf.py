# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``excludepkgs`` list of a dnf configuration file, edited by key: every other byte stays as it is.

A comment directly above the list (``# appban: NAME,NAME``) names what is ours in it. It is a line of its own: a comment behind a value
would be a part of the value.

Files are handled as Latin-1, which maps every byte to one character and back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..our_mark import Mark, mark_text, read_mark
from .dnf_conf_lines import WHITE, Assignment, Line, continues, lines_of, parse

_FLAGS = ("created", "section", "line", "comma")
_SECRET = re.compile(r"(?im)^(\s*[^=\n]*(?:password|passwd|secret|token|clientkey)[^=\n]*=)[^\n]*(?:\n[ \t][^\n]*)*")
_LOGIN = re.compile(r"(?i)(://)[^/\s@]+@")


@dataclass(frozen=True)
class Addition:
    """What we added to the file, so that a lift takes exactly that.

    Args:
        names: elements that are ours; one that the administrator had before us is not.
        created: the file wasn't there.
        section: the ``[main]`` header is ours.
        line: the whole line is ours.
        comma: a comma of ours stands before our first element (the value was empty).
        newline: the line end before our section, where it is ours.
    """

    names: Tuple[str, ...] = ()
    created: bool = False
    section: bool = False
    line: bool = False
    comma: bool = False
    newline: str = ""

    def to_plain(self) -> Dict[str, Any]:
        """As the ledger keeps it; empty when nothing is ours."""
        if not self.names:
            return {}
        plain: Dict[str, Any] = {"names": list(self.names)}
        plain.update({flag: getattr(self, flag) for flag in _FLAGS + ("newline",) if getattr(self, flag)})
        return plain

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Addition:
        """The addition that :meth:`to_plain` wrote."""
        return Addition(
            names=tuple(str(name) for name in plain.get("names", ())),
            created=bool(plain.get("created")),
            section=bool(plain.get("section")),
            line=bool(plain.get("line")),
            comma=bool(plain.get("comma")),
            newline=str(plain.get("newline", "")),
        )


def effective_excludes(content: Optional[bytes]) -> Tuple[str, ...]:
    """The excludes of ``[main]`` that dnf would honour, in order."""
    document = parse((content or b"").decode("latin-1"))
    return tuple(token.text for each in document.honoured() for token in each.tokens)


def clears_excludes(content: Optional[bytes]) -> bool:
    """Whether ``[main]`` empties the list of excludes that other files gave (its first element is empty)."""
    return any(each.clears for each in parse((content or b"").decode("latin-1")).applied())


def option_words(content: Optional[bytes], key: str) -> Tuple[str, ...]:
    """The elements of another list of ``[main]``: of its last occurrence, which alone counts."""
    applied = parse((content or b"").decode("latin-1"), (key,)).applied()
    return tuple(token.text for each in applied for token in each.tokens)


def marked_excludes(content: Optional[bytes]) -> Addition:
    """What the marks in a file call ours, whatever a ledger says."""
    text = (content or b"").decode("latin-1")
    names: List[str] = []
    flags: Dict[str, Any] = {}
    for line, mark in _marks(text):
        names.extend(name for name in mark.names if name not in names)
        flags.update({flag: True for flag in _FLAGS if flag in mark.flags})
        if "newline" in mark.flags:
            flags["newline"] = "\r\n" if text[line.start : line.next].endswith("\r\n") else "\n"
    return Addition(names=tuple(names), **flags)


def set_excludes(content: Optional[bytes], wanted: Sequence[str], ours: Addition) -> Tuple[Optional[bytes], Addition]:
    """The file in which exactly ``wanted`` of our excludes stand, and what is ours in it.

    A file that an earlier release wrote has no mark and gets one when something has to be written anyway.

    Args:
        content: the file now; None where there is none.
        wanted: names to be excluded, in order; empty lifts.
        ours: what earlier runs added.

    Returns:
        The new content (None: the file goes) and the new record. The content is the same object when nothing has to change.
    """
    text = (content or b"").decode("latin-1")
    marked = marked_excludes(content)
    if marked.names:
        # The file knows better than the ledger what else around the names is ours.
        ours = _replace(marked, names=ours.names + tuple(name for name in marked.names if name not in ours.names))
    bare = _without_marks(text)
    surplus = [name for name in ours.names if name not in wanted]
    changed, ours = _without_dead(text, ours)
    changed = _without_marks(changed)
    kept = tuple(name for name in ours.names if name in wanted)
    changed, ours = _without(changed, surplus, ours, kept)
    present = effective_excludes(changed.encode("latin-1"))
    missing = [name for name in wanted if name not in present]
    if missing:
        changed, ours = _with(changed, missing, ours, created=content is None)
    if changed == bare and (bare == text or ours.names):
        return content, ours
    if not changed and ours.created and not ours.names:
        return None, Addition()
    return _with_mark(changed, ours).encode("latin-1"), ours


def masked(content: Optional[bytes]) -> Optional[str]:
    """The file as text for a diff, without what may be secret: password values and logins in addresses."""
    if content is None:
        return None
    text = _SECRET.sub(r"\1 (hidden)", content.decode("utf-8", "replace"))
    return _LOGIN.sub(r"\1(hidden)@", text)


def _with(text: str, names: Sequence[str], ours: Addition, created: bool) -> Tuple[str, Addition]:
    document = parse(text)
    applied = document.applied()
    everything = ours.names + tuple(names)
    if applied:
        target = applied[-1]
        if target.tokens:
            separator = _separator(text, target)
            at = target.tokens[-1].end
            added = "".join(separator + name for name in names)
            return text[:at] + added + text[at:], _replace(ours, names=everything)
        at = target.inside[1]
        comma = target.inside[0] == target.inside[1]
        added = ("," if comma else "") + ",".join(names)
        return text[:at] + added + text[at:], _replace(ours, names=everything, comma=ours.comma or comma)
    line = "excludepkgs=" + ",".join(names)
    if document.header is not None:
        end = _line_end(text, document.header)
        at = document.header.next
        # A stray line that begins with a blank (dnf refuses such a file) must not become a part of our value.
        for each in lines_of(text):
            if each.start == at and continues(text[each.start : each.end]):
                at = each.next
        if not text[:at].endswith("\n"):
            return text + end + line, _replace(ours, names=everything, line=True)
        return text[:at] + line + end + text[at:], _replace(ours, names=everything, line=True)
    end = "\r\n" if "\r\n" in text else "\n"
    newline = end if text and not text.endswith("\n") else ""
    text += newline + "[main]" + end + line + end
    return text, _replace(ours, names=everything, line=True, section=True, newline=newline, created=created or ours.created)


def _separator(text: str, target: Assignment) -> str:
    if len(target.tokens) < 2:
        return ","
    between = text[target.tokens[-2].end : target.tokens[-1].start]
    return between if between in (",", ", ", " ") else ","


def _line_end(text: str, line: Line) -> str:
    if line.end == line.next:
        return "\r\n" if "\r\n" in text else "\n"
    return "\r\n" if text[line.end - 1 : line.end] == "\r" else "\n"


def _without(text: str, surplus: Sequence[str], ours: Addition, kept: Tuple[str, ...]) -> Tuple[str, Addition]:
    for name in surplus:
        # Only where it has an effect: we add nowhere else, and the same name elsewhere is the administrator's.
        text = _without_name(text, name, parse(text).honoured())
    if not surplus or kept:
        return text, _replace(ours, names=kept)
    if ours.comma:
        text = _without_comma(text, parse(text).applied())
    if ours.line:
        text = _without_line(text)
    if ours.section:
        text = _without_section(text, ours.newline)
    return text, Addition(created=ours.created)


def _without_dead(text: str, ours: Addition) -> Tuple[str, Addition]:
    """Take out what a mark calls ours and what has no effect any more, because somebody's later line replaced or emptied ours."""
    honoured = parse(text).honoured()
    effective = {token.text for each in honoured for token in each.tokens}
    dead = [name for name in ours.names if name not in effective]
    marked = {line.next for line, _mark in _marks(text)}
    for each in reversed([each for each in parse(text).assignments if each not in honoured and each.start in marked]):
        names = {token.text for token in each.tokens}
        if not names.intersection(dead):
            continue
        if ours.line and names <= set(ours.names):
            text, ours = _without_whole(text, each), _replace(ours, line=False)
        else:
            for name in dead:
                text = _without_name(text, name, _at(text, each.start))
            (rest,) = _at(text, each.start)
            if ours.comma and not rest.tokens:
                text, ours = _without_comma(text, [rest]), _replace(ours, comma=False)
        break
    return text, _replace(ours, names=tuple(name for name in ours.names if name not in dead))


def _at(text: str, start: int) -> List[Assignment]:
    return [each for each in parse(text).assignments if each.start == start]


def _without_name(text: str, name: str, places: Sequence[Assignment]) -> str:
    for each in reversed(places):
        for number in range(len(each.tokens) - 1, -1, -1):
            token = each.tokens[number]
            if token.text != name:
                continue
            if number > 0:
                return text[: each.tokens[number - 1].end] + text[token.end :]
            if len(each.tokens) > 1 and "\n" not in text[token.end : each.tokens[1].start]:
                return text[: token.start] + text[each.tokens[1].start :]
            return text[: token.start] + text[token.end :]
    return text


def _without_comma(text: str, places: Sequence[Assignment]) -> str:
    for each in reversed(places):
        start, end = each.inside
        if not each.tokens and text[start:end] == ",":
            return text[:start] + text[end:]
    return text


def _without_line(text: str) -> str:
    for each in reversed(parse(text).assignments):
        if text[each.start : each.next].rstrip("\r\n") != "excludepkgs=":
            continue
        return _without_whole(text, each)
    return text


def _without_whole(text: str, each: Assignment) -> str:
    if text[each.start : each.next].endswith("\n") or each.start == 0:
        return text[: each.start] + text[each.next :]
    # It stands at the end of a file without a last line end: the one before it is ours.
    return text[: each.start - (2 if text[each.start - 2 : each.start] == "\r\n" else 1)]


def _without_section(text: str, newline: str) -> str:
    lines = lines_of(text)
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if text[line.start : line.end].rstrip("\r") != "[main]":
            continue
        following = text[line.next :]
        if following and not following.lstrip(WHITE + "\n").startswith("["):
            return text
        text = text[: line.start] + following
        if newline and not following and text.endswith(newline):
            text = text[: -len(newline)]
        return text
    return text


def _marks(text: str) -> List[Tuple[Line, Mark]]:
    found = []
    for line in lines_of(text):
        content = text[line.start : line.end].rstrip("\r")
        mark = read_mark(content[2:]) if content.startswith("# ") else None
        if mark is not None:
            found.append((line, mark))
    return found


def _without_marks(text: str) -> str:
    for line, _mark in reversed(_marks(text)):
        text = text[: line.start] + text[line.next :]
    return text


def _with_mark(text: str, ours: Addition) -> str:
    for each in reversed(parse(text).honoured()):
        if ours.names and {token.text for token in each.tokens}.intersection(ours.names):
            flags = [flag for flag in _FLAGS + ("newline",) if getattr(ours, flag)]
            end = "\r\n" if "\r\n" in text else "\n"
            return text[: each.start] + "# " + mark_text(ours.names, flags) + end + text[each.start :]
    return text


def _replace(ours: Addition, **values: Any) -> Addition:
    plain = {name: getattr(ours, name) for name in ("names", "created", "section", "line", "comma", "newline")}
    plain.update(values)
    return Addition(**plain)
