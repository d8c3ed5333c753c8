# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record around a run of the real playbook: where it is, who made it, what it came to, and what it says of a run that was stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows
from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock
from tests.lab.community_general import ensure_community_general
from tests.lab.playbook import PROGRAMS, ansible_environment, run_playbook
from tests.support.estate import CHECKOUT, ENFORCE, NOW, UK, Estate
from tests.support.records_and_schemas import KILLER, held_by_schemas

HOST = {"desk": {"ansible_connection": "local"}}
RUN_ID = "20230320T090000Z"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a user installs it: built from the working copy, and put where Ansible looks."""
    directory = tmp_path_factory.mktemp("installed")
    # Where the working copy is on the way of collections, there would be nothing to install.
    environment = ansible_environment({"ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"), "PYTHONPATH": ""})
    galaxy = str(PROGRAMS / "ansible-galaxy")
    built = [galaxy, "collection", "build", str(CHECKOUT), "--output-path", str(directory)]
    subprocess.run(built, check=True, capture_output=True, env=environment)
    [archive] = directory.glob("appban-endpoint-*.tar.gz")
    install = [galaxy, "collection", "install", str(archive), "-p", str(directory / "collections"), "--offline"]
    subprocess.run(install, check=True, capture_output=True, env=environment)
    return directory / "collections"


def files_below(directory: Path) -> set[str]:
    return {str(path) for path in directory.rglob("*")}


@pytest.mark.long
@pytest.mark.fault_kind("R2", "an installed collection, and every path relative")
def test_relative_paths_of_an_installed_collection_are_the_callers(estate: Estate, installed: Path, tmp_path: Path) -> None:
    here = tmp_path / "somewhere"
    here.mkdir()
    shutil.copy(UK, here / "uk.yml")
    (here / "assets.csv").write_text("serial,paid_use\nSN-1,true\n", encoding="utf-8")
    inventory = estate.inventory(HOST)
    before = files_below(installed)
    extra = {"policy_file": "uk.yml", "appban_now": NOW, "appban_assets": "assets.csv"}
    env = {"ANSIBLE_COLLECTIONS_PATH": f"{installed}:{ensure_community_general()}"}
    # The tests' own way to the code would stand before the installed one.
    env["PYTHONPATH"] = ""
    for check in (True, False):
        play = run_playbook(ENFORCE, Path(os.path.relpath(inventory, here)), extra_vars=extra, check=check, cwd=here, env=env)
        assert f"are in {here / 'evidence'}" in play.stdout
    evidence = here / "evidence"
    assert {path.name for path in (evidence / RUN_ID).iterdir()} == {"city.jsonl", "hosts.jsonl", "run.json", "plan.json", "plan.md"}
    assert (evidence / "city.ledger.jsonl").exists()
    assert {each for each in files_below(installed) - before if "__pycache__" not in each} == set()
    assert held_by_schemas(evidence / RUN_ID)["status"] == "drift"
    assert held_by_schemas(evidence / f"{RUN_ID}-2")["status"] == "changed"


@pytest.mark.long
@pytest.mark.fault_kind("R2", "a module in a play of the user's own")
def test_relative_paths_of_a_module_in_a_play_are_the_callers(estate: Estate, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    module = "appban.endpoint.intune"
    task = {module: {"policy": "{{ query('appban.endpoint.policy', policy_file) }}", "now": NOW, "evidence_dir": "records"}}
    task[module].update(estate.connections["city"], settle=20)
    own = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play = {"hosts": "city", "gather_facts": False, "vars": own, "tasks": [task]}
    (there / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    run_playbook(there / "play.yml", estate.inventory(), extra_vars={"policy_file": str(UK)}, check=True, cwd=here)
    assert [path.name for path in (here / "records" / RUN_ID).iterdir()] == ["intune.jsonl"]
    assert [path.name for path in there.iterdir()] == ["play.yml"]


@pytest.mark.long
@pytest.mark.fault_kind("R2", "what an earlier release left inside the collection")
def test_what_an_earlier_release_left_is_told(estate: Estate, installed: Path) -> None:
    left = installed / "ansible_collections" / "appban" / "endpoint" / "playbooks" / "evidence"
    (left / RUN_ID).mkdir(parents=True)
    (left / RUN_ID / "city.jsonl").touch()
    try:
        env = {"ANSIBLE_COLLECTIONS_PATH": f"{installed}:{ensure_community_general()}", "PYTHONPATH": ""}
        run = estate.run(estate.inventory(HOST, tenants=False), env=env, forbid_warnings=False)
    finally:
        shutil.rmtree(left)
    printed = " ".join((run.play.stdout + run.play.stderr).split())
    assert f"mv -n {left}/* {estate.evidence}/" in printed
    [note] = estate.said()["notes"]
    assert str(left) in note
    assert note in read_rows(str(estate.evidence / RUN_ID / "hosts.jsonl"))[-1]["notes"]


@pytest.mark.fault_kind("R5", "a tenant whose limits are exceeded, in check mode and not")
@pytest.mark.parametrize("check", [pytest.param(True, marks=pytest.mark.long), False])
def test_a_stopped_run_shows_and_records_its_plan(estate: Estate, check: bool) -> None:
    run = estate.run(estate.inventory(HOST), extra={"appban_limits": {"max_devices": 1}}, check=check, diff=True, must_succeed=False)
    assert run.play.returncode == 2
    assert run.methods("city") == {"TOKEN", "GET"}
    directory = estate.evidence / RUN_ID
    said = held_by_schemas(directory)
    assert (said["status"], said["targets"]["city"]["status"], said["targets"]["hosts"]["status"]) == ("stopped", "stopped", "clean")
    trouble = run.trouble("city")
    for text in (trouble, said["targets"]["city"]["message"]):
        assert "stopped before any write" in text
        assert '-e \'{"appban_limits": {"max_devices": ' in text
    assert str(directory / "plan.md") in trouble
    # The diff, the plan's lines and where all of it is.
    assert run.play.stdout.count("--- before: settings catalog policy BAN uk iOS blocked apps") == 1
    assert "plan: create settings catalog policy BAN uk iOS blocked apps" in run.text("city")
    assert f"plan: all of it, with the diff, is in {directory / 'plan.md'}" in run.text("city")
    planned = json.loads((directory / "plan.json").read_text(encoding="utf-8"))["targets"]["city"]
    assert len(planned) == said["targets"]["city"]["planned"] == said["targets"]["city"]["changes"] > 0
    assert "### create settings catalog policy `BAN uk iOS blocked apps`" in (directory / "plan.md").read_text(encoding="utf-8")
    assert run.play.recap["city"]["changed"] == 0


@pytest.mark.fault_kind("R6", "the header of every record")
def test_every_header_says_who_ran_it_from_what(estate: Estate) -> None:
    env = {"JOB_ID": "41"}
    estate.run(estate.inventory(HOST), extra={"awx_job_id": 42, "appban_part": "1of2"}, check=True, env=env)
    headers = estate.records()
    assert set(headers) == {f"{RUN_ID}/city", f"{RUN_ID}/hosts.part-1of2"}
    commit = subprocess.run(["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    for name, header in headers.items():
        assert (header["job"], header["now_given"], header["mode"]) == ("42", True, "check")
        assert header["run_by"]["commit"] == commit
        assert header["run_by"]["user"]
        assert header["run_by"]["host"]
        assert header["policies"][0]["authority"]["issued_by"] == "Cabinet Office"
        assert header["policies"][0]["effective"]["from"]["at"] == "2023-03-16T00:00:00Z"
        assert header["part"] == ("1of2" if "hosts" in name else None)
    said = held_by_schemas(estate.evidence / RUN_ID, ".part-1of2")
    assert (said["job"], said["run_by"]["commit"], said["mode"], said["now_given"]) == ("42", commit, "check", True)


@pytest.mark.long
@pytest.mark.fault_kind("R6", "the id of a run that somebody takes a second time")
def test_the_id_of_a_run_is_not_taken_twice_but_by_parts(estate: Estate) -> None:
    inventory = estate.inventory(HOST)
    given = {"appban_run_id": RUN_ID}
    estate.run(inventory, extra=given, check=True)
    directory = estate.evidence / RUN_ID
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    again = estate.run(inventory, extra={**given, "appban_now": "2023-03-21T09:00:00Z"}, must_succeed=False)
    assert again.play.returncode == 2
    assert again.exchanges["city"] == []
    assert f"the run id {RUN_ID} is taken" in " ".join(again.play.stdout.split())
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    estate.run(inventory, extra={**given, "appban_part": "1of2"}, arguments=["--limit", "desk"], check=True)
    held_by_schemas(directory)
    part = held_by_schemas(directory, ".part-1of2")
    assert (part["status"], list(part["targets"])) == ("clean", ["hosts.part-1of2"])
    added = {"run.part-1of2.json", "plan.part-1of2.json", "plan.part-1of2.md", "hosts.part-1of2.jsonl"}
    assert {path.name for path in directory.iterdir()} == {*before, *added}
    assert {name: (directory / name).read_bytes() for name in before} == before


@pytest.mark.long
def test_drift_counts_as_a_failure_where_that_is_asked_for(estate: Estate) -> None:
    inventory = estate.inventory(HOST)
    run = estate.run(inventory, extra={"appban_fail_on": ["drift"]}, check=True, must_succeed=False)
    assert run.play.returncode == 2
    assert run.trouble("city").startswith("appban_fail_on: drift: this check would change something (")
    assert run.trouble("desk") == ""
    assert estate.said()["status"] == "drift"
    refused = estate.run(inventory, extra={"appban_fail_on": "drifts"}, check=True, must_succeed=False)
    assert refused.play.returncode == 2
    assert refused.exchanges["city"] == []
    said = estate.said(f"{RUN_ID}-2")
    assert said["status"] == "refused"
    assert said["message"].startswith("appban_fail_on has the unknown word drifts, perhaps drift. Expected one or more of: changed, drift")


@pytest.mark.long
@pytest.mark.parametrize("role", ["tenant", "host"])
def test_a_role_alone_begins_and_ends_its_own_run(estate: Estate, role: str) -> None:
    playbook = estate.directory / "play.yml"
    play = [{"hosts": f"appban_{role}s", "gather_facts": False, "roles": [{"role": f"appban.endpoint.{role}"}]}]
    playbook.write_text(json.dumps(play * 2), encoding="utf-8")
    estate.run(estate.inventory(HOST), playbook=playbook, check=True)
    target = {"tenant": "city", "host": "hosts"}[role]
    for run_id in (RUN_ID, f"{RUN_ID}-2"):
        said = held_by_schemas(estate.evidence / run_id)
        assert (said["status"], list(said["targets"])) == ({"tenant": "drift", "host": "clean"}[role], [target])


@pytest.mark.fault_kind("R3", "two runs over hosts with one evidence directory")
@pytest.mark.long
@pytest.mark.parametrize("check", [True, False])
def test_a_second_run_over_hosts_is_told_who_runs_the_first(estate: Estate, check: bool) -> None:
    inventory = estate.inventory(HOST, tenants=False)
    RunLock(str(estate.evidence), "hosts").claim(
        {"run_id": "20230320T080000Z", "since": "2023-03-20T08:00:00Z", "user": "jana"}, os.getpid()
    )
    run = estate.run(inventory, check=check, must_succeed=False)
    assert run.play.returncode == 2
    told = estate.said()["targets"]["hosts"]
    for said in (run.play.stdout, told["message"]):
        assert f"jana (process {os.getpid()} on " in said
        assert "since 2023-03-20T08:00:00Z, run 20230320T080000Z" in said
    assert told["status"] == "refused"
    assert estate.records() == {}
    RunLock(str(estate.evidence), "hosts").give_back(os.getpid())
    estate.run(inventory, check=check)
    assert (estate.evidence / "hosts.lock").read_bytes() == b""


@pytest.mark.long
@pytest.mark.fault_kind("R1", "a controller that is killed")
def test_a_killed_run_leaves_its_header_and_the_next_one_tells(estate: Estate) -> None:
    inventory = estate.inventory(HOST, tenants=False)
    plugins = estate.directory / "callbacks"
    plugins.mkdir()
    (plugins / "killer.py").write_text(KILLER, encoding="utf-8")
    env = {"ANSIBLE_CALLBACK_PLUGINS": str(plugins), "ANSIBLE_CALLBACKS_ENABLED": "killer", "KILL_AT": "Carry out the plan"}
    killed = estate.run(inventory, env=env, must_succeed=False)
    assert killed.play.returncode == -signal.SIGKILL
    assert estate.said()["status"] == "running"
    partial = estate.evidence / RUN_ID / "hosts.jsonl.partial"
    assert read_rows(str(partial))[0]["row"] == "header"
    assert json.loads((estate.evidence / "hosts.lock").read_text(encoding="utf-8"))["run_id"] == RUN_ID
    # The lock of a process that is gone holds nobody back.
    estate.run(inventory)
    last = read_rows(str(estate.evidence / f"{RUN_ID}-2" / "hosts.jsonl"))[-1]
    assert last["notes"][-1:] == [f"an interrupted run left {partial}: it says what that run was about to do"]


@pytest.mark.fault_kind("R1", "an evidence directory that can't be written to")
def test_nothing_is_contacted_where_nothing_can_be_recorded(estate: Estate) -> None:
    estate.evidence.write_text("a file", encoding="utf-8")
    run = estate.run(estate.inventory(HOST), must_succeed=False)
    assert run.play.returncode == 2
    assert run.exchanges["city"] == []
    assert "cannot write evidence" in run.play.stdout
