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
# How files of spreadsheets begin, the new ones (ZIP) and the old ones.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
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
    text = _text(content, path)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    read: list[tuple[int, list[str]]] = []
    try:
        for row in rows:
            read.append((rows.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise PolicyError([_no_row(error, text, path, read[-1][0] if read else 0, rows.line_num)]) from error
    header = read[0][1] if read else []
    if key not in header:
        raise PolicyError([_no_header(header, text, path, key)])
    numbered = [(line, row) for line, row in read[1:] if any(row)]
    return header, [row for row in numbered if len(row[1]) == len(header)], _problems(header, numbered, path)


def cell_place(line: int, header: list[str], column: int) -> str:
    """Where a cell is, for messages: ``line 2, column 1 (serial)``. column: its position, from 0."""
    return "line %d, column %d (%s)" % (line, column + 1, header[column])


def _text(content: bytes, path: str) -> str:
    if content.startswith(_WORKBOOKS):
        raise PolicyError([Problem(path, "line 1, column 1", "a workbook that is called a table", _SAVE_AS, kind=STRUCTURE)])
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


def _no_row(error: csv.Error, text: str, path: str, ended: int, line: int) -> Problem:
    """Why no row can be read behind the line where the last one ended. line: how far the reader came."""
    opened = _doubtful_quote(list(io.StringIO(text, newline=""))[ended:])
    if opened is None:
        return Problem(path, "line %d" % line, str(error), "CSV", kind=STRUCTURE)
    lines, column, closed = opened
    found = "a cell in quotes with more behind its closing quote" if closed else "a quote that is never closed"
    expected = "a comma behind the closing quote" if closed else "the closing quote"
    where = "line %d, column %d" % (ended + lines, column)
    return Problem(path, where, found, expected + " (a quote inside a cell is written twice)", kind=STRUCTURE)


def _doubtful_quote(lines: list[str]) -> tuple[int, int, bool] | None:
    """Line and column, from 1, of the quote of a row that opens a cell and is not closed, or is closed (true) before the cell's end."""
    opened: tuple[int, int] | None = None
    for number, line in enumerate(lines, 1):
        column, at = 1, 0
        while at < len(line):
            if opened is None:
                begins = at == 0 or line[at - 1] == ","
                if begins and line[at] == '"':
                    opened = (number, column)
                column += line[at] == ","
                at += 1
                continue
            if line[at] != '"':
                # Of a cell over several lines the next one is in the column behind it.
                at += 1
                continue
            if line[at + 1 : at + 2] == '"':
                at += 2
                continue
            if line[at + 1 : at + 2] not in (",", "\r", "\n", ""):
                return (*opened, True)
            column, opened = opened[1], None
            at += 1
    return (*opened, False) if opened else None


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
