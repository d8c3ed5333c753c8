# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where rpm keeps its database, as rpm itself says, and so what every answer of rpm rests on."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Sequence, Tuple

from ..system import System

Inputs = List[Tuple[str, str]]

_KEY = "rpm_inputs"
# The value, and all of the configuration that it comes from, in one process.
_ASK = ("rpm", "--eval", "%{_dbpath}", "--showrc")

_CONFIG_DIRECTORY = "/etc/rpm"
_LIBRARY = "/usr/lib/rpm"
# "~" is root's home for every command of ours. Aliases of popt can give rpm another database on its command line.
_FILES = (
    "/etc/rpmrc",
    "/root/.rpmmacros",
    "/root/.rpmrc",
    "/root/.config/rpm/macros",
    "/root/.config/rpm/rpmrc",
    "/etc/popt",
    "/root/.popt",
)
_CONFIGURATION: Tuple[Tuple[str, str], ...] = (
    ("program", "rpm"),
    ("contents", _CONFIG_DIRECTORY),
    ("contents", "/etc/popt.d"),
    ("statuses", _LIBRARY),
) + tuple(("content", path) for path in _FILES)

# The database's file in every format.
_SQLITE = "rpmdb.sqlite"
_OTHER_FORMATS = ("Packages", "Packages.db", "Index.db")

_MACRO_PATH = re.compile(r"(?m)^Macro path: (\S+)$")
_DEFINED = re.compile(r"(?m)^ *-?\d+[:=] (\w+)\t(.*)$")
_REFERENCE = re.compile(r"%\{\??(\w+)\}|%(\w+)")
_MOST_REFERENCES = 20


def rpm_inputs(system: System) -> Optional[Inputs]:
    """What every answer of rpm about its database rests on; None where that is not known. rpm is asked once a look."""
    if _KEY not in system.memory:
        system.memory[_KEY] = _find_inputs(system)
    found = system.memory[_KEY]
    return list(found) if isinstance(found, list) else None


def _find_inputs(system: System) -> Optional[Inputs]:
    result = system.query(_ASK, rests_on=_CONFIGURATION)
    place, _newline, shown = result.stdout.partition("\n")
    path = _MACRO_PATH.search(shown)
    if result.rc != 0 or path is None or not all(_is_known(each) for each in path.group(1).split(":")):
        return None
    if not _is_plain(dict(_DEFINED.findall(shown))):
        return None
    try:
        return list(_CONFIGURATION) + _files_of(system, place) if _is_place(system, place) else None
    except OSError:
        return None


def _is_place(system: System, place: str) -> bool:
    """Whether only root can put another database there, or one beside it."""
    database = system.trust.place("%s/%s" % (place, _SQLITE))
    return place.startswith("/") and system.trust.is_trusted_directory(place) and database.trusted


def _files_of(system: System, place: str) -> Inputs:
    files = [("status", "%s/%s" % (place, name)) for name in (_SQLITE,) + _OTHER_FORMATS]
    # SQLite keeps its journal beside the real file. Its shared memory there says nothing, and every reader writes it.
    return files + [("journal", system.trust.place("%s/%s" % (place, _SQLITE)).path + "-wal")]


def _is_known(pattern: str) -> bool:
    """Whether the files of an entry of rpm's macro path are among what an answer is known to rest on."""
    path = "/root" + pattern[1:] if pattern.startswith("~/") else pattern
    return path in _FILES or (path.startswith((_CONFIG_DIRECTORY + "/", _LIBRARY + "/")) and ".." not in path)


def _is_plain(macros: Dict[str, str]) -> bool:
    """Whether the place follows from macros alone: one that a shell or Lua computes may be another at any time."""
    pending: Sequence[str] = ("_dbpath",)
    for _round in range(_MOST_REFERENCES):
        if not pending:
            return True
        bodies = [macros.get(name, "%") for name in pending]
        if any("%" in _REFERENCE.sub("", body) for body in bodies):
            return False
        pending = [one or other for body in bodies for one, other in _REFERENCE.findall(body)]
    return False
