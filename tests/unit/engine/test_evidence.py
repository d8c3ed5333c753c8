# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a run: it adds up, it hangs together, and nothing in it can be changed unseen."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import threading
import tracemalloc
from collections import Counter
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine import evidence
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import (
    EvidenceRecord,
    Row,
    choose_run_id,
    closing_hash,
    previous_closing,
    read_rows,
    summary_of,
    verify_record,
)
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import GRAVITY, OUTCOMES, REASONS, Outcome
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import ACTIONS, STATES, VERDICTS
from tests.support.records import CHANGE, EXEMPTION, FINDING, HEADER, HEADER_1, NOW, decision, row, sealed, write

ROOT = pathlib.Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
in_a_fresh_directory = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def record(directory: pathlib.Path, level: str = "all", **header: Any) -> EvidenceRecord:
    return EvidenceRecord(str(directory), choose_run_id(str(directory), NOW), "hosts", {**HEADER, **header}, level)


# The schema


def test_the_schema_is_one_and_its_words_are_the_engine_s() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    definitions = SCHEMA["$defs"]
    device = definitions["device"]["properties"]
    assert definitions["outcome"]["enum"] == list(OUTCOMES)
    assert device["reason"]["enum"] == ["", *REASONS]
    assert device["verdict"]["enum"] == list(VERDICTS)
    assert device["actions"]["items"]["enum"] == list(ACTIONS)
    assert definitions["header"]["properties"]["policies"]["items"]["properties"]["state"]["enum"] == list(STATES)
    assert definitions["totals"]["properties"]["unenforceable"]["propertyNames"]["enum"] == list(REASONS)
    for kind in ("header_1", "header", "exemption_row", "class", "plan", "write", "device", "totals", "exemption", "finding"):
        assert definitions[kind]["additionalProperties"] is False
    assert set(device) == set(row("pc").to_plain())


def test_every_line_that_is_written_fits_the_schema(tmp_path: pathlib.Path) -> None:
    made = record(tmp_path)
    devices = 0
    for outcome in OUTCOMES:
        devices += 1
        made.add_device([row("a-%s" % outcome, outcome)])
    odd: list[dict[str, Any]] = [
        {"before": "not_observed", "outcome": "not_observable"},
        {"outcome": "removed", "findings": (FINDING, {**FINDING, "held": "hold", "blocked_before": "true"}), "mechanism": ("apt pin",)},
        {"outcome": "exempt", "decision": decision("exempt", exemption=EXEMPTION)},
        {"outcome": "exemption_expired", "reason": "removed", "decision": decision(exemption={**EXEMPTION, "state": "expired"})},
        {"outcome": "removal_requested", "requested_at": NOW},
        {"outcome": "out_of_scope", "decision": decision("out_of_scope", rule=None)},
    ]
    for number, more in enumerate(odd):
        devices += 1
        made.add_device([row("b-%d" % number, **more)])
    devices += 1
    public = {"id": 7, "serial": None, "platform": "linux", "ownership": ["odd"], "department": 12}
    made.add_device([Row(public, "tiktok", decision(), Outcome("compliant"), before="absent", seen_at=NOW)])
    made.close(devices, devices, {"findings": 2, "decision_due": ["city-tiktok"], "notes": ["city-tiktok: the review is due today"]})
    for line in read_rows(made.path):
        VALIDATOR.validate(line)
    verify_record(made.path)


def valid_rows() -> dict[str, dict[str, Any]]:
    return {
        "header": {
            "row": "header", "format": 2, "run_id": "20230315T000000Z", "target": "hosts", "evidence": "all", **HEADER, "number": 1,
            "previous": None,
        },
        "header_1": HEADER_1,
        "exemption_row": {
            "row": "exemption", "policy": "uk", "exemption": "EX-1", "state": "active", "devices": 3,
            "unmatched": ["devices[0]", "users[1]"], "several": {"devices[1]": 2},
        },
        "class": {"row": "class", "class": {"facts": {"platform": "ios"}}, "devices": [["d1", "S1"], ["d2", None]]},
        "plan": {"row": "plan", **CHANGE},
        "write": {"row": "write", "method": "POST", "place": "https://tenant.example/groups", "what": "create a group"},
        "device": row("pc", "removed", findings=(FINDING,)).to_plain(),
        "totals": {
            "row": "totals", "devices": 1, "in_scope": 1, "rows": 1, "outcomes": {"removed": 1}, "totals": {"tiktok": {"removed": 1}},
            "unenforceable": {}, "reasons": {}, "planned": 0, "writes": 0,
            "stopped": None, "fleet": "complete", "findings": 1, "drift": 0, "decision_due": [], "notes": [], "hash": "0" * 64,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("header", {"now": "2023-03-15T00:00:00+01:00"}),
        ("header", {"now": "yesterday"}),
        ("header", {"mode": "dry"}),
        ("header", {"run_id": "../20230315T000000Z"}),
        ("header", {"previous": "unknown"}),
        ("header", {"password": "secret"}),
        ("header", {"format": 3}),
        ("header", {"number": 0}),
        ("header", {"wall_clock": "yesterday"}),
        ("header", {"run_by": {"user": "ops", "host": "controller", "commit": None, "password": "x"}}),
        ("header", {"ledger_sha256": "0"}),
        ("header_1", {"number": 1}),
        ("header_1", {"mode": "dry"}),
        ("exemption_row", {"state": "pending"}),
        ("exemption_row", {"unmatched": ["ada@city.example"]}),
        ("exemption_row", {"several": {"devices[0]": 1}}),
        ("class", {"devices": []}),
        ("class", {"devices": [["d1"]]}),
        ("class", {"class": {"facts": {}, "user": "jane"}}),
        ("plan", {"op": "wipe"}),
        ("plan", {"reaches": -1}),
        ("plan", {"body": "secret"}),
        ("write", {"headers": {}}),
        ("totals", {"fleet": "short"}),
        ("totals", {"reasons": {"tiktok": {"exempt": {"because": 1}}}}),
        ("device", {"outcome": "gone"}),
        ("device", {"reason": "because"}),
        ("device", {"outcome": "cannot_enforce", "reason": ""}),
        ("device", {"outcome": "removed", "before": "not_observed"}),
        ("device", {"before": "not_observed", "outcome": "not_observable", "reason": "no_backend"}),
        ("device", {"user": "jane"}),
        ("device", {"findings": [{**FINDING, "path": "/home/jane/x"}]}),
        ("device", {"row": "totals"}),
        ("totals", {"outcomes": {"gone": 1}}),
        ("totals", {"totals": {"tiktok": {"removed": -1}}}),
        ("totals", {"hash": "0" * 63}),
    ],
)
def test_the_schema_refuses(kind: str, wrong: dict[str, Any]) -> None:
    line = valid_rows()[kind]
    VALIDATOR.validate(line)
    assert not VALIDATOR.is_valid({**line, **wrong})


# Totals


@given(
    fleet=st.lists(st.lists(st.sampled_from(OUTCOMES), min_size=2, max_size=2), max_size=20), level=st.sampled_from(["all", "exceptions"])
)
@in_a_fresh_directory
def test_f_totals_add_up_per_app_and_over_all(tmp_path: pathlib.Path, fleet: list[list[str]], level: str) -> None:
    made = record(tmp_path, level)
    for number, (first, second) in enumerate(fleet):
        made.add_device([row("pc-%d" % number, first), row("pc-%d" % number, second, app="wechat")])
    last = made.close(len(fleet), len(fleet))
    assert verify_record(made.path) == last
    for position, app in enumerate(("tiktok", "wechat")):
        assert last["totals"].get(app, {}) == dict(Counter(outcomes[position] for outcomes in fleet))
    assert last["outcomes"] == dict(Counter(min(outcomes, key=GRAVITY.index) for outcomes in fleet))
    summary = summary_of(last)
    assert sum(count for name, count in summary.items() if name in OUTCOMES) == summary["devices"] == len(fleet)
    assert last["rows"] == sum(each["row"] == "device" for each in read_rows(made.path))
    left_out = {name for outcomes in fleet for name in outcomes} - {each["outcome"] for each in read_rows(made.path)[1:-1]}
    assert left_out == (set() if level == "all" else left_out & {"compliant", "not_in_force", "not_applicable", "out_of_scope"})


def test_a_device_between_two_chairs_is_an_error_and_the_record_is_not_finished(tmp_path: pathlib.Path) -> None:
    made = record(tmp_path)
    made.add_device([row("pc-1"), row("pc-1", app="wechat")])
    made.add_device([row("pc-2")])
    with pytest.raises(EvidenceError, match="the outcomes of wechat add up to 1, but there are 2 devices"):
        made.close(2, 2)
    assert not os.path.exists(made.path)
    assert os.path.exists(made.path + ".partial")

    made = record(tmp_path)
    made.add_device([row("pc-1")])
    with pytest.raises(EvidenceError, match=r"all apps add up to 1, but there are 2.*tiktok add up to 1"):
        made.close(2, 2)
    made = record(tmp_path)
    made.add_device([row("pc-1")])
    with pytest.raises(EvidenceError, match="2 devices are in scope, but there are 1"):
        made.close(1, 2)


def test_exceptions_count_what_they_leave_out_and_keep_what_was_found(tmp_path: pathlib.Path) -> None:
    made = record(tmp_path, "exceptions")
    made.add_device([row("quiet")])
    made.add_device([row("outside", "out_of_scope", before="not_observed")])
    made.add_device([row("reviewed", "not_in_force", "under_review", before="present")])
    made.add_device([row("proposed", "not_in_force", "report_only")])
    made.add_device([row("elsewhere", "not_applicable", before="not_observed")])
    made.add_device([row("lifted", "not_in_force", "lift_pending", before="not_observed")])
    made.add_device([row("gone", "removed")])
    last = made.close(7, 6)
    assert [each.get("device") for each in read_rows(made.path)[1:-1]] == ["reviewed", "lifted", "gone"]
    assert last["totals"] == {"tiktok": {"compliant": 1, "removed": 1, "out_of_scope": 1, "not_in_force": 3, "not_applicable": 1}}
    assert verify_record(made.path)["rows"] == 3


def test_an_empty_fleet_has_a_record(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, [])
    assert verify_record(str(path))["devices"] == 0


# The chain


def test_run_ids_sort_by_time_and_then_by_number(tmp_path: pathlib.Path) -> None:
    ids = [choose_run_id(str(tmp_path), NOW) for _unused in range(12)]
    assert ids[:3] == ["20230315T000000Z", "20230315T000000Z-2", "20230315T000000Z-3"]
    assert ids[-1] == "20230315T000000Z-12"
    assert sorted(ids, key=evidence._sort_key) == ids
    assert choose_run_id(str(tmp_path), "2023-03-15T00:00:01Z") == "20230315T000001Z"
    for wrong in ("yesterday", "2023-03-15", ""):
        with pytest.raises(EvidenceError, match="can't name a run"):
            choose_run_id(str(tmp_path), wrong)


def test_every_record_carries_the_hash_of_the_one_before(tmp_path: pathlib.Path) -> None:
    """Twelve runs at one instant: run -10 comes after -9, not after -1."""
    paths = [write(tmp_path, ["compliant"]) for _unused in range(12)] + [write(tmp_path, ["removed"], now="2023-03-16T00:00:00Z")]
    hashes = [verify_record(str(path))["hash"] for path in paths]
    assert [read_rows(str(path))[0]["previous"] for path in paths] == [None, *hashes[:-1]]
    assert len(set(hashes)) == len(hashes)


def test_targets_of_one_run_have_chains_of_their_own_and_can_be_written_at_once(tmp_path: pathlib.Path) -> None:
    targets = ["hosts", "intune", "jamf.example", "nano-mdm"]
    for number in range(3):
        run_id = choose_run_id(str(tmp_path), NOW)
        problems: list[BaseException] = []

        def one(target: str, run_id: str, problems: list[BaseException]) -> None:
            try:
                made = EvidenceRecord(str(tmp_path), run_id, target, HEADER, "all")
                for device in range(50):
                    made.add_device([row("%s-%d" % (target, device))])
                made.close(50, 50)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=one, args=(target, run_id, problems)) for target in targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        for target in targets:
            path = tmp_path / run_id / (target + ".jsonl")
            assert verify_record(str(path))["devices"] == 50
            assert (read_rows(str(path))[0]["previous"] is None) == (number == 0)
    assert len({previous_closing(str(tmp_path), target, "20230316T000000Z") for target in targets}) == len(targets)


def test_a_missing_record_shows_in_the_one_after_it(tmp_path: pathlib.Path) -> None:
    first, second, third = (write(tmp_path, ["compliant"]) for _unused in range(3))
    second.unlink()
    assert read_rows(str(third))[0]["previous"] != closing_hash(str(first))


def test_a_killed_run_leaves_its_partial_record_and_does_not_break_the_next(tmp_path: pathlib.Path) -> None:
    first = write(tmp_path, ["compliant"])
    killed = record(tmp_path)
    killed.add_device([row("pc-1", "removed")])
    killed.abandon()
    assert not os.path.exists(killed.path)
    partial = pathlib.Path(killed.path + ".partial")
    assert [json.loads(line)["row"] for line in partial.read_text(encoding="utf-8").splitlines()] == ["header", "device"]
    after = write(tmp_path, ["compliant"])
    assert after.parent.name == "20230315T000000Z-3"
    assert read_rows(str(after))[0]["previous"] == closing_hash(str(first))
    with pytest.raises(EvidenceError, match="no totals with a hash"):
        verify_record(str(partial))
    with pytest.raises(EvidenceError, match="the record is closed"):
        killed.add_device([row("pc-2", "removed")])


def test_a_cut_record_stops_the_next_one_with_the_way_on(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["compliant"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match=r"does not end with its hash .+ move it aside and keep it"):
        write(tmp_path, ["compliant"])


def test_a_record_is_never_overwritten(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["compliant"])
    before = path.read_bytes()
    with pytest.raises(EvidenceError, match="this run and target have a record already"):
        EvidenceRecord(str(tmp_path), path.parent.name, "hosts", HEADER)
    open_one = record(tmp_path)
    with pytest.raises(EvidenceError, match="this run and target have a record already"):
        EvidenceRecord(str(tmp_path), pathlib.Path(open_one.path).parent.name, "hosts", HEADER)
    open_one.abandon()
    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["hosts.jsonl"]


# Tampering

LINES = 5


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = write(tmp_path_factory.mktemp("evidence"), ["compliant", "removed", "cannot_enforce"])
    content = path.read_bytes()
    assert content.count(b"\n") == LINES
    return content


def verdict_on(content: bytes, directory: pathlib.Path) -> None:
    path = directory / "tampered.jsonl"
    path.write_bytes(content)
    verify_record(str(path))


@given(place=st.integers(0, 10**6), value=st.integers(1, 255))
@in_a_fresh_directory
def test_a_change_of_any_byte_is_found(tmp_path: pathlib.Path, untouched: bytes, place: int, value: int) -> None:
    tampered = bytearray(untouched)
    tampered[place % len(tampered)] ^= value
    with pytest.raises(EvidenceError):
        verdict_on(bytes(tampered), tmp_path)


@given(place=st.integers(0, 10**6), text=st.binary(max_size=5), length=st.integers(0, 5))
@in_a_fresh_directory
def test_an_insertion_or_deletion_anywhere_is_found(tmp_path: pathlib.Path, untouched: bytes, place: int, text: bytes, length: int) -> None:
    at = place % (len(untouched) + 1)
    tampered = untouched[:at] + text + untouched[at + length :]
    if tampered == untouched:
        verdict_on(tampered, tmp_path)
    else:
        with pytest.raises(EvidenceError):
            verdict_on(tampered, tmp_path)


@pytest.mark.parametrize("line", range(LINES))
def test_a_line_left_out_or_doubled_is_found(tmp_path: pathlib.Path, untouched: bytes, line: int) -> None:
    lines = untouched.splitlines(keepends=True)
    for tampered in (lines[:line] + lines[line + 1 :], [*lines[:line], lines[line], *lines[line:]]):
        with pytest.raises(EvidenceError):
            verdict_on(b"".join(tampered), tmp_path)


def resealed(lines: list[dict[str, Any]]) -> bytes:
    """What a forger would write who knows how the hash is made."""
    return sealed([*lines[:-1], {key: value for key, value in lines[-1].items() if key != "hash"}])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[-1]["totals"]["tiktok"].update(removed=2), "do not add up"),
        (lambda lines: lines[-1].update(devices=4), "do not add up"),
        (lambda lines: lines[-1].update(rows=2), "it says 2 rows and has 3"),
        (lambda lines: lines[2].update(outcome="compliant"), "devices are compliant, and 2 rows say so"),
        (lambda lines: lines[2].update(app="wechat"), "1 devices are removed, and 0 rows say so"),
        (lambda lines: lines.pop(0), "does not begin with a header"),
        (lambda lines: lines[2].update(row="totals"), "line 3 is none of a record's"),
        (lambda lines: lines[-1].pop("totals"), "not those of a record"),
        (lambda lines: lines[-1].update(totals=[]), "not those of a record"),
        (lambda lines: lines.__delitem__(slice(0, -1)), "it has no header"),
    ],
)
def test_a_resealed_record_still_has_to_be_consistent(tmp_path: pathlib.Path, untouched: bytes, change: Any, told: str) -> None:
    lines = [json.loads(line) for line in untouched.splitlines()]
    verdict_on(resealed(lines), tmp_path)
    change(lines)
    with pytest.raises(EvidenceError, match=told):
        verdict_on(resealed(lines), tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"null\n", b'{"row": "totals"}\n', b"\xff\xfe\n"])
def test_what_is_no_record_is_called_so_without_a_traceback(tmp_path: pathlib.Path, content: bytes) -> None:
    with pytest.raises(EvidenceError):
        verdict_on(content, tmp_path)
    with pytest.raises(EvidenceError, match="cannot read"):
        verify_record(str(tmp_path / "none.jsonl"))


# Trouble with the directory


def test_a_directory_that_is_a_file_is_named(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "evidence"
    file.write_text("", encoding="utf-8")
    with pytest.raises(EvidenceError, match="cannot write evidence: Not a directory"):
        choose_run_id(str(file), NOW)
    with pytest.raises(EvidenceError, match="Choose a writable appban_evidence_dir"):
        EvidenceRecord(str(file), "20230315T000000Z", "hosts", HEADER)
    with pytest.raises(EvidenceError, match="Choose a writable appban_evidence_dir"):
        choose_run_id("/proc/appban", NOW)


@pytest.mark.parametrize("number", [28, 5], ids=["full", "broken"])
def test_a_disk_that_fails_is_said_and_no_record_is_finished(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    made = record(tmp_path)
    made.add_device([row("pc-1")])

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(EvidenceError, match="cannot finish the record: "):
        made.close(1, 1)
    assert not os.path.exists(made.path)


@pytest.mark.parametrize("name", ["../x", "", "a/b", "-x", "x" * 200, "hosts\n"])
def test_names_that_leave_the_directory_are_refused(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(EvidenceError, match="can't be the name of a record"):
        EvidenceRecord(str(tmp_path), "20230315T000000Z", name, HEADER)
    with pytest.raises(EvidenceError, match="can't be the id of a run"):
        EvidenceRecord(str(tmp_path), name, "hosts", HEADER)
    assert list(tmp_path.iterdir()) == []


def test_others_cannot_read_a_record(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "evidence", ["compliant"])
    assert path.stat().st_mode & 0o007 == 0
    assert path.parent.stat().st_mode & 0o007 == 0


def test_an_unknown_level_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EvidenceError, match=r"unknown evidence level 'some'\. Use one of: exceptions, all"):
        EvidenceRecord(str(tmp_path), "20230315T000000Z", "hosts", HEADER, "some")


def test_text_that_has_no_utf_8_is_written_as_json(tmp_path: pathlib.Path) -> None:
    made = record(tmp_path)
    made.add_device([row("pc-\udc80-žluťoučký")])
    made.close(1, 1)
    assert verify_record(made.path)["devices"] == 1
    assert read_rows(made.path)[1]["device"] == "pc-\udc80-žluťoučký"


# Size


@pytest.mark.heavy
def test_a_record_of_100_000_rows_keeps_memory_flat(tmp_path: pathlib.Path) -> None:
    made = record(tmp_path)
    each = [row("pc", "removed", findings=(FINDING,))]
    made.add_device(each)
    before = sys.getallocatedblocks()
    for _unused in range(99_999):
        made.add_device(each)
    assert sys.getallocatedblocks() - before < 1000
    assert made.close(100_000, 100_000)["rows"] == 100_000
    assert os.path.getsize(made.path) > 50_000_000


def test_checking_a_record_keeps_memory_flat(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["removed"] * 10_000)
    tracemalloc.start()
    try:
        verify_record(str(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < os.path.getsize(path) / 10


def test_a_tampered_block_keeps_its_row_even_where_the_device_is_compliant(tmp_path: pathlib.Path) -> None:
    record = EvidenceRecord(str(tmp_path), choose_run_id(str(tmp_path), NOW), "hosts", HEADER, "exceptions")
    quiet, tampered = row("pc-1"), row("pc-2", drift=("apt: /etc/apt/preferences.d/appban was deleted",))
    assert quiet.outcome.name == tampered.outcome.name == "compliant"
    record.add_device([quiet])
    record.add_device([tampered])
    record.close(2, 2)
    assert [(line["device"], line["drift"]) for line in read_rows(record.path)[1:-1]] == [("pc-2", list(tampered.drift))]
    verify_record(record.path)
