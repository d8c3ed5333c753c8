# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is done that is not recorded: without a place for the record, with a full disk, killed anywhere, and with two runs at once."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import skip_loudly
from tests.support.target_runs import lifted

from .wire import DIED, Send, Wire, in_child
from .world import World

MountDisk = Callable[..., Path]


@pytest.fixture
def mount_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MountDisk]:
    """Mounts small file systems: mount_disk(size="16k", options="ro"). Skips where that takes more rights than there are."""
    made: list[Path] = []

    def mount(size: str = "16k", options: str = "rw") -> Path:
        where = tmp_path / f"disk{len(made)}"
        where.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", str(where)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            skip_loudly(request.config, "what a full disk costs", "a file system has to be mounted", [done.stderr.strip()])
        made.append(where)
        return where

    yield mount
    for where in made:
        subprocess.run(["umount", "-l", str(where)], check=False)


def fill(directory: Path) -> None:
    """Leave no room on a file system."""
    size = 1 << 16
    with (directory / "filler").open("ab", buffering=0) as file:
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2


def nothing_was_done(world: World, wire: Wire, before: Any) -> None:
    assert wire.writes == []
    assert world.holdings() == before
    last = world.last
    assert last is not None
    assert last.failed
    assert not last.values.get("changed")
    assert "appban_evidence_dir" in last.message or "room" in last.message.lower() or "evidence directory" in last.message


@pytest.mark.fault_kind("R1", "a record can't be begun: a file in the place of its directory, a read-only and a full disk, every target")
@pytest.mark.parametrize("trouble", ["file", "read-only", "full"])
def test_without_a_place_for_the_record_nothing_is_written(world: World, wire: Wire, mount_disk: MountDisk, trouble: str) -> None:
    if trouble == "file":
        place = world.directory / "evidence-file"
        place.write_text("", encoding="utf-8")
    elif trouble == "read-only":
        place = mount_disk(options="ro")
    else:
        place = mount_disk()
        fill(place)
    before = world.holdings()
    wire.count()
    world.run(world.policy(), may_fail=True, evidence_dir=str(place))
    nothing_was_done(world, wire, before)


@pytest.mark.fault_kind("R1", "a disk that holds the header and not the rest, every target")
@pytest.mark.parametrize("size", ["16k", "32k"])
def test_a_disk_without_room_for_the_record_is_told_before_the_first_write(
    world: World, wire: Wire, mount_disk: MountDisk, size: str
) -> None:
    place = mount_disk(size)
    before = world.holdings()
    wire.count()
    run = world.run(world.policy(), may_fail=True, evidence_dir=str(place))
    # Where it is enough for few devices, it is enough for the whole record.
    if run.failed:
        nothing_was_done(world, wire, before)
    assert run.failed or size != "16k"


@pytest.mark.fault_kind("R1", "a disk that is filled after the first write, every target")
def test_a_disk_that_fills_up_in_the_middle_leaves_what_was_done_on_record(world: World, wire: Wire, mount_disk: MountDisk) -> None:
    place = mount_disk("4m")
    start = world.objects()
    policy = world.policy(exempt=[world.serial(world.blockable()[0])])
    world.user("install", world.blockable())
    world.later()

    def treat(number: int, send: Send) -> Any:
        if number == 1:
            fill(place)
        return send()

    with wire.treated(treat):
        run = world.run(policy, may_fail=True, evidence_dir=str(place), **world.strict)
        sent = list(wire.writes)
    assert run.failed
    assert run.values["changed"] is True
    assert "the record of them could not be finished" in run.message
    [partial] = place.glob("*/*.partial")
    held = partial_rows(partial)
    assert held["header"]
    assert [each for each in sent if not is_noted(each, held["write"])] == []
    (place / "filler").unlink()
    world.later()
    told = world.settle(policy, evidence_dir=str(place))
    assert told.values
    world.settle(lifted(policy), evidence_dir=str(place))
    assert world.objects() == start


def partial_rows(path: Path) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of a record that was not finished, by kind; a line that was cut off counts for nothing."""
    found: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in ("header", "exemption", "class", "plan", "write", "device")}
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row["row"]].append(row)
    return found


def is_noted(write: str, noted: list[Mapping[str, Any]]) -> bool:
    """Whether a write is among those that were noted before they were sent. A batch is noted by its parts."""
    verb, _space, url = write.partition(" ")
    if url.endswith("/$batch"):
        return bool(noted)
    path = urlsplit(url).path
    return any(each["method"] == verb and (path[:100] in each["place"] or each["place"][-60:].rstrip(".") in url) for each in noted)


def _die_everywhere(world: World, wire: Wire, numbers: Callable[[int], list[int]]) -> None:
    start = world.objects()
    exempt, second, *_others = world.blockable()
    policy = world.policy(exempt=[world.serial(exempt)])
    world.user("install", [exempt, second])
    world.later()
    wire.count()
    world.run(policy)
    total = len(wire.writes)
    wanted = world.objects()
    world.later()
    world.settle(policy)
    world.settle(lifted(policy))
    world.later()
    assert world.objects() == start
    for number in numbers(total):
        for done in (False, True):
            with wire.dying(number, done):
                assert in_child(lambda: world._run([policy], False)) == DIED
            [partial] = sorted(world.evidence_dir.glob("*/*.partial"))[-1:]
            held = partial_rows(partial)
            assert (len(held["header"]), len(held["write"]) >= 1, bool(held["plan"]), held["device"]) == (1, True, True, [])
            run = world.run(policy)
            assert any(partial.name in note or str(partial) in note for note in run.values["notes"]), run.values["notes"]
            world.later()
            world.settle(policy)
            assert same(world, world.objects(), wanted)
            assert world.truth()[exempt].holds == frozenset()
            world.settle(lifted(policy))
            world.later()
            assert world.objects() == start
            assert {device: each.holds for device, each in world.truth().items() if each.holds} == {}
            partial.unlink()


def same(world: World, now: Any, wanted: Any) -> bool:
    """Whether the servers hold the same, ids that they gave apart."""
    if world.name == "nanomdm":
        return bool(now == wanted)
    return sorted((kind, len(each)) for kind, each in now.items()) == sorted((kind, len(each)) for kind, each in wanted.items())


@pytest.mark.fault_kind("R1", "a process that dies at a write in the middle and at the last one, every target")
def test_a_killed_run_leaves_what_it_did_on_record_and_the_next_one_finishes(small_world: World, wire: Wire) -> None:
    _die_everywhere(small_world, wire, lambda total: sorted({(total + 1) // 2, total}))


@pytest.mark.long
@pytest.mark.fault_kind("R1", "a process that dies at every write, before it and after it, every target")
def test_a_run_that_is_killed_anywhere_is_on_record_and_finished(small_world: World, wire: Wire) -> None:
    _die_everywhere(small_world, wire, lambda total: list(range(1, total + 1)))


@pytest.mark.fault_kind("R3", "two runs over one target at once, every target")
@pytest.mark.parametrize("check", [False, True], ids=["apply", "check"])
def test_the_second_of_two_runs_at_once_is_refused(world: World, wire: Wire, check: bool) -> None:
    started, go_on, here = os.pipe(), os.pipe(), os.getpid()
    policy = world.policy()

    def treat(number: int, send: Send) -> Any:
        if number == 1 and os.getpid() != here:
            os.write(started[1], b"1")
            os.read(go_on[0], 1)
        return send()

    ended: list[int] = []

    def first() -> None:
        with wire.treated(treat):
            ended.append(in_child(lambda: world._run([policy], False)))

    thread = threading.Thread(target=first)
    thread.start()
    os.read(started[0], 1)
    before = world.holdings()
    run = world.run(policy, check=check, may_fail=True)
    assert world.holdings() == before
    os.write(go_on[1], b"1")
    thread.join()
    assert ended == [0]
    assert run.failed
    assert "another run over this target is under way" in run.message
    assert "since 20" in run.message
    assert run.exchanges == []
    # The first one has given the lock back, and has done all there is.
    assert not world.run(policy, check=True).failed


@pytest.mark.fault_kind("R6", "who ran it, from what, with which clock, every target")
def test_the_header_says_who_ran_it_with_which_clock(world: World) -> None:
    run = world.run(world.policy())
    header = next(row for row in run.rows if row["row"] == "header")
    assert (header["format"], header["number"]) == (2, 1)
    told = json.dumps(header)
    for name in ("user", "now_given", "ledger_sha256", "authority", "effective"):
        assert name in told, name
    assert "City IT" in told


@pytest.mark.fault_kind("R1", "a defect of ours in the middle of the writes, every target")
def test_a_defect_in_the_middle_of_the_writes_is_told_with_what_was_sent(small_world: World, wire: Wire) -> None:
    policy = small_world.policy()

    def treat(number: int, send: Send) -> Any:
        if number == 2:
            raise OverflowError("date value out of range")
        return send()

    with wire.treated(treat):
        run = small_world.run(policy, may_fail=True)
    assert run.failed
    assert "not prepared for: OverflowError: date value out of range" in run.message
    assert "please report it" in run.message
    assert "failed after up to 2 writes were sent, so which of its" in run.message
    assert run.values["changed"] is True
    assert run.values["evidence"].endswith(".jsonl")
    assert any(row["row"] == "write" for row in run.rows)
    assert not small_world.settle(policy).failed


@pytest.mark.fault_kind("R1", "a defect of ours before anything is known, every target")
def test_a_defect_while_the_fleet_is_read_is_told(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, *arguments: Any, **options: Any) -> Any:
        raise OverflowError("date value out of range")

    monkeypatch.setattr("ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.read_fleet.ReadFleet.__init__", broken)
    run = small_world._run([small_world.policy()], False)
    assert run.failed
    assert "not prepared for: OverflowError" in run.message
    [record] = small_world.evidence_dir.glob("*/*.jsonl")
    assert '"fleet":"unread"' in record.read_text(encoding="utf-8").replace(" ", "")


@pytest.mark.fault_kind("R1", "a secret in the words of a defect, and they in a record that is handed on, every target")
def test_what_an_unexpected_error_says_stands_in_no_record(small_world: World, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, secret = small_world.policy(), "Bearer not-to-be-kept-anywhere"

    def broken(*arguments: Any, **options: Any) -> Any:
        raise OverflowError("invalid header: %s" % secret)

    with wire.treated(lambda number, send: broken() if number == 2 else send()):
        half_way = small_world.run(policy, may_fail=True)
    assert half_way.failed
    with monkeypatch.context() as patched:
        patched.setattr("ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.read_fleet.ReadFleet.__init__", broken)
        unread = small_world._run([policy], False)
    assert unread.failed
    kept = {path: path.read_text(encoding="utf-8", errors="replace") for path in small_world.evidence_dir.rglob("*") if path.is_file()}
    assert any("not prepared for: OverflowError" in text for text in kept.values())
    assert [path for path, text in kept.items() if "not-to-be-kept" in text] == []
