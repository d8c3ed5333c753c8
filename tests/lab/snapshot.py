# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host looks like at one moment, to prove that something was changed, was put back, or was never touched.

Extended attributes of every name space are seen (user, trusted, security and system, of which POSIX ACLs are two), because a
host's overlay lies on a tmpfs, which holds them all (user's since Linux 6.6). The overlay's own trusted.overlay.* are not in
the view that a host has. Not seen: times, flags (chattr), and who reads what.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from .hosts import Host

# Configuration and state, not caches: what a lift must put back byte for byte.
CONFIGURATION = (
    "/etc",
    "/usr/local",
    "/usr/share/applications",
    "/usr/share/libalpm",
    "/opt",
    "/var/lib/appban",
    "/var/lib/flatpak/repo/config",
    "/var/lib/flatpak/overrides",
    "/home/jana/.local/share/flatpak/repo/config",
    "/home/jana/.local/share/flatpak/overrides",
)
PACKAGE_LISTS: Mapping[str, tuple[str, ...]] = {
    "deb": ("dpkg-query", "-W", "-f=${Package} ${Version} ${db:Status-Abbrev}\\n"),
    "rpm": ("rpm", "-qa", "--qf", "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n"),
    "pacman": ("pacman", "-Q"),
}
# Without a pattern dpkg-query leaves out what is not installed.
SELECTIONS = ("dpkg-query", "-W", "-f=${Package} ${db:Status-Abbrev}\\n", "*")
FLATPAK_DIRECTORIES = {"flatpak": "/var/lib/flatpak", "flatpak of jana": "/home/jana/.local/share/flatpak"}


@dataclass(frozen=True)
class Entry:
    """One file.

    kind: f, d, l or the letter of a special file. content: sha256 of the bytes, or a link's target. attributes: the extended ones,
    ACLs included, by name. links: how many names the inode has (1 for directories, whose count says nothing). linked: those of
    the other names that the snapshot watches.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    content: str = ""
    attributes: tuple[tuple[str, bytes], ...] = ()
    links: int = 1
    linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The files of some directories, the packages of every manager and dpkg's selections; equal snapshots compare equal."""

    files: Mapping[str, Entry]
    packages: Mapping[str, frozenset[str]]

    def difference(self, later: Snapshot) -> list[str]:
        """One line per thing that is different in the later snapshot; empty when nothing is."""
        lines = []
        for path in sorted({*self.files, *later.files}):
            before, after = self.files.get(path), later.files.get(path)
            if before is None:
                lines.append(f"added {path}")
            elif after is None:
                lines.append(f"gone {path}")
            elif before != after:
                names = [name for name in Entry.__dataclass_fields__ if getattr(before, name) != getattr(after, name)]
                lines.append(f"changed {path} ({', '.join(names)})")
        for manager in sorted({*self.packages, *later.packages}):
            had, has = self.packages.get(manager, frozenset()), later.packages.get(manager, frozenset())
            lines += [f"{manager}: gone {name}" for name in sorted(had - has)]
            lines += [f"{manager}: added {name}" for name in sorted(has - had)]
        return lines


def snapshot(host: Host, paths: Iterable[str] = CONFIGURATION) -> Snapshot:
    """The host's configuration files and, from the low-level databases, its packages."""
    files: dict[str, Entry] = {}
    names: dict[tuple[int, int], list[str]] = defaultdict(list)
    for top in paths:
        for path, status in _walk(host.path(top)):
            inside = "/" + str(path.relative_to(host.root))
            files[inside] = _entry(path, status)
            if files[inside].links > 1:
                names[status.st_dev, status.st_ino].append(inside)
    for together in names.values():
        for name in together:
            files[name] = replace(files[name], linked=tuple(sorted(each for each in together if each != name)))
    return Snapshot(files=files, packages={**installed(host), "deb selections": selected(host)})


def installed(host: Host) -> dict[str, frozenset[str]]:
    """The packages of every manager: name, version and, for deb, the status letters. Flatpak: app/arch/branch."""
    found = {}
    for manager, command in PACKAGE_LISTS.items():
        lines = host.run(command, check=True).stdout.splitlines()
        found[manager] = frozenset(line.strip() for line in lines if line.strip())
    for manager, directory in FLATPAK_DIRECTORIES.items():
        top = host.path(directory)
        # app/ID/current is a link to the architecture and branch in use.
        branches = [path for kind in ("app", "runtime") for path in top.glob(f"{kind}/*/*/*") if path.parent.name != "current"]
        found[manager] = frozenset(str(path.relative_to(top)) for path in branches)
    return found


def selected(host: Host) -> frozenset[str]:
    """The packages that dpkg holds or wants although they are not installed: name and status letters, as in "vlc-lab hn"."""
    lines = host.run(SELECTIONS, check=True).stdout.splitlines()
    # Nobody wants anything (un) of a name that dpkg only read in another package's relations.
    return frozenset(line.strip() for line in lines if line.split()[1].endswith("n") and line.split()[1] != "un")


def _walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        status = top.lstat()
    except FileNotFoundError:
        return
    yield top, status
    if stat.S_ISDIR(status.st_mode):
        for child in sorted(top.iterdir()):
            yield from _walk(child)


def _entry(path: Path, status: os.stat_result) -> Entry:
    kind, content = stat.filemode(status.st_mode)[0].replace("-", "f"), ""
    if kind == "f":
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    elif kind == "l":
        content = os.readlink(path)
    links = 1 if kind == "d" else status.st_nlink
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content, _attributes(path), links)


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


# -- writes ------------------------------------------------------------------------------------------------------------

# A file's identity in the upper layer. The change time and the inode betray even an identical rewrite or a replaced file.
Layer = Mapping[str, tuple[int, ...]]


def layer(host: Host) -> Layer:
    """Everything the host has written so far, with what identifies each write. Reads leave no trace in it."""
    found = {}
    for path, status in _walk(host.upper):
        inside = path.relative_to(host.upper)
        if not _is_copied_directory(status, host.lower / inside):
            found[f"/{inside}"] = (status.st_mode, status.st_uid, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def writes_since(host: Host, before: Layer, allow: Iterable[str] = ()) -> list[str]:
    """The paths written, replaced, touched or removed since a layer was taken; allow holds patterns to leave out.

    A removed file of the lab's root shows as written (the overlay notes it down). Opening a file for writing already counts
    (the overlay copies it up), so lock files and caches of the package managers show here as well: name in allow what is
    meant to be tolerated. A directory counts when its entries or permissions changed. /tmp, /run, /dev and /proc are no
    part of it.
    """
    patterns = tuple(allow)
    after = layer(host)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)} - {"/."}
    return sorted(path for path in changed if not any(fnmatchcase(path, pattern) for pattern in patterns))


def _is_copied_directory(status: os.stat_result, original: Path) -> bool:
    """Whether a directory is only in the upper layer because something below it was written."""
    if not stat.S_ISDIR(status.st_mode):
        return False
    try:
        below = original.lstat()
    except FileNotFoundError:
        return False
    return (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns) == (
        below.st_mode,
        below.st_uid,
        below.st_gid,
        below.st_mtime_ns,
    )
