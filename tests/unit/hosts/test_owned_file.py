# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are wholly ours, on a real file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.owned_file import MARKER, header_lines, plan_owned_file, written_content
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import perform
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

CONTENT = f"# {MARKER}\none\n".encode()
OTHER = f"# {MARKER}\ntwo\n".encode()


def carry_out(path: Path, content: bytes | None, owned: dict[str, object]) -> dict[str, object]:
    """Plans and performs; returns what to remember."""
    plan = plan_owned_file(System(check_mode=True), str(path), content, owned)
    for change in plan.changes:
        perform(change.step, System())
        assert written_content(change) == content
    return dict(plan.owned)


def tree(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_life_with_directories_that_were_missing(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    owned = carry_out(path, CONTENT, {})
    assert path.read_bytes() == CONTENT
    assert owned["made_directories"] == [str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    assert plan_owned_file(System(check_mode=True), str(path), CONTENT, owned).changes == ()
    assert carry_out(path, OTHER, owned)["made_directories"] == owned["made_directories"]
    assert carry_out(path, None, owned) == {}
    assert tree(tmp_path) == []


def test_a_directory_that_others_use_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    owned = carry_out(path, CONTENT, {})
    (tmp_path / "a" / "theirs").touch()
    carry_out(path, None, owned)
    assert tree(tmp_path) == ["a", "a/theirs"]


def test_a_directory_from_before_us_stays(tmp_path: Path) -> None:
    owned = carry_out(tmp_path / "file", CONTENT, {})
    assert "made_directories" not in owned
    carry_out(tmp_path / "file", None, owned)
    assert tmp_path.is_dir()


def test_somebody_elses_file_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs\n# " + MARKER.encode())
    plan = plan_owned_file(System(), str(path), CONTENT, {})
    assert (plan.foreign, plan.changes, plan.owned) == (True, (), {})
    gone = plan_owned_file(System(), str(path), None, {})
    assert (gone.foreign, gone.changes) == (False, ())


@pytest.mark.parametrize("content", [OTHER, None])
def test_ours_is_known_without_a_ledger(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file"
    carry_out(path, CONTENT, {})
    carry_out(path, content, {})
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.parametrize("content", [CONTENT, None])
def test_a_link_in_our_place_is_replaced_and_its_target_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path, target = tmp_path / "file", tmp_path / "target"
    owned = carry_out(path, CONTENT, {})
    path.unlink()
    target.write_bytes(CONTENT)
    path.symlink_to(target)
    plan = plan_owned_file(System(), str(path), content, owned)
    assert plan.drift == (f"{path} was replaced by a symbolic link",)
    carry_out(path, content, owned)
    assert not path.is_symlink()
    assert path.exists() is (content is not None)
    assert target.read_bytes() == CONTENT


def test_a_device_behind_a_link_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").symlink_to(tmp_path / "pipe")
    with pytest.raises(ChangeFailed, match="something else is there"):
        System().write(str(tmp_path / "file"), b"x")
    assert (tmp_path / "pipe").is_fifo()


def test_drift_is_what_others_did_and_not_what_we_want_now(tmp_path: Path) -> None:
    path = tmp_path / "file"
    owned = carry_out(path, CONTENT, {})
    assert plan_owned_file(System(), str(path), OTHER, owned).drift == ()
    # After a run that failed halfway the ledger claims what was there and what should have come.
    both = {"sha256": [*plan_owned_file(System(), str(path), OTHER, owned).owned["sha256"], *owned["sha256"]]}
    assert plan_owned_file(System(), str(path), OTHER, both).drift == ()
    path.write_bytes(CONTENT + b"edited\n")
    assert plan_owned_file(System(), str(path), CONTENT, owned).drift == (f"{path} was edited",)
    path.unlink()
    assert plan_owned_file(System(), str(path), CONTENT, owned).drift == (f"{path} was deleted",)
    assert plan_owned_file(System(), str(path), None, owned).changes == ()


def test_the_header_says_whose_it_is_and_why() -> None:
    lines = header_lines(["city-tiktok", "contact: security@city.example"])
    assert lines[0].startswith(MARKER)
    assert lines[-2:] == ["Policy: city-tiktok", "Policy: contact: security@city.example"]


def test_an_empty_directory_of_ours_goes_even_if_its_file_went_before(tmp_path):
    system = System()
    path = str(tmp_path / "made" / "by-us" / "file")
    owned = plan_owned_file(system, path, b"# x\n", {}).owned
    (tmp_path / "made" / "by-us").mkdir(parents=True)
    (change,) = plan_owned_file(system, path, None, owned).changes
    perform(change.step, system)
    assert not (tmp_path / "made").exists()
    assert plan_owned_file(system, path, None, owned).changes == ()
