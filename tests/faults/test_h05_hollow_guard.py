# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H5: a guard package is known by what it stops, not by its name and version; root can put an empty one in its place."""

from __future__ import annotations

import pytest

from tests.lab.packages import Package, build_package

from .support import APP, Machine, banned, seen

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H5", "an empty guard of the right name and version is called a block"), pytest.mark.long]

# Kind of package -> package manager, and the tools' ways to tell the guard's version, to put another in its place, and past the front end.
GUARDS = {
    "deb": ("apt", "dpkg-query -W -f='${Version}' appban-guard", "dpkg -i", f"dpkg -i /srv/repo/deb/{APP}_2.0_all.deb"),
    "rpm": (
        "dnf4",
        "rpm -q --qf '%{VERSION}' appban-guard",
        "rpm -U --force --oldpackage",
        f"rpm -i /srv/repo/rpm/{APP}-2.0-1.noarch.rpm",
    ),
}


@pytest.mark.parametrize("kind", GUARDS)
def test_an_empty_guard_of_the_right_version_is_seen_and_replaced(machine: Machine, kind: str) -> None:
    manager, version, install, past = GUARDS[kind]
    machine.host.keep_managers([manager])
    machine.ban(banned(**{kind: APP}), block="strong")
    there = machine.host.run(["sh", "-c", version], check=True).stdout.strip()
    path = build_package(machine.host.root, kind, Package("appban-guard", there, protected=kind == "deb"), "/srv/hollow")
    machine.host.run(["sh", "-c", f"{install} {path}"], check=True)

    result = machine.ban(banned(**{kind: APP}), block="strong")

    assert any("guard" in line for line in result["drift"]), result["drift"]
    assert (result["changed"], result["verified"], seen(result)["block"]) == (True, True, "strong")
    assert machine.host.run(["sh", "-c", past]).returncode != 0
