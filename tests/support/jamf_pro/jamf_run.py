# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module's own code in this process over a simulated Jamf Pro server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec, run_module
from tests.support import target_runs
from tests.support.target_runs import WRITES, Module, end_of, hold_record, hold_secrets, parameters, rows_of_record

OBJECTS = ("mobiledeviceconfigurationprofiles", "osxconfigurationprofiles", "restrictedsoftware", "mobiledevicegroups", "computergroups")


@dataclass(frozen=True)
class Run(target_runs.Run):
    """A run over a simulated Jamf Pro server."""

    @property
    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    def writes(self) -> list[Mapping[str, Any]]:
        """Every request that changes something; those about tokens are none."""
        return [each for each in self.exchanges if each["method"] in WRITES and "token" not in each["path"]]

    def reads(self) -> list[Mapping[str, Any]]:
        """Every read but the pages of inventories."""
        pages = ("/mobile-devices/detail", "/computers-inventory")
        return [each for each in self.exchanges if each["method"] == "GET" and not each["path"].endswith(pages)]


class Server:
    """A simulated server, an evidence directory, and runs over them."""

    def __init__(self, simulation: Any, directory: Path) -> None:
        self.simulation = simulation
        self.evidence_dir = directory / "evidence"
        self._rows_held_before: set[tuple[Any, ...]] = set()

    def run(self, policies: Any, now: str, *, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        """One run of the module. policies: plain; now: the run's instant."""
        options = {**self.simulation.connection, **options}
        params = parameters(argument_spec(), policies, self.evidence_dir, now, **options)
        already = len(self.simulation.requests())
        module = end_of(run_module, Module(params, check))
        exchanges = self.simulation.requests()[already:]
        run = Run(module.values, module.failed, exchanges, rows_of_record(module.values))
        assert run.failed == expect_failure, run.message
        if check:
            assert run.writes() == []
        self._hold_to_the_rules(run)
        return run

    def _hold_to_the_rules(self, run: Run) -> None:
        """What is true of every run: the record keeps to its schema and adds up, and no secret is anywhere."""
        hold_record(run, self._rows_held_before)
        tokens = [(each.get("response") or {}).get("access_token") for each in run.exchanges if "/oauth/" in each["path"]]
        hold_secrets(run, self.evidence_dir, [self.simulation.connection["client_secret"], *(token for token in tokens if token)])

    def state(self) -> dict[str, Any]:
        """What administrators see: every object, without what is volatile."""
        return dict(self.simulation.state())
