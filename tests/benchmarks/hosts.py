# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of ours against existing modules' tasks, and a run with nothing to do against a ping, over hosts of the lab."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.hosts import FRONT_ENDS, Host, Lab
from tests.lab.playbook import run_playbook, write_inventory
from tests.lab.prerequisites import missing_prerequisites

from .pairs import Cost, cost_pair, seconds_of

HOSTS = 10
NAMES = {"deb": ["tiktok-desktop"], "rpm": ["tiktok-desktop"], "pacman": ["tiktok-desktop"], "flatpak": ["com.tiktok.Desktop"]}
OURS = [{"name": "Ours", "appban.endpoint.host_app": {"apps": [{"id": "tiktok", "identifiers": NAMES}]}}]
# Everything a host can be asked for: desktop leftovers in all homes as well.
OURS_WHOLE = [
    {
        "name": "Ours",
        "appban.endpoint.host_app": {
            "apps": [{"id": "tiktok", "identifiers": {**NAMES, "display_name": ["TikTok"], "domain": ["tiktok.com"]}}],
            "users": ["all"],
        },
    }
]
# A Debian desktop. The lab's hosts have every package manager at once, which no machine has.
DESKTOP = ("apt", "flatpak")
# Flatpak by the modules that exist, as everybody would write it.
FLATPAK_TASKS = [
    {"name": "Remove the flatpak", "community.general.flatpak": {"name": "com.tiktok.Desktop", "state": "absent"}},
    {
        "name": "Filter",
        "ansible.builtin.copy": {"dest": "/etc/banned.filter", "content": "deny app/com.tiktok.Desktop\n", "mode": "0644"},
    },
    {
        "name": "Remotes",
        "ansible.builtin.command": {"argv": ["flatpak", "remotes", "--system", "--columns=name,filter"]},
        "register": "remotes",
        "changed_when": False,
    },
    {
        "name": "Filtered remote",
        "ansible.builtin.command": {"argv": ["flatpak", "remote-modify", "--system", "--filter=/etc/banned.filter", "lab"]},
        "when": "'banned.filter' not in remotes.stdout",
    },
]
# What an administrator of desktops would write without us: no simulation, no second look, nobody's own flatpaks, no lift.
PLAIN = [
    {"name": "Remove", "ansible.builtin.apt": {"name": "tiktok-desktop", "state": "absent", "purge": True}},
    {
        "name": "Pin",
        "ansible.builtin.copy": {
            "dest": "/etc/apt/preferences.d/tiktok",
            "content": "Package: tiktok-desktop tiktok-rev\nPin: release *\nPin-Priority: -1\n",
            "mode": "0644",
        },
    },
    {"name": "Does the pin hold", "ansible.builtin.command": {"argv": ["apt-cache", "policy", "tiktok-desktop"]}, "changed_when": False},
    *FLATPAK_TASKS,
]
PING = [{"name": "Ping", "ansible.builtin.ping": {}}]
PIN = "Package: tiktok-desktop tiktok-rev\nPin: release *\nPin-Priority: -1\n"
HOOK = (
    "[Trigger]\nOperation=Install\nOperation=Upgrade\nType=Package\nTarget=tiktok-desktop\n\n"
    "[Action]\nWhen=PreTransaction\nExec=/bin/false\nAbortOnFail\n"
)
SIMULATIONS = {
    "apt": ["apt-get", "-s", "purge", "tiktok-desktop"],
    "rpm": ["rpm", "-e", "--test", "tiktok-desktop"],
    "pacman": ["pacman", "-Rc", "--print", "tiktok-desktop"],
}
# The same job without us: the same package managers looked at, a removal simulated before it is made, made, blocked, and looked
# at once more; people's own flatpaks; desktop leftovers. One task for each step, as the modules that exist ask for.
EXISTING = [
    {"name": "Facts", "ansible.builtin.setup": {}},
    {"name": "Packages", "ansible.builtin.package_facts": {"manager": "auto"}},
    *(
        {
            "name": f"Simulate with {manager}",
            "ansible.builtin.command": {"argv": argv},
            "changed_when": False,
            "when": "'tiktok-desktop' in ansible_facts.packages",
        }
        for manager, argv in SIMULATIONS.items()
    ),
    {"name": "Remove with apt", "ansible.builtin.apt": {"name": "tiktok-desktop", "state": "absent", "purge": True}},
    {"name": "Pin", "ansible.builtin.copy": {"dest": "/etc/apt/preferences.d/tiktok", "content": PIN, "mode": "0644"}},
    {
        "name": "Remove with dnf",
        "ansible.builtin.dnf": {"name": "tiktok-desktop", "state": "absent", "use_backend": "dnf4", "disable_excludes": "all"},
    },
    {
        "name": "Exclude",
        "community.general.ini_file": {
            "path": "/etc/dnf/dnf.conf",
            "section": "main",
            "option": "excludepkgs",
            "value": "tiktok-desktop,tiktok-rev",
            "no_extra_spaces": True,
            "mode": "0644",
        },
    },
    {"name": "Locks", "ansible.builtin.command": {"argv": ["zypper", "-x", "locks"]}, "register": "locks", "changed_when": False},
    {
        "name": "Lock",
        "ansible.builtin.command": {"argv": ["zypper", "addlock", "tiktok-desktop", "tiktok-rev"]},
        "when": "'tiktok-desktop' not in locks.stdout",
    },
    # community.general.pacman stops where no repository has a package group, as in the lab.
    {
        "name": "Look with pacman",
        "ansible.builtin.command": {"argv": ["pacman", "-Q", "tiktok-desktop"]},
        "register": "pacman",
        "changed_when": False,
        "failed_when": False,
    },
    {
        "name": "Remove with pacman",
        "ansible.builtin.command": {"argv": ["pacman", "--noconfirm", "-R", "tiktok-desktop"]},
        "when": "pacman.rc == 0",
    },
    {"name": "Hooks", "ansible.builtin.file": {"path": "/etc/pacman.d/hooks", "state": "directory", "mode": "0755"}},
    {"name": "Hook", "ansible.builtin.copy": {"dest": "/etc/pacman.d/hooks/00-tiktok.hook", "content": HOOK, "mode": "0644"}},
    *FLATPAK_TASKS,
    {"name": "People", "ansible.builtin.getent": {"database": "passwd"}},
    {
        "name": "People's own flatpaks",
        "ansible.builtin.find": {
            "paths": ["/home/jana/.local/share/flatpak/app"],
            "patterns": ["com.tiktok.Desktop"],
            "file_type": "directory",
        },
    },
    {
        "name": "AppImages",
        "ansible.builtin.find": {
            "paths": ["/opt", "/usr/local", "/root", "/home/jana"],
            "patterns": ["TikTok*.AppImage"],
            "recurse": True,
            "depth": 3,
        },
    },
    {
        "name": "Launchers",
        "ansible.builtin.find": {
            "paths": ["/usr/share/applications", "/usr/local/share/applications", "/home/jana/.local/share/applications"],
            "patterns": ["*.desktop"],
            "contains": ".*tiktok\\.com.*",
        },
    },
    {"name": "Packages once more", "ansible.builtin.package_facts": {"manager": "auto"}},
    {"name": "Gone", "ansible.builtin.assert": {"that": ["'tiktok-desktop' not in ansible_facts.packages"], "quiet": True}},
    {"name": "Verify the pin", "ansible.builtin.command": {"argv": ["apt-cache", "policy", "tiktok-desktop"]}, "changed_when": False},
    {"name": "Verify the locks", "ansible.builtin.command": {"argv": ["zypper", "-x", "locks"]}, "changed_when": False},
]


class NoLab(RuntimeError):
    """This machine can't have the throwaway hosts."""


def host_one_task_vs_existing_modules() -> dict[str, Any]:
    """The second run (nothing to do) of one task of ours, and of the existing modules' tasks for the same job."""
    with _fleet(2 * HOSTS) as (hosts, directory):
        for host in hosts:
            for kind in ("deb", "rpm", "pacman"):
                host.install(kind, "tiktok-desktop")
            host.install("flatpak", "com.tiktok.Desktop")
        return _against_tasks(directory, OURS_WHOLE, EXISTING, hosts, "existing-module tasks for the same managers", 12)


def host_one_task_vs_plain_tasks() -> dict[str, Any]:
    """The second run of one task of ours on desktops, and of the seven tasks that an administrator would write."""
    with _fleet(2 * HOSTS, DESKTOP) as (hosts, directory):
        for host in hosts:
            host.install("deb", "tiktok-desktop")
            host.install("flatpak", "com.tiktok.Desktop")
        return _against_tasks(directory, OURS, PLAIN, hosts, "plain tasks of an administrator of desktops", 4)


def host_noop_vs_ping() -> dict[str, Any]:
    """A run of our task with nothing left to do, and one of ``ping``, on the same desktops."""
    return _against_ping(DESKTOP, "apt and flatpak")


def host_noop_vs_ping_five_managers() -> dict[str, Any]:
    """The same on hosts that have five package managers at once."""
    return _against_ping(tuple(FRONT_ENDS), "five package managers")


def host_noop_3000_homes_vs_none() -> dict[str, Any]:
    """A run with nothing left to do on a desktop with 3,000 homes, and on one with those of the lab."""
    with _fleet(2, DESKTOP) as (hosts, directory):
        for number in range(3000):
            home = hosts[0].path(f"/home/p{number:04d}")
            home.mkdir()
            os.chown(home, 20000 + number, 20000 + number)
            with hosts[0].path("/etc/passwd").open("a", encoding="utf-8") as passwd:
                passwd.write(f"p{number:04d}:x:{20000 + number}:{20000 + number}::/home/p{number:04d}:/bin/sh\n")
        many, few = (_play(directory, name, OURS, [host]) for name, host in (("many", hosts[0]), ("few", hosts[1])))
        many()
        few()
        ours, baseline, ratio = cost_pair(many, few, pairs=5)
        return _row(ours, baseline, ratio.wall, f"one chroot host each, nothing left to do; CPU {ratio.cpu:.2f}; goal <= 1.5")


def _against_ping(managers: Sequence[str], what: str) -> dict[str, Any]:
    with _fleet(HOSTS, managers) as (hosts, directory):
        noop = _play(directory, "noop", OURS, hosts)
        # Makes the block, and then nothing any more.
        noop()
        ours, baseline, ratio = cost_pair(noop, _play(directory, "ping", PING, hosts), pairs=7)
        detail = f"{HOSTS} chroot hosts with {what}, app absent and blocked; CPU {ratio.cpu:.2f}; goal <= 1.30 for both"
        return _row(ours, baseline, ratio.wall, detail)


def _against_tasks(
    directory: Path, mine: list[dict[str, Any]], theirs: list[dict[str, Any]], hosts: list[Host], what: str, goal: int
) -> dict[str, Any]:
    run_ours, run_theirs = _play(directory, "ours", mine, hosts[:HOSTS]), _play(directory, "theirs", theirs, hosts[HOSTS:])
    first = seconds_of(run_ours), seconds_of(run_theirs)
    ours, baseline, ratio = cost_pair(run_ours, run_theirs, pairs=2)
    return _row(
        ours,
        baseline,
        1 / ratio.wall,
        f"{HOSTS} chroot hosts, one task against {len(theirs)} {what}, nothing left to do; CPU {1 / ratio.cpu:.1f}; "
        f"first run {first[0]:.1f} s against {first[1]:.1f} s, ratio {first[1] / first[0]:.1f}; goal >= {goal}",
    )


def _row(ours: Cost, baseline: Cost, ratio: float, detail: str) -> dict[str, Any]:
    return {"ours": round(ours.wall, 2), "baseline": round(baseline.wall, 2), "ratio": round(ratio, 2), "unit": "s", "detail": detail}


@contextmanager
def _fleet(count: int, managers: Sequence[str] = tuple(FRONT_ENDS)) -> Iterator[tuple[list[Host], Path]]:
    problems = missing_prerequisites()
    if problems:
        raise NoLab("the lab needs root on Debian: " + "; ".join(problems))
    lab = Lab.open()
    with tempfile.TemporaryDirectory(prefix="bench.") as directory:
        try:
            hosts = [lab.create(f"b{number:02d}") for number in range(count)]
            for host in hosts:
                host.keep_managers(managers)
            yield hosts, Path(directory)
        finally:
            lab.close()


def _play(directory: Path, name: str, tasks: list[dict[str, Any]], hosts: list[Host]) -> Any:
    inventory = write_inventory(directory / f"{name}.json", hosts)
    playbook = directory / f"{name}.yml"
    playbook.write_text(json.dumps([{"name": name, "hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    return lambda: run_playbook(playbook, inventory, forbid_warnings=False)
