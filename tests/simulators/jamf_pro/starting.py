# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a Jamf Pro server on loopback."""

from __future__ import annotations

from typing import Any

from ..front import Front
from ..server import Listener
from ..simulation import Simulation
from .jamf_server import JamfServer


class JamfSimulation(Simulation):
    """One way to log in is in the connection, which an inventory takes as it stands; the other one is beside it."""

    def __init__(self, front: Front, listeners: list[Listener], server: JamfServer) -> None:
        super().__init__(front, listeners, server.connect(listeners[0].url))
        self.user_login = server.user_login()

    def __enter__(self) -> JamfSimulation:
        return self

    def announcement(self) -> dict[str, Any]:
        return {**super().announcement(), "user_login": self.user_login}


def start(
    devices: int = 50, seed: int = 1, latency_ms: float = 0, port: int = 0, base_path: str = "", gateway: bool = False
) -> JamfSimulation:
    """Start a server with that many devices in this process. Close it, or use it as a context manager.

    base_path: where the server is mounted below its address, "/api/proclassic/tenant/1" for example.
    gateway: be the Jamf Platform gateway, which doesn't pass everything on.
    """
    server = JamfServer(devices, seed, base_path, gateway)
    front = Front(server, latency_ms)
    listener = Listener(front.serve, port)
    return JamfSimulation(front, [listener], server)
