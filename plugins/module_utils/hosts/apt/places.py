# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where apt keeps what decides its answers, as its own configuration says, and so what those answers rest on."""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..process import CommandResult
from ..system import System, Unreadable
from .dpkg_database import DPKG_INPUTS

Inputs = Sequence[Tuple[str, str]]

#: Without its cache files apt reads the package lists, and as root writes nothing. A lock of others keeps nobody from asking.
ASKS_ONLY = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Debug::NoLocking=1")

_TOP = "/etc/apt"
_MAIN = "/etc/apt/apt.conf"
_PARTS = "/etc/apt/apt.conf.d"
# Names as in apt.conf; "f" for a file, "d" for a directory, as apt-config takes them.
_ASKED = {
    "MAIN": "Dir::Etc::main/f",
    "PARTS": "Dir::Etc::parts/d",
    "PREFERENCES": "Dir::Etc::preferences/f",
    "PREFERENCESPARTS": "Dir::Etc::preferencesparts/d",
    "SOURCELIST": "Dir::Etc::sourcelist/f",
    "SOURCEPARTS": "Dir::Etc::sourceparts/d",
    "LISTS": "Dir::State::lists/d",
    "STATUS": "Dir::State::status/f",
}
_SETTING = re.compile(r"^(\w+)='(.*)'$")


class AptPlaces(NamedTuple):
    """What apt's configuration says of its places.

    Args:
        preferences: the file that is read first.
        preferences_parts: the directory whose files are read after it, in the order of their names.
        inputs: all that decides what apt would install; None where that is not known.
    """

    preferences: str = "/etc/apt/preferences"
    preferences_parts: str = "/etc/apt/preferences.d"
    inputs: Optional[Inputs] = None


def apt_places(system: System) -> AptPlaces:
    """Ask apt for its places. Where it can't tell, they are those of every apt, and nothing rests on that."""
    own = [("content", _MAIN), ("contents", _PARTS), ("program", "apt-config")]
    known = not _includes_others(system)
    asked = [word for pair in _ASKED.items() for word in pair]
    result = system.query(["apt-config", "shell"] + asked, rests_on=own if known else None)
    found = _settings(result)
    if set(found) != set(_ASKED):
        return AptPlaces()
    known = known and (found["MAIN"], found["PARTS"]) == (_MAIN, _PARTS)
    try:
        inputs = _inputs(system, found) if known else None
    except Unreadable:
        # A place of apt's that a person may exchange.
        inputs = None
    return AptPlaces(found["PREFERENCES"], found["PREFERENCESPARTS"], inputs)


def _settings(result: CommandResult) -> Dict[str, str]:
    found = {}
    for line in result.stdout.splitlines() if result.rc == 0 else ():
        match = _SETTING.match(line)
        if match:
            path = match.group(2).replace("'\\''", "'")
            found[match.group(1)] = path.rstrip("/") or "/"
    return found


def _includes_others(system: System) -> bool:
    """Whether a file of the configuration names further files, wherever they are; what can't be read may do so, too."""
    try:
        names = [_MAIN] + [os.path.join(_PARTS, name) for name in system.names_in(_PARTS)]
        files = [path for path in names if not _is_directory(system, path)]
        return any(b"#include" in (system.read(path) or b"").lower() for path in files)
    except Unreadable:
        return True


def _is_directory(system: System, path: str) -> bool:
    status = system.status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _inputs(system: System, found: Dict[str, str]) -> Optional[Inputs]:
    inputs: List[Tuple[str, str]] = [("program", "apt-get"), ("program", "apt-cache"), ("contents", _TOP)]
    inputs += DPKG_INPUTS
    for name, kind in (
        ("PREFERENCES", "content"),
        ("PREFERENCESPARTS", "contents"),
        ("SOURCELIST", "content"),
        ("SOURCEPARTS", "contents"),
    ):
        # A directory that is a link is not entered from above.
        if not found[name].startswith(_TOP + "/") or system.is_link(found[name]):
            inputs.append((kind, found[name]))
    inputs.append(("status", found["STATUS"]))
    inputs.append(("statuses", found["LISTS"]))
    for name in system.names_in(found["LISTS"]):
        path = os.path.join(found["LISTS"], name)
        # The list of a local repository is a link to the repository's own file, which changes without any "apt-get update".
        if system.is_link(path):
            if not system.trust.place(path).trusted:
                # In a person's directory it may be exchanged in ways that leave no mark.
                return None
            inputs.append(("status", path))
    return tuple(dict.fromkeys(inputs))
