# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module's own code in this process over real NanoMDM and KMFDDM servers, with devices of our own behind them."""

from __future__ import annotations

import base64
import functools
import json
import plistlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import argument_spec, run_module
from tests.support import target_runs
from tests.support.mdm_samples import exemption
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.fleet import all_at_once
from tests.support.nanomdm.nano_clients import run_command
from tests.support.nanomdm.servers import KEYS, NanoServers

PLATFORMS = {"iPhone": "ios", "iPad": "ipados", "Mac": "macos", "AppleTV": "tvos"}
PREFIX = "org.example.ban"
#: As tests/support/mdm_samples.py names the banned app.
BANNED = App("com.banned.app", "Banned", "1.2")
MANAGED = App("com.banned.app", "Banned", "1.2", managed=True)
OTHER = App("org.example.private", "A private app", "3")


class ModuleWithPsql(target_runs.Module):
    """What the module's code needs of AnsibleModule, commands included."""

    def run_command(self, words: list[str], environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        return run_command(words, environ_update)


@dataclass(frozen=True)
class Run(target_runs.Run):
    """A run over real servers."""

    @property
    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    def sent(self, method: str = "", path: str = "") -> list[str]:
        """Requests as "METHOD /path?query", of a method and with a beginning of the path where given."""
        listed = [each for each in self.exchanges if each["method"].startswith(method) and each["path"].startswith(path)]
        return ["%s %s" % (each["method"], each["url"].partition("://")[2].partition("/")[2]) for each in listed]

    def writes(self) -> list[str]:
        return ["%s %s" % (each["method"], each["path"]) for each in self.exchanges if each["method"] != "GET"]

    def outcomes(self, app: str = "banned") -> dict[str, tuple[str, str]]:
        return super().outcomes(app)


class Ban:
    """Servers, their devices, an evidence directory, and runs over them.

    Args:
        owners: enrolment id -> who owns the device; the organisation does where nothing is said.
    """

    def __init__(self, nano: NanoServers, directory: Path, devices: Iterable[FakeDevice] = (), **options: Any) -> None:
        self.nano = nano
        self.directory = directory
        self.evidence_dir = directory / "evidence"
        self.devices: list[FakeDevice] = []
        self.owners: dict[str, str] = {}
        self.now = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=1)
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "webhook.jsonl"
        #: Whether the log is kept by a receiver that drops decimals.
        self.whole_seconds = False
        self._read_from = 0
        self._skips: list[tuple[int, timedelta]] = []
        self.options: dict[str, Any] = {"name_prefix": PREFIX, "push": False, "webhook_log": str(self.log), **options}
        self.enrol(*devices)

    def skip(self, **span: float) -> None:
        """Let time pass for everybody: what the webhook hears from now on is told to have happened so much later.

        What happens in a test takes less than the second that the servers' instants are made of.
        """
        self._skips.append((len(self.nano.webhook.events()), timedelta(**span)))
        self.now += timedelta(**span)

    def rotate_log(self) -> None:
        """Begin the webhook log anew: what was in it is not read any more."""
        self._read_from = len(self.nano.webhook.events())

    def _write_log(self) -> None:
        lines = []
        for number, event in enumerate(self.nano.webhook.events()):
            if number < self._read_from:
                continue
            seconds, decimals = event["created_at"][:19], re.sub(r"^.{19}|[^.0-9].*$", "", event["created_at"])
            moved = datetime.fromisoformat(seconds + "+00:00")
            moved += sum((span for since, span in self._skips if number >= since), timedelta())
            told = moved.isoformat()[:19] + ("" if self.whole_seconds else decimals) + "+00:00"
            lines.append(json.dumps({**event, "created_at": told}) + "\n")
        self.log.write_text("".join(lines), encoding="utf-8")

    def enrol(self, *devices: FakeDevice) -> None:
        """Enrol devices, also again, and wait until the webhook has heard of it."""
        told = ("mdm.Authenticate", "mdm.TokenUpdate")
        before = {topic: len(self.nano.webhook.events(topic)) for topic in told}
        all_at_once(devices, FakeDevice.enrol)

        def heard(events: list[dict[str, Any]]) -> bool:
            return all(sum(each["topic"] == topic for each in events) >= before[topic] + len(devices) for topic in told)

        self.nano.webhook.wait_for(heard)
        self.devices.extend(each for each in devices if each not in self.devices)

    def connect(self, *devices: FakeDevice) -> None:
        """Have devices fetch and do what waits for them (all where none is named), and wait until the webhook has heard of it."""
        chosen = devices or tuple(self.devices)
        came = Counter(_who_came(self.nano.webhook.events()))
        all_at_once(chosen, FakeDevice.connect)
        came.update(each.id for each in chosen if each.enrolled)
        answers = [(each.id, uuid, status) for each in chosen for _kind, uuid, status in each.done]

        def told(events: list[dict[str, Any]]) -> bool:
            known = [each["acknowledge_event"] for each in events if "acknowledge_event" in each]
            heard = [(each["ids"]["id"], each.get("command_uuid"), each["status"]) for each in known if each.get("ids")]
            reports = [_reporter(each) for each in events if each["topic"] == "mdm.DeclarativeManagement"]
            return (
                all(heard.count(answer) >= answers.count(answer) for answer in set(answers))
                and all(reports.count(each.id) >= each.declarations.reported for each in chosen)
                and came <= Counter(_who_came(events))
            )

        self.nano.webhook.wait_for(told)

    def exemption(self, *devices: FakeDevice, **changes: Any) -> dict[str, Any]:
        """An exemption that is in force now."""
        granted, expires = self.now - timedelta(days=1), self.now + timedelta(days=30)
        serials = [each.facts.serial for each in devices]
        return exemption(devices=serials, granted=granted.date().isoformat(), expires=expires.isoformat(), **changes)

    def later(self, **span: float) -> None:
        """Let time pass for the next runs."""
        self.now += timedelta(**span)

    def row(self, device: FakeDevice) -> dict[str, Any]:
        """A device as a list of enrolments has it."""
        facts = device.facts
        return {
            "id": device.id,
            "serial": facts.serial,
            "platform": PLATFORMS[facts.platform],
            "os_version": facts.os_version,
            "supervised": facts.supervised,
            "enrollment": facts.enrollment,
            "ownership": self.owners.get(device.id, "corporate"),
        }

    def run(self, *policies: Policy, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        """One run of the module."""
        enrolments = [self.row(each) for each in self.devices]
        params = target_runs.parameters(
            argument_spec(),
            [serialize_policy(each) for each in policies],
            self.evidence_dir,
            self.now.isoformat(),
            **{**self.nano.connection, "enrollments": enrolments, **self.options, **options},
        )
        self._write_log()
        already = [len(front.requests()) for front in (self.nano.kmfddm, self.nano.nanomdm)]
        module = target_runs.end_of(run_module, ModuleWithPsql(params, check))
        fronts = (self.nano.kmfddm, self.nano.nanomdm)
        exchanges = [each for front, count in zip(fronts, already, strict=True) for each in front.requests()[count:]]
        run = Run(module.values, module.failed, exchanges, target_runs.rows_of_record(module.values))
        assert run.failed == expect_failure, run.message
        if check:
            assert run.writes() == []
        self._hold_to_the_rules(run)
        return run

    def _hold_to_the_rules(self, run: Run) -> None:
        """What is true of every run: the record keeps to its schema and adds up, no secret and no private app is anywhere."""
        target_runs.hold_record(run)
        target_runs.hold_secrets(run, self.evidence_dir, (*KEYS, OTHER.identifier, OTHER.name))

    def converge(self, *policies: Policy, **options: Any) -> Run:
        """Apply, and see that check mode announces exactly that and that a second apply has nothing to write. The apply is returned."""
        announced = self.run(*policies, check=True, **options)
        made = self.run(*policies, **options)
        assert announced.changes() == made.changes()
        again = self.run(*policies, **options)
        assert (again.writes(), again.changes(), again.changed) == ([], [], False)
        return made


def _who_came(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The devices that began a contact, one for each time."""
    for each in events:
        event = each.get("acknowledge_event") or {}
        if event.get("status") == "Idle" and event.get("ids"):
            yield str(event["ids"]["id"])


def _reporter(event: dict[str, Any]) -> str:
    """The device whose status report an event is; empty for another message about declarations."""
    details = event["checkin_event"]
    return str(details["ids"]["id"]) if details.get("ids") and _endpoint(details["raw_payload"]) == "status" else ""


@functools.lru_cache(maxsize=10_000)
def _endpoint(raw_payload: str) -> str:
    return str(plistlib.loads(base64.b64decode(raw_payload))["Endpoint"])


def lifted(*policies: Policy) -> tuple[Policy, ...]:
    """The same policies, ended."""
    return tuple(replace(each, state="lifted") for each in policies)
