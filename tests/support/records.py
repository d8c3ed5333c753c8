# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence records of any size, for the tests."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Iterable
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, Row, choose_run_id
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import Outcome

NOW = "2023-03-15T00:00:00Z"
HEADER: dict[str, Any] = {
    "now": NOW,
    "now_given": True,
    "wall_clock": "2023-03-15T08:00:00Z",
    "mode": "apply",
    "part": None,
    "job": None,
    "run_by": {"user": "ops", "host": "controller", "commit": None},
    "policies": [
        {
            "policy": "city-tiktok",
            "title": "TikTok on work devices",
            "state": "enforced",
            "sha256": "0" * 64,
            "catalog_version": "1a2b3c4d",
            "contact": "security@city.example",
            "authority": {"issued_by": "City IT", "reference": None, "advised_by": []},
            "effective": {"from": {"at": NOW, "written": NOW}, "until": None, "on_expiry": "keep", "review_on": None},
        }
    ],
    "limits": {"max_devices": 500, "max_percent": 20},
    "versions": {"appban.endpoint": "1.0.0", "ansible-core": "2.19.0", "python": "3.11.2"},
    "ledger_sha256": None,
}
#: The header of a record as releases before format 2 wrote it.
HEADER_1: dict[str, Any] = {
    "row": "header", "format": 1, "run_id": "20230315T000000Z", "target": "hosts", "evidence": "all", "now": NOW, "mode": "apply",
    "stopped": None,
    "policies": [{key: value for key, value in HEADER["policies"][0].items() if key not in ("authority", "effective")}],
    "limits": HEADER["limits"], "versions": HEADER["versions"], "previous": None,
}  # fmt: skip
#: A planned change as a record keeps it.
CHANGE: dict[str, Any] = {
    "op": "create", "kind": "policy", "name": "BAN tiktok", "apps": ["tiktok"], "reaches": 3, "releases": 0, "before": None, "after": "a\n",
}  # fmt: skip
EXEMPTION = {
    "id": "EX-1",
    "state": "active",
    "policy": "city-tiktok",
    "category": None,
    "reason": "Case work",
    "approved_by": "Head of Security",
    "granted": "2023-03-02T00:00:00+01:00",
    "expires": "2023-12-31T23:59:59+01:00",
    "mitigations": ["separate device"],
    "domains": [],
}
FINDING = {"app": "tiktok", "backend": "apt", "name": "tiktok-desktop", "version": "1.0", "scope": "system", "confidence": "actionable"}


def decision(verdict: str = "enforce", actions: Iterable[str] = ("remove", "block"), **more: Any) -> dict[str, Any]:
    """An app's part of a decision in plain form."""
    return {
        "verdict": verdict,
        "actions": list(actions) if verdict == "enforce" else [],
        "rule": "City devices",
        "policies": [{"policy": "city-tiktok", "verdict": verdict}],
        "exemption": None,
        "reason": "TikTok is banned on this device.",
        **more,
    }


def row(device: str, outcome: str = "compliant", reason: str = "", app: str = "tiktok", before: str = "absent", **more: Any) -> Row:
    """A row as a target would write it."""
    if outcome in ("cannot_enforce", "not_observable") and not reason:
        reason = "no_backend"
    if outcome in ("removed", "recurred"):
        before = "present"
    seen = None if before == "not_observed" else NOW
    public = {"id": device, "serial": "S-" + device, "platform": "linux", "ownership": "corporate", "department": None}
    return Row(public, app, more.pop("decision", decision()), Outcome(outcome, reason), before=before, seen_at=seen, **more)


def write(directory: pathlib.Path, outcomes: Iterable[str], now: str = NOW, target: str = "hosts", level: str = "all") -> pathlib.Path:
    """One finished record with a device per outcome; returns its path."""
    record = EvidenceRecord(str(directory), choose_run_id(str(directory), now), target, {**HEADER, "now": now}, level)
    devices = 0
    for outcome in outcomes:
        devices += 1
        record.add_device([row("pc-%d" % devices, outcome)])
    record.close(devices, devices, {"findings": 0, "drift": 0, "decision_due": [], "notes": [], "stopped": None, "fleet": "complete"})
    return pathlib.Path(record.path)


def sealed(lines: Iterable[dict[str, Any]]) -> bytes:
    """Lines with the hash that closes a record; the last one without its own."""
    body = "".join(json.dumps(line, ensure_ascii=False, separators=(", ", ": ")) + "\n" for line in lines).encode()
    return body[:-2] + b', "hash": "' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def write_format_1(
    directory: pathlib.Path, outcomes: Iterable[str], run_id: str = "20230101T000000Z", target: str = "hosts", previous: str | None = None
) -> pathlib.Path:
    """A finished record as releases before format 2 wrote it."""
    rows = []
    for number, outcome in enumerate(outcomes, 1):
        plain = row("pc-%d" % number, outcome).to_plain()
        del plain["words"]
        rows.append(plain)
    counts: dict[str, int] = {}
    for each in rows:
        counts[each["outcome"]] = counts.get(each["outcome"], 0) + 1
    last = {
        "row": "totals", "devices": len(rows), "in_scope": len(rows), "rows": len(rows), "outcomes": counts,
        "totals": {"tiktok": counts} if rows else {}, "unenforceable": {}, "findings": 0, "decision_due": [], "notes": [],
    }  # fmt: skip
    path = directory / run_id / (target + ".jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(sealed([{**HEADER_1, "run_id": run_id, "target": target, "previous": previous}, *rows, last]))
    return path
