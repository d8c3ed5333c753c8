# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of real hosts: its header and plan are on disk before anything is changed, and where they can't be, nothing is."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows
from tests.lab.mounts import detach, mount
from tests.support.estate import TROUBLE
from tests.support.hosts.fleet import APP, DEB, Fleet
from tests.support.records_and_schemas import KILLER, held_by_schemas

# Whole runs take many seconds each.
pytestmark = pytest.mark.long

NOW = "2023-03-20T09:00:00Z"
RUN_ID = "20230320T090000Z"
UK = "policies/uk.yml"


@pytest.fixture(scope="module")
def hosts(module_fleet: Fleet) -> Fleet:
    """Two hosts with the app, of which no test of this module but the last takes it."""
    for name in ("one", "two"):
        module_fleet.add(name, DEB, ("deb", APP), ownership="corporate", appban_serial=f"SN-{name}")
    return module_fleet


@pytest.fixture
def evidence(hosts: Fleet, tmp_path: Path) -> Iterator[Path]:
    """An evidence directory of the test's own."""
    before, hosts.directory = hosts.directory, tmp_path
    yield tmp_path / "evidence"
    hosts.directory = before


def nothing_was_done(hosts: Fleet) -> bool:
    return all(hosts.installed(name, "deb") for name in hosts.hosts)


@pytest.mark.fault_kind("R1", "hosts: a full evidence directory")
@pytest.mark.parametrize("size", ["8k", "20k"])
def test_on_a_full_disk_no_host_is_changed(hosts: Fleet, evidence: Path, size: str) -> None:
    evidence.mkdir()
    mount("tmpfs", evidence, "tmpfs", data=f"size={size}")
    try:
        play = hosts.play(UK, NOW, must_succeed=False)
        assert play.returncode == 2
        assert "No space left on device" in play.stdout
        assert nothing_was_done(hosts)
        assert play.changed() == 0
        assert list(evidence.glob("*/*.jsonl")) == []
    finally:
        detach(evidence)


@pytest.mark.fault_kind("R5", "hosts whose limits are exceeded")
@pytest.mark.parametrize("check", [True, False])
def test_a_stopped_run_over_hosts_shows_and_records_its_plan(hosts: Fleet, evidence: Path, check: bool) -> None:
    play = hosts.play(UK, NOW, check=check, diff=True, must_succeed=False, appban_limits={"max_devices": 1})
    assert play.returncode == 2
    assert nothing_was_done(hosts)
    directory = evidence / RUN_ID
    said = held_by_schemas(directory)
    assert said["targets"]["hosts"]["status"] == said["status"] == "stopped"
    assert '-e \'{"appban_limits": {"max_devices": 2}}\'' in said["targets"]["hosts"]["message"]
    header, *rows, last = read_rows(str(directory / "hosts.jsonl"))
    planned = [row for row in rows if row["row"] == "plan"]
    assert {row["host"] for row in planned} == {"one", "two"}
    assert last["planned"] == len(planned)
    assert last["stopped"].startswith("stopped before any write: this run would newly affect 2 of 2 devices")
    assert [row["devices"] for row in rows if row["row"] == "class"] == [[["one", "SN-one"], ["two", "SN-two"]]]
    assert (header["ledger_sha256"], header["part"]) == (None, None)
    text = (directory / "plan.md").read_text(encoding="utf-8")
    for name in ("one", "two"):
        assert any(line.startswith("### ") and line.endswith(f" on `{name}`") for line in text.splitlines())
        [trouble] = [str(task.result["msg"]) for task in play.of(name, TROUBLE) if task.status == "failed"]
        assert trouble.endswith(f"The plan is in {directory / 'plan.md'}")
    # The pin, as a diff, in the terminal as on the page; in the terminal it has Ansible's own look in check mode.
    [pin] = [row for row in planned if row["host"] == "one" and row["after"]][:1]
    for line in pin["after"].splitlines():
        assert "+" + line in play.stdout
        assert "+" + line in text
    assert f"plan: one: {planned[0]['op']} {planned[0]['kind']} {planned[0]['name']}" in play.stdout


@pytest.mark.fault_kind("R1", "hosts: a controller that is killed before it applies")
def test_a_run_that_is_killed_before_it_applies_leaves_its_plan(hosts: Fleet, evidence: Path) -> None:
    plugins = evidence.parent / "callbacks"
    plugins.mkdir()
    (plugins / "killer.py").write_text(KILLER, encoding="utf-8")
    env = {"ANSIBLE_CALLBACK_PLUGINS": str(plugins), "ANSIBLE_CALLBACKS_ENABLED": "killer", "KILL_AT": "Carry out the plan"}
    assert hosts.play(UK, NOW, env=env, must_succeed=False).returncode == -signal.SIGKILL
    assert nothing_was_done(hosts)
    partial = evidence / RUN_ID / "hosts.jsonl.partial"
    rows = read_rows(str(partial))
    assert [row["row"] for row in rows[:2]] == ["header", "class"]
    assert {row["host"] for row in rows if row["row"] == "plan"} == {"one", "two"}
    assert json.loads((evidence / RUN_ID / "run.json").read_text(encoding="utf-8"))["status"] == "running"
    # The next run does it, tells, and its plan was on disk as well.
    play = hosts.play(UK, NOW, forks=1)
    assert play.changed() == 2
    said = held_by_schemas(evidence / f"{RUN_ID}-2")
    assert (said["status"], said["targets"]["hosts"]["changes"]) == ("changed", 2)
    last = read_rows(str(evidence / f"{RUN_ID}-2" / "hosts.jsonl"))[-1]
    assert [note for note in last["notes"] if "interrupted" in note] == [
        f"an interrupted run left {partial}: it says what that run was about to do"
    ]
    assert hosts.play(UK, NOW).changed() == 0
    assert held_by_schemas(evidence / f"{RUN_ID}-3")["status"] == "clean"
