# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban's life is the same whether the simulator has its types from Microsoft's description or from the small table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.graph_client import strict_complaints
from tests.support.intune.tenant import Run, Tenant, lifted, plain, requests, tenant

pytestmark = [pytest.mark.usefixtures("graph_contract"), pytest.mark.long]

UK_NOW = "2023-03-20T09:00:00Z"
# After the Commission's day in March: removal, blocks and compliance at once.
EC_NOW = "2023-04-20T09:00:00Z"


def uk_life(office: Tenant) -> list[Run]:
    """The steps of tests/scenarios/test_uk_intune.py."""
    policy = plain("uk")
    before = office.state()
    runs = [office.run(policy, UK_NOW, check=True), office.run(policy, UK_NOW)]
    runs += [office.run(policy, UK_NOW), office.run(policy, UK_NOW, check=True)]
    runs += [office.run(lifted(policy), UK_NOW), office.run(lifted(policy), UK_NOW)]
    assert [run.changed() for run in runs] == [True, True, False, False, True, False]
    assert office.state() == before
    return runs


def ec_run(office: Tenant) -> list[Run]:
    run = office.run(plain("european-commission"), EC_NOW)
    assert run.changed()
    return [run]


def without_the_wall_clock(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the record without the one instant that is not the run's, when the machine wrote its first row, and the hashes over it."""
    return {name: value for name, value in row.items() if name not in ("wall_clock", "hash", "previous")}


def everything(runs: Sequence[Run], office: Tenant) -> list[Any]:
    """What the runs sent, returned and recorded, without what no two simulations share: addresses, places, tokens.

    Requests at the same time come in no order, so they are sorted.
    """
    told = [
        {
            "sent": sorted(
                json.dumps([item["method"], item["path"], item.get("query"), item.get("body")]) for item in requests(run.exchanges)
            ),
            "statuses": sorted(f"{item['method']} {item['path']} {item['status']}" for item in run.exchanges),
            "values": run.values,
            "rows": [without_the_wall_clock(row) for row in run.rows],
        }
        for run in runs
    ]
    text = json.dumps(told, default=str, sort_keys=True)
    shared = {str(office.evidence_dir): "EVIDENCE", office.simulation.connection["graph_url"].removesuffix("/graph"): "http://TENANT"}
    for own, name in shared.items():
        text = text.replace(own, name)
    known: list[Any] = json.loads(text)
    return known


@pytest.mark.parametrize(("life", "now"), [(uk_life, UK_NOW), (ec_run, EC_NOW)])
def test_both_sources_of_types_give_the_same_life(life: Any, now: str, tmp_path: Path) -> None:
    told = {}
    for types in ("contract", "small"):
        (tmp_path / types).mkdir()
        with tenant(tmp_path / types, now=now, types=types) as office:
            told[types] = everything(life(office), office)
            # With the small table as well, every answer is what Microsoft describes.
            assert strict_complaints(office.simulation) == []
    assert len(told["small"]) == len(told["contract"])
    for small, described in zip(told["small"], told["contract"], strict=True):
        for name in described:
            assert small[name] == described[name]
