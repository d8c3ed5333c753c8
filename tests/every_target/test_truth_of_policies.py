# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ready policies and policies of several apps on whole fleets: every row of every record against what is so on the device."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.support.intune.tenant_devices import assets_csv
from tests.support.target_runs import POLICIES, lifted, plain

from .conftest import TARGETS, MakeWorld
from .world import World

pytestmark = [pytest.mark.long]

SIZES = {"intune": 1000, "jamf_pro": 300, "nanomdm": 70, "tiny_mdm": 300}
READY = sorted(path.stem for path in POLICIES.glob("*.yml"))
WORK, PRIVATE = {"ownership": ["corporate", "shared"]}, {"ownership": "personal"}
#: Policies of several apps: which, and what is done on work devices and on private ones.
SEVERAL: Mapping[str, Mapping[str, Any]] = {
    "removed-and-blocked": {"apps": ["tiktok", "wechat", "capcut", "lemon8"], "work": ["remove", "block"], "private": ["advise"]},
    "sites-too": {"apps": ["tiktok", "wechat"], "work": ["remove", "block", "block_web"], "private": ["advise"]},
    "access": {"apps": ["tiktok", "capcut"], "work": ["remove", "withdraw_access"], "private": ["advise", "withdraw_access"]},
    "under-review": {"apps": ["tiktok"], "review": ["wechat", "capcut", "temu"], "work": ["block"], "private": ["advise"]},
}
PAID = ["full", "part", "none", "none", None]
#: Before the ready policies begin, at their beginnings, and long after.
INSTANTS = ("2023-02-20T08:00:00Z", "2023-03-14T12:00:00Z", "2023-03-20T09:00:00Z", "2023-06-01T09:00:00Z", "2023-11-02T09:00:00Z")
#: At least as many rows are held in each of the tests.
FEWEST = {"intune": 5000, "jamf_pro": 1500, "nanomdm": 350, "tiny_mdm": 1500}


@pytest.mark.fault_kind("T6", "every row of the ready policies against what is so, every target")
@pytest.mark.parametrize("name", [*READY, *SEVERAL])
@pytest.mark.parametrize("target", TARGETS)
def test_every_row_is_true(make_world: MakeWorld, target: str, name: str) -> None:
    world = make_world(target, devices=SIZES[target])
    chance = random.Random(f"{target} {name}")
    policy = ready(world, name)
    assets = assets_of(world, chance)
    if target == "nanomdm":
        # The servers have the machine's clock, so all of it is after the policies' beginnings.
        moments = [world.moment + timedelta(days=days) for days in (0, 1, 4, 30, 70)]
    else:
        moments = [datetime.fromisoformat(each.replace("Z", "+00:00")) for each in INSTANTS]
    for moment in moments:
        world.later((moment.astimezone(timezone.utc) - world.moment).total_seconds() / 3600)
        world.run(policy, assets=assets, check=chance.random() < 0.3)
        world.later(5)
        users(world, chance)
        if chance.random() < 0.5:
            world.later(20)
        world.run(policy, assets=assets)
    world.run(lifted(policy), assets=assets)
    world.later(30)
    world.run(lifted(policy), assets=assets)
    print(f"{target}, {name}: {world.rows_held} rows held, {world.apart} of them left apart for what users have done since the last look")
    assert world.rows_held >= FEWEST[target]
    assert world.apart < world.rows_held / 4


def ready(world: World, name: str) -> Mapping[str, Any]:
    if name not in SEVERAL:
        return plain(name)
    told = SEVERAL[name]
    document = {
        "policy": name, "title": "Several apps", "authority": {"issued_by": "City IT"}, "state": "enforced",
        "apps": told["apps"], "effective": {"from": "2023-03-01T00:00:00Z"}, **({"review": told["review"]} if "review" in told else {}),
        "rules": [
            {"name": "Work devices", "when": WORK, "actions": told["work"]},
            {"name": "Private devices", "when": PRIVATE, "actions": told["private"]},
        ],
    }  # fmt: skip
    path = world.directory / f"{name}.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return plain(path)


def assets_of(world: World, chance: random.Random) -> str:
    """Asset facts as an organisation has them, with gaps."""
    facts = {}
    for each in world.truth().values():
        if each.serial:
            facts[each.serial] = {
                "accesses_city_systems": chance.choice(["true", "true", "false", None]),
                "critical_infrastructure": chance.choice(["true", "false", "false", None]),
                "work_apps": chance.choice(["true", "true", "false", None]),
                **{
                    name: chance.choice(["full", "part", "none", "none", None])
                    for name in ("paid_purchase", "paid_subscription", "paid_use")
                },
            }
    return assets_csv(world.directory, facts)


def users(world: World, chance: random.Random) -> None:
    """Some users install an app, some remove one."""
    devices = sorted(world.truth())
    for op, share in (("install", 0.04), ("remove", 0.03)):
        world.user(op, [device for device in devices if chance.random() < share])
    world.user("install", [device for device in devices if chance.random() < 0.01], "named")
