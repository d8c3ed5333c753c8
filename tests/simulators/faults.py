# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that a test orders: which request, which occurrence, what goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# What the front does itself. Other kinds are the vendor's own and are passed on with the request.
STATUS_KINDS = {"429": 429, "500": 500, "502": 502, "503": 503, "504": 504}
GENERIC_KINDS = {*STATUS_KINDS, "timeout_after_effect", "drop", "html", "bad_json"}


@dataclass
class Fault:
    """One ordered failure: {match: {method?, path}, nth: 1 | [1, 2] | "all", kind, retry_after?}, and options of the vendor's kinds."""

    kind: str
    path: re.Pattern[str]
    method: str | None
    nth: frozenset[int] | None
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0

    @classmethod
    def parse(cls, order: dict[str, Any], vendor_kinds: frozenset[str], vendor_options: frozenset[str] = frozenset()) -> Fault:
        kind = str(order.get("kind"))
        if kind not in GENERIC_KINDS | vendor_kinds:
            raise ValueError(f"unknown kind of fault {kind!r}; known: {', '.join(sorted(GENERIC_KINDS | vendor_kinds))}")
        match = order.get("match", {})
        own = {"retry_after", *(vendor_options if kind in vendor_kinds else ())}
        unknown = set(order) - {"match", "nth", "kind"} - own | set(match) - {"method", "path"}
        if unknown:
            raise ValueError(f"unknown keys in a fault: {', '.join(sorted(unknown))}")
        nth = order.get("nth", 1)
        numbers = None if nth == "all" else frozenset([nth] if isinstance(nth, int) else nth)
        options = {name: order[name] for name in own if name in order}
        return cls(kind, re.compile(match.get("path", "")), match.get("method"), numbers, options)

    def strikes(self, method: str, target: str) -> bool:
        """Count the request if it matches, and say whether it is one that fails."""
        if self.method is not None and self.method.upper() != method:
            return False
        if not self.path.search(target):
            return False
        self.seen += 1
        return self.nth is None or self.seen in self.nth


class Faults:
    """All orders in force. The first that strikes wins, but every matching one counts the request."""

    def __init__(self, vendor_kinds: frozenset[str], vendor_options: frozenset[str] = frozenset()) -> None:
        self.vendor_kinds = vendor_kinds
        self.vendor_options = vendor_options
        self.orders: list[Fault] = []

    def replace(self, orders: list[dict[str, Any]]) -> None:
        """Put these orders in force instead of all earlier ones."""
        self.orders = [Fault.parse(order, self.vendor_kinds, self.vendor_options) for order in orders]

    def strike(self, method: str, target: str) -> Fault | None:
        struck = [fault for fault in self.orders if fault.strikes(method, target)]
        return struck[0] if struck else None
