# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suite asks of a target: servers with a fleet, users who do things, time that passes, and lists that lie."""

from __future__ import annotations

import abc
import json
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows
from tests.support.target_runs import Module, Run, end_of, hold_record, parameters, plain, rows_of_record

from .truth import Held, Truth, hold

START = datetime(2023, 3, 20, 9, tzinfo=timezone.utc)
APPS: Mapping[str, Mapping[str, Any]] = {
    "tiktok": {
        "id": "tiktok", "title": "TikTok", "vendor": "bytedance",
        "identifiers": {
            "ios_bundle_id": ["com.zhiliaoapp.musically"], "macos_bundle_id": ["com.zhiliaoapp.musically"],
            "android_package": ["com.zhiliaoapp.musically"], "appx_family_name": ["BytedancePte.Ltd.TikTok_6yccndn6064se"],
            "store_id": ["9NH2GPH4JZS4", "1235601864"], "display_name": ["TikTok"], "domain": ["tiktok.com", "tiktokv.com"],
        },
    },
    # No name on any platform that a tenant manages.
    "nameless": {"id": "nameless", "title": "Nameless", "vendor": "nobody", "identifiers": {"deb": ["nameless-desktop"]}},
    # A name that people read, by which nothing can be blocked.
    "named": {"id": "named", "title": "CapCut", "vendor": "bytedance", "identifiers": {"display_name": ["CapCut"]}},
}  # fmt: skip
#: Kinds of rows that a run has held against the schema, which takes longer than the run itself.
_HELD: set[tuple[Any, ...]] = set()
#: What people call the apps of fleets -> ids of the apps of policies that they are; the catalog counts TikTok Lite as TikTok.
TITLES: Mapping[str, Sequence[str]] = {
    "TikTok": ("tiktok",), "TikTok Lite": ("tiktok",), "CapCut": ("named", "capcut"), "WeChat": ("wechat",), "Lark": ("lark",),
    "Lark - Work, Together": ("lark",),
}  # fmt: skip


def with_few_names(policy: dict[str, Any]) -> dict[str, Any]:
    """A policy whose apps have the names of APPS and no others."""
    for app in policy["apps"]:
        written = APPS[app["id"]]["identifiers"]
        kept = {kind: [each for each in entries if each["value"] in written.get(kind, ())] for kind, entries in app["identifiers"].items()}
        app["identifiers"] = {kind: entries for kind, entries in kept.items() if entries}
    return policy


def banned_apps(apps: Iterable[tuple[str | None, bool]]) -> tuple[frozenset[str], frozenset[str]]:
    """Which apps of policies are on a device, and which of those can be opened.

    Args:
        apps: what its user calls each app, and whether it can be opened.
    """
    listed = [(app, opens) for title, opens in apps for app in TITLES.get((title or "").strip("\u200e"), ())]
    return frozenset(app for app, _opens in listed), frozenset(app for app, opens in listed if opens)


class World(abc.ABC):
    """One target with its servers.

    Args:
        directory: for evidence, policies and whatever the target needs.
    """

    #: Name of the target.
    name: str
    #: What lists of devices can do wrong here -> the order for it.
    lies_of_lists: Mapping[str, Any]
    #: What can't happen here -> the source that says so.
    cannot_happen: Mapping[str, str] = {}
    #: Options under which a run fails of more than it would.
    strict: Mapping[str, Any] = {}

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.moment = START
        #: When exemptions end that a policy of the suite has.
        self.expires = (START + timedelta(days=200)).isoformat()
        #: Pairs of device and app that a user has touched since the last look.
        self.acted: set[tuple[str, str]] = set()
        self.apart = 0
        self.rows_held = 0
        self.last: Run | None = None
        #: Policies have only the names of apps that they write down, not those of the catalog: fewer writes of each kind.
        self.few_names = False

    @property
    def now(self) -> str:
        return self.moment.isoformat().replace("+00:00", "Z")

    # --- runs

    def policy(
        self,
        *,
        name: str = "city",
        apps: Sequence[str] = ("tiktok",),
        actions: Sequence[str] = ("remove", "block"),
        exempt: Sequence[str] = (),
        state: str = "enforced",
        expires: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        """A policy by way of its file: corporate devices, some of them exempt by serial number until an instant."""
        document: dict[str, Any] = {
            "policy": name, "title": "Apps on work devices", "authority": {"issued_by": "City IT"}, "state": state,
            "apps": [APPS[app] for app in apps], "effective": {"from": "2023-03-01T00:00:00Z"},
            "rules": [{"name": "Work devices", "when": {"ownership": "corporate"}, "actions": list(actions)}],
            **more,
        }  # fmt: skip
        if exempt:
            document["exemptions"] = [
                {
                    "id": "EX-1", "devices": list(exempt), "apps": list(apps), "reason": "Case work", "approved_by": "Head of Security",
                    "granted": (self.moment - timedelta(days=2)).date().isoformat(), "expires": expires or self.expires,
                }
            ]  # fmt: skip
        path = self.directory / f"{name}.yml"
        path.write_text(json.dumps(document), encoding="utf-8")
        return with_few_names(plain(path)) if self.few_names else plain(path)

    def run(self, *policies: Mapping[str, Any], check: bool = False, may_fail: bool = False, **options: Any) -> Run:
        """One run, whose rows are held against what is so before and after it.

        Args:
            may_fail: a run that fails is as good as one that doesn't, as long as it claims nothing that isn't so.
        """
        self.last = self._run(policies, check, **options)
        assert may_fail or not self.last.failed, self.last.message
        assert "Traceback" not in self.last.message
        for error in ("KeyError", "TypeError", "AttributeError", "ValueError"):
            assert error not in self.last.message
        held = self.compare(self.last)
        assert held.false == [], "%d rows: %s" % (len(held.false), "\n".join(held.false[:8]))
        return self.last

    def refused(self, *policies: Mapping[str, Any], **options: Any) -> str:
        """One run that has to stop before any write; what it says."""
        before = self.holdings()
        run = self.run(*policies, may_fail=True, **options)
        assert run.failed, "the run went on"
        assert self.holdings() == before
        assert not run.values.get("changed")
        return run.message

    def compare(self, run: Run) -> Held:
        """The rows of a run against what is so now."""
        rows = list(run.rows) or self.rows_left()
        held = hold(rows, self.truth(), self.acted)
        self.apart += len(held.apart)
        self.rows_held += sum(row["row"] == "device" for row in rows)
        return held

    def rows_left(self) -> list[Mapping[str, Any]]:
        """The rows of the newest record, of a run that did not say where it is."""
        records = sorted(self.evidence_dir.glob("*/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return list(read_rows(str(records[-1]))) if records else []

    def ended(self, module: Module, exchanges: Sequence[Mapping[str, Any]]) -> Run:
        """The run of a module that has ended, its record held to what is true of every record.

        A record that could not be finished may end in the middle of a line.
        """
        path = Path(str(module.values.get("evidence", "")))
        if path.suffix != ".partial":
            run = Run(module.values, module.failed, exchanges, rows_of_record(module.values))
            hold_record(run, _HELD)
            return run
        rows = []
        for line in path.read_bytes().split(b"\n")[:-1]:
            rows.append(json.loads(line))
        return Run(module.values, module.failed, exchanges, rows)

    @property
    @abc.abstractmethod
    def evidence_dir(self) -> Path:
        """Where records are."""

    @abc.abstractmethod
    def _run(self, policies: Sequence[Mapping[str, Any]], check: bool, **options: Any) -> Run:
        """One run of the module."""

    # --- the world

    def later(self, hours: float = 24, contact: bool = True) -> None:
        """Time passes; with contact every device that is online checks in, and tells about its apps."""
        self.moment += timedelta(hours=hours)
        self._pass(contact)
        if contact:
            self.acted.clear()

    @abc.abstractmethod
    def _pass(self, contact: bool) -> None:
        """Bring servers and devices to the moment."""

    @abc.abstractmethod
    def truth(self) -> dict[str, Truth]:
        """Every device as it is, by the id that the record has."""

    @abc.abstractmethod
    def objects(self) -> Any:
        """Everything that administrators see on the servers, everybody's, comparable."""

    def holdings(self) -> Any:
        """The same, and whatever else shows that a run has done something."""
        return self.objects()

    @abc.abstractmethod
    def writes(self, run: Run) -> list[str]:
        """The requests of a run that change something, or order it, each as its verb and path."""

    @abc.abstractmethod
    def act(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        """The users of devices install or remove an app. op: install, remove; app: tiktok, named."""

    @abc.abstractmethod
    def switch(self, on: bool, devices: Iterable[str]) -> None:
        """Devices are switched off, and in no contact with anybody, or on again."""

    @abc.abstractmethod
    def mute(self, devices: Iterable[str]) -> None:
        """Devices go on being in contact, and tell nothing of their apps any more."""

    @abc.abstractmethod
    def private(self) -> list[str]:
        """Devices of persons, in contact, on which a run that asks for it can see the app."""

    @abc.abstractmethod
    def reenrol(self, device: str) -> str:
        """A device enrols again under an id of its own, its serial number and its apps as before; the new id."""

    @abc.abstractmethod
    def retire(self, devices: Iterable[str]) -> list[str]:
        """Devices leave the management for good; those that did."""

    @abc.abstractmethod
    def spoil(self, lie: str) -> None:
        """From now on lists of devices do something wrong. lie: a key of lies_of_lists."""

    @abc.abstractmethod
    def forget(self, fact: str) -> None:
        """From now on no source says a fact about any device any more. fact: ownership, supervised."""

    @abc.abstractmethod
    def fail_writes(self, nth: Any = "all") -> None:
        """Writes are answered with an error: all, or those with these numbers from now on."""

    @abc.abstractmethod
    def heal(self) -> None:
        """Everything answers as it should again."""

    @abc.abstractmethod
    def blockable(self) -> list[str]:
        """Corporate devices, in contact, on which a block makes an app impossible to open."""

    # --- what tests ask often

    def opens(self, device: str, app: str = "tiktok") -> bool:
        """Whether an app is on a device and can be opened."""
        return app in self.truth()[device].opens

    def serial(self, device: str) -> str:
        found = self.truth()[device].serial
        assert found
        return found

    def user(self, op: str, devices: Iterable[str], app: str = "tiktok") -> None:
        """Users install or remove the app, and nobody has looked since."""
        chosen = list(devices)
        self.act(op, chosen, app)
        self.acted.update((device, app) for device in chosen for app in APPS)

    def outcomes(self, run: Run, app: str = "tiktok") -> dict[str, tuple[str, str]]:
        """Device -> outcome and reason in a run's record, finished or not."""
        rows = list(run.rows) or self.rows_left()
        return {row["device"]: (row["outcome"], row["reason"]) for row in rows if row["row"] == "device" and row["app"] == app}

    def check(self, *policies: Mapping[str, Any], **options: Any) -> Run:
        """A run in check mode: it writes nothing, and nothing is different afterwards."""
        before = self.holdings()
        run = self.run(*policies, check=True, **options)
        assert self.writes(run) == []
        assert self.holdings() == before
        return run

    def still(self, *policies: Mapping[str, Any], **options: Any) -> Run:
        """A run that has nothing left to do."""
        before = self.holdings()
        run = self.run(*policies, **options)
        assert (self.writes(run), run.values["changed"], run.changes()) == ([], False, [])
        assert self.holdings() == before
        return run

    def settle(self, *policies: Mapping[str, Any], hours: float = 24, **options: Any) -> Run:
        """Runs and contacts take turns until nothing is left to be done but questions to devices; the last run."""
        for _turn in range(6):
            run = self.run(*policies, **options)
            if not [change for change in run.values["changes"] if change["kind"] != "question"]:
                return run
            self.later(hours)
        raise AssertionError(run.changes())

    def ban(self, *policies: Mapping[str, Any], **options: Any) -> Run:
        """A ban that stands: applied, arrived, and nothing left to be done."""
        for _turn in range(6):
            run = self.run(*policies, **options)
            self.later()
            # A question to devices is due once a day, whatever stands.
            if all(change["kind"] == "question" for change in run.values["changes"]):
                return run
        raise AssertionError(run.changes())


class SimulatedWorld(World):
    """A world whose servers are a simulation of ours."""

    #: What has the module's ``argument_spec`` and ``run_module``.
    module: types.ModuleType
    #: Options that every run has.
    options: Mapping[str, Any] = {}

    def __init__(self, simulation: Any, directory: Path) -> None:
        super().__init__(directory)
        self.simulation = simulation

    @property
    def evidence_dir(self) -> Path:
        return self.directory / "evidence"

    def _run(self, policies: Sequence[Mapping[str, Any]], check: bool, **options: Any) -> Run:
        given = {**self.simulation.connection, **self.options, **options}
        evidence_dir = given.pop("evidence_dir", self.evidence_dir)
        params = parameters(self.module.argument_spec(), policies, evidence_dir, self.now, **given)
        already = len(self.simulation.requests())
        module = end_of(self.module.run_module, Module(params, check))
        return self.ended(module, self.simulation.requests()[already:])

    def objects(self) -> Any:
        return self.simulation.state()["objects"]
