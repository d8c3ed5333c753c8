# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions that docs/intune.md asks for are enough, for a check and for the whole life of a ban, and it asks for none in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.intune.permissions_page import permission_rows
from tests.support.intune.tenant import Tenant, lifted, plain, tenant

NOW = "2023-03-20T09:00:00Z"
CITY = Path(__file__).resolve().parents[2] / "inventories" / "demo" / "city-tiktok.yml"
ROWS = permission_rows()

pytestmark = pytest.mark.usefixtures("graph_contract")


def grant(city: Tenant, permissions: list[str]) -> None:
    city.simulation.objects({"settings": {"roles": permissions}})


def test_a_check_needs_no_more_than_the_page_says(tmp_path: Path) -> None:
    with tenant(tmp_path, now=NOW) as city:
        grant(city, [name for name, (check, _apply) in ROWS.items() if check == "yes"])
        run = city.run(plain(CITY), NOW, check=True)
        assert run.changed()
        assert set(run.values["permissions"]) <= {name for name, (check, _apply) in ROWS.items() if check == "yes"}


def test_the_life_of_a_ban_needs_what_the_page_says_and_uses_all_of_it(tmp_path: Path) -> None:
    policy = plain(CITY)
    used: set[str] = set()
    with tenant(tmp_path, now=NOW) as city:
        device = next(each for each in city.simulation.state()["devices"] if each["kind"] == "ios_supervised")
        city.simulation.devices([{"op": "patch", "device": device["id"], "set": {"serial": "PRESS-0008"}}])
        grant(city, list(ROWS))
        for step in (policy, policy, lifted(policy)):
            used |= set(city.run(step, NOW).values["permissions"])
    assert used == set(ROWS) - {"Ti.ReadWrite"}
