# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacman's hook that stops a transaction which would install a blocked name (alpm-hooks(5))."""

from __future__ import annotations

from typing import Iterable, Sequence, Tuple

from ..owned_file import header_lines

HOOK_NAME = "00-appban.hook"
_MADE = "# Directories made for this file: "


def render_hook(names: Iterable[str], comment: Sequence[str], made_directories: Sequence[str] = ()) -> bytes:
    """The hook file.

    Args:
        names: package names; pacman takes them for globs, which a package name can't hold.
        comment: single lines for the reader.
        made_directories: directories that were made for it, noted in it so that a lift takes them away without our own memory, too.

    Only ``Install`` triggers it. ``Upgrade`` would stop every system upgrade of a host where the app is still there. Without
    ``NeedsTargets``: /bin/false reads nothing and pacman would complain of a broken pipe (fact sheet hosts_linux 5.4).
    """
    lines = ["# %s" % line for line in header_lines(comment)]
    if made_directories:
        lines.append(_MADE + " ".join(made_directories))
    lines += ["[Trigger]", "Operation = Install", "Type = Package"]
    lines += ["Target = %s" % name for name in sorted(set(names))]
    lines += [
        "",
        "[Action]",
        "Description = Refusing apps that a policy of this organisation bans",
        "When = PreTransaction",
        "Exec = /bin/false",
        "AbortOnFail",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def hooked_names(content: bytes) -> Tuple[str, ...]:
    """The names that a file written by :func:`render_hook` stops."""
    lines = content.decode("utf-8", "replace").splitlines()
    return tuple(line[len("Target = ") :] for line in lines if line.startswith("Target = "))


def made_directories(content: bytes) -> Tuple[str, ...]:
    """The directories that a file written by :func:`render_hook` says were made for it."""
    for line in content.decode("utf-8", "replace").splitlines():
        if line.startswith(_MADE):
            return tuple(each for each in line[len(_MADE) :].split(" ") if each.startswith("/"))
    return ()
