# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PyYAML says of a file that is no YAML, in the words of whoever has to mend it."""

from __future__ import annotations

import re
from typing import Any

# What PyYAML says -> what is there, and what to do. The first pattern that matches counts.
_MISTAKES = (
    (r"mapping values are not allowed", "a second ': ' in one line, or a line indented deeper than the one above it",
     "text with a colon in quotes, and keys of one mapping below each other"),
    (r"found character '\\t'", "a tab", "spaces for indentation"),
    (r"found character '[%@`]'", "text that begins with %, @ or `", "such text in quotes"),
    (r"could not find expected ':'", "a line without a colon, or a text that goes on here and should not",
     "KEY: VALUE, indented like the lines around it"),
    (r"found unexpected end of stream", "a quote that is never closed", "the closing quote"),
    (r"expected ',' or '\]'", "a list in [ ] that is not closed, or two items without a comma between", "a comma or ]"),
    (r"expected ',' or '}'", "a mapping in { } that is not closed, or two entries without a comma between", "a comma or }"),
    (r"expected <block end>", "a line that does not fit the indentation above it", "lines of one list or mapping indented alike"),
    (r"expected the node content|did not find expected node", "nothing where a value belongs, or a bracket that is not closed", "a value"),
    (r"expected a single document", "a second document after ---", "one document in one file"),
    (r"could not determine a constructor for the tag", "a tag (a word that begins with !)",
     "plain values; policies and catalogs know no tags, and no vault"),
    (r"found unhashable key|found unacceptable key", "a mapping or list as a key, as {{ }} gives one",
     "a text as key; documents of this collection are no templates"),
    (r"found undefined alias", "a * that begins a text, taken for the name of an anchor", "such text in quotes"),
    (r"found duplicate anchor", "an anchor of this name a second time", "anchors with names that differ"),
    (r"found unknown escape character|expected escape sequence", "a backslash in double quotes that means nothing there",
     "two backslashes, or single quotes"),
    (r"while scanning (?:an anchor|an alias)|expected alphabetic or numeric character", "a & or * that begins a text",
     "such text in quotes"),
    (r"expected a comment or a line break", "text behind | or >", "the text on the lines below, indented"),
    (r"sequence entries are not allowed", "an item (-) where no list can begin", "the list on the lines below its key"),
)  # fmt: skip


def in_plain_words(error: Any) -> tuple[str, str, Any]:
    """What was found, what was expected and PyYAML's mark of the place, of a MarkedYAMLError.

    Where something was opened and never closed the place is that of the opening.
    """
    problem, context = error.problem or "", error.context or ""
    said = f"{context}: {problem}" if context else problem
    for pattern, found, expected in _MISTAKES:
        if re.search(pattern, said):
            opened = "never closed" in found or "not closed" in found
            mark = (error.context_mark if opened else error.problem_mark) or error.problem_mark or error.context_mark
            return f"{found} ({problem})" if problem else found, expected, mark
    return problem or context or "a mistake", "YAML", error.problem_mark or error.context_mark
