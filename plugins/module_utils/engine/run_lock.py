# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time over a target: a lock in the evidence directory that says who holds it, and since when.

The lock is ``EVIDENCE_DIR/<target>.lock``. A module holds it with the file's own lock (flock), which the system releases when the process
ends, however it ends. A run over hosts is several tasks in several processes, so there the file names the process that runs all of them,
and the lock is free once that process has ended. A holder on another machine that shares the directory can't be looked at; it holds the
lock until it gives it back or somebody removes the file.

Beside it a tenant's module holds ``EVIDENCE_DIR/.tenant-<digest>.lock``, whose name is made of what the tenant is, so that two names of one
tenant are one after all.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from typing import Any, Dict, Mapping, Optional, Sequence

from .errors import AppbanError, EvidenceError

_CHOOSE = "Choose a writable appban_evidence_dir"
#: What to do about a tenant that has several names.
NAMED_ONCE = "Leave one of the names, or correct the address of the other; under this one nothing was contacted"
_MOST_NAMES = 5


class RunLocked(AppbanError):
    """Another run over the same target is under way."""


class TwoNames(RunLocked):
    """The same run has served the same tenant under another name."""


class RunLock:
    """The lock of one target in one evidence directory.

    Args:
        directory: the evidence directory; made if missing.
        name: name of the target's records.
    """

    def __init__(self, directory: str, name: str) -> None:
        self.path = os.path.join(directory, name + ".lock")
        self._descriptor: Optional[int] = None

    def hold(self, holder: Mapping[str, Any]) -> None:
        """Take the lock for as long as this process lives, or until ``release``.

        Args:
            holder: what others are told: ``run_id``, ``since``, ``user``.

        Raises:
            RunLocked: naming who holds it, and since when.
            EvidenceError: where the lock can't be made.
        """
        descriptor = self._open()
        try:
            other = self._other(descriptor)
            self._after(_read(descriptor), holder)
            _refuse(self.path, other)
            _write(descriptor, dict(holder, pid=os.getpid(), host=socket.gethostname()))
        except OSError as error:
            os.close(descriptor)
            raise EvidenceError("cannot lock the evidence directory: %s" % error.strerror, self.path, _CHOOSE) from error
        except AppbanError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def claim(self, holder: Mapping[str, Any], pid: int) -> None:
        """Take the lock in the name of another process of this machine, until that ends or ``give_back`` is called.

        Claimed again by the same process it stays what it is.

        Args:
            holder: as for ``hold``.
            pid: the process.

        Raises:
            RunLocked, EvidenceError
        """
        descriptor = self._open()
        try:
            other = self._other(descriptor)
            mine = {"pid": pid, "started": _start_of(pid), "host": socket.gethostname()}
            if other and all(other.get(name) == value for name, value in mine.items()):
                return
            _refuse(self.path, other)
            _write(descriptor, dict(holder, **mine))
        except OSError as error:
            raise EvidenceError("cannot lock the evidence directory: %s" % error.strerror, self.path, _CHOOSE) from error
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give a held lock back."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.ftruncate(descriptor, 0)
            except OSError:
                # A disk that is gone keeps no lock either.
                pass
            os.close(descriptor)

    def give_back(self, pid: int) -> None:
        """Give back a lock that was claimed for a process; nothing happens where another one has it by now."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _read(descriptor).get("pid") == pid:
                os.ftruncate(descriptor, 0)
        except OSError:
            pass
        finally:
            os.close(descriptor)

    def _after(self, told: Mapping[str, Any], holder: Mapping[str, Any]) -> None:
        """Raise where what the last holder, or the present one, left in the file speaks against the next."""

    def _open(self) -> int:
        try:
            os.makedirs(os.path.dirname(self.path) or ".", mode=0o750, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise EvidenceError("cannot write evidence: %s" % error.strerror, self.path, _CHOOSE) from error

    def _other(self, descriptor: int) -> Dict[str, Any]:
        """Who holds the lock; empty where nobody does, and then it is ours until the descriptor is closed."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return _read(descriptor) or {"pid": 0}
        told = _read(descriptor)
        if not told.get("started"):
            # It was held by the file's own lock, which is free: that process has ended.
            return {}
        if told.get("host") != socket.gethostname():
            return told
        pid = told.get("pid")
        return told if isinstance(pid, int) and _start_of(pid) == told["started"] else {}


class TenantLock(RunLock):
    """The lock of a tenant under whatever name. Who held it last stays in the file, so that a run that serves it twice is found out.

    Args:
        directory: the evidence directory; made if missing.
        digest: of what the tenant is.
        described: the same in words.
    """

    def __init__(self, directory: str, digest: str, described: str) -> None:
        # No name of a record begins with a full stop.
        super().__init__(directory, ".tenant-" + digest)
        self.described = described

    def release(self) -> None:
        """Give a held lock back; the file keeps who held it."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _after(self, told: Mapping[str, Any], holder: Mapping[str, Any]) -> None:
        before, name = told.get("name"), holder.get("name")
        if before and before != name and told.get("run_id") == holder.get("run_id"):
            raise TwoNames(twice(sorted((str(before), str(name))), self.described), "", NAMED_ONCE)


def twice(names: Sequence[str], described: str) -> str:
    """That one tenant has several names in an inventory.

    Args:
        names: at least two.
        described: what the tenant is.
    """
    shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], "%d more" % (len(names) - _MOST_NAMES + 1)]
    times = "twice" if len(names) == 2 else "%d times" % len(names)
    return "this tenant is in the inventory %s: %s and %s (%s)" % (times, ", ".join(shown[:-1]), shown[-1], described)


def _refuse(path: str, other: Mapping[str, Any]) -> None:
    if other:
        pid, host = other.get("pid") or "unknown", other.get("host") or "this machine"
        who = "%s (process %s on %s)" % (other.get("user") or "somebody", pid, host)
        raise RunLocked(
            "another run over this target is under way: %s since %s, run %s"
            % (who, other.get("since") or "an unknown time", other.get("run_id") or "unknown"),
            path,
            "Wait until it has ended; nothing was contacted. If that machine is gone, remove the file",
        )


def name_of_process(pid: int) -> str:
    """Names a process of this machine as no later one will be named: its id, and when it began."""
    return "%d/%s" % (pid, _start_of(pid))


def _start_of(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where there is none, and where nobody says."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as handle:
            stat = handle.read().rpartition(")")[2].split()
        # A process that has ended and that nobody has asked about yet is still listed.
        return "" if stat[0] in ("Z", "X") else stat[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "unknown" if pid > 0 else ""


def _read(descriptor: int) -> Dict[str, Any]:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _write(descriptor: int, holder: Mapping[str, Any]) -> None:
    data = (json.dumps(holder, sort_keys=True) + "\n").encode("utf-8")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, data, 0)
