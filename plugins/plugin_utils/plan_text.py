# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes as text for people: unified diffs, and names that can't leave the place they stand in. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import unified_diff

from .shown_lines import visible

#: From how many lines on two texts are not compared any more.
_MOST_COMPARED = 2000
_MOST_COLUMNS = 300


def code_span(text: str) -> str:
    """The text as code of one line in Markdown, whatever is in it."""
    shown = visible(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return fence + space + (shown or " ") + space + fence


def code_block(lines: Sequence[str], language: str = "") -> list[str]:
    """Lines as a block of code in Markdown that none of them can end."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *shown, fence]


def diff_lines(before: str | None, after: str | None, header: str) -> list[str]:
    """Two texts as a unified diff with the header of Ansible's own; None and an empty text are nothing."""
    old, new = _lines(before), _lines(after)
    named = visible(header)
    if max(len(old), len(new)) > _MOST_COMPARED:
        return [
            "--- before: " + named,
            "+++ after: " + named,
            "@@ %d lines before, %d after: too long to compare @@" % (len(old), len(new)),
        ]
    return [
        line[:1] + visible(line[1:_MOST_COLUMNS]) for line in unified_diff(old, new, "before: " + named, "after: " + named, lineterm="")
    ]


def _lines(text: str | None) -> list[str]:
    return (text or "").split("\n") if text else []
