# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request with its answer, as a simulator logs it.

Keys: ``method``, ``path``, ``query`` (mapping or text), ``headers``, ``body``, ``status`` (None: the connection was dropped),
``response_headers``, ``response``; ``request_headers``, ``request_body`` and ``response_body`` are understood too. ``url``, where it is
given, has the query as it was sent. ``fault``: the answer was spoilt on purpose, so only the request is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Exchange:
    """``headers`` are None where the log has none; their names are in lower case. ``query`` keeps repeated names."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] | None
    body: Any
    status: int | None
    response_headers: Mapping[str, str] | None
    response: Any
    answer_counts: bool = True

    @property
    def lead(self) -> str:
        """How a violation begins."""
        return f"{self.method} {self.path}"


def read_exchange(logged: Mapping[str, Any]) -> Exchange:
    """Read a log entry. Raises ValueError for one that lacks its method, path or status."""
    missing = [key for key in ("method", "path", "status") if key not in logged]
    if missing:
        raise ValueError(f"an exchange without {', '.join(missing)}: it has {', '.join(sorted(map(str, logged)))}")
    path, _mark, query_in_path = str(logged["path"]).partition("?")
    query = urlsplit(logged["url"]).query if logged.get("url") else (logged.get("query") or query_in_path)
    return Exchange(
        method=str(logged["method"]).upper(),
        path=unquote(path),
        query=_pairs(query),
        headers=_headers(logged.get("headers", logged.get("request_headers"))),
        body=logged.get("body", logged.get("request_body")),
        status=logged["status"],
        response_headers=_headers(logged.get("response_headers")),
        response=logged.get("response", logged.get("response_body")),
        answer_counts=logged["status"] is not None and not logged.get("fault"),
    )


def _pairs(query: Mapping[str, Any] | str) -> tuple[tuple[str, str], ...]:
    if isinstance(query, str):
        return tuple(parse_qsl(query.lstrip("?"), keep_blank_values=True))
    return tuple((name, str(value)) for name, given in query.items() for value in (given if isinstance(given, list) else [given]))


def _headers(headers: Mapping[str, Any] | None) -> dict[str, str] | None:
    return None if headers is None else {str(name).lower(): str(value) for name, value in headers.items()}
