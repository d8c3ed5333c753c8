# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are not managed, can't be read or tell too little, and what a run may do at most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    BLOCK,
    EXEMPT_GROUP,
    GROUPS,
    LATER,
    NEXT_DAY,
    NOW,
    PHONE,
    SECOND_MAC,
    SECOND_PHONE,
    TABLET,
    JamfCity,
    everything,
    has,
    opens,
    picture,
    policy,
)

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]


def test_devices_that_are_not_managed_never_go_into_a_group(city: JamfCity, tmp_path: Path) -> None:
    away = city.devices(managed=False, platform="ios")[0]["serial"] or "JP00000019"
    assert not city.device(away)["managed"]
    run = city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW)
    assert run.outcomes()[f"mobile:{city.device(away)['id']}"][0] == "exempt"
    [group] = [each for each in city.objects()[GROUPS] if each["name"] == EXEMPT_GROUP]
    assert {each["id"] for each in group["mobile_devices"]} == {city.device(PHONE)["id"], city.device(TABLET)["id"]}
    assert city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW).writes() == []
    # One of the group isn't managed any more: the server would refuse any request that names it.
    city.simulation.devices([{"op": "patch", "device": PHONE, "set": {"managed": False}}])
    assert city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW).writes() == []
    city.run(policy(tmp_path, exempt=[TABLET]), NOW)
    assert city.run(policy(tmp_path, exempt=[TABLET]), NOW).writes() == []
    city.contact(LATER)
    assert BLOCK not in city.device(TABLET)["profiles"]


def test_a_record_that_the_server_cannot_read_is_counted_and_never_lost(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    broken = [each["key"] for each in city.devices(kind="iphone_supervised", online=True, managed=True)[3:5]]
    city.simulation.devices([{"op": "patch", "device": each, "set": {"corrupt": True}} for each in broken])
    run = city.run(everything(tmp_path), NOW)
    assert run.values["record"]["devices"] == 40
    lost = [row for row in run.rows if row["row"] == "device" and "unreadable" in row["device"] and row["app"] == "tiktok"]
    assert [(row["outcome"], row["seen_at"]) for row in lost] == [("unclassified", None)] * 2
    assert any("can't read the record of 2 devices" in each for each in run.values["notes"])
    assert city.run(everything(tmp_path), NOW).writes() == []
    # The scope is one of whole platforms, so the device is covered nevertheless.
    city.contact(LATER)
    assert BLOCK in city.device(broken[0])["profiles"]
    city.simulation.devices([{"op": "patch", "device": each, "set": {"corrupt": False}} for each in broken])
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_an_inventory_without_the_users_apps_never_makes_a_device_compliant(city: JamfCity, tmp_path: Path) -> None:
    city.settings(collect_unmanaged_apps=False)
    city.contact("2023-03-21T08:00:00Z")
    for now in (NEXT_DAY, "2023-03-22T09:00:00Z"):
        run = city.run(policy(tmp_path), now)
        phones = {outcome for device, (outcome, _reason) in run.outcomes().items() if device.startswith("mobile:")}
        assert not phones & {"compliant", "removed", "blocked_not_removed"}
        assert any("Inventory collection" in each for each in run.values["notes"])
        city.contact("2023-03-22T08:00:00Z")


def test_devices_with_version_27_are_told_of_once_and_are_still_blocked(city: JamfCity, tmp_path: Path) -> None:
    assert not any("version 27" in each for each in city.run(policy(tmp_path), NOW).values["notes"])
    new = city.devices(kind="iphone_supervised", online=True, managed=True)[:3]
    city.simulation.devices([{"op": "patch", "device": each["key"], "set": {"os_version": "27.0"}} for each in new])
    city.contact(LATER)
    run = city.run(policy(tmp_path), LATER)
    [note] = [each for each in run.values["notes"] if "version 27" in each]
    assert "3 devices have version 27 or later" in note
    assert run.writes() == []
    assert all(BLOCK in city.device(each["key"])["profiles"] for each in new if each["serial"] != PHONE)
    assert not any("version 27" in each for each in city.run(lifted(policy(tmp_path)), LATER).values["notes"])


def test_groups_that_report_are_as_old_as_the_inventory_and_no_list_of_apps_is_ever_read(city: JamfCity, tmp_path: Path) -> None:
    before = picture(city)
    city.run(everything(tmp_path), NOW, findings="groups")
    city.contact(LATER)
    clean = next(
        each for each in city.devices(kind="iphone_supervised", online=True, managed=True) if not has(each) and each["serial"] != PHONE
    )
    name = f"mobile:{clean['id']}"
    run = city.run(everything(tmp_path), LATER, findings="groups")
    assert run.writes() == []
    assert run.outcomes()[name][0] == "compliant"
    city.simulation.devices([{"op": "install", "device": clean["key"], "app": "tiktok"}])
    # Nothing tells of it before the device's next inventory; after it the app is found, and is blocked as it has been all the time.
    assert city.run(everything(tmp_path), LATER, findings="groups").outcomes()[name][0] == "compliant"
    assert not opens(city.device(clean["key"]))
    city.contact(NEXT_DAY)
    last = city.run(everything(tmp_path), NEXT_DAY, findings="groups")
    assert last.outcomes()[name] == ("blocked_not_removed", "user_installed")
    sections = [str(each["query"]) for each in city.exchanges if "section" in str(each.get("query"))]
    assert sections
    assert not any("APPLICATIONS" in each for each in sections)
    inventory = city.run(everything(tmp_path), NEXT_DAY)
    assert inventory.outcomes() == last.outcomes()
    # The way back to the inventory, and the end of both, leave no group behind.
    city.run(everything(tmp_path), NEXT_DAY, findings="groups")
    city.run([lifted(each) for each in everything(tmp_path)], NEXT_DAY)
    assert picture(city) == before


def test_limits_stop_a_run_before_any_write(city: JamfCity, tmp_path: Path) -> None:
    before = city.state()["objects"]
    for limits in ({"max_devices": 3}, {"max_percent": 5}):
        run = city.run(everything(tmp_path), NOW, limits=limits, expect_failure=True)
        assert (run.writes(), city.state()["objects"]) == ([], before)
        assert next(iter(limits)) in run.message
        assert list(city.evidence_dir.glob("*.notices.jsonl")) == []


TRANSITIONS: dict[str, dict[str, Any]] = {
    "first": {},
    "another app": {"apps": ["tiktok", "capcut"]},
    "another exemption": {"exempt": [TABLET, SECOND_PHONE, SECOND_MAC]},
    "no exemption": {"exempt": ()},
    "fewer actions": {"actions": ["block"]},
    "by name": {"when": {"department": ["Police", "Parks"]}},
    "back": {},
}


def test_a_check_shows_exactly_the_changes_that_an_apply_makes(city: JamfCity, tmp_path: Path) -> None:
    for name, changes in [*TRANSITIONS.items(), ("end", {})]:
        policies = everything(tmp_path, **changes)
        policies = [lifted(each) for each in policies] if name == "end" else policies
        before = city.state()
        check = city.run(policies, NOW, check=True)
        assert {each["method"] for each in check.exchanges if "token" not in each["path"]} == {"GET"}
        assert {**city.state(), "volatile": 0} == {**before, "volatile": 0}
        apply = city.run(policies, NOW)
        assert check.changes() == apply.changes() != [], name
        for part in ("changes", "diff", "drift", "summary"):
            assert check.values.get(part) == apply.values.get(part) or part == "summary", (name, part)
        assert city.run(policies, NOW).writes() == [], name
