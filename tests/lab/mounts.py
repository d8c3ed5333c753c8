# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of the lab, in a mount namespace of this process.

All hosts of the lab are mounted in a private namespace: whatever happens to this process (an interrupt, a kill, a crash of
the interpreter), the kernel takes the mounts away with it and the machine never sees them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path

MS_RDONLY = 1
MS_NOSUID = 2
MS_NOATIME = 1024
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19
MNT_DETACH = 2
CLONE_NEWNS = 0x00020000

_libc = ctypes.CDLL(None, use_errno=True)


class MountError(OSError):
    """The kernel refused a mount operation; the text says which one."""


def mount(source: str, target: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mounts with mount(2); raises MountError with the arguments in its text."""
    result = _libc.mount(source.encode(), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None)
    if result != 0:
        number = ctypes.get_errno()
        raise MountError(number, f"mount {kind or 'bind'} {source} failed: {os.strerror(number)}", str(target))


def detach(target: Path) -> None:
    """Takes a mount and everything mounted below it out of the namespace; a target that is no mount is fine."""
    if os.path.ismount(target) and _libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        number = ctypes.get_errno()
        raise MountError(number, f"umount failed: {os.strerror(number)}", str(target))


def enter_private_namespace() -> None:
    """Moves the calling thread, and every process it starts from now on, to a mount namespace of its own.

    Mounts made by others still become visible here (slave propagation), ours never become visible there.
    Raises MountError when the process may not do that (not root, or a container without CAP_SYS_ADMIN).
    """
    if _libc.unshare(CLONE_NEWNS) != 0:
        number = ctypes.get_errno()
        raise MountError(number, f"unshare(CLONE_NEWNS) failed: {os.strerror(number)}")
    mount("none", Path("/"), flags=MS_REC | MS_SLAVE)


DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
INTERFACES = ("proc", "dev", "run", "tmp")


def mount_interfaces(tree: Path) -> None:
    """Gives a tree /proc, a /dev of its own with the harmless devices only, and fresh /run and /tmp in memory.

    Without them apt complains about pseudo terminals and flatpak can't link files (fact sheet hosts_linux 16.4). /tmp and
    /run lie outside the tree's own file system, as on most machines, so what programs drop there is no write to the host.
    """
    try:
        mount("proc", tree / "proc", "proc")
    except MountError:
        # A container that hides parts of its /proc may not mount a whole one; the one it has will do.
        mount("/proc", tree / "proc", flags=MS_BIND | MS_REC)
    mount("tmpfs", tree / "dev", "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        (tree / "dev" / name).touch()
        mount(f"/dev/{name}", tree / "dev" / name, flags=MS_BIND)
    (tree / "dev" / "shm").mkdir(mode=0o1777)
    (tree / "dev" / "shm").chmod(0o1777)
    (tree / "dev" / "pts").mkdir()
    mount("devpts", tree / "dev" / "pts", "devpts", data="newinstance,ptmxmode=0666,mode=0620")
    (tree / "dev" / "ptmx").symlink_to("pts/ptmx")
    (tree / "dev" / "fd").symlink_to("/proc/self/fd")
    mount("tmpfs", tree / "run", "tmpfs", MS_NOSUID, "mode=755")
    mount("tmpfs", tree / "tmp", "tmpfs", MS_NOSUID, "mode=1777")


def detach_interfaces(tree: Path) -> None:
    """Takes away what mount_interfaces gave."""
    for name in INTERFACES:
        detach(tree / name)


def mount_overlay(target: Path, lower: Path, upper: Path, work: Path) -> None:
    """Mounts target as lower with upper on top."""
    with contextlib.ExitStack() as opened:

        def handle(directory: Path) -> str:
            # A path would need escapes for colons and commas, and a checkout may lie in a directory of any name.
            number = os.open(directory, os.O_PATH | os.O_DIRECTORY)
            opened.callback(os.close, number)
            return f"/proc/self/fd/{number}"

        mount("overlay", target, "overlay", MS_NOATIME, f"lowerdir={handle(lower)},upperdir={handle(upper)},workdir={handle(work)}")


def mounts_below(directory: Path) -> list[str]:
    """Every mount point of this namespace at or below a directory."""
    prefix = str(directory)
    points = []
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        for line in table:
            # The kernel writes blanks and backslashes of a path in octal.
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split(" ", 5)[4])
            if point == prefix or point.startswith(prefix + "/"):
                points.append(point)
    return points
