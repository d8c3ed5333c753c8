# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homebrew's system-wide settings, ``/etc/homebrew/brew.env``, edited by key. Pure.

How ``bin/brew`` reads it: line by line, blanks around a line cut off, only ``HOMEBREW_*=...`` counts, values literal (no quotes,
no expansion), of several lines with one key the last one counts, and a last line without a newline is not read at all. The
forbidden lists are words set apart by blanks. With ``HOMEBREW_SYSTEM_ENV_TAKES_PRIORITY`` the file is read once more after the
prefix's and the user's own, so that it has the last word (fact sheet hosts_linux 9).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

FORMULAE = "HOMEBREW_FORBIDDEN_FORMULAE"
CASKS = "HOMEBREW_FORBIDDEN_CASKS"
PRIORITY = "HOMEBREW_SYSTEM_ENV_TAKES_PRIORITY"
COMMENT = (
    b"# Kept by appban.endpoint, with the names it added to the HOMEBREW_FORBIDDEN lists. Lift the ban in the policy to take them away."
)
#: Before what of the file is ours, as JSON: a second source beside the ledger, which may be lost.
MARK = b"# appban.endpoint owns here: "
_PRIORITY_LINE = PRIORITY.encode("ascii") + b"=1"


@dataclass(frozen=True)
class BrewEnvEdit:
    """The edited file.

    Args:
        content: its bytes; None where no file is to be.
        owned: what of it is ours; empty for nothing.
    """

    content: Optional[bytes]
    owned: Mapping[str, Any] = field(default_factory=dict)


def forbidden(content: bytes, key: str) -> Tuple[str, ...]:
    """The words of a list as brew reads them."""
    found = _last(_lines(content), key)
    return () if found is None else tuple(word.decode("utf-8", "replace") for word in found[1].split())


def add_forbidden(content: Optional[bytes], wanted: Mapping[str, Sequence[str]], marked: bool = True) -> BrewEnvEdit:
    """Put names on the lists and give the file the last word.

    Args:
        content: the file without anything of ours; None where there is none.
        wanted: key of a list -> names.
        marked: also write down what is ours; earlier releases didn't.
    """
    lines = _lines(content or b"")
    owned: Dict[str, Any] = {"created": content is None, "lists": {}}
    new_lines: List[bytes] = []
    for key in sorted(wanted):
        if not wanted[key]:
            continue
        found = _last(lines, key)
        there = set(found[1].split()) if found else set()
        ours = [name for name in sorted(set(wanted[key])) if name.encode("ascii") not in there]
        if not ours:
            continue
        owned["lists"][key] = {"names": ours, "line": found is None}
        text = " ".join(ours).encode("ascii")
        if found is None:
            new_lines.append(key.encode("ascii") + b"=" + text)
            continue
        index, value, head = found
        tail = lines[index][len(head) + len(value) :]
        # Ours first: whatever ends their line (a carriage return belongs to the value) stays next to their last word.
        lines[index] = head + text + (b" " + value if value else b"") + tail
    priority = _last(lines, PRIORITY)
    if owned["lists"] and (priority is None or not priority[1].strip()):
        new_lines.append(_PRIORITY_LINE)
        owned["priority"] = True
    if not owned["lists"]:
        return BrewEnvEdit(content)
    if new_lines or marked:
        _close_last_line(lines, owned)
        if marked:
            owned["marked"] = True
            new_lines.insert(0, MARK + json.dumps(owned, sort_keys=True, separators=(",", ":")).encode("ascii"))
        new_lines.insert(0, COMMENT)
        lines.extend(line + b"\n" for line in new_lines)
    elif not lines[-1].endswith(b"\n") and any(_is_key(lines[-1], key) for key in (*owned["lists"], PRIORITY)):
        _close_last_line(lines, owned)
    return BrewEnvEdit(b"".join(lines), owned)


def drop_forbidden(content: Optional[bytes], owned: Mapping[str, Any]) -> BrewEnvEdit:
    """Take away exactly what :func:`add_forbidden` added, whatever else was edited since."""
    if content is None or not owned:
        return BrewEnvEdit(content)
    lines = _lines(content)
    at_end = _our_lines_at_end(lines, owned)
    for key, entry in owned.get("lists", {}).items():
        _drop_names(lines, key, [name.encode("ascii") for name in entry["names"]], bool(entry["line"]))
    if owned.get("priority"):
        _drop_last_line(lines, _PRIORITY_LINE)
    if owned.get("priority") or owned.get("marked") or any(entry["line"] for entry in owned.get("lists", {}).values()):
        _drop_last_line(lines, COMMENT)
    if owned.get("marked"):
        lines = [line for line in lines if not line.startswith(MARK)]
    if owned.get("newline") and at_end and lines and lines[-1].endswith(b"\n"):
        lines[-1] = lines[-1][:-1]
    rest = b"".join(lines)
    return BrewEnvEdit(None if not rest and owned.get("created") else rest)


def owned_by_marks(content: Optional[bytes]) -> Mapping[str, Any]:
    """What of a file is ours by the marks in it; empty for nothing. Of an earlier release that is what follows its comment."""
    lines = [line.rstrip(b"\n") for line in _lines(content or b"")]
    for line in reversed(lines):
        if line.startswith(MARK):
            try:
                owned = json.loads(line[len(MARK) :].decode("ascii"))
                for entry in owned["lists"].values():
                    if not all(isinstance(name, str) and name.isascii() for name in entry["names"]) or not isinstance(entry["line"], bool):
                        return {}
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                break
            return {**owned, "marked": True}
    if COMMENT not in lines:
        return {}
    lists: Dict[str, Any] = {}
    priority = False
    for line in lines[lines.index(COMMENT) + 1 :]:
        key = next((each for each in (FORMULAE, CASKS) if line.startswith(each.encode("ascii") + b"=")), None)
        if key is not None and key not in lists:
            names = [word.decode("ascii") for word in line.split(b"=", 1)[1].split() if word.isascii()]
            lists[key] = {"names": names, "line": True}
        elif line == _PRIORITY_LINE:
            priority = True
        else:
            break
    return {"created": True, "lists": lists, **({"priority": True} if priority else {})} if lists or priority else {}


def _close_last_line(lines: List[bytes], owned: Dict[str, Any]) -> None:
    if lines and not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
        owned["newline"] = True


def _our_lines_at_end(lines: Sequence[bytes], owned: Mapping[str, Any]) -> bool:
    """Whether nobody added anything after what we appended, so that the newline before it is still ours to take."""
    count = sum(1 for entry in owned.get("lists", {}).values() if entry["line"]) + (1 if owned.get("priority") else 0)
    if owned.get("marked"):
        return len(lines) > count + 2 and lines[-count - 2].rstrip(b"\n") == COMMENT
    if not count:
        # Then what was closed is the administrator's own last line, of one of these keys.
        return bool(lines) and any(_is_key(lines[-1], key) for key in (*owned.get("lists", {}), PRIORITY))
    return len(lines) > count and lines[-count - 1].rstrip(b"\n") == COMMENT


def _drop_names(lines: List[bytes], key: str, names: Sequence[bytes], whole_line: bool) -> None:
    candidates = [index for index, line in enumerate(lines) if _is_key(line, key)]
    front = b" ".join(names)
    exact = [index for index in candidates if re.match(re.escape(front) + rb"(?:[ \r\n]|\Z)", _parts(lines[index], key)[1])]
    some = [index for index in candidates if set(_parts(lines[index], key)[1].split()).intersection(names)]
    # A line of ours that somebody emptied is still ours.
    emptied = [index for index in candidates if whole_line and not _parts(lines[index], key)[1].strip()]
    if not exact and not some and not emptied:
        return
    index = (exact or some or emptied)[-1]
    head, value = _parts(lines[index], key)
    for name in names:
        value = re.sub(rb"(?:(?<=\s)|^)" + re.escape(name) + rb"(?: |(?=\s)|\Z)", b"", value, count=1)
    if whole_line and not value.strip():
        del lines[index]
    else:
        lines[index] = head + value


def _drop_last_line(lines: List[bytes], line: bytes) -> None:
    for index in reversed(range(len(lines))):
        if lines[index].rstrip(b"\n") == line:
            del lines[index]
            return


def _last(lines: Sequence[bytes], key: str) -> Optional[Tuple[int, bytes, bytes]]:
    """The line of a key that counts: its index, value (without the newline) and what stands before the value."""
    for index in reversed(range(len(lines))):
        if _is_key(lines[index], key):
            head, value = _parts(lines[index], key)
            return index, value.rstrip(b"\n"), head
    return None


def _lines(content: bytes) -> List[bytes]:
    """Lines as the shell sees them: only a newline ends one."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _is_key(line: bytes, key: str) -> bool:
    return line.lstrip(b" \t").startswith(key.encode("ascii") + b"=")


def _parts(line: bytes, key: str) -> Tuple[bytes, bytes]:
    """A line of that key, split after the equals sign."""
    start = line.index(b"=") + 1
    return line[:start], line[start:]
