# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""snap: what is known of it before it is loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Snap

    return Snap(system)


PACKAGE_MANAGER = PackageManager(
    name="snap", kinds=("snap",), database="snap",
    # snapd: single hyphens, at least one letter, at most 40 characters
    names=NameRule(
        re.compile(r"(?=.{1,40}\Z)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*"),
        "lower-case letters, digits and single hyphens, at most 40 characters",
    ),
    programs=("snap",),
    load=_load,
)
