# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.json: made when a run begins, ends with the worst of its targets, never half-written; and what the status rests on."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_file import STATUSES, begin_run, end_run, read_run, refuse_run, worst
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_status import (
    not_good,
    shortened,
    status_of_hosts,
    status_of_tenant,
    target_of_record,
)
from tests.support.records import HEADER, NOW

CHECKOUT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((CHECKOUT / "schemas" / "run.schema.json").read_text(encoding="utf-8"))
SCRIPT = CHECKOUT / "docs" / "run-status.sh"
RUN_ID = "20230315T000000Z"
FACTS: dict[str, Any] = {
    "run_id": RUN_ID,
    "now": NOW,
    "now_given": True,
    "mode": "apply",
    "began": NOW,
    "run_by": {"user": "jana", "host": "controller", "commit": None},
    "process": "4711/1000",
    "job": None,
    "notes": [],
}
TARGET: dict[str, Any] = {
    "kind": "intune", "record": None, "number": None, "hash": None, "rows": 0, "devices": 0, "in_scope": 0, "outcomes": {}, "planned": 0,
    "writes": 0, "decision_due": [], "changes": 0, "message": "",
}  # fmt: skip


def told(directory: Path) -> dict[str, Any]:
    said = read_run(str(directory))
    jsonschema.Draft202012Validator(SCHEMA).validate(said)
    assert next(iter(said)) == "status"
    assert [path.name for path in directory.iterdir() if path.name.startswith("run.json")] == ["run.json"]
    return said


def test_the_worst_of_all_targets_counts() -> None:
    assert [worst(STATUSES[number:]) for number in range(6)] == list(STATUSES)
    assert worst([]) == "clean"


@pytest.mark.fault_kind("R1", "a run that nobody knows of")
def test_a_run_is_known_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    directory = tmp_path / "evidence" / RUN_ID
    begin_run(str(directory), FACTS)
    assert told(directory)["status"] == "running"
    assert (stat.S_IMODE(directory.stat().st_mode) | 0o027, stat.S_IMODE((directory / "run.json").stat().st_mode) | 0o037) == (0o777, 0o677)
    end_run(str(directory), NOW, {"city": {**TARGET, "status": "clean"}, "hosts": {**TARGET, "status": "stopped", "message": "x"}})
    said = told(directory)
    assert (said["status"], said["ended"], list(said["targets"])) == ("stopped", NOW, ["city", "hosts"])


def test_a_refused_run_says_why(tmp_path: Path) -> None:
    begin_run(str(tmp_path), FACTS)
    refuse_run(str(tmp_path), NOW, "policy.yml: unknown key")
    said = told(tmp_path)
    assert (said["status"], said["message"]) == ("refused", "policy.yml: unknown key")


def test_those_who_share_a_run_keep_what_the_others_have_said(tmp_path: Path) -> None:
    begin_run(str(tmp_path), FACTS)
    end_run(str(tmp_path), NOW, {"city": {**TARGET, "status": "failed"}})
    begin_run(str(tmp_path), FACTS)
    assert (told(tmp_path)["status"], list(told(tmp_path)["targets"])) == ("running", ["city"])
    end_run(str(tmp_path), NOW, {"hosts": {**TARGET, "status": "clean"}})
    assert (told(tmp_path)["status"], list(told(tmp_path)["targets"])) == ("failed", ["city", "hosts"])


@pytest.mark.fault_kind("R6", "the id of a run that somebody takes a second time")
@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("other", [{"process": "4711/2000"}, {"run_by": {"user": "jana", "host": "another", "commit": None}}])
def test_another_job_never_takes_the_id_of_a_run(tmp_path: Path, ended: bool, other: dict[str, Any]) -> None:
    begin_run(str(tmp_path), FACTS)
    if ended:
        end_run(str(tmp_path), NOW, {"city": {**TARGET, "status": "failed"}})
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(EvidenceError, match=rf"the run id {RUN_ID} is taken: .*Take another id.*[Nn]othing was contacted"):
        begin_run(str(tmp_path), {**FACTS, **other})
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.fault_kind("R6", "a run.json that can't be read is overwritten")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "clean"}'])
def test_a_file_of_a_run_that_makes_no_sense_is_never_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvidenceError, match="is taken"):
        begin_run(str(tmp_path), FACTS)
    assert (tmp_path / "run.json").read_text(encoding="utf-8") == content


@pytest.mark.fault_kind("R6", "parts of a job that share the id of a run")
def test_each_part_of_a_job_has_a_file_of_its_own(tmp_path: Path) -> None:
    begin_run(str(tmp_path), FACTS)
    end_run(str(tmp_path), NOW, {"city": {**TARGET, "status": "failed"}})
    whole = (tmp_path / "run.json").read_bytes()
    for part, status in (("1of2", "clean"), ("2of2", "changed")):
        begin_run(str(tmp_path), {**FACTS, "process": part}, part)
        end_run(str(tmp_path), NOW, {f"hosts.part-{part}": {**TARGET, "status": status}}, part=part)
        said = read_run(str(tmp_path), part)
        jsonschema.Draft202012Validator(SCHEMA).validate(said)
        assert (said["status"], list(said["targets"])) == (status, [f"hosts.part-{part}"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.part-1of2.json", "run.part-2of2.json"]
    assert (tmp_path / "run.json").read_bytes() == whole
    with pytest.raises(EvidenceError, match="is taken"):
        begin_run(str(tmp_path), FACTS, "1of2")


@pytest.mark.fault_kind("R1", "a directory that can't be written to, before anything is contacted")
def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvidenceError, match="cannot write evidence: Not a directory"):
        begin_run(str(tmp_path / "file" / RUN_ID), FACTS)


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_run(str(tmp_path), FACTS)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="No space left on device"):
        end_run(str(tmp_path), NOW, {})
    assert told(tmp_path)["status"] == "running"


def record(directory: Path, **more: Any) -> None:
    written = EvidenceRecord(str(directory), RUN_ID, "city", HEADER)
    if "unfinished" in more:
        written.abandon()
    else:
        written.close(0, 0, {"notes": ["n" * 100_000], **more})


@pytest.mark.parametrize(
    ("left", "trouble", "changed", "check", "status"),
    [
        ({"stopped": None, "fleet": "complete"}, "", True, False, "changed"),
        ({"stopped": None, "fleet": "complete"}, "", True, True, "drift"),
        ({"stopped": None, "fleet": "complete"}, "", False, True, "clean"),
        ({"stopped": None, "fleet": "complete"}, "1 of 2 changes", True, False, "failed"),
        ({"stopped": "limits", "fleet": "complete"}, "limits", False, False, "stopped"),
        ({"stopped": "the list is short", "fleet": "doubted"}, "the list is short", False, False, "stopped"),
        ({"stopped": "401", "fleet": "unread"}, "401", False, False, "failed"),
        ({"unfinished": True}, "disk full", True, False, "failed"),
        (None, "401", False, False, "failed"),
        (None, "refused: another run is under way", False, False, "refused"),
    ],
)
def test_the_status_of_a_tenant_follows_from_its_record(
    tmp_path: Path, left: dict[str, Any] | None, trouble: str, changed: bool, check: bool, status: str
) -> None:
    if left is not None:
        record(tmp_path, **left)
    assert status_of_tenant(str(tmp_path / RUN_ID), "city", trouble, trouble.startswith("refused"), changed, check) == status


@pytest.mark.parametrize(
    ("said", "trouble", "check", "status"),
    [
        ({"changed_hosts": ["a"]}, "", False, "changed"),
        ({"changed_hosts": ["a"]}, "", True, "drift"),
        ({"changed_hosts": []}, "", False, "clean"),
        ({"troubles": {"a": "x"}, "refused_hosts": ["a"], "changed_hosts": ["b"]}, "", False, "refused"),
        ({"troubles": {"a": "x", "b": "y"}, "refused_hosts": ["a"]}, "", False, "failed"),
        ({"stopped": True, "troubles": {"a": "x"}, "stopped_hosts": ["a"]}, "", False, "stopped"),
        ({"stopped": True, "troubles": {"a": "x", "b": "y"}, "stopped_hosts": ["a"]}, "", False, "failed"),
        ({}, "another run is under way", False, "refused"),
        ({}, "", False, "failed"),
    ],
)
def test_the_status_of_hosts_is_that_of_the_worst(tmp_path: Path, said: dict[str, Any], trouble: str, check: bool, status: str) -> None:
    assert status_of_hosts(said, trouble, str(tmp_path), "hosts", check) == status


def test_a_record_is_told_with_its_hash_and_numbers(tmp_path: Path) -> None:
    record(tmp_path)
    found = target_of_record(str(tmp_path / RUN_ID), "city", "intune")
    assert (found["record"], found["number"], found["rows"], len(found["hash"])) == ("city.jsonl", 1, 0, 64)
    assert target_of_record(str(tmp_path / RUN_ID), "nobody", "intune")["record"] is None


def test_only_what_was_asked_for_is_not_good() -> None:
    assert not_good("drift", ["drift"], "2 changes", "plan.md").startswith("appban_fail_on: drift: this check would change something")
    assert not_good("changed", ["changed"], "2 changes", "plan.md").startswith("appban_fail_on: changed: something was changed")
    assert not_good("drift", ["changed"], "", "") == not_good("clean", ["drift", "changed"], "", "") == ""
    assert len(shortened("x" * 9000)) < 2100


def script(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(["sh", str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("status", "code"), [("failed", 10), ("stopped", 11), ("refused", 12), ("drift", 13), ("changed", 0), ("clean", 0)]
)
def test_the_script_for_pipelines_maps_the_status(tmp_path: Path, status: str, code: int) -> None:
    begin_run(str(tmp_path / RUN_ID), {**FACTS, "notes": ['"status": "clean"']})
    end_run(str(tmp_path / RUN_ID), NOW, {"city": {**TARGET, "status": status, "message": '\n  "status": "clean",'}})
    assert script(str(tmp_path), RUN_ID)[0] == code
    # Without an id the newest run counts, by time and number.
    for older in ("20230314T000000Z", "20220315T000000Z-11"):
        begin_run(str(tmp_path / older), FACTS)
    assert script(str(tmp_path)) == (code, f"{RUN_ID}: {status}\n")


def test_the_script_knows_a_run_that_was_killed_and_one_that_never_began(tmp_path: Path) -> None:
    assert script(str(tmp_path), RUN_ID)[0] == 10
    assert "no run.json" in script(str(tmp_path))[1]
    begin_run(str(tmp_path / RUN_ID), FACTS)
    assert script(str(tmp_path)) == (10, f"{RUN_ID}: running, so it was interrupted or is still under way\n")
    for number in (2, 10):
        begin_run(str(tmp_path / f"{RUN_ID}-{number}"), FACTS)
    end_run(str(tmp_path / f"{RUN_ID}-10"), NOW, {})
    assert script(str(tmp_path)) == (0, f"{RUN_ID}-10: clean\n")
    assert script()[0] == 2


def test_the_script_tells_the_part_of_a_job_that_it_is_asked_for(tmp_path: Path) -> None:
    for part, status in (("1of2", "failed"), ("2of2", "clean")):
        begin_run(str(tmp_path / RUN_ID), FACTS, part)
        end_run(str(tmp_path / RUN_ID), NOW, {"hosts": {**TARGET, "status": status}}, part=part)
    begin_run(str(tmp_path / f"{RUN_ID}-2"), FACTS)
    assert script(str(tmp_path), RUN_ID, "1of2") == (10, f"{RUN_ID} 1of2: failed\n")
    # The newest run of that part.
    assert script(str(tmp_path), "", "2of2") == (0, f"{RUN_ID} 2of2: clean\n")
    for arguments in ((RUN_ID,), (RUN_ID, "3of3"), ("", "3of3")):
        assert script(str(tmp_path), *arguments)[0] == 10
    assert script(str(tmp_path), RUN_ID, "1of2", "more")[0] == 2
