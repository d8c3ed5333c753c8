# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flatpak: what is known of it before it is loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Flatpak

    return Flatpak(system)


PACKAGE_MANAGER = PackageManager(
    name="flatpak", kinds=("flatpak",), database="flatpak",
    # three parts or more, a hyphen in the last one only
    names=NameRule(
        re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+\.[A-Za-z_][A-Za-z0-9_-]*"),
        "an application id of three or more parts such as org.example.App",
    ),
    programs=("flatpak",),
    load=_load,
    own_files=("/etc/flatpak/appban.filter",),
)
