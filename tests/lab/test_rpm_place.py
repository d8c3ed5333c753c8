# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rpm's database is where rpm says: what was seen is used again only while the database in that place is unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import Host
from tests.lab.playbook import run_module, write_inventory

pytestmark = [pytest.mark.fault_kind("H5", "once looked, never again"), pytest.mark.long]

MODULE = "appban.endpoint.host_app"
APPS = [{"id": "tt", "identifiers": {"rpm": ["tiktok-desktop"]}}]
MOVES = {
    "of-debian": "true",
    "macros.d": "echo '%_dbpath /usr/share/rpm' > /usr/lib/rpm/macros.d/macros.rpm-ostree",
    "of-root": "echo '%_dbpath %{_var}/other/rpm' > /root/.rpmmacros",
    "computed": "echo /srv/rpm > /srv/place; echo '%_dbpath %(cat /srv/place)' > /etc/rpm/macros.site",
    "link": "mkdir -p /srv/rpm; ln -s /srv/rpm /srv/link; echo '%_dbpath /srv/link' > /etc/rpm/macros.site",
}


@pytest.mark.parametrize("manager", ["dnf4", "zypper"])
@pytest.mark.parametrize("move", list(MOVES))
def test_an_app_in_a_moved_database_is_seen(lab_host: Host, tmp_path: Path, manager: str, move: str) -> None:
    lab_host.keep_managers([manager])
    lab_host.run(["sh", "-c", "rm /etc/rpm/macros; " + MOVES[move]], check=True)
    place = lab_host.run(["rpm", "--eval", "%_dbpath"], check=True).stdout.strip()
    lab_host.run(["sh", "-c", f"mkdir -p {place} && cp -a /var/lib/rpm/. {place}/"], check=True)
    assert place != "/var/lib/rpm"
    inventory = write_inventory(tmp_path / "inventory.json", [lab_host])

    def run() -> Mapping[str, Any]:
        done = run_module(lab_host.name, MODULE, inventory, arguments={"apps": APPS})
        return done.of(lab_host.name, MODULE)[0].result["apps"]["tt"]

    run()
    assert run()["before"] is False
    # A place that a program computes may be another one at any time.
    assert lab_host.path("/var/lib/appban/looked.json").exists() is (move not in ("of-debian", "computed"))
    lab_host.install_file("rpm", "tiktok-desktop")
    assert run()["before"] is True
