# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that can't be a lab is told why and what to do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.lab import prerequisites
from tests.lab.apt_sources import NoArchive


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that has everything; a test takes something away."""
    monkeypatch.setattr(prerequisites, "codename", lambda: "bookworm")
    monkeypatch.setattr(prerequisites, "debian_sources", lambda release: f"deb http://mirror.example/debian {release} main\n")
    monkeypatch.setattr(prerequisites, "_mount_problem", list)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return monkeypatch


def test_nothing_is_missing(machine: pytest.MonkeyPatch) -> None:
    assert prerequisites.missing_prerequisites() == []


def test_not_debian_and_not_root_are_said_at_once(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(prerequisites, "codename", lambda: "")
    machine.setattr(os, "geteuid", lambda: 1000)
    problems = prerequisites.missing_prerequisites()
    assert [problem.split(":", maxsplit=1)[0] for problem in problems] == ["this machine is not Debian", "not root"]


def test_a_tool_that_cannot_be_installed(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installer = tmp_path / "install_tools.sh"
    installer.write_text("#!/bin/sh\necho 'no package lists' >&2\nexit 1\n", encoding="utf-8")
    installer.chmod(0o755)
    machine.setattr("shutil.which", lambda name: None)
    machine.setattr(prerequisites, "INSTALLER", installer)
    said: list[str] = []
    problems = prerequisites.missing_prerequisites(said.append)
    assert len(problems) == 1
    assert problems[0].endswith(f"run {installer} by hand. It said: no package lists")
    assert said == ["installing mmdebstrap"]


def test_no_archive(machine: pytest.MonkeyPatch) -> None:
    def nothing(release: str) -> str:
        raise NoArchive(f"no source for {release}")

    machine.setattr(prerequisites, "debian_sources", nothing)
    assert prerequisites.missing_prerequisites() == ["no archive to build from: no source for bookworm"]


def run_installer(tmp_path: Path, *arguments: str, status: str, uid: int) -> subprocess.CompletedProcess[str]:
    """Runs the real script on a machine made of three fake tools; apt-get leaves a file behind when it is called."""
    tools = {
        "dpkg-query": f"#!/bin/sh\nprintf '%s' '{status}'\n",
        "id": f"#!/bin/sh\necho {uid}\n",
        "apt-get": f'#!/bin/sh\necho "$@" >> {tmp_path}/apt-calls\n[ "$2" = update ] || [ -e {tmp_path}/apt-works ]\n',
    }
    for name, content in tools.items():
        tool = tmp_path / name
        tool.write_text(content, encoding="utf-8")
        tool.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(prerequisites.INSTALLER), *arguments],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_installer_does_nothing_when_all_is_there(tmp_path: Path) -> None:
    done = run_installer(tmp_path, status="install ok installed", uid=1000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("arguments", "exit_code"), [((), 1), (("--optional",), 0)])
def test_installer_without_root_says_what_to_install(tmp_path: Path, arguments: tuple[str, ...], exit_code: int) -> None:
    done = run_installer(tmp_path, *arguments, status="deinstall ok config-files", uid=1000)
    assert done.returncode == exit_code
    assert "Install them as root: apt-get install mmdebstrap" in done.stderr
    assert not (tmp_path / "apt-calls").exists()


def test_installer_fetches_the_lists_only_when_needed(tmp_path: Path) -> None:
    (tmp_path / "apt-works").touch()
    assert run_installer(tmp_path, status="", uid=0).returncode == 0
    assert len((tmp_path / "apt-calls").read_text(encoding="utf-8").splitlines()) == 1


def test_installer_reports_a_failure(tmp_path: Path) -> None:
    done = run_installer(tmp_path, status="", uid=0)
    assert done.returncode == 1
    assert "could not install: mmdebstrap" in done.stderr
    calls = (tmp_path / "apt-calls").read_text(encoding="utf-8").splitlines()
    assert ["update" in call for call in calls] == [False, True, False]
