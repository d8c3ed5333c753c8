# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record while its run goes on: what is on disk before what, what a killed run leaves, and what earlier releases wrote."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import (
    FORMAT,
    EvidenceRecord,
    choose_run_id,
    closing_hash,
    exemption_rows,
    finished_records,
    previous_closing,
    read_header,
    read_rows,
    unfinished_records,
    verify_record,
)
from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_header import JOB_VARIABLES, Provenance, run_header
from tests.conftest import skip_loudly
from tests.support.records import CHANGE, HEADER, NOW, row, sealed, write, write_format_1

ROOT = pathlib.Path(__file__).parents[3]
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8")))
RUN_ID = "20230315T000000Z"
in_a_fresh_directory = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(directory: pathlib.Path, level: str = "all", **header: Any) -> EvidenceRecord:
    return EvidenceRecord(str(directory), choose_run_id(str(directory), NOW), "hosts", {**HEADER, **header}, level)


def on_disk(record: EvidenceRecord) -> list[dict[str, Any]]:
    """What another process reads of an unfinished record: what is still in a buffer of ours is not there."""
    with open(record.partial_path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def kinds(record: EvidenceRecord) -> list[str]:
    return [line["row"] for line in on_disk(record)]


# Before anything is done.


@pytest.mark.fault_kind("R1", "the header of a record is on disk before anything is contacted")
def test_the_header_is_on_disk_when_the_record_is_made(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    (header,) = on_disk(record)
    VALIDATOR.validate(header)
    assert (header["format"], header["number"], header["previous"]) == (FORMAT, 1, None)
    record.abandon()


@pytest.mark.fault_kind("R1", "the plan of a run is on disk before its first write")
def test_the_plan_is_on_disk_before_the_first_write(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    record.add_classes([({"facts": {"platform": "ios"}}, [("d1", "S1"), ("d2", None)])])
    record.add_plan([CHANGE, {**CHANGE, "name": "other"}])
    assert kinds(record) == ["header", "class", "plan", "plan"]
    record.note_write("POST", "https://tenant.example/groups", "create a group")
    assert kinds(record) == ["header", "class", "plan", "plan", "write"], "noted before it is sent"
    record.add_device([row("d1")])
    last = record.close(1, 1, {"stopped": None, "fleet": "complete"})
    assert (last["planned"], last["writes"], last["rows"]) == (2, 1, 1)
    for line in read_rows(record.path):
        VALIDATOR.validate(line)
    assert verify_record(record.path) == last


def test_a_class_of_any_size_is_in_lines_of_a_bounded_one(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    devices = [("d%d" % number, None) for number in range(1_201)]
    record.add_classes([({"facts": {}}, devices), ({"facts": {"platform": "ios"}}, [])])
    record.close(0, 0)
    rows = [line for line in read_rows(record.path) if line["row"] == "class"]
    assert [len(line["devices"]) for line in rows] == [500, 500, 201]
    assert [tuple(each) for line in rows for each in line["devices"]] == devices


@given(
    plan=st.integers(0, 5),
    writes=st.integers(0, 5),
    outcomes=st.lists(st.sampled_from(["compliant", "removed", "not_in_force"]), max_size=6),
)
@in_a_fresh_directory
def test_what_is_counted_is_what_is_there(tmp_path: pathlib.Path, plan: int, writes: int, outcomes: list[str]) -> None:
    record = opened(tmp_path)
    record.add_plan([{**CHANGE, "name": str(number)} for number in range(plan)], rows=len(outcomes))
    for number in range(writes):
        record.note_write("PUT", "https://tenant.example/%d" % number, "change")
    for number, outcome in enumerate(outcomes):
        record.add_device([row("pc-%d" % number, outcome)])
    last = record.close(len(outcomes), len(outcomes))
    found = [line["row"] for line in read_rows(record.path)]
    assert (found.count("plan"), found.count("write"), found.count("device")) == (last["planned"], last["writes"], last["rows"])
    assert verify_record(record.path) == last
    assert sorted(os.listdir(os.path.dirname(record.path))) == ["hosts.jsonl"], "nothing is left beside it"


@pytest.mark.parametrize("name", ["planned", "writes"])
def test_a_resealed_record_says_what_was_planned_and_sent(tmp_path: pathlib.Path, name: str) -> None:
    record = opened(tmp_path)
    record.add_plan([CHANGE])
    record.note_write("PUT", "https://tenant.example/1", "change")
    record.close(0, 0)
    lines = read_rows(record.path)
    del lines[-1]["hash"]
    lines[-1][name] = 0
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(sealed(lines))
    with pytest.raises(EvidenceError, match=r"it says 0 .+ and has 1"):
        verify_record(str(forged))


# Reasons in the last line.


def test_the_last_line_counts_reasons_for_each_app_and_outcome(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    for number, (outcome, reason) in enumerate(
        [("exempt", "release_pending"), ("exempt", ""), ("not_in_force", "lift_pending"), ("not_in_force", "ban_lifted"), ("compliant", "")]
    ):
        record.add_device([row("pc-%d" % number, outcome, reason)])
    last = record.close(5, 5)
    assert last["reasons"] == {"tiktok": {"exempt": {"release_pending": 1}, "not_in_force": {"ban_lifted": 1, "lift_pending": 1}}}
    VALIDATOR.validate(last)


# A run in several processes, and a killed one.


@pytest.mark.fault_kind("R1", "over hosts the header and plan are written by another task than the rows")
def test_another_process_goes_on_with_a_record(tmp_path: pathlib.Path) -> None:
    run_id = choose_run_id(str(tmp_path), NOW)
    script = """
        import sys
        from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord
        from tests.support.records import CHANGE, HEADER
        record = EvidenceRecord(sys.argv[1], sys.argv[2], "hosts", HEADER, "exceptions")
        record.add_classes([({"facts": {}}, [("pc-1", None)])])
        record.add_plan([{**CHANGE, "host": "pc-1"}])
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path), run_id], check=True, cwd=ROOT)
    record = EvidenceRecord.resume(str(tmp_path), run_id, "hosts")
    record.add_device([row("pc-1", "compliant")])
    record.add_device([row("pc-2", "removed")])
    last = record.close(2, 2, {"stopped": None, "fleet": "complete"})
    assert verify_record(record.path) == last
    assert [line["row"] for line in read_rows(record.path)] == ["header", "class", "plan", "device", "totals"], "the level is the header's"
    assert last["planned"] == 1
    for line in read_rows(record.path):
        VALIDATOR.validate(line)


def test_what_is_no_beginning_of_a_record_is_not_gone_on_with(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EvidenceError, match="cannot go on with the record"):
        EvidenceRecord.resume(str(tmp_path), RUN_ID, "hosts")
    record = opened(tmp_path)
    record.add_device([row("pc-1")])
    record.abandon()
    with pytest.raises(EvidenceError, match="cannot go on with the record"):
        EvidenceRecord.resume(str(tmp_path), RUN_ID, "hosts")
    finished = write(tmp_path, ["compliant"])
    with pytest.raises(EvidenceError, match="cannot go on with the record"):
        EvidenceRecord.resume(str(tmp_path), finished.parent.name, "hosts")


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b'{"row": "plan"}\n', b'{"row": "header", "evidence": "all"}\n{"row": "pl'])
def test_a_damaged_beginning_is_not_gone_on_with(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / RUN_ID / "hosts.jsonl.partial"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match="cannot go on with the record"):
        EvidenceRecord.resume(str(tmp_path), RUN_ID, "hosts")
    assert path.read_bytes() == content


@pytest.mark.fault_kind("R1", "what an interrupted run was about to do")
def test_what_a_killed_run_left_is_found_by_the_next(tmp_path: pathlib.Path) -> None:
    killed = opened(tmp_path)
    killed.add_plan([CHANGE])
    killed.note_write("POST", "https://tenant.example/groups", "create a group")
    killed.abandon()
    after = opened(tmp_path)
    run_id = pathlib.Path(after.path).parent.name
    assert unfinished_records(str(tmp_path), "hosts", run_id) == [killed.partial_path]
    assert unfinished_records(str(tmp_path), "other", run_id) == []
    assert unfinished_records(str(tmp_path / "missing"), "hosts", run_id) == []
    assert [line["row"] for line in on_disk(killed)] == ["header", "plan", "write"]
    assert after.close(0, 0)["row"] == "totals"
    assert read_header(after.path)["number"] == 1, "an unfinished record has no number"


# No room, no right.


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process end at a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.fault_kind("R1", "no room for the header")
def test_without_room_for_its_header_there_is_no_record_and_nothing_is_left(tmp_path: pathlib.Path) -> None:
    run_id = choose_run_id(str(tmp_path), NOW)
    with room_for(10), pytest.raises(EvidenceError, match="cannot write evidence: File too large"):
        EvidenceRecord(str(tmp_path), run_id, "hosts", HEADER)
    assert list((tmp_path / run_id).iterdir()) == [], "nothing was begun, so nothing looks as if it had been"
    EvidenceRecord(str(tmp_path), run_id, "hosts", HEADER).close(0, 0)


@pytest.mark.fault_kind("R1", "no room for the rows that come after the first write")
def test_room_for_the_rows_is_looked_for_before_the_first_write(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    with room_for(100_000), pytest.raises(EvidenceError, match=r"there is no room for the record: File too large.+Make room"):
        record.add_plan([CHANGE], rows=1_000)
    record.abandon()
    assert sorted(os.listdir(os.path.dirname(record.path))) == ["hosts.jsonl.partial"], "what was set aside is given back"
    other = opened(tmp_path)
    with room_for(100_000):
        other.add_plan([CHANGE], rows=10)
        other.close(0, 0)


@pytest.mark.fault_kind("R1", "a file system that can't set room aside")
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_can_not_set_room_aside_is_no_full_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int, start: int, size: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    record = opened(tmp_path)
    record.add_plan([CHANGE], rows=10)
    record.close(0, 0)
    assert sorted(os.listdir(os.path.dirname(record.path))) == ["hosts.jsonl"]


@pytest.mark.fault_kind("R1", "a write that can't be noted is not to be sent")
def test_a_write_that_can_not_be_noted_is_an_error_before_it_is_sent(tmp_path: pathlib.Path) -> None:
    record = opened(tmp_path)
    record.add_plan([CHANGE])
    with room_for(os.path.getsize(record.partial_path)), pytest.raises(EvidenceError, match="cannot write evidence: File too large"):
        record.note_write("POST", "https://tenant.example/groups", "create a group")
    record.abandon()


def in_a_mount(config: pytest.Config, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Python where /mnt is a file system of its own; skips where nobody may mount anything."""
    mounting = 'mount -t tmpfs -o %s none /mnt && exec %s -c "$SCRIPT"' % (",".join(options), sys.executable)
    for how in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        probe = subprocess.run([*how, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, text=True, check=False)
        if probe.returncode == 0:
            environment = {**os.environ, "SCRIPT": textwrap.dedent(script)}
            return subprocess.run([*how, "sh", "-c", mounting], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    skip_loudly(config, "what a full or read-only directory costs", "a file system has to be mounted", [probe.stderr.strip()])


TRY_IT = """
    from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
    from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, choose_run_id
    from ansible_collections.appban.endpoint.plugins.module_utils.engine.run_lock import RunLock
    from tests.support.records import CHANGE, HEADER, NOW
    for name, attempt in (
        ("run id", lambda: choose_run_id("/mnt/evidence", NOW)),
        ("lock", lambda: RunLock("/mnt/evidence", "hosts").hold({"run_id": "x", "since": NOW, "user": "ops"})),
        ("record", lambda: EvidenceRecord("/mnt/evidence", "20230315T000000Z", "hosts", HEADER)),
        ("plan", lambda: EvidenceRecord("/mnt/evidence", "20230316T000000Z", "hosts", HEADER).add_plan([CHANGE], rows=100)),
    ):
        try:
            attempt()
            print(name, "went")
        except AppbanError as error:
            print(name, "|", error)
"""


@pytest.mark.fault_kind("R1", "a read-only evidence directory")
def test_a_file_system_that_is_read_only_is_told_at_once(request: pytest.FixtureRequest) -> None:
    done = in_a_mount(request.config, TRY_IT, "ro")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert all("Read-only file system" in line and "Choose a writable appban_evidence_dir" in line for line in lines), lines


@pytest.mark.fault_kind("R1", "a full disk")
def test_a_full_disk_is_told_before_the_first_write(request: pytest.FixtureRequest) -> None:
    done = in_a_mount(request.config, TRY_IT, "size=64k")
    assert done.returncode == 0, done.stderr
    *went, plan = done.stdout.splitlines()
    assert went == ["run id went", "lock went", "record went"]
    assert plan.startswith("plan | there is no room for the record: No space left on device")


# The header.


@pytest.mark.fault_kind("R6", "who ran it, from what job and commit, and whether the clock was given")
def test_the_header_says_who_ran_it_and_from_what(tmp_path: pathlib.Path) -> None:
    provenance = Provenance.here({"JOB_ID": "77"}, commit="abc", now_given=True, part="north", clock="2023-03-15T08:00:00Z", user=None)
    assert provenance.user, "what nobody else has found out stays what it is"
    header = run_header(NOW, True, HEADER["policies"], HEADER["limits"], HEADER["versions"], provenance, "0" * 64)
    record = opened(tmp_path, **header)
    (line,) = on_disk(record)
    record.abandon()
    VALIDATOR.validate(line)
    assert (line["mode"], line["now_given"], line["wall_clock"], line["job"], line["part"], line["ledger_sha256"]) == (
        "check", True, "2023-03-15T08:00:00Z", "77", "north", "0" * 64,
    )  # fmt: skip
    assert line["run_by"]["commit"] == "abc"
    assert line["run_by"]["host"]
    assert line["policies"][0]["authority"]["issued_by"] == "City IT"
    assert line["policies"][0]["effective"]["on_expiry"] == "keep"


@pytest.mark.parametrize("name", JOB_VARIABLES)
def test_a_job_is_named_by_whatever_runs_it(name: str) -> None:
    assert Provenance.here({name: "12"}).job == "12"
    assert Provenance.here({name: ""}).job == ""


def test_an_account_without_a_name_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert Provenance.here({}).user == "uid %d" % os.getuid()


def test_the_wall_clock_is_in_utc() -> None:
    VALIDATOR.evolve(schema={"$ref": "#/$defs/instant", "$defs": VALIDATOR.schema["$defs"]}).validate(Provenance().wall_clock())


# The chain over both formats.


def test_numbers_count_the_records_of_a_target(tmp_path: pathlib.Path) -> None:
    paths = [write(tmp_path, ["compliant"]) for _unused in range(3)]
    other = write(tmp_path, ["compliant"], target="intune")
    assert [read_header(str(path))["number"] for path in (*paths, other)] == [1, 2, 3, 1]


def test_a_record_that_was_taken_away_leaves_a_gap_in_the_numbers(tmp_path: pathlib.Path) -> None:
    paths = [write(tmp_path, ["compliant"]) for _unused in range(3)]
    paths[1].unlink()
    assert read_header(str(write(tmp_path, ["compliant"])))["number"] == 4


def test_records_of_earlier_releases_are_read_checked_and_chained_to(tmp_path: pathlib.Path) -> None:
    first = write_format_1(tmp_path, ["compliant", "removed"])
    second = write_format_1(tmp_path, ["compliant"], "20230102T000000Z", previous=closing_hash(str(first)))
    before = [path.read_bytes() for path in (first, second)]
    for path in (first, second):
        assert verify_record(str(path))["row"] == "totals"
        for line in read_rows(str(path)):
            VALIDATOR.validate(line)
    assert previous_closing(str(tmp_path), "hosts", RUN_ID) == (2, closing_hash(str(second)))
    third = write(tmp_path, ["compliant"])
    header = read_header(str(third))
    assert (header["format"], header["number"], header["previous"]) == (2, 3, closing_hash(str(second)))
    assert read_header(str(write(tmp_path, ["compliant"], "2023-03-16T00:00:00Z")))["number"] == 4
    assert [path.read_bytes() for path in (first, second)] == before, "never rewritten"
    assert finished_records(str(tmp_path), "hosts", RUN_ID)[1:] == [str(second), str(first)]


@pytest.mark.fault_kind("R3", "two runs that overtake each other fork the chain")
def test_the_chain_is_in_the_order_of_writing(tmp_path: pathlib.Path) -> None:
    first = write(tmp_path, ["compliant"], "2023-03-15T00:00:00Z")
    overtaking = write(tmp_path, ["compliant"], "2023-03-17T00:00:00Z")
    waiting = write(tmp_path, ["compliant"], "2023-03-16T00:00:00Z")
    headers = [read_header(str(path)) for path in (first, overtaking, waiting)]
    assert [header["number"] for header in headers] == [1, 2, 3]
    assert [header["previous"] for header in headers] == [None, closing_hash(str(first)), closing_hash(str(overtaking))]


@pytest.mark.parametrize("told", [3, 99, None, "2"])
def test_a_record_of_a_later_release_is_named_as_one(tmp_path: pathlib.Path, told: Any) -> None:
    path = tmp_path / RUN_ID / "hosts.jsonl"
    path.parent.mkdir()
    last = {
        "row": "totals", "devices": 0, "in_scope": 0, "rows": 0, "outcomes": {}, "totals": {}, "unenforceable": {},
    }  # fmt: skip
    path.write_bytes(sealed([{**HEADER, "row": "header", "format": told, "run_id": RUN_ID, "target": "hosts"}, {"row": "news"}, last]))
    for attempt in (
        lambda: read_header(str(path)),
        lambda: verify_record(str(path)),
        lambda: write(tmp_path, ["compliant"], "2023-03-16T00:00:00Z"),
    ):
        with pytest.raises(EvidenceError, match=r"has the format .+, and this release knows 1 and 2.+later release"):
            attempt()


@pytest.mark.parametrize("content", [b"", b"[]\n", b"{}\n", b"\xff\n", b'{"row": "totals"}\n'])
def test_what_does_not_begin_with_a_header_is_named(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "hosts.jsonl"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match="does not begin with a header"):
        read_header(str(path))
    with pytest.raises(EvidenceError, match="cannot read an evidence record"):
        read_header(str(tmp_path / "none.jsonl"))


def test_whom_exemptions_name_stands_after_the_header(tmp_path: pathlib.Path) -> None:
    said = {"policy": "uk", "exemption": "EX-1", "state": "active", "devices": 1, "unmatched": ["devices[1]"], "several": {}}
    record = opened(tmp_path)
    record.add_exemptions([said])
    record.add_classes([({"facts": {}}, [("pc", "S1")])])
    record.sync()
    assert kinds(record) == ["header", "exemption", "class"]
    record.abandon()
    resumed = EvidenceRecord.resume(str(tmp_path), record.path.split("/")[-2], "hosts")
    resumed.add_plan([])
    resumed.add_device([row("pc")])
    resumed.close(1, 1, {"notes": []})
    verify_record(record.path)
    assert exemption_rows(record.path) == [{"row": "exemption", **said}]
    with pytest.raises(EvidenceError, match="whom exemptions name"):
        exemption_rows(str(tmp_path / "none.jsonl"))
