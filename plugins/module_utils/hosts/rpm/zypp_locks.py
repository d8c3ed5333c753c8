# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of zypper's locks, edited stanza by stanza: every other byte stays as it is.

``zypper addlock`` writes an empty line, ``type``, ``match_type``, ``case_sensitive`` and ``solvable_name``, and an empty line; the
same written by hand is equal to it (seen with zypper 1.14). Handled as Latin-1, which maps every byte to one character and back.

zypper writes the whole file anew with every lock that is added or removed: in another order, without comments, and with every key,
those that it does not know included. So what is ours is named in a key ``comment`` of one stanza more, whose lock matches no package.
Such a key in the locks themselves would keep ``zypper removelock NAME`` from finding them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..our_mark import Mark, mark_text, read_mark

_OURS = {"type": "package", "match_type": "glob", "case_sensitive": "on"}
#: name in the lock that carries our mark
MARK_NAME = "appban-locks"
_FLAGS = ("created", "newline")


@dataclass(frozen=True)
class Stanza:
    """One lock: its keys, and where its lines start and end."""

    keys: Tuple[Tuple[str, str], ...]
    start: int
    end: int

    def name(self) -> Optional[str]:
        """The package it locks, if it is a lock by plain name as we and ``zypper addlock`` write them."""
        keys = dict(self.keys)
        name = keys.pop("solvable_name", None)
        return name if keys == _OURS and len(self.keys) == len(_OURS) + 1 else None

    def mark(self) -> Optional[Mark]:
        """What our mark says, if this stanza carries it."""
        keys = dict(self.keys)
        return read_mark(keys.get("comment", "").strip("\"'")) if keys.get("solvable_name") == MARK_NAME else None


@dataclass(frozen=True)
class Addition:
    """What we added to the file.

    Args:
        names: locks that are ours; one that the administrator had before us is not.
        created: the file wasn't there.
        newline: we ended a last line that had no end.
    """

    names: Tuple[str, ...] = ()
    created: bool = False
    newline: bool = False

    def to_plain(self) -> Dict[str, Any]:
        """As the ledger keeps it; empty when nothing is ours."""
        if not self.names:
            return {}
        plain: Dict[str, Any] = {"names": list(self.names)}
        plain.update({flag: True for flag in _FLAGS if getattr(self, flag)})
        return plain

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Addition:
        """The addition that :meth:`to_plain` wrote."""
        names = tuple(str(name) for name in plain.get("names", ()))
        return Addition(names, bool(plain.get("created")), bool(plain.get("newline")))


def locked_names(content: Optional[bytes]) -> Tuple[str, ...]:
    """Names and globs of packages that are locked, in order."""
    names = []
    for stanza in _parse((content or b"").decode("latin-1")):
        keys = dict(stanza.keys)
        if keys.get("type", "package") == "package" and keys.get("solvable_name", MARK_NAME) != MARK_NAME:
            names.append(keys["solvable_name"])
    return tuple(names)


def marked_locks(content: Optional[bytes]) -> Addition:
    """What the marks in a file call ours, whatever a ledger says."""
    names: List[str] = []
    flags: Dict[str, bool] = {}
    for stanza in _parse((content or b"").decode("latin-1")):
        mark = stanza.mark()
        if mark is not None:
            names.extend(name for name in mark.names if name not in names)
            flags.update({flag: True for flag in _FLAGS if flag in mark.flags})
    return Addition(tuple(names), flags.get("created", False), flags.get("newline", False))


def set_locks(content: Optional[bytes], wanted: Sequence[str], ours: Addition) -> Tuple[Optional[bytes], Addition]:
    """The file in which exactly ``wanted`` of our locks stand, and what is ours in it.

    A file that an earlier release wrote has no mark and gets one when something has to be written anyway.

    Args:
        content: the file now; None where there is none.
        wanted: names to be locked, in order; empty lifts.
        ours: what earlier runs added.

    Returns:
        The new content (None: the file goes) and the new record. The content is the same object when nothing has to change.
    """
    before = (content or b"").decode("latin-1")
    marked = marked_locks(content)
    if marked.names:
        # The file knows better than the ledger what else around the names is ours.
        names = ours.names + tuple(name for name in marked.names if name not in ours.names)
        ours = Addition(names, marked.created, marked.newline)
    bare, at_end = _without(before, MARK_NAME)
    text = bare
    for name in ours.names:
        if name not in wanted:
            text, was_last = _without(text, name)
            at_end = at_end or was_last
    kept = tuple(name for name in ours.names if name in wanted)
    present = {stanza.name() for stanza in _parse(text)}
    missing = tuple(name for name in wanted if name not in present)
    if text == bare and not missing and (bare == before or kept):
        return content, Addition(kept, ours.created, ours.newline) if kept else Addition()
    newline = ours.newline
    if newline and not kept:
        # The line end that we added goes only while it is still the last thing in the file.
        if at_end and text.endswith("\n"):
            text = text[:-1]
        newline = False
    created = ours.created or (content is None and bool(missing))
    names = kept + tuple(name for name in missing if name not in kept)
    if names and text and not text.endswith("\n"):
        text, newline = text + "\n", True
    text += "".join(_stanza(name) for name in missing)
    if not names:
        return (None if not text.strip() and created else text.encode("latin-1")), Addition()
    new = Addition(names, created, newline)
    return (text + _mark_stanza(new)).encode("latin-1"), new


def _mark_stanza(ours: Addition) -> str:
    mark = mark_text(ours.names, [flag for flag in _FLAGS if getattr(ours, flag)])
    return _stanza(MARK_NAME).replace("\nsolvable_name", "\ncomment: %s\nsolvable_name" % mark)


def _stanza(name: str) -> str:
    keys = dict(_OURS, solvable_name=name)
    return "\n%s\n\n" % "\n".join("%s: %s" % pair for pair in keys.items())


def _parse(text: str) -> List[Stanza]:
    stanzas = []
    keys: List[Tuple[str, str]] = []
    start = position = 0
    for line in text.split("\n"):
        end = min(position + len(line) + 1, len(text))
        plain = line.strip(" \t\r")
        if plain and not plain.startswith("#"):
            if not keys:
                start = position
            key, _colon, value = plain.partition(":")
            keys.append((key.strip(), value.strip()))
            last = end
        elif not plain and keys:
            stanzas.append(Stanza(tuple(keys), start, last))
            keys = []
        position = end
    if keys:
        stanzas.append(Stanza(tuple(keys), start, last))
    return stanzas


def _without(text: str, name: str) -> Tuple[str, bool]:
    # From the end: an administrator's own lock of the same name would have been there before ours.
    for stanza in reversed(_parse(text)):
        if stanza.name() != name and not (name == MARK_NAME and stanza.mark()):
            continue
        start, end = stanza.start, stanza.end
        if text[:start].endswith("\n\n") or (start == 1 and text[0] == "\n"):
            start -= 1
        if text[end:].startswith("\n"):
            end += 1
        return text[:start] + text[end:], not text[end:]
    return text, False
