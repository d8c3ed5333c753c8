# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jana can do to a run from her own home: mislead it to another's place, flood it, or move things under its hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hostile_homes import DEPLOYED, FILTER, FLATPAK, PIN, PREFIX, as_jana, ban
from tests.lab.hosts import Host

pytestmark = pytest.mark.long

ADAMS = "/home/adam/elsewhere"


@pytest.mark.parametrize("way", ["", "/proc/self/root", "/home/jana/../..", "/home/jana/out"])
def test_settings_that_name_another_persons_installation_act_on_nothing_there(lab_host: Host, tmp_path: Path, way: str) -> None:
    lab_host.run(["useradd", "--create-home", "--uid", "1002", "--shell", "/bin/sh", "adam"], check=True)
    # It is in a place that only jana speaks of.
    script = f"mkdir -p {ADAMS}/{DEPLOYED}; touch {ADAMS}/{DEPLOYED}/active; chown -R adam: /home/adam"
    lab_host.run(["sh", "-euc", script], check=True)
    as_jana(lab_host, f"ln -s / ~/out; echo 'FLATPAK_USER_DIR={way}{ADAMS}' > ~/.profile")
    result = ban(lab_host, tmp_path, flatpak=FLATPAK)
    assert result["apps"]["tiktok"]["block"] == "soft"
    assert [finding["scope"] for finding in result["findings"]] == []
    assert lab_host.path(f"{ADAMS}/{DEPLOYED}/active").exists()


def test_a_flood_of_launchers_is_bounded_and_told(lab_host: Host, tmp_path: Path) -> None:
    content = "[Desktop Entry]\\nType=Link\\nURL=https://www.tiktok.com\\n"
    script = f'mkdir -p ~/.local/share/applications; cd ~/.local/share/applications; printf "{content}" > 0.desktop'
    as_jana(lab_host, script + "; for number in $(seq 1 2000); do ln 0.desktop $number.desktop; done")
    result = ban(lab_host, tmp_path, flatpak=FLATPAK, domain="tiktok.com")
    assert len(result["leftovers"]) == 200
    assert any("/home/jana" in note and "too many files" in note for note in result["notes"])
    assert lab_host.path(FILTER).exists()


@pytest.fixture
def brewed(lab_host: Host) -> Host:
    """Homebrew of jana's with the app in it."""
    lab_host.run(["install", "-d", "-o", "jana", "-g", "jana", "/home/linuxbrew", PREFIX], check=True)
    as_jana(lab_host, f"mkdir -p {PREFIX}/bin {PREFIX}/Cellar/tiktok/1.0; install -m 755 /bin/true {PREFIX}/bin/brew")
    return lab_host


@pytest.mark.parametrize(
    "script",
    [
        # Output without an end, and a daemon that keeps it open.
        f"printf '#!/bin/sh\\nsetsid sleep 300 &\\nexec yes\\n' > {PREFIX}/bin/brew",
        # The rooms exchanged while brew runs, so that the app looks gone.
        f"printf '#!/bin/sh\\nrm -rf {PREFIX}/Cellar; ln -s /tmp {PREFIX}/Cellar\\n' > {PREFIX}/bin/brew",
        # The program's directory is a link.
        f"mv {PREFIX}/bin {PREFIX}/real; ln -s {PREFIX}/real {PREFIX}/bin",
        # A directory that somebody else may write.
        f"chmod 777 {PREFIX}/bin",
        # No program at all.
        f"rm {PREFIX}/bin/brew; mkfifo -m 755 {PREFIX}/bin/brew",
    ],
    ids=["output", "exchange", "link", "open", "pipe"],
)
def test_whatever_brew_is_the_systems_part_stands_and_the_persons_is_told(brewed: Host, tmp_path: Path, script: str) -> None:
    as_jana(brewed, script)
    result = ban(brewed, tmp_path, brew_formula="tiktok", deb="tiktok-desktop")
    assert brewed.path(PIN).exists()
    seen = result["apps"]["tiktok"]
    assert seen["error"] or seen["unseen"]
    told = "\n".join([result.get("msg", ""), *result["notes"]])
    assert "brew" in told
