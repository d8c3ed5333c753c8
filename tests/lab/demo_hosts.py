# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of ``make demo``: throwaway machines with real package managers, and a user who wants the app back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .hosts import Host, Lab
from .packages import package_path
from .snapshot import Snapshot, snapshot
from .story import Story


@dataclass(frozen=True)
class Machine:
    """One host of the demo: what is installed on it, and what the inventory says of it."""

    name: str
    about: str
    installed: tuple[tuple[str, str], ...]
    variables: Mapping[str, Any]
    managers: tuple[str, ...]


# The lab's root holds every package manager at once; a real machine has one family.
DEB = ("apt", "flatpak")
RPM = ("dnf4", "flatpak")
ARCH = ("pacman", "flatpak")
CORPORATE = {"ownership": "corporate"}
FLEET = (
    Machine("desk-deb", "corporate", (("deb", "tiktok-desktop"),), CORPORATE, DEB),
    Machine("desk-rpm", "corporate", (("rpm", "tiktok-desktop"), ("flatpak", "com.tiktok.Desktop")), CORPORATE, RPM),
    Machine("desk-arch", "corporate", (("pacman", "tiktok-desktop"),), CORPORATE, ARCH),
    Machine("suite-deb", "corporate", (("deb", "tiktok-desktop"), ("deb", "media-suite")), CORPORATE, DEB),
    Machine("press-deb", "corporate, exempt", (("deb", "tiktok-desktop"),), {**CORPORATE, "appban_serial": "PRESS-0007"}, DEB),
    Machine("home-deb", "personal", (("deb", "tiktok-desktop"),), {"ownership": "personal"}, DEB),
    Machine("spare-deb", "ownership not recorded", (("deb", "tiktok-desktop"),), {}, DEB),
)
NAMES = {"deb": "apt", "rpm": "dnf", "pacman": "pacman", "flatpak": "flatpak"}


def furnish(story: Story, lab: Lab, machine: Machine) -> Host:
    """Makes a host and installs what is to be on it."""
    host = lab.create(machine.name)
    host.keep_managers(machine.managers)
    for kind, name in machine.installed:
        host.install(kind, name)
    installed = ", ".join(f"{NAMES[kind]}: {name}" for kind, name in machine.installed)
    story.line(f"{machine.name:<10} {machine.about:<23} {installed}")
    return host


def present(host: Host) -> bool:
    """Whether any package manager of the host has the app."""
    asks = (
        ["dpkg-query", "-W", "-f", "${Status}", "tiktok-desktop"],
        ["rpm", "-q", "tiktok-desktop"],
        ["pacman", "-Q", "tiktok-desktop"],
        ["flatpak", "info", "--system", "com.tiktok.Desktop"],
    )
    results = [host.run(ask) for ask in asks]
    return "install ok installed" in results[0].stdout or any(result.returncode == 0 for result in results[1:])


def unchanged(hosts: Mapping[str, Host], before: Mapping[str, Snapshot]) -> bool:
    """Whether the hosts' files and packages are what they were."""
    return all(before[name].difference(snapshot(host)) == [] for name, host in hosts.items())


def of_the_app(line: str) -> bool:
    """Whether a difference is the removed app itself: its package, its files, and the directories that only it had."""
    return "tiktok" in line or line.split(" ")[-1].startswith(("/opt/", "/etc/opt"))


def put_back_by_hand(story: Story, hosts: Mapping[str, Host]) -> None:
    """Every ordinary way to install the app again."""
    attempt(story, hosts["desk-deb"], "by name", ["apt-get", "-y", "install", "tiktok-desktop"])
    attempt(story, hosts["desk-deb"], "by version", ["apt-get", "-y", "install", "tiktok-desktop=2.0"])
    attempt(story, hosts["desk-deb"], "by file", ["dpkg", "-i", package_path("deb", "tiktok-desktop", "2.0")])
    attempt(story, hosts["desk-rpm"], "by name", ["dnf", "-y", "install", "tiktok-desktop"])
    attempt(story, hosts["desk-rpm"], "by file", ["rpm", "-i", package_path("rpm", "tiktok-desktop", "2.0")])
    attempt(story, hosts["desk-rpm"], "by name", ["flatpak", "install", "--system", "-y", "--noninteractive", "lab", "com.tiktok.Desktop"])
    attempt(story, hosts["desk-arch"], "by name", ["pacman", "--noconfirm", "-S", "tiktok-desktop"])
    attempt(story, hosts["desk-arch"], "by file", ["pacman", "--noconfirm", "-U", package_path("pacman", "tiktok-desktop", "2.0")])


def attempt(story: Story, host: Host, how: str, argv: list[str]) -> None:
    """Tries to install the app and claims that it failed."""
    done = host.run(argv)
    said = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    telling = [line for line in said if "conflicts with" in line] + [line for line in said if line.startswith(("E:", "error:", "Error:"))]
    shown = " ".join(os.path.basename(word) if word.startswith("/srv/") else word for word in argv)
    story.claim(f"{host.name}, {how}: {shown} -> {telling[0] if telling else 'exit status %d' % done.returncode}", gone(host, done))


def gone(host: Host, attempted: subprocess.CompletedProcess[str]) -> bool:
    """Whether an attempt failed and left nothing."""
    return attempted.returncode != 0 and not present(host)
