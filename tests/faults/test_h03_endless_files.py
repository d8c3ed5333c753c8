# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H3: nothing that a person makes keeps a run waiting, fills its memory or ends it with a traceback."""

from __future__ import annotations

import pytest

from .support import FILTER, FLATPAK, JANAS_FLATPAK, PIN, Machine, banned, seen, told

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H3", "files that don't end"), pytest.mark.long]

PREFIX = "/home/linuxbrew/.linuxbrew"
# Little memory, so that a file without an end is felt here and not by the whole machine.
LITTLE_MEMORY = "ulimit -v 1500000; exec"

# What a person can put where a file is expected.
THINGS = {
    "a FIFO": "mkfifo {}",
    "a directory": "mkdir {}",
    "a link to /dev/zero": "ln -s /dev/zero {}",
    "a link to /proc/kmsg": "ln -s /proc/kmsg {}",
    "a terabyte of nothing": "truncate -s 1T {}",
    "deep JSON": "python3 -c 'print(\"[\" * 200000)' > {}",
    "not UTF-8": "printf '\\377\\376\\000' > {}",
    "nothing that may be read": "touch {0}; chmod 0 {0}",
}


@pytest.fixture
def brewed(machine: Machine) -> Machine:
    """Homebrew of jana's with the app in it; brew itself removes what it is told."""
    machine.preparation = LITTLE_MEMORY
    machine.as_root(f"install -d -o jana -g jana /home/linuxbrew {PREFIX}")
    machine.as_jana(
        f"mkdir -p {PREFIX}/bin {PREFIX}/Cellar/tiktok/1.0 {PREFIX}/Cellar/other/1.0 {PREFIX}/etc/homebrew\n"
        f"printf '#!/bin/sh\\nfor name; do :; done\\nrm -rf {PREFIX}/Cellar/$name\\n' > {PREFIX}/bin/brew\n"
        f"chmod 755 {PREFIX}/bin/brew"
    )
    return machine


BREWED = banned(brew_formula="tiktok", deb="tiktok-desktop")


@pytest.mark.parametrize("thing", THINGS)
def test_no_file_of_a_prefix_stops_the_systems_block(brewed: Machine, thing: str) -> None:
    """The receipt of the app's, one of another formula's, and the prefix's own settings: all that root reads there."""
    for place in ("Cellar/tiktok/1.0/INSTALL_RECEIPT.json", "Cellar/other/1.0/INSTALL_RECEIPT.json", "etc/homebrew/brew.env"):
        brewed.as_jana(THINGS[thing].format(f"{PREFIX}/{place}"))
    result = brewed.ban(BREWED)
    assert brewed.host.path(PIN).exists()
    assert seen(result)["block"] != "none" or told(result)
    assert not result.get("failed") or "homebrew" in told(result).lower()


@pytest.mark.parametrize("thing", ["a FIFO", "a directory", "a link to /dev/zero", "a terabyte of nothing"])
def test_no_settings_of_a_persons_flatpak_stop_the_systems_block(machine: Machine, thing: str) -> None:
    machine.preparation = LITTLE_MEMORY
    place = f"{JANAS_FLATPAK}/app/{FLATPAK}/x86_64/stable"
    machine.as_jana(f"mkdir -p {place}; touch {place}/active; rm {JANAS_FLATPAK}/repo/config")
    machine.as_jana(THINGS[thing].format(f"{JANAS_FLATPAK}/repo/config"))
    machine.as_jana(f"mkdir -p {JANAS_FLATPAK}/overrides; mkfifo {JANAS_FLATPAK}/overrides/{FLATPAK}")
    result = machine.ban(banned(flatpak=FLATPAK), backends=["flatpak"])
    assert machine.host.path(FILTER).exists()
    assert seen(result)["block"] == "soft"
    assert "jana" in told(result)


def test_no_name_that_a_person_gives_ends_a_run(brewed: Machine) -> None:
    """Line ends, bytes that are no text, control characters, and names as long as names can be."""
    brewed.as_jana(
        f"""
        cd {PREFIX}/Cellar/tiktok; rmdir 1.0
        mkdir "$(printf '9\\377\\376')" "$(printf '9\\nfailed: [h01]')" "$(printf '9\\033[31m')" "$(printf %0255d 9)"
        cd ../other; rmdir 1.0; mkdir "$(printf '1\\377')"; cd ..; mkdir "$(printf 'x\\377\\ny')"; mkdir "$(printf 'x\\377\\ny')/1"
        mkdir -p ~/.local/share/applications ~/Downloads
        cd ~/.local/share/applications
        printf '[Desktop Entry]\\nName=TikTok\\377\\nExec=x\\n' > "$(printf 'tiktok\\377\\n.desktop')"
        mkfifo fifo.desktop; ln -s /dev/zero zero.desktop; truncate -s 1T huge.desktop; mkdir dir.desktop
        cd ~/Downloads; touch "$(printf 'TikTok\\377\\n.AppImage')"; mkfifo TikTok.AppImage
        """
    )
    app = {"id": "tiktok", "identifiers": {**BREWED["identifiers"], "display_name": ["TikTok"]}}
    for check in (True, False):
        result = brewed.ban(app, check=check, users=["all"], remove_leftovers=True)
        assert seen(result)["before"] is True
    assert brewed.host.path(PIN).exists()


def test_a_home_full_of_links_and_loops_is_passed_over(machine: Machine) -> None:
    """The ways to a person's flatpak: a loop, a link to the system's own, a FIFO instead of a directory."""
    for way in ("ln -s flatpak flatpak", "ln -s /var/lib/flatpak flatpak", "mkfifo flatpak"):
        machine.as_jana(f"cd ~/.local/share; rm -rf flatpak; {way}")
        result = machine.ban(banned(flatpak=FLATPAK), backends=["flatpak"])
        assert seen(result)["block"] == "soft"
        assert machine.host.path(FILTER).exists()
        assert not result.get("failed"), told(result)


def test_a_program_of_a_person_that_never_ends_does_not_keep_the_run(brewed: Machine) -> None:
    """brew is the person's own program: it may sleep for ever, ignore to be ended and hold on to what it was given."""
    brewed.as_jana(f"printf '#!/bin/sh\\ntrap \"\" TERM HUP INT\\nwhile :; do sleep 300; done\\n' > {PREFIX}/bin/brew")
    result = brewed.ban(BREWED)
    assert brewed.host.path(PIN).exists()
    assert "brew" in told(result)
