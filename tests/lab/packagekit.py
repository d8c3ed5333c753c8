# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with the real PackageKit, which GNOME Software, KDE Discover and pkcon install through.

It is no part of the lab's root, which every other test would pay for. Its packages and all that they need are fetched once
(seconds, cached beside the root) and installed in one host; the hosts of the tests begin like that one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .apt_sources import codename, debian_sources
from .hosts import Host, Lab
from .root import LAB_DIRECTORY, RootNotBuilt, locked, recipe_hash

PACKAGES = ("packagekit", "packagekit-tools")
SERVICES = ("/usr/lib/polkit-1/polkitd --no-debug", "/usr/libexec/packagekitd")


def ensure_packages(lab: Lab, directory: Path = LAB_DIRECTORY) -> Path:
    """The directory with the packages that the lab's root has not got, fetched on first use from the machine's own archive.

    Raises RootNotBuilt when apt can't fetch them, NoArchive when the machine's apt knows no Debian archive.
    """
    kept = directory / f"packagekit-{recipe_hash()}"
    with locked(directory / "packagekit.lock", lambda line: None):
        if not kept.is_dir():
            for old in directory.glob("packagekit-*"):
                shutil.rmtree(old, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="packagekit.", suffix=".tmp", dir=directory) as scratch:
                _fetch(lab.lower, Path(scratch)).rename(kept)
    return kept


def _fetch(root: Path, scratch: Path) -> Path:
    """Fetches what a tree needs, with the machine's apt and the tree's list of packages."""
    archives = scratch / "cache" / "archives"
    for place in (scratch / "lists" / "partial", archives / "partial"):
        place.mkdir(parents=True)
    sources = scratch / "debian.list"
    sources.write_text(debian_sources(codename()), encoding="utf-8")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": scratch / "lists",
        "Dir::State::status": root / "var/lib/dpkg/status",
        "Dir::State::extended_states": scratch / "extended_states",
        "Dir::Cache": scratch / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": "root",
        # Nothing of the machine is written, so its own locks are not needed.
        "Debug::NoLocking": "true",
    }
    options = [argument for name, value in settings.items() for argument in ("-o", f"{name}={value}")]
    for command in (["update"], ["-y", "--no-install-recommends", "--download-only", "install", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", "-q", *options, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False
        )
        if done.returncode != 0:
            raise RootNotBuilt(f"apt-get {command[0]} for PackageKit ended with {done.returncode}; its last words:\n{done.stderr[-1000:]}")
    (archives / "lock").unlink(missing_ok=True)
    shutil.rmtree(archives / "partial")
    return archives


def install_packagekit(host: Host, packages: Path) -> None:
    """Installs PackageKit and all that it needs from a directory that ensure_packages filled."""
    place = host.path("/run/packages")
    shutil.copytree(packages, place)
    names = sorted(f"/run/packages/{path.name}" for path in place.iterdir())
    options = ("-y", "-q", "-o", "Dpkg::Options::=--force-unsafe-io", "--no-install-recommends")
    host.run(["apt-get", *options, "install", *names], check=True)
    shutil.rmtree(place)


def start_packagekit(host: Host) -> None:
    """Starts the system bus, polkit and PackageKit; they end with the host."""
    host.start_system_bus()
    host.run(["sh", "-c", " ".join(f"{service} >/dev/null 2>&1 &" for service in SERVICES)], check=True)
    for name in ("org.freedesktop.PolicyKit1", "org.freedesktop.PackageKit"):
        host.run(["gdbus", "wait", "--system", "--timeout", "60", name], check=True)
