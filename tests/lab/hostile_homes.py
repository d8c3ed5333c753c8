# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban on a host where jana does what she can from her own home: what she does, the ban, and the files that it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.lab.hosts import Host
from tests.lab.playbook import run_module, write_inventory

FLATPAK = "com.tiktok.Desktop"
FILTER = "/etc/flatpak/appban.filter"
PIN = "/etc/apt/preferences.d/appban"
PREFIX = "/home/linuxbrew/.linuxbrew"
DEPLOYED = f"app/{FLATPAK}/x86_64/stable"
SECONDS = 30


def as_jana(host: Host, script: str) -> None:
    """Runs a shell script as the ordinary account."""
    host.run(["sh", "-euc", script], user="jana", check=True)


def ban(host: Host, directory: Path, **identifiers: str) -> dict[str, Any]:
    """What the module returns within a bound of time."""
    inventory = write_inventory(directory / "inventory.json", [host])
    app = {"id": "tiktok", "identifiers": {kind: [value] for kind, value in identifiers.items()}}
    arguments = {"apps": [app], "users": ["all"], "remove_leftovers": True}
    result = run_module("all", "appban.endpoint.host_app", inventory, arguments=arguments, must_succeed=False, timeout=SECONDS)
    output = result.stdout + result.stderr
    assert "Traceback" not in output, output
    return dict(result.tasks[-1].result)
