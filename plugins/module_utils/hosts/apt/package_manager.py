# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt and dpkg: what is known of them before they are loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System

_ARCHITECTURE = re.compile(r":[a-z0-9-]+\Z")


def _load(system: System, first: bool) -> Backend:
    from .backend import Apt

    return Apt(system)


PACKAGE_MANAGER = PackageManager(
    name="apt", kinds=("deb",), database="dpkg",
    # Debian Policy 5.6.1: at least two characters
    names=NameRule(
        re.compile(r"[a-z0-9][a-z0-9+.-]+"),
        "lower-case letters, digits and +.-, at least two characters",
        protected_as=lambda name: (_ARCHITECTURE.sub("", name),),
    ),
    programs=("dpkg-query", "apt-get"),
    load=_load,
    own_files=("/etc/apt/preferences.d/appban", "/var/lib/dpkg/info/appban-guard.list"),
)
