# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts beside the documentation: called by a link, with a Python that is none, and in the wrong way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from working_copy import CHECKOUT

pytestmark = pytest.mark.fault_kind("D4", "scripts that are called another way than their makers thought")

VALIDATE, RUN_STATUS = CHECKOUT / "docs" / "validate.sh", CHECKOUT / "docs" / "run-status.sh"
USAGE = "usage: run-status.sh EVIDENCE_DIR [RUN_ID [PART]]"
RUN = "20230320T090000Z"


def called(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "APPBAN_PYTHON": sys.executable, **environment}
    return subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)


def test_validate_works_through_links(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "docs").symlink_to(VALIDATE.parent)
    (tmp_path / "absolute").symlink_to(VALIDATE)
    (tmp_path / "hooks" / "relative").symlink_to("../absolute")
    (tmp_path / "assets.csv").write_text("serial,paid\nS1,x\n", encoding="utf-8")
    for script in (tmp_path / "absolute", tmp_path / "hooks" / "relative", tmp_path / "docs" / "validate.sh", VALIDATE):
        done = called("sh", script, "--assets", tmp_path / "assets.csv")
        assert (done.returncode, done.stderr) == (0, ""), script
        assert done.stdout.endswith("all documents can be used\n")


@pytest.mark.parametrize("python", ["/nowhere/python3", "no-such-python", "/tmp"])
def test_a_python_that_is_none_is_said_and_ends_with_1(python: str) -> None:
    done = called("sh", VALIDATE, "policy.yml", APPBAN_PYTHON=python)
    said = f"validate.sh: APPBAN_PYTHON is {python}, which is no program; set it to a Python 3.10 or later with PyYAML and jmespath\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_without_any_python_it_says_what_to_set(tmp_path: Path) -> None:
    for name in ("sh", "dirname", "readlink"):
        (tmp_path / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    done = called("/bin/sh", VALIDATE, "policy.yml", APPBAN_PYTHON="", PATH=str(tmp_path))
    said = "validate.sh: there is no program python3; set APPBAN_PYTHON to a Python 3.10 or later with PyYAML and jmespath\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_run_status_says_how_it_is_called(option: str) -> None:
    done = called("sh", RUN_STATUS, option)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == USAGE


@pytest.mark.parametrize("file", ["run.json", "run.part-a.json"])
def test_run_status_of_a_runs_own_directory_says_how_it_is_called(file: str, tmp_path: Path) -> None:
    directory = tmp_path / "evidence" / RUN
    directory.mkdir(parents=True)
    (directory / file).write_text('{\n  "status": "clean",\n}\n', encoding="utf-8")
    for given in (str(directory), f"{directory}/"):
        done = called("sh", RUN_STATUS, given)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines() == [
            f"{given} is the directory of one run: run-status.sh {tmp_path}/evidence {RUN}",
            USAGE,
        ]
