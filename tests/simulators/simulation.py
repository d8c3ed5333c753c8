# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator that runs in this process, with the control plane as methods."""

from __future__ import annotations

from typing import Any

from .front import CONTROL, Front
from .server import Listener


class Simulation:
    """Serves until closed. The methods go through the same handlers as the control plane's URLs."""

    def __init__(self, front: Front, listeners: list[Listener], connection: dict[str, str]) -> None:
        self.front = front
        self.listeners = listeners
        self.url = listeners[0].url
        self.control = self.url + CONTROL
        self.connection = connection

    def announcement(self) -> dict[str, Any]:
        """What the command line prints for scripts."""
        return {"url": self.url, "control": self.control, "connection": self.connection}

    def requests(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.front.command("GET", "requests", None)
        return entries

    def forget_requests(self) -> None:
        self.front.command("POST", "requests", None)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.front.command("GET", "state", None)
        return state

    def truth(self) -> dict[str, Any]:
        """What is really so on every device, where the simulator knows it apart from its state."""
        truth: dict[str, Any] = self.front.command("GET", "truth", None)
        return truth

    def faults(self, orders: list[dict[str, Any]]) -> None:
        self.front.command("POST", "faults", orders)

    def devices(self, operations: list[dict[str, Any]]) -> Any:
        return self.front.command("POST", "devices", operations)

    def objects(self, change: dict[str, Any] | list[dict[str, Any]]) -> Any:
        return self.front.command("POST", "objects", change)

    def clock(self, now: str | None = None, advance: float | None = None, check_in: bool = False) -> Any:
        order = {"now": now, "advance": advance, "check_in": check_in or None}
        return self.front.command("POST", "clock", {key: value for key, value in order.items() if value is not None})

    def reset(self) -> None:
        self.front.command("POST", "reset", None)

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
