# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a package manager's lock. A lock that is not ours is waited for and never taken away."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Mapping, Optional

from ..engine.errors import ChangeFailed

PAUSE = 0.2


@dataclass(frozen=True)
class Lock:
    """What to wait for before a command runs.

    Args:
        path: the lock file.
        timeout: seconds to wait.
        held: True for a record lock that we hold while the command runs, as apt holds dpkg's frontend lock; False for a file
            whose mere existence is the lock (pacman) and which the command makes itself.
        env: what tells the command that its caller holds the lock.
        taken_by_command: True for a record lock that the command takes itself and gives up on at once when it is busy (rpm): waited for,
            never held.
        process: True for a file that holds the number of the process that uses the package manager (zypper); free when that is gone.
        first: another lock to wait for before this one.
    """

    path: str
    timeout: int
    held: bool = False
    env: Optional[Mapping[str, str]] = None
    taken_by_command: bool = False
    process: bool = False
    first: Optional[Lock] = None

    def is_mere_file(self) -> bool:
        """Whether the lock is the existence of a file, which a package manager that is killed leaves behind."""
        return not (self.held or self.taken_by_command or self.process)


def is_open_by_somebody(path: str) -> bool:
    """Whether any process has this very file open, or nobody can tell."""
    try:
        wanted = os.lstat(path)
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return True
    for process in processes:
        directory = "/proc/%s/fd" % process
        try:
            descriptors = os.listdir(directory)
        except OSError:
            # It has ended; root may look at every other.
            continue
        for descriptor in descriptors:
            try:
                found = os.stat("%s/%s" % (directory, descriptor))
            except OSError:
                continue
            if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    return False


@contextmanager
def waiting_for(
    lock: Optional[Lock],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Dict[str, str]]:
    """Wait for a lock and, where it is a record lock, hold it meanwhile.

    Yields:
        Environment for the command.

    Raises:
        ChangeFailed: the lock was not free in time.
    """
    if lock is None:
        yield {}
        return
    if lock.first is not None:
        with waiting_for(lock.first, clock, sleep):
            pass
    deadline = clock() + lock.timeout
    if not lock.held:
        busy = _is_record_locked if lock.taken_by_command else _is_process_alive if lock.process else os.path.lexists
        while busy(lock.path):
            if clock() >= deadline:
                raise _still_locked(lock)
            sleep(PAUSE)
        yield dict(lock.env or {})
        return
    try:
        # The same call as apt's own (open, then F_SETLK on the whole file); Python's descriptors are not inherited by the command.
        descriptor = os.open(lock.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        what = "cannot open the package manager's lock: %s" % error.strerror
        raise ChangeFailed(what, lock.path, "Run as root (become) on this host") from error
    try:
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise ChangeFailed("cannot take the package manager's lock: %s" % error.strerror, lock.path) from error
                if clock() >= deadline:
                    raise _still_locked(lock) from error
                sleep(PAUSE)
        yield dict(lock.env or {})
    finally:
        os.close(descriptor)


def _is_record_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        # No lock file yet: nobody has it.
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    finally:
        os.close(descriptor)
    return False


def _is_process_alive(path: str) -> bool:
    try:
        with open(path, "rb") as handle:
            content = handle.read(32).strip()
    except OSError:
        return False
    return content.isdigit() and os.path.exists("/proc/%d" % int(content))


def _still_locked(lock: Lock) -> ChangeFailed:
    if lock.is_mere_file() and not is_open_by_somebody(lock.path):
        return ChangeFailed(
            "the package manager is locked, and no process has the lock open: somebody's package manager was killed",
            lock.path,
            "It is not ours, so it stays. Make sure with: fuser -v %s. Then check the package database, delete the file and run again"
            % lock.path,
        )
    return ChangeFailed(
        "another program still uses the package manager after %d seconds" % lock.timeout,
        lock.path,
        "See which with: fuser -v %s. Let it finish, or raise lock_timeout; the lock is never removed by force" % lock.path,
    )
