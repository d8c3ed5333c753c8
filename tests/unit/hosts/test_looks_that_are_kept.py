# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look is used again only while everything that it rests on is unchanged: each kind of input, changed in every way that counts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import basis as basis_module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import looked
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.basis import Basis, Input, mark, unchanged
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System, Unreadable
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.trust import Trust

CHANGES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "a file's content": ("content", "file", lambda top: (top / "file").write_text("other")),
    "a file that goes": ("content", "file", lambda top: (top / "file").unlink()),
    "a file that comes": ("content", "none", lambda top: (top / "none").write_text("")),
    "a file that becomes a link": ("kind", "file", lambda top: ((top / "file").unlink(), (top / "file").symlink_to("other"))),
    "a name in a directory": ("names", "tree", lambda top: (top / "tree" / "new").touch()),
    "a directory that goes": ("names", "gone", lambda top: (top / "gone").rmdir()),
    "what is at a path": ("kind", "none", lambda top: (top / "none").mkdir()),
    "the same bytes in another file": ("status", "file", lambda top: replace(top / "file")),
    "the same bytes once more": ("status", "file", lambda top: (top / "file").write_text("content")),
    "a time that was set back": ("status", "file", lambda top: os.utime(top / "file", ns=(1, (top / "file").stat().st_mtime_ns))),
    "content deep in a tree": ("contents", "tree", lambda top: (top / "tree" / "deep" / "file").write_text("other")),
    "a file deep in a tree": ("statuses", "tree", lambda top: (top / "tree" / "deep" / "new").touch()),
    "the same bytes deep in a tree": ("statuses", "tree", lambda top: replace(top / "tree" / "deep" / "file")),
    "a link deep in a tree": ("contents", "tree", lambda top: relink(top / "tree" / "link")),
    "a journal with something in it": ("journal", "journal", lambda top: (top / "journal").write_text("x")),
}


def replace(path: Path) -> None:
    other = path.with_name("other-file")
    other.write_bytes(path.read_bytes())
    other.rename(path)


def relink(path: Path) -> None:
    path.unlink()
    path.symlink_to("deep/second")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path.resolve()
    (top / "file").write_text("content")
    (top / "journal").touch()
    (top / "tree" / "deep").mkdir(parents=True)
    (top / "tree" / "deep" / "file").write_text("deep")
    (top / "tree" / "deep" / "second").write_text("second")
    (top / "tree" / "link").symlink_to("deep/file")
    (top / "gone").mkdir()
    (top / "gone" / "x").touch()
    (top / "gone" / "x").unlink()
    return top


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows(top: Path, change: str) -> None:
    kind, name, make = CHANGES[change]
    if change == "a directory that goes":
        (top / "gone" / "x").touch()
    trust = Trust()
    basis = Basis(trust)
    basis.add(kind, str(top / name))
    assert basis.holds()
    assert unchanged(json.loads(json.dumps(basis.to_plain()))), "as it comes back from the file"
    if change == "a directory that goes":
        (top / "gone" / "x").unlink()
    make(top)
    assert not basis.holds()
    assert not unchanged(basis.to_plain())


def test_a_journal_that_a_read_makes_anew_is_no_change(top: Path) -> None:
    basis = Basis(Trust())
    basis.add("journal", str(top / "journal"))
    basis.add("journal", str(top / "none"))
    (top / "journal").unlink()
    (top / "none").touch()
    assert basis.holds()


def test_an_account_that_comes_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = Trust()
    assert mark(trust, Input("uid", "0")).startswith("root 0 0 ")
    assert mark(trust, Input("uid", "4242424")) == "-"
    assert mark(trust, Input("account", "root")) == mark(trust, Input("uid", "0"))


def test_a_tree_that_is_too_large_is_never_the_same(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basis_module, "MOST_FILES", 2)
    for kind in ("contents", "statuses"):
        basis = Basis(Trust())
        basis.add(kind, str(top / "tree"))
        assert not basis.holds(), kind


def test_a_question_that_rests_on_nobody_knows_what_is_asked_again() -> None:
    system = System()
    system.query(("true",), rests_on=())
    assert system.basis.holds()
    system.query(("true",))
    assert not system.basis.holds()


def test_every_read_of_the_door_is_noted(top: Path) -> None:
    for read in (
        lambda system: system.read(str(top / "file")),
        lambda system: system.names_in(str(top)),
        lambda system: system.exists(str(top / "file")),
        lambda system: system.is_link(str(top / "file")),
    ):
        system = System()
        read(system)
        assert system.basis.holds()
        (top / "file").unlink()
        if read(System()) is not None and system.basis.to_plain()[0][0] == "names":
            assert not system.basis.holds()
        assert not system.basis.holds()
        (top / "file").write_text("content")


def test_what_could_not_be_read_is_noted_and_shows_when_it_can(top: Path) -> None:
    (top / "pipe").unlink(missing_ok=True)
    os.mkfifo(top / "pipe")
    system = System()
    with pytest.raises(Unreadable):
        system.read(str(top / "pipe"))
    assert system.basis.holds()
    (top / "pipe").unlink()
    (top / "pipe").write_text("now it can")
    assert not system.basis.holds()


@pytest.mark.skipif(os.geteuid() != 0, reason="a look is kept for root alone")
@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff", b'{"format": 2}', b'{"format": 1, "digest": "d"}'])
def test_a_kept_look_that_can_t_be_understood_is_none(tmp_path: Path, top: Path, damage: bytes) -> None:
    basis = Basis(Trust())
    basis.add("content", str(top / "file"))
    path = tmp_path / "looked.json"
    path.write_bytes(looked.rendered("d", basis.to_plain(), {"apps": {}}))
    assert looked.recall("d", str(path)) == {"apps": {}}
    assert looked.recall("another request", str(path)) is None
    path.write_bytes(damage)
    assert looked.recall("d", str(path)) is None
    path.unlink()
    assert looked.recall("d", str(path)) is None
