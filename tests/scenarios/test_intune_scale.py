# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large tenant: requests grow with pages, not with devices, and nothing big passes through Ansible's variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.simulators.intune import start
from tests.support.intune.tenant import Run, Tenant, plain, requests

NOW = "2023-03-20T09:00:00Z"
#: What a run asks besides pages: the lists of the tenant's objects, a count, the settings of our policies.
BESIDES_PAGES = 12
FIRST_PAGES = re.compile(r"/deviceManagement/managedDevices$|/detectedApps/[^/]+/managedDevices$|/groups/[^/]+/members$")
ONE_DEVICE = re.compile(r"/managedDevices/[^/?]+|/devices/[^/?]+")
PAGE = 1000
MEGABYTE = 1 << 20

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]


class LargeTenant(Tenant):
    """Holds a sample of a run's exchanges against the contract: all of them would take longer than the run."""

    def _hold_to_the_rules(self, run: Run, check: bool) -> None:
        some = [entry for entry in run.exchanges if not FIRST_PAGES.search(entry["path"])] + list(run.exchanges[:3])
        super()._hold_to_the_rules(Run(run.values, run.failed, some, run.rows), check)


def policy() -> dict[str, Any]:
    """The UK's ban with some devices exempt, so that there are groups to read."""
    banned = plain("uk")
    held = {
        "users": [], "follow_user": False, "when": None, "apps": [], "domains": [], "category": "enforcement", "reason": "Case work",
        "approved_by": "Head of Security", "granted": instant("2023-03-18T00:00:00Z"), "expires": instant("2023-09-01T00:00:00Z"),
        "mitigations": [],
    }  # fmt: skip
    serials = [f"SN{number:08d}" for number in range(0, 160, 4)]
    return {**banned, "exemptions": [{"id": "EX-1", "devices": serials, **held}]}


def instant(text: str) -> dict[str, str]:
    return {"at": text, "written": text}


def is_page(entry: Mapping[str, Any]) -> bool:
    """The first page of a list that grows with the fleet, or one that a link led to."""
    where = unquote(str(entry.get("url") or entry["path"]))
    return "$skiptoken" in where or bool(FIRST_PAGES.search(where.partition("?")[0]))


def check_requests(run: Run, devices: int) -> None:
    every = list(requests(run.exchanges))
    pages = sum(map(is_page, every))
    assert devices // PAGE <= pages
    assert len(every) <= pages + BESIDES_PAGES
    assert run.values["requests"]["reads"] <= pages + BESIDES_PAGES
    assert [entry["path"] for entry in every if ONE_DEVICE.search(entry["path"].partition("?")[0])] == []
    assert all("$select" in unquote(str(e.get("url") or e["path"])) for e in every if is_page(e) and "$skiptoken" not in str(e.get("url")))


def check_sizes(run: Run) -> None:
    for entry in run.exchanges:
        assert len(json.dumps(entry["body"])) < 64 * 1024
        response = entry["response"]
        rows = response.get("value", []) if isinstance(response, dict) else []
        assert len(rows) <= PAGE
        assert len(json.dumps(response)) < 8 * MEGABYTE, "a batch holds at most twenty pages, and these hold ids alone"
    assert len(json.dumps(run.values, default=str)) < 128 * 1024, "what Ansible has to carry is small"


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeTenant]:
    with start(devices=10_000, seed=3) as simulation:
        simulation.clock(NOW)
        yield LargeTenant(simulation, tmp_path_factory.mktemp("scale"))


OPTIONS = {"limits": {"max_devices": 100_000}, "evidence": "exceptions"}


def test_ten_thousand_devices(ten_thousand: LargeTenant) -> None:
    apply = ten_thousand.run(policy(), NOW, **OPTIONS)
    assert apply.changed()
    assert len(apply.values["changes"]) < 40
    again = ten_thousand.run(policy(), NOW, **OPTIONS)
    assert not again.changed()
    assert again.writes() == []
    assert again.values["requests"]["writes"] == 0
    check_requests(again, 10_000)
    check_sizes(again)
    assert again.values["record"]["devices"] == 10_000
    exempt = next(entry for entry in requests(again.exchanges) if "/members" in entry["path"])
    assert "$select=id" in unquote(exempt["path"])


def test_thirty_thousand_devices(tmp_path: Path) -> None:
    """Looked at only: what a first run would write does not depend on the number of devices. `make bench` goes to a hundred thousand."""
    with start(devices=30_000, seed=3) as simulation:
        simulation.clock(NOW)
        city = LargeTenant(simulation, tmp_path)
        check = city.run(policy(), NOW, check=True, **OPTIONS)
        check_requests(check, 30_000)
        check_sizes(check)
        assert check.values["record"]["devices"] == 30_000
        assert len(check.values["changes"]) < 40
