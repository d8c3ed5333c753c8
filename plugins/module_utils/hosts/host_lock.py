# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a host: a lock file of root's, shared by looks, and released by the kernel when its holder ends, however."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager
from typing import Callable, Iterator

from ..engine.errors import AppbanError

#: Below /run only root can make a file, so no person can hold this lock. Where there is no /run (macOS) its older name.
LOCK_PATH = "/run/appban.lock" if os.path.isdir("/run") else "/var/run/appban.lock"
_PAUSE = 0.1


class HostIsBusy(AppbanError):
    """Another run of ours is at work on this host."""


@contextmanager
def host_lock(
    exclusive: bool,
    who: str,
    timeout: int,
    path: str = LOCK_PATH,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the host's lock. Without root's rights nothing is held, for nothing can be written either.

    Args:
        exclusive: for a run that writes; a look shares the lock with other looks.
        who: what a run that has to wait is told of this one.
        timeout: seconds to wait.
        path: the lock file.
        clock: seconds, monotonic.
        sleep: how to wait a little.

    Raises:
        HostIsBusy: another run held it all the time; the message says which, and since when.
    """
    if os.geteuid() != 0:
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AppbanError("cannot open the lock of this host: %s" % error.strerror, path, "Look at what is there, and run again") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != 0:
            raise AppbanError("the lock of this host is no file of root's", path, "Delete it, and run again")
        os.fchmod(descriptor, 0o600)
        deadline = clock() + timeout
        while not _taken(descriptor, exclusive):
            if clock() >= deadline:
                holder = os.pread(descriptor, 500, 0).decode("utf-8", "replace").strip() or "a look"
                raise HostIsBusy(
                    "another run is at work on this host: %s" % holder, path, "Let it finish and run again, or raise lock_timeout"
                )
            sleep(_PAUSE)
        if exclusive:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, who.encode("utf-8"), 0)
        yield
        if exclusive:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, exclusive: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True
