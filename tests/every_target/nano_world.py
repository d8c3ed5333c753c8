# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real NanoMDM and KMFDDM servers with devices of ours as the suite's world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec, run_module
from tests.nano.device_facts import App
from tests.nano.fake_device import FakeDevice
from tests.nano.fleet import TIKTOK, make_fleet
from tests.nano.servers import NanoServers
from tests.scenarios.nano_tenant import Organisation
from tests.scenarios.target_runs import Run, end_of, hold_record, parameters, rows_of_record
from tests.unit.targets.nanomdm.nano_run import ModuleWithPsql

from .truth import Truth
from .world import World, banned_app

CAPCUT = App("com.lemon.lvoverseas", "CapCut", "7.4.0")


class NanoWorld(World):
    """One organisation, whose list of enrolments may be anything."""

    name = "nanomdm"
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
        self.rows: Any = None
        self.off: set[str] = set()
        self.moment = self.servers.now = self.servers.now.replace(year=datetime.now(timezone.utc).year)
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
        run = Run(module.values, module.failed, exchanges, rows_of_record(module.values))
        hold_record(run, set())
        return run

    def _pass(self, contact: bool) -> None:
        self.servers.skip(seconds=(self.moment - self.servers.now).total_seconds())
        on = [each for each in self.servers.devices if each.id not in self.off]
        if contact and on:
            self.servers.connect(*on)

    def truth(self) -> dict[str, Truth]:
        found = {}
        for device in self.servers.devices:
            here = {name: app for app in device.apps if (name := banned_app(app.identifier, app.name))}
            ours = {name for name in device.installed_profiles() if name.startswith("org.example.ban")}
            ours |= {name for name, held in device.declarations.held.items() if name.startswith("org.example.ban") and held.active}
            found[device.id] = Truth(
                device=device.id,
                serial=device.facts.serial,
                platform=device.facts.platform,
                managed=device.enrolled,
                installed=frozenset(here),
                opens=frozenset(name for name, app in here.items() if device.can_open(app.identifier)),
                holds=frozenset(ours),
                coming=("a command may be waiting",),
            )
        return found

    def objects(self) -> Any:
        return self.servers.holdings()

    def holdings(self) -> Any:
        return {**self.objects(), "sent": len(self._sent())}

    def writes(self, run: Run) -> list[str]:
        return ["%s %s" % (each["method"], each["path"]) for each in run.exchanges if each["method"] != "GET"]

    def _sent(self) -> list[Any]:
        asked = ("InstalledApplicationList", "DeviceInformation")
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
