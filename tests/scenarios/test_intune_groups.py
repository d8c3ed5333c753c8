# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that ask for groups of the tenant: read by name, members by way of users too, and never a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.tenant import lifted, plain
from tests.support.intune.tenant_devices import prompt_tenant, registered

NOW = "2023-03-20T09:00:00Z"
MEMBERS = "/transitiveMembers"

pytestmark = pytest.mark.usefixtures("graph_contract")


def for_group(name: str, expression: bool = False) -> dict[str, Any]:
    """The UK's policy for the corporate devices of one group. expression: said in JMESPath."""
    policy = plain("uk")
    when = f"ownership == 'corporate' && contains(groups, '{name}')" if expression else {"ownership": "corporate", "groups": name}
    rule = {**policy["rules"][0], "when": when}
    return {**policy, "rules": [rule], "attributes": sorted({*policy["attributes"], "groups"})}


@pytest.mark.fault_kind("D3", "an expression about groups that leaves everybody unclassified")
@pytest.mark.parametrize("expression", [False, True])
def test_a_rule_by_group_reaches_its_devices_and_those_of_its_users_and_no_other(tmp_path: Path, expression: bool) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phones = [each for each in registered(city, kind="ios_supervised", ownership="company") if each["user"]]
        by_user = phones[0]
        by_device = next(each for each in phones if each["user"] != by_user["user"])
        neither = next(each for each in phones if each["user"] not in (by_user["user"], by_device["user"]))
        members = [by_user["user"], by_device["directory_id"]]
        city.simulation.objects({"group": {"name": "Ministers and offices", "members": members}})
        before = city.state()
        policy = for_group("Ministers and offices", expression)
        run = city.run(policy, NOW)
        assert run.row(by_user["id"])["rule"] == run.row(by_device["id"])["rule"] == policy["rules"][0]["name"]
        assert run.outcome(neither["id"])[0] == "out_of_scope"
        assert len([each for each in run.exchanges if each["path"].endswith(MEMBERS)]) == 1
        assert city.run(policy, NOW).writes() == []
        city.run(lifted(policy), NOW)
        assert city.state() == before


def test_a_group_that_the_tenant_does_not_have_leaves_devices_unclassified_and_is_told(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised", ownership="company")[0]
        run = city.run(for_group("town_hall"), NOW)
        assert run.outcome(phone["id"]) == ("unclassified", "")
        assert run.writes() == []
        assert any("town_hall" in note for note in run.values["notes"])


def test_no_group_is_looked_up_that_no_policy_asks_for(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        assert not any(each["path"].endswith(MEMBERS) for each in city.run(plain("uk"), NOW).exchanges)
