# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets in sliding windows of real time (Intune fact sheet, 4)."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .errors import CODES, Refusal
from .settings import Settings

FAMILIES = {
    "managedDevices": "devices", "detectedApps": "devices", "managedDeviceOverview": "devices", "deviceHealthScripts": "devices",
    "deviceShellScripts": "devices", "mobileApps": "applications", "deviceConfigurations": "configuration",
    "deviceCompliancePolicies": "configuration", "configurationPolicies": "configuration_v2", "assignmentFilters": "configuration_v2",
}  # fmt: skip
# Some services say when to come back, some don't: users see both.
SAYS_WHEN = {"devices", "applications"}
UNTIL_THERE_IS_ROOM = "until there is room"


class Throttle:
    """Counts requests. A refused one doesn't count."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.monotonic = monotonic
        self.spent: dict[str, deque[tuple[float, int]]] = {}

    def charge(self, method: str, segments: list[str], query: dict[str, str]) -> dict[str, str]:
        """Take the request from its budget and return headers to add. Raises Refusal when the budget is used up."""
        root = segments[0]
        if method == "DELETE" and self.settings.deletes_per_window is not None:
            self.take("deletes", 1, self.settings.deletes_per_window, self.settings.delete_window_seconds, UNTIL_THERE_IS_ROOM)
        if root in ("groups", "users", "devices"):
            return self.charge_directory(segments, query)
        if root == "identity":
            if self.settings.conditional_access_limit:
                self.take("conditional access", 1, 1, 1, None)
            return {}
        family = FAMILIES.get(segments[1] if len(segments) > 1 else "")
        if family is None:
            return {}
        if segments[1] == "detectedApps" and "deviceCount" in query.get("$orderby", ""):
            raise refusal("2")
        writes, everything = self.settings.throttle_budgets[family]
        window = self.settings.throttle_window_seconds
        said = "1" if window <= 1 else str(int(window))
        when = said if family in SAYS_WHEN else None
        if method != "GET":
            self.take(family + " writes", 1, writes, window, when)
        self.take(family, 1, everything, window, when)
        return {}

    def charge_directory(self, segments: list[str], query: dict[str, str]) -> dict[str, str]:
        """Directory objects cost resource units."""
        units = {"members": 3, "transitiveMembers": 5}.get(segments[-1], 2 if segments[0] == "users" else 1)
        units += ("$expand" in query) - ("$select" in query) - (query.get("$top", "999").isdigit() and int(query.get("$top", "999")) < 20)
        units = max(1, units)
        limit, window = self.settings.directory_units, self.settings.directory_window_seconds
        used = self.take("directory", units, limit, window, str(max(1, int(window))))
        headers = {"x-ms-resource-unit": str(units)}
        if used >= 0.8 * limit:
            headers["x-ms-throttle-limit-percentage"] = f"{used / limit:.1f}"
        return headers

    def take(self, budget: str, units: int, limit: int, window: float, retry_after: str | None) -> int:
        now = self.monotonic()
        entries = self.spent.setdefault(budget, deque())
        while entries and entries[0][0] <= now - window:
            entries.popleft()
        used = sum(cost for _when, cost in entries) if budget == "directory" else len(entries)
        if used + units > limit:
            if retry_after == UNTIL_THERE_IS_ROOM:
                retry_after = str(max(1, math.ceil(entries[0][0] + window - now) if entries else math.ceil(window)))
            raise refusal(retry_after)
        entries.append((now, units))
        return used + units


def refusal(retry_after: str | None) -> Refusal:
    headers: dict[str, Any] = {} if retry_after is None else {"Retry-After": retry_after}
    return Refusal(429, "Too Many Requests", CODES[429], intune=False, headers=headers)
