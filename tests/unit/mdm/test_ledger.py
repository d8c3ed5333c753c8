# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what a killed run, a corrupt disk and check mode make of it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Asked, Assigned, Ledger, ended_events

AT = "2023-03-20T09:00:00Z"
STAGE = "city/Private devices with work apps – città/2023-03-01T00:00:00Z"
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(("present", "gone", "requested", "withdrawn", "restored")),
            "device": st.sampled_from(("d1", "d2")),
            "app": st.sampled_from(("tiktok", "wechat")),
        }
    ),
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(("noticed", "not_noticed")),
            "device": st.sampled_from(("d1", "d2")),
            "stage": st.sampled_from((STAGE, "s")),
            "app": st.sampled_from(("tiktok", "wechat")),
        }
    ),
    st.fixed_dictionaries({"event": st.just("assigned"), "device": st.just("d1"), "control": st.sampled_from(("BAN a", "BAN b"))}),
    st.fixed_dictionaries({"event": st.just("opted_out"), "device": st.sampled_from(("d1", "d2"))}),
    st.fixed_dictionaries(
        {
            "event": st.just("ended"),
            "device": st.just(""),
            "control": st.sampled_from(("BAN a", "BAN b")),
            "apps": st.lists(st.sampled_from(("tiktok", "wechat")), unique=True),
            "devices": st.lists(st.sampled_from(("d1", "d2", "d3")), min_size=1, unique=True),
        }
    ),
)


def opened(directory: Path, writable: bool = True) -> Ledger:
    return Ledger.open(str(directory), "intune", writable)


def told(ledger: Ledger) -> tuple[object, ...]:
    return ledger.stories, ledger.notices, ledger.assigned, ledger.opted_out, ledger.ended


@given(runs=st.lists(st.lists(EVENTS, max_size=6), max_size=4))
def test_what_was_written_is_read_again(runs: list[list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    written = opened(directory)
    for number, events in enumerate(runs):
        written.write(f"2023-03-2{number}T09:00:00Z", events)
    assert told(opened(directory)) == told(written)


def test_a_story_from_present_to_gone_and_back(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    about = {"device": "d1", "app": "tiktok"}
    ledger.write(AT, [{"event": "present", **about, "ownership": "personal"}, {"event": "requested", **about}])
    assert ledger.story("d1", "tiktok").requested_at == AT
    assert ledger.is_personal("d1")
    assert ledger.devices_with_a_story() == {"d1"}
    ledger.write(AT, [{"event": "gone", **about}])
    story = opened(tmp_path).story("d1", "tiktok")
    assert (story.present, story.removals, story.requested_at) == (False, 1, "")
    ledger.write(AT, [{"event": "present", **about}, {"event": "gone", **about}])
    assert ledger.story("d1", "tiktok").removals == 1, "gone without having been asked for is not our removal"
    assert ledger.devices_with_a_story() == set()


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "never-made", writable=False)
    ledger.write(AT, [{"event": "noticed", "device": "d1", "stage": STAGE, "app": "tiktok"}])
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_say_makes_no_file(tmp_path: Path) -> None:
    opened(tmp_path).write(AT, [])
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_at_any_byte_leaves_a_ledger_that_can_be_used(tmp_path: Path) -> None:
    """What a half line would have said did not happen: it is not taken in, and the next line does not stick to it."""
    ledger = opened(tmp_path)
    ledger.write(AT, [{"event": "noticed", "device": "d1", "stage": STAGE, "app": "tiktok"}])
    whole = Path(ledger.path).read_bytes()
    ledger.write(AT, [{"event": "noticed", "device": "d2", "stage": STAGE, "app": "tiktok"}])
    both = Path(ledger.path).read_bytes()
    for length in range(len(whole), len(both)):
        Path(ledger.path).write_bytes(both[:length])
        after = opened(tmp_path)
        assert after.notices == {("d1", STAGE, "tiktok"): AT}
        after.write("2023-03-21T09:00:00Z", [{"event": "noticed", "device": "d3", "stage": "s", "app": "tiktok"}])
        assert opened(tmp_path).notices == {("d1", STAGE, "tiktok"): AT, ("d3", "s", "tiktok"): "2023-03-21T09:00:00Z"}


def test_a_long_half_line_is_cut_off_too(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.write(AT, [{"event": "noticed", "device": "d1", "stage": "s", "app": "tiktok"}])
    with open(ledger.path, "ab") as handle:
        handle.write(b'{"at": "' + b"x" * 10_000)
    opened(tmp_path).write(AT, [{"event": "noticed", "device": "d2", "stage": "s", "app": "tiktok"}])
    lines = Path(ledger.path).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["device"] for line in lines] == ["d1", "d2"]


@pytest.mark.parametrize(
    "line", ["half a li", "[]", '"text"', "{}", '{"event": "noticed"}', '{"at": "x", "event": "burnt", "device": "d"}', "\xff"]
)
def test_a_line_in_the_middle_that_is_none_of_ours_stops_the_run(tmp_path: Path, line: str) -> None:
    ledger = opened(tmp_path)
    ledger.write(AT, [{"event": "noticed", "device": "d1", "stage": "s", "app": "tiktok"}])
    good = Path(ledger.path).read_bytes()
    Path(ledger.path).write_bytes(good + line.encode("latin-1") + b"\n" + good)
    with pytest.raises(EvidenceError, match="line 2 of the ledger makes no sense") as caught:
        opened(tmp_path)
    assert "Move it aside" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_ledger_that_may_not_be_read_stops_the_run(tmp_path: Path) -> None:
    Path(opened(tmp_path).path).touch(mode=0)
    with pytest.raises(EvidenceError, match="cannot read the ledger"):
        opened(tmp_path)


def test_a_directory_that_can_not_be_made_stops_the_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ledger = Ledger(str(tmp_path / "file" / "intune.ledger.jsonl"))
    with pytest.raises(EvidenceError, match="cannot write the ledger"):
        ledger.write(AT, [{"event": "opted_out", "device": "d1"}])


def test_it_names_devices_and_apps_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "evidence")
    ledger.write(AT, [{"event": "present", "device": "d1", "app": "tiktok", "ownership": "corporate"}])
    assert Path(ledger.path).stat().st_mode & 0o007 == 0
    assert set(json.loads(Path(ledger.path).read_text(encoding="utf-8"))) == {"at", "event", "device", "app", "ownership"}


def test_it_remembers_since_when_a_control_stands_and_whom_it_asked(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path), "tenant", writable=True)
    asked = {"event": "asked", "device": "d1", "question": "q", "answered": "2023-03-14T08:00:00Z", "enrolled": ""}
    ledger.write("2023-03-15T08:00:00Z", [{"event": "stands", "device": "", "control": "BAN"}, asked])
    again = Ledger.open(str(tmp_path), "tenant", writable=True)
    assert (again.stands_since("BAN"), again.stands_since("other")) == ("2023-03-15T08:00:00Z", "")
    assert again.asked == {("d1", "q"): Asked("2023-03-15T08:00:00Z", "2023-03-14T08:00:00Z")}


def test_what_was_taken_from_a_device_is_not_assigned_to_it_until_it_is_again(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path), "tenant", writable=True)
    about = {"device": "d1", "control": "BAN"}
    ledger.write("2023-03-15T08:00:00Z", [{"event": "assigned", "enrolled": "2023-01-01T00:00:00Z", "content": "c1", **about}])
    assert ledger.assigned == {("d1", "BAN"): Assigned("2023-03-15T08:00:00Z", "2023-01-01T00:00:00Z", "c1")}
    ledger.write("2023-03-16T08:00:00Z", [{"event": "released", **about}])
    again = Ledger.open(str(tmp_path), "tenant", writable=True)
    assert (again.assigned_at("d1", "BAN"), again.released_at("d1", "BAN")) == ("", "2023-03-16T08:00:00Z")
    again.write("2023-03-17T08:00:00Z", [{"event": "assigned", **about}])
    assert (again.assigned_at("d1", "BAN"), again.released_at("d1", "BAN")) == ("2023-03-17T08:00:00Z", "")


@pytest.mark.fault_kind("T8b", "what was taken from devices that have not heard of it yet")
def test_it_remembers_when_a_control_was_last_taken_from_a_device(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.write("2023-03-15T08:00:00Z", ended_events("BAN", ["tiktok"], ["d1", "d2"]))
    ledger.write("2023-03-16T08:00:00Z", ended_events("BAN", ["tiktok"], ["d2"]))
    ledger.write("2023-03-14T08:00:00Z", ended_events("all", [], ["d1"]))
    again = opened(tmp_path)
    assert again.last_ended("d1", "tiktok") == "2023-03-15T08:00:00Z"
    assert again.last_ended("d2", "tiktok") == "2023-03-16T08:00:00Z"
    assert again.last_ended("d1", "wechat") == "2023-03-14T08:00:00Z", "of a control whose apps are not known it may be any"
    assert again.last_ended("d2", "wechat") == again.last_ended("d3", "tiktok") == ""
    assert len(again.ended["d2"]) == 1, "of one control only the last time is kept"


def test_no_line_grows_with_the_fleet(tmp_path: Path) -> None:
    names = [f"device-{number}" for number in range(1_201)]
    ledger = opened(tmp_path)
    ledger.write(AT, ended_events("BAN", ["tiktok"], names))
    lines = [json.loads(line) for line in Path(ledger.path).read_text(encoding="utf-8").splitlines()]
    assert [len(line["devices"]) for line in lines] == [500, 500, 201]
    assert all(opened(tmp_path).last_ended(name, "tiktok") == AT for name in names)
    assert list(ended_events("BAN", ["tiktok"], [])) == []


@pytest.mark.fault_kind("R6", "which ledger a run found")
def test_its_hash_is_that_of_the_file(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    assert ledger.sha256() is None
    ledger.write(AT, [{"event": "opted_out", "device": "d1"}])
    assert ledger.sha256() == hashlib.sha256(Path(ledger.path).read_bytes()).hexdigest()


@pytest.mark.fault_kind("T8b", "a control that is made anew stands since its first time")
def test_a_control_that_went_stands_from_when_it_is_made_again(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    for name in ("BAN city macOS restricted software", "BAN city macOS", "BAN cityhall"):
        ledger.write("2023-03-01T08:00:00Z", [{"event": "stands", "device": "", "control": name}])
    ledger.write("2023-03-02T08:00:00Z", ended_events("BAN city macOS restricted software", ["tiktok"], ["d1"]))
    assert ledger.stands_since("BAN city macOS restricted software"), "somebody lost it, and it stands"
    ledger.write("2023-03-03T08:00:00Z", ended_events("BAN city macOS restricted software TikTok.app", ["tiktok"], [], gone=True))
    again = opened(tmp_path)
    assert again.stands_since("BAN city macOS restricted software") == ""
    assert again.stands_since("BAN cityhall")
