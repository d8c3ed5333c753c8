# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alberta's rules on a simulated Jamf Pro server: staff are told first, then the app goes, and every platform gets an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.tenant_devices import exemption, written
from tests.support.jamf_pro.jamf_everything import RECORDS, has, opens, sent_xml
from tests.support.jamf_pro.jamf_tenant import (
    AGAIN,
    DAY_AFTER,
    NEXT_DAY,
    NOW,
    ON_MACS,
    Device,
    JamfTenant,
    Life,
    by_key,
    jamf_tenant,
    live,
    outcomes,
    record_id,
    rows_of,
)
from tests.support.target_runs import WRITES, plain

pytestmark = pytest.mark.long

BLOCK = "BAN alberta iOS blocked apps"
OUTBOX = "jamf_pro.notices.jsonl"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The policy as shipped. The catalog is not sure of the name that the app's program has on a Mac."""
    with jamf_tenant(tmp_path_factory.mktemp("alberta"), others=("alberta",)) as tenant:
        yield live(tenant, plain("alberta"))


@pytest.fixture(scope="module")
def with_macs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The same order about an app whose program has a sure name."""
    directory = tmp_path_factory.mktemp("macs")
    with jamf_tenant(directory) as tenant:
        yield live(tenant, written(directory, "alberta", **ON_MACS))


@pytest.fixture
def province(tmp_path: Path) -> Iterator[JamfTenant]:
    with jamf_tenant(tmp_path) as tenant:
        yield tenant


def outbox(tenant: JamfTenant) -> list[dict[str, Any]]:
    path = tenant.evidence_dir / OUTBOX
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def at_every_write(tenant: JamfTenant, look: Callable[[], Any]) -> list[tuple[str, Any]]:
    """From now on: each write's path, and what there was to see when it arrived at the server and had not been carried out yet."""
    seen: list[tuple[str, Any]] = []
    answer = tenant.vendor.answer

    def watching(request: Any, front: Any) -> Any:
        if request.method in WRITES and "token" not in request.path:
            seen.append((request.path.removeprefix("/JSSResource/"), look()))
        return answer(request, front)

    tenant.vendor.answer = watching
    return seen


def macs(tenant: JamfTenant) -> list[Device]:
    """Macs with the agent and TikTok."""
    return [device for device in tenant.reached(platform="macos", agent=True) if has(device)]


def test_A1_every_platform_is_covered_or_says_that_nothing_reaches_it(shipped: Life) -> None:
    expected = {
        ("iphone_supervised", True): ("blocked_not_removed", "user_installed"),
        ("iphone_supervised", False): ("compliant", ""),
        ("ipad_supervised", True): ("blocked_not_removed", "user_installed"),
        ("ipad_supervised", False): ("compliant", ""),
        ("ipad_shared", True): ("blocked_not_removed", "user_installed"),
        ("iphone_unsupervised", True): ("cannot_enforce", "unsupervised"),
        ("iphone_unsupervised", False): ("cannot_enforce", "unsupervised"),
        ("mac_supervised", True): ("cannot_enforce", "no_identifier"),
        ("mac_supervised", False): ("cannot_enforce", "no_identifier"),
        ("mac_unsupervised", True): ("cannot_enforce", "no_identifier"),
        # Televisions are not named, and private phones have no rule.
        ("apple_tv", False): ("out_of_scope", ""),
        ("iphone_personal", True): ("out_of_scope", ""),
        ("iphone_personal", False): ("out_of_scope", ""),
        ("iphone_user_enrollment", True): ("out_of_scope", ""),
        ("iphone_user_enrollment", False): ("out_of_scope", ""),
    }
    here = [device for device in shipped.during.values() if device["managed"] and device["online"]]
    found = {(each["kind"], has(each)): shipped.settled.outcomes()[record_id(each)] for each in here}
    assert found == expected
    # Nothing of ours is on a device of which the record says that nothing can be done.
    for each in here:
        assert (BLOCK in each["profiles"]) is (expected[each["kind"], has(each)][0] in ("blocked_not_removed", "compliant")), each["key"]
    assert all(each == shipped.before[key] for key, each in shipped.during.items() if each["platform"] == "macos")
    assert any("display_name" in note for note in shipped.settled.values["notes"])


def test_A1_the_app_is_hidden_and_comes_back_into_sight_after_the_lift(shipped: Life) -> None:
    held = [device for device in shipped.kind("iphone_supervised") if has(device)]
    assert held
    assert not any(opens(device) for device in held)
    assert all(opens(shipped.after[device["key"]]) for device in held)


def test_A1_macs_are_told_to_end_and_delete_a_program_with_a_sure_name(with_macs: Life) -> None:
    held = [device for device in with_macs.during.values() if device["platform"] == "macos" and has(device)]
    assert with_macs.outcomes(held) == {("blocked_not_removed", "")}
    # The policy names nobody to be asked, and so does the message that a person sees.
    (sent,) = sent_xml(with_macs.applied, RECORDS)
    assert f"<display_message>TikTok is not allowed on this Mac: {plain('alberta')['title']}</display_message>" in sent
    for device in held:
        assert [(each["process_name"], each["exact"], each["kill"], each["delete"]) for each in device["restricted_software"]] == [
            ("TikTok.app", True, True, True)
        ]
        assert not opens(device)
        assert opens(with_macs.after[device["key"]])
        assert with_macs.after[device["key"]]["restricted_software"] == []


def test_A2_the_outbox_is_on_disk_before_a_control_is_written(province: JamfTenant) -> None:
    policy = plain("alberta")
    held = [device for device in province.devices() if has(device) and "personal" not in device["kind"]]
    held = [device for device in held if device["kind"] != "iphone_user_enrollment"]
    before = by_key(province)
    seen = at_every_write(province, lambda: (outbox(province), by_key(province)))
    run = province.run(policy, NOW)
    listed = [(path, {line["serial"] for line in lines}) for path, (lines, _devices) in seen]
    told = {device["serial"] for device in held if device["managed"]}
    # Whose device has left the management is told nothing.
    lost = {device["serial"] for device in held if not device["managed"]}
    (control,) = [serials for path, serials in listed if path.startswith("mobiledeviceconfigurationprofiles/")]
    assert control == {line["serial"] for line in outbox(province)} >= told
    assert lost
    assert control.isdisjoint(lost)
    # What is written before is a group that no scope names yet, so nothing happens on any device.
    earlier = [path for path, serials in listed if not serials]
    assert earlier == ["/api/v1/mobile-device-groups/smart-groups"]
    assert [path for path, _serials in listed] == [*earlier, *[path for path, serials in listed if serials == control]]
    assert all(devices == before for _path, (_lines, devices) in seen)
    assert [change.split()[1] for change in run.changes()] == ["mobile", "notice", "configuration"]


def test_A2_a_group_that_stands_before_its_notice_does_nothing_to_a_device(province: JamfTenant) -> None:
    before = by_key(province)
    stopped: list[Mapping[str, Any]] = []
    at_every_write(province, lambda: stopped.append(province.contact(AGAIN) or by_key(province)) if not stopped else None)
    province.run(plain("alberta"), NOW)
    assert stopped == [before]


@pytest.mark.usefixtures("no_waiting")
def test_A2_a_run_that_the_server_stops_tells_nobody_twice_when_it_is_finished(province: JamfTenant) -> None:
    province.simulation.faults([{"match": {"method": "POST", "path": "mobiledeviceconfigurationprofiles"}, "kind": "500", "nth": "all"}])
    run = province.run(plain("alberta"), NOW, expect_failure=True)
    phone = [device for device in province.reached(kind="iphone_supervised") if has(device)]
    assert {row["outcome"] for row in rows_of(run, phone)} == {"failed"}
    told = outbox(province)
    assert {device["serial"] for device in phone} <= {line["serial"] for line in told}
    province.simulation.faults([])
    finished = province.run(plain("alberta"), AGAIN)
    assert finished.changes() == [f"create configuration profile {BLOCK}"]
    assert outbox(province) == told
    assert province.run(plain("alberta"), NEXT_DAY).writes() == []


def test_A2_where_nobody_can_be_told_the_app_stays_and_the_next_run_does_both(province: JamfTenant) -> None:
    start, phone = by_key(province), next(device for device in province.reached(kind="iphone_supervised") if has(device))
    (province.evidence_dir / OUTBOX).mkdir(parents=True)
    run = province.run(plain("alberta"), NOW, expect_failure=True)
    assert [each["path"] for each in run.writes() if "mobiledeviceconfigurationprofiles" in each["path"]] == []
    assert outcomes(run, [phone]) == {("failed", "error")}
    province.contact(AGAIN)
    assert by_key(province) == start
    (province.evidence_dir / OUTBOX).rmdir()
    province.run(plain("alberta"), AGAIN)
    assert phone["serial"] in {line["serial"] for line in outbox(province)}
    province.contact(NEXT_DAY)
    assert not opens(province.now(phone))


def test_A2_everybody_is_told_once_and_only_those_who_have_it(province: JamfTenant) -> None:
    policy = plain("alberta")
    province.run(policy, NOW, check=True)
    assert outbox(province) == []
    province.run(policy, NOW)
    lines = outbox(province)
    province.run(policy, AGAIN)
    province.contact(NEXT_DAY)
    province.run(policy, NEXT_DAY)
    assert outbox(province) == lines
    serials = [line["serial"] for line in lines]
    assert len(serials) == len(set(serials))
    by_serial = {device["serial"]: device for device in province.devices()}
    for serial in serials:
        # Who has it, and who may have it and can't be looked at.
        assert has(by_serial[serial]) or not by_serial[serial]["managed"] or not by_serial[serial]["online"]
        assert by_serial[serial]["kind"] not in ("iphone_personal", "iphone_user_enrollment", "apple_tv")
    assert {line["apps"][0] for line in lines} == {"tiktok"}


def test_A2_a_mac_deletes_it_when_it_is_opened_and_a_return_is_a_recurrence(province: JamfTenant, tmp_path: Path) -> None:
    policy = written(tmp_path, "alberta", **ON_MACS)
    mac, other = macs(province)[:2]
    first = province.run(policy, NOW)
    assert outcomes(first, [mac, other]) == {("removal_requested", "")}
    province.contact(AGAIN)
    assert province.order("launch", mac, app="tiktok") == ["deleted by restricted software"]
    province.order("inventory", mac)
    second = province.run(policy, AGAIN)
    assert outcomes(second, [mac]) == {("removed", "")}
    assert outcomes(second, [other]) == {("removal_requested", "")}
    province.contact(NEXT_DAY)
    assert outcomes(province.run(policy, NEXT_DAY), [mac]) == {("compliant", "")}
    province.install(mac)
    third = province.run(policy, "2023-03-21T10:00:00Z")
    assert (third.writes(), outcomes(third, [mac])) == ([], {("removal_requested", "recurrence")})
    province.order("launch", mac, app="tiktok")
    # Only an inventory that is newer than the order says that it was carried out.
    province.simulation.clock("2023-03-21T10:30:00Z")
    province.order("inventory", mac)
    last = province.run(policy, "2023-03-21T11:00:00Z")
    assert (last.writes(), outcomes(last, [mac])) == ([], {("recurred", "")})
    assert last.rows[-1]["totals"]["tiktok"]["recurred"] == 1


def test_the_message_on_a_mac_says_whom_to_ask_where_the_policy_does(province: JamfTenant, tmp_path: Path) -> None:
    policy = {**written(tmp_path, "alberta", **ON_MACS), "contact": "help@alberta.example"}
    (sent,) = sent_xml(province.run(policy, NOW), RECORDS)
    assert f"{policy['title']}. Questions: help@alberta.example</display_message>" in sent


def test_a_policy_that_only_blocks_ends_the_program_and_deletes_nothing(province: JamfTenant, tmp_path: Path) -> None:
    policy = written(tmp_path, "alberta", **ON_MACS, **{"[advise, remove, block]": "[advise, block]"})
    mac = macs(province)[0]
    province.run(policy, NOW)
    province.contact(NEXT_DAY)
    assert province.order("launch", mac, app="tiktok") == ["killed by restricted software"]
    assert has(province.now(mac))
    run = province.run(policy, NEXT_DAY)
    assert outcomes(run, [mac]) == {("blocked_not_removed", "")}
    records = [record["general"] for record in province.objects()[RECORDS] if record["general"]["name"].startswith("BAN alberta")]
    assert [(record["kill_process"], record["delete_executable"]) for record in records] == [(True, False)]


def test_an_exempt_device_is_neither_told_nor_touched_and_its_macs_program_runs(province: JamfTenant, tmp_path: Path) -> None:
    phone = next(device for device in province.reached(kind="iphone_supervised") if has(device))
    mac, other = macs(province)[:2]
    policy = written(tmp_path, "alberta", exemption(devices=[phone["serial"], mac["serial"]], category=None), **ON_MACS)
    before = by_key(province)
    province.run(policy, NOW)
    province.contact(NEXT_DAY)
    assert {phone["serial"], mac["serial"]}.isdisjoint(line["serial"] for line in outbox(province))
    assert [province.now(each) for each in (phone, mac)] == [before[each["key"]] for each in (phone, mac)]
    assert province.order("launch", mac, app="tiktok") == []
    assert province.order("launch", other, app="tiktok") == ["deleted by restricted software"]
    # And with the exemption withdrawn, both are devices like all others as soon as they have heard of it, and not before.
    again = written(tmp_path, "alberta", **ON_MACS)
    ended = province.run(again, NEXT_DAY)
    assert outcomes(ended, [phone]) == {("violating", "awaiting_check_in")}
    assert outcomes(ended, [mac]) == {("removal_requested", "")}
    assert (opens(province.now(phone)), opens(province.now(mac))) == (True, True)
    assert outcomes(province.run(again, "2023-03-21T10:00:00Z"), [phone]) == {("violating", "awaiting_check_in")}
    province.contact(DAY_AFTER)
    assert (opens(province.now(phone)), opens(province.now(mac))) == (False, False)
    assert {phone["serial"], mac["serial"]} <= {line["serial"] for line in outbox(province)}
    assert outcomes(province.run(again, DAY_AFTER), [phone]) == {("blocked_not_removed", "user_installed")}
