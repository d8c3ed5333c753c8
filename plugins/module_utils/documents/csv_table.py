# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables in CSV files: a header row, and rows as long as it."""

from __future__ import annotations

import csv
import io

from ..policy.problems import STRUCTURE, PolicyError, Problem, show


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
        text = content.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        numbered = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise PolicyError([Problem(path, "$", "a byte that is not UTF-8", "a file in UTF-8", kind=STRUCTURE)]) from error
    except csv.Error as error:
        raise PolicyError([Problem(path, "line %d" % rows.line_num, str(error), "CSV", kind=STRUCTURE)]) from error
    if key not in header:
        found = "the columns %s" % ", ".join(header) if any(header) else "no header"
        raise PolicyError([Problem(path, "line 1", found[:200], "a header row with the column %s" % key, kind=STRUCTURE)])
    return header, [row for row in numbered if len(row[1]) == len(header)], _problems(header, numbered, path)


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
