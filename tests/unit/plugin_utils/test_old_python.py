# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message for a host whose Python is too old, from what the versions of ansible-core returned for one."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.plugin_utils.old_python import old_python_message

PYTHON = "/usr/bin/python"
SYNTAX = {
    "failed": True,
    "changed": False,
    "rc": 1,
    "module_stdout": "",
    "module_stderr": 'Traceback (most recent call last):\n  File "AnsiballZ_host_app.py", line 107\nSyntaxError: invalid syntax\n',
}
# Recorded: ansible-core 2.16.19, 2.18.19, and 2.22.0rc1.
CRASHES = {
    "2.16": {**SYNTAX, "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error"},
    "2.18": {**SYNTAX, "msg": "MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error"},
    "2.22": {**SYNTAX, "msg": "Module result deserialization failed: No start of json char found"},
}
REFUSALS = {
    "2.18": "ansible-core requires a minimum of Python version 3.8. Current version: 3.7.16 (default, May  9 2026, 07:31:42) [GCC 12.2.0]",
    "2.22": "Ansible requires Python 3.9 or newer on the target. Current version: 3.8.18 (default, May  9 2026, 07:33:04) [GCC 12.2.0]",
}
# What a login shell may print before.
BANNER = "Welcome to desk 7\n"


def say(result: dict[str, Any], version: str) -> str | None:
    return old_python_message(result, PYTHON, lambda command: f"{BANNER}python={version}\n")


@pytest.mark.parametrize("core", CRASHES)
def test_a_crash_is_explained_by_the_python_that_was_found(core: str) -> None:
    message = say(CRASHES[core], "2.7.18")
    assert message is not None
    assert "/usr/bin/python is Python 2.7.18, and 3.8 or later is needed" in message
    assert "ansible_python_interpreter" in message
    assert "\n" not in message


@pytest.mark.parametrize(("core", "found", "needed"), [("2.18", "3.7.16", "3.8"), ("2.22", "3.8.18", "3.9")])
def test_what_ansible_core_refuses_itself_is_said_in_the_same_words(core: str, found: str, needed: str) -> None:
    message = say({"failed": True, "msg": REFUSALS[core]}, found)
    assert message is not None
    assert f"Python {found}, and {needed} or later is needed" in message


@pytest.mark.parametrize("version", ["3.8.0", "3.11.2", "4.0.0"])
def test_a_crash_on_a_newer_python_keeps_its_own_words(version: str) -> None:
    assert say(CRASHES["2.16"], version) is None


@pytest.mark.parametrize("answer", ["", "sh: 1: /usr/bin/python: not found\n", "python=?\n"])
def test_a_python_that_could_not_be_asked_is_not_guessed(answer: str) -> None:
    assert old_python_message(CRASHES["2.16"], PYTHON, lambda command: answer) is None


@pytest.mark.parametrize(
    "result", [{"changed": True}, {"failed": True, "msg": "refused_protected"}, {"unreachable": True, "msg": "no route"}]
)
def test_nothing_is_asked_of_a_host_whose_module_answered(result: dict[str, Any]) -> None:
    asked: list[str] = []

    def run(command: str) -> str:
        asked.append(command)
        return "python=2.7.18\n"

    assert old_python_message(result, PYTHON, run) is None
    assert asked == []


def test_the_question_is_understood_by_a_real_shell_and_a_real_python() -> None:
    answers: list[str] = []

    def run(command: str) -> str:
        answers.append(subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout)
        return answers[-1]

    assert old_python_message(CRASHES["2.16"], sys.executable, run) is None
    assert answers == ["python=%d.%d.%d\n" % sys.version_info[:3]]
