# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Belgium's rules on a simulated Jamf Pro server: money decides, for six months, and others' objects are others'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.intune.tenant_devices import assets_csv, exemption, written
from tests.support.jamf_pro.jamf_everything import OBJECTS, has, opens
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
    rows_of,
)
from tests.support.target_runs import lifted, plain

pytestmark = pytest.mark.long

PAID = ("paid_purchase", "paid_subscription", "paid_use")
BLOCK, FILTER, ON_A_MAC = "BAN belgium iOS blocked apps", "BAN belgium iOS web filter", "BAN belgium macOS URL blocklist"
#: Six months from 10 March, 00:00 in Brussels.
LAST_SECOND = "2023-09-09T21:59:59Z"
END = "2023-09-09T22:00:00Z"


def paid_fleet(tenant: JamfTenant, directory: Path, *paid: Device, part: str = "full") -> str:
    """What the organisation owns is paid for, and of these devices the subscription is; nothing else."""
    facts = {
        each["serial"]: dict.fromkeys(PAID, "full" if each["ownership"] == "Institutional" else "none")
        for each in tenant.devices()
        if each["serial"]
    }
    facts.update({each["serial"]: {**dict.fromkeys(PAID, "none"), "paid_subscription": part} for each in paid})
    return assets_csv(directory, facts)


@pytest.fixture
def ministry(tmp_path: Path) -> Iterator[JamfTenant]:
    with jamf_tenant(tmp_path) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The policy about an app whose program on Macs has a sure name, from check to lift."""
    directory = tmp_path_factory.mktemp("belgium")
    with jamf_tenant(directory, others=("belgium",)) as tenant:
        yield live(tenant, written(directory, "belgium", **ON_MACS), assets=paid_fleet(tenant, directory))


def names_on(tenant: JamfTenant) -> set[str]:
    """Names of all objects on the server."""
    return {str((each.get("general") or each)["name"]) for path in OBJECTS for each in tenant.objects()[path]}


def test_B2_the_app_is_hidden_and_the_site_denied_on_every_work_phone_at_once(life: Life) -> None:
    for kind in ("iphone_supervised", "ipad_supervised", "ipad_shared"):
        for device in life.kind(kind):
            assert {BLOCK, FILTER} <= set(device["profiles"]), device["key"]
            assert not opens(device)
            assert any("tiktok.com" in url for url in device["denied_urls"])
            assert life.after[device["key"]]["denied_urls"] == []
            assert opens(life.after[device["key"]]) is has(device)
    held = [device for device in life.kind("iphone_supervised") if has(device)]
    assert life.outcomes(held) == {("blocked_not_removed", "user_installed")}
    assert life.outcomes(life.kind("iphone_unsupervised")) == {("cannot_enforce", "unsupervised")}


def test_B2_on_a_television_the_app_is_blocked_and_nothing_blocks_the_site(life: Life) -> None:
    televisions = life.kind("apple_tv")
    assert {BLOCK in device["profiles"] for device in televisions} == {True}
    assert {FILTER in device["profiles"] for device in televisions} == {False}
    assert life.outcomes(televisions) == {("cannot_enforce", "no_backend")}


def test_B2_macs_delete_it_when_it_is_opened_and_block_the_site(life: Life) -> None:
    macs = [device for device in life.during.values() if device["platform"] == "macos"]
    for device in macs:
        assert ON_A_MAC in device["profiles"], device["key"]
        # Restricted software is the agent's work.
        assert [each["delete"] for each in device["restricted_software"]] == [True] * device["agent"], device["key"]
        assert life.after[device["key"]]["restricted_software"] == []
    held = [device for device in macs if has(device)]
    assert life.outcomes(held) == {("blocked_not_removed", "")}
    assert not any(opens(device) for device in held)


def test_B2_as_shipped_no_name_is_sure_enough_to_end_a_program_by(ministry: JamfTenant, tmp_path: Path) -> None:
    assets = paid_fleet(ministry, tmp_path)
    run = ministry.run(plain("belgium"), NOW, assets=assets)
    ministry.contact(NEXT_DAY)
    macs = ministry.devices(platform="macos")
    assert {each["key"] for each in macs if each["restricted_software"]} == set()
    assert all(ON_A_MAC in each["profiles"] for each in macs)
    assert outcomes(run, macs) == {("cannot_enforce", "no_identifier")}
    assert any("display_name" in note for note in run.values["notes"])


@pytest.mark.parametrize("part", ["full", "part"])
def test_B1_B2_a_private_phone_with_a_paid_subscription_is_in_and_its_outcome_is_honest(
    ministry: JamfTenant, tmp_path: Path, part: str
) -> None:
    paid, unpaid = ministry.reached(kind="iphone_personal")[:2]
    ministry.install(paid, unpaid)
    before = by_key(ministry)
    policy, assets = plain("belgium"), paid_fleet(ministry, tmp_path, paid, part=part)
    ministry.run(policy, NOW, assets=assets)
    ministry.contact(NEXT_DAY)
    run = ministry.run(policy, NEXT_DAY, assets=assets)
    assert run.writes() == []
    (row,) = rows_of(run, [paid])
    assert set(row["actions"]) == {"remove", "block", "block_web"}
    assert (row["outcome"], row["reason"]) == ("cannot_enforce", "unsupervised")
    # The unpaid one is asked to, and nothing more; neither has anything of ours.
    assert outcomes(run, [unpaid]) == {("advised", "")}
    assert [ministry.now(each) for each in (paid, unpaid)] == [before[each["key"]] for each in (paid, unpaid)]
    # A user enrollment shows no serial number: nobody can say who pays.
    assert outcomes(run, ministry.reached(kind="iphone_user_enrollment")) == {("unclassified", "")}


def test_B2_a_phone_that_nobody_pays_for_any_more_is_released_and_no_other(ministry: JamfTenant, tmp_path: Path) -> None:
    phone, *others = [each for each in ministry.reached(kind="iphone_supervised") if has(each)]
    policy = plain("belgium")
    ministry.run(policy, NOW, assets=paid_fleet(ministry, tmp_path))
    ministry.contact(AGAIN)
    assert not opens(ministry.now(phone))
    unpaid = paid_fleet(ministry, tmp_path, phone, part="none")
    run = ministry.run(policy, NEXT_DAY, assets=unpaid)
    assert outcomes(run, [phone]) == {("out_of_scope", "")}
    assert ministry.run(policy, NEXT_DAY, assets=unpaid).writes() == []
    ministry.contact(NEXT_DAY)
    assert ministry.now(phone) == phone
    assert not any(opens(ministry.now(each)) for each in others)


def test_B3_B4_six_months_are_months_and_nobody_forgets_the_end(ministry: JamfTenant, tmp_path: Path) -> None:
    policy, assets = plain("belgium"), paid_fleet(ministry, tmp_path)
    ministry.run(policy, NOW, assets=assets)
    during = ministry.every_object()
    notes: dict[str, list[str]] = {}
    due: dict[str, bool] = {}
    for now in ("2023-08-10T09:00:00Z", "2023-08-11T09:00:00Z", "2023-09-03T09:00:00Z", LAST_SECOND, END, "2023-10-01T09:00:00Z"):
        run = ministry.run(policy, now, assets=assets)
        assert run.writes() == []
        notes[now] = [note for note in run.values["notes"] if note.startswith("belgium: ")]
        due[now] = run.values["decision_due"]
    assert due == {now: now in (END, "2023-10-01T09:00:00Z") for now in due}
    assert notes["2023-08-10T09:00:00Z"] == []
    assert "2023-09-10" in notes["2023-08-11T09:00:00Z"][0]
    assert "last warning" in notes["2023-09-03T09:00:00Z"][0]
    assert "a decision is due" in notes[END][0]
    # B4: the extension is one line, and the server is told nothing.
    extended = written(tmp_path, "belgium", **{"until: P6M": "until: P1Y"})
    run = ministry.run(extended, "2023-10-01T09:00:00Z", assets=assets)
    assert (run.writes(), run.values["decision_due"], ministry.every_object()) == ([], False, during)


def test_B3_kept_after_its_end_it_goes_on_hiding_the_app(ministry: JamfTenant, tmp_path: Path) -> None:
    phone = next(each for each in ministry.reached(kind="iphone_supervised") if has(each))
    assets = paid_fleet(ministry, tmp_path)
    ministry.run(plain("belgium"), NOW, assets=assets)
    ministry.contact("2023-09-11T09:00:00Z")
    run = ministry.run(plain("belgium"), "2023-09-11T09:00:00Z", assets=assets)
    assert (run.writes(), run.values["decision_due"]) == ([], True)
    assert outcomes(run, [phone]) == {("blocked_not_removed", "user_installed")}
    assert not opens(ministry.now(phone))


def test_B3_on_expiry_lift_takes_away_what_we_made_at_the_end_and_not_a_second_before(ministry: JamfTenant, tmp_path: Path) -> None:
    start, before = ministry.every_object(), by_key(ministry)
    phone = next(each for each in ministry.reached(kind="iphone_supervised") if has(each))
    policy = written(tmp_path, "belgium", **{"on_expiry: keep": "on_expiry: lift"})
    assets = paid_fleet(ministry, tmp_path)
    ministry.run(policy, NOW, assets=assets)
    ministry.contact(LAST_SECOND)
    assert ministry.run(policy, LAST_SECOND, assets=assets).writes() == []
    assert {BLOCK, FILTER} <= names_on(ministry)
    assert not opens(ministry.now(phone))
    checked = ministry.run(policy, END, check=True, assets=assets)
    ended = ministry.run(policy, END, assets=assets)
    assert ended.changed
    assert ended.changes() == checked.changes()
    assert {change.split()[0] for change in ended.changes()} == {"delete"}
    assert ministry.every_object() == start
    assert ministry.run(policy, END, assets=assets).writes() == []
    ministry.contact("2023-09-10T09:00:00Z")
    assert by_key(ministry) == before


def test_B5_others_objects_stay_and_a_lift_brings_no_app_back(ministry: JamfTenant, tmp_path: Path) -> None:
    policy, assets = written(tmp_path, "belgium", **ON_MACS), paid_fleet(ministry, tmp_path)
    start = ministry.every_object()
    ministry.run(policy, NOW, assets=assets)
    during = ministry.every_object()
    for path, listed in start.items():
        assert [each for each in listed if each not in during[path]] == []
    assert sum(len(listed) for listed in during.values()) > sum(len(listed) for listed in start.values())
    ministry.contact(AGAIN)
    phone = next(each for each in ministry.reached(kind="iphone_supervised") if has(each))
    mac = next(each for each in ministry.reached(platform="macos", agent=True) if has(each))
    ministry.remove(phone)
    assert ministry.order("launch", mac, app="tiktok") == ["deleted by restricted software"]
    ministry.run(lifted(policy), NEXT_DAY, assets=assets)
    assert ministry.every_object() == start
    ministry.contact(DAY_AFTER)
    assert [has(ministry.now(each)) for each in (phone, mac)] == [False, False]
    # Whoever wants to may install it again, and it opens.
    ministry.install(phone, mac)
    assert ministry.order("launch", phone, mac, app="tiktok") == []


def test_B5_a_lift_that_the_server_stops_is_finished_by_the_next_run(ministry: JamfTenant, tmp_path: Path, no_waiting: object) -> None:
    policy, assets = written(tmp_path, "belgium", **ON_MACS), paid_fleet(ministry, tmp_path)
    start = ministry.every_object()
    ministry.run(policy, NOW, assets=assets)
    ministry.simulation.faults([{"match": {"method": "DELETE", "path": "osxconfigurationprofiles"}, "kind": "500", "nth": "all"}])
    stopped = ministry.run(lifted(policy), NEXT_DAY, expect_failure=True, assets=assets)
    assert stopped.changed
    assert ON_A_MAC in names_on(ministry)
    ministry.simulation.faults([])
    ministry.run(lifted(policy), NEXT_DAY, assets=assets)
    assert ministry.every_object() == start
    assert ministry.run(lifted(policy), NEXT_DAY, assets=assets).writes() == []


def test_an_exemption_from_a_ban_by_members_frees_that_device_only_and_only_for_its_time(ministry: JamfTenant, tmp_path: Path) -> None:
    assets = paid_fleet(ministry, tmp_path)
    freed, *others = [each for each in ministry.reached(kind="iphone_supervised") if has(each)]
    ministry.run(plain("belgium"), NOW, assets=assets)
    ministry.contact(AGAIN)
    granted = written(tmp_path, "belgium", exemption(devices=[freed["serial"]], expires="2023-03-22T08:00:00", category=None))
    run = ministry.run(granted, NEXT_DAY, assets=assets)
    # It has the block until its next contact.
    assert outcomes(run, [freed]) == {("exempt", "release_pending")}
    ministry.contact(NEXT_DAY)
    assert ministry.now(freed) == freed
    assert not any(opens(ministry.now(each)) for each in others)
    # It ended at eight in Brussels, which is seven in UTC.
    ended = ministry.run(granted, DAY_AFTER, assets=assets)
    assert ended.changed
    assert outcomes(ended, [freed]) == {("exemption_expired", "present")}
    ministry.contact(DAY_AFTER)
    assert not opens(ministry.now(freed))
    assert ministry.run(granted, DAY_AFTER, assets=assets).writes() == []
