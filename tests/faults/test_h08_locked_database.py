# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H8: a database that can't be read costs its own package managers, and no other one's removal or block."""

from __future__ import annotations

import subprocess

import pytest

from .support import APP, FILTER, FLATPAK, Machine, banned, seen, told

pytestmark = pytest.mark.fault_kind("H8", "a read lock that anybody may take on rpm's database stops every package manager")

TAKE = """
import fcntl, sys
database = open("/var/lib/rpm/rpmdb.sqlite-shm", "rb")
fcntl.lockf(database, fcntl.LOCK_SH, 8, 120)
print(1, flush=True)
sys.stdin.read()
"""


@pytest.mark.long
def test_a_lock_on_rpms_database_stops_no_other_manager(machine: Machine) -> None:
    machine.host.keep_managers(["dnf4", "flatpak"])
    machine.host.install_file("rpm", APP)
    argv = ["chroot", "--userspec=1001:1001", str(machine.host.root), "python3", "-c", TAKE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        result = machine.ban(banned(rpm=APP, flatpak=FLATPAK))
        process.communicate(b"")
    assert machine.host.path(FILTER).exists()
    assert result["failed"]
    assert seen(result)["error"] == "error"
    assert "fuser" in told(result)
    again = machine.ban(banned(rpm=APP, flatpak=FLATPAK))
    assert (again["verified"], again["removed"]) == (True, [f"dnf4: {APP} 1.0-1.noarch"])
