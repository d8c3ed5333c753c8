# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homebrew: what is known of it before it is loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Tuple

from ..package_manager import NameRule, PackageManager

if TYPE_CHECKING:
    from ..backend import Backend
    from ..system import System


def _load(system: System, first: bool) -> Backend:
    from .backend import Homebrew

    return Homebrew(system)


def _is_here(system: System) -> bool:
    from .prefixes import has_prefix

    return has_prefix(system)


def _without_kind(name: str) -> str:
    return name.split(":", 1)[1] if name.startswith(("formula:", "cask:")) else name


def _with_and_without_tap(name: str) -> Tuple[str, ...]:
    return (name, name.rsplit("/", 1)[1]) if "/" in name else (name,)


PACKAGE_MANAGER = PackageManager(
    "homebrew",
    ("brew_formula", "brew_cask"),
    "homebrew",
    # a short name or owner/tap/name
    NameRule(
        re.compile(r"(?:[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*/)?[a-z0-9][a-z0-9@._+-]*"),
        "lower-case letters, digits and @._+-, with owner/tap/ before it where it is from a tap",
        bare=_without_kind,
        protected_as=_with_and_without_tap,
    ),
    # brew is a person's own program in a person's own directory: it is looked for there, and never on the search path.
    programs=(),
    load=_load,
    shared_files=("/etc/homebrew/brew.env",),
    is_here=_is_here,
)
