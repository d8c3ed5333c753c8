# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test may turn on the server itself; the defaults are the vendor's ordinary behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .privileges import EVERY_PRIVILEGE


@dataclass
class Settings:
    """Server-wide switches.

    oauth_paths: "both", "new" or "old" (a server that doesn't know the path with v1 yet).
    client_token_lifetime, user_token_lifetime: seconds of real time.
    nodes, node_lag: how many servers share the address, and how many reads of a changed object the others answer from before.
    cookie: the name of the cookie that keeps a client on one node.
    page_cap, edge_timeout_seconds, row_weight, mobile_row_weight: what big pages meet; the seconds are never slept, see cost.py.
    fan_out_seconds_per_device: what a change of a scope or a group costs inside the request.
    collect_unmanaged_apps: the inventory-collection setting for mobile devices.
    inventory_every_hours: how old an inventory is when the next check-in sends another.
    expand_restrictions: whether the server adds keys at Apple's default to a restrictions payload (unknown of the real one).
    unknown_scope_names: "drop" or "conflict", for an entity that has only a name which doesn't exist.
    user_enrollment_rejects: "profile" or "key", what such a device does about a forbidden key.
    ignore_filters: whether the server answers as if no filter had been given.
    site_restricted: whether the API account sees the devices of one site only, which are those whose id ends in 1.
    throttle_methods, throttle_after, throttle_refusals: of requests with these methods so many pass, then so many are refused, and so on;
        -1 refuses for ever. throttle_status, throttle_retry_after: how (null: without Retry-After).
    delete_seconds: what each deletion takes.
    """

    privileges: list[str] = field(default_factory=lambda: list(EVERY_PRIVILEGE))
    oauth_paths: str = "both"
    client_token_lifetime: int = 60
    user_token_lifetime: int = 1800
    nodes: int = 2
    node_lag: int = 1
    cookie: str = "APBALANCEID"
    page_cap: int = 2000
    edge_timeout_seconds: float = 90
    row_weight: float = 1.0
    mobile_row_weight: float = 0.3
    fan_out_seconds_per_device: float = 0.005
    collect_unmanaged_apps: bool = True
    inventory_every_hours: float = 24
    expand_restrictions: bool = True
    unknown_scope_names: str = "drop"
    user_enrollment_rejects: str = "profile"
    ignore_filters: bool = False
    site_restricted: bool = False
    throttle_methods: list[str] = field(default_factory=list)
    throttle_after: int = 0
    throttle_refusals: int = 0
    throttle_status: int = 429
    throttle_retry_after: int | str | None = 1
    delete_seconds: float = 0
    version: str = "11.32.0-t1700000000"

    def update(self, changes: dict[str, Any]) -> None:
        """Change some. Raises ValueError for a name that doesn't exist."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(known))}")
            setattr(self, name, value)
