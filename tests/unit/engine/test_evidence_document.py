# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/evidence.md says what the code does: its words are the vocabulary, and its commands are run as they stand there."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, closing_hash, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import GRAVITY, OUTCOMES, REASONS
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import EVENTS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import VERDICTS
from tests.support.records import CHANGE, HEADER, row, sealed, write, write_format_1

ROOT = pathlib.Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
CHECK_ONE, CHECK_ALL = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)


def section(title: str) -> str:
    return DOCUMENT.split("## %s\n" % title)[1].split("\n## ")[0]


def first_column(title: str) -> list[str]:
    rows = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])]


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, check=False)


def test_every_outcome_and_every_reason_is_explained_once() -> None:
    assert first_column("Outcomes") == list(OUTCOMES)
    assert first_column("Reasons") == list(REASONS)
    assert set(re.findall(r"`(\w+)`", section("A device's line"))) >= set(VERDICTS)
    order = DOCUMENT.split("Gravest first: ")[1].split(".\n")[0]
    assert tuple(re.findall(r"`(\w+)`", order)) == GRAVITY


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Header", "header"),
        ("Whom exemptions name", "exemption_row"),
        ("Who is in scope", "class"),
        ("What was planned", "plan"),
        ("What was sent", "write"),
        ("A device's line", "device"),
        ("The last line, and how it adds up", "totals"),
    ],
)
def test_every_field_is_explained(title: str, kind: str) -> None:
    schema = json.loads((ROOT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8"))
    assert first_column(title) == list(schema["$defs"][kind]["properties"])


def test_every_part_of_a_class_and_every_event_of_the_ledger_is_explained() -> None:
    schema = json.loads((ROOT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8"))
    parts = set(schema["$defs"]["class"]["properties"]["class"]["properties"])
    assert parts <= set(re.findall(r"`(\w+)`", section("Who is in scope")))
    assert set(first_column("The ledger")) == set(EVENTS)


def test_what_format_1_lacks_is_listed() -> None:
    schema = json.loads((ROOT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8"))["$defs"]
    new = set(schema["header"]["properties"]) - set(schema["header_1"]["properties"])
    policies = [schema[kind]["properties"]["policies"]["items"]["properties"] for kind in ("header", "header_1")]
    new |= set(policies[0]) - set(policies[1])
    told = set(re.findall(r"`(\w+)`", section("Records of format 1")))
    assert new <= told
    assert {"words", "last_seen_at", "planned", "writes", "reasons", "stopped", "fleet"} <= told


def test_the_two_commands_agree_on_a_record_and_on_no_other(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["removed", "compliant"])
    lines = shell(CHECK_ONE, RECORD=str(path)).stdout.split()
    assert lines == [verify_record(str(path))["hash"]] * 2
    path.write_bytes(path.read_bytes().replace(b'"in_scope": 2', b'"in_scope": 1'))
    first, second = shell(CHECK_ONE, RECORD=str(path)).stdout.split()
    assert first != second


def chain(directory: pathlib.Path) -> list[pathlib.Path]:
    paths = [write(directory, ["removed", "compliant"]) for _unused in range(11)]
    write(directory, ["compliant"], now="2023-03-16T00:00:00Z", target="intune")
    return [*paths, write(directory, ["compliant"], now="2023-03-16T00:00:00Z")]


def wrong_lines(directory: pathlib.Path) -> list[str]:
    result = shell(CHECK_ALL, EVIDENCE_DIR=str(directory))
    wrong = [line for line in result.stdout.splitlines() if not line.startswith("ok")]
    assert (result.stderr, result.returncode) == ("", int(bool(wrong)))
    return wrong


def test_the_chain_of_all_targets_is_checked(tmp_path: pathlib.Path) -> None:
    chain(tmp_path)
    result = shell(CHECK_ALL, EVIDENCE_DIR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ok"] * 13


def test_a_chain_over_both_formats_with_all_kinds_of_lines_is_checked(tmp_path: pathlib.Path) -> None:
    first = write_format_1(tmp_path, ["compliant", "removed"])
    write_format_1(tmp_path, ["violating"], "20230102T000000Z", previous=closing_hash(str(first)))
    record = EvidenceRecord(str(tmp_path), "20230103T000000Z", "hosts", HEADER, "all")
    record.add_classes([({"facts": {"platform": "linux"}}, [("pc-1", None)])])
    record.add_plan([CHANGE], rows=1)
    record.note_write("POST", "https://tenant.example/groups", "create a group")
    record.add_device([row("pc-1", "removed")])
    record.close(1, 1, {"stopped": None, "fleet": "complete"})
    record = EvidenceRecord(str(tmp_path), "20230104T000000Z", "hosts", HEADER)
    record.add_plan([CHANGE])
    record.close(0, 0, {"stopped": "the list is short", "fleet": "doubted"})
    result = shell(CHECK_ALL, EVIDENCE_DIR=str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ok"] * 4
    assert len(shell(CHECK_ONE, RECORD=record.path).stdout.split()) == 2


@pytest.mark.parametrize("place", [0, 4, 9, 11])
def test_a_changed_record_shows(tmp_path: pathlib.Path, place: int) -> None:
    path = chain(tmp_path)[place]
    path.write_bytes(path.read_bytes().replace(b'"compliant"', b'"removed"', 1))
    result = shell(CHECK_ALL, EVIDENCE_DIR=str(tmp_path))
    assert result.returncode == 1
    assert [line for line in result.stdout.splitlines() if not line.startswith("ok")] == ["CHANGED  %s" % path]


@pytest.mark.parametrize("place", [0, 4, 9])
def test_a_missing_record_shows_in_the_next_one(tmp_path: pathlib.Path, place: int) -> None:
    paths = chain(tmp_path)
    paths[place].unlink()
    result = shell(CHECK_ALL, EVIDENCE_DIR=str(tmp_path))
    assert result.returncode == 1
    assert [line for line in result.stdout.splitlines() if not line.startswith("ok")] == ["NOT NEXT %s" % paths[place + 1]]


def test_a_forged_record_in_the_place_of_another_shows_in_the_next_one(tmp_path: pathlib.Path) -> None:
    paths = chain(tmp_path)
    (tmp_path / "forged").mkdir()
    forged = write(tmp_path / "forged", ["compliant", "compliant"])
    paths[4].write_bytes(forged.read_bytes())
    assert wrong_lines(tmp_path) == ["MOVED    %s" % paths[4], "NOT NEXT %s" % paths[5]]
    # One that claims to be the other shows in its successor, and where it can't name the one before it in itself.
    header, *others = [json.loads(line) for line in forged.read_text(encoding="utf-8").splitlines()]
    others[-1].pop("hash")
    claim = {**header, "run_id": paths[4].parent.name, "number": 5}
    paths[4].write_bytes(sealed([claim, *others]))
    assert wrong_lines(tmp_path) == ["NOT NEXT %s" % paths[4], "NOT NEXT %s" % paths[5]]
    paths[4].write_bytes(sealed([{**claim, "previous": closing_hash(str(paths[3]))}, *others]))
    assert wrong_lines(tmp_path) == ["NOT NEXT %s" % paths[5]]


@pytest.mark.fault_kind("R6", "a record in the directory of another run")
@pytest.mark.parametrize("place", [0, 4, 11])
def test_a_moved_record_shows(tmp_path: pathlib.Path, place: int) -> None:
    path = chain(tmp_path)[place]
    moved = tmp_path / "20230401T000000Z" / path.name
    moved.parent.mkdir()
    path.rename(moved)
    assert wrong_lines(tmp_path) == ["MOVED    %s" % moved]


@pytest.mark.fault_kind("R6", "a record in the directory of another run")
@pytest.mark.parametrize("run_id", ["20230401T000000Z", "20230101T000000Z"])
def test_a_copied_record_shows(tmp_path: pathlib.Path, run_id: str) -> None:
    path = chain(tmp_path)[4]
    copy = tmp_path / run_id / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert wrong_lines(tmp_path) == ["MOVED    %s" % copy]


@pytest.mark.fault_kind("R6", "a record under the name of another target")
def test_a_renamed_record_shows_and_so_does_the_gap(tmp_path: pathlib.Path) -> None:
    paths = chain(tmp_path)
    renamed = paths[4].with_name("school.jsonl")
    paths[4].rename(renamed)
    assert wrong_lines(tmp_path) == ["NOT NEXT %s" % paths[5], "MOVED    %s" % renamed]


@pytest.mark.fault_kind("R6", "a directory that is no run's")
@pytest.mark.parametrize("name", ["archive", "20230317T000000Z-copy", "x-1", "20230317T000000Z-0"])
def test_a_directory_that_is_no_run_is_passed_over(tmp_path: pathlib.Path, name: str) -> None:
    chain(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "hosts.jsonl").write_text("nothing of ours\n", encoding="utf-8")
    assert wrong_lines(tmp_path) == []


@pytest.mark.fault_kind("R6", "a first line that is no header")
@pytest.mark.parametrize("content", ["", "\n", "[]\n", "{\n", '{"number": "x"}\n', '{"number": null}\n', '"x"\n'])
def test_a_file_that_is_no_record_shows_and_nothing_else_does(tmp_path: pathlib.Path, content: str) -> None:
    chain(tmp_path)
    path = tmp_path / "20230317T000000Z" / "other.jsonl"
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    assert wrong_lines(tmp_path) == ["CHANGED  %s" % path]


@pytest.mark.fault_kind("R6", "records that were written in another order than that of their instants")
def test_the_chain_goes_by_number_whatever_the_ids_of_the_runs(tmp_path: pathlib.Path) -> None:
    first = write(tmp_path, ["compliant"], now="2023-03-17T00:00:00Z")
    path = write(tmp_path, ["removed"], now="2023-03-15T00:00:00Z")
    header, *others = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    others[-1].pop("hash")
    path.write_bytes(sealed([{**header, "number": 2, "previous": closing_hash(str(first))}, *others]))
    assert wrong_lines(tmp_path) == []


def test_a_partial_record_of_a_killed_run_is_not_taken_for_one(tmp_path: pathlib.Path) -> None:
    chain(tmp_path)
    (tmp_path / "20230317T000000Z").mkdir()
    (tmp_path / "20230317T000000Z" / "hosts.jsonl.partial").write_text('{"row": "header"}\n', encoding="utf-8")
    assert shell(CHECK_ALL, EVIDENCE_DIR=str(tmp_path)).returncode == 0
