# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real ansible-playbook against hosts of the lab and returns what it did, for people and as data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import chroot
from .community_general import ensure_community_general
from .hosts import Host
from .root import CHECKOUT, LAB_DIRECTORY

CONNECTION = "community.general.chroot"
CALLBACKS = Path(__file__).resolve().parent / "callback_plugins"
WARNING = re.compile(r"^\[(?:WARNING|DEPRECATION WARNING|ERROR)\].*", re.MULTILINE)


class WarningPrinted(AssertionError):
    """Ansible printed a warning, a deprecation or an error where none may be; the text holds each of them."""


class PlayFailed(AssertionError):
    """A play that had to succeed did not; the text holds its whole output."""


@dataclass(frozen=True)
class TaskResult:
    """What one task did on one host; status is ok, failed, ignored, skipped or unreachable."""

    host: str
    task: str
    action: str
    status: str
    changed: bool
    result: Mapping[str, Any]


@dataclass(frozen=True)
class PlayResult:
    """A finished run: exit code, both streams, every task result, and per host the counters of the recap."""

    returncode: int
    stdout: str
    stderr: str
    tasks: tuple[TaskResult, ...]
    # host -> ok, changed, failures, unreachable, skipped, rescued, ignored
    recap: Mapping[str, Mapping[str, int]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The first line of every warning, deprecation and error that was printed."""
        return tuple(WARNING.findall(self.stdout + "\n" + self.stderr))

    def changed(self) -> int:
        """The number of changed tasks, over all hosts."""
        return sum(counters["changed"] for counters in self.recap.values())

    def of(self, host: str, action: str | None = None) -> tuple[TaskResult, ...]:
        """The results of one host, in order; of one action (full name) if given."""
        return tuple(task for task in self.tasks if task.host == host and action in (None, task.action))


def write_inventory(
    path: Path,
    hosts: Iterable[Host],
    *,
    group: str = "appban_hosts",
    variables: Mapping[str, Any] | None = None,
    host_variables: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Writes an inventory (JSON, which is YAML) with the hosts in one group; host_variables is keyed by the host's name."""
    entries = {
        host.name: {
            "ansible_host": str(host.root),
            "ansible_connection": CONNECTION,
            "ansible_python_interpreter": "/usr/bin/python3",
            **(host_variables or {}).get(host.name, {}),
        }
        for host in hosts
    }
    document = {"all": {"children": {group: {"hosts": entries, "vars": dict(variables or {})}}}}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


# Where the programs of the Ansible are that the tests run on.
PROGRAMS = Path(sys.executable).parent


def ansible_environment(extra: Mapping[str, str] | None = None, programs: Path = PROGRAMS) -> dict[str, str]:
    """The environment of every Ansible run of the lab: nothing of the person's own configuration, and pipelining.

    extra: more variables. programs: the directory of the Ansible to run, ``bin`` of a virtual environment.
    """
    home = LAB_DIRECTORY / "ansible"
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "ansible.cfg"
    if not configuration.exists():
        configuration.touch()
    collections = ensure_community_general()
    keep = {key: os.environ[key] for key in ("PYTHONPATH", "TMPDIR") if key in os.environ}
    return {
        **keep,
        # The connection hands the environment down into the hosts.
        "PATH": f"{programs}:{chroot.PATH}",
        "HOME": chroot.ROOT.home,
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_COLLECTIONS_PATH": f"{CHECKOUT / '.build' / 'c'}:{collections}",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        # /tmp of a host is in memory: what Ansible itself drops is no write to the host.
        "ANSIBLE_REMOTE_TMP": "/tmp",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "lab_events",
        **(extra or {}),
    }


def run_playbook(
    playbook: str | Path,
    inventory: Path,
    *,
    extra_vars: Mapping[str, Any] | None = None,
    check: bool = False,
    diff: bool = False,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path = CHECKOUT,
    forbid_warnings: bool = True,
    must_succeed: bool = True,
    timeout: float = 600,
    programs: Path = PROGRAMS,
) -> PlayResult:
    """Runs ansible-playbook on a file or a playbook of a collection (appban.endpoint.enforce); programs: as in ansible_environment.

    Raises PlayFailed when the exit code is not 0 (unless must_succeed is false) and WarningPrinted when anything was
    warned about (unless forbid_warnings is false); a run that fails may print errors, so only warnings are judged then.
    """
    command = ["-i", str(inventory), *(["--check"] if check else []), *(["--diff"] if diff else []), *arguments]
    if extra_vars:
        command += ["-e", json.dumps(dict(extra_vars))]
    return _run("playbook", [*command, str(playbook)], env, cwd, forbid_warnings, must_succeed, timeout, programs)


def run_module(
    hosts: str,
    module: str,
    inventory: Path,
    *,
    arguments: Mapping[str, Any] | None = None,
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
    forbid_warnings: bool = True,
    must_succeed: bool = True,
    timeout: float = 600,
    programs: Path = PROGRAMS,
) -> PlayResult:
    """Runs one module on a pattern of hosts with the real ansible-playbook; arguments keep their types. Raises as run_playbook."""
    play = [{"hosts": hosts, "gather_facts": False, "tasks": [{"name": module, module: dict(arguments or {})}]}]
    with tempfile.TemporaryDirectory(prefix="lab.") as directory:
        playbook = Path(directory) / "play.yml"
        playbook.write_text(json.dumps(play, indent=2), encoding="utf-8")
        options = ["-i", str(inventory), *(["--check"] if check else []), *(["--diff"] if diff else [])]
        return _run("playbook", [*options, str(playbook)], env, CHECKOUT, forbid_warnings, must_succeed, timeout, programs)


def _run(
    tool: str,
    arguments: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: Path,
    forbid_warnings: bool,
    must_succeed: bool,
    timeout: float,
    programs: Path,
) -> PlayResult:
    command = [str(programs / f"ansible-{tool}"), *arguments]
    with tempfile.TemporaryDirectory(prefix="lab.") as directory:
        events = Path(directory) / "events.jsonl"
        environment = ansible_environment({"LAB_EVENTS": str(events), **(env or {})}, programs)
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
        lines = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()] if events.exists() else []
    tasks = tuple(TaskResult(**line) for line in lines if "recap" not in line)
    recap: Mapping[str, Mapping[str, int]] = next((line["recap"] for line in lines if "recap" in line), {})
    result = PlayResult(done.returncode, done.stdout, done.stderr, tasks, recap)
    if must_succeed and done.returncode != 0:
        raise PlayFailed(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    printed = [line for line in result.warnings if must_succeed or not line.startswith("[ERROR]")]
    if forbid_warnings and printed:
        raise WarningPrinted("\n".join(printed) + f"\n\n{done.stdout}\n{done.stderr}")
    return result
