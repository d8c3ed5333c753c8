# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large fleet on Jamf Pro: eight requests and the pages of the inventory, whatever its size, and pages that the server can bear."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import cases
from tests.support.jamf_pro.jamf_everything import BLOCK, MAC, NOW, PHONE, TABLET, JamfCity, jamf_city, policy
from tests.support.jamf_pro.jamf_run import Run

pytestmark = pytest.mark.usefixtures("no_waiting")

PAGES = ("/mobile-devices/detail", "/computers-inventory")
MANY = 1600
OPTIONS: dict[str, Any] = {"limits": {"max_devices": 100_000}}


def pages(run: Run) -> list[Mapping[str, Any]]:
    """The pages of both inventories."""
    return [each for each in run.exchanges if each["path"].endswith(PAGES)]


def besides_pages(run: Run) -> list[str]:
    """All other requests of a run, the one for a token included; giving the token back is no request for anything."""
    return [each["path"] for each in run.exchanges if not each["path"].endswith((*PAGES, "/invalidate-token"))]


def ban(directory: Path) -> dict[str, Any]:
    """Phones, tablets and Macs, with an exemption."""
    return policy(directory, actions=["remove", "block"], exempt=[PHONE, TABLET, MAC])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JamfCity, Path]]:
    """A fleet that no page can hold, in which the ban stands."""
    directory = tmp_path_factory.mktemp("large")
    with jamf_city(directory, devices=MANY, alone=True) as city:
        applied = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
        assert applied.changed
        assert len(applied.writes()) < 8
        yield city, directory


def test_the_number_of_requests_is_the_same_for_forty_devices_and_for_thousands(large: tuple[JamfCity, Path], tmp_path: Path) -> None:
    city, directory = large
    with jamf_city(tmp_path, alone=True) as small:
        small.run(ban(tmp_path), NOW)
        # A run on another node than the last may have to look twice; from the next one on nothing is behind.
        for _run in range(2):
            few = small.run(ban(tmp_path), NOW)
    for _run in range(2):
        many = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
    assert (few.writes(), many.writes()) == ([], [])
    assert besides_pages(few) == besides_pages(many)
    assert len(besides_pages(many)) <= 8, besides_pages(many)
    assert len(pages(few)) == 2
    assert len(pages(many)) == sum(-(-len(fleet) // 512) for fleet in (city.vendor.mobiles, city.vendor.macs))
    assert many.values["record"]["devices"] == MANY


def test_nothing_big_passes_through_ansible(large: tuple[JamfCity, Path]) -> None:
    city, directory = large
    run = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
    assert len(json.dumps(run.values, default=str)) < 128 * 1024
    # No app but the banned ones is in what is kept, whoever has it.
    kept = "".join(path.read_text(encoding="utf-8") for path in city.evidence_dir.rglob("*") if path.is_file())
    assert "WhatsApp" not in kept + json.dumps(run.values, default=str)


@cases("cap", [7 * 37, 300])
def test_a_cap_that_nobody_mentions_loses_no_device(large: tuple[JamfCity, Path], cap: int) -> None:
    city, directory = large
    city.settings(page_cap=cap)
    run = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
    city.settings(page_cap=2000)
    assert run.values["record"]["devices"] == MANY
    assert run.writes() == []


def test_pages_that_take_too_long_become_smaller_and_the_walk_goes_on_where_it_was(large: tuple[JamfCity, Path]) -> None:
    city, directory = large
    # 512 rows of mobile devices with their apps now take more than the 90 s of the edge.
    city.settings(mobile_row_weight=9.0, row_weight=9.0)
    run = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
    city.settings(mobile_row_weight=0.3, row_weight=1.0)
    asked = pages(run)
    late = [each for each in asked if each["status"] == 504]
    assert 1 <= len(late) <= 4, "what was too much once is not tried again"
    assert run.values["record"]["devices"] == MANY
    assert run.writes() == []
    good = [each["response"]["results"] for each in asked if each["status"] == 200]
    ids = [(row.get("mobileDeviceId"), row.get("udid") if "id" in row else None) for page in good for row in page]
    assert len(ids) == len(set(ids)) == MANY, "no row is asked for twice"


def test_an_inventory_that_ends_too_early_never_passes_for_the_fleet(large: tuple[JamfCity, Path]) -> None:
    city, directory = large
    before = city.state()["objects"]
    for kind in ("503", "bad_json", "html", "drop"):
        city.simulation.faults([{"match": {"path": r"/mobile-devices/detail\?.*page=[1-9]"}, "nth": "all", "kind": kind}])
        run = city.run(ban(directory), NOW, expect_failure=True, **OPTIONS)
        assert run.writes() == [], kind
        assert run.rows == [], kind
    city.simulation.faults([])
    assert city.state()["objects"] == before


@pytest.mark.long
def test_corrupt_records_among_thousands_cost_a_few_requests_each(large: tuple[JamfCity, Path]) -> None:
    city, directory = large
    keys = [f"m{number}" for number in (5, 700)]
    city.simulation.devices([{"op": "patch", "device": key, "set": {"corrupt": True}} for key in keys])
    run = city.run(ban(directory), NOW, evidence="exceptions", **OPTIONS)
    city.simulation.devices([{"op": "patch", "device": key, "set": {"corrupt": False}} for key in keys])
    assert run.values["record"]["devices"] == MANY
    assert any("can't read the record of 2 devices" in each for each in run.values["notes"])
    assert len(pages(run)) < 2 * 25 + 10
    assert run.writes() == []


@pytest.mark.long
def test_a_change_of_exemptions_costs_the_same_in_a_large_fleet(large: tuple[JamfCity, Path]) -> None:
    city, directory = large
    serials = [each["serial"] for each in city.devices(kind="iphone_supervised", managed=True)[:700]]
    wider = policy(directory, actions=["remove", "block"], exempt=[PHONE, TABLET, MAC, *serials])
    run = city.run(wider, NOW, evidence="exceptions", **OPTIONS)
    assert 1 <= len(run.writes()) <= 8, [each["path"] for each in run.writes()]
    assert city.run(wider, NOW, evidence="exceptions", **OPTIONS).writes() == []
    assert BLOCK in {each["general"]["name"] for each in city.objects()["mobiledeviceconfigurationprofiles"]}
