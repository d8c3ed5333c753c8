# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that contradict themselves, spell names oddly, or speak of devices that nobody reaches: nothing is claimed that isn't so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from tests.simulators.intune.management import STATES_OF_LEAVING

from .claims import CLAIMS
from .conftest import TARGETS, MakeWorld
from .intune_world import IntuneWorld
from .jamf_world import JamfWorld, key_of
from .world import World

#: The fault of Jamf Pro's records in which an empty list can't be told from no apps is left out.
ODD_SECTIONS = ("missing", "null", "text", "object", "null_item", "text_item")
PRIVATE = {"rules": [{"name": "Private devices", "when": {"ownership": "personal"}, "actions": ["advise", "withdraw_access"]}]}


@pytest.mark.fault_kind("T2", "rows of discovered apps that count more devices than they list, Intune")
@pytest.mark.parametrize("listed", ["empty", "short"])
def test_a_row_that_counts_more_devices_than_it_lists_proves_nothing(make_world: MakeWorld, listed: str) -> None:
    world = cast(IntuneWorld, make_world("intune"))
    world.user("install", world.blockable())
    world.later()
    policy = world.policy()
    world.ban(policy)
    world.simulation.objects({"settings": {"detected_app_devices": {"*": listed}}})
    for _look in range(3):
        run = world.run(policy, may_fail=True)
        assert {world.outcomes(run)[device][0] for device in world.blockable()} & {"compliant", "removed", "recurred"} == set()
        world.later()
    assert "source_contradicts" in {world.outcomes(run)[device][1] for device in world.blockable()}
    world.simulation.objects({"settings": {"detected_app_devices": {}}})
    run = world.run(policy)
    # Nobody has done anything, so nobody is accused of it.
    assert {world.outcomes(run)[device] for device in world.blockable()} == {("blocked_not_removed", "user_installed")}


@pytest.mark.fault_kind("T2", "a list of discovered apps that is cut short, Intune")
def test_a_list_of_apps_that_is_cut_short_confirms_no_removal(make_world: MakeWorld) -> None:
    world = cast(IntuneWorld, make_world("intune"))
    world.user("install", world.blockable())
    world.later()
    policy = world.policy()
    world.ban(policy)
    world.switch(False, world.blockable())
    lie = {"match": {"method": "GET", "path": r"/detectedApps\?"}, "nth": "all", "kind": "short_list"}
    world.simulation.faults([lie])
    world.run(policy, may_fail=True)


@pytest.mark.fault_kind("T2", "records whose list of apps is missing or odd, Jamf Pro")
@pytest.mark.parametrize("odd", ODD_SECTIONS)
def test_a_record_whose_apps_cannot_be_read_is_no_absence(make_world: MakeWorld, odd: str) -> None:
    world = cast(JamfWorld, make_world("jamf_pro"))
    spoilt, *_others = world.blockable()
    macs = [device for device, each in world.truth().items() if each.platform == "macos" and each.managed]
    world.user("install", [spoilt, macs[0]])
    world.later()
    policy = world.policy()
    for turn in range(2):
        world.simulation.devices(
            [{"op": "patch", "device": key_of(device), "set": {"odd_sections": {"applications": odd}}} for device in (spoilt, macs[0])]
        )
        # Before the ban, and while it stands: World.run holds the rows.
        run = world.run(policy, may_fail=True)
        if odd not in ("null_item", "text_item"):
            assert {world.outcomes(run)[device][0] for device in (spoilt, macs[0])} & set(CLAIMS) == set(), turn
        world.simulation.devices([{"op": "patch", "device": "all", "set": {"odd_sections": {}}}])
        world.ban(policy)
    assert world.outcomes(world.run(policy))[spoilt] == ("blocked_not_removed", "user_installed")


MARK, CASE, NULL = "\u200eTikTok", "TIKTOK", None


def _misname_at_intune(world: World, device: str, how: str) -> None:
    order = {"op": "list_as", "device": device, "app": "tiktok", "name": {"mark": MARK, "case": CASE, "null": NULL}[how]}
    cast(IntuneWorld, world).simulation.devices([order])


def _misname_at_jamf(world: World, device: str, how: str) -> None:
    spelled: Mapping[str, Any] = {"mark": {"name": "mark"}, "case": {"id": "case", "name": "case"}, "null": {"id": None, "name": None}}[how]
    cast(JamfWorld, world).simulation.devices([{"op": "misreport", "device": key_of(device), "app": "tiktok", "set": spelled}])


MISNAMED: Mapping[str, Callable[[World, str, str], None]] = {
    "intune": _misname_at_intune,
    "jamf_pro": _misname_at_jamf,
}


@pytest.mark.fault_kind("T3", "names with marks nobody sees, in other letter case, or null, every target whose lists have names")
@pytest.mark.parametrize("how", ["mark", "case", "null"])
@pytest.mark.parametrize("target", sorted(MISNAMED))
def test_a_name_that_is_spelled_otherwise_is_no_absence(make_world: MakeWorld, target: str, how: str) -> None:
    world = make_world(target)
    chosen, *_others = world.blockable()
    world.user("install", [chosen])
    MISNAMED[target](world, chosen, how)
    world.later()
    policy = world.policy()
    world.run(policy)
    world.later()
    run = world.run(policy)
    assert "tiktok" in world.truth()[chosen].installed
    assert world.outcomes(run)[chosen][0] not in ("compliant", "removed", "recurred")


@pytest.mark.fault_kind("T8d", "devices in contact that tell nothing of their apps any more, every target where that shows")
@pytest.mark.parametrize("target", ["jamf_pro", "nanomdm", "tiny_mdm"])
def test_a_look_is_as_old_as_what_the_device_has_told(make_world: MakeWorld, target: str) -> None:
    world = make_world(target)
    silent, *_others = world.blockable()
    world.user("remove", [silent])
    world.later()
    policy = world.policy()
    world.ban(policy)
    world.settle(policy)
    world.mute([silent])
    for _turn in range(4):
        world.later(hours=24 * 10)
        run = world.run(policy)
    row = run.row(silent)
    assert (row["outcome"], row["reason"]) in (("stale", "old_inventory"), ("not_observable", "awaiting_inventory"))


@pytest.mark.fault_kind("T4", "every management agent and state, and co-managed workloads, Intune")
@pytest.mark.parametrize("actions", [("remove", "block"), ("block_web",), ("remove", "block", "block_web", "withdraw_access")])
def test_what_reaches_a_device_is_judged_by_what_manages_it(make_world: MakeWorld, actions: tuple[str, ...]) -> None:
    world = cast(IntuneWorld, make_world("intune", devices=13, agents=True))
    policy = world.policy(actions=actions)
    for _look in range(3):
        run = world.run(policy)
        said = world.outcomes(run)
        told = {each["id"]: each for each in world.simulation.truth()["devices"]}
        unreached = [device for device, each in told.items() if not each["lets_through"]]
        assert len(unreached) > 10
        assert {device: said[device] for device in unreached if said[device][0] in (*CLAIMS, "violating", "access_withdrawn")} == {}
        leaving = [device for device, each in told.items() if each["management_state"] in STATES_OF_LEAVING - {"unhealthy"}]
        assert {said[device][1] for device in leaving} == {"not_registered"}
        world.later()


@pytest.mark.fault_kind("T4", "records of devices that are not managed any more, Jamf Pro")
def test_a_record_that_is_not_managed_is_reached_by_nothing(make_world: MakeWorld) -> None:
    world = cast(JamfWorld, make_world("jamf_pro"))
    left, *_others = world.blockable()
    world.user("install", [left])
    world.later()
    policy = world.policy()
    world.ban(policy)
    world.simulation.devices([{"op": "unmanage", "device": key_of(left)}])
    for _look in range(2):
        assert world.outcomes(world.run(policy))[left][0] not in (*CLAIMS, "violating")
        world.later()


@pytest.mark.fault_kind("T1", "a private device that enrols again under another id, every target where it can")
@pytest.mark.parametrize("target", [target for target in TARGETS if target != "nanomdm"])
def test_a_private_device_that_enrols_again_is_one_device(make_world: MakeWorld, target: str) -> None:
    world = make_world(target)
    device, *_others = world.private()
    serial = world.serial(device)
    world.user("install", [device])
    world.later()
    policy = world.policy(**PRIVATE)
    world.ban(policy)
    world.ban(policy)
    size = len(world.outcomes(world.run(policy)))
    new = world.reenrol(device)
    assert new != device
    for _look in range(3):
        run = world.run(policy)
        assert [row["device"] for row in run.rows if row.get("serial") == serial] == [new]
        assert len(world.outcomes(run)) == size
        assert "opted_out" not in {reason for _outcome, reason in world.outcomes(run).values()}
        world.later()


@pytest.mark.fault_kind("T1", "a private device that has left is asked for alone first, every target where its apps show")
@pytest.mark.parametrize("target", [target for target in TARGETS if target != "nanomdm"])
def test_who_has_left_is_called_opted_out_only_after_being_asked_for_alone(make_world: MakeWorld, target: str) -> None:
    world = make_world(target)
    device, *_others = world.private()
    world.user("install", [device])
    world.later()
    policy = world.policy(**PRIVATE)
    world.ban(policy)
    run = world.ban(policy)
    assert run.row(device)["before"] == "present"
    size = len(world.outcomes(run))
    world.retire([device])
    run = world.run(policy)
    assert world.outcomes(run)[device] == ("out_of_scope", "opted_out")
    assert len(world.outcomes(run)) == size
    number = device.rpartition(":")[2]
    asked = [f"{each['path']} {each.get('query')} {each['body']}" for each in run.exchanges]
    assert [each for each in asked if number in each]


@pytest.mark.fault_kind("T1", "a private device that a list leaves out is not called opted out, Intune")
def test_who_is_missing_in_a_list_is_not_called_opted_out(make_world: MakeWorld) -> None:
    world = cast(IntuneWorld, make_world("intune"))
    device, *_others = world.private()
    world.user("install", [device])
    world.later()
    policy = world.policy(**PRIVATE)
    world.ban(policy)
    world.ban(policy)
    world.simulation.faults(
        [
            {"match": {"method": "GET", "path": r"/managedDevices\?"}, "nth": "all", "kind": "missing_item", "item": device},
            {"match": {"method": "GET", "path": "/managedDeviceOverview"}, "nth": "all", "kind": "count_lags"},
        ]
    )
    run = world.run(policy, may_fail=True)
    assert "opted_out" not in {reason for _outcome, reason in world.outcomes(run).values()}
