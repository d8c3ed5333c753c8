# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that lie, sources that are lost: nothing that stands is taken away, and nobody is told what isn't so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest

from .conftest import MakeWorld
from .intune_world import IntuneWorld
from .jamf_world import JamfWorld, key_of
from .nano_world import NanoWorld
from .toy_world import ToyWorld
from .world import World

#: What a list does wrong has nothing to do with the kind of server, so one lie is enough there.
OF_NANOHUB = pytest.param("nanohub", "half a list", marks=pytest.mark.long)
WORLDS = (IntuneWorld, JamfWorld, NanoWorld, ToyWorld)
LOST = [(each.name, fact) for each in WORLDS for fact in ("ownership", "supervised") if fact not in each.cannot_happen]
LIES = [(each.name, lie) for each in WORLDS for lie in each.lies_of_lists]


@pytest.mark.fault_kind("T1", "a list that lies, every target")
@pytest.mark.parametrize(("target", "lie"), [*LIES, OF_NANOHUB])
def test_a_list_that_lies_takes_nothing_away(make_world: MakeWorld, target: str, lie: str) -> None:
    world = make_world(target)
    exempt, banned = world.blockable()[:2]
    policy = world.policy(exempt=[world.serial(exempt)])
    world.user("install", [exempt, banned])
    world.later()
    world.ban(policy)
    held = {device: each.holds for device, each in world.truth().items()}
    before = world.holdings()
    world.spoil(lie)
    run = world.run(policy, may_fail=True)
    # A device that is not in a list may be asked for; what stands must not have become less.
    assert world.holdings() == before, run.message
    world.heal()
    world.later()
    assert {device: each.holds for device, each in world.truth().items()} == held
    assert exempt in {row["device"] for row in world.run(policy).rows if row.get("outcome") == "exempt"}
    assert world.holdings() == before


@pytest.mark.fault_kind("T1b", "a fact that no source says any more, every target")
@pytest.mark.parametrize(("target", "fact"), [*LOST, ("nanohub", "supervised")])
def test_a_lost_source_of_facts_releases_nobody(make_world: MakeWorld, target: str, fact: str) -> None:
    world = make_world(target)
    exempt, *others = world.blockable()
    policy = world.policy(exempt=[world.serial(exempt)])
    world.user("install", others)
    world.later()
    world.ban(policy)
    held = {device: world.truth()[device].holds for device in others}
    assert any(held.values())
    world.forget(fact)
    run = world.run(policy, may_fail=True)
    world.later()
    assert {device: world.truth()[device].holds for device in others} == held
    assert world.truth()[exempt].holds == frozenset()
    if not run.failed:
        assert any("unknown now" in note for note in run.values["notes"])


@pytest.mark.fault_kind("T1b", "without a previous record nothing that needs memory is released, every target")
def test_without_a_previous_record_nothing_unknown_is_released(world: World) -> None:
    fact = "ownership"
    exempt, *others = world.blockable()
    policy = world.policy(exempt=[world.serial(exempt)])
    world.ban(policy)
    held = {device: world.truth()[device].holds for device in others}
    world.forget(fact)
    for path in world.evidence_dir.glob("*/*.jsonl"):
        path.unlink()
    run = world.run(policy, may_fail=True)
    assert run.failed or any("no_previous_record" in note for note in run.values["notes"])
    world.later()
    assert {device: world.truth()[device].holds for device in others} == held


@pytest.mark.fault_kind("T1", "a fleet that has shrunk is confirmed by its number")
def test_a_fleet_that_has_shrunk_stops_until_its_number_is_confirmed(world: World) -> None:
    policy = world.policy()
    world.ban(policy)
    size = len([row for row in world.run(policy).rows if row["row"] == "device"])
    left = world.blockable()[:1]
    gone = world.retire([each for each in world.truth() if each not in left][:8])
    said = world.refused(policy)
    assert "accept_fleet_size=%d" % (size - len(gone)) in said
    assert "another number" in world.refused(policy, accept_fleet_size=size - len(gone) + 1)
    run = world.run(policy, accept_fleet_size=size - len(gone))
    assert not run.failed
    # What is confirmed once is known from then on.
    world.run(policy)


#: What places a device elsewhere, as the service knows it, and what brings it back.
ELSEWHERE = [
    ("intune", {"ownership": "personal"}, {"ownership": "company"}),
    ("jamf_pro", {"supervised": False}, {"supervised": True}),
]
#: The same where it is called a device that nothing reaches.
UNREACHED = [
    ("intune", {"management_state": "retirePending"}, {"management_state": "managed"}),
    ("intune", {"supervised": False}, {"supervised": True}),
    ("jamf_pro", {"managed": False}, {"managed": True}),
]


def away_and_back(
    world: IntuneWorld | JamfWorld, devices: Iterable[str], away: Mapping[str, Any], back: Mapping[str, Any], policy: Mapping[str, Any]
) -> None:
    """One run that reads devices otherwise than they are; then the service knows them again, and they have been in contact."""
    keys = [key_of(each) for each in devices]
    for said in (away, back):
        world.simulation.devices([{"op": "patch", "device": key, "set": said} for key in keys])
        world.later(hours=1)
        if said is away:
            world.run(policy)


@pytest.mark.fault_kind("T1", "an exempt device that one reading places elsewhere loses its exception")
@pytest.mark.parametrize(("target", "away", "back"), ELSEWHERE)
def test_who_is_exempt_stays_excepted_wherever_a_reading_places_it(
    make_world: MakeWorld, target: str, away: Mapping[str, Any], back: Mapping[str, Any]
) -> None:
    world = cast("IntuneWorld | JamfWorld", make_world(target))
    exempt, other = world.blockable()[:2]
    policy = world.policy(exempt=[world.serial(exempt)])
    world.ban(policy)
    away_and_back(world, [exempt], away, back, policy)
    assert world.truth()[exempt].holds == frozenset()
    assert world.truth()[other].holds


@pytest.mark.fault_kind("T1", "an exempt device that one reading calls unreached loses its exception, alone or with all others")
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with all others"])
@pytest.mark.parametrize(("target", "away", "back"), UNREACHED)
def test_who_is_exempt_stays_excepted_whatever_a_reading_calls_it(
    make_world: MakeWorld, target: str, away: Mapping[str, Any], back: Mapping[str, Any], alone: bool
) -> None:
    world = cast("IntuneWorld | JamfWorld", make_world(target))
    exempt, *others = world.blockable()
    policy = world.policy(exempt=[world.serial(exempt)])
    world.ban(policy)
    away_and_back(world, [exempt, *([] if alone else others)], away, back, policy)
    assert world.truth()[exempt].holds == frozenset()
    # What was kept is no change, and goes when the ban does.
    world.run(policy)
    world.later(hours=1)
    assert world.truth()[exempt].holds == frozenset()
    assert world.truth()[others[0]].holds
    world.still(policy)
    world.run(world.policy(exempt=[world.serial(exempt)], state="lifted"))
    assert world.truth()[exempt].holds == frozenset()


@pytest.mark.fault_kind("T7", "an exempt device that a reading calls unmanaged keeps a new control from being made, Jamf Pro")
def test_a_new_control_is_made_while_an_exempt_device_is_called_unmanaged(make_world: MakeWorld) -> None:
    world = cast(JamfWorld, make_world("jamf_pro"))
    absent, exempt, other = world.blockable()[:3]
    spared = [world.serial(absent), world.serial(exempt)]
    world.ban(world.policy(actions=["block"], exempt=spared))
    more = world.policy(actions=["block", "block_web"], exempt=spared)
    world.simulation.devices([{"op": "patch", "device": key_of(absent), "set": {"managed": False}}])
    world.later(hours=1)
    # The server takes no device that it doesn't manage into a group.
    world.run(more)
    world.simulation.devices([{"op": "patch", "device": key_of(absent), "set": {"managed": True}}])
    world.later(hours=1)
    assert {device: bool(world.truth()[device].holds) for device in (absent, exempt, other)} == {absent: False, exempt: False, other: True}
    world.settle(more)


@pytest.mark.fault_kind("T7", "a new group of exceptions can't hold an exempt device that a reading calls unmanaged, Jamf Pro")
def test_whom_a_new_group_of_exceptions_cannot_hold_is_told_and_joins_with_the_next_run(make_world: MakeWorld) -> None:
    world = cast(JamfWorld, make_world("jamf_pro"))
    absent, exempt, other = world.blockable()[:3]
    spared = [world.serial(absent), world.serial(exempt)]
    policy = world.policy(actions=["block", "block_web"], exempt=spared)
    world.ban(policy)
    # An exception from the site alone: block and site block have different exceptions from now on, and groups of their own.
    [named] = policy["exemptions"]
    more = {**policy, "exemptions": [named, {**named, "id": "EX-2", "devices": [world.serial(other)], "domains": ["tiktok.com"]}]}
    world.simulation.devices([{"op": "patch", "device": key_of(absent), "set": {"managed": False}}])
    world.later(hours=1)
    run = world.run(more)
    assert [note for note in run.values["notes"] if world.serial(absent) in note and "not managed" in note]
    assert world.writes(world.run(more)) == []
    world.simulation.devices([{"op": "patch", "device": key_of(absent), "set": {"managed": True}}])
    world.run(more)
    world.later(hours=1)
    assert world.truth()[absent].holds == world.truth()[exempt].holds == frozenset()
    world.settle(more)
