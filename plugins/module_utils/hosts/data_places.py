# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a person's settings put flatpak's user installation, as far as files say it. Pure text.

flatpak(1): the user installation is ``$FLATPAK_USER_DIR``, else ``$XDG_DATA_HOME/flatpak``, else ``~/.local/share/flatpak``. Such
variables are set in shell profiles, in systemd's environment.d(5) and by pam_env(8). Of a profile only plain assignments are
understood; no code of a person's is interpreted.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Optional, Tuple

_VARIABLES = (b"XDG_DATA_HOME", b"FLATPAK_USER_DIR")
_ASSIGNMENT = re.compile(r"(?:^|[\s;&(])(XDG_DATA_HOME|FLATPAK_USER_DIR)=")
_PAM = re.compile(r"\s*(XDG_DATA_HOME|FLATPAK_USER_DIR)\s.*?\b(?:OVERRIDE|DEFAULT)=(.*)")
_HOME = re.compile(r"\$HOME\b|\$\{HOME\}|@\{HOME\}|^~(?=/|\Z)")
_OWN_DEFAULT = re.compile(r"\$\{(XDG_DATA_HOME|FLATPAK_USER_DIR):?[-=]([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
#: Assignments of one file that are followed.
_MOST_PLACES = 10


class DataPlaces(NamedTuple):
    """What a settings file says.

    Args:
        flatpak: absolute paths where flatpak's user installation may be by it.
        not_understood: the first assignment that can't be read as plain text; empty if all could.
    """

    flatpak: Tuple[str, ...] = ()
    not_understood: str = ""


def data_places(content: bytes, home: str) -> DataPlaces:
    """Read one settings file.

    Args:
        content: of the file.
        home: the home of the person whose login reads it.
    """
    if not any(variable in content for variable in _VARIABLES):
        return DataPlaces()
    places = []
    not_understood = ""
    for raw in content.split(b"\n"):
        line = os.fsdecode(raw).strip()
        found = None if line.startswith("#") else _ASSIGNMENT.search(line)
        pam = _PAM.match(line) if found is None else None
        if found is None and pam is None:
            continue
        name, rest = (found.group(1), line[found.end() :]) if found is not None else (pam.group(1), pam.group(2))  # type: ignore[union-attr]
        value = _value(rest, home)
        if value is None:
            not_understood = not_understood or line[:200]
        elif value.startswith("/"):
            # A relative path is to be ignored (XDG Base Directory Specification).
            places.append(os.path.normpath(os.path.join(value, "flatpak") if name == "XDG_DATA_HOME" else value))
    return DataPlaces(tuple(dict.fromkeys(places))[:_MOST_PLACES], not_understood)


def _value(rest: str, home: str) -> Optional[str]:
    """What an assignment assigns; None where only a shell could say it."""
    # The variable's own default is the usual way to write "unless it is set".
    rest = _OWN_DEFAULT.sub(lambda match: match.group(2).strip("\"'"), rest)
    if rest[:1] in ("'", '"'):
        end = rest.find(rest[0], 1)
        if end < 0:
            return None
        text, literal = rest[1:end], rest[0] == "'"
    else:
        text, literal = re.split(r"[\s;&#)]", rest, maxsplit=1)[0], False
    if not literal:
        text = _HOME.sub(lambda _match: home, text)
        if re.search(r"[$`\\]", text):
            return None
    # No path has a zero byte; what a shell makes of one differs from shell to shell.
    return None if "\0" in text else text
