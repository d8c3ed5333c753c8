# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one change on a host consists of, as data, and the one place that carries it out."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple, Union

from ..engine.errors import ChangeFailed
from .found_files import FoundFile
from .host_lock import LOCK_PATH
from .locks import Lock, waiting_for
from .system import System


@dataclass(frozen=True)
class FileStep:
    """Write a whole file (``content``) or delete it (None).

    Args:
        path: absolute path.
        content: the bytes to be there; None deletes the file.
        mode: mode of a file that is wholly ours, and of a new one.
        made_directories: directories that we made for this file; they are to go, if empty, when the file is deleted.
        shared: the file is an administrator's and we edit it: in place, and only while it still holds ``before``.
        before: what a shared file held when this was planned; None where there was none.
    """

    path: str
    content: Optional[bytes]
    mode: int = 0o644
    made_directories: Tuple[str, ...] = ()
    shared: bool = False
    before: Optional[bytes] = None


@dataclass(frozen=True)
class ModeStep:
    """Give a file or directory of ours the mode that it was made with."""

    path: str
    mode: int


@dataclass(frozen=True)
class CommandStep:
    """Run one command that changes the host.

    Args:
        argv: program and arguments.
        ok: exit codes that count as success.
        env: additions to the fixed environment.
        run_as: account to run as, where root is refused (a user's flatpak installation, Homebrew).
        file: bytes that the command reads from a file; their temporary path replaces ``{file}`` in ``argv``.
        file_name: name of that file (package managers judge by the ending).
        lock: the package manager's lock to wait for first, where the command itself can't wait.
    """

    argv: Tuple[str, ...]
    ok: Tuple[int, ...] = (0,)
    env: Optional[Mapping[str, str]] = None
    run_as: Optional[str] = None
    file: Optional[bytes] = None
    file_name: str = ""
    lock: Optional[Lock] = None


@dataclass(frozen=True)
class FoundFileStep:
    """Delete one file in a place that others may write to: exactly the file that was found, never what a link makes of it."""

    file: FoundFile


@dataclass(frozen=True)
class Steps:
    """Several steps that together are one change, in order."""

    steps: Tuple[Union[FileStep, CommandStep, ModeStep], ...]


Step = Union[FileStep, CommandStep, FoundFileStep, ModeStep, Steps]

# Where a command reads a file of ours from: only root can make anything there, and a restart clears it.
_HANDED_OVER = os.path.dirname(LOCK_PATH)
_HANDED_OVER_NAME = "appban-files-"


def perform(step: Step, system: System) -> None:
    """Carry out one step.

    Raises:
        ChangeFailed: with the command's exit code and the lines that say why.
    """
    if isinstance(step, Steps):
        for each in step.steps:
            perform(each, system)
    elif isinstance(step, FileStep):
        _perform_file(step, system)
    elif isinstance(step, FoundFileStep):
        system.remove_found_file(step.file)
    elif isinstance(step, ModeStep):
        system.set_mode(step.path, step.mode)
    else:
        _perform_command(step, system)


def _perform_file(step: FileStep, system: System) -> None:
    if step.content is None:
        system.remove_file(step.path)
        for directory in reversed(step.made_directories):
            system.remove_empty_directory(directory)
        return
    system.make_directory(os.path.dirname(step.path))
    if step.shared:
        system.edit(step.path, step.before, step.content, step.mode)
    else:
        system.write(step.path, step.content, step.mode)


def discard_handed_over(system: System) -> None:
    """Delete the files that a killed run had handed to a command. The host's lock must be held."""
    for name in system.names_in(_HANDED_OVER):
        if name.startswith(_HANDED_OVER_NAME):
            shutil.rmtree(os.path.join(_HANDED_OVER, name), ignore_errors=True)


def _perform_command(step: CommandStep, system: System) -> None:
    if step.file is None:
        _run(step, step.argv, system)
        return
    if system.check_mode:
        # Refuses, before a file is made.
        system.command(step.argv)
    directory = tempfile.mkdtemp(prefix=_HANDED_OVER_NAME, dir=_HANDED_OVER)
    try:
        path = os.path.join(directory, step.file_name)
        system.write(path, step.file)
        # apt reads local packages as its own unprivileged account, so the directory has to be open.
        os.chmod(directory, 0o755)
        _run(step, tuple(argument.replace("{file}", path) for argument in step.argv), system)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(step: CommandStep, argv: Tuple[str, ...], system: System) -> None:
    # Check mode refuses in system.command, before which no lock file may be made.
    with waiting_for(None if system.check_mode else step.lock) as held:
        result = system.command(argv, env={**held, **(step.env or {})}, run_as=step.run_as)
    if result.rc not in step.ok:
        raise ChangeFailed(
            "a command failed with %s" % result.explain(), " ".join(step.argv), "Run it by hand on the host to see all of its output"
        )
