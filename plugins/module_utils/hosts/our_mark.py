# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark beside entries of ours in a list that is an administrator's: it names them, so that a lost ledger is survived."""

from __future__ import annotations

import re
from typing import FrozenSet, NamedTuple, Optional, Sequence

_MARK = re.compile(r"appban: ([^\s()]+)(?: \(ours: ([a-z, ]+)\))?\s*$")


class Mark(NamedTuple):
    """What a mark says.

    Args:
        names: the entries that are ours.
        flags: what else around them is ours (``created``, ``section``, ``line``, ...).
    """

    names: Sequence[str]
    flags: FrozenSet[str]


def mark_text(names: Sequence[str], flags: Sequence[str]) -> str:
    """The mark: ``appban: NAME,NAME`` and, in parentheses, what else is ours."""
    return "appban: %s%s" % (",".join(names), " (ours: %s)" % ", ".join(flags) if flags else "")


def read_mark(text: str) -> Optional[Mark]:
    """The mark that a text is; None for any other text."""
    match = _MARK.match(text)
    if not match:
        return None
    return Mark(tuple(name for name in match.group(1).split(",") if name), frozenset((match.group(2) or "").replace(",", " ").split()))
