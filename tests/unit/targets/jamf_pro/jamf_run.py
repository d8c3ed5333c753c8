# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module's own code in this process over a simulated Jamf Pro server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import OUTCOMES
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec, run_module
from tests.scenarios.tenant import RECORD

WRITES = ("POST", "PUT", "PATCH", "DELETE")
OBJECTS = ("mobiledeviceconfigurationprofiles", "osxconfigurationprofiles", "restrictedsoftware", "mobiledevicegroups", "computergroups")


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

    def changes(self) -> list[str]:
        return ["{op} {kind} {name}".format(**change) for change in self.values.get("changes", [])]

    def outcomes(self, app: str = "tiktok") -> dict[str, tuple[str, str]]:
        """Id of a device -> outcome and reason."""
        return {row["device"]: (row["outcome"], row["reason"]) for row in self.rows if row["row"] == "device" and row["app"] == app}


class Server:
    """A simulated server, an evidence directory, and runs over them."""

    def __init__(self, simulation: Any, directory: Path) -> None:
        self.simulation = simulation
        self.evidence_dir = directory / "evidence"

    def run(self, policies: Any, now: str, *, check: bool = False, expect_failure: bool = False, **options: Any) -> Run:
        """One run of the module. policies: plain; now: the run's instant."""
        spec = argument_spec()
        assert set(options) <= set(spec)
        params: dict[str, Any] = {name: each.get("default") for name, each in spec.items()}
        listed = [policies] if isinstance(policies, Mapping) else list(policies)
        params.update({name: value for name, value in self.simulation.connection.items() if name not in ("username", "password")})
        params.update(policy=listed, evidence_dir=str(self.evidence_dir), now=now, **{"evidence": "all", **options})
        already = len(self.simulation.requests())
        module = Module(params, check)
        try:
            run_module(module)
        except Ended:
            pass
        exchanges = self.simulation.requests()[already:]
        rows = read_rows(module.values["evidence"]) if "evidence" in module.values else []
        run = Run(module.values, module.failed, exchanges, rows)
        assert run.failed == expect_failure, run.message
        if check:
            assert run.writes() == []
        self._hold_to_the_rules(run)
        return run

    def _hold_to_the_rules(self, run: Run) -> None:
        """What is true of every run: the record keeps to its schema and adds up, and no secret is anywhere."""
        assert [error.message for row in run.rows for error in RECORD.iter_errors(row)] == []
        if "evidence" in run.values:
            last = verify_record(str(run.values["evidence"]))
            for counts in (last["outcomes"], *last["totals"].values()):
                assert sum(counts[name] for name in OUTCOMES if name in counts) == last["devices"]
        tokens = [(each.get("response") or {}).get("access_token") for each in run.exchanges if "/oauth/" in each["path"]]
        secrets = [self.simulation.connection["client_secret"], *(token for token in tokens if token)]
        texts = [json.dumps(run.values, default=str)]
        texts += [path.read_text(encoding="utf-8") for path in self.evidence_dir.rglob("*") if path.is_file()]
        assert not [text for text in texts if any(secret in text for secret in secrets)]

    def state(self) -> dict[str, Any]:
        """What administrators see: every object, without what is volatile."""
        return dict(self.simulation.state())
