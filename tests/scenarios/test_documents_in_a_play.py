# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real ansible-playbook shows of documents that can't be used, and of those that can."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import working_copy
import yaml

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


def test_validate_checks_everything_without_an_inventory(tmp_path: Path) -> None:
    policies, catalog = tmp_path / "policies", tmp_path / "catalog"
    policies.mkdir()
    catalog.mkdir()
    (policies / "bad.yml").write_text(BAD, encoding="utf-8")
    (policies / "uk.yml").write_text((CHECKOUT / "policies" / "uk.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (catalog / "chat.yml").write_text("id: chat\ntitle: Chat\nvendor: us\nidentifiers: {dep: []}\n", encoding="utf-8")
    (tmp_path / "assets.csv").write_text("serial,paid\n,x\n", encoding="utf-8")
    done = play(
        tmp_path,
        "appban.endpoint.validate",
        policy_file="policies",
        appban_catalog_dirs=["catalog"],
        appban_assets="assets.csv",
        appban_now="2023-03-20T09:00:00Z",
    )
    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 2
    problems = [line for line in said if "found " in line and "expected " in line]
    assert len(problems) == len(set(problems))
    assert {line.split(":")[0] for line in problems} == {
        str(path) for path in (policies / "bad.yml", catalog / "chat.yml", tmp_path / "assets.csv")
    }
    assert f"{policies}/uk.yml: good, uk (enforced) with 1 app, 4 under review, 1 rule, 0 exemptions" in said
    assert not (tmp_path / "evidence").exists()
    assert not [line for line in said if "Origin" in line or "validate.yml" in line]


def test_validate_of_good_documents_succeeds(tmp_path: Path) -> None:
    done = play(tmp_path, "appban.endpoint.validate", policy_file=str(CHECKOUT / "policies"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": good, ") == len(list((CHECKOUT / "policies").glob("*.yml")))
    nothing = play(tmp_path, "appban.endpoint.validate")
    assert nothing.returncode == 2
    assert "Run with -e policy_file=PATH" in nothing.stdout + nothing.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the collection under a name of its own, as a git hook's manager keeps it."""
    directory = tmp_path_factory.mktemp("hooks") / "repo1a2b3c"
    for path in working_copy.our_files():
        if path.parts[0] in ("plugins", "catalog", "docs", ".pre-commit-hooks.yaml"):
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / path, target)
    return directory


def hook(clone: Path, directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The hook as pre-commit calls a script: the entry below the clone, in the user's repository."""
    (said,) = yaml.safe_load((clone / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (said["id"], said["language"], said["pass_filenames"]) == ("appban-validate", "script", False)
    command = [str(clone / said["entry"]), *(arguments or said["args"])]
    variables = {"PATH": os.environ["PATH"], "APPBAN_PYTHON": sys.executable, **environment}
    return subprocess.run(command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_hook_checks_a_users_repository_from_a_clone(clone: Path, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "uk.yml").write_text((CHECKOUT / "policies" / "uk.yml").read_text(encoding="utf-8"), encoding="utf-8")
    before = sorted(clone.rglob("*"))
    done = hook(clone, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "policies/uk.yml: good, uk (enforced) with 1 app, 4 under review, 1 rule, 0 exemptions"
    # The clone stays as it is.
    assert sorted(clone.rglob("*")) == before

    (policies / "bad.yml").write_text(BAD, encoding="utf-8")
    (tmp_path / "assets.csv").write_text("serial,paid\n,x\n", encoding="utf-8")
    done = hook(clone, tmp_path, "--assets", "assets.csv", "--now", "2023-03-20T09:00:00Z", "policies")
    assert done.returncode == 1
    for line in LINES:
        assert f"policies/bad.yml:{line}" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "4 problems in 2 documents"


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--now", "today", "policies"), ("--assets",)])
def test_the_hooks_wrong_arguments_are_a_line_and_a_one(clone: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = hook(clone, tmp_path, *arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_without_pyyaml_is_told_what_to_install(clone: Path, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    done = hook(clone, tmp_path, APPBAN_PYTHON=str(bare))
    assert done.returncode == 1
    assert "lacks PyYAML and jmespath; install them (pip install PyYAML jmespath), or set APPBAN_PYTHON" in done.stderr
