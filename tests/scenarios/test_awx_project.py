# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that the documentation gives for an AWX project is the collection's own, under a name that AWX takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.lab.playbook import ansible_environment
from tests.lab.root import CHECKOUT


def plays(playbook: str, directory: Path) -> list[str]:
    listing = ["ansible-playbook", "-i", "localhost,", "--list-tasks", playbook]
    done = subprocess.run(listing, cwd=directory, env=ansible_environment(), capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines() if "play #" in line or "TAGS:" in line]


def test_the_project_file_of_the_documentation_has_the_plays_of_enforce(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "docs" / "awx-project.yml", tmp_path / "enforce.yml")
    listed = plays("enforce.yml", tmp_path)
    assert len(listed) > 10
    assert listed == plays("appban.endpoint.enforce", tmp_path)
