# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real NanoMDM and KMFDDM servers, or a real NanoHUB, with devices of ours as the suite's world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec, run_module
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import TIKTOK, make_fleet
from tests.support.nanomdm.nano_run import ModuleWithPsql
from tests.support.nanomdm.nano_tenant import Organisation
from tests.support.nanomdm.servers import NanoServers
from tests.support.target_runs import Run, end_of, parameters

from .truth import Truth
from .world import World, banned_apps

LIST = "InstalledApplicationList"
#: How much later than the world's moment the servers, which have the machine's clock, may say that something was.
SLACK = timedelta(minutes=30)
CAPCUT = App("com.lemon.lvoverseas", "CapCut", "7.4.0")


class NanoWorld(World):
    """One organisation, whose list of enrolments may be anything."""

    name = "nanomdm"
    cannot_happen: Mapping[str, str] = {
        "new id": "the fact sheet on NanoMDM: the id of a device enrolment is the device's UDID, which a new enrolment does not change",
        "names": "Apple's schema: InstalledApplicationList is asked by bundle id, and an answer has the bundle id that the app itself has",
        "private apps": "the capability table: of a person's device nobody asks for the list of apps",
    }
    lies_of_lists: Mapping[str, Any] = {
        "half a list": lambda rows: rows[: len(rows) // 2],
        "an empty list": lambda rows: [],
        "other letter case": lambda rows: [{**row, "id": row["id"].lower()} for row in rows],
        "one twice and one missing": lambda rows: [rows[0], rows[0], *rows[2:]],
        "no id": lambda rows: [{name: value for name, value in rows[0].items() if name != "id"}, *rows[1:]],
        "a text": lambda rows: ["nothing", *rows[1:]],
        "null": lambda rows: [None, *rows[1:]],
    }

    def __init__(self, nano: NanoServers, directory: Path, devices: Sequence[FakeDevice], **options: Any) -> None:
        super().__init__(directory)
        self.servers = Organisation(nano, directory, devices, **options)
        self.nano = nano
        # What the tests look at is read past the fronts, whose answers they spoil.
        self.servers.api = NanoApi(nano, straight=True)
        self.rows: Any = None
        self.off: set[str] = set()
        #: When a device has told of its apps for the last time, and of which.
        self.told: dict[str, tuple[datetime, frozenset[str]]] = {}
        # The servers have the machine's clock, and the policies of the suite are in force whenever it is.
        self.moment = self.servers.now = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=1)
        self.expires = (self.moment + timedelta(days=200)).isoformat()

    @property
    def evidence_dir(self) -> Path:
        return self.servers.evidence_dir

    def _run(self, policies: Sequence[Mapping[str, Any]], check: bool, **options: Any) -> Run:
        enrolments = [self.servers.row(each) for each in self.servers.devices if each.enrolled] if self.rows is None else self.rows
        given = {**self.nano.connection, "enrollments": enrolments, **self.servers.options, **options}
        evidence_dir = given.pop("evidence_dir", self.evidence_dir)
        params = parameters(argument_spec(), policies, evidence_dir, self.now, **given)
        self.servers._write_log()
        fronts = (self.nano.kmfddm, self.nano.nanomdm)
        already = [len(front.requests()) for front in fronts]
        module = end_of(run_module, ModuleWithPsql(params, check))
        exchanges = [each for front, count in zip(fronts, already, strict=True) for each in front.requests()[count:]]
        return self.ended(module, exchanges)

    def _pass(self, contact: bool) -> None:
        self.servers.skip(seconds=(self.moment - self.servers.now).total_seconds())
        on = [each for each in self.servers.devices if each.id not in self.off]
        if contact and on:
            before = {each.id: len(each.done) for each in on}
            self.servers.connect(*on)
            for device in on:
                if any(kind == LIST and status == "Acknowledged" for kind, _uuid, status in device.done[before[device.id] :]):
                    self.told[device.id] = (self.moment + SLACK, banned_apps((app.name, True) for app in device.apps)[0])

    def truth(self) -> dict[str, Truth]:
        found = {}
        for device in self.servers.devices:
            here, opens = banned_apps((app.name, device.can_open(app.identifier)) for app in device.apps)
            ours = {name for name in device.installed_profiles() if name.startswith("org.example.ban")}
            ours |= {name for name, held in device.declarations.held.items() if name.startswith("org.example.ban") and held.active}
            found[device.id] = Truth(
                device=device.id,
                serial=device.facts.serial,
                platform=device.facts.platform,
                managed=device.enrolled,
                installed=here,
                opens=opens,
                holds=frozenset(ours),
                coming=("a command may be waiting",),
                untold=here ^ self.told[device.id][1] if device.id in self.told else frozenset(),
                told_at=self.told[device.id][0].isoformat() if device.id in self.told else None,
            )
        return found

    def objects(self) -> Any:
        return self.servers.holdings()

    def holdings(self) -> Any:
        return {**self.objects(), "sent": len(self._sent())}

    def writes(self, run: Run) -> list[str]:
        return ["%s %s" % (each["method"], each["path"]) for each in run.exchanges if each["method"] != "GET"]

    def _sent(self) -> list[Any]:
        asked = (LIST, "DeviceInformation")
        sent = [each for each in self.nano.nanomdm.requests() if each["path"].startswith("/v1/enqueue")]
        return [each for each in sent if not any(kind in str(each["body"]) for kind in asked)]

    def act(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        chosen, which = set(devices), CAPCUT if app == "named" else TIKTOK
        for device in self.servers.devices:
            if device.id in chosen and op == "install":
                device.install_app(which)
            elif device.id in chosen:
                device.delete_app(which.identifier)

    def switch(self, on: bool, devices: Iterable[str]) -> None:
        self.off = self.off - set(devices) if on else self.off | set(devices)

    def mute(self, devices: Iterable[str]) -> None:
        chosen = set(devices)
        for device in self.servers.devices:
            if device.id in chosen:
                device.lock([LIST])

    def private(self) -> list[str]:
        """The last ones: from now on, they are persons'."""
        chosen = [each.id for each in self.servers.devices if each.facts.enrollment == "device"][-2:]
        self.servers.owners.update(dict.fromkeys(chosen, "personal"))
        return chosen

    def reenrol(self, device: str) -> str:
        raise AssertionError(self.cannot_happen["new id"])

    def retire(self, devices: Iterable[str]) -> list[str]:
        chosen = [each for each in self.servers.devices if each.id in set(devices)]
        for device in chosen:
            device.check_out()
        # A list that says nothing of them any more; their checking out is in the webhook's log.
        self.servers.devices = [each for each in self.servers.devices if each not in chosen]
        return [each.id for each in chosen]

    def spoil(self, lie: str) -> None:
        rows = [self.servers.row(each) for each in self.servers.devices]
        self.rows = self.lies_of_lists[lie](rows)

    def forget(self, fact: str) -> None:
        self.rows = [{**self.servers.row(each), fact: None} for each in self.servers.devices]
        if fact == "supervised":
            self.servers.rotate_log()

    def fail_writes(self, nth: Any = "all") -> None:
        for front in (self.nano.kmfddm, self.nano.nanomdm):
            front.faults([{"match": {"method": method, "path": "/v1/"}, "nth": nth, "kind": "500"} for method in ("PUT", "POST", "DELETE")])

    def heal(self) -> None:
        self.rows = None
        for front in (self.nano.kmfddm, self.nano.nanomdm):
            front.faults([])

    def blockable(self) -> list[str]:
        return [each.id for each in self.servers.devices if each.facts.supervised and each.facts.system != "macOS"]


@contextmanager
def nano_world(nano: NanoServers, directory: Path, devices: int = 12, **options: Any) -> Iterator[NanoWorld]:
    """An organisation whose devices have all just been in contact."""
    world = NanoWorld(nano, directory, make_fleet(nano, devices, enrol=False), **options)
    world.later(0)
    yield world
