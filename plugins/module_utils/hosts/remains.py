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
from .trust import SEARCH_PATH

#: Files of one removal that are looked at at most, and paths that are told.
MOST_FILES = 50000
MOST_TOLD = 20
#: A larger executable is no script, and the first line is all that is read of one.
MOST_OF_A_SCRIPT = 4 << 20
MOST_OF_A_LINE = 256
_DELETED = " (deleted)"

FileId = Tuple[int, int]


class Remains(NamedTuple):
    """What is left of a removed app.

    Args:
        files: paths that are still there.
        processes: ``PID PATH`` of what still runs from a file of the app.
        programs: by what a later look knows those processes: ``DEVICE INODE PATH`` of a program, ``script INTERPRETER PATH`` of a script.
    """

    files: Tuple[str, ...] = ()
    processes: Tuple[str, ...] = ()
    programs: Tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.processes)


class Installed(NamedTuple):
    """An app's files before its removal.

    Args:
        ids: path -> device and inode.
        scripts: path of an executable script -> the program that runs it.
    """

    ids: Mapping[str, FileId]
    scripts: Mapping[str, str]


def before_removal(system: System, paths: Sequence[str]) -> Installed:
    """Note the files that are to go."""
    ids: Dict[str, FileId] = {}
    scripts: Dict[str, str] = {}
    for path in paths[:MOST_FILES]:
        try:
            status = system.status(path)
            if status is None or stat.S_ISDIR(status.st_mode):
                continue
            ids[path] = (status.st_dev, status.st_ino)
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and status.st_size <= MOST_OF_A_SCRIPT:
                interpreter = interpreter_of((system.read(path) or b"")[:MOST_OF_A_LINE])
                if interpreter:
                    scripts[path] = _real(interpreter)
        except Unreadable:
            continue
    return Installed(ids, scripts)


def after_removal(system: System, installed: Installed) -> Remains:
    """Look at the same places again, and at every process."""
    return _remains(still_there(system, installed.ids), {identity: path for path, identity in installed.ids.items()}, installed.scripts)


def noted_remains(system: System, files: Sequence[str], programs: Sequence[str]) -> Remains:
    """What an earlier run saw remain and is still there."""
    ids: Dict[FileId, str] = {}
    scripts: Dict[str, str] = {}
    for program in programs:
        first, second, path = program.split(" ", 2)
        if first == "script":
            scripts[path] = second
        else:
            ids[(int(first), int(second))] = path
    return _remains(still_there(system, files), ids, scripts, noted=True)


def interpreter_of(beginning: bytes) -> str:
    """The program that runs a script, from its first line; of ``env`` the program that it looks for. Empty for no script."""
    if not beginning.startswith(b"#!"):
        return ""
    words = os.fsdecode(beginning[2:].split(b"\n", 1)[0]).split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return words[0] if words else ""


def _real(interpreter: str) -> str:
    for directory in ("",) if interpreter.startswith("/") else SEARCH_PATH:
        path = os.path.join(directory, interpreter)
        if os.path.exists(path):
            return os.path.realpath(path)
    return interpreter


def _remains(files: Sequence[str], ids: Mapping[FileId, str], scripts: Mapping[str, str], noted: bool = False) -> Remains:
    processes: List[str] = []
    programs = set()
    for name in _processes() if ids or scripts else ():
        try:
            found = _runs_from(name, ids, scripts, noted)
        except OSError:
            # A kernel thread, or it has just ended.
            continue
        if found:
            processes.append("%s %s" % (name, found.split(" ", 2)[2]))
            programs.add(found)
    return Remains(tuple(files[:MOST_TOLD]), tuple(processes[:MOST_TOLD]), tuple(sorted(programs)[:MOST_TOLD]))


def _runs_from(process: str, ids: Mapping[FileId, str], scripts: Mapping[str, str], noted: bool) -> str:
    """What of the app a process runs from, as in :attr:`Remains.programs`; empty for nothing."""
    program = "/proc/%s/exe" % process
    status = os.stat(program)
    link = os.readlink(program)
    path = ids.get((status.st_dev, status.st_ino))
    # Later the number of a file that is gone may be another file's: of ours the link says that it was deleted, or still its name.
    if path and (not noted or link.endswith(_DELETED) or os.path.basename(link) == os.path.basename(path)):
        return "%d %d %s" % (status.st_dev, status.st_ino, path)
    interpreter = link[: -len(_DELETED)] if link.endswith(_DELETED) else link
    if interpreter in scripts.values():
        # Not only its first argument: options of the interpreter come before the script.
        with open("/proc/%s/cmdline" % process, "rb") as handle:
            arguments = [os.fsdecode(each) for each in handle.read(4096).split(b"\0")[1:]]
        for argument in arguments:
            if scripts.get(argument) == interpreter:
                return "script %s %s" % (interpreter, argument)
    return ""


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


def _processes() -> List[str]:
    try:
        return sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int)
    except OSError:
        return []
