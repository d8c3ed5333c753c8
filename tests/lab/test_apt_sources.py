# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab builds from the archive the machine uses, whatever way its sources are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.apt_sources import NoArchive, debian_sources

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://switched-off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source-only.example/debian
Suites: bookworm
Components: main
"""
CLASSIC = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm main non-free # ours
deb http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/debian bookworm main
deb [trusted=yes] file:/srv/own ./
"""


def test_deb822_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822, encoding="utf-8")
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    assert debian_sources("bookworm", tmp_path).splitlines() == [
        f"deb {signed}http://mirror.example/debian bookworm main",
        f"deb {signed}http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/security bookworm-security main",
    ]


def test_classic_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(CLASSIC, encoding="utf-8")
    assert debian_sources("bookworm", tmp_path).splitlines() == [
        "deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
    ]


def test_other_archives_stay_out(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n", encoding="utf-8")
    (tmp_path / "sources.list.d").mkdir()
    other = "deb http://vendor.example/apt vendor-bookworm main\ndeb http://vendor.example/apt bookworm stable\n"
    (tmp_path / "sources.list.d" / "vendor.list").write_text(other, encoding="utf-8")
    (tmp_path / "sources.list.d" / "notes.txt").write_text("deb http://notes.example/ bookworm main\n", encoding="utf-8")
    assert debian_sources("bookworm", tmp_path) == "deb http://mirror.example/debian bookworm main\n"


def test_no_archive_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match=r"no Debian source with suite bookworm .* in .*/sources\.list or sources\.list\.d/"):
        debian_sources("bookworm", tmp_path)
