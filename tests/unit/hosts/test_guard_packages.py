# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard packages' bytes. That the real tools take them is proved in the lab."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.guard_package import guard_deb
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.guard_version import guard_version
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.guard_package import guard_pacman

NAMES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True), min_size=1, max_size=30)


def members_of_ar(content: bytes) -> dict[str, bytes]:
    assert content[:8] == b"!<arch>\n"
    found = {}
    at = 8
    while at < len(content):
        header = content[at : at + 60]
        assert header[58:] == b"`\n"
        size = int(header[48:58])
        found[header[:16].decode().strip()] = content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return found


def in_tar(content: bytes) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {each.name: archive.extractfile(each).read() if each.isfile() else None for each in archive.getmembers()}  # type: ignore[union-attr]


@given(NAMES)
def test_the_version_belongs_to_the_set_of_names(names: list[str]) -> None:
    version = guard_version(names)
    assert version == guard_version(sorted(set(names), reverse=True))
    assert version != guard_version([*names, "one-more-name-than-before"])
    assert version[:2] == "0."
    assert set(version[2:]) <= set("0123456789abcdef")
    assert len(version) == 14


def test_versions_tell_apart_how_names_are_split() -> None:
    assert len({guard_version(names) for names in ([], ["ab"], ["a", "b"], ["a b"], ["a,b"])}) == 5


@given(NAMES, st.booleans())
def test_the_deb_is_whole_and_always_the_same(names: list[str], protected: bool) -> None:
    built = guard_deb(names, "0.1", protected)
    assert built == guard_deb(reversed(names), "0.1", protected)
    members = members_of_ar(built)
    assert list(members) == ["debian-binary", "control.tar.gz", "data.tar.gz"]
    assert members["debian-binary"] == b"2.0\n"
    control = (in_tar(members["control.tar.gz"])["./control"] or b"").decode().splitlines()
    assert "Conflicts: " + ", ".join(sorted(set(names))) in control
    assert ("Protected: yes" in control) is protected
    assert in_tar(members["data.tar.gz"]) == {".": None}


@given(NAMES)
def test_the_pacman_package_is_whole_and_always_the_same(names: list[str]) -> None:
    built = guard_pacman(names, "0.1")
    assert built == guard_pacman(reversed(names), "0.1")
    members = in_tar(built)
    assert list(members) == [".PKGINFO", ".MTREE"]
    info = (members[".PKGINFO"] or b"").decode().splitlines()
    assert [line for line in info if line.startswith("conflict")] == [f"conflict = {name}" for name in sorted(set(names))]
    assert "pkgver = 0.1-1" in info
    assert gzip.decompress(members[".MTREE"] or b"").startswith(b"#mtree\n")


@pytest.mark.parametrize("build", [guard_deb, guard_pacman])
@pytest.mark.parametrize("names", [[], ["a b"], ["x\nConflicts: bash"], [""], ["-x"], ["x, y"], ["x(1)"], ["xx", "*"]])
def test_no_odd_name_gets_into_a_package(build: object, names: list[str]) -> None:
    with pytest.raises(ValueError, match="name"):
        build(names, "0.1")  # type: ignore[operator]
