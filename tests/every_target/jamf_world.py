# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Jamf Pro server as the suite's world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import module as jamf_pro
from tests.simulators.jamf_pro import start
from tests.support.target_runs import WRITES, Run

from .truth import Truth
from .world import SimulatedWorld, banned_apps

MOBILE = r"/mobile-devices/detail"
CAPCUT = {"id": "com.lemon.lvoverseas", "name": "CapCut", "version": "7.4.0"}
SIGN_IN = ("/oauth/token", "/oauth2/", "/auth/")


class JamfWorld(SimulatedWorld):
    """One server."""

    name = "jamf_pro"
    cannot_happen: Mapping[str, str] = {
        "supervised": "section 3 of the fact sheet: a row of the mobile inventory always has general.supervised",
    }
    module = jamf_pro

    def _pass(self, contact: bool) -> None:
        self.simulation.clock(self.now, check_in=contact)
        if contact:
            self.simulation.devices([{"op": "inventory", "device": {"online": True}}])

    def truth(self) -> dict[str, Truth]:
        found = {}
        state = self.simulation.state()
        shown = self._shown()
        told = state["volatile"]["devices"]
        for key, each in state["truth"].items():
            family = "computer" if each["platform"] == "macos" else "mobile"
            here, opens = banned_apps((app["name"], app["opens"]) for app in each["apps"])
            holds = {profile["name"] for profile in each["profiles"] if profile["name"].startswith("BAN ")}
            device = f"{family}:{each['id']}"
            found[device] = Truth(
                device=device,
                serial=each["serial"],
                platform=each["platform"],
                managed=each["managed"] and each["record"] and each["device"],
                installed=here,
                opens=opens,
                holds=frozenset(holds | set(each["restricted_software"])),
                coming=tuple(f"{change['change']} {change['object']}" for change in each["pending"]),
                untold=here ^ shown.get(key, here),
                told_at=told[key]["last_inventory"] if key in told else None,
            )
        return found

    def _shown(self) -> dict[str, frozenset[str]]:
        """What the last list of apps of each device has."""
        devices = self.simulation.front.vendor.devices
        return {key: banned_apps((app.name, True) for app in device.record.apps)[0] for key, device in devices.items()}

    def writes(self, run: Run) -> list[str]:
        sent = [each for each in run.exchanges if each["method"] in WRITES and not any(part in each["path"] for part in SIGN_IN)]
        return ["%s %s" % (each["method"], each["path"]) for each in sent]

    def act(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        which = {"install": CAPCUT, "remove": "CapCut"}[op] if app == "named" else app
        self.simulation.devices([{"op": op, "device": key_of(device), "app": which} for device in devices])

    def switch(self, on: bool, devices: Iterable[str]) -> None:
        self.simulation.devices([{"op": "patch", "device": key_of(device), "set": {"online": on}} for device in devices])

    def mute(self, devices: Iterable[str]) -> None:
        self.simulation.devices([{"op": "patch", "device": key_of(device), "set": {"sends_inventory": False}} for device in devices])

    def private(self) -> list[str]:
        devices = self.simulation.state()["devices"]
        return [f"mobile:{each['id']}" for each in devices if each["kind"] == "iphone_personal" and each["managed"] and each["online"]]

    def reenrol(self, device: str) -> str:
        [answer] = self.simulation.devices([{"op": "reenroll", "device": key_of(device)}])
        return str(answer["devices"][0]).replace("m", "mobile:").replace("c", "computer:")

    def retire(self, devices: Iterable[str]) -> list[str]:
        chosen = list(devices)
        self.simulation.devices([{"op": "unenroll", "device": key_of(device)} for device in chosen])
        return chosen

    def spoil(self, lie: str) -> None:
        self.simulation.faults(list(self.lies_of_lists[lie]))

    def forget(self, fact: str) -> None:
        assert fact == "ownership", self.cannot_happen[fact]
        self.simulation.faults([{"match": {"method": "GET", "path": MOBILE}, "nth": "all", "kind": "ownership_blank"}])

    def fail_writes(self, nth: Any = "all") -> None:
        self.simulation.faults([{"match": {"method": method, "path": "/JSSResource/"}, "nth": nth, "kind": "500"} for method in WRITES])

    def heal(self) -> None:
        self.simulation.faults([])

    def blockable(self) -> list[str]:
        devices = self.simulation.state()["devices"]
        chosen = [each for each in devices if each["supervised"] and each["managed"] and each["online"] and each["platform"] == "ios"]
        return [f"mobile:{each['id']}" for each in chosen if each["ownership"] == "Institutional" or each["ownership"] == "institutional"]


def key_of(device: str) -> str:
    """What the simulator calls a device of a record."""
    return device.replace("mobile:", "m").replace("computer:", "c")


def _lie(kind: str) -> list[dict[str, Any]]:
    return [{"match": {"method": "GET", "path": MOBILE}, "nth": "all", "kind": kind}]


JamfWorld.lies_of_lists = {
    "half a list": _lie("short_list"),
    "an empty list": _lie("empty_list"),
    "one twice and one missing": _lie("double"),
    "no count": _lie("count_missing"),
    "count null": _lie("count_null"),
    "count zero": _lie("count_zero"),
    "count too high": _lie("count_high"),
    "endless": _lie("endless_devices"),
    "no id": _lie("item_without_id"),
    "a text": _lie("item_text"),
    "null": _lie("item_null"),
    "value null": _lie("results_null"),
    "no value": _lie("results_missing"),
    "body null": _lie("body_null"),
}


@contextmanager
def jamf_world(directory: Path, devices: int = 40, **settings: Any) -> Iterator[JamfWorld]:
    """A server whose devices have all just been in contact."""
    with start(devices=devices, seed=3, **settings) as simulation:
        simulation.objects({"settings": {"nodes": 1}})
        # Which Macs have lost the agent is a question of its own: see test_sources_that_contradict.py.
        simulation.devices([{"op": "patch", "device": "all", "set": {"agent": True}}])
        world = JamfWorld(simulation, directory)
        world.later(0)
        yield world
