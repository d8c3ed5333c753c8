# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Microsoft Intune tenant on loopback."""

from __future__ import annotations

from ..exchange import Request, Response
from ..front import Front
from ..server import Listener
from ..simulation import Simulation
from .tenant import Tenant


def start(devices: int = 50, seed: int = 1, latency_ms: float = 0, port: int = 0, types: str | None = None,
          agents: bool = False) -> Simulation:  # fmt: skip
    """Start a tenant with that many devices in this process. Close it, or use it as a context manager.

    types: "contract" or "small", see contracts() in versions.py.
    agents: add devices under every management agent and state there is, behind the others.
    """
    tenant = Tenant(devices, seed, types, agents)
    front = Front(tenant, latency_ms)

    def serve_file(request: Request) -> Response:
        response = tenant.serve_file(request)
        front.log.add(request, response, None)
        return response

    main = Listener(front.serve, port)
    files = Listener(serve_file)
    return Simulation(front, [main, files], tenant.connect(main.url, files.url))
