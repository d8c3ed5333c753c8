# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles in a directory that a web server serves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.profile_store import ProfileStore

NAME = "org.example.ban.tiktok"


def store(folder: Path, check_mode: bool = False, url: str = "https://mdm.example.org/profiles/") -> ProfileStore:
    return ProfileStore(str(folder), url, "org.example.ban", check_mode)


def test_a_profile_is_written_once_whole_and_readable_for_the_web_server(tmp_path: Path) -> None:
    place = store(tmp_path).place(NAME, b"one")
    assert place.file == "%s-%s.mobileconfig" % (NAME, hashlib.sha256(b"one").hexdigest()[:16])
    assert place.url == "https://mdm.example.org/profiles/" + place.file
    assert (store(tmp_path).put(NAME, b"one"), store(tmp_path).put(NAME, b"one")) == (True, False)
    assert [(path.name, path.read_bytes(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [(place.file, b"one", 0o644)]
    (tmp_path / place.file).write_bytes(b"on")
    assert not store(tmp_path).holds(NAME, b"one")
    assert store(tmp_path).put(NAME, b"one"), "half a file is made whole"


def test_only_ours_are_listed_and_deleted(tmp_path: Path) -> None:
    ours = store(tmp_path)
    ours.put(NAME, b"one")
    ours.put(NAME, b"two")
    foreign = ["other.mobileconfig", "org.example.banana.x-0123456789abcdef.mobileconfig", NAME + "-short.mobileconfig"]
    for name in foreign:
        (tmp_path / name).write_bytes(b"")
    listed = ours.ours()
    assert {each.file for each in listed} == {ours.place(NAME, content).file for content in (b"one", b"two")}
    assert {each.name for each in listed} == {NAME}
    for name in [*foreign, "../" + listed[0].file]:
        with pytest.raises(AppbanError, match="isn't ours"):
            ours.delete(name)
    assert (ours.delete(listed[0].file), ours.delete(listed[0].file)) == (True, False)
    assert len(ours.ours()) == 1


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    watching = store(tmp_path, check_mode=True)
    with pytest.raises(WriteInCheckMode):
        watching.put(NAME, b"one")
    assert list(tmp_path.iterdir()) == []
    store(tmp_path).put(NAME, b"one")
    assert not watching.put(NAME, b"one")
    with pytest.raises(WriteInCheckMode):
        watching.delete(watching.ours()[0].file)
    assert len(watching.ours()) == 1


@pytest.mark.parametrize("url", ["http://mdm.example.org", "https://anna:pw@mdm.example.org", "https://mdm.example.org/?a=b", "https://"])
def test_a_url_that_devices_do_not_take_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(AppbanError, match="profile_url"):
        store(tmp_path, url=url)


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    for name in ("org.example.ban.../x", "org.example.other.x", "org.example.ban"):
        with pytest.raises(AppbanError):
            store(tmp_path).place(name, b"")


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    for act in (lambda: store(tmp_path / "no").put(NAME, b"one"), lambda: store(tmp_path / "no").ours()):
        with pytest.raises(AppbanError, match="No such file") as caught:
            act()
        assert "profile_dir" in caught.value.next_step
