# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's preferences file that keeps names from being installed (apt_preferences(5))."""

from __future__ import annotations

from typing import Iterable, Sequence, Tuple

from .owned_file import header_lines

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
