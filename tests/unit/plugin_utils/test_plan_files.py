# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan in files: complete for scripts, readable for people, and whole whatever names there are."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord
from ansible_collections.appban.endpoint.plugins.plugin_utils.plan_files import plan_files, planned_changes, write_plans
from ansible_collections.appban.endpoint.plugins.plugin_utils.plan_text import code_block, code_span, diff_lines
from ansible_collections.appban.endpoint.plugins.plugin_utils.shown_lines import visible
from tests.support.records import HEADER, NOW

RUN_ID = "20230315T000000Z"
RUN = {"run_id": RUN_ID, "now": NOW, "mode": "apply", "status": "stopped", "targets": {}}
SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
HOSTILE = ["`` ` ```", "a\nb", "# no heading", "</details><script>", "\u202etxt.exe", "x\u2028y", "\x1b[31mred", "|", "", " ", "\ud800"]


def change(name: str = "BAN uk", before: str | None = None, after: str | None = "a: 1\nb: 2\n", **more: Any) -> dict[str, Any]:
    plain = {"op": "create", "kind": "policy", "name": name, "apps": ["tiktok"], "reaches": 3, "releases": 0}
    return {**plain, "before": before, "after": after, **more}


def record(directory: Path, target: str, *changes: dict[str, Any]) -> EvidenceRecord:
    written = EvidenceRecord(str(directory), RUN_ID, target, HEADER)
    written.add_plan(changes)
    return written


def files(directory: Path, **more: Any) -> tuple[dict[str, Any], str]:
    write_plans(str(directory / RUN_ID), {**RUN, **more})
    data, text = (Path(path) for path in plan_files(str(directory / RUN_ID)))
    assert [stat.S_IMODE(path.stat().st_mode) & 0o137 for path in (data, text)] == [0, 0]
    said = json.loads(data.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(said)
    return said, text.read_text(encoding="utf-8")


@pytest.mark.fault_kind("R5", "the plan of a run that did not finish its record")
def test_both_files_hold_the_plans_of_finished_and_unfinished_records(tmp_path: Path) -> None:
    finished = record(tmp_path, "city", change())
    finished.close(0, 0)
    record(tmp_path, "hosts", change("apt: app", before="x\n", after="y\n", host="desk", kind="package")).abandon()
    record(tmp_path, "school").abandon()
    said, text = files(tmp_path, targets={"city": {"status": "stopped", "message": "stopped: `x`\nsecond line"}})
    assert list(said["targets"]) == ["city", "hosts", "school"]
    assert said["targets"]["city"] == [change()]
    assert said["targets"]["school"] == []
    assert "### create policy `BAN uk`" in text
    assert "reaches 3 devices; for `tiktok`." in text
    assert "+a: 1\n+b: 2\n" in text
    assert "### create package `apt: app` on `desk`" in text
    assert "-x\n+y\n" in text
    assert "## `school`\n\nNothing to do." in text
    assert "stopped: `x`\nsecond line" in text


@pytest.mark.fault_kind("R5", "targets that came to no plan are not in it, or have nothing to do")
def test_every_target_of_the_run_is_listed_with_why_it_has_no_plan(tmp_path: Path) -> None:
    record(tmp_path, "city", change()).close(0, 0, {"stopped": None, "fleet": "complete"})
    record(tmp_path, "clean").close(0, 0, {"stopped": None, "fleet": "complete"})
    record(tmp_path, "conflict").close(0, 0, {"stopped": None, "fleet": "complete"})
    record(tmp_path, "unread").close(0, 0, {"stopped": "401", "fleet": "unread"})
    record(tmp_path, "short").close(0, 0, {"stopped": "short", "fleet": "doubted"})
    record(tmp_path, "hosts.part-1").close(0, 0, {"stopped": None, "fleet": "complete"})
    record(tmp_path, "hosts.part-2").close(0, 0, {"stopped": None, "fleet": "complete"})
    told: dict[str, dict[str, Any]] = {
        "city": {"status": "failed", "message": "1 of 1 changes was not made\nmore"},
        "clean": {"status": "clean", "message": ""},
        "conflict": {"status": "failed", "message": "somebody else's assignments"},
        "unread": {"status": "failed", "message": "401 `x`\nmore"},
        "short": {"status": "stopped", "message": "short"},
        "hosts.part-1": {"kind": "hosts", "status": "failed", "message": "desk: UNREACHABLE", "outcomes": {"unreachable": 2, "failed": 1}},
        "hosts.part-2": {
            "kind": "hosts",
            "status": "failed",
            "message": "desk: UNREACHABLE",
            "outcomes": {"unreachable": 2, "compliant": 1},
        },
        "refused": {"status": "refused", "message": "refused has the unknown option x"},
        "silent": {"status": "failed", "message": ""},
    }
    said, text = files(tmp_path, targets=told)
    assert list(said["targets"]) == list(said["statuses"]) == sorted(told)
    assert {name: len(changes) for name, changes in said["targets"].items() if changes} == {"city": 1}
    assert said["statuses"] == {
        "city": {"status": "failed", "message": "1 of 1 changes was not made"},
        "clean": {"status": "clean", "message": ""},
        "conflict": {"status": "failed", "message": "somebody else's assignments"},
        "unread": {"status": "failed", "message": "no plan was made: 401 `x`"},
        "short": {"status": "stopped", "message": "no plan was made: short"},
        "hosts.part-1": {"status": "failed", "message": "no plan was made: desk: UNREACHABLE"},
        "hosts.part-2": {"status": "failed", "message": "no plan was made for every host: desk: UNREACHABLE"},
        "refused": {"status": "refused", "message": "no plan was made: refused has the unknown option x"},
        "silent": {"status": "failed", "message": "no plan was made"},
    }
    sections = dict(re.findall(r"## `([^`]+)`\n\n([^\n]+)\n", text))
    assert sections == {
        "city": "1 to create. Status: `failed`.",
        "clean": "Nothing to do. Status: `clean`.",
        "conflict": "Nothing to do. Status: `failed`.",
        "unread": "No plan was made: `` 401 `x` ``. Status: `failed`.",
        "short": "No plan was made: `short`. Status: `stopped`.",
        "hosts.part-1": "No plan was made: `desk: UNREACHABLE`. Status: `failed`.",
        "hosts.part-2": "No plan was made for every host: `desk: UNREACHABLE`. Status: `failed`.",
        "refused": "No plan was made: `refused has the unknown option x`. Status: `refused`.",
        "silent": "No plan was made. Status: `failed`.",
    }


@pytest.mark.fault_kind("R6", "the plan of a part of a job")
def test_the_plan_of_a_part_is_its_own(tmp_path: Path) -> None:
    for part in ("1of2", "2of2"):
        record(tmp_path, f"hosts.part-{part}", change(part, host="desk")).abandon()
    for part in ("1of2", "2of2"):
        write_plans(str(tmp_path / RUN_ID), {**RUN, "targets": {f"hosts.part-{part}": {"status": "failed"}}}, part)
    for part in ("1of2", "2of2"):
        data, text = (Path(path) for path in plan_files(str(tmp_path / RUN_ID), part))
        assert (data.name, text.name) == (f"plan.part-{part}.json", f"plan.part-{part}.md")
        [(name, [planned])] = json.loads(data.read_text(encoding="utf-8"))["targets"].items()
        assert (name, planned["name"]) == (f"hosts.part-{part}", part)
    assert not (tmp_path / RUN_ID / "plan.json").exists()


def test_a_run_without_records_has_an_empty_plan(tmp_path: Path) -> None:
    (tmp_path / RUN_ID).mkdir()
    assert files(tmp_path)[0]["targets"] == {}


def test_a_record_that_was_cut_gives_what_is_whole(tmp_path: Path) -> None:
    cut = record(tmp_path, "city", change(), change("other"))
    cut.abandon()
    path = Path(cut.partial_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert [each["name"] for each in planned_changes(str(path))] == ["BAN uk"]


@pytest.mark.fault_kind("R5", "names that would break the plan's page")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_in_its_place(tmp_path: Path, name: str) -> None:
    record(tmp_path, "city", change(name, before=f"```\n{name}\n", after=f"````\n{name}\n", host=name, apps=[name])).abandon()
    said, text = files(tmp_path)
    assert said["targets"]["city"][0]["name"].encode("utf-8", "backslashreplace") == name.encode("utf-8", "backslashreplace")
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("#")] == lines[:1] + [
        line for line in lines if re.match(r"##+ (`city`|create policy )", line)
    ]
    assert len([line for line in lines if line.startswith("#")]) == 3
    fences = [line for line in lines if re.match("`{3,}", line)]
    assert len(fences) == 2
    assert fences[0] == fences[1] + "diff"


@pytest.mark.fault_kind("R5", "a plan that would flood the page")
def test_each_change_and_their_number_are_bounded(tmp_path: Path) -> None:
    many = [change(f"policy {number}") for number in range(250)]
    many[0]["after"] = "".join(f"line {number} {'x' * 1000}\n" for number in range(500))
    many[1]["after"] = "\n" * 100_000
    record(tmp_path, "city", *many).abandon()
    said, text = files(tmp_path)
    assert len(said["targets"]["city"]) == 250
    assert text.count("\n### ") == 200
    assert "And 50 more, see plan.json." in text
    assert len(text) < 200_000


@given(st.text())
def test_a_code_span_is_one_line_that_nothing_ends(text: str) -> None:
    span = code_span(text)
    assert len(span.splitlines()) == 1
    fence = re.match("`+", span)
    assert fence is not None
    inner = span[len(fence[0]) : -len(fence[0])]
    assert span.endswith(fence[0])
    assert fence[0] not in re.findall("`+", inner)


@given(st.lists(st.text()))
def test_a_code_block_ends_where_it_shall(lines: list[str]) -> None:
    block = code_block(lines)
    assert len("\n".join(block).splitlines()) == len(lines) + 2
    assert all(not line.startswith(block[-1]) for line in block[1:-1])


@given(st.text(), st.text())
def test_a_diff_has_all_that_is_new_and_old(before: str, after: str) -> None:
    lines = diff_lines(before, after, "x")
    assert bool(lines) == (before != after)
    assert all(len(line.splitlines()) <= 1 for line in lines)


def test_what_nobody_sees_is_shown() -> None:
    assert visible("a\u200eb\n") == "a\\u200eb\\x0a"
