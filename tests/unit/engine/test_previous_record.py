# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the last run knew: from the newest record whose fleet was read whole, of this format and of the one before."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord
from ansible_collections.appban.endpoint.plugins.module_utils.engine.previous_record import (
    PreviousRecord,
    Remembered,
    read_previous_record,
)
from tests.support.records import HEADER, NOW, decision, row, write, write_format_1

LATER = "20240101T000000Z"
IOS: Mapping[str, Any] = {"facts": {"platform": "ios"}}


def record(
    directory: pathlib.Path,
    run_id: str,
    classes: Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, str | None]]]] = (),
    fleet: str = "complete",
    present: Sequence[str] = (),
    **header: Any,
) -> str:
    made = EvidenceRecord(str(directory), run_id, "hosts", {**HEADER, **header}, "exceptions")
    made.add_classes(classes)
    devices = [device for _facts, members in classes for device, _serial in members]
    for device in devices:
        made.add_device(
            [row(device, "violating" if device in present else "compliant", before="present" if device in present else "absent")]
        )
    made.close(len(devices), len(devices), {"stopped": None, "fleet": fleet})
    return made.path


@pytest.mark.fault_kind("T2", "where an app was seen is forgotten after one run that could not tell")
def test_where_an_app_was_last_seen_is_handed_on(tmp_path: pathlib.Path) -> None:
    made = EvidenceRecord(str(tmp_path), "20230101T000000Z", "hosts", HEADER, "exceptions")
    made.add_device([row("d1", "not_observable", "source_contradicts", before="not_observed", last_seen_at="2022-12-31T08:00:00Z")])
    made.close(1, 1, {"stopped": None, "fleet": "complete"})
    assert read_previous_record(str(tmp_path), "hosts", LATER).seen == {("d1", "tiktok"): "2022-12-31T08:00:00Z"}


def test_without_a_record_nothing_is_known(tmp_path: pathlib.Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        found = read_previous_record(str(directory), "hosts", LATER)
        assert not found
        assert found == PreviousRecord()


@pytest.mark.fault_kind("T1", "what the last run knew is every device in scope, compliant ones too")
def test_it_knows_everybody_in_scope_at_every_level(tmp_path: pathlib.Path) -> None:
    path = record(tmp_path, "20230101T000000Z", [(IOS, [("d1", "S1"), ("d2", None)])], present=["d2"])
    found = read_previous_record(str(tmp_path), "hosts", LATER)
    assert found
    assert (found.path, found.run_id, found.now, found.devices, found.unread) == (path, "20230101T000000Z", NOW, 2, 0)
    assert found.in_scope == {"d1": Remembered("S1", IOS), "d2": Remembered(None, IOS)}
    assert found.seen == {("d2", "tiktok"): NOW}, "where the app was seen, and when"


@pytest.mark.fault_kind("T1", "a short fleet that was refused becomes no measure for the next run")
@pytest.mark.parametrize("fleet", ["doubted", "unread"])
def test_a_record_of_a_fleet_that_was_not_read_is_passed_over(tmp_path: pathlib.Path, fleet: str) -> None:
    record(tmp_path, "20230101T000000Z", [(IOS, [("d1", "S1")])])
    record(tmp_path, "20230102T000000Z", fleet=fleet)
    record(tmp_path, "20230103T000000Z", fleet=fleet)
    found = read_previous_record(str(tmp_path), "hosts", LATER)
    assert (found.run_id, found.devices, found.unread) == ("20230101T000000Z", 1, 2)


def test_only_unread_records_are_none(tmp_path: pathlib.Path) -> None:
    record(tmp_path, "20230102T000000Z", fleet="unread")
    found = read_previous_record(str(tmp_path), "hosts", LATER)
    assert not found
    assert found.unread == 1


def test_a_rehearsal_has_read_the_fleet_too(tmp_path: pathlib.Path) -> None:
    record(tmp_path, "20230101T000000Z", [(IOS, [("d1", "S1")])], mode="check")
    assert read_previous_record(str(tmp_path), "hosts", LATER).devices == 1


def test_what_was_written_last_counts_whatever_its_instant_and_no_other_target_does(tmp_path: pathlib.Path) -> None:
    record(tmp_path, "20230101T000000Z", [(IOS, [("d1", "S1")])])
    write(tmp_path, ["compliant"] * 3, now="2023-01-02T00:00:00Z", target="intune")
    record(tmp_path, "20230103T000000Z", [(IOS, [("d1", "S1"), ("d2", "S2")])])
    # The instant of a run may have been given; and one that waited for another begins before it and is written after it.
    assert read_previous_record(str(tmp_path), "hosts", "20230102T000000Z").devices == 2
    assert read_previous_record(str(tmp_path), "hosts", LATER).devices == 2
    assert read_previous_record(str(tmp_path), "hosts", "20230103T000000Z").devices == 1, "its own run is none"


@pytest.mark.fault_kind("T1b", "an upgrade: what a record of an earlier release knew")
def test_a_record_of_format_1_knows_those_that_it_names(tmp_path: pathlib.Path) -> None:
    write_format_1(tmp_path, ["violating", "out_of_scope", "exempt"])
    found = read_previous_record(str(tmp_path), "hosts", LATER)
    assert found.devices == 3
    assert found.in_scope == {name: Remembered("S-" + name, {}) for name in ("pc-1", "pc-2", "pc-3")}, "no facts are in it"


def test_a_device_out_of_scope_is_in_no_memory(tmp_path: pathlib.Path) -> None:
    made = EvidenceRecord(str(tmp_path), "20230101T000000Z", "hosts", HEADER, "all")
    made.add_device([row("d1", "out_of_scope", decision=decision("out_of_scope"))])
    made.close(1, 0, {"stopped": None, "fleet": "complete"})
    found = read_previous_record(str(tmp_path), "hosts", LATER)
    assert (found.devices, found.in_scope) == (1, {})


@pytest.mark.parametrize(
    "content", [b"[]\n", b"half a li", b'{"row": "header"}\n{"row": "totals"}\n', b"\xff\n", b'{"row": 1}\n{"row": "totals"}\n']
)
def test_a_record_that_makes_no_sense_stops_the_run(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "20230101T000000Z" / "hosts.jsonl"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=r"hosts\.jsonl"):
        read_previous_record(str(tmp_path), "hosts", LATER)


def test_a_later_releases_record_is_named_as_one(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "20230101T000000Z" / "hosts.jsonl"
    path.parent.mkdir()
    path.write_text('{"row": "header", "format": 3}\n{"row": "news"}\n{"row": "end"}\n', encoding="utf-8")
    with pytest.raises(EvidenceError, match="the format 3, and this release knows 1 and 2"):
        read_previous_record(str(tmp_path), "hosts", LATER)


@given(
    st.dictionaries(st.sampled_from(["ios", "android", "macos"]), st.sets(st.integers(1, 30), min_size=1), max_size=3),
    st.sets(st.integers(1, 30)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_what_is_remembered(
    tmp_path_factory: pytest.TempPathFactory, groups: dict[str, set[int]], present: set[int]
) -> None:
    directory = tmp_path_factory.mktemp("evidence")
    classes = [
        ({"facts": {"platform": name}}, [("%s-%d" % (name, number), "S%s%d" % (name, number)) for number in sorted(numbers)])
        for name, numbers in groups.items()
    ]
    names = [device for _facts, members in classes for device, _serial in members]
    there = [name for name in names if int(name.rpartition("-")[2]) in present]
    record(directory, "20230101T000000Z", classes, present=there)
    found = read_previous_record(str(directory), "hosts", LATER)
    assert {device: (known.serial, known.facts) for device, known in found.in_scope.items()} == {
        device: (serial, facts) for facts, members in classes for device, serial in members
    }
    assert set(found.seen) == {(name, "tiktok") for name in there}
    assert found.devices == len(names)


def of(*policies: str) -> list[dict[str, Any]]:
    return [{**HEADER["policies"][0], "policy": policy} for policy in policies]


@pytest.mark.fault_kind("T1b", "a run of another ban in between makes this one forget")
def test_what_runs_of_other_policies_do_not_say_the_last_one_about_a_policy_does(tmp_path: pathlib.Path) -> None:
    work: Mapping[str, Any] = {"facts": {"platform": "ios", "paid_use": "full"}, "exemptions": ["city/EX-1"]}
    record(tmp_path, "20230101T000000Z", [(work, [("d1", "S1"), ("d2", None)])], present=["d2"], policies=of("city"))
    record(tmp_path, "20230102T000000Z", [(work, [("d3", "S3")])], policies=of("third"))
    record(tmp_path, "20230103T000000Z", [(IOS, [("d1", "S1"), ("d4", "S4")])], policies=of("other"), now="2023-03-20T00:00:00Z")
    found = read_previous_record(str(tmp_path), "hosts", LATER, ["city", "other"])
    assert (found.run_id, found.devices) == ("20230103T000000Z", 2)
    assert set(found.in_scope) == {"d1", "d2", "d4"}
    assert found.in_scope["d1"].facts["facts"] == {"platform": "ios", "paid_use": "full"}
    assert found.in_scope["d1"].facts["as_of"] == {"paid_use": NOW}
    assert found.in_scope["d1"].facts["exemptions"] == ["city/EX-1"]
    assert found.seen == {("d2", "tiktok"): NOW}
    assert set(read_previous_record(str(tmp_path), "hosts", LATER, ["other"]).in_scope) == {"d1", "d4"}
