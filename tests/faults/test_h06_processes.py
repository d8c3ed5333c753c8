# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H6: what still runs from a removed app is known by what the kernel says of it, not by a name that it bears."""

from __future__ import annotations

import subprocess

import pytest

from .support import APP, Machine, banned, seen

# Whole runs on hosts of the lab take seconds each.
pytestmark = [
    pytest.mark.fault_kind("H6", "a script with an option of its interpreter is missed, and whoever names the app is accused"),
    pytest.mark.long,
]

PROGRAM = f"/opt/deb/{APP}/app"


@pytest.mark.parametrize("first", ["#!/usr/bin/python3 -s", "#!/usr/bin/env -S python3 -s", "#!/bin/sh -e"])
def test_a_script_whose_interpreter_has_an_option_still_runs(machine: Machine, first: str) -> None:
    machine.host.keep_managers(["apt"])
    machine.host.install("deb", APP)
    body = "import sys; sys.stdin.read()" if "python" in first else "read line"
    machine.host.write(PROGRAM, f"{first}\n{body}\n", 0o755)
    argv = ["chroot", "--userspec=1001:1001", str(machine.host.root), PROGRAM]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        first_run = machine.ban(banned(deb=APP))
        second_run = machine.ban(banned(deb=APP))
        process.communicate(b"\n")
    assert [len(seen(result)["running"]) for result in (first_run, second_run)] == [1, 1]
    assert seen(machine.ban(banned(deb=APP)))["running"] == []


def test_a_process_that_only_names_the_app_is_not_the_app(machine: Machine) -> None:
    machine.host.keep_managers(["apt"])
    machine.host.install("deb", APP)
    argv = ["chroot", "--userspec=1001:1001", str(machine.host.root), "tail", PROGRAM, "-f"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        result = machine.ban(banned(deb=APP))
        process.kill()
    assert seen(result)["running"] == []
