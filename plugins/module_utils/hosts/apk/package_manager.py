# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apk (Alpine): what is known of it before it is loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Apk

    return Apk(system)


PACKAGE_MANAGER = PackageManager(
    name="apk", kinds=("apk",), database="apk",
    names=NameRule(re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*"), "letters, digits and ._+-"),
    programs=("apk",),
    load=_load,
    shared_files=("/etc/apk/world",),
)
