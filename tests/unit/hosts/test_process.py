# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running real commands: bounded waits, output in files, accounts, and the words of an error."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import process, system
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult, Interrupted, Person, run

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


DPKG_FAILED = """reason X
dpkg: error processing package tiktok-desktop (--purge):
 installed tiktok-desktop package pre-removal script subprocess returned error exit status 1
Errors were encountered while processing:
 tiktok-desktop
"""
DPKG_TOLD = (
    "reason X; dpkg: error processing package tiktok-desktop (--purge): "
    "installed tiktok-desktop package pre-removal script subprocess returned error exit status 1"
)


def shell(script: str, timeout: float = 30, person: Person | None = None) -> CommandResult:
    return run(("/bin/sh", "-c", script), ENVIRONMENT, person, timeout)


def test_what_a_command_says_and_how_it_ends() -> None:
    done = shell("echo out; echo err >&2; exit 3")
    assert (done.rc, done.stdout, done.stderr) == (3, "out\n", "err\n")
    missing = run(("/nowhere/at/all",), ENVIRONMENT, None, 5)
    assert missing.rc == 127
    assert "No such file" in missing.stderr


def test_a_daemon_that_keeps_the_output_open_is_not_waited_for() -> None:
    began = time.monotonic()
    done = shell("sleep 60 & echo started $!")
    assert done.rc == 0
    assert done.stdout.startswith("started ")
    assert time.monotonic() - began < 30
    os.kill(int(done.stdout.split()[1]), 9)


def test_a_command_that_does_not_end_is_ended_with_its_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "GRACE", 1)
    os.mkfifo(tmp_path / "alive")
    # The pipe ends when the last process that has it open for writing has ended.
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    done = shell(f"exec 3>{tmp_path}/alive; trap '' TERM; sleep 300 & wait; sleep 300", timeout=0.6)
    assert done.rc == 124
    assert "no end after" in done.stderr
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    assert poll.poll(30_000) == [(alive, select.POLLHUP)]
    os.close(alive)


def test_a_command_that_writes_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_OUTPUT", 1 << 20)
    monkeypatch.setattr(process, "_LOOK_EVERY", 0.05)
    done = run(("/bin/dd", "if=/dev/zero", "bs=65536"), ENVIRONMENT, None, 60)
    assert done.rc == 124
    assert "bytes of output" in done.stderr


def test_an_interrupted_run_lets_a_command_finish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The signal comes while the command runs; what it had begun is done when the interruption goes on."""
    waits = []

    class Waiter(process.threading.Thread):  # type: ignore[name-defined, misc]
        def join(self, timeout: float | None = None) -> None:
            waits.append(timeout)
            if len(waits) == 1:
                raise Interrupted("signal")
            super().join(timeout)

    monkeypatch.setattr(process.threading, "Thread", Waiter)
    with pytest.raises(Interrupted):
        shell(f"sleep 0.2; echo done >{tmp_path}/done")
    assert (tmp_path / "done").read_text() == "done\n"
    assert waits[1] == process.INTERRUPTED_GRACE


def test_files_of_a_command_have_the_modes_that_they_ask_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        shell(f"mkdir {tmp_path}/directory")
    finally:
        os.umask(before)
    assert (tmp_path / "directory").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_a_person_needs_no_right_to_log_in() -> None:
    # No account of this name is anywhere, so no PAM could let it in.
    done = shell("id -u; id -g; id -G; umask", person=Person("nobody-of-this-name", 54321, 54322, "/"))
    assert done.rc == 0, done.stderr
    assert done.stdout.split() == ["54321", "54322", "54322", "0022"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_a_person_writes_no_more_than_a_bound_and_little_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PERSON_FILE_LIMIT", 1 << 20)
    monkeypatch.setattr(process, "PERSON_OUTPUT", 1000)
    done = run(("/bin/dd", "if=/dev/zero", "bs=65536"), ENVIRONMENT, Person("nobody-of-this-name", 54321, 54322, "/"), 60)
    assert done.rc != 0
    assert len(done.stdout) == 1000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_many_accounts_that_hang_get_less_time_each(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def hang(argv: tuple[str, ...], env: object, person: object, timeout: float) -> CommandResult:
        given.append(timeout)
        return CommandResult(argv, 124, "", "")

    monkeypatch.setattr(system, "run", hang)
    host = system.System()
    for _account in range(5):
        host.query(("/bin/true",), run_as="nobody", rests_on=())
    host.query(("/bin/true",), rests_on=())
    assert given == [system.PERSON_TIMEOUT] * 3 + [system.HASTY_TIMEOUT] * 2 + [host.command_timeout]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_an_account_whose_seconds_are_used_up_runs_nothing_more_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "ACCOUNT_BUDGET", 1.0)
    host = system.System()
    slow = ("/bin/sleep", "60")
    assert host.query(slow, run_as="nobody", rests_on=()).rc == 124
    again = host.query(("/bin/true",), run_as="nobody", rests_on=())
    assert again.rc == 124
    assert "took too long before" in again.stderr
    assert host.query(("/bin/true",), run_as="daemon", rests_on=()).rc == 0
    monkeypatch.setattr(system, "PEOPLE_BUDGET", 0.5)
    assert host.query(("/bin/true",), run_as="daemon", rests_on=()).rc == 124
    assert host.query(("/bin/true",), rests_on=()).rc == 0


@pytest.mark.parametrize(
    ("stderr", "stdout", "told"),
    [
        ("", "", "no output"),
        ("", "one\ntwo\n", "two"),
        ("", "error: conflict\nmore\n", "error: conflict"),
        (DPKG_FAILED, "(Reading database ...)\n", DPKG_TOLD),
        ("a\x1b[31mb\x07c\n", "", "a [31mb c"),
        ("same\nsame\n", "", "same"),
        ("note 1\nnote 2\nnote 3\nnote 4\nE: it failed\n", "", "E: it failed"),
    ],
)
def test_an_error_is_told_in_its_own_words(stderr: str, stdout: str, told: str) -> None:
    assert CommandResult(("x",), 1, stdout, stderr).explain() == f"rc 1: {told}"
