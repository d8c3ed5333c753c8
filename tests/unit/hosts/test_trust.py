# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust rule, on a real tree in which the account of the test stands for root and an open directory for a person's."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import trust as trust_module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.trust import PERSON_LIMIT, Trust, Untrusted

OWNER = os.geteuid()


class Below(Trust):
    """Trust in which one directory counts as the root of everything: what is above a test's own directory is not the test's matter."""

    def __init__(self, top: Path) -> None:
        super().__init__(OWNER)
        self._known[str(top)] = str(top)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A trusted directory with a trusted one (etc) and a person's (home) in it."""
    top = tmp_path.resolve()
    (top / "etc").mkdir(mode=0o755)
    (top / "home").mkdir()
    (top / "home").chmod(0o777)
    return top


@pytest.fixture
def trust(top: Path) -> Trust:
    return Below(top)


def test_a_file_of_the_system_is_read_through_links_of_the_system(trust: Trust, top: Path) -> None:
    (top / "etc" / "real").write_bytes(b"content")
    (top / "etc" / "link").symlink_to("real")
    (top / "linked").symlink_to("etc")
    (top / "up").symlink_to("linked/../etc")
    for path in ("etc/real", "etc/link", "linked/link", "linked/real", "up/link", "etc/../etc/real"):
        assert trust.read(str(top / path)) == b"content", path
    assert trust.read(str(top / "etc" / "none")) is None
    assert trust.read(str(top / "none" / "none")) is None
    assert trust.read(str(top / "etc" / "real" / "below")) is None


def test_a_persons_file_is_read_and_a_persons_link_is_not_followed(trust: Trust, top: Path) -> None:
    home = top / "home"
    (home / "own").mkdir()
    (home / "own" / "file").write_bytes(b"own")
    (top / "etc" / "secret").write_bytes(b"secret")
    (home / "link").symlink_to(top / "etc" / "secret")
    (home / "directory").symlink_to(top / "etc")
    (home / "up").mkdir()
    assert trust.read(str(home / "own" / "file")) == b"own"
    assert trust.names(str(home / "own")) == ["file"]
    with pytest.raises(Untrusted):
        trust.read(str(home / "link"))
    with pytest.raises(OSError, match="secret"):
        trust.names(str(home / "directory" / "secret"))
    with pytest.raises(OSError):
        trust.names(str(home / "directory"))
    with pytest.raises(Untrusted):
        trust.read(str(home / "up" / ".." / ".." / "etc" / "secret"))
    status = trust.status(str(home / "link"))
    assert status is not None
    assert stat.S_ISLNK(status.st_mode), "what is looked at is the link"


def test_a_loop_of_links_ends(trust: Trust, top: Path) -> None:
    (top / "etc" / "one").symlink_to("two")
    (top / "etc" / "two").symlink_to("one")
    with pytest.raises(OSError, match="level") as caught:
        trust.read(str(top / "etc" / "one"))
    assert caught.value.errno == errno.ELOOP
    with pytest.raises(OSError, match="not a directory"):
        trust.names(str(top / "etc" / "one" / "below"))
    assert not trust.is_trusted_directory(str(top / "etc" / "one"))


@pytest.mark.parametrize("place", ["etc", "home"])
def test_nothing_but_a_regular_file_is_read(trust: Trust, top: Path, place: str) -> None:
    os.mkfifo(top / place / "pipe")
    (top / place / "directory").mkdir()
    for name in ("pipe", "directory"):
        with pytest.raises(Untrusted):
            trust.read(str(top / place / name))
    (top / "etc" / "device").symlink_to("/dev/zero")
    with pytest.raises(OSError):
        trust.read(str(top / "etc" / "device"))


def test_a_persons_file_has_a_bound_and_a_files_of_the_system_a_larger_one(trust: Trust, top: Path) -> None:
    for place in ("etc", "home"):
        with (top / place / "large").open("wb") as file:
            file.truncate(PERSON_LIMIT + 1)
    assert len(trust.read(str(top / "etc" / "large")) or b"") == PERSON_LIMIT + 1
    with pytest.raises(Untrusted, match="larger"):
        trust.read(str(top / "home" / "large"))
    with pytest.raises(Untrusted, match="larger"):
        trust.read(str(top / "etc" / "large"), limit=10)


def test_a_person_can_t_make_a_listing_endless(trust: Trust, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "MOST_NAMES", 3)
    for number in range(4):
        (top / "etc" / str(number)).touch()
        (top / "home" / str(number)).touch()
    assert len(trust.names(str(top / "etc"))) == 4
    with pytest.raises(Untrusted, match="more than 3"):
        trust.names(str(top / "home"))


def program(path: Path, mode: int = 0o755) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)


def test_only_a_program_that_nobody_else_can_change_is_run(trust: Trust, top: Path) -> None:
    program(top / "etc" / "good")
    program(top / "etc" / "closed", 0o644)
    program(top / "etc" / "group", 0o775)
    program(top / "etc" / "open", 0o757)
    program(top / "home" / "persons")
    (top / "etc" / "link").symlink_to("good")
    (top / "etc" / "away").symlink_to(top / "home" / "persons")
    (top / "home" / "back").symlink_to(top / "etc" / "good")
    assert [name for name in ("good", "link") if trust.why_not_run(str(top / "etc" / name))] == []
    for name in ("etc/closed", "etc/group", "etc/open", "etc/away", "etc/none", "home/persons", "home/back"):
        assert trust.why_not_run(str(top / name)), name


@pytest.mark.skipif(OWNER != 0, reason="only root can give a file away")
def test_a_program_or_directory_of_another_account_is_not_run(trust: Trust, top: Path) -> None:
    program(top / "etc" / "given")
    os.chown(top / "etc" / "given", 1001, 0)
    (top / "bin").mkdir()
    program(top / "bin" / "program")
    os.chown(top / "bin", 1001, 0)
    (top / "etc" / "link").symlink_to("good")
    program(top / "etc" / "good")
    os.chown(top / "etc" / "link", 1001, 0, follow_symlinks=False)
    for name in ("etc/given", "bin/program", "etc/link"):
        assert trust.why_not_run(str(top / name)), name


def test_the_first_trusted_program_of_the_search_path_is_taken_and_the_other_is_told(
    trust: Trust, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_module, "SEARCH_PATH", (str(top / "home"), str(top / "etc")))
    program(top / "home" / "dnf5")
    assert trust.program("dnf5") == (None, f"{top}/home/dnf5 is in a directory that others than root may write")
    program(top / "etc" / "dnf5")
    found, why = trust.program("dnf5")
    assert found == str(top / "etc" / "dnf5")
    assert "home/dnf5" in why
    assert trust.program("none") == (None, "")
    assert trust.search_path() == str(top / "etc")


def test_no_directory_of_a_person_is_on_the_search_path() -> None:
    assert not [each for each in trust_module.SEARCH_PATH if each.startswith("/home") or "brew" in each]
