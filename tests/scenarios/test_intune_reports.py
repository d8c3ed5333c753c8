# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where many devices have an app, a report finds them with fewer requests than pages, and finds the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import findings
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.graph import Graph
from tests.support.intune.tenant import Run, plain, tenant

NOW = "2023-03-20T09:00:00Z"
JOBS = "/deviceManagement/reports/exportJobs"

pytestmark = pytest.mark.usefixtures("graph_contract", "no_waiting")


def found(run: Run) -> set[tuple[str, str, str, str]]:
    """Every finding of a run's record: device, app, name, version."""
    return {
        (row["device"], each["app"], each["name"], each["version"])
        for row in run.rows
        if row["row"] == "device"
        for each in row["findings"]
    }


def jobs(run: Run) -> list[str]:
    return [entry["body"]["reportName"] for entry in run.exchanges if entry["method"] == "POST" and entry["path"].endswith(JOBS)]


@pytest.mark.long
def test_a_report_finds_what_pages_find_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = plain("uk")
    with tenant(tmp_path, devices=1500, now=NOW) as city:
        by_pages = city.run(policy, NOW)
        assert jobs(by_pages) == []
        assert found(by_pages)
        monkeypatch.setattr(findings, "DEVICES_A_PAGE", 1)
        by_report = city.run(policy, NOW)
        assert jobs(by_report)[0] == "AppInvAggregate"
        assert set(jobs(by_report)[1:]) == {"DevicesByAppInv"}
        assert found(by_report) == found(by_pages)
        assert by_report.values["summary"] == by_pages.values["summary"]
        # The raw inventory of everything is never asked for, and a device's columns are those that are needed.
        bodies = [entry["body"] for entry in by_report.exchanges if entry["path"].endswith(JOBS)]
        assert all(set(body["select"]) <= {"DeviceId", "Platform"} for body in bodies if body["reportName"] == "DevicesByAppInv")
        # No token goes to the storage, and its signed address stands nowhere.
        blobs = [entry for entry in by_report.exchanges if entry["path"].startswith("/reports/")]
        assert len(blobs) == len(jobs(by_report))
        assert all("authorization" not in {name.lower() for name in entry["headers"]} for entry in blobs)
        signatures = [entry["response"]["url"].partition("sig=")[2] for entry in by_report.exchanges if "exportJobs" in entry["path"]
                      and (entry.get("response") or {}).get("url")]  # fmt: skip
        assert signatures
        written = json.dumps(by_report.values) + "".join(path.read_text() for path in city.evidence_dir.rglob("*.jsonl"))
        assert not any(signature in written for signature in signatures)
        # Check mode sends nothing but GET, so it pages.
        assert jobs(city.run(policy, NOW, check=True)) == []


def test_pages_give_what_a_report_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = plain("uk")
    with tenant(tmp_path, devices=300, now=NOW) as city:
        by_pages = city.run(policy, NOW)
        monkeypatch.setattr(findings, "DEVICES_A_PAGE", 1)
        # The service gives up every report with a column that it does not know.
        real = findings.export_report
        asked = []

        def with_an_unknown_column(graph: Graph, name: str, select: Sequence[str], filtered_by: str = "") -> Iterator[Mapping[str, str]]:
            asked.append(name)
            return real(graph, name, [*select, "NoSuchColumn"], filtered_by)

        monkeypatch.setattr(findings, "export_report", with_an_unknown_column)
        run = city.run(policy, NOW)
        assert asked == jobs(run) == ["AppInvAggregate"]
        assert found(run) == found(by_pages) != set()
