# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs it, from what; and the record of hosts that several processes write, under one lock of the process that runs them all."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock, RunLocked
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_policies
from ansible_collections.appban.endpoint.plugins.plugin_utils.host_record import (
    begin_record,
    classes_of,
    controller_process,
    give_back,
    plan_rows,
    record_of_hosts,
    resume_record,
)
from ansible_collections.appban.endpoint.plugins.plugin_utils.provenance import commit_of, find_provenance
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_instant import run_instant
from tests.support.records import HEADER, NOW

CHECKOUT = Path(__file__).resolve().parents[3]
RUN_ID = "20230315T000000Z"


def run(directory: Path, **more: Any) -> dict[str, Any]:
    return {"evidence_dir": str(directory), "run_id": RUN_ID, "target": "hosts", "user": "jana", "since": NOW, **more}


def test_the_commit_is_that_of_the_policys_repository(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@y.example", "-c", "commit.gpgsign=false"]
    (tmp_path / "policies").mkdir()
    policy = tmp_path / "policies" / "uk.yml"
    policy.touch()
    assert commit_of([str(policy), str(tmp_path / "nowhere" / "x.yml")]) == ""
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert commit_of([str(policy), str(policy)]) == head


@pytest.mark.fault_kind("R6", "the commit of a policy file that was changed since")
def test_a_policy_that_is_not_as_committed_marks_the_commit(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@y.example", "-c", "commit.gpgsign=false"]
    policy, other, link = tmp_path / "uk*.yml", tmp_path / "uk2.yml", tmp_path / "link.yml"
    policy.touch()
    other.touch()
    link.symlink_to(policy)
    (tmp_path / ".gitignore").write_text("mine.yml\n", encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    # Another file of the repository says nothing of the policy.
    other.write_text("changed", encoding="utf-8")
    assert commit_of([str(policy), str(link)]) == head
    for name in ("new.yml", "mine.yml"):
        (tmp_path / name).touch()
        assert commit_of([str(policy), str(tmp_path / name)]) == head + "-dirty"
    policy.write_text("changed", encoding="utf-8")
    for path in (policy, link):
        assert commit_of([str(path)]) == head + "-dirty"
    subprocess.run([*git, "add", "."], check=True)
    assert commit_of([str(policy)]) == head + "-dirty"


def test_without_git_there_is_no_commit_and_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of([str(CHECKOUT / "policies" / "uk.yml")]) == ""


@pytest.mark.fault_kind("R6", "the job, wherever an automation controller says it")
@pytest.mark.parametrize(
    ("variables", "environment", "job"),
    [
        ({"awx_job_id": 7, "tower_job_id": 8}, {"JOB_ID": "9"}, "7"),
        ({"tower_job_id": "8"}, {}, "8"),
        ({}, {"CI_JOB_ID": "10"}, "10"),
        ({}, {}, ""),
    ],
)
def test_who_runs_it_is_found_out(
    variables: dict[str, Any], environment: dict[str, str], job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JOB_ID", "AWX_JOB_ID", "CI_JOB_ID", "GITHUB_RUN_ID", "BUILD_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = find_provenance([], variables, True)
    assert (found.job, found.now_given) == (job, True)
    assert found.user
    assert found.host
    assert found.clock == found.wall_clock()


@pytest.mark.fault_kind("R1", "hosts: header, classes and plan are on disk before the next task runs")
def test_the_record_of_hosts_is_on_disk_step_by_step(tmp_path: Path) -> None:
    policies = read_policies([str(CHECKOUT / "policies" / "uk.yml")])
    decider = Decider(policies, run_instant("2023-03-20T09:00:00Z"))
    devices = [
        {"id": f"desk-{number}", "serial": f"SN-{number}", "platform": "linux", "ownership": owner, "user": "jana", "groups": ["town_hall"]}
        for number, owner in enumerate(["corporate", "corporate", "personal"])
    ]
    classes = classes_of(policies, decider.attributes, ((device, decider.decide(device)) for device in devices))
    assert begin_record(run(tmp_path), HEADER, "all", classes) == []
    partial = tmp_path / RUN_ID / "hosts.jsonl.partial"
    header, known = read_rows(str(partial))
    assert (header["row"], header["number"], header["evidence"]) == ("header", 1, "all")
    # Neither who uses it nor groups that nobody asks for.
    assert known["class"] == {"facts": {"ownership": "corporate", "platform": "linux"}}
    assert known["devices"] == [["desk-0", "SN-0"], ["desk-1", "SN-1"]]
    planned = {
        "changes": [{"op": "create", "kind": "file", "name": "/etc/x"}, {"op": "delete", "kind": "package", "name": "apt: app"}],
        "diff": [{"before_header": "file /etc/x", "before": "", "after": "block\n"}],
    }
    record = resume_record(run(tmp_path))
    record.add_plan(plan_rows("desk-0", planned, bans=True))
    record.abandon()
    rows = read_rows(str(partial))[2:]
    assert [(row["row"], row["host"], row["reaches"], row["releases"], row["after"]) for row in rows] == [
        ("plan", "desk-0", 1, 0, "block\n"),
        ("plan", "desk-0", 1, 0, None),
    ]
    record = resume_record(run(tmp_path))
    record.close(0, 0)
    assert verify_record(record.path)["planned"] == 2


def in_a_worker(task: Any, *arguments: Any) -> Any:
    """What a task says in a process of its own, as Ansible runs each."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    worker = context.Process(target=lambda: theirs.send(task(*arguments)))
    worker.start()
    try:
        return ours.recv()
    finally:
        worker.join()


def begun(directory: str, run_id: str) -> str:
    try:
        begin_record(run(Path(directory), run_id=run_id), HEADER, "all", [])
    except RunLocked as error:
        return str(error)
    return ""


@pytest.mark.fault_kind("R3", "hosts: the lock is that of the process that runs all tasks")
def test_a_lock_outlives_the_worker_that_took_it_and_not_the_run(tmp_path: Path) -> None:
    assert in_a_worker(controller_process) == os.getpid()
    assert in_a_worker(begun, str(tmp_path), RUN_ID) == ""
    told = json.loads((tmp_path / "hosts.lock").read_text(encoding="utf-8"))
    assert (told["pid"], told["user"], told["run_id"]) == (os.getpid(), "jana", RUN_ID)
    # Another ansible-playbook is another process.
    with pytest.raises(RunLocked, match=r"another run over this target is under way: jana \(process %d" % os.getpid()):
        RunLock(str(tmp_path), "hosts").claim({"run_id": "x", "user": "petr"}, os.getppid())
    # Batches of one play share the process.
    assert in_a_worker(begun, str(tmp_path), RUN_ID + "-2") == ""
    in_a_worker(give_back, run(tmp_path))
    RunLock(str(tmp_path), "hosts").claim({"run_id": "x", "user": "petr"}, os.getppid())


@pytest.mark.fault_kind("R3", "hosts: a part of a job has a lock of its own")
def test_parts_have_records_and_locks_of_their_own(tmp_path: Path) -> None:
    names = [record_of_hosts(part) for part in ("", "1of2", "2of2")]
    assert names == ["hosts", "hosts.part-1of2", "hosts.part-2of2"]
    for name in names:
        begin_record(run(tmp_path, target=name), HEADER, "all", [])
    assert len(list((tmp_path / RUN_ID).glob("*.partial"))) == 3
    for part in ("../x", "a b", "-x", "x" * 42):
        with pytest.raises(AppbanError, match="appban_part"):
            record_of_hosts(part)


@pytest.mark.fault_kind("R1", "hosts: what an interrupted run left is told")
def test_what_a_killed_run_left_is_told_by_the_next(tmp_path: Path) -> None:
    begin_record(run(tmp_path), HEADER, "all", [])
    [note] = begin_record(run(tmp_path, run_id=RUN_ID + "-2"), HEADER, "all", [])
    assert f"{RUN_ID}/hosts.jsonl.partial: it says what that run was about to do" in note
