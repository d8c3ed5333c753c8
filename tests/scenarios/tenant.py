# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Intune tenant under test: runs the module's own code in this process and holds every run against what must always be true.

Every exchange keeps to Graph's contract, check mode only reads, no secret is in a result, in the record or in the ledger, and the
outcomes of each app add up to the devices of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import OUTCOMES
from ansible_collections.appban.endpoint.plugins.module_utils.policy.plain import policy_to_plain
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import argument_spec, run_module
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_policies
from tests.contract import check_all
from tests.simulators.intune import start

CHECKOUT = Path(__file__).resolve().parents[2]
POLICIES = CHECKOUT / "policies"
NOT_GRAPH = ("/reports/", "/metadata/")
RECORD = jsonschema.Draft202012Validator(json.loads((CHECKOUT / "schemas" / "evidence.schema.json").read_text(encoding="utf-8")))
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Ended(Exception):
    """The module ended, as Ansible's own does by leaving the process."""


class Module:
    """What the module's code needs of AnsibleModule."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.ansible_version = "2.19.0"
        self._diff = True
        self.failed = False
        self.values: dict[str, Any] = {}

    def exit_json(self, **values: Any) -> None:
        self.values = values
        raise Ended

    def fail_json(self, **values: Any) -> None:
        self.values, self.failed = values, True
        raise Ended


@dataclass(frozen=True)
class Run:
    """One run: what the module returned, what it sent, its record."""

    values: Mapping[str, Any]
    failed: bool
    exchanges: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]

    @property
    def message(self) -> str:
        return str(self.values.get("msg", ""))

    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    def writes(self) -> list[Mapping[str, Any]]:
        """Every request that changes something, those inside a batch one by one; token requests are none."""
        return [entry for entry in requests(self.exchanges) if entry["method"] in WRITES]

    def outcome(self, serial: str, app: str = "tiktok") -> tuple[str, str]:
        """Outcome and reason of a device (the record has to be of level all)."""
        row = self.row(serial, app)
        return row["outcome"], row["reason"]

    def row(self, serial: str, app: str = "tiktok") -> Mapping[str, Any]:
        return next(row for row in self.rows if row["row"] == "device" and row["app"] == app and serial in (row["serial"], row["device"]))

    def changes(self) -> list[str]:
        return ["{op} {kind} {name}".format(**change) for change in self.values.get("changes", [])]


def requests(exchanges: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Requests to Graph and Defender; a batch as its items."""
    for entry in exchanges:
        if "/oauth2/" in entry["path"]:
            continue
        if entry["path"].endswith("/$batch"):
            yield from ({"method": item["method"], "path": item["url"], "body": item.get("body")} for item in entry["body"]["requests"])
        else:
            yield entry


def parameters(connection: Mapping[str, Any], policies: Sequence[Mapping[str, Any]], evidence_dir: str, **options: Any) -> dict[str, Any]:
    """The module's parameters for a simulated tenant, as Ansible would have made them; the record keeps every row unless told otherwise."""
    spec = argument_spec()
    unknown = set(options) - set(spec)
    assert not unknown, unknown
    params: dict[str, Any] = {name: each.get("default") for name, each in spec.items()}
    params.update(connection)
    params.update(policy=list(policies), evidence_dir=evidence_dir, evidence="all", settle=20.0)
    return {**params, **options}


class Tenant:
    """A simulated tenant, an evidence directory, and runs over them.

    Args:
        simulation: the running simulator.
        directory: for evidence.
    """

    def __init__(self, simulation: Any, directory: Path) -> None:
        self.simulation = simulation
        self.evidence_dir = directory / "evidence"
        self.secrets = [str(simulation.connection["client_secret"])]

    def run(
        self,
        policies: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        now: str,
        *,
        check: bool = False,
        expect_failure: bool = False,
        **options: Any,
    ) -> Run:
        """One run of the module over the tenant. policies: plain, see ``plain``; now: the run's and the tenant's instant."""
        listed = [policies] if isinstance(policies, Mapping) else list(policies)
        params = parameters(self.simulation.connection, listed, str(self.evidence_dir), now=now, **options)
        already = len(self.simulation.requests())
        module = Module(params, check)
        try:
            run_module(module)
        except Ended:
            pass
        exchanges = self.simulation.requests()[already:]
        rows = read_rows(module.values["evidence"]) if "evidence" in module.values else []
        run = Run(module.values, module.failed, exchanges, rows)
        self._hold_to_the_rules(run, check)
        assert run.failed == expect_failure, run.message
        return run

    def state(self) -> dict[str, Any]:
        """The tenant without what is volatile."""
        state = dict(self.simulation.state())
        state.pop("volatile", None)
        return state

    def _hold_to_the_rules(self, run: Run, check: bool) -> None:
        violations = check_all(run.exchanges, not_graph=NOT_GRAPH) if run.exchanges else []
        assert violations == []
        if check:
            assert {entry["method"] for entry in run.exchanges if "/oauth2/" not in entry["path"]} <= {"GET"}
        for entry in run.exchanges:
            token = (entry.get("response") or {}).get("access_token") if isinstance(entry.get("response"), dict) else None
            if token:
                self.secrets.append(str(token))
        texts = {"the module's result": json.dumps(run.values, default=str)}
        texts.update({str(path): path.read_text(encoding="utf-8") for path in self.evidence_dir.rglob("*") if path.is_file()})
        for secret in self.secrets:
            leaks = [where for where, text in texts.items() if secret in text]
            assert leaks == []
        problems = [f"{error.json_path}: {error.message}" for row in run.rows for error in RECORD.iter_errors(row)]
        assert problems == []
        if "evidence" in run.values:
            last = verify_record(str(run.values["evidence"]))
            for counts in (last["outcomes"], *last["totals"].values()):
                assert sum(counts[name] for name in OUTCOMES if name in counts) == last["devices"]


@contextmanager
def tenant(directory: Path, devices: int = 60, seed: int = 3, now: str = "2023-03-20T00:00:00Z", **settings: Any) -> Iterator[Tenant]:
    """A tenant with a seeded fleet, its clock at an instant."""
    with start(devices=devices, seed=seed, **settings) as simulation:
        simulation.clock(now)
        yield Tenant(simulation, directory)


def plain(name: str | Path, **changes: Any) -> dict[str, Any]:
    """A policy file (of ``policies/`` by its stem, or any path) as the lookup gives it, with some keys changed."""
    path = name if isinstance(name, Path) else POLICIES / f"{name}.yml"
    return {**policy_to_plain(read_policies([str(path)])[0]), **changes}


def lifted(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The same policy after the end of the ban."""
    return {**policy, "state": "lifted"}
