# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant of ``make demo``: a simulated Microsoft Intune, what is really on its devices, and what the record says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.simulators.intune import start
from tests.simulators.simulation import Simulation

from .story import Story

NAME = "city-intune"
EXEMPT = "PRESS-0008"
DEVICES = 500
# The catalog's names of the app, as the simulator's fleet has them.
BANNED = {"TikTok", "TikTok Lite"}
KINDS = {
    "ios_supervised": "iPhone, iPad, supervised",
    "ios_supervised_userless": "iPad, supervised, without a user",
    "ios_corporate": "iPhone, corporate, unsupervised",
    "ios_personal": "iPhone, private",
    "ios_user_enrollment": "iPhone, private, user enrollment",
    "android_fully_managed": "Android, fully managed",
    "android_dedicated": "Android, dedicated",
    "android_cope": "Android, corporate with a personal profile",
    "android_work_profile": "Android, private with a work profile",
    "windows_corporate": "Windows, corporate",
    "windows_personal": "Windows, private",
    "mac_corporate": "Mac, corporate",
    "mac_personal": "Mac, private",
}
UNTOUCHED = ("exempt", "unclassified", "out_of_scope")
WORDS = {"removal_requested": "removal requested", "blocked_not_removed": "blocked", "access_withdrawn": "access withdrawn"}


@dataclass(frozen=True)
class Device:
    """One simulated device as it really is, which no record knows."""

    id: str
    serial: str
    kind: str
    online: bool
    # Names of banned apps that are installed, and of those that can be opened.
    installed: frozenset[str]
    usable: frozenset[str]
    work_access: bool


class City:
    """The tenant, its clock, and the requests that it got."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._seen = 0

    def inventory(self) -> dict[str, Any]:
        """The group of tenants, for an inventory."""
        host = {"appban_target": "intune", "appban_connection": self.simulation.connection, "appban_options": {"settle": 20}}
        return {"hosts": {NAME: host}}

    def devices(self) -> dict[str, Device]:
        """Every device by its id."""
        return {each["id"]: _device(each) for each in self.simulation.state()["devices"]}

    def objects(self) -> Any:
        """Everything in the tenant that an administrator could have made."""
        return self.simulation.state()["objects"]

    def sent(self) -> Counter[str]:
        """Methods of the requests since the last call, token requests left out and batches item by item."""
        entries = self.simulation.requests()
        new, self._seen = entries[self._seen :], len(entries)
        return Counter(method for entry in new for method in _methods(entry))

    def next_morning(self, now: str) -> None:
        """Time passes, and every device that is switched on makes contact."""
        self.simulation.clock(now, check_in=True)


@contextmanager
def city(now: str) -> Iterator[City]:
    """A tenant of 500 devices, one of them the press office's."""
    with start(devices=DEVICES, seed=3) as simulation:
        simulation.clock(now)
        found = [each for each in map(_device, simulation.state()["devices"]) if each.kind == "ios_supervised" and each.usable]
        simulation.devices([{"op": "patch", "device": found[0].id, "set": {"serial": EXEMPT}}])
        yield City(simulation)


def _device(state: Mapping[str, Any]) -> Device:
    banned = [app for app in state["apps"] if app["installed"] and app["name"] in BANNED]
    usable = [app for app in banned if not app["hidden"] and not app["launch_blocked"]]
    return Device(
        state["id"],
        state["serial"],
        state["kind"],
        state["online"],
        frozenset(app["name"] for app in banned),
        frozenset(app["name"] for app in usable),
        state["work_access"],
    )


def _methods(entry: Mapping[str, Any]) -> list[str]:
    if "/oauth2/" in entry["path"]:
        return []
    if entry["path"].endswith("/$batch"):
        return [item["method"] for item in entry["body"]["requests"]]
    return [entry["method"]]


def show_fleet(story: Story, devices: Mapping[str, Device]) -> None:
    """The fleet by kind, with what is on it."""
    for kind, label in KINDS.items():
        members = [each for each in devices.values() if each.kind == kind]
        story.row(f"{label:<43} {len(members):>4} devices, {sum(bool(each.installed) for each in members):>3} with the app")


def show_outcomes(story: Story, devices: Mapping[str, Device], rows: Sequence[Mapping[str, Any]]) -> None:
    """What the record says, by kind of device."""
    for kind, label in KINDS.items():
        counts = Counter(row["outcome"] for row in rows if row["row"] == "device" and devices[row["device"]].kind == kind)
        said = ", ".join(f"{count} {WORDS.get(name, name.replace('_', ' '))}" for name, count in counts.most_common())
        story.row(f"{label:<43} {said}")


def claim_what_came_true(story: Story, before: Mapping[str, Device], now: Mapping[str, Device], rows: Sequence[Mapping[str, Any]]) -> None:
    """Holds the devices, and what the record says of each, against what is really on them."""
    said = {row["device"]: row["outcome"] for row in rows if row["row"] == "device"}

    def had(*kinds: str) -> list[str]:
        return [
            each.id for each in before.values() if each.kind in kinds and each.usable and each.online and said[each.id] not in UNTOUCHED
        ]

    def all_of(ids: Sequence[str], test: Callable[[Device], bool]) -> bool:
        return bool(ids) and all(test(now[each]) for each in ids)

    android = had("android_fully_managed", "android_dedicated")
    apple = had("ios_supervised", "ios_supervised_userless")
    windows = had("windows_corporate")
    story.claim(f"gone from all {len(android)} fully managed Androids that had it and made contact", all_of(android, is_gone))
    story.claim(f"gone or hidden on all {len(apple)} supervised iPhones and iPads that had it and made contact", all_of(apple, is_closed))
    story.claim(f"gone or closed on all {len(windows)} corporate Windows machines that had it and made contact", all_of(windows, is_closed))
    exempt = [each for each in now.values() if each.serial == EXEMPT]
    story.claim(f"{EXEMPT} has its exemption, and the app", all(each.usable and said[each.id] == "exempt" for each in exempt))
    private = [
        each.id for each in before.values() if "personal" in each.kind or each.kind in ("android_work_profile", "ios_user_enrollment")
    ]
    story.claim("nothing was taken off or hidden on any private device", all_of(private, lambda it: it.usable == before[it.id].usable))
    clean = [device for device, outcome in said.items() if outcome in ("compliant", "removed")]
    story.claim(f"none of the {len(clean)} devices that the record calls compliant or removed has the app", all_of(clean, is_gone))


def is_gone(device: Device) -> bool:
    """Whether no banned app is installed."""
    return not device.installed


def is_closed(device: Device) -> bool:
    """Whether no banned app can be opened."""
    return not device.usable


def put_back_by_hand(story: Story, city: City) -> None:
    """What a user tries on a device under the ban."""
    for kind, label in (("android_fully_managed", "fully managed Android"), ("android_cope", "personal profile of a corporate Android")):
        device = next(each for each in city.devices().values() if each.kind == kind and each.online and not each.installed)
        answer = city.simulation.devices([{"op": "install", "device": device.id, "app": "tiktok"}])[0]
        refused = answer["refused"]
        reason = refused[0].get("reason", refused[0]) if refused and isinstance(refused[0], dict) else refused
        story.claim(f"{label}: install from the store -> {reason}", bool(refused))
