# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few lines at the end of a run, and the instant that it all rests on."""

from __future__ import annotations

import dataclasses
import pathlib
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, choose_run_id, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import OUTCOMES
from ansible_collections.appban.endpoint.plugins.module_utils.engine.presence import Presence
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_instant import run_instant
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_summary import presence_lines, summary_lines, total_line
from tests.support.records import HEADER, NOW, row, write

RUN = {"now": NOW, "policies": [{"policy": "city-tiktok", "state": "enforced"}, {"policy": "nation", "state": "report_only"}]}


def test_a_person_reads_counts_reasons_notes_and_where_the_evidence_is(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["removed", "removed", "recurred", "cannot_enforce", "compliant"])
    lines = summary_lines(verify_record(str(path)), RUN, "evidence/hosts.jsonl", False, ["city-tiktok: the review is due today"])
    assert lines == [
        "city-tiktok, nation (report_only) at 2023-03-15T00:00:00Z",
        "tiktok on 5 devices (5 in scope): 1 compliant, 2 removed, 1 came back and was removed, 1 cannot enforce",
        "why not: no_backend 1",
        "note: city-tiktok: the review is due today",
        "evidence: evidence/hosts.jsonl",
    ]


def test_drift_is_named_but_never_floods_the_terminal(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["compliant"])
    lines = summary_lines(verify_record(str(path)), RUN, "x", False, [], ["desk-%d: the pin was deleted" % number for number in range(25)])
    assert lines.count("drift: desk-0: the pin was deleted") == 1
    assert len([line for line in lines if line.startswith("drift: desk-")]) == 20
    assert "drift: and 5 more, -v shows all" in lines


def test_check_mode_is_said_first(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ["violating"])
    lines = summary_lines(verify_record(str(path)), RUN, "x", True, [])
    assert lines[0].endswith(", check mode: nothing was changed")
    assert lines[1] == "tiktok on 1 device (1 in scope): 1 not as the policy wants it"


def counted(directory: pathlib.Path, *outcomes: tuple[str, str]) -> str:
    """The line of the app for devices of these outcomes and reasons."""
    record = EvidenceRecord(str(directory), choose_run_id(str(directory), NOW), "hosts", HEADER, "all")
    for number, (outcome, reason) in enumerate(outcomes):
        record.add_device([row("pc-%d" % number, outcome, reason)])
    return summary_lines(record.close(len(outcomes), len(outcomes)), RUN, "x", False, [])[1].partition(": ")[2]


@pytest.mark.fault_kind("R4", "a person reads compliant of a ban that is not in force")
def test_a_ban_that_is_not_in_force_says_why(tmp_path: pathlib.Path) -> None:
    assert counted(tmp_path, ("not_in_force", "ban_lifted")) == "1 not in force (lifted)"
    assert counted(tmp_path, *[("not_in_force", "report_only")] * 2) == "2 not in force (only proposed)"
    assert (
        counted(
            tmp_path, ("compliant", ""), ("not_in_force", "lift_pending"), *[("not_in_force", "ban_lifted")] * 3, ("not_applicable", "")
        )
        == "1 compliant, 4 not in force (3 lifted, 1 lift pending), 1 not applicable"
    )


@pytest.mark.fault_kind("T8b", "a person reads exempt of a device that still holds the block")
def test_a_release_that_has_not_arrived_is_said(tmp_path: pathlib.Path) -> None:
    assert counted(tmp_path, ("exempt", "release_pending")) == "1 exempt (release pending)"
    assert counted(tmp_path, ("exempt", "release_pending"), ("exempt", ""), ("exempt", "present")) == "3 exempt (1 release pending)"
    assert counted(tmp_path, ("exempt", "present")) == "1 exempt"


def test_a_last_line_without_reasons_has_words_too(tmp_path: pathlib.Path) -> None:
    """A result that an earlier release's module left in a variable."""
    last = verify_record(str(write(tmp_path, ["not_in_force", "exempt"])))
    del last["reasons"]
    assert summary_lines(last, RUN, "x", False, [])[1].endswith("1 exempt, 1 not in force")


@pytest.mark.parametrize("check", [True, False])
def test_every_outcome_has_words_for_a_person(tmp_path: pathlib.Path, check: bool) -> None:
    path = write(tmp_path, OUTCOMES)
    line = summary_lines(verify_record(str(path)), RUN, "x", check, [])[1]
    assert line.count(", ") >= len(OUTCOMES) - 1
    assert "_" not in line


def test_a_fleet_without_devices_has_a_summary(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, [])
    assert len(summary_lines(verify_record(str(path)), RUN, "x", False, [])) == 2


@pytest.mark.parametrize("text", ["2023-03-15T01:00:00+01:00", "2023-03-15T00:00:00Z", "2023-03-14T19:00:00.25-05:00"])
def test_the_instant_of_a_run_is_in_utc_and_whole_seconds(text: str) -> None:
    assert run_instant(text) == datetime(2023, 3, 15, tzinfo=timezone.utc)
    assert run_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["yesterday", "2023-03-15T00:00:00", "2023-03-15", "2023-02-30T00:00:00Z"])
def test_an_instant_that_could_mean_several_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AppbanError, match=r"appban_now is .+For example 2023-03-15T00:00:00\+01:00"):
        run_instant(text)


def test_without_an_instant_the_clock_is_read() -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    assert before <= run_instant(None) <= datetime.now(timezone.utc)
    assert run_instant("").microsecond == 0


def test_who_has_each_app_stands_before_all_else(tmp_path: pathlib.Path) -> None:
    counts = {"present": 12, "absent": 288, "not_observed": 10, "old": 7}
    presence = {"old_days": 30, "apps": {"tiktok": counts, "wechat": {"present": 1, "absent": 1, "not_observed": 0, "old": 1}}}
    last = verify_record(str(write(tmp_path, ["compliant"])))
    assert summary_lines(last, RUN, "x", False, [], presence=presence)[1:4] == [
        "tiktok: 12 of 310 devices in scope have it, 288 don't, 10 unknown; 7 of these looks are older than 30 days",
        "wechat: 1 of 2 devices in scope has it, 1 doesn't; 1 of these looks is older than 30 days",
        "tiktok on 1 device (1 in scope): 1 compliant",
    ]


def test_an_app_that_was_looked_for_nowhere_says_so(tmp_path: pathlib.Path) -> None:
    presence = {"old_days": 30, "apps": {"temu": {"present": 0, "absent": 0, "not_observed": 26, "old": 0}}}
    assert presence_lines(presence) == ["temu: nobody looked on any of 26 devices in scope"]
    assert presence_lines({"apps": {"temu": {"present": 0, "absent": 0, "not_observed": 1, "old": 0}}}) == [
        "temu: nobody looked on the device in scope"
    ]


def test_a_device_for_which_an_app_does_not_exist_is_not_one_on_which_nobody_looked() -> None:
    presence = Presence()
    absent = row("pc-1", "compliant")
    nowhere = dataclasses.replace(row("phone-1", "not_applicable"), decision={**absent.decision, "verdict": "not_applicable"})
    presence.add([nowhere])
    assert presence_lines(presence.as_plain()) == ["tiktok: does not exist on the device in scope"]
    presence.add([dataclasses.replace(absent, before="absent")])
    assert presence_lines(presence.as_plain()) == ["tiktok: 0 of 1 device in scope have it, 1 doesn't; it does not exist on 1 more"]


def test_what_was_done_is_said_of_an_apply_and_not_of_a_check(tmp_path: pathlib.Path) -> None:
    last = verify_record(str(write(tmp_path, ["compliant"])))
    changes = [{"op": "create"}, {"op": "delete"}]
    assert "done: 1 of 2 changes were made" in summary_lines(last, RUN, "x", False, [], changes=changes, made=1)
    assert not any(line.startswith("done") for line in summary_lines(last, RUN, "x", True, [], changes=changes, made=0))


def test_presence_counts_devices_in_scope_and_looks_that_are_old() -> None:
    presence = Presence("2023-02-13T00:00:00Z", 30)
    looks = [("present", "2023-03-01T00:00:00Z"), ("absent", "2023-01-01T00:00:00Z"), ("not_observed", None)]
    for number, (before, seen_at) in enumerate(looks):
        presence.add([dataclasses.replace(row("pc-%d" % number, "compliant"), before=before, seen_at=seen_at)])
    assert presence.as_plain() == {
        "old_days": 30,
        "apps": {"tiktok": {"present": 1, "absent": 1, "not_observed": 1, "not_applicable": 0, "old": 1}},
    }


def test_all_targets_in_one_line_whose_counts_add_up() -> None:
    city = {"status": "changed", "devices": 40, "in_scope": 26, "outcomes": {"compliant": 26, "out_of_scope": 14}}
    hosts = {"status": "clean", "devices": 2, "in_scope": 2, "outcomes": {"compliant": 1, "removed": 1}}
    lost = {"status": "failed", "devices": 0, "in_scope": 0, "outcomes": {}}
    assert total_line({"city": city, "hosts": hosts, "lost": lost}) == (
        "3 targets (1 changed, 1 clean, 1 failed), 42 devices (28 in scope): 27 compliant, 1 removed, 14 out of scope"
    )
    assert total_line({"lost": lost}) == "1 target (1 failed), nothing is claimed of any device"
