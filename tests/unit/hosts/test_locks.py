# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for locks, with a clock of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import ChangeFailed, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.locks import Lock, waiting_for
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep, perform
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

HOLD = "import fcntl,sys;f=open(sys.argv[1],'r+');fcntl.lockf(f,fcntl.LOCK_EX);print(1,flush=True);sys.stdin.read()"
TRY = "import fcntl,sys;f=open(sys.argv[1],'r+');fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)"


class Clock:
    """Time passes only while somebody sleeps; something happens when it does."""

    def __init__(self, then: object = None) -> None:
        self.now = 0.0
        self.then = then

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if callable(self.then) and self.now >= 5:
            self.then()


def free(path: Path) -> bool:
    """Whether another process gets the lock."""
    return subprocess.run([sys.executable, "-c", TRY, str(path)], check=False, stderr=subprocess.DEVNULL).returncode == 0


def test_a_record_lock_is_held_meanwhile_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "lock-frontend"
    with waiting_for(Lock(str(path), 0, held=True, env={"TOLD": "true"})) as env:
        assert env == {"TOLD": "true"}
        assert not free(path)
    assert free(path)
    assert path.exists()


def test_a_record_lock_of_somebody_else_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        clock = Clock()
        with pytest.raises(ChangeFailed, match="after 60 seconds"), waiting_for(Lock(str(path), 60, held=True), clock, clock.sleep):
            pytest.fail("entered while somebody else has the lock")
        assert 60 <= clock.now < 61
        clock = Clock(lambda: other.poll() is None and other.communicate(""))
        with waiting_for(Lock(str(path), 60, held=True), clock, clock.sleep):
            assert 5 <= clock.now < 60
    assert path.exists()


def test_a_lock_file_is_waited_for_and_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "db.lck"
    path.touch()
    for held in (True, False):
        clock = Clock()
        said = "still uses the package manager" if held else "no process has the lock open.*fuser -v"
        # pacman has its lock open while it works; one that nobody has open was left by one that was killed.
        lock = waiting_for(Lock(str(path), 3), clock, clock.sleep)
        with path.open() if held else nullcontext(), pytest.raises(ChangeFailed, match=said), lock:
            pytest.fail("entered while somebody else has the lock")
        assert path.exists()
    clock = Clock(lambda: path.unlink(missing_ok=True))
    with waiting_for(Lock(str(path), 60), clock, clock.sleep):
        assert 5 <= clock.now < 6
    assert not path.exists()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ChangeFailed, match="cannot open"), waiting_for(Lock(str(tmp_path / "lock"), 0, held=True)):
        pytest.fail("took a lock through a link")
    assert not (tmp_path / "elsewhere").exists()


def test_the_command_runs_with_the_lock_held_but_not_inherited(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    script = f"import fcntl,os;fcntl.lockf(open({str(path)!r},'r+'),fcntl.LOCK_EX|fcntl.LOCK_NB)"
    # By its name on the search path: a checkout may lie where others may write, and nothing is run from there.
    step = CommandStep(("python3", "-c", script), ok=(1,), lock=Lock(str(path), 0, held=True))
    perform(step, System())
    told = CommandStep(("sh", "-c", '[ "$TOLD" = yes ]'), lock=Lock(str(path), 0, held=True, env={"TOLD": "yes"}))
    perform(told, System())


def test_check_mode_makes_no_lock_file(tmp_path: Path) -> None:
    with pytest.raises(WriteInCheckMode):
        perform(CommandStep(("true",), lock=Lock(str(tmp_path / "lock"), 0, held=True)), System(check_mode=True))
    assert os.listdir(tmp_path) == []
