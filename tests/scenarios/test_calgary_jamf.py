# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calgary's rules on a simulated Jamf Pro server: a block hides, nothing removes what a person installed, and that is what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.intune.tenant_devices import exemption, written
from tests.support.jamf_pro.jamf_everything import MAC_PROFILES, has, opens, sent_xml
from tests.support.jamf_pro.jamf_tenant import (
    AGAIN,
    DAY_AFTER,
    NEXT_DAY,
    NOW,
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

BLOCK = "BAN calgary iOS blocked apps"
ON_MACS = "BAN calgary macOS URL blocklist"
SUPERVISED = ("iphone_supervised", "ipad_supervised", "ipad_shared")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfTenant]:
    with jamf_tenant(tmp_path) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The policy as shipped, from check to lift, next to objects with names like its own."""
    with jamf_tenant(tmp_path_factory.mktemp("calgary"), others=("calgary",)) as tenant:
        yield live(tenant, plain("calgary"))


def phones(city: JamfTenant) -> list[Device]:
    """Supervised iPhones, managed and online."""
    return city.reached(kind="iphone_supervised")


def test_C1_every_supervised_iphone_and_ipad_hides_the_app_and_has_it_back_after_the_end(life: Life) -> None:
    for kind in SUPERVISED:
        for device in life.kind(kind):
            assert BLOCK in device["profiles"], device["key"]
            assert not opens(device)
            assert life.after[device["key"]]["profiles"] == life.before[device["key"]]["profiles"]
            assert opens(life.after[device["key"]]) is has(device)
    held = [device for kind in SUPERVISED for device in life.kind(kind) if has(device)]
    clean = [device for kind in SUPERVISED for device in life.kind(kind) if not has(device)]
    assert life.outcomes(held) == {("blocked_not_removed", "user_installed")}
    assert life.outcomes(clean) == {("compliant", "")}
    # Right after the first run no device has heard of it, and nobody says that one had.
    assert outcomes(life.applied, held) == {("violating", "awaiting_check_in")}
    assert outcomes(life.applied, clean) == {("stale", "awaiting_check_in")}


def test_C1_whoever_downloads_it_under_the_ban_can_not_open_it(city: JamfTenant) -> None:
    city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    clean = next(device for device in phones(city) if not has(device))
    city.install(clean)
    assert has(city.now(clean))
    assert city.order("launch", clean, app="tiktok") == ["hidden by a restriction"]
    run = city.run(plain("calgary"), NEXT_DAY)
    assert (run.writes(), outcomes(run, [clean])) == ([], {("blocked_not_removed", "user_installed")})


def test_C2_an_unsupervised_device_keeps_it_and_the_record_says_why(life: Life) -> None:
    loose = life.kind("iphone_unsupervised")
    assert {has(device) for device in loose} == {True, False}
    assert life.outcomes(loose) == {("cannot_enforce", "unsupervised")}
    assert all(device == life.before[device["key"]] for device in loose)
    for run in (life.checked, life.applied, life.settled, life.ended):
        assert {"removed", "recurred", "removal_requested"}.isdisjoint(outcome for outcome, _reason in run.outcomes().values())


def test_C2_a_phone_that_is_not_managed_any_more_is_reported_and_left_alone(life: Life) -> None:
    gone = [device for device in life.during.values() if not device["managed"]]
    assert life.outcomes(gone) == {("cannot_enforce", "not_registered")}
    assert all(device == life.before[device["key"]] for device in gone)


def test_C3_the_site_is_blocked_in_browsers_of_macs_and_not_on_iphones(life: Life) -> None:
    macs = [*life.kind("mac_supervised"), *life.kind("mac_unsupervised")]
    assert all(ON_MACS in device["profiles"] for device in macs)
    assert life.outcomes([device for device in macs if not has(device)]) == {("compliant", "")}
    (sent,) = sent_xml(life.applied, MAC_PROFILES)
    for name in ("com.google.Chrome", "com.microsoft.Edge", "tiktok.com", "tiktokv.com"):
        assert name in sent
    # Nobody asked for the app's removal there.
    assert {device["key"] for device in macs if has(device)} == {device["key"] for device in macs if opens(device)} != set()
    assert life.outcomes([device for device in macs if has(device)]) == {("violating", "")}
    assert {tuple(device["denied_urls"]) for device in life.during.values()} == {()}
    # A television belongs to the city too, and nothing blocks a site on it.
    assert life.outcomes(life.kind("apple_tv")) == {("cannot_enforce", "no_backend")}


def test_C5_the_record_is_bound_to_who_decided_when_and_on_whose_advice(city: JamfTenant, tmp_path: Path) -> None:
    policy = plain("calgary")
    assert policy["authority"]["issued_by"] == "City of Calgary, Information Technology"
    assert policy["authority"]["advised_by"] == ["Government of Canada", "Government of Alberta"]
    run = city.run(policy, NOW, check=True)
    other = city.run(
        written(tmp_path, "calgary", **{"[Government of Canada, Government of Alberta]": "[Government of Canada]"}), NOW, check=True
    )
    first, second = (each.rows[0]["policies"][0] for each in (run, other))
    assert (first["policy"], second["policy"]) == ("calgary", "calgary")
    assert first["sha256"] != second["sha256"]
    assert run.changes() == other.changes()
    assert all("since 2023-03-01" in row["explanation"] for row in rows_of(run, phones(city)))


def test_C6_the_councillors_own_phone_stays_untouched_and_the_citys_is_checked(city: JamfTenant) -> None:
    work, private = phones(city)[0], city.reached(kind="iphone_personal")[0]
    city.order("patch", private, set={"user": work["user"]})
    city.install(work, private)
    before = city.now(private)
    assert opens(before)
    run = city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    assert city.now(private) == before
    assert outcomes(run, [private]) == {("out_of_scope", "")}
    assert (rows_of(run, [private])[0]["findings"], rows_of(run, [private])[0]["before"]) == ([], "not_observed")
    assert private["serial"] not in str(run.values["findings"])
    assert BLOCK in city.now(work)["profiles"]
    assert not opens(city.now(work))


def test_C6_private_phones_of_every_enrollment_are_out_of_scope(life: Life) -> None:
    private = [*life.kind("iphone_personal"), *life.kind("iphone_user_enrollment")]
    assert any(opens(device) for device in private)
    assert life.outcomes(private) == {("out_of_scope", "")}
    assert all(device == life.before[device["key"]] for device in private)


def test_an_exemption_granted_later_lifts_from_that_device_only(city: JamfTenant, tmp_path: Path) -> None:
    freed, *others = [device for device in phones(city) if has(device)]
    city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    assert not opens(city.now(freed))
    granted = written(tmp_path, "calgary", exemption(devices=[freed["serial"]], expires="2023-03-21T12:00:00", category=None))
    run = city.run(granted, NEXT_DAY)
    # It has the block until its next contact.
    assert outcomes(run, [freed]) == {("exempt", "release_pending")}
    again = city.run(granted, NEXT_DAY)
    assert (again.writes(), outcomes(again, [freed])) == ([], {("exempt", "release_pending")})
    city.contact("2023-03-21T10:00:00Z")
    assert city.now(freed) == freed
    assert not any(opens(city.now(device)) for device in others)
    # The exemption ends at noon in Calgary, which is six hours behind.
    last = city.run(granted, "2023-03-21T17:59:59Z")
    assert (last.writes(), outcomes(last, [freed])) == ([], {("exempt", "")})
    ended = city.run(granted, "2023-03-21T18:00:00Z")
    assert ended.changed
    assert outcomes(ended, [freed]) == {("exemption_expired", "present")}
    # Those that have had it all along are not said to wait for anything.
    assert outcomes(ended, others) == {("blocked_not_removed", "user_installed")}
    city.contact(DAY_AFTER)
    assert not opens(city.now(freed))
    assert city.run(granted, DAY_AFTER).writes() == []


def test_a_device_that_was_exempt_from_the_start_never_notices_the_ban(tmp_path: Path) -> None:
    with jamf_tenant(tmp_path) as city:
        spared = next(device for device in phones(city) if has(device))
        mac = next(device for device in city.reached(kind="mac_supervised") if has(device))
        before = by_key(city)
        policy = written(tmp_path, "calgary", exemption(devices=[spared["serial"], mac["serial"]], category=None))
        told = live(city, policy)
        assert told.outcomes([spared, mac]) == {("exempt", "")}
        assert [told.during[each["key"]] for each in (spared, mac)] == [before[each["key"]] for each in (spared, mac)]


def test_a_device_that_enrolls_again_is_covered_again_without_a_write(city: JamfTenant) -> None:
    phone = next(device for device in phones(city) if has(device))
    city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    city.order("unenroll", phone)
    gone = city.run(plain("calgary"), NEXT_DAY)
    assert (gone.writes(), rows_of(gone, [phone])) == ([], [])
    (answer,) = city.simulation.devices([{"op": "enroll", "kind": "iphone_supervised", "serial": phone["serial"]}])
    back = city.device(answer["devices"][0])
    city.install(back)
    assert opens(city.now(back))
    run = city.run(plain("calgary"), "2023-03-21T10:00:00Z")
    assert (run.writes(), outcomes(run, [back])) == ([], {("violating", "awaiting_check_in")})
    city.contact(DAY_AFTER)
    assert not opens(city.now(back))
    last = city.run(plain("calgary"), DAY_AFTER)
    assert (last.writes(), outcomes(last, [back])) == ([], {("blocked_not_removed", "user_installed")})


def test_a_lift_reaches_a_device_that_was_offline_when_it_comes_back(city: JamfTenant) -> None:
    phone = next(device for device in phones(city) if has(device))
    city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    city.order("patch", phone, set={"online": False})
    city.run(lifted(plain("calgary")), NEXT_DAY)
    city.contact(NEXT_DAY)
    assert not opens(city.now(phone))
    city.order("patch", phone, set={"online": True})
    city.contact(DAY_AFTER)
    assert city.now(phone) == phone
