# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated tenants under the real playbook, with everything that its runs left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from tests.lab.playbook import PlayResult, run_playbook
from tests.simulators.simulation import Simulation

CHECKOUT = Path(__file__).resolve().parents[2]
UK = CHECKOUT / "policies" / "uk.yml"
ENFORCE = "appban.endpoint.enforce"
#: The action with which a run names the trouble of a target at its end.
TROUBLE = "appban.endpoint.target_trouble"
NOW = "2023-03-20T09:00:00Z"


@dataclass
class Run:
    """One run of a playbook, and what each tenant got in it."""

    play: PlayResult
    exchanges: Mapping[str, Sequence[Mapping[str, Any]]]

    def methods(self, name: str) -> set[str]:
        """Methods of the requests that a tenant got, batches item by item; a request for a token is TOKEN."""
        found = set()
        for entry in self.exchanges[name]:
            if "/oauth2/" in entry["path"]:
                found.add("TOKEN")
            elif entry["path"].endswith("/$batch"):
                found |= {item["method"] for item in entry["body"]["requests"]}
            else:
                found.add(entry["method"])
        return found

    def text(self, name: str) -> list[str]:
        """What a tenant's summary says."""
        tasks = [task for task in self.play.of(name, "ansible.builtin.debug") if isinstance(task.result.get("msg"), list)]
        return list(tasks[-1].result["msg"])

    def trouble(self, name: str) -> str:
        """The message that a target failed with in the last play; empty where it did not."""
        return "\n".join(str(task.result["msg"]) for task in self.play.of(name, TROUBLE) if task.status == "failed")


@dataclass
class Estate:
    """Tenants, an evidence directory, and runs of a playbook over them."""

    directory: Path
    tenants: Mapping[str, Simulation]
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.evidence = self.directory / "evidence"
        self.connections = {name: dict(simulation.connection) for name, simulation in self.tenants.items()}

    def inventory(self, hosts: Mapping[str, Any] | None = None, tenants: bool = True, **changes: Mapping[str, Any]) -> Path:
        """Writes the inventory. changes: tenant -> more variables of it."""
        children: dict[str, Any] = {}
        if tenants:
            entries = {name: {"appban_connection": self.connections[name], **changes.get(name, {})} for name in self.tenants}
            children["appban_tenants"] = {"hosts": entries, "vars": {"appban_target": "intune", "appban_options": {"settle": 20}}}
        if hosts:
            children["appban_hosts"] = {"hosts": dict(hosts)}
        path = self.directory / "inventory.json"
        path.write_text(json.dumps({"all": {"children": children}}), encoding="utf-8")
        return path

    def run(self, inventory: Path, policy: Path = UK, playbook: str | Path = ENFORCE, arguments: Sequence[str] = (), **options: Any) -> Run:
        """One run. Any warning fails the test; so does a run that fails, unless ``must_succeed`` is false. extra: more variables."""
        seen = {name: len(each.requests()) for name, each in self.tenants.items()}
        extra = {"policy_file": str(policy), "appban_now": NOW, "appban_evidence_dir": str(self.evidence), **options.pop("extra", {})}
        play = run_playbook(playbook, inventory, extra_vars=extra, arguments=arguments, **options)
        return Run(play, {name: each.requests()[seen[name] :] for name, each in self.tenants.items()})

    def records(self) -> dict[str, Mapping[str, Any]]:
        """RUN_ID/NAME of every record -> its header; each is verified."""
        found = {}
        for path in sorted(self.evidence.glob("*/*.jsonl")):
            verify_record(str(path))
            found["%s/%s" % (path.parent.name, path.stem)] = read_rows(str(path))[0]
        return found

    def said(self, run_id: str = "20230320T090000Z") -> dict[str, Any]:
        """What the run.json of a run says."""
        said: dict[str, Any] = json.loads((self.evidence / run_id / "run.json").read_text(encoding="utf-8"))
        return said
