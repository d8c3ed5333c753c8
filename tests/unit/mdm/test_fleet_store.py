# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that is kept in a file is the fleet that was put there, device by device, however it is read."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice, RecordPool, alike_of
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.fleet_store import FleetStore, FleetUnreadable
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from tests.support.mdm_samples import NOW, policy

POOL = RecordPool()
DECIDER = Decider((policy(),), NOW)
TEXTS = st.text(max_size=5) | st.sampled_from(("Žofie\u2019s iPhone", "\ud800", "a\nb\0c"))
DEVICES = st.fixed_dictionaries(
    {
        "serial": st.none() | TEXTS,
        "name": st.none() | TEXTS | st.integers(),
        "user": st.none() | TEXTS,
        "ownership": st.sampled_from(("corporate", "personal", None)),
        "supervised": st.sampled_from((True, False, None)),
        "members": st.tuples(TEXTS, TEXTS),
        "withdrawn": st.booleans(),
        "instants": st.tuples(*[st.sampled_from(("", "2023-03-15T08:00:00Z"))] * 3, st.sampled_from((0, 7))),
    }
)


def member(number: int, said: dict[str, Any]) -> FleetDevice:
    record = {"id": f"device-{number}", "platform": "ios", "last_seen": said["instants"][0] or None}
    record = {**record, **{name: said[name] for name in ("serial", "name", "user", "ownership", "supervised")}}
    device = ManagedDevice(POOL.record_of(record), said["ownership"], *said["members"], said["withdrawn"], *said["instants"])
    return FleetDevice(device, DECIDER.decide(record))


def plain(member: FleetDevice) -> tuple[Any, ...]:
    device = member.device
    own = (device.id, device.native_ownership, device.directory_id, device.user_id, device.access_withdrawn)
    return (dict(device.record), *own, device.synced_at, device.enrolled_at, device.looked_at, device.looked_by, member.decision)


@given(said=st.lists(DEVICES, max_size=8), most=st.integers(0, 9), read_between=st.sets(st.integers(0, 7)))
def test_what_is_read_is_what_was_added(said: list[dict[str, Any]], most: int, read_between: set[int]) -> None:
    fleet = [member(number, each) for number, each in enumerate(said)]
    store = FleetStore(most)
    for number, each in enumerate(fleet):
        store.append(each)
        if number in read_between:
            assert plain(store[number // 2]) == plain(fleet[number // 2])
    assert len(store) == len(fleet)
    assert [plain(each) for each in store] == [plain(each) for each in fleet]
    assert [plain(store[index]) for index in range(-len(fleet), len(fleet))] == [plain(each) for each in (*fleet, *fleet)]
    assert [plain(each) for each in store[1::2]] == [plain(each) for each in fleet[1::2]]
    for read, each in zip(store, fleet, strict=True):
        # What is worked out once for all that are alike goes by the identity of what they share.
        assert alike_of(read.device.record) is alike_of(each.device.record)
        assert read.decision.verdicts is each.decision.verdicts
    with pytest.raises(IndexError):
        store[len(fleet)]
    store.clear()
    assert (len(store), list(store)) == (0, [])
    store.close()


SAID = {
    "serial": "S", "name": "N" * 400, "user": None, "ownership": None, "supervised": None, "members": ("", ""), "withdrawn": False,
    "instants": ("", "", "", 0),
}  # fmt: skip


def test_readers_that_take_turns_get_what_each_asked_for() -> None:
    """More than is read at once."""
    store = FleetStore(0)
    for number in range(3_000):
        store.append(member(number, SAID))
    one, other = iter(store), iter(store)
    for number in range(3_000):
        assert next(one).device.id == f"device-{number}"
        if number % 2:
            assert next(other).device.id == f"device-{number // 2}"
            assert store[number // 3].device.id == f"device-{number // 3}"
    store.close()


def test_nobody_else_finds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = FleetStore(0)
    store.append(member(1, SAID))
    assert os.listdir(tmp_path) == []
    store.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_that_takes_no_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FleetStore(0)
    many = [member(number, SAID) for number in range(5_000)]
    with pytest.raises(AppbanError, match=r"can't be kept in a temporary file.*set TMPDIR"), largest_file(1_000_000):
        any(store.append(each) for each in many)
    with largest_file(1_000):
        # What is left over can't be written now either, and that is no other error.
        store.close()
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(AppbanError, match=r"/nowhere.*set TMPDIR"):
        FleetStore(0).append(member(1, SAID))


@pytest.mark.fault_kind("T1", "a fleet whose file is short or given up passes for a smaller one")
@pytest.mark.parametrize("trouble", ["cut", "closed"])
def test_a_file_that_is_not_whole_any_more_is_no_smaller_fleet(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    real = tempfile.TemporaryFile

    def noted(**options: Any) -> Any:
        made.append(real(**options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    store = FleetStore(0)
    for number in range(3):
        store.append(member(number, SAID))
    assert len(list(store)) == 3
    if trouble == "cut":
        os.ftruncate(made[0].fileno(), 10)
    else:
        store.close()
    for read in (lambda: list(store), lambda: store[2]):
        with pytest.raises(FleetUnreadable, match="can't be read again"):
            read()
    store.close()
