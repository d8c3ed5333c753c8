# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enrolment ids in the path of a URL: which ids fit there, and how many at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

#: Ids in one request. Servers in front of NanoMDM take 8 KB for the first line of a request by default.
MOST_IDS = 150
#: Bytes of ids, encoded, in one request.
MOST_BYTES = 6_000
#: Ids that KMFDDM can notify at once, see ``kmfddm.Kmfddm.notify``.
MOST_NOTIFIED = 30

_UNFIT = re.compile(r"[,/\\\s\x00-\x1f\x7f]")


def fits_in_path(enrollment_id: str) -> bool:
    """Whether an id can stand in a path: the servers split it at commas and KMFDDM at slashes, whatever the encoding."""
    return bool(enrollment_id) and enrollment_id not in {".", ".."} and not _UNFIT.search(enrollment_id)


def path_of(ids: Iterable[str]) -> str:
    """Ids as one part of a path."""
    return ",".join(quote(each, safe="") for each in ids)


def id_chunks(ids: Iterable[str], most: int = MOST_IDS, most_bytes: int = MOST_BYTES) -> list[tuple[str, ...]]:
    """Split ids into what one request takes, each id once, in their order by letter: the same ids always make the same chunks.

    An id given twice in one request would get a command twice from some storages, and from others fail the whole request.

    Args:
        most: ids in a chunk.
        most_bytes: of the ids as they stand in the URL; a single longer id is a chunk of its own.
    """
    chunks: list[tuple[str, ...]] = []
    chunk: list[str] = []
    size = 0
    for each in sorted(set(ids)):
        length = len(quote(each, safe="")) + 1
        if chunk and (len(chunk) >= most or size + length > most_bytes):
            chunks.append(tuple(chunk))
            chunk, size = [], 0
        chunk.append(each)
        size += length
    return chunks + [tuple(chunk)] if chunk else chunks
