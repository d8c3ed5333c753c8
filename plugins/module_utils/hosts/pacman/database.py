# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pacman says, as data: lists of packages, and the details of ``-Qi`` and ``-Si``."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Tuple

from ...engine.errors import AppbanError

#: The question pacman asks, and answers with no itself, when a package to remove is in HoldPkg.
HELD_QUESTION = "HoldPkg was found in target list"
_OCTAL = re.compile(rb"\\([0-7]{3})")
_MOST_TREE = 64 << 20
_CONSTRAINT = re.compile(r"[<>=]")


def parse_packages(output: str) -> Dict[str, str]:
    """Read ``name version`` lines.

    Raises:
        AppbanError: another kind of line. To skip it could hide a banned app.
    """
    packages: Dict[str, str] = {}
    for line in output.splitlines():
        words = line.split(" ")
        if len(words) != 2 or not all(words):
            raise AppbanError(
                "the list of installed packages can't be understood", "pacman: %r" % line[:80], "Check the database with pacman -Dk"
            )
        packages[words[0]] = words[1]
    return packages


def parse_provides(output: str) -> Dict[str, List[str]]:
    """Read ``pacman -Qi`` or ``-Si`` in the C locale: provided name -> packages that provide it."""
    found: Dict[str, List[str]] = {}
    for name, each in _field(output, "Provides"):
        provided = _CONSTRAINT.split(each, maxsplit=1)[0]
        if provided != name and name not in found.setdefault(provided, []):
            found[provided].append(name)
    return found


def parse_owners(output: str) -> Dict[str, List[str]]:
    """Read the lines ``name /path`` of ``pacman -Ql``: path -> packages that list it. Directories are left out.

    ``pacman -Qo`` names one owner of a file even where there are several.
    """
    owners: Dict[str, List[str]] = {}
    for line in output.split("\n"):
        name, space, path = line.partition(" ")
        if space and path.startswith("/") and not path.endswith("/"):
            owners.setdefault(path, []).append(name)
    return owners


def parse_conflicts(content: bytes) -> Tuple[str, ...]:
    """Read ``%CONFLICTS%`` in the ``desc`` of an installed package: one name a line, up to an empty one."""
    found: List[str] = []
    inside = False
    for line in content.decode("utf-8", "replace").split("\n"):
        if inside and line:
            found.append(line)
        else:
            inside = line == "%CONFLICTS%"
    return tuple(found)


def parse_mtree(packed: bytes) -> Tuple[str, ...]:
    """Files and links in a package's ``mtree``, without the leading slash: what it lists where pacman was killed while it installed.

    Nothing where it can't be read.
    """
    import zlib

    try:
        # The bound keeps a broken file from filling the memory.
        lines = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(packed, _MOST_TREE).split(b"\n")
    except zlib.error:
        return ()
    default = b"file"
    found = []
    for line in lines:
        words = line.split()
        kind = next((word[len(b"type=") :] for word in words if word.startswith(b"type=")), default)
        if words and words[0] == b"/set":
            default = kind
        # The package's own notes lie at the top of it and are not installed.
        elif words and words[0].startswith(b"./") and not words[0].startswith(b"./.") and kind != b"dir":
            found.append(os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match.group(1), 8) & 0xFF]), words[0][2:])))
    return tuple(found)


def parse_required_by(output: str) -> Tuple[str, ...]:
    """Read ``pacman -Qi`` in the C locale: all packages that need one of those shown."""
    return tuple(dict.fromkeys(each for _name, each in _field(output, "Required By")))


def _field(output: str, wanted: str) -> Iterator[Tuple[str, str]]:
    name = ""
    for line in output.splitlines():
        key, colon, value = line.partition(" : ")
        if not colon or line[:1].isspace():
            continue
        if key.strip() == "Name":
            name = value.strip()
        elif key.strip() == wanted and value.strip() != "None":
            for each in value.split():
                yield name, each
