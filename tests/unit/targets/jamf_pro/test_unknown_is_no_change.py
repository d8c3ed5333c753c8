# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody says any more is no news: devices that are unclassified or not shown keep what they have, here and on the server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.jamf_pro import start
from tests.support.intune.tenant import lifted, plain
from tests.support.jamf_pro.jamf_pro_client import complaints
from tests.support.jamf_pro.jamf_run import Server
from tests.support.jamf_pro.life import (
    BLOCK,
    EXEMPT,
    EXEMPT_GROUP,
    NOW,
    POLICY,
    TOMORROW,
    device_of,
    next_day,
    objects,
    written,
)

DETAIL = "/api/v2/mobile-devices/detail"
COMPUTERS = "/computers-inventory"
#: One profile of both bans.
BLOCK_OF_BOTH = "BAN city+school iOS blocked apps"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose nodes know at once what is written to one of them."""
    with start(devices=60, seed=3) as simulation:
        simulation.clock("2023-03-20T08:00:00Z", check_in=True)
        simulation.objects({"settings": {"nodes": 1}})
        yield Server(simulation, tmp_path)
        assert complaints(simulation) == []


def lose(server: Server, *serials: str, **sections: str) -> None:
    """The inventory doesn't tell some sections of some devices any more."""
    server.simulation.devices([{"op": "patch", "device": each, "set": {"odd_sections": sections}} for each in serials])


def forget(server: Server) -> None:
    """The records and the ledger are lost."""
    shutil.rmtree(server.evidence_dir)


def serials_of(server: Server, **traits: Any) -> list[str]:
    return [each["serial"] for each in server.state()["devices"] if all(each[name] == value for name, value in traits.items())]


def in_group(server: Server, name: str) -> list[int]:
    (group,) = (each for each in objects(server)["mobiledevicegroups"] if each["name"] == name)
    return [each["id"] for each in group["mobile_devices"]]


def numbers(record: Mapping[str, Any]) -> list[int]:
    """The Macs that a record of restricted software names."""
    return [each["id"] for each in record["scope"]["computers"]]


@pytest.mark.fault_kind("T1b", "Jamf Pro: members whose department nobody tells any more stay in their group")
@pytest.mark.parametrize("remembered", [True, False])
@pytest.mark.parametrize("how_many", ["one", "all"])
def test_a_lost_department_releases_nobody(server: Server, tmp_path: Path, remembered: bool, how_many: str) -> None:
    policy = written(tmp_path, when="{department: Police}")
    server.run(policy, NOW)
    next_day(server)
    before = objects(server)
    police = serials_of(server, department="Police")
    lose(server, *(police[:1] if how_many == "one" else police), userAndLocation="null")
    if not remembered:
        forget(server)
    run = server.run(policy, TOMORROW)
    assert run.writes() == []
    assert objects(server) == before
    if not remembered:
        assert any("keep" in each for each in run.values["notes"]), run.values["notes"]
    assert server.run(lifted(policy), TOMORROW).changed, "what a policy orders is done"
    assert [each for each in objects(server).values() if each] == []


@pytest.mark.fault_kind("T1b", "Jamf Pro: a Mac whose management nobody tells any more stays in the scope for all")
@pytest.mark.parametrize("how", ["null", "missing", "text"])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_mac_of_which_nothing_is_told_stays_in_scope(server: Server, tmp_path: Path, how: str, remembered: bool) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    next_day(server)
    macs = serials_of(server, platform="macos", managed=True)
    lose(server, *macs, general=how)
    if not remembered:
        forget(server)
    assert server.run(policy, TOMORROW).writes() == []


@pytest.mark.fault_kind("T1b", "Jamf Pro: a phone whose supervision nobody tells any more keeps its block, and its exemption")
@pytest.mark.parametrize("remembered", [True, False])
def test_phones_of_which_nothing_is_told_stay_where_they_are(server: Server, tmp_path: Path, remembered: bool) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    next_day(server)
    members = in_group(server, EXEMPT_GROUP)
    phones = serials_of(server, platform="ios", managed=True, supervised=True)
    lose(server, *phones, *EXEMPT, general="null")
    if not remembered:
        forget(server)
    run = server.run(policy, TOMORROW)
    assert not any(each.startswith("delete") for each in run.changes()), run.changes()
    assert set(members) <= set(in_group(server, EXEMPT_GROUP))
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    for each in phones:
        device = device_of(server, each)
        if device["online"]:
            assert (BLOCK in device["profiles"]) is (each not in EXEMPT), each


@pytest.mark.fault_kind("T1b", "Jamf Pro: an exempt phone whose serial number is lost stays exempt")
@pytest.mark.parametrize("remembered", [True, False])
def test_an_exempt_phone_without_its_serial_number_stays_exempt(server: Server, tmp_path: Path, remembered: bool) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    next_day(server)
    members = in_group(server, EXEMPT_GROUP)
    lose(server, *EXEMPT, hardware="null")
    if not remembered:
        forget(server)
    server.run(policy, TOMORROW)
    assert set(members) <= set(in_group(server, EXEMPT_GROUP))


@pytest.mark.fault_kind("T1", "Jamf Pro: who is exempt or blocked by name leaves no group on a short list")
def test_members_that_a_confirmed_short_list_does_not_show_stay(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path, when="{department: Police}")
    server.run([written(tmp_path), {**policy, "policy": "police", "exemptions": []}], NOW)
    before = objects(server)
    server.simulation.faults([{"match": {"path": rf"({DETAIL}|{COMPUTERS})\?"}, "nth": "all", "kind": "short_list"}])
    policies = [written(tmp_path), {**policy, "policy": "police", "exemptions": []}]
    refused = server.run(policies, TOMORROW, expect_failure=True)
    assert "accept_fleet_size" in refused.message
    assert refused.writes() == []
    shown = int(refused.message.split("the list has ")[1].split()[0])
    run = server.run(policies, TOMORROW, accept_fleet_size=shown, expect_failure=False)
    assert run.writes() == [], run.changes()
    assert objects(server) == before


@pytest.mark.fault_kind("T1", "Jamf Pro: an inventory that shows nobody lifts no ban")
@pytest.mark.parametrize("path", [DETAIL, COMPUTERS])
def test_an_empty_inventory_lifts_no_ban(server: Server, tmp_path: Path, path: str) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    before = objects(server)
    # Nothing remembers how many there were.
    forget(server)
    server.simulation.faults([{"match": {"path": path + r"\?"}, "nth": "all", "kind": "empty_list"}])
    run = server.run(policy, TOMORROW)
    assert not any(each.startswith("delete") for each in run.changes()), run.changes()
    assert objects(server) == before


@pytest.mark.fault_kind("T1", "Jamf Pro: a device that is really gone leaves")
def test_who_is_gone_for_certain_leaves(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path, when="{department: Police}")
    server.run({**policy, "exemptions": []}, NOW)
    (record,) = objects(server)["restrictedsoftware"]
    mac = next(each for each in server.state()["devices"] if each["platform"] == "macos" and each["id"] in numbers(record))
    server.simulation.devices([{"op": "delete_record", "device": mac["key"]}])
    server.run({**policy, "exemptions": []}, TOMORROW)
    (record,) = objects(server)["restrictedsoftware"]
    assert mac["id"] not in numbers(record)


def another(directory: Path, *apps: str, when: str = "{ownership: corporate}") -> Any:
    """The ban of a school, of apps that are called like their names here."""
    text = POLICY.replace("policy: city", "policy: school").replace("{ownership: corporate}", when)
    head, _sep, rest = text.partition("apps:\n")
    entries = "".join(
        f"  - {{id: {app}, title: {app.title()}, vendor: nobody, identifiers: {{ios_bundle_id: [com.example.{app}]}}}}\n" for app in apps
    )
    rest = rest[rest.index("effective:") : rest.index("exemptions:")]
    path = directory / "school.yml"
    path.write_text(f"{head}apps:\n{entries}{rest}", encoding="utf-8")
    return plain(path)


@pytest.mark.fault_kind("T8b", "Jamf Pro: an app that goes from a profile by the write that adds another")
def test_an_app_that_goes_while_another_comes_is_pending_until_contact(server: Server, tmp_path: Path) -> None:
    city = written(tmp_path)
    server.run([city, another(tmp_path, "capcut")], NOW)
    next_day(server)
    phone = next(each for each in server.state()["devices"] if each["online"] and each["managed"] and BLOCK_OF_BOTH in each["profiles"])
    policies = [lifted(city), another(tmp_path, "capcut", "wechat")]
    for now, check in ((TOMORROW, True), (TOMORROW, False), ("2023-03-21T10:00:00Z", False)):
        run = server.run(policies, now, check=check)
        assert run.outcome(phone["serial"]) == ("not_in_force", "lift_pending")
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    run = server.run(policies, "2023-03-22T09:00:00Z")
    assert run.outcome(phone["serial"]) == ("not_in_force", "ban_lifted")


@pytest.mark.fault_kind("T1b", "Jamf Pro: a list that grows puts nothing on a device that is unclassified")
def test_a_list_that_grows_reaches_no_unclassified_device(server: Server, tmp_path: Path) -> None:
    server.run(another(tmp_path, "capcut", when="{department: Police}"), NOW)
    next_day(server)
    phone = next(each["serial"] for each in server.state()["devices"] if each["department"] == "Police" and each["profiles"])
    lose(server, phone, userAndLocation="null")
    forget(server)
    run = server.run(another(tmp_path, "capcut", "wechat", when="{department: Police}"), TOMORROW)
    assert any("changes, so devices that are unclassified can't keep it" in each for each in run.values["notes"])
    assert run.outcome(phone, "wechat") == ("unclassified", "")
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    assert device_of(server, phone)["profiles"] == []
