# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Intune tenant under test: runs the module's own code in this process and holds every run against what must always be true.

Every exchange keeps to Graph's contract, check mode only reads, no secret is in a result, in the record or in the ledger, and the
outcomes of each app add up to the devices of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import argument_spec, run_module
from tests.contract import check_all
from tests.simulators.intune import start
from tests.support import target_runs
from tests.support.target_runs import (
    CHECKOUT,
    POLICIES,
    RECORD,
    WRITES,
    Ended,
    Module,
    end_of,
    hold_record,
    hold_secrets,
    lifted,
    plain,
    rows_of_record,
)

# With what every target's runs share, so that a test of a tenant needs one import.
__all__ = ["CHECKOUT", "POLICIES", "RECORD", "Ended", "Module", "Run", "Tenant", "lifted", "parameters", "plain", "requests", "tenant"]

NOT_GRAPH = ("/reports/", "/metadata/")


@dataclass(frozen=True)
class Run(target_runs.Run):
    """A run in a simulated Intune tenant."""

    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    def writes(self) -> list[Mapping[str, Any]]:
        """Every request that changes something, those inside a batch one by one; token requests are none."""
        return [entry for entry in requests(self.exchanges) if entry["method"] in WRITES]


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
    return target_runs.parameters(argument_spec(), policies, Path(evidence_dir), **{**connection, "settle": 20.0, **options})


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
        module = end_of(run_module, Module(params, check))
        exchanges = self.simulation.requests()[already:]
        run = Run(module.values, module.failed, exchanges, rows_of_record(module.values))
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
        hold_secrets(run, self.evidence_dir, self.secrets)
        hold_record(run)


@contextmanager
def tenant(directory: Path, devices: int = 60, seed: int = 3, now: str = "2023-03-20T00:00:00Z", **settings: Any) -> Iterator[Tenant]:
    """A tenant with a seeded fleet, its clock at an instant."""
    with start(devices=devices, seed=seed, **settings) as simulation:
        simulation.clock(now)
        yield Tenant(simulation, directory)
