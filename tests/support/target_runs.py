# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a target's module in this process, whichever target it is, and what must be true of each run.

Every row of the record keeps to the schema, the record verifies, the outcomes of each app add up to the devices of the run, and no secret
is in the result or in any file of the evidence directory (record, ledger, outbox).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import OUTCOMES
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_catalog, read_policy

CHECKOUT = Path(__file__).resolve().parents[2]
POLICIES = CHECKOUT / "policies"
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

    def outcome(self, serial: str, app: str = "tiktok") -> tuple[str, str]:
        """Outcome and reason of a device (the record has to be of level all)."""
        row = self.row(serial, app)
        return row["outcome"], row["reason"]

    def row(self, serial: str, app: str = "tiktok") -> Mapping[str, Any]:
        """The record's row of a device, by its serial number or its id."""
        return next(row for row in self.rows if row["row"] == "device" and row["app"] == app and serial in (row["serial"], row["device"]))

    def outcomes(self, app: str = "tiktok") -> dict[str, tuple[str, str]]:
        """Id of a device -> outcome and reason."""
        return {row["device"]: (row["outcome"], row["reason"]) for row in self.rows if row["row"] == "device" and row["app"] == app}

    def changes(self) -> list[str]:
        return ["{op} {kind} {name}".format(**change) for change in self.values.get("changes", [])]


def parameters(spec: Mapping[str, Any], policies: Any, evidence_dir: Path, now: str, **options: Any) -> dict[str, Any]:
    """A module's parameters as Ansible would have made them; the record keeps every row unless told otherwise.

    Args:
        spec: the module's argument spec.
        policies: one or several, plain.
        options: connection and everything else.
    """
    assert set(options) <= set(spec), set(options) - set(spec)
    listed = [policies] if isinstance(policies, Mapping) else list(policies)
    params: dict[str, Any] = {name: each.get("default") for name, each in spec.items()}
    params.update(policy=listed, evidence_dir=str(evidence_dir), now=now, evidence="all")
    return {**params, **options}


def end_of(run_module: Callable[[Any], None], module: Module) -> Module:
    """The module after its code has run to its end. It always ends by saying so."""
    try:
        run_module(module)
    except Ended:
        return module
    raise AssertionError("the module came back without a result")


def rows_of_record(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a run's record; none where it wrote none."""
    return list(read_rows(values["evidence"])) if "evidence" in values else []


def hold_record(run: Run, known: set[tuple[Any, ...]] | None = None) -> None:
    """The record keeps to its schema, verifies, and its sums are the devices of the run.

    Args:
        known: kinds of rows that were held against the schema already; of each kind one is enough, as it takes longer than the run.
            All rows are held where it is None.
    """
    for row in run.rows:
        kind = (row["row"], row.get("outcome"), row.get("reason"), row.get("platform"), row.get("verdict"))
        if known is not None and kind in known:
            continue
        assert [f"{error.json_path}: {error.message}" for error in RECORD.iter_errors(row)] == []
        if known is not None:
            known.add(kind)
    assert {row["outcome"] for row in run.rows if row["row"] == "device"} <= set(OUTCOMES)
    if "evidence" in run.values:
        last = verify_record(str(run.values["evidence"]))
        for counts in (last["outcomes"], *last["totals"].values()):
            assert sum(counts[name] for name in OUTCOMES if name in counts) == last["devices"]


def hold_secrets(run: Run, evidence_dir: Path, secrets: Iterable[str]) -> None:
    """No secret is in the module's result or in any file that it left."""
    texts = {"the module's result": json.dumps(run.values, default=str)}
    texts.update({str(path): path.read_text(encoding="utf-8") for path in evidence_dir.rglob("*") if path.is_file()})
    for secret in secrets:
        assert [where for where, text in texts.items() if secret in text] == []


# Reading the catalog takes longer than most runs, and it is the same for all.
built_in_catalog = functools.cache(read_catalog)


def policy_of(path: Path) -> Policy:
    """The policy of a file, resolved against the built-in catalog. Raises PolicyError."""
    policy, problems = read_policy(str(path), built_in_catalog())
    if policy is None:
        raise PolicyError(problems)
    return policy


def plain(name: str | Path, **changes: Any) -> dict[str, Any]:
    """A policy file (of ``policies/`` by its stem, or any path) as the lookup gives it, with some keys changed."""
    path = name if isinstance(name, Path) else POLICIES / f"{name}.yml"
    return {**serialize_policy(policy_of(path)), **changes}


def lifted(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The same policy after the end of the ban."""
    return {**policy, "state": "lifted"}
