# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a package is one that no ban may touch. The names are in ``policy/protected_packages.py``: one list for policies and hosts."""

from __future__ import annotations

import fnmatch
import re
from typing import Iterable, Optional

from ..policy.protected_packages import PROTECTED_PACKAGES

_FIRST_WILDCARD = re.compile(r"[*?[]")


def protecting_entry(database: str, spellings: Iterable[str], extra_globs: Iterable[str] = ()) -> Optional[str]:
    """The entry that protects a package.

    Args:
        database: the low-level database.
        spellings: the package's name in lower case, as often as it can be written.
        extra_globs: the user's own ``protected`` entries.

    Returns:
        The list that has it and the entry, or None.
    """
    names = tuple(spellings)
    for source, globs in (("built-in list", PROTECTED_PACKAGES[database]), ("`protected` of this task", tuple(extra_globs))):
        for glob in globs:
            if any(_matches(name, glob.lower()) for name in names):
                return "%s: %s" % (source, glob)
    return None


def _matches(name: str, glob: str) -> bool:
    # Making a regular expression of each of the hundreds of globs would cost a run with nothing to do a fifth of its time.
    literal = _FIRST_WILDCARD.split(glob, maxsplit=1)[0]
    if literal == glob:
        return name == glob
    return name.startswith(literal) and fnmatch.fnmatchcase(name, glob)
