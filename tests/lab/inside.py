# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend driven inside a host of the lab, by the host's own Python, as the module would drive it.

    apt = Inside(lab_host, "apt.backend", "Apt")
    apt.installed("tiktok-desktop")
    apt.remove("tiktok-desktop")                      # plans, carries out, verifies each change
    first = apt.block(["tiktok-desktop"], strong=["tiktok-desktop"])
    apt.block([], owned=first["owned"])               # lift

Called with ``check=True`` nothing is carried out, and the host's door refuses every write. The code is copied to /run, which
is a memory file system of its own in every host, so it is no write to the host.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .hosts import Host

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
PLACE = "/run/appban-code"
PACKAGE = "ansible_collections/appban/endpoint/plugins/module_utils"

RUNNER = """
import dataclasses, importlib, json, subprocess, sys
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import backend as protocol
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.basis import unchanged
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import perform
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

request = json.load(sys.stdin)
system = System(check_mode=request["check"])
module = importlib.import_module("ansible_collections.appban.endpoint.plugins.module_utils.hosts." + request["module"])
backend = getattr(module, request["class"])(system, **request["arguments"])


def carry_out(changes):
    problems = []
    for change in changes:
        try:
            perform(change.step, system)
            problem = backend.verify(change)
        except AppbanError as error:
            problem = str(error)
        if problem:
            problems.append(problem)
    return problems


def plain(change):
    return {key: getattr(change, key) for key in ("op", "kind", "name", "before", "after", "needs")}


answer = {}
if request["op"] == "version":
    answer["version"] = backend.version()
elif request["op"] == "installed":
    answer["packages"] = [dataclasses.asdict(each) for each in backend.installed(frozenset(request["names"]))]
elif request["op"] == "unchanged":
    answer["unchanged"] = unchanged(request["basis"])
elif request["op"] == "files":
    answer["files"] = backend.files(backend.installed(frozenset(request["names"])))
else:
    if request["op"] == "remove":
        packages = backend.installed(frozenset(request["names"]))
        plan = backend.plan_removal(protocol.RemovalRequest(packages, request["allow_dependents"], request["lock_timeout"]))
        answer["removes"] = [dataclasses.asdict(each) for each in plan.removes]
        answer["dependents"] = plan.dependents
        answer["refusals"] = [dataclasses.asdict(each) for each in plan.refusals]
    else:
        asked = protocol.BlockRequest(
            names=tuple(sorted(request["names"])),
            strong=frozenset(request["strong"]),
            present=frozenset(request["present"]),
            comment=tuple(request["comment"]),
            providers=request["providers"],
        )
        plan = backend.plan_block(asked, request["owned"])
        answer["blocks"] = [each.to_plain() for each in plan.blocks]
        for key in ("unblocked", "drift", "notes"):
            answer[key] = getattr(plan, key)
        answer["owned"] = dict(plan.owned)
        answer["unsupported"] = dict(plan.unsupported)
        answer["overridden"] = dict(plan.overridden)
        answer["proof"] = plan.proof
        answer["undeclared"] = system.basis.undeclared
        answer["basis"] = system.basis.to_plain()
    answer["changes"] = [plain(change) for change in plan.changes]
    if request["between"]:
        subprocess.run(request["between"], check=True, stdout=subprocess.DEVNULL)
    answer["problems"] = [] if request["check"] else carry_out(plan.changes)
answer["writes"] = system.writes
answer["reads"] = system.reads
json.dump(answer, sys.stdout)
"""


def _put_code(host: Host) -> None:
    """Copies the code to a host, compiled: every question is a process of its own, and would compile all of it again."""
    # One copy for all hosts of a lab, beside them in its memory. Only the hosts' own Python can compile for it.
    compiled = host.root.parent.parent / "compiled-code"
    if not compiled.exists():
        for room in ("engine", "hosts", "policy"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(MODULE_UTILS / room, host.path(PLACE) / PACKAGE / room, ignore=ignore)
        host.run(["python3", "-m", "compileall", "-q", PLACE], check=True)
        shutil.copytree(host.path(PLACE), compiled)
    else:
        shutil.copytree(compiled, host.path(PLACE))


class Inside:
    """One backend on one host.

    Args:
        host: the host.
        module: the backend's file in hosts/ as a dotted path (``apt.backend``).
        name: its class.
        arguments: keyword arguments of its constructor beside the system.
    """

    def __init__(self, host: Host, module: str, name: str, **arguments: Any) -> None:
        self.host = host
        self.call = {"module": module, "class": name, "arguments": arguments}
        if not host.path(PLACE).exists():
            _put_code(host)

    def ask(self, op: str, check: bool = False, **fields: Any) -> dict[str, Any]:
        """Sends one request; returns the answer. Raises CalledProcessError with the host's traceback."""
        request = {"op": op, "check": check, "between": [], **self.call, **fields}
        done = self.host.run(
            ["python3", "-c", RUNNER], stdin=json.dumps(request), env={"PYTHONPATH": PLACE, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=300
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, [op], done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def version(self) -> str | None:
        """The backend's version()."""
        version: str | None = self.ask("version", check=True)["version"]
        return version

    def installed(self, *names: str) -> list[dict[str, Any]]:
        """The backend's installed(), each package as a mapping."""
        packages: list[dict[str, Any]] = self.ask("installed", check=True, names=names)["packages"]
        return packages

    def is_unchanged(self, answer: Mapping[str, Any]) -> bool:
        """Whether everything that an answer of block() rests on is as it was, so that it may be used again."""
        same: bool = self.ask("unchanged", check=True, basis=answer["basis"])["unchanged"]
        return same

    def files(self, *names: str) -> list[str]:
        """The backend's files() of what is installed of the names."""
        files: list[str] = self.ask("files", check=True, names=names)["files"]
        return files

    def remove(
        self,
        *names: str,
        allow_dependents: bool = False,
        lock_timeout: int = 20,
        check: bool = False,
        between: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Plans the removal of what is installed of the names and carries it out; between the two, somebody runs a command."""
        return self.ask(
            "remove", check=check, names=names, allow_dependents=allow_dependents, lock_timeout=lock_timeout, between=list(between)
        )

    def block(
        self,
        names: Iterable[str],
        *,
        owned: Mapping[str, Any] | None = None,
        strong: Iterable[str] = (),
        present: Iterable[str] = (),
        comment: Iterable[str] = ("city-tiktok",),
        providers: bool = True,
        check: bool = False,
    ) -> dict[str, Any]:
        """Plans the block of exactly these names and carries it out; no names lift it."""
        return self.ask(
            "block",
            check=check,
            names=list(names),
            strong=list(strong),
            present=list(present),
            comment=list(comment),
            providers=providers,
            owned=dict(owned or {}),
        )


@contextlib.contextmanager
def holder(host: Host, script: str) -> Iterator[None]:
    """Runs a Python script on the host that takes something, prints a line once it has it, and ends when its input ends."""
    argv = ["chroot", str(host.root), "python3", "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline(), "the holder ended before it had anything"
        yield
        process.communicate("")
