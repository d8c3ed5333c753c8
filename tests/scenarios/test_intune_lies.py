# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant whose answers are short, doubled, empty or about devices that nothing manages: nobody is worse off, nothing false is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.intune import start
from tests.support.cases import cases
from tests.support.intune.tenant import Run, Tenant, lifted, plain
from tests.support.intune.tenant_devices import (
    PROMPT,
    change,
    contact,
    device_of,
    exemption,
    group_members,
    has_tiktok,
    install_tiktok,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    rows_of,
    written,
)

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
NEXT_WEEK = "2023-03-28T09:00:00Z"
FLEET = r"/managedDevices\?"
ROWS = r"/detectedApps\?"

pytestmark = pytest.mark.usefixtures("graph_contract", "no_waiting")


def lie(city: Tenant, path: str, kind: str, **more: Any) -> None:
    """From now on the tenant answers so."""
    city.simulation.faults([{"match": {"method": "GET", "path": path}, "nth": "all", **more, "kind": kind}])


@contextmanager
def with_an_exempt_android(directory: Path) -> Iterator[tuple[Tenant, Mapping[str, Any], Mapping[str, Any]]]:
    """A tenant with a ban from which one Android is exempt; that device and the policy."""
    with prompt_tenant(directory, NOW) as city:
        device = registered(city, kind="android_fully_managed", ownership="company")[0]
        install_tiktok(city, device["id"])
        contact(city, NOW)
        policy = written(directory, "uk", exemption(devices=[device["serial"]]))
        city.run(policy, NOW)
        contact(city, LATER)
        assert has_tiktok(device_of(city, device["id"]))
        yield city, device, policy


# The fleet.


@pytest.mark.fault_kind("T1", "Intune: a doubled device hides an exempt one")
def test_a_device_that_comes_twice_is_one_device(tmp_path: Path) -> None:
    with with_an_exempt_android(tmp_path) as (city, device, policy):
        lie(city, FLEET, "double", item=device["id"])
        run = city.run(policy, LATER, expect_failure=True)
        assert "not complete" in run.message
        assert run.writes() == []


@pytest.mark.fault_kind("T1", "Intune: two rows of one device that say different things")
@cases("name", ["serialNumber", "userPrincipalName", "managedDeviceOwnerType", "azureADDeviceId"])
def test_a_device_of_which_a_list_says_two_things_is_not_known(tmp_path: Path, name: str) -> None:
    with with_an_exempt_android(tmp_path) as (city, device, policy):
        lie(city, FLEET, "contradict", item=device["id"], name=name)
        run = city.run(policy, LATER, expect_failure=True)
        assert "says two different things of one of them: '%s'" % device["id"] in run.message
        assert run.writes() == []
        # It is read once more before it is refused.
        lie(city, FLEET, "contradict", item=device["id"], name=name, nth=1)
        assert city.run(policy, LATER).writes() == []


@pytest.mark.fault_kind("T1", "Intune: the count of devices says nothing")
@cases("kind", ["count_zero", "count_missing", "count_null", "count_text"])
def test_a_fleet_without_a_usable_count_is_not_complete(tmp_path: Path, kind: str) -> None:
    with with_an_exempt_android(tmp_path) as (city, _device, policy):
        lie(city, "managedDeviceOverview", kind)
        run = city.run(policy, LATER, expect_failure=True)
        assert "not complete" in run.message
        assert run.writes() == []


@pytest.mark.fault_kind("T1", "Intune: list and count lack the same exempt device")
def test_an_exempt_device_that_is_missing_is_asked_for_alone(tmp_path: Path) -> None:
    with with_an_exempt_android(tmp_path) as (city, device, policy):
        city.simulation.faults(
            [
                {"match": {"path": r"/managedDevices\?.*top=1000"}, "nth": "all", "kind": "missing_item", "item": device["id"]},
                {"match": {"path": "managedDeviceOverview"}, "nth": "all", "kind": "count_lags"},
            ]
        )
        before = group_members(city, "(exceptions)")
        run = city.run(policy, LATER)
        assert group_members(city, "(exceptions)") == before
        assert not any("delete" in each for each in run.changes())
        contact(city, NEXT_DAY)
        assert has_tiktok(device_of(city, device["id"]))


@pytest.mark.fault_kind("T1", "Intune: an exempt device that has left leaves its groups, too")
def test_an_exempt_device_that_is_gone_leaves_its_group(tmp_path: Path) -> None:
    with with_an_exempt_android(tmp_path) as (city, device, policy):
        city.simulation.devices([{"op": "unenroll", "device": device["id"]}])
        run = city.run(policy, LATER)
        assert group_members(city, "(exceptions)") == {}
        assert any(change.startswith("delete group") for change in run.changes())


@pytest.mark.fault_kind("T1", "Intune: a count that lags once is read again")
def test_a_device_that_enrolled_while_the_list_was_read_is_no_failure(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised")[0]
        city.simulation.faults([{"match": {"path": FLEET}, "nth": 1, "kind": "missing_item", "item": phone["id"]}])
        run = city.run(plain("uk"), NOW)
        assert run.values["summary"]["devices"] == 60


@pytest.mark.fault_kind("T1b", "Intune: an ownership that nobody says any more")
def test_a_device_of_unknown_ownership_keeps_what_it_has(tmp_path: Path) -> None:
    """The record remembers the ownership; where there is no record, the groups of ours still say that the device had it."""
    with prompt_tenant(tmp_path, NOW) as city:
        exempt, phone = registered(city, kind="ios_supervised", ownership="company")[:2]
        policy = written(tmp_path, "uk", exemption(devices=[exempt["serial"]]))
        city.run(policy, NOW)
        contact(city, LATER)
        before = group_members(city, "exceptions)")
        assert before
        shutil.rmtree(city.evidence_dir)
        change(city, exempt["id"], ownership="unknown")
        change(city, phone["id"], ownership="unknown")
        run = city.run(policy, LATER)
        assert group_members(city, "exceptions)") == before
        contact(city, NEXT_DAY)
        assert outcomes(run, [exempt, phone]) <= {("unclassified", ""), ("exempt", "")}


# Who has it.


def with_tiktok(city: Tenant, *kinds: str) -> list[Mapping[str, Any]]:
    """One device of each kind on which TikTok is installed and listed."""
    found = [registered(city, kind=kind, ownership="company")[0] for kind in kinds]
    install_tiktok(city, *(each["id"] for each in found))
    contact(city, NOW)
    return found


@pytest.mark.fault_kind("T2", "Intune: a row of discovered apps counts devices and lists none")
@cases("way", ["short", "empty"])
def test_a_row_that_lists_fewer_devices_than_it_counts_proves_nothing(tmp_path: Path, way: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        windows = registered(city, kind="windows_corporate", ownership="company")
        install_tiktok(city, *(each["id"] for each in windows))
        contact(city, NOW)
        city.simulation.objects({"settings": {"detected_app_devices": {"*": way}}})
        run = city.run(plain("uk"), NOW)
        for device in windows:
            (row,) = rows_of(run, [device])
            assert row["before"] == ("present" if row["findings"] else "not_observed")
            assert row["outcome"] not in ("compliant", "removed", "stale")
        assert ("not_observable", "source_contradicts") in outcomes(run, windows)
        assert any("discovered apps" in note for note in run.values["notes"])


@pytest.mark.fault_kind("T2", "Intune: a row of discovered apps that has become empty is no removal")
def test_a_row_that_has_become_empty_is_no_removal(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        (mac,) = with_tiktok(city, "mac_corporate")
        assert rows_of(city.run(plain("uk"), NOW), [mac])[0]["before"] == "present"
        contact(city, NEXT_DAY)
        city.simulation.objects({"settings": {"detected_app_devices": {"*": "empty"}}})
        assert rows_of(city.run(plain("uk"), NEXT_DAY), [mac])[0]["before"] == "not_observed"


@pytest.mark.fault_kind("T2", "Intune: a page of discovered apps is cut short")
def test_an_app_that_a_short_list_leaves_out_is_not_removed(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        macs = registered(city, kind="mac_corporate", ownership="company")
        install_tiktok(city, macs[0]["id"])
        contact(city, NOW)
        first = city.run(plain("uk"), NOW)
        assert rows_of(first, macs[:1])[0]["before"] == "present"
        lie(city, ROWS, "empty_list")
        contact(city, NEXT_WEEK)
        run = city.run(plain("uk"), NEXT_WEEK)
        assert rows_of(run, macs[:1])[0]["before"] == "not_observed"
        city.simulation.faults([])
        city.simulation.devices([{"op": "remove", "device": macs[0]["id"], "app": "tiktok"}])
        contact(city, "2023-04-06T09:00:00Z")
        assert rows_of(city.run(plain("uk"), "2023-04-06T09:00:00Z"), macs[:1])[0]["before"] == "absent"


@pytest.mark.fault_kind("T3", "Intune: a mark that nobody sees before a display name")
@cases("written_as", ["\u200eTikTok", "\uff34iktok", "TIKTOK\u200b"])
def test_names_that_look_alike_are_one_name(tmp_path: Path, written_as: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        (mac,) = with_tiktok(city, "mac_corporate")
        city.simulation.devices([{"op": "list_as", "device": mac["id"], "app": "tiktok", "name": written_as}])
        contact(city, LATER)
        if written_as != "\u200eTikTok":
            # A filter of the service can't ask for every form; whoever ignores the filter answers in full.
            city.simulation.objects({"settings": {"detected_apps_filter": "ignored"}})
        assert rows_of(city.run(plain("uk"), LATER), [mac])[0]["before"] == "present"


@pytest.mark.fault_kind("T3", "Intune: a row of discovered apps without a name")
def test_a_row_without_a_name_is_not_absence(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        (windows,) = with_tiktok(city, "windows_corporate")
        city.simulation.devices([{"op": "list_as", "device": windows["id"], "app": "tiktok", "name": None}])
        city.simulation.objects({"settings": {"detected_apps_filter": "ignored"}})
        contact(city, LATER)
        assert outcomes(city.run(plain("uk"), LATER), [windows]) == {("not_observable", "source_unreadable")}


# What manages a device.


@contextmanager
def tenant_of_agents(directory: Path) -> Iterator[Tenant]:
    with start(devices=20, seed=3, agents=True) as simulation:
        simulation.clock(NOW)
        city = Tenant(simulation, directory)
        simulation.objects({"settings": PROMPT})
        contact(city, NOW)
        yield city


def truth(city: Tenant) -> dict[str, Mapping[str, Any]]:
    return {each["id"]: each for each in city.simulation.truth()["devices"]}


@pytest.mark.fault_kind("T4", "Intune: agents, states and workloads that let nothing through")
def test_nothing_is_said_of_devices_that_nothing_gets_through_to(tmp_path: Path) -> None:
    with tenant_of_agents(tmp_path) as city:
        policy = plain("uk")
        city.run(policy, NOW)
        contact(city, LATER)
        city.run(policy, LATER)
        contact(city, NEXT_WEEK)
        run = city.run(policy, NEXT_WEEK)
        seen = truth(city)
        checked = 0
        for row in run.rows:
            if row["row"] != "device" or row["app"] != "tiktok" or row["verdict"] != "enforce":
                continue
            device = seen[row["device"]]
            lets, has = set(device["lets_through"]), any(each["name"] == "TikTok" for each in device["apps"])
            if not lets:
                checked += 1
                assert row["mechanism"] == [], device
                assert row["outcome"] in ("cannot_enforce", "not_observable"), (row["outcome"], device)
            if "configuration" not in lets and "apps" not in lets:
                assert row["outcome"] != "blocked_not_removed", device
            if has and row["outcome"] in ("compliant", "removed"):
                assert "inventory" in lets, (row["outcome"], row["reason"], device)
                assert device["last_inventory"] > row["seen_at"], device
        assert checked > 5


@pytest.mark.fault_kind("T4", "Intune: a device that is to be retired or wiped")
@cases("state", ["retirePending", "unhealthy", "wipeIssued", "deletePending", "discovered"], quick=2)
def test_a_device_that_leaves_is_not_registered(tmp_path: Path, state: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        device = registered(city, kind="windows_corporate", ownership="company")[0]
        change(city, device["id"], managementState=state)
        assert outcomes(city.run(plain("uk"), NOW), [device]) <= {
            ("cannot_enforce", "not_registered"),
            ("not_observable", "not_registered"),
        }


# One word for several things.


@pytest.mark.fault_kind("T5", "Intune: an app of several that has no packaged app's name")
def test_an_app_without_a_name_on_a_platform_is_not_called_blocked(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        policy = written(tmp_path, "uk", **{"apps: [tiktok]": "apps: [tiktok, wechat]", "temu, wechat]": "temu]"})
        windows = registered(city, kind="windows_corporate", ownership="company")[0]
        wechat = {"id": "Tencent.WeChat", "name": "WeChat"}
        city.simulation.devices([{"op": "install", "device": windows["id"], "app": each} for each in ("tiktok", wechat)])
        contact(city, NOW)
        city.run(policy, NOW)
        contact(city, LATER)
        city.run(policy, LATER)
        contact(city, NEXT_DAY)
        run = city.run(policy, NEXT_DAY)
        row = rows_of(run, [windows], "wechat")[0]
        assert not any("AppLocker" in each for each in row["mechanism"])
        assert row["outcome"] not in ("blocked_not_removed", "removed", "compliant")


# Done is not arrived.


@pytest.mark.fault_kind("T8b", "Intune: exempt, and still blocked until the next contact")
def test_an_exemption_is_pending_until_the_device_was_in_contact(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised", ownership="company")[0]
        city.run(plain("uk"), NOW)
        contact(city, LATER)
        assert reached(city)[phone["id"]]
        policy = written(tmp_path, "uk", exemption(devices=[phone["serial"]]))
        assert outcomes(city.run(policy, LATER), [phone]) == {("exempt", "release_pending")}
        assert outcomes(city.run(policy, LATER), [phone]) == {("exempt", "release_pending")}
        contact(city, NEXT_DAY)
        assert reached(city)[phone["id"]] == set()
        assert outcomes(city.run(policy, NEXT_DAY), [phone]) == {("exempt", "")}


@pytest.mark.fault_kind("T8b", "Intune: lifted, and still blocked until the next contact")
def test_a_lift_is_pending_until_the_device_was_in_contact(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised", ownership="company")[0]
        city.run(plain("uk"), NOW)
        contact(city, LATER)
        assert outcomes(city.run(lifted(plain("uk")), LATER), [phone]) == {("not_in_force", "lift_pending")}
        contact(city, NEXT_DAY)
        assert outcomes(city.run(lifted(plain("uk")), NEXT_DAY), [phone]) == {("not_in_force", "ban_lifted")}


@pytest.mark.fault_kind("T6", "Intune: a release that failed")
def test_a_device_that_could_not_be_released_is_not_called_exempt(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone, other = registered(city, kind="ios_supervised", ownership="company")[:2]
        city.run(plain("uk"), NOW)
        contact(city, LATER)
        policy = written(tmp_path, "uk", exemption(devices=[phone["serial"]]))
        city.simulation.faults([{"match": {"method": "POST", "path": "/groups$"}, "nth": "all", "kind": "500"}])
        run: Run = city.run(policy, LATER, expect_failure=True)
        assert outcomes(run, [phone]) == {("failed", "error")}
        assert ("failed", "error") not in outcomes(run, [other])


# When was it seen.


@pytest.mark.fault_kind("T8d", "Intune: a contact is no inventory")
def test_an_inventory_is_at_most_a_week_older_than_the_contact(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        mac = registered(city, kind="mac_corporate", ownership="company")[0]
        run = city.run(plain("uk"), NOW)
        seen = rows_of(run, [mac])[0]["seen_at"]
        assert seen is not None
        assert seen <= "2023-03-13T09:00:00Z"
