# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desktop leftovers through the module itself: told apart from the files of our own block, kept or deleted as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.lab.hosts import Host
from tests.lab.playbook import run_module, write_inventory

APP = "/opt/TikTok-2.1-x86_64.AppImage"
PIN = "/etc/apt/preferences.d/appban"
BANNED = {"id": "tiktok", "identifiers": {"deb": ["tiktok-desktop"], "display_name": ["TikTok"]}}


def host_app(host: Host, directory: Path, **options: Any) -> dict[str, Any]:
    """What the module returns."""
    inventory = write_inventory(directory / "inventory.json", [host])
    arguments = {"apps": [BANNED], "backends": ["apt"], **options}
    (task,) = run_module("all", "appban.endpoint.host_app", inventory, arguments=arguments).tasks
    return dict(task.result)


def test_a_leftover_that_stays_is_said_to_stay_even_while_our_own_file_goes(lab_host: Host, tmp_path: Path) -> None:
    lab_host.write(APP, "not really", 0o755)
    assert host_app(lab_host, tmp_path)["apps"]["tiktok"]["why_not_removed"] == "leftover_kept"
    assert lab_host.path(PIN).exists()

    unblocked = host_app(lab_host, tmp_path, block="false")
    assert [change["name"] for change in unblocked["changes"]] == [PIN]
    seen = unblocked["apps"]["tiktok"]
    assert (seen["before"], seen["after"], seen["removal"], seen["why_not_removed"]) == (True, True, "none", "leftover_kept")
    assert lab_host.path(APP).exists()
    assert not lab_host.path(PIN).exists()

    deleted = host_app(lab_host, tmp_path, remove_leftovers=True)["apps"]["tiktok"]
    assert (deleted["before"], deleted["after"], deleted["removal"], deleted["why_not_removed"]) == (True, False, "done", "")
    assert not lab_host.path(APP).exists()
