# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test may turn on the tenant itself; the defaults are the vendor's ordinary behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .permissions import EVERY_ROLE

# Requests per 20 s and app: (writes, any) (Intune fact sheet, 4).
BUDGETS = {"devices": (200, 2000), "applications": (100, 1000), "configuration": (100, 1000), "configuration_v2": (100, 1000)}


@dataclass
class Settings:
    """Tenant-wide switches."""

    roles: list[str] = field(default_factory=lambda: list(EVERY_ROLE))
    cloud: str = "global"
    token_lifetime: int = 3599
    federated_token: str = "eyJhbGciOiJSUzI1NiJ9.federated-token-of-the-simulated-pipeline.c2lnbmF0dXJl"
    eventual_consistency: int = 1
    group_lag: int = 1
    member_lag: int = 0
    page_size: int = 1000
    directory_page_size: int = 100
    throttle_budgets: dict[str, list[int]] = field(default_factory=lambda: {name: list(budget) for name, budget in BUDGETS.items()})
    throttle_window_seconds: float = 20
    # Deletes of any kind that are let through in a window, None for any number; who comes too often is told how long to wait, and
    # whoever doesn't wait that long is refused again.
    deletes_per_window: int | None = None
    delete_window_seconds: float = 20
    # What windows are measured by: "real" time, or the clock of the "tenant", which moves when a test moves it.
    throttle_clock: str = "real"
    directory_units: int = 8000
    directory_window_seconds: float = 10
    conditional_access_limit: bool = False
    defender_per_minute: int = 100
    defender_imports_per_minute: int = 30
    # "honoured" or "ignored"; the devices' also "refused".
    detected_apps_filter: str = "honoured"
    managed_devices_filter: str = "honoured"
    detected_app_zeros: bool = True
    # Rows of discovered apps that list fewer devices than they count: {id or name of a row, or "*": "empty" or "short"}.
    detected_app_devices: dict[str, str] = field(default_factory=dict)
    play_sync_reads: int = 2
    export_polls: int = 2

    def update(self, changes: dict[str, Any]) -> None:
        """Change some. Raises ValueError for a name that doesn't exist."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(known))}")
            if name == "throttle_budgets":
                self.throttle_budgets.update(value)
            else:
                setattr(self, name, value)
