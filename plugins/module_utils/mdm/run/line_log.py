# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are only ever appended to, a line at a time. What is in them is on disk; half a line of a killed run counts for nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence


def read_lines(path: str) -> list[bytes]:
    """The whole lines of a file; none where there is no file. What follows the last line feed is half a line, even where it looks whole.

    Raises:
        OSError: where it can't be read.
    """
    try:
        with open(path, "rb") as handle:
            return handle.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def append_lines(path: str, lines: Sequence[str]) -> None:
    """Append lines, on disk before this returns. Half a line at the end is taken away first: what it would have said did not happen.

    Raises:
        OSError: where it can't be written.
    """
    data = ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
    os.makedirs(os.path.dirname(path) or ".", mode=0o750, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        os.ftruncate(descriptor, os.lseek(descriptor, _end_of_last_line(descriptor), os.SEEK_SET))
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_of_last_line(descriptor: int) -> int:
    """Position behind the last line feed of a file."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        os.lseek(descriptor, start, os.SEEK_SET)
        position = os.read(descriptor, end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
