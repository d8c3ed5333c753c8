# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a host were opened, by the kernel's own account.

A snapshot shows that nothing was changed; it can't show that nothing was looked at. inotify can: the package databases and the
package managers' programs of a host are watched while a run goes by. A stand-in for dpkg-query would miss whoever reads the
database past it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from tests.lab.hosts import Host

DATABASES = (
    "/var/lib/dpkg",
    "/var/lib/dpkg/info",
    "/var/lib/apt",
    "/var/lib/apt/lists",
    "/var/lib/rpm",
    "/var/lib/dnf",
    "/var/lib/pacman",
    "/var/lib/pacman/local",
    "/var/lib/flatpak",
    "/var/lib/flatpak/app",
    "/var/lib/flatpak/repo",
    "/home/jana",
    "/usr/share/applications",
)
PROGRAMS = ("dpkg", "dpkg-query", "apt-get", "apt-cache", "apt-mark", "rpm", "dnf-3", "zypper", "pacman", "flatpak")

_ACCESS, _OPEN, _IGNORED, _OVERFLOW = 0x1, 0x20, 0x8000, 0x4000
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Notes every open of a host's package databases and package managers from now on; close it when done."""

    def __init__(self, host: Host) -> None:
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify is not to be had")
        self._names: dict[int, str] = {}
        for name in (*DATABASES, *(f"/usr/bin/{program}" for program in PROGRAMS)):
            path = host.path(name)
            if path.exists():
                # The program itself, not the link that leads to it.
                number = _libc.inotify_add_watch(self._descriptor, os.fsencode(_inside(host, path)), _ACCESS | _OPEN)
                if number < 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
                self._names[number] = name

    def opened(self) -> list[str]:
        """The paths that were opened or read since the last question; of a directory's files too."""
        found: set[str] = set()
        while True:
            try:
                data = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                return sorted(found)
            offset = 0
            while offset < len(data):
                number, mask, _cookie, length = _EVENT.unpack_from(data, offset)
                name = data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0").decode()
                offset += _EVENT.size + length
                if mask & _OVERFLOW:
                    found.add("more than could be noted")
                elif not mask & _IGNORED:
                    found.add("/".join(part for part in (self._names[number], name) if part))

    def close(self) -> None:
        """Ends the watch."""
        os.close(self._descriptor)


def _inside(host: Host, path: Path) -> Path:
    """The path with the host's own symbolic links followed inside the host."""
    for _unused in range(8):
        if not path.is_symlink():
            break
        target = os.readlink(path)
        path = host.path(target) if target.startswith("/") else path.parent / target
    return path
