# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homebrew: what is known of it before it is loaded."""

from __future__ import annotations

import re

from ..backend import Backend
from ..package_manager import NameRule, PackageManager
from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Homebrew

    return Homebrew(system)


def _is_here(system: System) -> bool:
    from .prefixes import has_prefix

    return has_prefix(system)


PACKAGE_MANAGER = PackageManager(
    name="homebrew", kinds=("brew_formula", "brew_cask"), database="homebrew",
    names=NameRule(
        re.compile(r"(?:[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*/)?[a-z0-9][a-z0-9@._+-]*"),
        "lower-case letters, digits and @._+-, with owner/tap/ before it where it is from a tap",
        bare=lambda name: name.split(":", 1)[1] if name.startswith(("formula:", "cask:")) else name,
        protected_as=lambda name: (name, name.rsplit("/", 1)[-1]),
    ),
    # brew is a person's own program in a person's own directory: it is looked for there, and never on the search path.
    programs=(),
    load=_load,
    shared_files=("/etc/homebrew/brew.env",),
    is_here=_is_here,
)
