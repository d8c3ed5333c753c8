# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Tiny MDM, the imaginary vendor's server, as the suite's world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.simulators.tiny_mdm import start
from tests.support.target_runs import WRITES, Run

from . import toy_target
from .truth import Truth
from .world import SimulatedWorld, banned_apps

DEVICES = r"/devices($|\?)"


class ToyWorld(SimulatedWorld):
    """One server."""

    name = "tiny_mdm"
    cannot_happen: Mapping[str, str] = {
        "supervised": "the imaginary server always says it",
        "names": "the imaginary server lists apps by the bundle id that the app itself has",
    }
    lies_of_lists: Mapping[str, Any] = {
        "half a list": "short_list",
        "an empty list": "empty_list",
        "one twice and one missing": "double",
        "no count": "count_missing",
        "count null": "count_null",
        "count zero": "count_zero",
        "count a text": "count_text",
        "count too high": "count_high",
        "endless": "endless",
        "no id": "item_without_id",
        "a text": "item_text",
        "null": "item_null",
        "value null": "items_null",
        "no value": "items_missing",
        "body null": "body_null",
    }
    module = toy_target

    def _pass(self, contact: bool) -> None:
        self.simulation.clock(self.now, check_in=contact)

    def truth(self) -> dict[str, Truth]:
        found = {}
        for device, each in self.simulation.truth().items():
            here, opens = banned_apps(each["apps"])
            told = banned_apps((name, True) for name in each["told"])[0]
            found[device] = Truth(
                device=device,
                serial=each["serial"],
                platform=each["platform"],
                managed=each["managed"],
                installed=here,
                opens=opens,
                holds=frozenset(name for name in each["holds"] if name.startswith("BAN ")),
                coming=tuple(each["coming"]),
                untold=here ^ told,
                told_at=each["told_at"],
            )
        return found

    def writes(self, run: Run) -> list[str]:
        return ["%s %s" % (each["method"], each["path"]) for each in run.exchanges if each["method"] in WRITES]

    def act(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        self.simulation.devices([{"op": op, "device": device, "app": app} for device in devices])

    def switch(self, on: bool, devices: Iterable[str]) -> None:
        self._set(devices, online=on)

    def mute(self, devices: Iterable[str]) -> None:
        self._set(devices, tells=False)

    def _set(self, devices: Iterable[str], **values: Any) -> None:
        self.simulation.devices([{"op": "set", "device": device, "values": values} for device in devices])

    def private(self) -> list[str]:
        return self._of("personal")

    def _of(self, ownership: str) -> list[str]:
        devices = self.simulation.truth().items()
        chosen = [device for device, each in devices if each["ownership"] == ownership and each["managed"] and each["online"]]
        return sorted(chosen, key=int)

    def reenrol(self, device: str) -> str:
        [new] = self.simulation.devices([{"op": "enrol", "device": device}])
        return str(new)

    def retire(self, devices: Iterable[str]) -> list[str]:
        chosen = list(devices)
        self.simulation.devices([{"op": "leave", "device": device} for device in chosen])
        return chosen

    def spoil(self, lie: str) -> None:
        self._fault("GET", DEVICES, self.lies_of_lists[lie])

    def forget(self, fact: str) -> None:
        assert fact == "ownership", self.cannot_happen[fact]
        self._fault("GET", "/devices", "ownership_blank")

    def fail_writes(self, nth: Any = "all") -> None:
        self.simulation.faults([{"match": {"method": method}, "nth": nth, "kind": "500"} for method in WRITES])

    def _fault(self, method: str, path: str, kind: str) -> None:
        self.simulation.faults([{"match": {"method": method, "path": path}, "nth": "all", "kind": kind}])

    def heal(self) -> None:
        self.simulation.faults([])

    def blockable(self) -> list[str]:
        return self._of("corporate")


@contextmanager
def toy_world(directory: Path, devices: int = 30) -> Iterator[ToyWorld]:
    """A server whose devices have all just been in contact."""
    with start(devices=devices, seed=3) as simulation:
        world = ToyWorld(simulation, directory)
        world.later(0)
        yield world
