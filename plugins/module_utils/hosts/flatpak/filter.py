# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter file of flatpak remotes: what a remote must not offer. Pure text.

Format: flatpak-remote-add(1), ``--filter``: lines ``deny PATTERN`` and ``allow PATTERN``; what a ``deny`` matches is hidden
unless an ``allow`` matches too. ``*`` stands for any characters but a slash. Without a ``*`` a pattern is an exact name:
``deny app/com.tiktok.Desktop`` leaves com.tiktok.DesktopNotes alone (seen with flatpak 1.14).
"""

from __future__ import annotations

import fnmatch
import re
from typing import Iterable, List, Sequence, Tuple

from ..owned_file import header_lines


def render_filter(names: Iterable[str], comment: Sequence[str] = ()) -> bytes:
    """The whole filter file for these application ids."""
    lines = ["# %s" % line for line in header_lines(comment)]
    lines.append("# It works on every remote that names it (flatpak remotes --columns=name,filter).")
    lines.extend("deny app/%s" % name for name in sorted(set(names)))
    return ("\n".join(lines) + "\n").encode("utf-8")


def denies(content: bytes, app: str) -> bool:
    """Whether a filter file hides an app in every architecture and branch."""
    denied = False
    for word, pattern in _rules(content):
        identifier, whole = _split(pattern)
        if not _matches(identifier, app):
            continue
        if word == "allow":
            return False
        denied = denied or whole
    return denied


def _rules(content: bytes) -> List[Tuple[str, str]]:
    found = []
    for line in content.decode("utf-8", "replace").splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) == 2 and words[0] in ("allow", "deny"):
            found.append((words[0], words[1]))
    return found


def _split(pattern: str) -> Tuple[str, bool]:
    """The pattern of the application id, and whether it covers every architecture and branch."""
    parts = pattern.split("/")
    if parts[0] == "runtime":
        return "", False
    if parts[0] == "app":
        parts = parts[1:]
    identifier = parts[0] if parts and parts[0] else "*"
    return identifier, all(part in ("", "*") for part in parts[1:])


def _matches(glob: str, app: str) -> bool:
    # Only * is special to flatpak.
    return bool(glob) and fnmatch.fnmatchcase(app, re.sub(r"([\[?])", r"[\1]", glob))
