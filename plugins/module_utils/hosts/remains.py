# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a removal: which files of a removed package are still there, and which processes still run from them.

rpm and pacman report success when a file could not be unlinked (a mount, a read-only file system), and a program that is running goes
on without its file. Neither is "removed".
"""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .system import System, Unreadable

#: Files of one removal that are looked at at most, and paths that are told.
MOST_FILES = 50000
MOST_TOLD = 20

FileId = Tuple[int, int]


class Remains(NamedTuple):
    """What is left of a removed app.

    Args:
        files: paths that are still there.
        processes: ``PID PATH`` of what still runs from a file of the app.
        programs: ``DEVICE INODE PATH`` of the files that those processes run from, by which a later look finds them again.
    """

    files: Tuple[str, ...] = ()
    processes: Tuple[str, ...] = ()
    programs: Tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.processes)


def before_removal(system: System, paths: Sequence[str]) -> Dict[str, FileId]:
    """The files that are to go: path -> device and inode."""
    ids: Dict[str, FileId] = {}
    for path in paths[:MOST_FILES]:
        try:
            status = system.status(path)
        except Unreadable:
            continue
        if status is not None and not stat.S_ISDIR(status.st_mode):
            ids[path] = (status.st_dev, status.st_ino)
    return ids


def after_removal(system: System, ids: Mapping[str, FileId]) -> Remains:
    """Look at the same places again, and at every process."""
    return _remains(still_there(system, ids), {identity: path for path, identity in ids.items()})


def noted_remains(system: System, files: Sequence[str], programs: Sequence[str]) -> Remains:
    """Of what an earlier run saw remain, that which is there now."""
    ids: Dict[FileId, str] = {}
    for program in programs:
        device, inode, path = program.split(" ", 2)
        ids[(int(device), int(inode))] = path
    return _remains(still_there(system, files), ids)


def _remains(files: Sequence[str], ids: Mapping[FileId, str]) -> Remains:
    running = running_from(ids) if ids else []
    processes = tuple("%s %s" % (process, ids[identity]) for process, identity in running)
    programs = tuple(sorted({"%d %d %s" % (identity + (ids[identity],)) for _process, identity in running}))
    return Remains(tuple(files[:MOST_TOLD]), processes[:MOST_TOLD], programs[:MOST_TOLD])


def still_there(system: System, paths: Iterable[str]) -> List[str]:
    """Those of the paths at which a file or link is; sorted."""
    found = []
    for path in sorted(paths):
        try:
            status = system.status(path)
        except Unreadable:
            # Nobody can tell that it is gone.
            found.append(path)
            continue
        if status is not None and not stat.S_ISDIR(status.st_mode):
            found.append(path)
    return found


def running_from(ids: Mapping[FileId, str]) -> List[Tuple[str, FileId]]:
    """Each process whose program is one of these files, gone or not, or a script at the path of one: its number and the file."""
    by_path = {path: identity for identity, path in ids.items()}
    found = []
    for name in _processes():
        try:
            status = os.stat("/proc/%s/exe" % name)
            identity = (status.st_dev, status.st_ino)
            if identity in ids:
                found.append((name, identity))
                continue
            script = by_path.get(_script_of(name))
        except OSError:
            # A kernel thread, or it has just ended.
            continue
        if script is not None:
            found.append((name, script))
    return found


def _processes() -> List[str]:
    try:
        return sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int)
    except OSError:
        return []


def _script_of(process: str) -> str:
    """The script that an interpreter runs: its first argument that is an absolute path. What it claims of itself is all there is."""
    with open("/proc/%s/cmdline" % process, "rb") as handle:
        arguments = handle.read(4096).split(b"\0")
    return os.fsdecode(arguments[1]) if len(arguments) > 1 and arguments[1].startswith(b"/") else ""
