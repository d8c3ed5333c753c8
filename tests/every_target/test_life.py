# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a ban: check, apply, apply, check, an exemption granted and lapsed, lift, lift; each row is held against the truth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run import fleet_store
from tests.support.target_runs import lifted

from .conftest import SERVERS
from .world import World


@pytest.mark.fault_kind("T8b", "exempted and lifted devices are told as such when they have heard of it, every target")
@pytest.mark.parametrize("world", SERVERS, indirect=True)
def test_a_ban_lives_and_ends_as_its_policy_says(world: World) -> None:
    start = world.objects()
    guest, banned, *_others = world.blockable()
    world.user("install", [guest, banned])
    world.later()
    policy = world.policy()

    announced = world.check(policy)
    made = world.run(policy)
    assert made.changes() == announced.changes() != []
    world.still(policy)
    world.later()
    world.settle(policy)
    assert world.outcomes(world.settle(policy))[banned] == ("blocked_not_removed", "user_installed")
    assert not world.opens(guest)
    assert [change for change in world.check(policy).values["changes"] if change["kind"] != "question"] == []

    ends = world.moment + timedelta(days=20)
    spared = world.policy(exempt=[world.serial(guest)], expires=ends.isoformat())
    world.check(spared)
    # Nobody has told the device yet.
    assert world.outcomes(world.run(spared))[guest] == ("exempt", "release_pending")
    assert not world.opens(guest)
    world.later()
    released = world.settle(spared)
    assert world.outcomes(released)[guest][0] == "exempt"
    assert world.outcomes(released)[guest][1] != "release_pending"
    assert world.opens(guest)
    assert not world.opens(banned)

    world.later(hours=24 * 21)
    lapsed = world.run(spared)
    assert world.outcomes(lapsed)[guest][0] == "exemption_expired"
    world.later()
    world.settle(spared)
    assert not world.opens(guest)

    ended = lifted(spared)
    world.check(ended)
    lift = world.run(ended)
    assert world.objects() == start
    assert {world.outcomes(lift)[device] for device in (guest, banned)} == {("not_in_force", "lift_pending")}
    world.still(ended)
    world.later()
    last = world.settle(ended)
    world.still(ended)
    assert world.objects() == start
    ended_for = {each for each in world.outcomes(last).values() if each[0] != "out_of_scope"}
    assert ended_for <= {("not_in_force", "ban_lifted"), ("not_in_force", "lift_pending"), ("unclassified", "")}
    assert world.outcomes(last)[banned] == ("not_in_force", "ban_lifted")
    assert {device: each.holds for device, each in world.truth().items() if each.holds} == {}


@pytest.mark.fault_kind("R4", "check mode asks nobody for anything, every target")
def test_check_mode_says_of_nothing_that_it_was_ordered(world: World) -> None:
    world.user("install", world.blockable())
    world.later()
    run = world.check(world.policy(actions=("remove", "block", "block_web")))
    rows = [row for row in run.rows if row["row"] == "device"]
    assert rows
    assert [row["device"] for row in rows if row["requested_at"]] == []
    assert {row["outcome"] for row in rows} & {"removal_requested", "blocked_not_removed", "removed"} == set()


@pytest.mark.parametrize("world", SERVERS, indirect=True)
def test_a_fleet_that_is_kept_in_a_file_is_judged_as_one_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start = world.objects()
    guest, *others = world.blockable()
    world.user("install", [guest, *others])
    world.later()
    policy = world.policy(exempt=[world.serial(guest)])
    world.settle(policy)
    in_memory = world.check(policy)
    monkeypatch.setattr(fleet_store, "MOST_IN_MEMORY", 1)
    in_file = world.check(policy)
    assert in_file.changes() == in_memory.changes()
    for kind in ("device", "class", "exemption"):
        assert [row for row in in_file.rows if row["row"] == kind] == [row for row in in_memory.rows if row["row"] == kind]
    world.run(lifted(policy))
    assert world.objects() == start
