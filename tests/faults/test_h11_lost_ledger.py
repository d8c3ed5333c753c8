# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H11: without its ledger a host's blocks are still known by the marks of ours in them, and a lift takes them all away."""

from __future__ import annotations

import pytest

from tests.lab.hosts import Host
from tests.lab.snapshot import Snapshot, snapshot

from .support import APP, FILTER, FLATPAK, LEDGER, LOOKED, Machine, banned, told

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H11", "lost ledger"), pytest.mark.long]

# Directories that only the ledger knew to be made by us. Empty they block nothing.
EMPTY = ("added /etc/flatpak", "added /etc/pacman.d/hooks", "added /etc/dnf/protected.d")


def left_over(before: Snapshot, host: Host) -> list[str]:
    """What of ours is left on a host."""
    lines = before.difference(snapshot(host))
    return [line for line in lines if line not in EMPTY or any(host.path(line.partition(" ")[2]).iterdir())]


@pytest.mark.parametrize("block", ["true", "strong"])
def test_a_lift_without_a_ledger_finds_what_is_ours(machine: Machine, block: str) -> None:
    """apt, dnf, zypper, pacman and flatpak at once: what is left of one of them is in the difference with its file's name."""
    before = snapshot(machine.host)
    machine.ban(block=block)
    assert before.difference(snapshot(machine.host)) != []
    machine.host.path(LEDGER).unlink()

    assert machine.lift(check=True)["changed"] is True
    lifted = machine.lift()
    assert (lifted["changed"], lifted["verified"]) == (True, True), told(lifted)
    assert left_over(before, machine.host) == []


def test_what_an_administrator_had_before_stays_when_the_ledger_is_lost(machine: Machine) -> None:
    """Names that were locked and excluded by others are not ours because they are those of a banned app."""
    machine.as_root(f"zypper -n addlock vlc-lab {APP}; printf '[main]\\nexcludepkgs=vlc-lab\\n' > /etc/dnf/dnf.conf")
    before = snapshot(machine.host)
    machine.ban(banned(rpm=APP), backends=["dnf4", "zypper"])
    machine.host.path(LEDGER).unlink()
    machine.lift(banned(rpm=APP), backends=["dnf4", "zypper"])
    assert left_over(before, machine.host) == []


@pytest.mark.parametrize("gone", [(FILTER,), (FILTER, LEDGER)], ids=["filter", "filter and ledger"])
def test_a_lift_ends_a_filter_whose_file_is_gone(machine: Machine, gone: tuple[str, ...]) -> None:
    before = snapshot(machine.host)
    machine.ban(banned(flatpak=FLATPAK), backends=["flatpak"])
    for path in gone:
        machine.host.path(path).unlink()
    lifted = machine.lift(banned(flatpak=FLATPAK), backends=["flatpak"])
    assert (lifted.get("failed", False), lifted["verified"]) == (False, True), told(lifted)
    assert left_over(before, machine.host) == []
    assert not machine.host.path("/var/lib/flatpak/repo/lab.filter").exists()
    machine.host.install("flatpak", FLATPAK)


def test_a_ban_that_lost_its_ledger_is_no_news(machine: Machine) -> None:
    """What stands is taken over by its marks: nothing is written anew, no drift is claimed, and the next lift is exact."""
    before = snapshot(machine.host)
    machine.ban()
    stands = snapshot(machine.host)
    machine.host.path(LEDGER).unlink()
    again = machine.ban()
    assert again["drift"] == []
    # What the last look rests on is kept beside the ledger, and that is another file by now.
    kept = (LEDGER, LOOKED)
    assert [line for line in stands.difference(snapshot(machine.host)) if not any(path in line for path in kept)] == []
    machine.lift()
    assert left_over(before, machine.host) == []
