# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The European Commission's tenant: a few devices that a test names, its clock, and the steps of a ban's life."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.clock import SystemClock
from tests.support.intune.tenant import POLICIES, Run, Tenant, plain
from tests.support.intune.tenant import tenant as open_tenant

#: 15 March 2023, midnight in Brussels.
DEADLINE = "2023-03-14T23:00:00Z"
ANNOUNCED = "2023-02-24T08:00:00Z"
COMPLIANCE = "deviceManagement/deviceCompliancePolicies"
ACCESS = "identity/conditionalAccess/policies"
REASON = "Investigates disinformation on the platform"
NO_DIRECTORY_ID = "00000000-0000-0000-0000-000000000000"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def utc(instant: datetime) -> str:
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def after(text: str, **delta: float) -> str:
    """An instant some time after another (before it, where the numbers are negative)."""
    return utc(moment(text) + timedelta(**delta))


class SkippingClock(SystemClock):
    """Waits without waiting. Put it in the place of ``mdm.http.connection.SystemClock``."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds


class Commission:
    """Devices are known by their serial numbers, which a test gives.

    Args:
        tenant: an empty one.
        policies: what ``run`` runs unless it is told otherwise.
    """

    def __init__(self, tenant: Tenant, policies: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        self.tenant = tenant
        self.simulation = tenant.simulation
        self.policies = policies
        self.ids: dict[str, str] = {}

    def enroll(self, serial: str, kind: str, *, tiktok: bool = True, managed: bool = False, user: str | None = "", **traits: Any) -> str:
        """A device, and its id. user: that of another device (its serial); a new one unless given, none for None."""
        order: dict[str, Any] = {"op": "enroll", "kind": kind, "serial": serial, "set": traits}
        if user is None:
            order["user"] = ""
        elif user:
            order["user"] = self.device(user)["user"]
        self.ids[serial] = self.simulation.devices([order])[0]["devices"][0]
        if tiktok:
            self.user(serial, "install", app="tiktok", managed=managed)
            self.simulation.devices([{"op": "inventory", "device": self.ids[serial]}])
        return self.ids[serial]

    def user(self, serial: str, operation: str, **more: Any) -> None:
        """What the device's user does; it must not be refused."""
        answer = self.simulation.devices([{"op": operation, "device": self.ids[serial], **more}])[0]
        assert answer["refused"] == []

    def clock(self, now: str, check_in: bool = True) -> None:
        self.simulation.clock(now, check_in=check_in)

    def check_in(self, now: str, *serials: str) -> None:
        """Only these devices contact the service."""
        self.simulation.clock(now)
        for serial in serials:
            self.user(serial, "check_in")

    def run(self, now: str, policies: Any = None, *, check_in: bool = True, **options: Any) -> Run:
        """The clock moves, the devices check in (so they know what earlier runs made), then the module runs."""
        self.clock(now, check_in)
        return self.tenant.run(policies or self.policies, now, **options)

    def device(self, serial: str) -> dict[str, Any]:
        return next(each for each in self.simulation.state()["devices"] if each["id"] == self.ids[serial])

    def apps(self, serial: str) -> list[str]:
        return [app["name"] for app in self.device(serial)["apps"]]

    def notices(self, serial: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.device(serial)["notifications"]
        return found

    def objects(self, collection: str) -> list[dict[str, Any]]:
        """Our objects of a collection."""
        found: list[dict[str, Any]] = self.simulation.state()["objects"][collection]
        return [each for each in found if str(each.get("displayName") or each.get("name")).startswith("BAN ")]

    def grace_hours(self) -> list[int]:
        """Of every compliance policy of ours."""
        return [
            action["gracePeriodHours"]
            for policy in self.objects("deviceCompliancePolicies")
            for rule in policy["scheduledActionsForRule"]
            for action in rule["scheduledActionConfigurations"]
        ]

    def ledger(self, *events: str) -> list[dict[str, str]]:
        """The ledger's lines, of these events only where any is named."""
        lines = (self.tenant.evidence_dir / "intune.ledger.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [each for each in found if not events or each["event"] in events]

    def story(self, serial: str, *events: str) -> list[tuple[str, str]]:
        """Event and instant of one device."""
        return [(each["event"], each["at"]) for each in self.ledger(*events) if each["device"] == self.ids[serial]]

    def conditional_access(self, **changes: Any) -> None:
        """The tenant's one conditional access policy is replaced by one that differs in something; an empty state leaves none."""
        policies = self.simulation.state()["objects"]["conditionalAccessPolicies"]
        for policy in policies:
            self.simulation.objects({"remove": {"path": ACCESS, "id": policy["id"]}})
        keys = ("@odata.type", "displayName", "state", "conditions", "grantControls")
        body = {**{key: policies[0][key] for key in keys}, **changes}
        if body["state"]:
            self.simulation.objects({"plant": {"path": ACCESS, "body": body}})

    def assets(self, facts: Mapping[str, Mapping[str, Any]]) -> str:
        path = self.tenant.evidence_dir.parent / "assets.json"
        path.write_text(json.dumps(facts), encoding="utf-8")
        return str(path)


@contextmanager
def commission(
    directory: Path, policies: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None, now: str = ANNOUNCED
) -> Iterator[Commission]:
    """A tenant without devices, whose writes show at once: no test waits for anything."""
    with open_tenant(directory, devices=0, seed=7, now=now) as empty:
        empty.simulation.objects({"settings": {"eventual_consistency": 0, "group_lag": 0, "play_sync_reads": 0, "export_polls": 0}})
        yield Commission(empty, policies or plain("european-commission"))


def decision(
    directory: Path,
    deadline: str = "2023-03-15T00:00:00",
    name: str = "european-commission",
    exemptions: Sequence[Mapping[str, Any]] = (),
    replaced: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The Commission's policy as its author would edit it, as the lookup gives it.

    Args:
        directory: for the edited file.
        deadline: local time in Brussels.
        replaced: text of the file -> other text.
    """
    text = (POLICIES / "european-commission.yml").read_text(encoding="utf-8")
    pairs = [("2023-03-15T00:00:00", deadline), ("policy: european-commission", f"policy: {name}")]
    pairs += (replaced or {}).items()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    if exemptions:
        # JSON is YAML.
        text += f"exemptions: {json.dumps(list(exemptions))}\n"
    path = directory / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return plain(path)


def exemption(name: str, *serials: str, granted: str = "2023-02-20", expires: str = "2023-12-31", **more: Any) -> dict[str, Any]:
    """An exemption of some devices."""
    return {"id": name, "reason": REASON, "approved_by": "CISO of the Commission", "granted": granted, "expires": expires,
            "devices": list(serials), **more}  # fmt: skip
