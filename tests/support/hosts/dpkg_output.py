# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg prints, for tests on recorded output."""

from __future__ import annotations

DEPENDENTS = """\
dpkg: dependency problems prevent removal of tiktok-desktop:
 media-suite depends on tiktok-desktop.
 libfoo:i386 pre-depends on tiktok-desktop (>= 1.0).
 media-alt depends on tiktok-desktop | vlc-lab; however:
  Package tiktok-desktop is to be removed.
  Package vlc-lab is not installed.
 media-suite depends on tiktok-desktop.

dpkg: error processing package tiktok-desktop (--purge):
 dependency problems - not removing
Errors were encountered while processing:
 tiktok-desktop
"""


def row(
    name: str,
    status: str = "ii ",
    unique: str = "",
    version: str = "1.0",
    marks: tuple[str, str, str, str] = ("no", "no", "", "optional"),
    provides: str = "",
) -> str:
    """One line as dpkg-query prints it."""
    return "\t".join([name, unique or name, version, status, *marks, provides]) + "\n"
