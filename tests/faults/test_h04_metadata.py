# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H4: files are as open as they must be whatever the umask is, keep what hangs on them, and are put back with all of it."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import pytest

from tests.lab.snapshot import snapshot

from .support import APP, FILTER, FLATPAK, LEDGER, PIN, Machine, banned, seen

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H4", "umask and metadata"), pytest.mark.long]

PREFIX = "/home/linuxbrew/.linuxbrew"
EVERYWHERE = banned(deb=APP, rpm=APP, pacman=APP, flatpak=FLATPAK, brew_formula="tiktok")


def give_homebrew(machine: Machine) -> None:
    """Homebrew as jana installs it, without the app."""
    machine.as_root(f"install -d -o jana -g jana /home/linuxbrew {PREFIX} {PREFIX}/Cellar {PREFIX}/bin")
    machine.as_jana(f"printf '#!/bin/sh\\n' > {PREFIX}/bin/brew; chmod 755 {PREFIX}/bin/brew")


def modes(machine: Machine, *paths: str) -> dict[str, str]:
    """What may be done with each file and with the directory that it lies in."""
    found = {}
    for path in paths:
        for each in (path, os.path.dirname(path)):
            found[each] = stat.filemode(machine.host.path(each).lstat().st_mode)
    return found


@pytest.mark.parametrize("block", ["true", "strong"])
def test_a_umask_of_the_connection_closes_nothing(machine: Machine, block: str) -> None:
    machine.preparation = "umask 077; exec"
    give_homebrew(machine)
    machine.as_root("rm -rf /etc/pacman.d/hooks")
    before = snapshot(machine.host)
    assert seen(machine.ban(EVERYWHERE, block=block))["block"] == "soft"

    files = (FILTER, PIN, "/etc/zypp/locks", "/etc/dnf/dnf.conf", "/etc/pacman.conf", "/etc/pacman.d/hooks/00-appban.hook")
    for path, mode in modes(machine, *files, "/etc/homebrew/brew.env").items():
        assert mode == ("drwxr-xr-x" if mode.startswith("d") else "-rw-r--r--"), path
    assert modes(machine, LEDGER) == {LEDGER: "-rw-------", os.path.dirname(LEDGER): "drwxr-xr-x"}
    # Who is not root goes on as before.
    for command in (["flatpak", "remote-ls", "--system", "lab"], ["apt-get", "-s", "install", "vlc-lab"], ["pacman", "-Q", "lab-seed"]):
        machine.host.run(command, user="jana", check=True)

    machine.lift(EVERYWHERE)
    assert before.difference(snapshot(machine.host)) == []


# Access for jana by an ACL: user::rw-, user:1001:r--, group::r--, mask::r--, other::r--
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 0xFFFFFFFF), (2, 4, 1001), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF))
)
EDITED = {
    "/etc/dnf/dnf.conf": "[main]\nbest=1\n",
    "/etc/zypp/locks": "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: vlc-lab\n",
    "/etc/pacman.conf": "",
    "/etc/homebrew/brew.env": "HOMEBREW_NO_ANALYTICS=1\n",
}


def marks(path: Path) -> dict[str, object]:
    """All that hangs on a file beside its content."""
    status = path.lstat()
    found: dict[str, object] = {name: os.getxattr(path, name) for name in sorted(os.listxattr(path))}
    return {**found, "inode": status.st_ino, "links": status.st_nlink, "mode": oct(status.st_mode), "owner": (status.st_uid, status.st_gid)}


def test_an_edited_file_keeps_all_that_hangs_on_it(machine: Machine) -> None:
    give_homebrew(machine)
    contents, before = {}, {}
    for name, content in EDITED.items():
        path = machine.host.path(name)
        # Written in any case: only then does the file lie on the host's own layer, where a link counts.
        machine.host.write(name, content or path.read_text(encoding="utf-8"))
        os.chown(path, 0, 1001)
        path.chmod(0o640)
        os.setxattr(path, "trusted.backup", b"nightly")
        os.setxattr(path, "system.posix_acl_access", ACL)
        os.link(path, f"{path}.admin")
        contents[name], before[name] = path.read_bytes(), marks(path)
    assert all(len(each) == 6 and each["links"] == 2 for each in before.values())

    machine.ban(EVERYWHERE, block="strong", backends=["dnf4", "zypper", "pacman", "homebrew"])
    assert {name: machine.host.path(name).read_bytes() == content for name, content in contents.items()} == dict.fromkeys(EDITED, False)
    assert {name: marks(machine.host.path(name)) for name in EDITED} == before
    machine.lift(EVERYWHERE)
    assert {name: machine.host.path(name).read_bytes() for name in EDITED} == contents
    assert {name: marks(machine.host.path(name)) for name in EDITED} == before


def selections(machine: Machine) -> str:
    """What dpkg was told to do with the app."""
    return machine.as_root(f"dpkg --get-selections {APP} 2>/dev/null || true").strip()


def test_an_administrators_hold_outlives_ban_and_lift(machine: Machine) -> None:
    machine.as_root(f"apt-mark hold {APP}")
    before = selections(machine)
    assert before.split() == [APP, "hold"]
    machine.ban(banned(deb=APP), backends=["apt"])
    assert selections(machine) == before
    machine.lift(banned(deb=APP))
    assert selections(machine) == before
