# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H1: root starts no program that a person wrote, or could have written."""

from __future__ import annotations

import pytest

from tests.support.cases import cases

from .support import Machine, banned, seen, told

pytestmark = pytest.mark.fault_kind("H1", "root runs what a person wrote")

PREFIX = "/home/linuxbrew/.linuxbrew"
# Says who started it, and by which name.
NOTE_WHO = '#!/bin/sh\necho "$(id -u) $0" >> /tmp/started\nexit 0\n'
# A place where jana can write a program, as administrators leave them.
PLACES = {
    # Homebrew on Linux, installed by jana: one of the places where the product looks for programs.
    "a person's directory": f"""
        install -d -o jana -g jana /home/linuxbrew {PREFIX} {PREFIX}/bin
        ln -s {PREFIX}/bin /home/jana/place""",
    "a person's link in root's directory": """
        install -d -o jana -g jana /home/jana/place
        for name in dnf5 apk snap; do ln -s /home/jana/place/$name /usr/local/bin/$name; chown -h jana: /usr/local/bin/$name; done""",
    "root's link to a person's directory": """
        install -d -o jana -g jana /home/jana/place
        ln -s /home/jana/place /opt/homebrew-bin; install -d /opt/homebrew; ln -s ../homebrew-bin /opt/homebrew/bin""",
    "a directory that a group may write": """
        chgrp jana /usr/local/sbin; chmod 2775 /usr/local/sbin
        ln -s /usr/local/sbin /home/jana/place""",
    "a directory that everybody may write": """
        chmod 1777 /usr/local/bin
        ln -s /usr/local/bin /home/jana/place""",
}
APP = banned(rpm="tiktok-desktop", apk="tiktok-desktop", snap="tiktok-desktop")


def started(machine: Machine) -> list[str]:
    """Who started a program of jana's."""
    path = machine.host.path("/tmp/started")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@cases("place", PLACES)
def test_a_program_in_a_place_of_a_person_is_never_started(machine: Machine, place: str) -> None:
    machine.as_root(PLACES[place])
    machine.host.write("/tmp/program", NOTE_WHO, 0o755)
    machine.as_jana("for name in dnf5 apk snap; do cp /tmp/program /home/jana/place/$name; done")

    # A look is enough to be caught.
    looked = machine.ban(APP, check=True)
    assert started(machine) == []
    # The genuine package manager of the same packages is used all the same.
    assert "/etc/dnf/dnf.conf" in [change["name"] for change in looked["changes"]]


@pytest.mark.long
def test_a_program_that_a_group_may_write_is_never_started(machine: Machine) -> None:
    machine.host.write("/usr/local/bin/dnf5", "#!/bin/sh\nexit 0\n", 0o775)
    machine.as_root("chgrp jana /usr/local/bin/dnf5")
    machine.host.write("/tmp/program", NOTE_WHO, 0o755)
    machine.as_jana("cat /tmp/program > /usr/local/bin/dnf5")
    assert seen(machine.ban(APP))["block"] == "soft"
    assert started(machine) == []


@pytest.fixture
def prefix(machine: Machine) -> str:
    """Homebrew's place, of jana, with a ``brew`` that notes who started it."""
    machine.as_root(f"install -d -o jana -g jana /home/linuxbrew {PREFIX}")
    machine.host.write("/tmp/program", NOTE_WHO, 0o755)
    machine.as_jana(f"mkdir {PREFIX}/bin; cp /tmp/program {PREFIX}/bin/brew")
    return PREFIX


BREWED = banned(brew_formula="tiktok", deb="tiktok-desktop")


def test_a_link_in_a_prefix_does_not_make_root_its_owner(machine: Machine, prefix: str) -> None:
    machine.as_jana(f"ln -s /tmp {prefix}/Cellar; mkdir -p /tmp/tiktok/1.0")
    result = machine.ban(BREWED)
    assert [line for line in started(machine) if line.startswith("0 ")] == []
    assert f"{prefix}/Cellar" in told(result)
    assert machine.host.path("/tmp/tiktok/1.0").is_dir()
    # The system's own part stands.
    assert machine.host.path("/etc/apt/preferences.d/appban").exists()


@pytest.mark.long
def test_a_prefix_of_an_owner_without_an_account_is_left_alone(machine: Machine, prefix: str) -> None:
    machine.as_jana(f"mkdir -p {prefix}/Cellar/tiktok/1.0")
    # The account is gone, its files are not.
    machine.as_root("chown -hR 4242 /home/linuxbrew")
    result = machine.ban(BREWED)
    assert started(machine) == []
    assert "4242" in told(result)
    assert machine.host.path("/etc/apt/preferences.d/appban").exists()


@pytest.mark.long
def test_a_prefix_of_root_is_left_alone(machine: Machine) -> None:
    """Homebrew refuses root; what looks like Homebrew of root's is something else."""
    machine.host.write("/opt/homebrew/bin/brew", NOTE_WHO, 0o755)
    machine.host.path("/opt/homebrew/Cellar/tiktok/1.0").mkdir(parents=True)
    result = machine.ban(BREWED)
    assert started(machine) == []
    assert "/opt/homebrew" in told(result)
