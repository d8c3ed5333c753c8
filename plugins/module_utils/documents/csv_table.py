# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables in CSV files: a header row, and rows as long as it."""

from __future__ import annotations

import csv
import io
import re

from ..policy.problems import STRUCTURE, PolicyError, Problem, nearest_names, show

_SAVE_AS = "a file in UTF-8 (save it as CSV UTF-8)"
_COMMAS = "columns separated by commas (save it as CSV with commas%s)"
#: What other tables are separated by -> its name, and what is expected.
_SEPARATORS = {
    ";": ("semicolons", _COMMAS % "; a semicolon separates the items of a list in a cell"),
    "\t": ("tabs", _COMMAS % ""),
    "|": ("vertical bars", _COMMAS % ""),
}


def read_table(content: bytes, path: str, key: str) -> tuple[list[str], list[tuple[int, list[str]]], list[Problem]]:
    """A table that has a key column. Rows without any text are passed over.

    Args:
        path: of the file, for messages.
        key: name of the column that must be there.

    Returns:
        The header; the number of its last line and the cells, stripped, of every row that is as long as the header; problems of
        the header and of the rows that are not.

    Raises:
        PolicyError: for what is no such table at all.
    """
    try:
        text = _text(content, path)
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        numbered = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise PolicyError([Problem(path, "line %d" % rows.line_num, str(error), "CSV", kind=STRUCTURE)]) from error
    if key not in header:
        raise PolicyError([_no_header(header, text, path, key)])
    return header, [row for row in numbered if len(row[1]) == len(header)], _problems(header, numbered, path)


def cell_place(line: int, header: list[str], column: int) -> str:
    """Where a cell is, for messages: ``line 2, column 1 (serial)``. column: its position, from 0."""
    return "line %d, column %d (%s)" % (line, column + 1, header[column])


def _text(content: bytes, path: str) -> str:
    in_utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:200]
    if in_utf_16:
        raise PolicyError([Problem(path, "line 1, column 1", "text in UTF-16", _SAVE_AS, kind=STRUCTURE)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = content[error.start : error.start + 1]
        before = content[: error.start]
        # Commas in quotes are none between columns.
        column = re.sub(rb'"[^"]*"?', b"", before.rpartition(b"\n")[2]).count(b",") + 1
        where = "line %d, column %d" % (before.count(b"\n") + 1, column)
        found = "the byte 0x%02x, which is %s in Windows-1252" % (byte[0], byte.decode("cp1252", "replace"))
        raise PolicyError([Problem(path, where, found, _SAVE_AS, kind=STRUCTURE)]) from error


def _no_header(header: list[str], text: str, path: str, key: str) -> Problem:
    """Why the first line is no header row with the key column."""
    first = text.partition("\n")[0].strip()
    wanted = "a header row with the column %s" % key
    if first.lower().startswith("sep="):
        # Excel's own word to itself.
        return Problem(path, "line 1, column 1", show(first), wanted, kind=STRUCTURE)
    for separator, (name, expected) in _SEPARATORS.items():
        if key in [cell.strip().strip('"').lower() for cell in first.split(separator)]:
            return Problem(path, "line 1, column 1", "columns separated by %s" % name, expected, kind=STRUCTURE)
    found = "the columns %s" % ", ".join(header) if any(header) else "no header"
    near = (key,) if key in [name.lower() for name in header] else nearest_names(key, header)
    return Problem(path, "line 1", found[:200], wanted, near, kind=STRUCTURE)


def _problems(header: list[str], rows: list[tuple[int, list[str]]], path: str) -> list[Problem]:
    problems = [
        Problem(
            path,
            "line 1",
            "the column %s %s" % (show(name), "twice" if name else "without a name"),
            "columns with names that differ",
            kind=STRUCTURE,
        )
        for name in sorted({name for name in header if header.count(name) > 1 or not name})
    ]
    expected = "%d cells, as in the header" % len(header)
    problems += [
        Problem(path, "line %d" % line, "%d cells" % len(row), expected, kind=STRUCTURE) for line, row in rows if len(row) != len(header)
    ]
    return problems
