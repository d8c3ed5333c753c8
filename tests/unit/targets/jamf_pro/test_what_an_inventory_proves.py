# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory proves of an app that it doesn't show, when it was taken, and what has reached a device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http import connection as connection_module
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec
from tests.simulators.jamf_pro import start
from tests.simulators.jamf_pro.privileges import EVERY_PRIVILEGE
from tests.support.intune.tenant import lifted, plain
from tests.support.jamf_pro.jamf_pro_client import complaints
from tests.support.jamf_pro.jamf_run import Run, Server
from tests.support.jamf_pro.life import BLOCK, EXEMPT, IN_AN_HOUR, NOW, TIKTOK, TOMORROW, next_day, written
from tests.support.loopback import FakeClock


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose nodes know at once what is written to one of them."""
    with start(devices=60, seed=3) as simulation:
        simulation.clock("2023-03-20T08:00:00Z", check_in=True)
        simulation.objects({"settings": {"nodes": 1}})
        yield Server(simulation, tmp_path)
        assert complaints(simulation) == []


def devices(server: Server, **traits: Any) -> list[dict[str, Any]]:
    found = [each for each in server.state()["devices"] if each["managed"] and each["online"] and each["serial"] not in EXEMPT]
    return [each for each in found if all(each[name] == value for name, value in traits.items())]


def without_it(server: Server, **traits: Any) -> dict[str, Any]:
    return next(each for each in devices(server, **traits) if not any(app["id"] == TIKTOK for app in each["apps"]))


def with_it(server: Server, **traits: Any) -> dict[str, Any]:
    return next(each for each in devices(server, **traits) if any(app["id"] == TIKTOK for app in each["apps"]))


def outcome(run: Run, device: dict[str, Any]) -> tuple[str, str]:
    return run.outcomes()[f"{'computer' if device['platform'] == 'macos' else 'mobile'}:{device['id']}"]


def settled(server: Server, policy: Any) -> None:
    """The ban stands and has reached whoever is online."""
    server.run(policy, NOW)
    next_day(server)


@pytest.mark.fault_kind("T2", "Jamf Pro: an inventory without its list of apps")
@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
@pytest.mark.parametrize("how", ["missing", "null", "text", "object"])
def test_no_list_of_apps_is_no_absence(server: Server, tmp_path: Path, kind: str, how: str) -> None:
    policy = written(tmp_path)
    settled(server, policy)
    device = without_it(server, kind=kind)
    assert outcome(server.run(policy, TOMORROW), device)[0] == "compliant"
    server.simulation.devices([{"op": "patch", "device": device["key"], "set": {"odd_sections": {"applications": how}}}])
    assert outcome(server.run(policy, IN_AN_HOUR), device) == ("not_observable", "inventory_incomplete")


@pytest.mark.fault_kind("T3", "Jamf Pro: a row of an inventory that can't be read is not absence")
@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
@pytest.mark.parametrize("how", ["null_item", "text_item"])
def test_a_row_that_cannot_be_read_is_no_absence(server: Server, tmp_path: Path, kind: str, how: str) -> None:
    policy = written(tmp_path)
    settled(server, policy)
    device = without_it(server, kind=kind)
    server.simulation.devices([{"op": "patch", "device": device["key"], "set": {"odd_sections": {"applications": how}}}])
    assert outcome(server.run(policy, IN_AN_HOUR), device) == ("not_observable", "source_unreadable")


@pytest.mark.fault_kind("T3", "Jamf Pro: a row without identifier and name")
@pytest.mark.parametrize(
    ("kind", "names"), [("iphone_supervised", ["id"]), ("iphone_supervised", ["id", "name"]), ("mac_supervised", ["id", "file"])]
)
@pytest.mark.parametrize("how", ["drop", "null", "empty"])
def test_a_row_without_names_is_no_absence(server: Server, tmp_path: Path, kind: str, names: list[str], how: str) -> None:
    policy = written(tmp_path)
    settled(server, policy)
    device = with_it(server, kind=kind)
    spelled = {"drop": {"drop": names}, "null": {"set": dict.fromkeys(names)}, "empty": {"set": dict.fromkeys(names, "")}}[how]
    server.simulation.devices([{"op": "misreport", "device": device["key"], "app": "tiktok", **spelled}])
    assert outcome(server.run(policy, IN_AN_HOUR), device) == ("not_observable", "source_unreadable")


@pytest.mark.fault_kind("T3", "Jamf Pro: names with invisible marks or in other letters")
@pytest.mark.parametrize(("kind", "drop"), [("iphone_supervised", []), ("mac_supervised", ["id"]), ("mac_supervised", ["file"])])
@pytest.mark.parametrize("how", ["mark", "case"])
def test_names_are_compared_without_what_nobody_sees(server: Server, tmp_path: Path, kind: str, drop: list[str], how: str) -> None:
    policy = written(tmp_path)
    device = with_it(server, kind=kind)
    spelled = {name: how for name in ("id", "file") if name not in drop}
    server.simulation.devices([{"op": "misreport", "device": device["key"], "app": "tiktok", "set": spelled, "drop": drop}])
    assert server.run(policy, NOW).row(device["serial"])["before"] == "present"


@pytest.mark.fault_kind("T8d", "Jamf Pro: the check-in of a Mac is not an inventory")
def test_a_mac_that_only_checks_in_shows_nothing_new(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path)
    mac = without_it(server, kind="mac_supervised")
    server.simulation.devices([{"op": "patch", "device": mac["key"], "set": {"sends_inventory": False}}])
    settled(server, policy)
    run = server.run(policy, TOMORROW)
    assert outcome(run, mac) == ("compliant", "")
    assert run.row(mac["serial"])["seen_at"] == "2023-03-20T08:00:00Z"
    server.simulation.clock("2023-05-20T08:30:00Z", check_in=True)
    assert outcome(server.run(policy, "2023-05-20T09:00:00Z"), mac) == ("stale", "old_inventory")


@pytest.mark.fault_kind("T2", "Jamf Pro: a removal is confirmed only by an inventory that is newer than the order")
def test_an_older_inventory_confirms_no_removal(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path)
    mac = with_it(server, kind="mac_supervised")
    settled(server, policy)
    assert outcome(server.run(policy, TOMORROW), mac)[0] == "removal_requested"
    server.simulation.devices([{"op": "misreport", "device": mac["key"], "app": "tiktok", "set": {"id": "x.y", "file": "X.app"}}])
    assert outcome(server.run(policy, IN_AN_HOUR), mac) == ("not_observable", "source_contradicts")


@pytest.mark.fault_kind("T2", "Jamf Pro: a group that names devices which the inventory doesn't show")
def test_a_group_that_contradicts_the_inventory_proves_nothing(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW, findings="groups")
    next_day(server)
    seen = server.run(policy, TOMORROW, findings="groups")
    assert ("compliant", "") in seen.outcomes().values()
    count = sum(device.startswith("computer:") for device in seen.outcomes())
    server.simulation.faults([{"match": {"path": r"/mobile-devices/detail\?"}, "nth": "all", "kind": "short_list"}])
    refused = server.run(policy, IN_AN_HOUR, findings="groups", expect_failure=True)
    shown = int(refused.message.split("the list has ")[1].split()[0])
    assert shown > count
    run = server.run(policy, IN_AN_HOUR, findings="groups", accept_fleet_size=shown)
    phones = {found for device, found in run.outcomes().items() if device.startswith("mobile:")}
    assert ("compliant", "") not in phones
    assert ("not_observable", "source_contradicts") in phones
    assert run.writes() == []


@pytest.mark.fault_kind("T4", "Jamf Pro: a device that left the management is nobody's to enforce on")
@pytest.mark.parametrize("kind", ["iphone_supervised", "mac_supervised"])
def test_a_device_that_left_has_no_means(server: Server, tmp_path: Path, kind: str) -> None:
    policy = written(tmp_path)
    settled(server, policy)
    device = without_it(server, kind=kind)
    server.simulation.devices([{"op": "unmanage", "device": device["key"]}])
    found = outcome(server.run(policy, TOMORROW), device)
    assert found in (("cannot_enforce", "not_registered"), ("not_observable", "not_registered"))


CASE_20 = """
  - id: nameless
    title: Nameless
    vendor: nobody
    identifiers:
      display_name: [Nameless]
      ios_bundle_id: [{value: com.example.nameless, confidence: detect_only, source: seen once}]
effective:"""


@pytest.mark.fault_kind("T5", "Jamf Pro: an app without a sure bundle id beside one with")
@pytest.mark.parametrize("actions", ["[remove, block]", "[block_web, block]", "[block_web]"])
def test_an_app_without_a_name_is_never_called_blocked(server: Server, tmp_path: Path, actions: str) -> None:
    path = tmp_path / "city.yml"
    written(tmp_path, actions=actions)
    path.write_text(path.read_text(encoding="utf-8").replace("\neffective:", CASE_20, 1), encoding="utf-8")
    policy = plain(path)
    phone, other = devices(server, kind="iphone_supervised")[:2]
    order = {"op": "install", "device": phone["key"], "app": {"id": "com.example.nameless", "name": "Nameless"}}
    server.simulation.devices([order])
    settled(server, policy)
    run = server.run(policy, TOMORROW)
    for device in (phone, other):
        found, reason = run.outcomes("nameless")[f"mobile:{device['id']}"]
        assert (found, reason) in (("cannot_enforce", "no_identifier"), ("cannot_enforce", "user_installed")), (found, reason)
    rows = [row for row in run.rows if row.get("app") == "nameless" and row["platform"] != "macos" and len(row["actions"]) > 0]
    assert not {row["outcome"] for row in rows if row["rule"] == "Work devices"} & {"blocked_not_removed", "compliant", "violating"}


@pytest.mark.fault_kind("T5", "Jamf Pro: the block of a site waits for the device's contact too")
def test_a_blocked_site_waits_for_contact(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path, actions="[block_web]")
    phone = without_it(server, kind="iphone_supervised")
    assert outcome(server.run(policy, NOW), phone) == ("stale", "awaiting_check_in")
    assert outcome(server.run(policy, NOW), phone) == ("stale", "awaiting_check_in")
    next_day(server)
    assert outcome(server.run(policy, TOMORROW), phone) == ("compliant", "")


@pytest.mark.fault_kind("T8b", "Jamf Pro: an exemption or a lift is pending until the device's contact")
def test_done_is_not_arrived(server: Server, tmp_path: Path) -> None:
    settled(server, written(tmp_path))
    phone = with_it(server, kind="iphone_supervised")
    assert BLOCK in phone["profiles"]
    other = next(each for each in devices(server, kind="iphone_supervised") if each["serial"] != phone["serial"])
    exempt = written(tmp_path, *EXEMPT, phone["serial"])
    for now in (TOMORROW, IN_AN_HOUR):
        assert outcome(server.run(exempt, now), phone) == ("exempt", "release_pending")
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    assert outcome(server.run(exempt, "2023-03-22T09:00:00Z"), phone)[1] != "release_pending"
    for now in ("2023-03-22T10:00:00Z", "2023-03-22T11:00:00Z"):
        run = server.run(lifted(exempt), now)
        assert outcome(run, other) == ("not_in_force", "lift_pending")
        assert outcome(run, phone) == ("not_in_force", "ban_lifted")
    server.simulation.clock("2023-03-23T08:30:00Z", check_in=True)
    assert outcome(server.run(lifted(exempt), "2023-03-23T09:00:00Z"), other) == ("not_in_force", "ban_lifted")


@pytest.mark.fault_kind("T6", "Jamf Pro: a failed release or lift is told of its devices and of no other")
def test_a_failed_release_is_told_of_that_device_alone(server: Server, tmp_path: Path) -> None:
    settled(server, written(tmp_path))
    phone, other = [each for each in devices(server, kind="iphone_supervised") if BLOCK in each["profiles"]][:2]
    exempt = written(tmp_path, *EXEMPT, phone["serial"])
    without = [each for each in EVERY_PRIVILEGE if each not in ("Update Static Mobile Device Groups", "Delete iOS Configuration Profiles")]
    server.simulation.objects({"settings": {"privileges": without}})
    run = server.run(exempt, TOMORROW, expect_failure=True)
    assert outcome(run, phone) == ("failed", "error")
    assert outcome(run, other)[0] != "failed"
    assert run.outcome(EXEMPT[0])[0] == "exempt"
    run = server.run(lifted(written(tmp_path)), IN_AN_HOUR, expect_failure=True)
    assert {outcome(run, each) for each in (phone, other)} == {("failed", "error")}
    assert run.outcome(EXEMPT[0])[0] == "not_in_force"
    mac = next(each for each in devices(server, platform="macos"))
    assert outcome(run, mac)[0] == "not_in_force"


@pytest.mark.fault_kind("T9", "Jamf Pro: a server that is down, or a name that nobody knows, ends a run within seconds")
@pytest.mark.parametrize(
    ("url", "said"), [("http://127.0.0.1:1", "no connection to 127.0.0.1"), ("https://nowhere.invalid", "can't be resolved")]
)
def test_a_server_that_is_not_there_ends_a_run_soon(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(connection_module, "SystemClock", lambda: clock)
    run = server.run(written(tmp_path), NOW, url=url, expect_failure=True)
    assert said in run.message
    assert clock.passed <= 5
    assert run.exchanges == []


def test_the_connection_of_a_simulator_is_what_an_inventory_needs(server: Server, tmp_path: Path) -> None:
    connection = server.simulation.connection
    assert set(connection) <= set(argument_spec())
    assert not {"username", "password"} & set(connection), "one way to log in, not two"
    assert server.run(written(tmp_path), NOW, check=True, **connection).values["changes"]
