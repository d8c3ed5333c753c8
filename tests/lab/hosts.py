# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throwaway hosts: an overlay of the lab's root each, made in milliseconds, with real package managers inside.

    lab = Lab.open(progress=print)
    host = lab.create("h01")
    host.run(["apt-get", "-y", "install", "tiktok-desktop"], check=True)
    lab.close()

Everything is mounted in a private mount namespace on a file system in memory (see mounts.py): processes started from here
see the hosts, the machine does not, and nothing is left when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import chroot, mounts
from .packages import package_path
from .root import LAB_DIRECTORY, Progress, ensure_root

# What installs by name from the local repositories, without asking anything.
INSTALL: dict[str, tuple[str, ...]] = {
    "deb": ("apt-get", "-y", "-q", "--no-install-recommends", "install"),
    "rpm": ("dnf", "-y", "-q", "--setopt=install_weak_deps=False", "install"),
    "zypper": ("zypper", "-n", "-q", "install", "--no-recommends"),
    "pacman": ("pacman", "--noconfirm", "-S"),
    "flatpak": ("flatpak", "install", "--system", "-y", "--noninteractive", "lab"),
}
# The low-level tools' way to install one file, past every resolver.
INSTALL_FILE: dict[str, tuple[str, ...]] = {
    "deb": ("dpkg", "-i"),
    "rpm": ("rpm", "-i"),
    "pacman": ("pacman", "--noconfirm", "-U"),
}
# The programs by which a package manager is known.
FRONT_ENDS: dict[str, tuple[str, ...]] = {
    "apt": ("apt-get",),
    "dnf4": ("dnf", "dnf-3"),
    "zypper": ("zypper",),
    "pacman": ("pacman",),
    "flatpak": ("flatpak",),
}


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str
    # What the host sees as /, with all its mounts.
    root: Path
    # What the host wrote on top of the lab's root: the upper layer of the overlay.
    upper: Path
    # The lab's root below it, which nobody may write to.
    lower: Path

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = "root",
        check: bool = False,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Runs argv on the host as root or jana in the C locale; see chroot.run."""
        return chroot.run(self.root, argv, user=user, check=check, stdin=stdin, env=env, cwd=cwd, timeout=timeout)

    def path(self, inside: str) -> Path:
        """The path, seen from outside, of a file of the host. Do not follow the host's absolute symlinks with it."""
        return self.root / inside.lstrip("/")

    def write(self, inside: str, content: str, mode: int = 0o644) -> None:
        """Writes a file of the host, with the directories above it."""
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        target.chmod(mode)

    def keep_managers(self, managers: Sequence[str]) -> None:
        """Makes this a host with these package managers alone (names of FRONT_ENDS); install() goes on working with every kind."""
        aside = self.path(chroot.ASIDE)
        aside.mkdir(exist_ok=True)
        for manager, programs in FRONT_ENDS.items():
            for program in programs if manager not in managers else ():
                self.path(f"/usr/bin/{program}").rename(aside / program)

    def install(self, kind: str, *names: str) -> None:
        """Installs packages by name; kind is deb, rpm (with dnf), zypper, pacman or flatpak. Versions as the tool writes them."""
        self.run([*INSTALL[kind], *names], check=True)

    def install_file(self, kind: str, name: str, version: str = "1.0") -> None:
        """Installs one built package file with the low-level tool; kind is deb, rpm or pacman."""
        self.run([*INSTALL_FILE[kind], package_path(kind, name, version)], check=True)

    def start_system_bus(self) -> None:
        """Starts a D-Bus system bus, which flatpak asks when a plain user installs or removes; it ends with the host."""
        self.path("/run/dbus").mkdir(exist_ok=True)
        self.run(["dbus-daemon", "--system", "--fork"], check=True)

    def processes(self) -> list[int]:
        """The processes that live inside the host.

        Known by the device of their root directory: a path means another place in another lab's mount namespace.
        """
        found = []
        here = os.stat(self.root)
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    # Not by its path: another test run has hosts of the same path in a mount namespace of its own.
                    if os.path.samestat(os.stat(entry / "root"), here):
                        found.append(int(entry.name))
        return found

    def kill_all(self) -> None:
        """Kills the processes that live inside the host; one may end by itself meanwhile."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@dataclass
class Lab:
    """The cached root and the hosts that stand on it."""

    lower: Path
    directory: Path
    hosts: dict[str, Host] = field(default_factory=dict)

    @classmethod
    def open(cls, progress: Progress = lambda line: None) -> Lab:
        """Moves this process to a private mount namespace, builds the root if needed and returns an empty lab.

        Raises MountError when the process may not mount, RootNotBuilt or NoArchive when the root can't be built.
        """
        mounts.enter_private_namespace()
        lower = ensure_root(progress)
        directory = LAB_DIRECTORY / "run"
        directory.mkdir(parents=True, exist_ok=True)
        # A process started by another lab inherits a copy of its mounts; they are none of ours.
        mounts.detach(directory)
        # In memory: fast, gone with the namespace, and fit for an upper layer even where the checkout lies on an overlay.
        mounts.mount("tmpfs", directory, "tmpfs", data="mode=755")
        return cls(lower=lower, directory=directory)

    def create(self, name: str, like: Host | None = None) -> Host:
        """A fresh host; the name must not be in use.

        like: a host of this lab whose files it begins with (a copy of what that one wrote, /run and /tmp not being part of it).
        A further overlay would be faster and lose what a real disk has: hard links of files that are written, renamed directories.
        """
        if name in self.hosts:
            raise ValueError(f"the lab already has a host {name}")
        base = self.directory / name
        host = Host(name=name, root=base / "root", upper=base / "upper", lower=self.lower)
        for directory in (host.root, host.upper, base / "work"):
            directory.mkdir(parents=True)
        if like is not None:
            subprocess.run(["cp", "-a", f"{like.upper}/.", str(host.upper)], check=True)
        try:
            mounts.mount_overlay(host.root, self.lower, host.upper, base / "work")
            mounts.mount_interfaces(host.root)
        except mounts.MountError:
            self._remove(host)
            raise
        self.hosts[name] = host
        return host

    def destroy(self, host: Host) -> None:
        """Ends the host's processes, takes its mounts away and forgets all it wrote."""
        self.hosts.pop(host.name, None)
        self._remove(host)

    def close(self) -> None:
        """Destroys every host and gives back the memory. The cached root stays."""
        for host in list(self.hosts.values()):
            self.destroy(host)
        mounts.detach(self.directory)

    def _remove(self, host: Host) -> None:
        host.kill_all()
        mounts.detach(host.root)
        left = mounts.mounts_below(host.root)
        if left:
            raise mounts.MountError(0, "still mounted, so nothing below is deleted: " + ", ".join(left))
        host.root.rmdir()
        shutil.rmtree(host.root.parent)
