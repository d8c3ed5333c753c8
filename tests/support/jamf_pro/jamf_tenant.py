# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A city's simulated Jamf Pro server, and the whole life of a ban on it: check, apply, apply, check, lift, lift.

The devices are looked at as a person holding them would, and two other administrators have objects of their own there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators.jamf_pro import start
from tests.support.jamf_pro.jamf_everything import GAME, MAC_PROFILES, PROFILES, RECORDS, JamfCity, has, opens, profile_xml
from tests.support.jamf_pro.jamf_run import OBJECTS, Run
from tests.support.target_runs import lifted

Device = Mapping[str, Any]
NOW, AGAIN = "2023-03-20T09:00:00Z", "2023-03-20T10:00:00Z"
NEXT_DAY, DAY_AFTER = "2023-03-21T09:00:00Z", "2023-03-22T09:00:00Z"
#: Outcomes of devices on which nothing may be different from what it was.
SPARED = frozenset({"out_of_scope", "unclassified", "exempt", "advised"})
#: An app whose program on Macs is known by its exact name.
MAC_APP = """apps:
  - id: tiktok
    title: TikTok
    vendor: bytedance
    identifiers:
      ios_bundle_id: [com.zhiliaoapp.musically]
      display_name: [TikTok]
      domain: [tiktok.com, tiktokv.com]"""
#: To be put in the place of the catalog's TikTok, of which no such name is sure.
ON_MACS = {"\napps: [tiktok]": "\n" + MAC_APP}


class JamfTenant(JamfCity):
    """The server, runs over it, and its devices."""

    def __init__(self, simulation: Any, directory: Path) -> None:
        super().__init__(simulation, directory)
        # The runs of a story are hours and days apart, so that every node knows what was written before.
        self.settings(nodes=1)

    def run(self, policies: Any, now: str, *, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        run = super().run(policies, now, check=check, expect_failure=expect_failure, **options)
        # Controls are objects of the server: no command is ever sent to a device.
        kinds = (*OBJECTS, "mobile-device-groups")
        assert [each["path"] for each in run.writes() if not any(f"/{kind}/" in each["path"] for kind in kinds)] == []
        if check:
            asked = [each for each in run.exchanges if "token" not in each["path"]]
            assert {each["method"] for each in asked} == {"GET"}
        return run

    def every_object(self) -> Mapping[str, Any]:
        """Everything that administrators see on the server, without what is volatile."""
        objects: Mapping[str, Any] = self.state()["objects"]
        return objects

    def order(self, operation: str, *devices: Device, **details: Any) -> list[Any]:
        """The users of devices do something, or it happens to them; the reasons why it didn't."""
        orders = [{"op": operation, "device": each["key"], **details} for each in devices]
        return [refused["reason"] for answer in self.simulation.devices(orders) for refused in answer["refused"]]

    def install(self, *devices: Device) -> None:
        """Their users install TikTok, and the server hears of it."""
        self.order("install", *devices, app="tiktok")
        self.order("inventory", *devices)

    def remove(self, *devices: Device) -> None:
        """Their users delete TikTok, and the server hears of it."""
        self.order("remove", *devices, app="tiktok")
        self.order("inventory", *devices)

    def reached(self, **traits: Any) -> list[Device]:
        """Devices that are managed and online, with these traits."""
        return list(self.devices(managed=True, online=True, **traits))

    def now(self, device: Device) -> Device:
        """The same device as it is now."""
        return self.device(device["key"])


@dataclass(frozen=True)
class Life:
    """The runs of a ban's life, and all devices before it, while it stood, and after it."""

    checked: Run
    applied: Run
    settled: Run
    ended: Run
    before: Mapping[str, Device]
    during: Mapping[str, Device]
    after: Mapping[str, Device]

    def kind(self, kind: str, **traits: Any) -> list[Device]:
        """Devices of a kind, managed and online, as they were while the ban stood."""
        wanted = {"kind": kind, "managed": True, "online": True, **traits}
        return [each for each in self.during.values() if all(each[name] == value for name, value in wanted.items())]

    def outcomes(self, devices: Iterable[Device]) -> set[tuple[str, str]]:
        """What the settled run says of them."""
        found = outcomes(self.settled, devices)
        assert found
        return found


@contextmanager
def jamf_tenant(directory: Path, devices: int = 50, now: str = NOW, others: Sequence[str] = ()) -> Iterator[JamfTenant]:
    """A server with a seeded fleet that has just been in contact. others: policies, as whose objects others' objects are named."""
    with start(devices=devices, seed=3) as simulation:
        tenant = JamfTenant(simulation, directory)
        tenant.furnish()
        for policy in others:
            plant_lookalikes(tenant, policy)
        tenant.contact(now)
        yield tenant


def plant_lookalikes(tenant: JamfTenant, policy: str) -> None:
    """Objects of another administrator with names that begin as ours do."""
    tenant.plant(PROFILES, profile_xml(f"BAN {policy} iOS blocked apps, Anna's", GAME))
    tenant.plant(MAC_PROFILES, profile_xml(f"BAN {policy} macOS URL blocklist 2", GAME, root="os_x_configuration_profile"))
    record = f"<name>BAN {policy} macOS restricted software</name><process_name>Steam.app</process_name>"
    tenant.plant(RECORDS, f"<restricted_software><general>{record}</general></restricted_software>")


def live(tenant: JamfTenant, policy: Mapping[str, Any], now: str = NOW, **options: Any) -> Life:
    """Check, apply, apply, check, lift, lift, and what must be true of all of it.

    Check mode announces what apply does and changes nothing; the second apply and lift have nothing to write; whom the ban spares
    has the device of before; what others have stays; at the end the server and every device are what they were.
    """
    objects, before = tenant.every_object(), by_key(tenant)
    checked = tenant.run(policy, now, check=True, **options)
    assert (tenant.every_object(), by_key(tenant)) == (objects, before)
    applied = tenant.run(policy, now, **options)
    assert applied.changes() == checked.changes()
    again = tenant.run(policy, AGAIN if now == NOW else now, **options)
    assert (again.writes(), again.changed) == ([], False)
    tenant.contact(NEXT_DAY)
    during = by_key(tenant)
    settled = tenant.run(policy, NEXT_DAY, check=True, **options)
    assert (settled.changed, settled.values["drift"]) == (False, [])
    hold_devices(settled, before, during)
    ended = tenant.run(lifted(policy), NEXT_DAY, **options)
    assert tenant.every_object() == objects
    again = tenant.run(lifted(policy), NEXT_DAY, **options)
    assert (again.writes(), again.changed) == ([], False)
    tenant.contact(DAY_AFTER)
    after = by_key(tenant)
    assert after == before
    return Life(checked, applied, settled, ended, before, during, after)


def hold_devices(run: Run, before: Mapping[str, Device], during: Mapping[str, Device]) -> None:
    """What a run's record says of each device is what a person sees who holds it."""
    seen = run.outcomes()
    for key, device in during.items():
        outcome, reason = seen[record_id(device)]
        if outcome in SPARED or not device["managed"]:
            assert device == before[key], (key, outcome)
        if device["platform"] != "macos" and outcome == "blocked_not_removed":
            assert has(device), key
            assert not opens(device), key
        if not device["supervised"] and device["platform"] != "macos":
            assert opens(device) is has(device), key
            assert device["denied_urls"] == [], key
        if outcome in ("compliant", "removed"):
            assert not has(device), key
        if (outcome, reason) == ("not_observable", "user_enrollment"):
            assert device["kind"] == "iphone_user_enrollment", key
        # No command takes away what a user has installed.
        assert has(device) is has(before[key]), key


def record_id(device: Device) -> str:
    """A device's id in the record."""
    return f"{'computer' if device['platform'] == 'macos' else 'mobile'}:{device['id']}"


def by_key(tenant: JamfTenant) -> dict[str, Device]:
    return {each["key"]: each for each in tenant.state()["devices"]}


def rows_of(run: Run, devices: Iterable[Device], app: str = "tiktok") -> list[Mapping[str, Any]]:
    """The rows of the record about some devices and an app."""
    ids = {record_id(device) for device in devices}
    return [row for row in run.rows if row["row"] == "device" and row["app"] == app and row["device"] in ids]


def outcomes(run: Run, devices: Iterable[Device], app: str = "tiktok") -> set[tuple[str, str]]:
    """The outcomes and reasons of some devices."""
    return {(row["outcome"], row["reason"]) for row in rows_of(run, devices, app)}
