# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies to plain JSON types, made at every door of the policy core.

ansible-core 2.19 hands over lazy and tagged containers that jmespath and others don't understand, YAML gives dates of its
own, and any of them may be deep or huge by accident or by malice. Behind this door there are only dict, list, str, int,
float, bool and None.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any, Mapping

from .problems import MEANING, STRUCTURE, Problem, child, show

MAX_DEPTH = 40
MAX_NODES = 2_000_000


class NotPlain(Exception):
    """A value that has no plain form; carries the Problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def plain_copy(value: Any, file: str) -> Any:
    """A deep copy in plain types: tagged and lazy containers unwrapped, dates and times as ISO text.

    Raises NotPlain for what JSON can't say (NaN, bytes, keys that aren't text, objects) and for documents that are nested
    deeper than MAX_DEPTH or hold more than MAX_NODES values.
    """
    return _Copier(file).copy(value, "$", 0)


class _Copier:
    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes = 0

    def copy(self, value: Any, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._refuse(path, "more than the rest of the document allows", f"at most {MAX_NODES} values", MEANING)
        if depth > MAX_DEPTH:
            raise self._refuse(path, "a document nested ever deeper", f"at most {MAX_DEPTH} levels", MEANING)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            text = str.__str__(value)
            if not _is_encodable(text):
                raise self._refuse(path, "text with half a surrogate pair", "text that can be written as UTF-8", MEANING)
            return text
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self._refuse(path, repr(float(value)), "a finite number", STRUCTURE)
            return float(value)
        if isinstance(value, (datetime, date)):
            return value.isoformat()
        if isinstance(value, Mapping):
            return self._copy_mapping(value, path, depth)
        if isinstance(value, (list, tuple)):
            return [self.copy(item, child(path, index), depth + 1) for index, item in enumerate(value)]
        raise self._refuse(path, f"a value of type {type(value).__name__}", "text, a number, true, false, a list or a mapping", STRUCTURE)

    def _copy_mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise self._refuse(
                    path,
                    f"the key {show(key) if isinstance(key, (int, float)) else type(key).__name__}",
                    "keys that are text (put it in quotes)",
                    STRUCTURE,
                )
            name = self.copy(key, path, depth)
            copied[name] = self.copy(item, child(path, name), depth + 1)
        return copied

    def _refuse(self, path: str, found: str, expected: str, kind: str) -> NotPlain:
        return NotPlain(Problem(self.file, path, found, expected, kind=kind))


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
