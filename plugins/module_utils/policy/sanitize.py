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
from typing import Any, Final, Mapping, Sequence

from .problems import MEANING, STRUCTURE, Problem, child, show

MAX_DEPTH = 40
MAX_NODES = 2_000_000


class Invalid:
    """Stands where a value was refused, so that the rest of the document can still be read for more problems."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class NotSanitized(Exception):
    """A value that has no plain form; carries every Problem.

    copied: the plain copy with INVALID for each value that has none and without each key that is no text. INVALID as a whole
    where the value is too deep or too large to be read to its end.
    """

    def __init__(self, problems: Sequence[Problem], copied: Any = INVALID) -> None:
        self.problems = tuple(problems)
        self.copied = copied
        super().__init__("\n".join(str(problem) for problem in problems))


def sanitize(value: Any, file: str) -> Any:
    """A deep copy in plain types: tagged and lazy containers unwrapped, dates and times as ISO text.

    Raises NotSanitized for what JSON can't say (NaN, bytes, keys that aren't text, objects) and for documents that are nested
    deeper than MAX_DEPTH or hold more than MAX_NODES values. An INVALID of an earlier copy stays, without another problem.
    """
    copier = _Copier(file)
    copied = copier.copy(value, "$", 0)
    if copier.problems:
        raise NotSanitized(copier.problems, copied)
    return copied


class _Copier:
    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes = 0
        self.problems: list[Problem] = []

    def copy(self, value: Any, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._end(path, "more than the rest of the document allows", f"at most {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise self._end(path, "a document nested ever deeper", f"at most {MAX_DEPTH} levels")
        if value is None or isinstance(value, (bool, Invalid)):
            return value
        if isinstance(value, str):
            text = str.__str__(value)
            if not _is_encodable(text):
                return self._refuse(path, "text with half a surrogate pair", "text that can be written as UTF-8", MEANING)
            return text
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                return self._refuse(path, repr(float(value)), "a finite number", STRUCTURE)
            return float(value)
        if isinstance(value, (datetime, date)):
            return value.isoformat()
        if isinstance(value, Mapping):
            return self._copy_mapping(value, path, depth)
        if isinstance(value, (list, tuple)):
            return [self.copy(item, child(path, index), depth + 1) for index, item in enumerate(value)]
        return self._refuse(path, f"a value of type {type(value).__name__}", "text, a number, true, false, a list or a mapping", STRUCTURE)

    def _copy_mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for key, item in value.items():
            name = self.copy(key, path, depth) if isinstance(key, str) else self._refuse_key(path, key)
            if not isinstance(name, Invalid):
                copied[name] = self.copy(item, child(path, name), depth + 1)
        return copied

    def _refuse_key(self, path: str, key: Any) -> Invalid:
        plain = isinstance(key, (int, float))
        return self._refuse(
            child(path, show(key)) if plain else path,
            f"the key {show(key) if plain or key is None else type(key).__name__}",
            "keys that are text (put it in quotes)",
            STRUCTURE,
            of_key=True,
        )

    def _refuse(self, path: str, found: str, expected: str, kind: str, of_key: bool = False) -> Invalid:
        self.problems.append(Problem(self.file, path, found, expected, kind=kind, of_key=of_key))
        return INVALID

    def _end(self, path: str, found: str, expected: str) -> NotSanitized:
        return NotSanitized((*self.problems, Problem(self.file, path, found, expected)))


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
