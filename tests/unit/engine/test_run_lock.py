# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time over a target: two processes really, the holder's death, another machine that shares the directory."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock, RunLocked, TenantLock, TwoNames

ROOT = pathlib.Path(__file__).parents[3]
HOLDER = {"run_id": "20230315T000000Z", "since": "2023-03-15T08:00:00Z", "user": "ops"}
OTHER = {"run_id": "20230316T000000Z", "since": "2023-03-16T08:00:00Z", "user": "jane"}
# Takes the lock in the way that is asked for, says so, and lives until its input ends.
HOLD = """
    import os, sys
    from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock
    lock = RunLock(sys.argv[1], "tenant")
    holder = {"run_id": "20230316T000000Z", "since": "2023-03-16T08:00:00Z", "user": "jane"}
    lock.hold(holder) if sys.argv[2] == "hold" else lock.claim(holder, os.getpid())
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(directory: pathlib.Path, how: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(directory), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def take(directory: pathlib.Path, how: str) -> RunLock:
    lock = RunLock(str(directory), "tenant")
    if how == "hold":
        lock.hold(HOLDER)
    else:
        lock.claim(HOLDER, os.getpid())
    return lock


def told(directory: pathlib.Path) -> dict[str, Any]:
    text = (directory / "tenant.lock").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


@pytest.mark.fault_kind("R3", "two runs over a tenant or over hosts at once")
@pytest.mark.parametrize("mine", ["hold", "claim"])
@pytest.mark.parametrize("theirs", ["hold", "claim"])
def test_who_comes_second_is_told_who_holds_it_and_since_when(tmp_path: pathlib.Path, mine: str, theirs: str) -> None:
    with another_process(tmp_path, theirs) as process:
        with pytest.raises(RunLocked) as caught:
            take(tmp_path, mine)
        message = str(caught.value)
        assert f"jane (process {process.pid} on {socket.gethostname()}) since 2023-03-16T08:00:00Z, run 20230316T000000Z" in message
        assert "nothing was contacted" in message
        assert told(tmp_path)["run_id"] == "20230316T000000Z", "who was refused has changed nothing"


@pytest.mark.fault_kind("R3", "a holder that was killed")
@pytest.mark.parametrize("mine", ["hold", "claim"])
@pytest.mark.parametrize("theirs", ["hold", "claim"])
@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "not reaped"])
def test_the_holders_death_frees_it(tmp_path: pathlib.Path, mine: str, theirs: str, reaped: bool) -> None:
    with another_process(tmp_path, theirs) as process:
        process.send_signal(signal.SIGKILL)
        # Without being reaped it stays in the table of processes, as in a container whose first process reaps nobody.
        os.waitid(os.P_PID, process.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        lock = take(tmp_path, mine)
        assert told(tmp_path)["user"] == "ops"
        lock.release()


@pytest.mark.parametrize("mine", ["hold", "claim"])
def test_it_is_free_again_when_it_was_given_back(tmp_path: pathlib.Path, mine: str) -> None:
    lock = take(tmp_path, mine)
    if mine == "hold":
        lock.release()
        lock.release()
    else:
        lock.give_back(os.getpid())
    assert told(tmp_path) == {}
    take(tmp_path, "hold").release()
    take(tmp_path, "claim")


def test_other_targets_have_locks_of_their_own(tmp_path: pathlib.Path) -> None:
    with another_process(tmp_path, "hold"):
        other = RunLock(str(tmp_path), "other")
        other.hold(HOLDER)
        other.release()


def test_a_claim_is_renewed_by_who_has_it_and_given_back_by_nobody_else(tmp_path: pathlib.Path) -> None:
    take(tmp_path, "claim")
    RunLock(str(tmp_path), "tenant").claim(OTHER, os.getpid())
    assert told(tmp_path)["user"] == "ops", "one run is one claim, in however many tasks"
    RunLock(str(tmp_path), "tenant").give_back(os.getpid() + 1)
    assert told(tmp_path)["user"] == "ops"
    RunLock(str(tmp_path / "missing"), "tenant").give_back(os.getpid())
    assert not (tmp_path / "missing").exists()


def test_a_claim_outlives_the_task_that_made_it(tmp_path: pathlib.Path) -> None:
    """The file names the process that runs all tasks, here this one."""
    script = "import sys; from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock; "
    script += "RunLock(sys.argv[1], 'tenant').claim({'run_id': 'r', 'since': 's', 'user': 'ops'}, int(sys.argv[2]))"
    for _task in range(2):
        subprocess.run([sys.executable, "-c", script, str(tmp_path), str(os.getpid())], check=True, cwd=ROOT)
    with pytest.raises(RunLocked, match=r"ops \(process %d " % os.getpid()):
        RunLock(str(tmp_path), "tenant").hold(OTHER)


@pytest.mark.fault_kind("R3", "a run on another machine that shares the evidence directory")
@pytest.mark.parametrize("mine", ["hold", "claim"])
def test_a_holder_on_another_machine_holds_it_until_somebody_says_otherwise(tmp_path: pathlib.Path, mine: str) -> None:
    elsewhere = {**OTHER, "pid": 1, "started": "12", "host": "another.example"}
    (tmp_path / "tenant.lock").write_text(json.dumps(elsewhere), encoding="utf-8")
    with pytest.raises(RunLocked, match=r"jane \(process 1 on another\.example\).+If that machine is gone, remove the file"):
        take(tmp_path, mine)
    assert told(tmp_path) == elsewhere
    (tmp_path / "tenant.lock").unlink()
    take(tmp_path, mine).release()


def test_another_process_with_the_number_of_a_dead_one_holds_nothing(tmp_path: pathlib.Path) -> None:
    recycled = {**OTHER, "pid": os.getpid(), "started": "1", "host": socket.gethostname()}
    (tmp_path / "tenant.lock").write_text(json.dumps(recycled), encoding="utf-8")
    take(tmp_path, "hold").release()


@pytest.mark.parametrize(
    "content", ["", "\n", "[]", "half a li", "{}", '{"started": "1", "pid": "x", "host": null}', '{"started": [], "pid": {}}']
)
@pytest.mark.parametrize("mine", ["hold", "claim"])
def test_a_file_that_says_nothing_holds_nothing(tmp_path: pathlib.Path, content: str, mine: str) -> None:
    content = content.replace("null", json.dumps(socket.gethostname()))
    (tmp_path / "tenant.lock").write_text(content, encoding="utf-8")
    take(tmp_path, mine).release()


def test_a_directory_that_can_not_be_written_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    for how in ("hold", "claim"):
        with pytest.raises(EvidenceError, match=r"cannot write evidence: .+Choose a writable appban_evidence_dir"):
            take(tmp_path / "file", how)


def test_nobody_else_may_hold_it(tmp_path: pathlib.Path) -> None:
    """Whoever may read a file may lock it: others may not read this one."""
    take(tmp_path / "evidence", "hold").release()
    assert (tmp_path / "evidence" / "tenant.lock").stat().st_mode & 0o007 == 0


def tenant_lock(directory: pathlib.Path) -> TenantLock:
    return TenantLock(str(directory), "0123", "intune, tenant abc")


@pytest.mark.fault_kind("R3", "one tenant under two names")
def test_a_run_serves_a_tenant_under_one_name_and_another_run_under_any(tmp_path: pathlib.Path) -> None:
    first = tenant_lock(tmp_path)
    first.hold({**HOLDER, "name": "city"})
    for held in (True, False):
        with pytest.raises(TwoNames, match=r"^this tenant is in the inventory twice: city and town \(intune, tenant abc\)\. Leave one"):
            tenant_lock(tmp_path).hold({**HOLDER, "name": "town"})
        if held:
            with pytest.raises(RunLocked, match=r"another run over this target is under way: ops .*, run 20230315T000000Z"):
                tenant_lock(tmp_path).hold({**OTHER, "name": "town"})
        first.release()
    again = tenant_lock(tmp_path)
    again.hold({**HOLDER, "name": "city"})
    again.release()
    later = tenant_lock(tmp_path)
    later.hold({**OTHER, "name": "town"})
    later.release()
    assert [path.name for path in tmp_path.iterdir()] == [".tenant-0123.lock"]
