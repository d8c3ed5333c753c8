# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real ansible-playbook shows of documents that can't be used, and of those that can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import working_copy

CHECKOUT = working_copy.CHECKOUT
BAD = """\
policy: city
title: City
apps: [tik-tok]
effective:
  from: 2023-03-10T00:00:00Z
rules:
  - name: Work devices
    when: {ownership: corprate}
    actions: [blok]
"""
LINES = {
    "3:8: apps[0]: found 'tik-tok', expected the id of an app in the catalog, or an app as a mapping (did you mean tiktok?)",
    "8:23: rules[0].when.ownership: found 'corprate', expected one of corporate, personal, shared (did you mean corporate?)",
}


def play(directory: Path, playbook: str, *arguments: str, **extra: object) -> subprocess.CompletedProcess[str]:
    """One run of the real command, called in a directory of its own."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), playbook, *arguments, "-e", json.dumps(extra)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build" / "c"),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    path = tmp_path / "inventory.yml"
    path.write_text("appban_hosts: {hosts: {desk-1: {ansible_connection: local}, desk-2: {ansible_connection: local}}}\n", encoding="utf-8")
    return str(path)


def test_a_refused_policy_is_told_once_line_by_line_and_without_our_own_playbook(tmp_path: Path, inventory: str) -> None:
    (tmp_path / "city.yml").write_text(BAD, encoding="utf-8")
    (tmp_path / "assets.csv").write_text("serial,paid\nS1\n", encoding="utf-8")
    done = play(tmp_path, "appban.endpoint.enforce", "-i", inventory, policy_file="city.yml", appban_assets="assets.csv")
    said = done.stdout + done.stderr
    assert done.returncode == 2
    for line in LINES:
        assert said.count(line) == 1
        assert f"{tmp_path}/city.yml:{line}" in said.splitlines()
    # All documents at once.
    assert said.count("line 2: found 1 cells") == 1
    assert "The documents can't be used; nothing was contacted: 4 problems" in said
    for word in ("Origin", "enforce.yml", "Traceback", "traceback"):
        assert word not in said
    (run,) = (tmp_path / "evidence").glob("*/run.json")
    told = json.loads(run.read_text(encoding="utf-8"))
    assert told["status"] == "refused"
    assert all(line in told["message"] for line in LINES)


def test_one_problem_is_in_the_message_itself(tmp_path: Path, inventory: str) -> None:
    (tmp_path / "city.yml").write_text("policy: city\ntitle: 'City\n", encoding="utf-8")
    done = play(tmp_path, "appban.endpoint.enforce", "-i", inventory, policy_file="city.yml")
    said = done.stdout + done.stderr
    assert said.count("city.yml:2:8: found a quote that is never closed") == 1
    assert "expected the closing quote" in said
    assert "Origin" not in said
