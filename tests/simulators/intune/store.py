# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of objects whose reads lag behind their writes (Intune fact sheet, 4: eventual consistency)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


class Store:
    """Objects by id, in the order of their creation. Writes see the truth at once; reads may be shown the past."""

    def __init__(self, name: str, lagging: bool = True) -> None:
        self.name = name
        self.lagging = lagging
        self.objects: dict[str, dict[str, Any]] = {}
        self._past: dict[str, tuple[int, dict[str, Any] | None]] = {}
        self._last_write: tuple[str, dict[str, Any] | None] | None = None

    def truth(self, key: str) -> dict[str, Any] | None:
        return self.objects.get(key)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.objects.values())

    def put(self, key: str, value: dict[str, Any], lag: int) -> None:
        """Create or replace an object; the next `lag` reads of it still see what was there before."""
        before = self.objects.get(key)
        self._last_write = (key, before)
        if self.lagging and lag > 0:
            earlier = self._past[key][1] if key in self._past else before
            self._past[key] = (lag, earlier)
        self.objects[key] = value

    def change(self, key: str, lag: int, **fields: Any) -> dict[str, Any]:
        """Replace some top-level fields of an object."""
        value = {**copy.deepcopy(self.objects[key]), **fields}
        self.put(key, value, lag)
        return value

    def remove(self, key: str) -> None:
        self._last_write = (key, self.objects.pop(key))
        self._past.pop(key, None)

    def read(self, key: str, stale: bool = False) -> dict[str, Any] | None:
        """One object as a reader sees it. `stale` shows the state before the last write, once more than the lag asks for."""
        if stale and self._last_write is not None and self._last_write[0] == key:
            return self._last_write[1]
        return self._seen(key)

    def read_all(self, stale: bool = False) -> list[dict[str, Any]]:
        """The collection as a reader sees it."""
        seen = {key: self._seen(key) for key in list(self.objects)}
        if stale and self._last_write is not None:
            seen[self._last_write[0]] = self._last_write[1]
        return [value for value in seen.values() if value is not None]

    def lag_of(self, key: str) -> int:
        return self._past[key][0] if key in self._past else 0

    def _seen(self, key: str) -> dict[str, Any] | None:
        if key not in self._past:
            return self.objects.get(key)
        left, past = self._past[key]
        if left <= 1:
            del self._past[key]
        else:
            self._past[key] = (left - 1, past)
        return past
