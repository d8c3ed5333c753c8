# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H8: an app whose removal fails keeps no other app from being removed and blocked, and what was done counts as a change."""

from __future__ import annotations

import pytest

from .support import APP, PIN, Machine, banned, install_built, seen, told

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H8", "one failure holds back another app"), pytest.mark.long]

BACKENDS = {"deb": "apt", "rpm": "dnf4"}
BLOCKS = {"deb": PIN, "rpm": "/etc/dnf/dnf.conf"}


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_failing_removal_script_is_its_own_apps_affair(machine: Machine, kind: str) -> None:
    """One that fails comes before the other app in every order that a run may have, one comes after it."""
    machine.host.install_file(kind, APP)
    bad = [banned(name, **{kind: f"{name}-app"}) for name in ("aaa", "zzz")]
    for each in bad:
        install_built(machine.host, kind, f"{each['id']}-app", before_removal="echo no >&2; exit 1")
    apps = [bad[0], banned(**{kind: APP}), bad[1]]
    result = machine.ban(*apps, backends=[BACKENDS[kind]])

    app = seen(result)
    assert (app["removal"], app["after"], app["block"], app["error"]) == ("done", False, "soft", "")
    assert result["changed"] is True
    assert APP in machine.host.path(BLOCKS[kind]).read_text(encoding="utf-8")
    assert result["failed"] is True
    for name in ("aaa", "zzz"):
        assert seen(result, name)["error"]
        assert seen(result, name)["after"] is True
        assert f"{name}-app" in told(result)
    # The next run finds nothing to do for the app that is done with.
    again = machine.ban(*apps, backends=[BACKENDS[kind]])
    assert (seen(again)["before"], seen(again)["block"], again["drift"]) == (False, "soft", [])


def test_a_failing_package_manager_is_not_the_other_ones_affair(machine: Machine) -> None:
    machine.host.install_file("rpm", APP)
    machine.host.install_file("pacman", APP)
    install_built(machine.host, "deb", APP, before_removal="exit 1")
    result = machine.ban(backends=["apt", "dnf4", "pacman"])
    assert machine.host.run(["rpm", "-q", APP]).returncode != 0
    assert machine.host.run(["pacman", "-Q", APP]).returncode != 0
    assert APP in machine.host.path("/etc/dnf/dnf.conf").read_text(encoding="utf-8")
    assert machine.host.path("/etc/pacman.d/hooks/00-appban.hook").exists()
    assert result["changed"] is True
    assert seen(result)["error"]
