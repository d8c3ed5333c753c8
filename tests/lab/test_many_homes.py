# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with thousands of homes: what a look remembers of them is small, and the next run needs nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import Host
from tests.lab.inside import PLACE, Inside
from tests.lab.playbook import run_module, write_inventory

pytestmark = pytest.mark.long

COUNT = 3000
LOOKED = "/var/lib/appban/looked.json"
APP = {"id": "tiktok", "identifiers": {"flatpak": ["com.tiktok.Desktop"], "display_name": ["TikTok"]}}
# What the small look does on the host, timed: the whole of its comparison.
TIMED = """
import json, time
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.basis import unchanged
kept = json.load(open("/var/lib/appban/looked.json"))
start = time.perf_counter()
same = unchanged(kept["basis"])
print(json.dumps([same, time.perf_counter() - start]))
"""


def give_homes(host: Host, count: int) -> None:
    """Homes as they are on a shared server: most were used, some have flatpak, a few have their files elsewhere."""
    lines = []
    for number in range(count):
        uid = 20000 + number
        home = host.path(f"/home/u{number:04}")
        made = [home, home / ".config", home / ".local", home / ".local/share", home / "Downloads", home / "Desktop"]
        files = [home / ".profile", home / ".bashrc", home / ".config/user-dirs.dirs", home / "Downloads/letter.pdf"]
        if number % 10 == 0:
            made += [home / ".local/share/flatpak", home / ".local/share/flatpak/repo", home / ".local/share/applications"]
            files += [home / ".local/share/flatpak/repo/config", home / ".local/share/applications/x.desktop"]
        for directory in made:
            directory.mkdir()
        for file in files:
            file.write_text("# nothing\n", encoding="utf-8")
        for path in made + files:
            os.chown(path, uid, uid)
        lines.append(f"u{number:04}:x:{uid}:{uid}::/home/u{number:04}:/bin/sh\n")
    with host.path("/etc/passwd").open("a", encoding="utf-8") as accounts:
        accounts.writelines(lines)


def ban(host: Host, directory: Path) -> dict[str, Any]:
    """What the module returns."""
    inventory = write_inventory(directory / "inventory.json", [host])
    arguments = {"apps": [APP], "backends": ["flatpak"], "users": ["all"]}
    (task,) = run_module("all", "appban.endpoint.host_app", inventory, arguments=arguments).tasks
    return dict(task.result)


def compare(host: Host) -> tuple[bool, float]:
    """Whether the host is as it was at the last look, and how many seconds that took to find out."""
    Inside(host, "flatpak.backend", "Flatpak")
    same, seconds = json.loads(host.run(["python3", "-c", TIMED], env={"PYTHONPATH": PLACE}, check=True).stdout)
    return same, seconds


def test_thousands_of_homes_are_remembered_in_little_space(lab_host: Host, tmp_path: Path) -> None:
    give_homes(lab_host, COUNT)
    first = ban(lab_host, tmp_path)
    assert first["verified"], first
    kept = lab_host.path(LOOKED)
    assert kept.stat().st_size < 500_000
    assert compare(lab_host)[0]
    written = kept.stat().st_mtime_ns
    again = ban(lab_host, tmp_path)
    assert (again["changed"], kept.stat().st_mtime_ns) == (False, written)

    # One home among thousands.
    place = lab_host.path("/home/u1234/.local/share/flatpak/app/com.tiktok.Desktop/x86_64/stable")
    place.mkdir(parents=True)
    (place / "active").symlink_to("0123")
    assert not compare(lab_host)[0]
