# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Intune tenant as the suite's world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import module as intune
from tests.simulators.intune import start
from tests.support.intune.tenant import requests
from tests.support.intune.tenant_devices import PROMPT
from tests.support.target_runs import WRITES, Run

from .truth import Truth
from .world import TITLES, SimulatedWorld, banned_apps

DEVICES = r"/deviceManagement/managedDevices\?"
CAPCUT = {"id": "com.lemon.lvoverseas", "name": "CapCut", "version": "7.4.0"}
#: A suite that runs again and again within one instant of the tenant is not what throttles are for.
UNHURRIED = {name: [10**6, 10**6] for name in ("devices", "applications", "configuration", "configuration_v2")}


class IntuneWorld(SimulatedWorld):
    """One tenant."""

    name = "intune"
    lies_of_lists: Mapping[str, Any] = {}
    cannot_happen: Mapping[str, str] = {
        "silent": "intune.md, 1.3: Graph gives no instant of a device's list of apps, so one that sends none any more can't be told",
    }
    strict: Mapping[str, Any] = {"on_conflict": "fail"}
    options: Mapping[str, Any] = {"settle": 20.0}
    module = intune

    def _pass(self, contact: bool) -> None:
        self.simulation.clock(now=self.now, check_in=contact)
        if contact:
            self.simulation.devices([{"op": "inventory", "device": {"online": True}}])

    def truth(self) -> dict[str, Truth]:
        found = {}
        gone = self._shown_and_gone()
        for each in self.simulation.truth()["devices"]:
            here, opens = banned_apps((app["name"], app["launchable"]) for app in each["apps"])
            unlisted, _open = banned_apps((app["name"], True) for app in each["apps"] if not app["in_inventory"])
            controls = {control["name"] for control in each["controls"]}
            found[each["id"]] = Truth(
                device=each["id"],
                serial=each["serial"],
                platform=each["platform"],
                managed=each["enrolled"],
                installed=here,
                opens=opens,
                # An app that is assigned for removal is a control of ours, too.
                holds=frozenset(name for name in controls if name.startswith("BAN ") or name in TITLES),
                coming=tuple(f"{change['change']} {change['name']}" for change in each["pending"]),
                works=each["work_access"],
                untold=unlisted | gone.get(each["id"], frozenset()),
                told_at=each["last_inventory"],
            )
        return found

    def _shown_and_gone(self) -> dict[str, frozenset[str]]:
        """Devices whose last list of apps has the app although it is not there any more."""
        found = {}
        for device in self.simulation.front.vendor.devices.values():
            shown, _opens = banned_apps((app.name, True) for app in device.reported)
            here, _opens = banned_apps((app.name, True) for app in device.apps)
            found[device.id] = shown - here
        return found

    def writes(self, run: Run) -> list[str]:
        return ["%s %s" % (each["method"], each["path"]) for each in requests(run.exchanges) if each["method"] in WRITES]

    def act(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        which = {"install": CAPCUT, "remove": "CapCut"}[op] if app == "named" else app
        self.simulation.devices([{"op": op, "device": device, "app": which} for device in devices])

    def switch(self, on: bool, devices: Iterable[str]) -> None:
        self.simulation.devices([{"op": "patch", "device": device, "set": {"online": on}} for device in devices])

    def mute(self, devices: Iterable[str]) -> None:
        self.simulation.devices([{"op": "patch", "device": device, "set": {"sends_inventory": False}} for device in devices])

    def private(self) -> list[str]:
        devices = self.simulation.state()["devices"]
        return [each["id"] for each in devices if each["kind"] == "ios_personal" and each["ownership"] == "personal" and each["online"]]

    def reenrol(self, device: str) -> str:
        [answer] = self.simulation.devices([{"op": "enroll", "replaces": device}])
        return str(answer["devices"][0])

    def retire(self, devices: Iterable[str]) -> list[str]:
        chosen = list(devices)
        self.simulation.devices([{"op": "unenroll", "device": device} for device in chosen])
        return chosen

    def spoil(self, lie: str) -> None:
        self.simulation.faults(list(self.lies_of_lists[lie]))

    def forget(self, fact: str) -> None:
        # Of the answer only: what a device is decides what the tenant's own filters let through to it.
        name = {"ownership": "managedDeviceOwnerType", "supervised": "isSupervised"}[fact]
        self.simulation.faults(_lie("null_property", item="all", name=name))

    def fail_writes(self, nth: Any = "all") -> None:
        path = r"/(graph/)?(v1\.0|beta)/(?!\$batch)"
        self.simulation.faults([{"match": {"method": method, "path": path}, "nth": nth, "kind": "500"} for method in WRITES])

    def heal(self) -> None:
        self.simulation.faults([])

    def blockable(self) -> list[str]:
        devices = self.simulation.state()["devices"]
        return [each["id"] for each in devices if each["kind"] == "ios_supervised" and each["online"] and each["serial"]]


def _lie(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"match": {"method": "GET", "path": DEVICES}, "nth": "all", "kind": kind, **more}]


def _count(kind: str) -> list[dict[str, Any]]:
    return [{"match": {"method": "GET", "path": "/managedDeviceOverview"}, "nth": "all", "kind": kind}]


IntuneWorld.lies_of_lists = {
    "a page again": _lie("repeat_page"),
    "half a list": _lie("short_list"),
    "an empty list": _lie("empty_list"),
    "one twice and one missing": _lie("double", item=2),
    "all twice, first with another serial number": _lie("contradict", item="all"),
    "one twice and one missing, and the count lags": [*_lie("double", item=2), *_count("count_lags")],
    "no count": [*_lie("short_list"), *_count("count_missing")],
    "count null": [*_lie("short_list"), *_count("count_null")],
    "count zero": [*_lie("short_list"), *_count("count_zero")],
    "endless": _lie("endless", rows="new"),
    "no id": _lie("item_without_id"),
    "a text": _lie("string_item"),
    "null": _lie("null_item"),
    "value null": _lie("value_null"),
    "no value": _lie("no_value"),
    "body null": _lie("null_body"),
    "error with 200": _lie("error_body"),
}


@contextmanager
def intune_world(directory: Path, devices: int = 40, **settings: Any) -> Iterator[IntuneWorld]:
    """A tenant whose devices have all just been in contact."""
    with start(devices=devices, seed=3, **settings) as simulation:
        simulation.objects({"settings": {**PROMPT, "throttle_budgets": UNHURRIED, "directory_units": 10**6}})
        world = IntuneWorld(simulation, directory)
        world.later(0)
        yield world
