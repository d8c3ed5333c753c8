# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One pass over one policy document: where problems go, and how its times and conditions are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from . import instants, scope
from .expression_trial import ExpressionError
from .instants import InstantError
from .model import Instant
from .problems import Problem, child, show
from .scope import Condition
from .validators import sound


@dataclass
class Reading:
    """One pass over one document: where problems go, and how its times are read."""

    file: str
    problems: list[Problem]
    zone: tzinfo | None = None
    # A plain day needs a zone: the document's, or else the offset that effective.from is written with.
    day_zone: tzinfo | None = None

    def refuse(self, path: str, found: Any, expected: str, nearest: tuple[str, ...] = ()) -> None:
        """Add a problem of meaning. found: a value, or a Said with words of its own."""
        self.problems.append(Problem(self.file, path, found.words if isinstance(found, Said) else show(found), expected, nearest))

    def instant(self, value: Any, path: str) -> Instant | None:
        """The instant of a checked text; None if it isn't one, with a problem."""
        if not isinstance(value, str):
            return None
        try:
            return instants.read_instant(value, self.zone)
        except InstantError as error:
            self.refuse(path, value, str(error))
            return None

    def day_or_instant(self, value: Any, path: str, last: bool) -> Instant | None:
        """As instant, but a plain day is its first moment, or with `last` the first moment after it."""
        if not isinstance(value, str) or not instants.is_day(value):
            return self.instant(value, path)
        if self.day_zone is None:
            return self.instant(value, path)
        try:
            day = instants.read_day(value)
            moment = instants.end_of_day(day, self.day_zone) if last else instants.start_of_day(day, self.day_zone)
        except (InstantError, OverflowError) as error:
            self.refuse(path, value, str(error))
            return None
        return Instant(moment, value)

    def condition(self, when: Any, path: str) -> Condition | None:
        """The compiled form of a checked `when`; None if it has problems."""
        before = len(self.problems)
        self._check_when(when, path)
        return scope.compile_when(when) if len(self.problems) == before and sound(when) else None

    def _check_when(self, when: Any, path: str) -> None:
        if isinstance(when, str):
            try:
                scope.compile_when(when)
            except ExpressionError as error:
                self.refuse(path, when, str(error), error.nearest)
            return
        for key, value in when.items() if isinstance(when, dict) else ():
            where = child(path, key)
            if key in ("any", "all"):
                for index, part in enumerate(value if isinstance(value, list) else ()):
                    self._check_when(part, child(where, index))
            elif key == "not":
                self._check_when(value, where)


@dataclass(frozen=True)
class Said:
    """Words for what was found, where the value itself would not tell."""

    words: str
