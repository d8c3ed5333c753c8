# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alpine's list of what shall be installed, ``/etc/apk/world``, edited line by line. Pure.

Format: apk-world(5): words ``[!]name[@tag][op version]`` set apart by spaces and newlines, and nothing else (apk-tools' source); apk
itself writes one a line, sorted. ``!name`` says that the package must not be installed. There are no comments, and apk writes the
file anew from what it understood of it; so what is ours is marked by a second conflict, with a package that nobody has:
``!appban.NAME`` says that ``!NAME`` is ours.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, List, Sequence, Tuple

WORLD_PATH = "/etc/apk/world"
_MARK = "appban."
_SEPARATORS = re.compile("[ \\n]+")


def conflicts(content: bytes) -> FrozenSet[str]:
    """The names that the list keeps out in every version."""
    words = _SEPARATORS.split(content.decode("utf-8", "replace"))
    return frozenset(word[1:] for word in words if word.startswith("!") and not set(word).intersection("@<>=~"))


def marked_names(content: bytes) -> Tuple[str, ...]:
    """The names whose conflict carries our mark, sorted."""
    there = conflicts(content)
    return tuple(sorted(name for name in there if _MARK + name in there))


def with_marks(names: Iterable[str]) -> List[str]:
    """The names, and the mark of each."""
    listed = sorted(set(names))
    return listed + [_MARK + name for name in listed]


def add_conflicts(content: bytes, names: Iterable[str]) -> Tuple[bytes, bool]:
    """Add ``!name`` lines at the end.

    Returns:
        The new content, and whether a missing newline had to be added before them.
    """
    added = b"".join(b"!%s\n" % name.encode("ascii") for name in sorted(set(names)))
    if not added:
        return content, False
    newline = bool(content) and not content.endswith(b"\n")
    return content + (b"\n" if newline else b"") + added, newline


def drop_conflicts(content: bytes, names: Sequence[str], newline: bool) -> bytes:
    """Take away the lines of these names, and the newline before them if it was ours and they still are the last."""
    ours = [b"!%s\n" % name.encode("ascii") for name in sorted(set(names))]
    block = b"".join(ours)
    if ours and content.endswith(block):
        rest = content[: -len(block)]
        if not conflicts(rest).intersection(names):
            return rest[:-1] if newline and rest.endswith(b"\n") else rest
    lines = [line + b"\n" for line in content.split(b"\n")]
    return b"".join(line for line in lines if line not in ours)[:-1]
