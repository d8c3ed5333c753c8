# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a record says of a device is so: for an app without a name there, before a device has heard of anything, and whatever failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.support.target_runs import lifted

from .claims import CLAIMS
from .wire import Wire
from .world import World

Policy = Mapping[str, Any]


@pytest.mark.fault_kind("T5", "an app without a name there, beside one that has one, every target")
@pytest.mark.parametrize("actions", [("remove", "block"), ("block_web",), ("remove", "block", "block_web")])
def test_an_app_without_a_name_there_is_never_called_kept_away(world: World, actions: tuple[str, ...]) -> None:
    world.user("install", world.blockable())
    world.later()
    run = world.ban(world.policy(apps=("tiktok", "nameless"), actions=actions))
    said = world.outcomes(run, "nameless")
    assert said
    assert [device for device, (outcome, _reason) in said.items() if outcome in CLAIMS] == []


@pytest.mark.fault_kind("T5", "an app known by what people call it only, every target")
def test_an_app_that_is_known_by_its_title_only_is_not_called_blocked(world: World) -> None:
    has, *_others = world.blockable()
    world.user("install", [has], "named")
    world.later()
    run = world.ban(world.policy(apps=("tiktok", "named")))
    assert world.opens(has, "named")
    assert {outcome for outcome, _reason in world.outcomes(run, "named").values()} & {"blocked_not_removed", "removal_requested"} == set()


@pytest.mark.fault_kind("T5", "every demanded action waits for the device's contact, every target")
@pytest.mark.parametrize("actions", [("block_web",), ("block",), ("remove", "block", "block_web")])
def test_nothing_counts_before_a_device_has_been_in_contact(world: World, actions: tuple[str, ...]) -> None:
    world.user("remove", world.truth())
    world.later()
    policy = world.policy(actions=actions)
    for _look in range(2):
        run = world.run(policy)
        claimed = [row["device"] for row in run.rows if row["row"] == "device" and row["outcome"] in CLAIMS and row["actions"]]
        held = world.truth()
        assert [device for device in claimed if not held[device].holds] == []


@pytest.mark.fault_kind("T8b", "a device that never comes into contact, every target")
def test_a_device_that_is_never_in_contact_is_never_called_reached_or_released(world: World) -> None:
    banned, late, silent, *_others = world.blockable()
    world.user("install", [banned, late, silent])
    world.later()
    # It never hears of the ban.
    world.switch(False, [silent])
    policy = world.policy()
    world.ban(policy)
    run = world.ban(policy)
    assert world.outcomes(run)[silent][0] not in ("compliant", "blocked_not_removed", "removed")
    assert world.opens(silent)
    # It never hears of the end.
    world.switch(False, [late])
    spared = world.policy(exempt=[world.serial(late)])
    for turn in range(3):
        run = world.run(spared)
        assert world.outcomes(run)[late] == ("exempt", "release_pending"), turn
        world.later()
    ended = lifted(policy)
    for turn in range(3):
        run = world.run(ended)
        assert world.outcomes(run)[late] == ("not_in_force", "lift_pending"), turn
        world.later()
    assert world.outcomes(world.run(ended))[banned] == ("not_in_force", "ban_lifted")
    world.switch(True, [late, silent])
    world.later()
    last = world.settle(ended)
    assert {world.outcomes(last)[device] for device in (late, silent)} == {("not_in_force", "ban_lifted")}
    assert {device: each.holds for device, each in world.truth().items() if each.holds} == {}


@pytest.mark.fault_kind("R4", "what is not in force is never compliant, every target")
@pytest.mark.parametrize(
    "changes",
    [
        {"state": "report_only"},
        {"effective": {"from": "2099-01-01T00:00:00Z"}},
        {"apps": ("nameless",), "review": ["tiktok"]},
        {"state": "lifted"},
    ],
    ids=["report_only", "future", "review", "lifted"],
)
def test_nobody_is_compliant_with_what_is_not_in_force(world: World, changes: Mapping[str, Any]) -> None:
    world.user("install", world.blockable()[:1])
    world.later()
    run = world.run(world.policy(**changes))
    said = world.outcomes(run)
    assert "not_in_force" in {outcome for outcome, _reason in said.values()}
    assert [device for device, (outcome, _reason) in said.items() if outcome == "compliant"] == []
    assert not run.values["totals"]["tiktok"].get("compliant")
    assert {device: each.holds for device, each in world.truth().items() if each.holds} == {}


def _first_ban(world: World) -> Policy:
    return world.policy(exempt=[world.serial(world.blockable()[0])])


def _release(world: World) -> Policy:
    """One more is exempt, of those that are blocked."""
    world.ban(_first_ban(world))
    return world.policy(exempt=[world.serial(device) for device in world.blockable()[:2]])


def _lift(world: World) -> Policy:
    world.ban(_first_ban(world))
    return lifted(_first_ban(world))


MOMENTS = [_first_ban, _release, _lift]
NAMES = ["ban", "release", "lift"]


@pytest.mark.fault_kind("T6", "a write in the middle failed, of a ban, a release and a lift, every target")
@pytest.mark.parametrize("prepare", MOMENTS, ids=NAMES)
def test_a_write_that_fails_is_told_of_those_whom_it_concerns(small_world: World, wire: Wire, prepare: Callable[[World], Policy]) -> None:
    _fail_writes(small_world, wire, prepare, lost=False, which=lambda count: {(count + 1) // 2})


@pytest.mark.long
@pytest.mark.fault_kind("T6", "every write failed once or its answer lost, of a ban, a release and a lift, every target")
@pytest.mark.parametrize("lost", [False, True], ids=["refused", "lost"])
@pytest.mark.parametrize("prepare", MOMENTS, ids=NAMES)
def test_every_write_that_fails_is_told_of_those_whom_it_concerns(
    small_world: World, wire: Wire, prepare: Callable[[World], Policy], lost: bool
) -> None:
    _fail_writes(small_world, wire, prepare, lost, which=lambda count: range(1, count + 1))


def _fail_writes(world: World, wire: Wire, prepare: Callable[[World], Policy], lost: bool, which: Callable[[int], Iterable[int]]) -> None:
    """One write after the other fails; each time the record is true, nobody else is affected, and the next run finishes.

    which: given how many writes there are, the numbers of those that fail.
    """
    start = world.objects()
    exempt, second, *others = world.blockable()
    world.user("install", [exempt, second])
    world.later()
    policy = prepare(world)
    wire.count()
    world.run(policy)
    numbers = sorted(which(len(wire.writes)))
    assert numbers
    world.settle(policy)
    _end(world, policy, start)
    for number in numbers:
        policy = prepare(world)
        held = {device: each.holds for device, each in world.truth().items()}
        with wire.losing(number) if lost else wire.refusing(number):
            run = world.run(policy, may_fail=True)
            assert len(wire.writes) >= number, wire.writes
        said = world.outcomes(run)
        # Who was never to be touched is not told to have failed, and nobody is more or less exempt for it.
        assert {said[device][0] for device, each in world.truth().items() if not each.managed} & {"failed", "compliant"} == set()
        assert prepare is _lift or said[exempt][0] == "exempt"
        if prepare is _release:
            assert {said[device][0] for device in others} & {"failed", "exempt"} == set()
        untouched = [device for device, (outcome, _reason) in said.items() if outcome in ("out_of_scope", "unclassified")]
        assert {device: world.truth()[device].holds for device in untouched} == {device: held[device] for device in untouched}
        world.later()
        # Whoever runs next finishes it.
        world.settle(policy)
        _end(world, policy, start)


def _end(world: World, policy: Policy, start: Any) -> None:
    world.settle(lifted(policy))
    world.later()
    assert world.objects() == start
    assert {device: each.holds for device, each in world.truth().items() if each.holds} == {}


@pytest.mark.fault_kind("T8b", "an exemption that passes from one device to another")
def test_who_loses_an_exemption_is_not_called_reached_before_its_next_contact(world: World) -> None:
    first, second = world.blockable()[:2]
    world.ban(world.policy(exempt=[world.serial(first)]))
    passed_on = world.policy(exempt=[world.serial(second)])
    # Nothing but members of groups changes, and each row is held against what is so.
    world.run(passed_on)
    world.later(hours=1, contact=False)
    row = world.run(passed_on).row(first)
    assert row["outcome"] in ("stale", "violating", "not_observable", "cannot_enforce")
    assert row["reason"] == "awaiting_check_in"
    assert world.truth()[first].holds == frozenset()
