# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Apple tenants of ``make demo``: a simulated Jamf Pro, and real NanoMDM and KMFDDM servers with devices of our own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests

from tests.simulators.jamf_pro import start
from tests.simulators.simulation import Simulation
from tests.support.nanomdm.binaries import servers_are_built
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.factory import CannotStart, NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import all_at_once, make_fleet
from tests.support.nanomdm.servers import NanoServers

from .story import Story

DEVICES = 60
TIKTOK = "com.zhiliaoapp.musically"
#: What the server itself has put on a device can be taken off again.
MANAGED = App(TIKTOK, "TikTok", "31.5.3", managed=True)
_PLATFORMS = {"iPhone": "ios", "iPad": "ipados", "Mac": "macos", "AppleTV": "tvos"}


@dataclass(frozen=True)
class Phone:
    """One device as it really is, which no record knows."""

    kind: str
    supervised: bool
    installed: bool
    opens: bool


class AppleTenant(Protocol):
    """What the story needs of a tenant of Apple devices."""

    name: str
    module: str
    about: str

    def host(self) -> dict[str, Any]:
        """Its place in the inventory."""

    def devices(self) -> dict[str, Phone]:
        """Every device by its id in the record."""

    def objects(self) -> Any:
        """Everything on the server that an administrator could have made."""

    def sent(self) -> Counter[str]:
        """Methods of the requests since the last call, token requests left out."""

    def contact(self, now: str) -> None:
        """Time passes, and the devices make contact."""


class JamfCity:
    """A simulated Jamf Pro server."""

    name = "city-jamf"
    module = "appban.endpoint.jamf_pro"
    about = "a simulated Jamf Pro"

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._seen = 0

    def host(self) -> dict[str, Any]:
        wanted = ("url", "base_path", "client_id", "client_secret")
        return {"appban_target": "jamf_pro", "appban_connection": {name: self.simulation.connection[name] for name in wanted}}

    def devices(self) -> dict[str, Phone]:
        return {_jamf_id(each): _jamf_phone(each) for each in self.simulation.state()["devices"]}

    def objects(self) -> Any:
        return self.simulation.state()["objects"]

    def sent(self) -> Counter[str]:
        entries = self.simulation.requests()
        new, self._seen = entries[self._seen :], len(entries)
        return Counter(each["method"] for each in new if "token" not in each["path"])

    def contact(self, now: str) -> None:
        self.simulation.clock(now, check_in=True)


def _jamf_id(state: Mapping[str, Any]) -> str:
    return f"{'computer' if state['platform'] == 'macos' else 'mobile'}:{state['id']}"


def _jamf_phone(state: Mapping[str, Any]) -> Phone:
    apps = [app for app in state["apps"] if app["id"] == TIKTOK and app["installed"]]
    opens = any(not app["hidden"] and not app["launch_blocked"] for app in apps)
    return Phone(state["kind"], state["supervised"] and state["managed"] and state["online"], bool(apps), opens)


class NanoCity:
    """Real NanoMDM and KMFDDM servers, and devices of our own that are enrolled with them."""

    name = "city-nanomdm"
    module = "appban.endpoint.nanomdm"
    about = "real NanoMDM and KMFDDM servers"

    def __init__(self, servers: NanoServers) -> None:
        self.servers = servers
        self.fleet = make_fleet(servers, DEVICES, seed=5)
        # One came from the city's own catalog of apps.
        own = next(each for each in self.fleet if each.facts.supervised and each.facts.platform == "iPhone" and each.is_installed(TIKTOK))
        own.delete_app(TIKTOK)
        own.install_app(MANAGED)
        self.sent()

    def host(self) -> dict[str, Any]:
        connection = {**self.servers.connection, "enrollments": [_enrollment(each) for each in self.fleet]}
        connection["webhook_log"] = str(self.servers.webhook.path)
        # No push: nothing outside of this machine is reached. The devices look in by themselves, as with a push that is late.
        return {"appban_target": "nanomdm", "appban_connection": connection, "appban_options": {"push": False, "inventory_every": 48}}

    def devices(self) -> dict[str, Phone]:
        return {each.id: _nano_phone(each) for each in self.fleet}

    def objects(self) -> Any:
        """Declarations and sets; nothing else of the servers is an administrator's. Read behind the fronts, which count our requests."""
        target = self.servers.kmfddm.target
        assert target is not None
        host, port = target
        key = self.servers.connection["kmfddm_api_key"]
        return [
            requests.get(f"http://{host}:{port}/v1/{kind}", auth=("kmfddm", key), timeout=10).json() for kind in ("declarations", "sets")
        ]

    def sent(self) -> Counter[str]:
        fronts = (self.servers.nanomdm, self.servers.kmfddm)
        methods = Counter(each["method"] for front in fronts for each in front.requests())
        for front in fronts:
            front.forget_requests()
        return methods

    def contact(self, now: str) -> None:
        before = _results(self.servers.webhook.events())
        # What a device learns of its declarations makes it look in once more.
        answered = sum(len(each) for _again in range(2) for each in all_at_once(self.fleet))
        self.servers.webhook.wait_for(lambda events: _results(events) >= before + answered)


def _results(events: Sequence[Mapping[str, Any]]) -> int:
    """How many answers to commands the webhook got."""
    return sum(bool((event.get("acknowledge_event") or {}).get("command_uuid")) for event in events)


def _enrollment(device: FakeDevice) -> dict[str, Any]:
    facts = device.facts
    return {
        "id": device.id,
        "serial": facts.serial,
        "platform": _PLATFORMS[facts.platform],
        "os_version": facts.os_version,
        "supervised": facts.supervised,
        "enrollment": facts.enrollment,
        "ownership": "personal" if facts.enrollment == "user" else "corporate",
    }


def _nano_phone(device: FakeDevice) -> Phone:
    facts = device.facts
    kind = f"{facts.platform}, version {facts.version[0]}"
    return Phone(kind, facts.supervised, device.is_installed(TIKTOK), device.can_open(TIKTOK))


@contextmanager
def apple_tenants(story: Story, now: str) -> Iterator[list[AppleTenant]]:
    """Both tenants; without the real servers, and saying why, where they can't be built."""
    with start(devices=DEVICES, seed=3) as simulation:
        # One node: the days of this story pass in seconds, and so would the lag between nodes.
        simulation.objects({"settings": {"nodes": 1}})
        simulation.clock(now)
        tenants: list[AppleTenant] = [JamfCity(simulation)]
        if not servers_are_built():
            story.line("building NanoMDM and KMFDDM, with Go where there is one (about half a minute, once)")
        try:
            factory = NanoFactory("demo")
        except CannotStart as problem:
            story.line(f"Left out: real NanoMDM and KMFDDM servers. {problem}")
            yield tenants
            return
        try:
            yield [*tenants, NanoCity(factory.start())]
        finally:
            factory.close()


def show_fleet(story: Story, tenant: AppleTenant) -> None:
    """How many devices of each kind have the app."""
    devices = tenant.devices().values()
    with_app = sum(each.installed for each in devices)
    kinds = Counter(each.kind for each in devices)
    listed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(kinds.items()))
    story.line(f"{tenant.about}: {len(devices)} Apple devices, {with_app} with the app ({listed})")


def show_outcomes(story: Story, tenant: AppleTenant, rows: Sequence[Mapping[str, Any]]) -> None:
    """What the record says."""
    counts = Counter((row["outcome"], row["reason"]) for row in rows if row["row"] == "device")
    said = (f"{count} {outcome.replace('_', ' ')}{f' ({reason})' if reason else ''}" for (outcome, reason), count in counts.most_common())
    story.line(f"{tenant.name}: {', '.join(said)}")


def claim_what_was_handed_over(story: Story, tenant: AppleTenant, outbox: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The notices that somebody else has to deliver: each once, and to users of private devices only."""
    notices = [json.loads(line) for line in outbox.read_text(encoding="utf-8").splitlines()]
    private = {row["device"] for row in rows if row["row"] == "device" and row["ownership"] == "personal"}
    once = len({each["id"] for each in notices}) == len(notices)
    story.claim(
        f"{tenant.name} has no message to a user: {len(notices)} notices for private devices wait in {outbox.name}, each once",
        bool(notices) and once and {each["device"] for each in notices} <= private,
    )


def claim_what_came_true(story: Story, tenant: AppleTenant, before: Mapping[str, Phone], rows: Sequence[Mapping[str, Any]]) -> None:
    """Holds the devices, and what the record says of each, against what is really on them."""
    now = tenant.devices()
    said = {row["device"]: row["outcome"] for row in rows if row["row"] == "device"}
    mobile = [each for each, phone in now.items() if "mac" not in phone.kind.lower() and said[each] not in ("exempt", "out_of_scope")]
    banned = [each for each in mobile if before[each].opens and now[each].supervised]
    spared = [each for each in mobile if before[each].opens and not now[each].supervised]
    story.claim(
        f"{tenant.name}: gone or hidden on all {len(banned)} supervised phones and tablets that had it and made contact",
        bool(banned) and not any(now[each].opens for each in banned),
    )
    good = ("compliant", "removed", "blocked_not_removed")
    story.claim(
        f"{tenant.name}: still there on {len(spared)} others, and none of them is called blocked, removed or compliant",
        not any(said[each] in good for each in spared if now[each].opens),
    )


def claim_what_came_back(story: Story, tenant: AppleTenant, before: Mapping[str, Phone]) -> None:
    """After the lift: whoever still has the app can open it again."""
    now = tenant.devices()
    kept = [each for each, phone in now.items() if phone.installed and before[each].opens and (phone.supervised or phone.opens)]
    story.claim(
        f"{tenant.name}: it opens again on all {len(kept)} devices that still have it and made contact",
        bool(kept) and all(now[each].opens for each in kept),
    )
