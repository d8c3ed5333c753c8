# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects by number; a change is seen at once by the node that made it, and later by the others."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


class Store:
    """One collection. Numbers are given once and never again."""

    def __init__(self) -> None:
        self.objects: dict[int, dict[str, Any]] = {}
        self.given = 0
        self._past: dict[int, tuple[int, int, dict[str, Any] | None]] = {}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.objects.values())

    def add(self, value: dict[str, Any], node: int = 0, lag: int = 0) -> int:
        self.given += 1
        self.put(self.given, {**value, "id": self.given}, node, lag)
        return self.given

    def put(self, key: int, value: dict[str, Any], node: int = 0, lag: int = 0) -> None:
        self._remember(key, node, lag)
        self.objects[key] = value

    def remove(self, key: int, node: int = 0, lag: int = 0) -> None:
        self._remember(key, node, lag)
        del self.objects[key]

    def read(self, key: int, node: int) -> dict[str, Any] | None:
        """One object as that node knows it; node 0 is the database, which is never behind."""
        past = self._past.get(key)
        if past is None or node in (0, past[0]):
            return self.objects.get(key)
        writer, left, before = past
        if left <= 1:
            del self._past[key]
        else:
            self._past[key] = (writer, left - 1, before)
        return before

    def read_all(self, node: int) -> list[dict[str, Any]]:
        seen = [self.read(key, node) for key in sorted({*self.objects, *self._past})]
        return [value for value in seen if value is not None]

    def _remember(self, key: int, node: int, lag: int) -> None:
        self._past.pop(key, None)
        if node and lag > 0:
            self._past[key] = (node, lag, copy.deepcopy(self.objects.get(key)))
