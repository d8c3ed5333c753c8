# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_app's own code on a host of the lab, killed (SIGKILL, by itself) at any one of its writes.

The product knows nothing of it: a script on the host calls ``converge`` with the module's options and a System whose write verbs
count. A point is the moment before a write verb, before any single write that Python does for it (a file opened for writing, a
rename, a truncation: the interpreter's audit events), right after a command's process was started, and the moment after the last
verb. The moment after any other write is the one before the next: reads in between leave nothing.

    with prepared(lab, "start", prepare) as start:
        HostApp(lab.create("h", like=start)).kill(options, at=3)
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.modules.host_app import argument_spec

from .hosts import Host, Lab
from .inside import MODULE_UTILS, PACKAGE

# On the host's own file system, so that a host like it has it; no snapshot looks here.
PLACE = "/srv/appban-code"
NOW = "2026-11-22T00:00:00Z"

RUNNER = """
import functools, json, os, signal, subprocess, sys
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.converge import converge
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import parse_host_request
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

VERBS = ("write", "edit", "make_directory", "set_mode", "remove_file", "remove_found_file", "remove_empty_directory", "command")
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod", "os.chown", "os.setxattr"}
FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
asked = json.load(sys.stdin)
points = []
# The verbs that are being carried out, the inner one last, and whether each has written yet.
verbs = []
began = []


def point(what):
    points.append(what)
    if len(points) == asked["kill_at"]:
        os.kill(os.getpid(), signal.SIGKILL)


class Counting(System):
    pass


def counted(name):
    verb = getattr(System, name)

    @functools.wraps(verb)
    def call(self, *arguments, **options):
        what = arguments[0] if arguments else ""
        point("before %s %s" % (name, " ".join(what) if isinstance(what, (list, tuple)) else what))
        verbs.append(name)
        began.append(False)
        try:
            return verb(self, *arguments, **options)
        finally:
            verbs.pop()
            began.pop()

    return call


for name in VERBS:
    if hasattr(System, name):
        setattr(Counting, name, counted(name))


def audit(event, arguments):
    if not verbs:
        return
    if event == "open":
        # A number is a file that is open already.
        writes = isinstance(arguments[0], (str, bytes)) and isinstance(arguments[2], int) and arguments[2] & FOR_WRITING
    else:
        writes = event in WRITES
    if writes:
        # The first write of a verb begins where the verb does.
        if began[-1]:
            point("before %s %s" % (event, arguments[0]))
        began[-1] = True


started = subprocess.Popen.__init__


def start(self, *arguments, **options):
    started(self, *arguments, **options)
    if "command" in verbs:
        point("while a command runs")


sys.addaudithook(audit)
subprocess.Popen.__init__ = start
answer = {"error": ""}
try:
    report = converge(parse_host_request(asked["options"], asked["now"]), Counting(check_mode=asked["check"]))
    answer.update(report.to_plain())
    answer["error"] = report.message() or ""
except AppbanError as error:
    answer["error"] = str(error)
point("after the last write")
answer["points"] = points
json.dump(answer, sys.stdout)
"""


class NotKilled(AssertionError):
    """The run ended before it came to the point where it was to be killed, or in another way; the text says how."""


@dataclass(frozen=True)
class HostApp:
    """host_app on one host, with the code that put_code left there."""

    host: Host

    def run(self, options: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """What the module would return, with ``error`` (empty if none) and ``points``. Raises CalledProcessError with a traceback."""
        done = self._start(options, check, kill_at=0)
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, "host_app", done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def kill(self, options: Mapping[str, Any], at: int) -> None:
        """Runs until the point of that number (from 1), and waits for the commands that the dead run left running."""
        done = self._start(options, check=False, kill_at=at)
        # chroot is replaced by Python, so the signal is seen as such.
        if done.returncode != -signal.SIGKILL:
            raise NotKilled(f"point {at}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
        wait_for_processes(self.host)

    def _start(self, options: Mapping[str, Any], check: bool, kill_at: int) -> subprocess.CompletedProcess[str]:
        asked = {"options": {**defaults(), **options}, "now": NOW, "check": check, "kill_at": kill_at}
        return self.host.run(["python3", "-c", RUNNER], stdin=json.dumps(asked), env={"PYTHONPATH": PLACE}, timeout=300)


def defaults() -> dict[str, Any]:
    """host_app's options where a task names none."""
    return {name: option.get("default") for name, option in argument_spec().items()}


def put_code(host: Host, module_utils: Path = MODULE_UTILS) -> None:
    """Copies the code for hosts, of this checkout or of another release, and compiles it once for all runs."""
    shutil.rmtree(host.path(PLACE), ignore_errors=True)
    for room in ("engine", "hosts", "policy"):
        target = host.path(PLACE) / PACKAGE / room
        shutil.copytree(module_utils / room, target, ignore=shutil.ignore_patterns("__pycache__"))
    host.run(["python3", "-m", "compileall", "-q", PLACE], check=True)


@contextlib.contextmanager
def prepared(lab: Lab, name: str, prepare: Callable[[Host], None]) -> Iterator[Host]:
    """A host for others to begin like: preparing costs once."""
    host = lab.create(name)
    try:
        prepare(host)
        wait_for_processes(host)
        yield host
    finally:
        lab.destroy(host)


def wait_for_processes(host: Host, seconds: int = 120) -> None:
    """Waits until nothing runs on the host. Raises TimeoutError."""
    for process in host.processes():
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process)
            try:
                ended = select.poll()
                ended.register(descriptor, select.POLLIN)
                if not ended.poll(seconds * 1000):
                    raise TimeoutError(f"process {process} of {host.name} still runs after {seconds} s")
            finally:
                os.close(descriptor)
