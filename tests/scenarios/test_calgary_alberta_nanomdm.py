# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calgary's and Alberta's rules on real NanoMDM and KMFDDM servers: removal and block are two results, and nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulators.exchange import Request, Response
from tests.support.intune.tenant_devices import exemption
from tests.support.nanomdm.fleet import make_fleet
from tests.support.nanomdm.nano_tenant import MANAGED_TIKTOK, SITE, TIKTOK, Organisation, by_ownership, can_hide_apps, is_blocked, with_app
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.long


def test_C1_C2_C6_sixty_devices_of_all_kinds_lose_the_app_or_say_why_not_and_get_it_back(nano: NanoServers, tmp_path: Path) -> None:
    fleet = make_fleet(nano, 60, enrol=False)
    for number, device in enumerate(fleet):
        # A third of the fleet has what the server installed, a third what its user did, a third nothing.
        device.delete_app(TIKTOK.identifier)
        if number % 3:
            with_app(device, MANAGED_TIKTOK if number % 3 == 2 else TIKTOK)
    city = Organisation(nano, tmp_path, fleet)
    by_ownership(city)
    city.plant_neighbours(*fleet[:10])
    before = city.holdings()
    spared = next(each for each in fleet if can_hide_apps(each) and city.owners[each.id] == "corporate" and each.apps[-1] == TIKTOK)
    private = [each for each in fleet if city.owners[each.id] == "personal"]
    policy = city.policy("calgary", exemption(devices=[spared.facts.serial], category=None))
    made = city.put_in_force(policy)
    assert all("calgary" in change or "question" in change for change in made.changes())
    city.settle(policy)
    city.skip(hours=25)
    told = city.settle(policy)
    wanted = {}
    for number, device in enumerate(fleet):
        owner, facts = city.owners[device.id], device.facts
        if owner == "personal":
            wanted[device.id] = ("out_of_scope", "")
        elif device is spared:
            wanted[device.id] = ("exempt", "")
        elif facts.system == "macOS":
            wanted[device.id] = ("cannot_enforce", "no_backend")
        elif facts.enrollment == "user":
            wanted[device.id] = ("cannot_enforce", "user_enrollment")
        elif not facts.supervised:
            wanted[device.id] = ("cannot_enforce", "unsupervised")
        else:
            wanted[device.id] = (("compliant", ""), ("blocked_not_removed", "user_installed"), ("removed", ""))[number % 3]
    assert told.outcomes("tiktok") == wanted
    assert len(set(wanted.values())) == 8
    gone = set()
    for number, device in enumerate(fleet):
        outcome = wanted[device.id]
        # What the server had installed goes where the rule removes it; what a person installed goes nowhere.
        if number % 3 == 2 and outcome in (("removed", ""), ("cannot_enforce", "unsupervised")):
            gone.add(device.id)
        assert device.is_installed(TIKTOK.identifier) == (bool(number % 3) and device.id not in gone), device
        assert device.is_installed("org.example.mail")
        if device.is_installed(TIKTOK.identifier):
            assert is_blocked(device) == (outcome[0] == "blocked_not_removed"), device
    # Both forms of the block are at work, and only where they belong.
    blocked = [each for each in fleet if wanted[each.id][0] == "blocked_not_removed"]
    assert {(each.facts.os_version, bool(each.profiles), bool(each.declarations.held)) for each in blocked} >= {("26.1", True, False)}
    assert {bool(each.profiles) for each in blocked if each.facts.os_version == "27.0"} == {False}
    ended = city.end(policy)
    assert all("ended" in change or "delete" in change for change in ended.changes())
    assert city.holdings() == before
    for number, device in enumerate(fleet):
        assert device.installed_profiles() == {}
        # Everything that is there can be opened again, and nothing comes back that was removed.
        assert device.can_open(TIKTOK.identifier) == (bool(number % 3) and device.id not in gone), device
    assert city.touched([*private, spared]) == []
    assert [each.done for each in [*private, spared] if each not in fleet[:10]] == [[]] * len({*private, spared} - {*fleet[:10]})


def test_C3_the_site_is_left_alone_on_phones_and_macs_say_that_nothing_here_blocks_it(nano: NanoServers, tmp_path: Path) -> None:
    phone, mac = nano.device(os_version="27.0", apps=[TIKTOK]), nano.device(platform="Mac", os_version="27.0")
    city = Organisation(nano, tmp_path, [phone, mac])
    policy = city.policy("calgary")
    city.put_in_force(policy)
    told = city.settle(policy)
    # The decision names the site for other devices only.
    assert (phone.can_visit(SITE), is_blocked(phone)) == (True, True)
    assert (told.outcomes("tiktok")[mac.id], mac.can_visit(SITE)) == (("cannot_enforce", "no_backend"), True)
    assert mac.declarations.held == {}


def test_C5_the_record_names_the_very_policy_and_the_message_says_who_decided(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(apps=[TIKTOK])
    city = Organisation(nano, tmp_path, [phone])
    policy = city.policy("calgary")
    # Who decided, when, and on whose advice stands in the policy; the record names the policy by its digest.
    assert policy.authority is not None
    assert (policy.authority.issued_by, policy.authority.reference) == (
        "City of Calgary, Information Technology",
        "Decision of 1 March 2023",
    )
    assert tuple(policy.authority.advised_by) == ("Government of Canada", "Government of Alberta")
    run = city.run(policy)
    assert [(each["policy"], each["sha256"]) for each in run.rows[0]["policies"]] == [("calgary", policy.sha256)]
    (row,) = [row for row in run.rows if row["row"] == "device"]
    assert "since 2023-03-01" in row["explanation"]
    assert city.run(city.policy("calgary", "# Another word.\n")).rows[0]["policies"][0]["sha256"] != policy.sha256


def test_C2_without_an_answer_nobody_says_that_anything_was_removed(nano: NanoServers, tmp_path: Path) -> None:
    devices = [nano.device(os_version=version, apps=[app]) for version in ("26.1", "27.0") for app in (TIKTOK, MANAGED_TIKTOK)]
    city = Organisation(nano, tmp_path, devices)
    policy = city.policy("calgary")
    for _time in range(3):
        assert {outcome for outcome, _reason in city.run(policy).outcomes("tiktok").values()} == {"not_observable"}
    assert [is_blocked(each) for each in devices] == [False] * 4


def test_A1_every_platform_has_an_outcome_and_none_passes_for_compliant_unseen(nano: NanoServers, tmp_path: Path) -> None:
    kinds = [("iPhone", True), ("iPad", True), ("iPhone", False), ("Mac", True), ("Mac", False), ("AppleTV", True)]
    devices = [
        nano.device(platform=platform, supervised=supervised, os_version=version, apps=[TIKTOK])
        for platform, supervised in kinds
        for version in ("26.1", "27.0")
    ]
    province = Organisation(nano, tmp_path, devices)
    policy = province.policy("alberta")
    province.put_in_force(policy)
    told = province.settle(policy)
    found: dict[tuple[str, bool], set[tuple[str, str]]] = {}
    for each in devices:
        found.setdefault((each.facts.platform, each.facts.supervised), set()).add(told.outcomes("tiktok")[each.id])
    assert found == {
        ("iPhone", True): {("blocked_not_removed", "user_installed")},
        ("iPad", True): {("blocked_not_removed", "user_installed")},
        ("iPhone", False): {("cannot_enforce", "unsupervised")},
        # The catalog knows no team id, so nothing could tell the app from others of its maker, and doubts the bundle id.
        ("Mac", True): {("cannot_enforce", "no_backend"), ("cannot_enforce", "no_identifier")},
        ("Mac", False): {("cannot_enforce", "no_backend"), ("cannot_enforce", "unsupervised")},
        # The order names no televisions.
        ("AppleTV", True): {("out_of_scope", "")},
    }
    # The catalog doubts its bundle id on Macs, so nothing is done by it there.
    confidence = {row["device"]: row["findings"][0]["confidence"] for row in told.rows if row["row"] == "device" and row["findings"]}
    assert {each.id: "detect_only" if each.facts.platform == "Mac" else "actionable" for each in devices[:-2]} == confidence
    province.end(policy)
    assert [is_blocked(each) for each in devices] == [False] * len(devices)


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_A2_the_message_is_on_disk_before_the_first_write_reaches_a_server(nano: NanoServers, tmp_path: Path, version: str) -> None:
    devices = [nano.device(os_version=version, apps=[MANAGED_TIKTOK]) for _number in range(3)]
    private = nano.device(os_version=version, apps=[TIKTOK])
    province = Organisation(nano, tmp_path, [*devices, private])
    province.owners[private.id] = "personal"
    policy = province.policy("alberta")
    outbox = province.evidence_dir / "nanomdm.notices.jsonl"
    # The front of each server looks at the disk at every write that comes in, before it passes it on.
    seen = []
    for front in (nano.kmfddm, nano.nanomdm):
        forward = front._forward

        def looking(request: Request, forward: Callable[[Request], Response | None] = forward) -> Response | None:
            if request.method != "GET":
                seen.append(sorted(json.loads(line)["device"] for line in outbox.read_text(encoding="utf-8").splitlines()))
            return forward(request)

        front._forward = looking  # type: ignore[method-assign]
    made = province.run(policy)
    assert made.changes()[0].startswith("command notice")
    assert len(seen) == len(made.writes()) > 0
    assert seen == [sorted(each.id for each in devices)] * len(seen)
    province.settle(policy)
    assert [each.is_installed(TIKTOK.identifier) for each in devices] == [False] * 3
    # Once only, however many runs and changes follow.
    assert len(outbox.read_text(encoding="utf-8").splitlines()) == 3
    assert private.id not in outbox.read_text(encoding="utf-8")


def test_A2_where_the_message_can_not_be_written_nothing_is_removed_or_blocked(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[TIKTOK])
    province = Organisation(nano, tmp_path, [phone])
    (province.evidence_dir / "nanomdm.notices.jsonl").mkdir(parents=True)
    failed = province.run(province.policy("alberta"), expect_failure=True, inventory="never")
    assert (failed.writes(), "outbox" in failed.message) == ([], True), failed.message
    province.connect()
    assert not is_blocked(phone)
