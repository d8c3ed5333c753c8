# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman.conf, edited by key: one package name in ``HoldPkg``; every other byte stays (pacman.conf(5))."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

_CREDENTIALS = re.compile(r"(://)[^/@\s]+@")
_SECRET = re.compile(r"(?i)((?:password|passwd|token|secret|authorization)[^=:\n]{0,20}[=:]\s*)\S+")


def hold_names(content: bytes) -> Tuple[str, ...]:
    """Names and globs in ``HoldPkg`` of the file itself (what it includes is not followed)."""
    found: List[str] = []
    for _index, line in _options(_lines(content)):
        key, values = _entry(line)
        if key == b"HoldPkg":
            found += [value.decode("utf-8", "replace") for value in values]
    return tuple(found)


def mentions(content: bytes, key: str) -> bool:
    """Whether a file sets a key, in any section: pacman.conf may include it at any place."""
    wanted = key.encode("ascii")
    return any(_entry(line)[0] == wanted for line in _lines(content))


def included_paths(content: bytes) -> Tuple[str, ...]:
    """The values of ``Include``, each a path or a glob."""
    found = []
    for line in _lines(content):
        key, equals, value = line.partition(b"=")
        if key.strip() == b"Include" and equals and value.strip():
            found.append(os.fsdecode(value.strip()))
    return tuple(found)


def add_hold(content: bytes, name: str) -> Tuple[bytes, Dict[str, Any]]:
    """Add a package to ``HoldPkg``, on a line of its own.

    Returns:
        The new content, and what :func:`remove_hold` has to know: ``added`` (False where the name was there before us),
        ``section`` (we made ``[options]``) and ``newline`` (we ended the last line).
    """
    if name in hold_names(content):
        return content, {"added": False}
    lines = _lines(content)
    entry = b"HoldPkg = " + name.encode("ascii")
    for index, line in enumerate(lines):
        if _section(line) == b"options":
            if line.endswith(b"\n"):
                lines.insert(index + 1, entry + _ending(line))
                return b"".join(lines), {"added": True}
            return content + b"\n" + entry, {"added": True, "newline": True}
    newline = bool(content) and not content.endswith(b"\n")
    return content + (b"\n" if newline else b"") + b"[options]\n" + entry + b"\n", {"added": True, "section": True, "newline": newline}


def remove_hold(content: bytes, name: str, record: Optional[Mapping[str, Any]]) -> bytes:
    """Take back what :func:`add_hold` added, whatever was edited around it since.

    Args:
        content: the file.
        name: the package.
        record: what add_hold returned; None where that was lost, then a line that holds nothing but the name is taken for ours.
    """
    if record is not None and not record.get("added"):
        return content
    lines = _lines(content)
    token = name.encode("ascii")
    holding = [(index, _entry(line)[1]) for index, line in _options(lines) if _entry(line)[0] == b"HoldPkg" and token in _entry(line)[1]]
    alone = [index for index, values in holding if values == [token]]
    if not alone:
        if holding and record is not None:
            # Somebody put more names on our line: only ours goes.
            index = holding[0][0]
            key, equals, values = lines[index].partition(b"=")
            lines[index] = key + equals + re.sub(rb"(?<!\S)" + re.escape(token) + rb"(?!\S)[ \t]?", b"", values, count=1)
        return b"".join(lines)
    index = alone[0]
    del lines[index]
    facts = record or {}
    if facts.get("section") and index and _section(lines[index - 1]) == b"options" and not _has_entries(lines, index):
        index -= 1
        del lines[index]
    if facts.get("newline") and index == len(lines) and index and lines[-1].endswith(b"\n"):
        lines[-1] = lines[-1][:-1]
    return b"".join(lines)


def without_secrets(content: bytes) -> str:
    """The file as a diff may show it: user names and passwords in addresses and download commands are masked."""
    return _SECRET.sub(r"\1********", _CREDENTIALS.sub(r"\1********@", content.decode("utf-8", "replace")))


def _lines(content: bytes) -> List[bytes]:
    # Only newlines part the lines for pacman; bytes.splitlines would also part at a lone carriage return.
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _options(lines: Sequence[bytes]) -> List[Tuple[int, bytes]]:
    section: Optional[bytes] = None
    found = []
    for index, line in enumerate(lines):
        name = _section(line)
        if name is not None:
            section = name
        elif section == b"options":
            found.append((index, line))
    return found


def _section(line: bytes) -> Optional[bytes]:
    stripped = line.strip()
    return stripped[1:-1] if len(stripped) > 1 and stripped[:1] == b"[" and stripped[-1:] == b"]" else None


def _has_entries(lines: Sequence[bytes], start: int) -> bool:
    for line in lines[start:]:
        if _section(line) is not None:
            return False
        if line.strip() and line.lstrip()[:1] != b"#":
            return True
    return False


def _entry(line: bytes) -> Tuple[bytes, List[bytes]]:
    if line.lstrip()[:1] == b"#":
        return b"", []
    key, equals, value = line.partition(b"=")
    return key.strip(), value.split() if equals else []


def _ending(line: bytes) -> bytes:
    return b"\r\n" if line.endswith(b"\r\n") else b"\n"
