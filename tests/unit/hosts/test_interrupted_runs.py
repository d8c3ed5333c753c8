# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note of a run, what the next one repairs by it, the host's lock, and edits in place, on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.engine.plan import Change
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import intent
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.host_lock import HostIsBusy, host_lock
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.locks import Lock, is_open_by_somebody
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep, FileStep, Steps
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System, temporary_path

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root's rights nothing is locked")


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = tmp_path.resolve()
    monkeypatch.setattr(intent, "INTENT_PATH", str(top / "appban" / "intent.json"))
    monkeypatch.setattr(intent, "LEDGER_PATH", str(top / "appban" / "ledger.json"))
    return top


REMOVALS = {"tiktok": ({"backend": "apt", "name": "tiktok-desktop", "version": "1.0", "scope": "system", "at": "2026-01-01T00:00:00Z"},)}


def plan(top: Path) -> list[Change]:
    shared = FileStep(str(top / "shared"), b"theirs ours", shared=True, before=b"theirs")
    lock = Lock(str(top / "db.lck"), 5)
    return [
        Change("create", "file", "own", step=FileStep(str(top / "own"), b"ours")),
        Change("update", "file", "shared", step=Steps((shared,))),
        Change("delete", "package", "x", step=CommandStep(("true",), lock=lock)),
        Change("delete", "guard", "y", step=CommandStep(("true",), lock=Lock(str(top / "held"), 5, held=True))),
    ]


def begun(top: Path) -> System:
    system = System()
    intent.begin(system, intent.intent_of(plan(top), "a run", REMOVALS))
    return system


def test_the_note_is_there_while_a_run_writes_and_only_then(top: Path) -> None:
    system = begun(top)
    assert intent.is_interrupted(system)
    assert (top / "appban" / "intent.json").stat().st_mode & 0o777 == 0o600
    (top / "appban" / "ledger.json").touch()
    intent.end(system)
    assert not intent.is_interrupted(System())
    assert intent.tidy_up(System()) == ([], intent.Intent())


def test_a_run_that_was_killed_right_after_its_first_directory_is_tidied_up(top: Path) -> None:
    (top / "appban").mkdir()
    assert intent.is_interrupted(System())
    intent.tidy_up(System())
    assert not (top / "appban").exists()
    assert not intent.is_interrupted(System())


def test_what_a_killed_run_left_is_tidied_up_and_told(top: Path) -> None:
    begun(top)
    for name in ("own", "appban/ledger.json"):
        Path(temporary_path(str(top / name))).write_bytes(b"half")
    (top / "shared").write_bytes(b"theirs o")
    (top / "db.lck").touch()
    (top / "held").touch()
    (top / "foreign.lck").touch()
    told, noted = intent.tidy_up(System())
    assert noted.removals == REMOVALS
    assert told[0] == "an earlier run was interrupted (a run)"
    assert sorted(path.name for path in top.rglob("*")) == ["foreign.lck", "held", "shared"]
    assert any("db.lck" in line for line in told)


def test_a_lock_that_somebody_has_open_stays(top: Path) -> None:
    begun(top)
    with (top / "db.lck").open("w"):
        assert is_open_by_somebody(str(top / "db.lck"))
        intent.tidy_up(System())
        assert (top / "db.lck").exists()
    assert not is_open_by_somebody(str(top / "db.lck"))


def test_a_note_that_can_t_be_understood_stops_the_run_and_says_what_to_do(top: Path) -> None:
    begun(top)
    (top / "appban" / "intent.json").write_text('{"files": 3}')
    with pytest.raises(AppbanError, match="Look at it, delete it, and run again"):
        intent.tidy_up(System())


@given(st.binary(max_size=12), st.binary(max_size=12), st.integers(0, 14))
def test_an_edit_that_was_cut_off_is_known_whatever_it_was(before: bytes, after: bytes, at: int) -> None:
    # As the file looks when the write ends after some bytes: what comes behind is still the old content.
    cut = after[:at] + before[len(after[:at]) :]
    assert intent.is_torn(cut, before, after) == (cut not in (before, after))


def test_an_edit_of_somebody_else_is_none_of_ours(top: Path) -> None:
    assert not intent.is_torn(b"entirely else", b"before", b"after")
    begun(top)
    (top / "shared").write_bytes(b"the administrator's")
    intent.tidy_up(System())
    assert (top / "shared").read_bytes() == b"the administrator's"


def test_an_edit_keeps_all_that_hangs_on_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_bytes(b"one two three")
    path.chmod(0o640)
    os.link(path, tmp_path / "second name")
    before = path.stat()
    System().edit(str(path), b"one two three", b"one")
    after = path.stat()
    assert path.read_bytes() == (tmp_path / "second name").read_bytes() == b"one"
    assert (before.st_ino, before.st_mode, before.st_nlink) == (after.st_ino, after.st_mode, after.st_nlink)
    System().edit(str(path), b"one", b"one and more")
    assert path.read_bytes() == b"one and more"


def test_an_edit_of_a_file_that_somebody_changed_meanwhile_is_none(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    for now in (b"other", b"planned and more", b"plann"):
        path.write_bytes(now)
        with pytest.raises(ChangeFailed, match="changed by somebody else"):
            System().edit(str(path), b"planned", b"ours")
        assert path.read_bytes() == now


def test_a_file_of_ours_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        system = System()
        system.make_directory(str(tmp_path / "a" / "b"))
        system.write(str(tmp_path / "a" / "b" / "file"), b"x")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "file")] == [
        0o755,
        0o755,
        0o644,
    ]


@ROOT
def test_looks_share_the_lock_and_a_run_has_it_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")

    def take(exclusive: bool) -> None:
        with host_lock(exclusive, "me", 0, path):
            pass

    with host_lock(False, "a look", 0, path):
        take(False)
        with pytest.raises(HostIsBusy):
            take(True)
    with host_lock(True, "host_app, process 7, since 2026-01-01T00:00:00Z", 0, path):
        for exclusive in (False, True):
            with pytest.raises(HostIsBusy, match="process 7, since 2026-01-01"):
                take(exclusive)
        assert os.stat(path).st_mode & 0o777 == 0o600
    take(True)
    assert Path(path).read_bytes() == b""


@ROOT
def test_a_run_waits_as_long_as_it_may(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    waits: list[float] = []
    clock = iter(range(100))
    with (
        host_lock(True, "me", 0, path),
        pytest.raises(HostIsBusy),
        host_lock(True, "other", 5, path, lambda: next(clock), waits.append),
    ):
        pass
    assert len(waits) == 4


@ROOT
def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    process = os.fork()
    if process == 0:
        with host_lock(True, "a run that is killed", 0, path):
            os.kill(os.getpid(), 9)
    os.waitpid(process, 0)
    with host_lock(True, "me", 0, path):
        pass


@ROOT
def test_what_is_no_file_of_root_s_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("somewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "persons").touch()
    os.chown(tmp_path / "persons", 1001, 1001)
    for name in ("link", "pipe", "persons"):
        with pytest.raises(AppbanError), host_lock(True, "me", 0, str(tmp_path / name)):
            pass


def test_a_stranger_s_lock_is_told_with_what_to_look_at(tmp_path: Path) -> None:
    from ansible_collections.appban.endpoint.plugins.module_utils.hosts.locks import waiting_for

    (tmp_path / "db.lck").touch()
    with pytest.raises(ChangeFailed, match=r"fuser -v .*db\.lck"), waiting_for(Lock(str(tmp_path / "db.lck"), 0)):
        pass
