# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An organisation with real NanoMDM and KMFDDM servers and a fleet of devices of ours, whose runs are held to the rules of every target.

What a policy file of ours says is in force in 2023, so that is when its runs are; the servers have the clock of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support import target_runs
from tests.support.intune.tenant_devices import policy_file
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import OTHERS, TIKTOK
from tests.support.nanomdm.nano_run import Ban, Run, lifted
from tests.support.nanomdm.servers import KEYS, NanoServers

# With the app that the fleet has, so that a test needs one import.
__all__ = [
    "MANAGED_TIKTOK",
    "SITE",
    "SPRING",
    "TIKTOK",
    "Organisation",
    "by_ownership",
    "can_hide_apps",
    "is_blocked",
    "with_app",
]

MANAGED_TIKTOK = replace(TIKTOK, managed=True)
SPRING = datetime(2023, 3, 20, 9, tzinfo=timezone.utc)
SITE = "https://tiktok.com/"
#: Kinds of rows that a run before has held against the schema.
_HELD: set[tuple[Any, ...]] = set()


class Organisation(Ban):
    """One organisation. Its asset facts are those of ``assets``: serial number -> attribute -> value."""

    def __init__(self, nano: NanoServers, directory: Path, devices: Iterable[FakeDevice] = (), **options: Any) -> None:
        super().__init__(nano, directory, devices, **options)
        self.api = NanoApi(nano)
        self.now = SPRING
        self.assets: Mapping[str, Mapping[str, Any]] = {}
        #: Every write of every run.
        self.written: list[str] = []

    def policy(self, name: str, append: str = "", **replaced: str) -> Policy:
        """A policy as it ships, with text replaced and appended."""
        return target_runs.policy_of(policy_file(self.directory, name, append, replaced))

    def run(self, *policies: Policy, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        if self.assets:
            options.setdefault("assets", self.assets_file())
        # The controller has the clock of the servers, and the time that has passed for these has passed for it.
        clock = datetime.now(timezone.utc) + sum((span for _since, span in self._skips), timedelta())
        options.setdefault("provenance", {"clock": clock.strftime("%Y-%m-%dT%H:%M:%SZ")})
        done = super().run(*policies, check=check, expect_failure=expect_failure, **options)
        self.written += done.sent("P") + done.sent("D")
        return done

    def assets_file(self) -> str:
        path = self.directory / "assets.yml"
        path.write_text(json.dumps(self.assets), encoding="utf-8")
        return str(path)

    def _hold_to_the_rules(self, run: Run) -> None:
        held = target_runs.Run(run.values, run.failed, run.exchanges, run.rows)
        target_runs.hold_record(held, _HELD)
        secrets = [*KEYS, *(name for each in OTHERS for name in (each.identifier, each.name))]
        target_runs.hold_secrets(held, self.evidence_dir, [each for each in secrets if each != "Notes"])

    def put_in_force(self, *policies: Policy, **options: Any) -> Run:
        """Check, apply, apply, check: check mode says what an apply does, and after it there is nothing left to do."""
        made = self.converge(*policies, **options)
        assert self.run(*policies, check=True, **options).changes() == []
        return made

    def settle(self, *policies: Policy, **options: Any) -> Run:
        """Let devices and runs take turns until nothing is left to be done, and return the run that says so."""
        for _turn in range(6):
            self.connect()
            done = self.run(*policies, **options)
            if not done.writes():
                return done
        raise AssertionError(done.changes())

    def end(self, *policies: Policy, **options: Any) -> Run:
        """Lift, see that a second lift has nothing to do, and let the devices hear of it."""
        ended = self.put_in_force(*lifted(*policies), **options)
        self.connect()
        return ended

    def holdings(self) -> dict[str, Any]:
        """All that KMFDDM holds, everybody's, without tokens that change with every write."""

        def read(path: str) -> Any:
            return self.api.kmfddm("GET", path).json()

        declarations = {name: read(f"/declarations/{name}") for name in read("/declarations") or []}
        return {
            "declarations": {name: (each["Type"], each["Payload"]) for name, each in declarations.items()},
            "sets": {name: sorted(read(f"/set-declarations/{name}") or []) for name in read("/sets") or []},
            "assigned": {each.id: self.sets_of(each) for each in self.devices},
        }

    def sets_of(self, device: FakeDevice) -> list[str]:
        return sorted(self.api.kmfddm("GET", f"/enrollment-sets/{device.id}").json() or [])

    def plant_neighbours(self, *devices: FakeDevice) -> None:
        """Declarations, a set and assignments of somebody else, their names as near to ours as they may be."""
        denied = {"Allowed": {"DeniedApps": ["com.neighbour.app"]}}
        for name in ("org.neighbour", "org.example.bantam"):
            self.api.put_declaration(f"{name}.cfg", "com.apple.configuration.app.settings", denied)
            self.api.put_declaration(f"{name}.act", "com.apple.activation.simple", {"StandardConfigurations": [f"{name}.cfg"]})
            self.api.assign(name, [f"{name}.cfg", f"{name}.act"], [each.id for each in devices])

    def touched(self, devices: Iterable[FakeDevice]) -> list[str]:
        """Writes of any run that name one of some devices."""
        ids = [each.id for each in devices]
        return [write for write in self.written if any(each in write for each in ids)]


def is_blocked(device: FakeDevice) -> bool:
    """Whether the app is there and can't be opened."""
    assert device.is_installed(TIKTOK.identifier)
    return not device.can_open(TIKTOK.identifier)


def can_hide_apps(device: FakeDevice) -> bool:
    """Whether a device can be made to hide an app, by Apple's schema."""
    return device.facts.supervised and device.facts.system != "macOS"


def with_app(device: FakeDevice, app: App = TIKTOK) -> FakeDevice:
    """The device, after its user or its server has installed the app."""
    device.install_app(app)
    return device


def by_ownership(organisation: Organisation, personal: int = 5, shared: int = 7) -> None:
    """Every so many-th device belongs to a person, or is shared; the organisation has the others."""
    for number, device in enumerate(organisation.devices):
        owner = "personal" if number % personal == personal - 1 else "shared" if number % shared == shared - 1 else "corporate"
        organisation.owners[device.id] = owner
