# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence records of any size, for the tests."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, Row, choose_run_id
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import Outcome

NOW = "2023-03-15T00:00:00Z"
HEADER: dict[str, Any] = {
    "now": NOW,
    "mode": "apply",
    "stopped": None,
    "policies": [
        {
            "policy": "city-tiktok",
            "title": "TikTok on work devices",
            "state": "enforced",
            "sha256": "0" * 64,
            "catalog_version": "1a2b3c4d",
            "contact": "security@city.example",
        }
    ],
    "limits": {"max_devices": 500, "max_percent": 20},
    "versions": {"appban.endpoint": "1.0.0", "ansible-core": "2.19.0", "python": "3.11.2"},
}
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
    record.close(devices, devices, {"findings": 0, "decision_due": [], "notes": []})
    return pathlib.Path(record.path)
