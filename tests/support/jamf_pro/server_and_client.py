# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Jamf Pro server and the adapter's client of it; afterwards the traffic is held against the contract."""

from __future__ import annotations

import contextlib
import plistlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import Connection, open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.credentials import CredentialOptions
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.jamf import Jamf, open_jamf
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import AUTOMATIC, MOBILE, Profile, Scope
from tests.simulators.jamf_pro import start
from tests.simulators.simulation import Simulation
from tests.support.jamf_pro.jamf_pro_client import complaints
from tests.support.loopback import FakeClock

TIKTOK = "com.zhiliaoapp.musically"
RESTRICTIONS = "com.apple.applicationaccess"


@dataclass
class Tenant:
    """The server, and a client of it."""

    sim: Simulation
    clock: FakeClock
    connection: Connection
    jamf: Jamf

    def sent(self, *methods: str, path: str = "") -> list[str]:
        """Requests that reached the server, "METHOD path"."""
        return [
            "%s %s" % (entry["method"], entry["path"])
            for entry in self.sim.requests()
            if (not methods or entry["method"] in methods) and path in entry["path"]
        ]

    def writes(self) -> list[str]:
        """What changes something in the tenant."""
        return [line for line in self.sent("POST", "PUT", "PATCH", "DELETE") if "/auth/" not in line and "/oauth/" not in line]

    def settings(self, **changes: Any) -> None:
        """Turn something on the server."""
        self.sim.objects({"settings": changes})

    def another_client(self, check_mode: bool = False, **options: str) -> Jamf:
        """A client that logs in itself."""
        known = self.sim.connection
        given = options or {"client_id": known["client_id"], "client_secret": known["client_secret"]}
        return open_jamf(known["url"], known["base_path"], CredentialOptions(**given), self.connection, check_mode)


@contextlib.contextmanager
def tenant(devices: int = 30, **options: Any) -> Iterator[Tenant]:
    """Run a server with a fleet."""
    clock = FakeClock()
    with start(devices=devices, seed=1, **options) as sim, open_connection({}, clock=clock, source=random.Random(7)) as connection:
        one = Tenant(sim, clock, connection, None)  # type: ignore[arg-type]
        one.jamf = one.another_client()
        yield one
        one.jamf.close()
        assert complaints(sim) == []


def payloads(*apps: str, **more: Any) -> bytes:
    """A profile that blocks apps."""
    block = {"PayloadType": RESTRICTIONS, "PayloadUUID": "ours-1", "PayloadIdentifier": "ours-1", "PayloadVersion": 1}
    block.update({"blockedAppBundleIDs": list(apps), **more})
    top = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadUUID": "ours", "PayloadIdentifier": "ours"}
    return plistlib.dumps({**top, "PayloadContent": [block]})


def profile(*apps: str, **more: Any) -> Profile:
    """A profile as somebody wants it."""
    fields: dict[str, Any] = {
        "family": MOBILE,
        "id": 0,
        "name": "Banned apps <&> + 100 %",
        "description": "managed by & for us",
        "deployment": AUTOMATIC,
        "payloads": payloads(*(apps or (TIKTOK,))),
        "scope": Scope(everything=True),
    }
    return Profile(**{**fields, **more})
