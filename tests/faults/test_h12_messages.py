# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H12: when a package manager refuses, a person reads why, not the last line that it happened to print."""

from __future__ import annotations

import pytest

from .support import APP, Machine, banned, install_built, told

pytestmark = pytest.mark.fault_kind("H12", "wrong line shown")

REASON = "reason X: the profile of this app is locked"


def test_dpkgs_own_reason_is_shown(machine: Machine) -> None:
    install_built(machine.host, "deb", APP, before_removal=f"echo '{REASON}' >&2; exit 7")
    said = told(machine.ban(banned(deb=APP), backends=["apt"]))
    assert REASON in said
    assert "exit status 7" in said


@pytest.mark.long
def test_rpms_own_reason_is_shown(machine: Machine) -> None:
    install_built(machine.host, "rpm", APP, before_removal=f"echo '{REASON}' >&2; exit 7")
    said = told(machine.ban(banned(rpm=APP), backends=["dnf4"]))
    assert REASON in said
    assert "exit status 7" in said


@pytest.mark.long
def test_pacmans_own_reason_is_shown(machine: Machine) -> None:
    machine.host.install_file("pacman", APP)
    hook = "[Trigger]\nOperation = Remove\nType = Package\nTarget = *\n\n[Action]\nWhen = PreTransaction\nAbortOnFail\n"
    machine.host.write("/etc/refuse", f"#!/bin/sh\necho '{REASON}'\nexit 7\n", 0o755)
    machine.host.write("/etc/pacman.d/hooks/50-refuse.hook", hook + "Exec = /etc/refuse\n")
    said = told(machine.ban(banned(pacman=APP), backends=["pacman"]))
    assert REASON in said
    assert "failed to run transaction hooks" in said
