# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's preferences: the file of ours that keeps names from being installed, and those of others (apt_preferences(5))."""

from __future__ import annotations

import fnmatch
import re
from typing import Iterable, Iterator, NamedTuple, Sequence, Tuple

from ..owned_file import header_lines

#: apt reads only names without an extension or with ``.pref`` (fact sheet hosts_linux 2.4: a ``.conf`` is ignored in silence).
PIN_PATH = "/etc/apt/preferences.d/appban"

_ANY_ARCHITECTURE = ":any"


def render_pin(names: Iterable[str], comment: Sequence[str]) -> bytes:
    """One stanza that gives every version of every name priority -1.

    Args:
        names: package names without architecture.
        comment: single lines for the reader.

    Returns:
        The file. The header is made of ``Explanation`` fields, because old versions of apt know no comments here.
    """
    lines = ["Explanation: %s" % line for line in header_lines(comment)]
    # A bare name means the native architecture only: "apt-get install app:i386" would get past it.
    lines.append("Package: %s" % " ".join("%s%s" % (name, _ANY_ARCHITECTURE) for name in sorted(set(names))))
    lines.append("Pin: release *")
    lines.append("Pin-Priority: -1")
    return ("\n".join(lines) + "\n").encode("utf-8")


def pinned_names(content: bytes) -> Tuple[str, ...]:
    """The names that a file written by :func:`render_pin` pins."""
    for line in content.decode("utf-8", "replace").splitlines():
        if line.startswith("Package:"):
            return tuple(word.split(":")[0] for word in line[len("Package:") :].split())
    return ()


class Pin(NamedTuple):
    """One stanza of preferences.

    Args:
        patterns: what its field ``Package`` names.
        priority: its priority.
    """

    patterns: Tuple[str, ...]
    priority: int

    def concerns(self, name: str) -> bool:
        """Whether it is a stanza for this package, and not one for all packages: those give way to ours."""
        return any(_matches(pattern, name) for pattern in self.patterns if pattern != "*")


def pins(content: bytes) -> Tuple[Pin, ...]:
    """The stanzas of a file of preferences that name packages and have a priority."""
    found = []
    for stanza in re.split(r"\n[ \t]*(?:\n|$)", content.decode("utf-8", "replace")):
        fields = dict(_fields(stanza))
        priority = re.match(r"[+-]?\d+", fields.get("pin-priority", ""))
        if fields.get("package") and priority:
            found.append(Pin(tuple(fields["package"].split()), int(priority.group())))
    return tuple(found)


def is_read_by_apt(name: str) -> bool:
    """Whether apt reads a file of this name in its directory of preferences."""
    return re.fullmatch(r"[A-Za-z0-9_:-][A-Za-z0-9_:.-]*", name) is not None and ("." not in name or name.endswith(".pref"))


def _fields(stanza: str) -> Iterator[Tuple[str, str]]:
    field, value = "", ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            value += " " + line.strip()
            continue
        if field:
            yield field, value.strip()
        field, _colon, value = line.partition(":")
        field = field.strip().lower()
    if field:
        yield field, value.strip()


def _matches(pattern: str, name: str) -> bool:
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            return re.search(pattern[1:-1], name, re.IGNORECASE) is not None
        except re.error:
            # POSIX and Python differ; a pattern that can't be judged is looked at by a person.
            return True
    # A source package is mostly called like one of those that are built from it; no file says more.
    bare = pattern[len("src:") :] if pattern.startswith("src:") else pattern.split(":")[0]
    return fnmatch.fnmatchcase(name, bare)
