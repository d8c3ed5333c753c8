# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of a simulated Jamf Pro server while a ban stands: exemptions end one by one, devices come, come back, and change hands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.intune.tenant_devices import assets_csv, exemption, written
from tests.support.jamf_pro.jamf_everything import has, opens
from tests.support.jamf_pro.jamf_run import OBJECTS
from tests.support.jamf_pro.jamf_tenant import (
    AGAIN,
    DAY_AFTER,
    NEXT_DAY,
    NOW,
    ON_MACS,
    Device,
    JamfTenant,
    by_key,
    jamf_tenant,
    outcomes,
    rows_of,
)
from tests.support.target_runs import lifted, plain

PAID = ("paid_purchase", "paid_subscription", "paid_use")
#: Noon in Calgary, which is six hours behind.
NOON, LAST_SECOND_BEFORE = "2023-03-21T18:00:00Z", "2023-03-21T17:59:59Z"
#: Calgary's policy, which asks for everything everywhere.
EVERYTHING = {**ON_MACS, "actions: [remove, block]": "actions: [remove, block, block_web]", "[block_web]": "[remove, block, block_web]"}
BELGIAN_END, BELGIAN_DAY_AFTER = "2023-09-09T22:00:00Z", "2023-09-11T09:00:00Z"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfTenant]:
    with jamf_tenant(tmp_path) as tenant:
        yield tenant


def phones(city: JamfTenant) -> list[Device]:
    """Supervised iPhones with TikTok, managed and online."""
    return [each for each in city.reached(kind="iphone_supervised") if has(each)]


def macs(city: JamfTenant) -> list[Device]:
    """Macs with the agent and TikTok."""
    return [each for each in city.reached(platform="macos", agent=True) if has(each)]


def exemptions(*each: dict[str, object]) -> str:
    """Several exemptions in the words of a policy file."""
    texts = [exemption(id=f"EX-{number}", category=None, **fields) for number, fields in enumerate(each, start=1)]
    return texts[0] + "".join(text.removeprefix("\nexemptions:\n") for text in texts[1:])


def names_on(city: JamfTenant) -> list[str]:
    """Names of all objects on the server that somebody made."""
    return sorted(str((each.get("general") or each)["name"]) for path in OBJECTS for each in city.objects()[path])


def enrolled(city: JamfTenant, kind: str, serial: str) -> Device:
    """A device enrolls, and its user installs TikTok before it checks in."""
    (answer,) = city.simulation.devices([{"op": "enroll", "kind": kind, "serial": serial}])
    device = city.device(answer["devices"][0])
    city.install(device)
    return city.now(device)


def everything_paid(city: JamfTenant) -> dict[str, dict[str, str]]:
    return {each["serial"]: dict.fromkeys(PAID, "full") for each in city.devices() if each["serial"]}


def test_of_two_exemptions_one_ends_and_the_other_goes_on(city: JamfTenant, tmp_path: Path) -> None:
    (caught_phone, free_phone), (caught_mac, free_mac) = phones(city)[:2], macs(city)[:2]
    policy = written(
        tmp_path,
        "calgary",
        exemptions(
            {"devices": [caught_phone["serial"], caught_mac["serial"]], "expires": "2023-03-21T12:00:00"},
            {"devices": [free_phone["serial"], free_mac["serial"]]},
        ),
        **EVERYTHING,
    )
    start, before = city.every_object(), by_key(city)
    exempt = [caught_phone, free_phone, caught_mac, free_mac]
    run = city.run(policy, NOW)
    assert outcomes(run, exempt) == {("exempt", "")}
    city.contact(NEXT_DAY)
    assert [city.now(each) for each in exempt] == [before[each["key"]] for each in exempt]
    assert city.run(policy, LAST_SECOND_BEFORE).writes() == []
    ended = city.run(policy, NOON)
    assert outcomes(ended, [caught_phone]) == {("exemption_expired", "present")}
    assert outcomes(ended, [caught_mac]) == {("exemption_expired", "removal_requested")}
    assert outcomes(ended, [free_phone, free_mac]) == {("exempt", "")}
    assert city.run(policy, NOON).writes() == []
    city.contact(DAY_AFTER)
    assert not opens(city.now(caught_phone))
    assert any("tiktok.com" in url for url in city.now(caught_phone)["denied_urls"])
    assert city.order("launch", caught_mac, app="tiktok") == ["deleted by restricted software"]
    assert "BAN calgary macOS URL blocklist" in city.now(caught_mac)["profiles"]
    assert [city.now(each) for each in (free_phone, free_mac)] == [before[each["key"]] for each in (free_phone, free_mac)]
    assert city.order("launch", free_mac, app="tiktok") == []
    city.run(lifted(policy), DAY_AFTER)
    assert city.every_object() == start


def test_a_users_exemption_follows_to_all_their_devices_and_to_no_further_user(city: JamfTenant, tmp_path: Path) -> None:
    phone, other = phones(city)[:2]
    mac = macs(city)[0]
    city.order("patch", mac, set={"user": phone["user"]})
    before = by_key(city)
    policy = written(tmp_path, "calgary", exemptions({"users": [phone["user"]], "follow_user": True}), **EVERYTHING)
    run = city.run(policy, NOW)
    assert outcomes(run, [phone, mac]) == {("exempt", "")}
    city.contact(AGAIN)
    assert [city.now(each) for each in (phone, mac)] == [before[each["key"]] for each in (phone, mac)]
    assert not opens(city.now(other))
    # The phone gets another user, who is not exempt.
    city.order("patch", phone, set={"user": other["user"]})
    run = city.run(policy, NEXT_DAY)
    assert outcomes(run, [phone]) == {("violating", "awaiting_check_in")}
    assert outcomes(run, [mac]) == {("exempt", "")}
    city.contact(NEXT_DAY)
    assert not opens(city.now(phone))
    assert opens(city.now(mac))


def test_a_phone_that_comes_back_unsupervised_is_not_covered_and_nobody_says_it_is(city: JamfTenant) -> None:
    phone = phones(city)[0]
    city.run(plain("calgary"), NOW)
    city.contact(AGAIN)
    assert not opens(city.now(phone))
    city.order("unenroll", phone)
    back = enrolled(city, "iphone_unsupervised", phone["serial"])
    for now in (NEXT_DAY, DAY_AFTER):
        run = city.run(plain("calgary"), now)
        assert (run.writes(), outcomes(run, [back])) == ([], {("cannot_enforce", "unsupervised")})
        city.contact(now)
        assert opens(city.now(back))


def test_a_mac_that_is_not_managed_any_more_is_nobodys_and_left_alone(city: JamfTenant, tmp_path: Path) -> None:
    policy = written(tmp_path, "calgary", **EVERYTHING)
    mac, other = macs(city)[:2]
    start = city.every_object()
    city.run(policy, NOW)
    city.contact(AGAIN)
    assert outcomes(city.run(policy, AGAIN), [mac, other]) == {("removal_requested", "")}
    city.order("patch", mac, set={"managed": False})
    gone = city.now(mac)
    run = city.run(policy, NEXT_DAY)
    # It was the organisation's when that was last known, and nothing that is ordered for it reaches it any more.
    found = (run.writes(), outcomes(run, [mac]), outcomes(run, [other]))
    assert found == ([], {("cannot_enforce", "not_registered")}, {("removal_requested", "")})
    city.run(lifted(policy), NEXT_DAY)
    city.contact(DAY_AFTER)
    assert (city.every_object(), city.now(mac)) == (start, gone)


def test_an_exempt_phone_that_enrolls_again_is_freed_by_the_next_run(city: JamfTenant, tmp_path: Path) -> None:
    phone, *others = phones(city)
    policy = written(tmp_path, "calgary", exemptions({"devices": [phone["serial"]]}))
    start = names_on(city)
    city.run(policy, NOW)
    city.order("unenroll", phone)
    back = enrolled(city, "iphone_supervised", phone["serial"])
    city.contact(AGAIN)
    # To the server it is a new device, and the scope takes it at once.
    assert not opens(city.now(back))
    run = city.run(policy, NEXT_DAY)
    assert outcomes(run, [back]) == {("exempt", "release_pending")}
    assert city.run(policy, NEXT_DAY).writes() == []
    city.contact(NEXT_DAY)
    assert opens(city.now(back))
    assert not any(opens(city.now(each)) for each in others)
    city.run(lifted(policy), DAY_AFTER)
    # Smart groups of others have a new device in them, so that only names can be the same.
    assert names_on(city) == start


def test_B1_B2_a_new_phone_is_left_alone_until_somebody_says_who_pays_for_it(city: JamfTenant, tmp_path: Path) -> None:
    facts = everything_paid(city)
    assets = assets_csv(tmp_path, facts)
    city.run(plain("belgium"), NOW, assets=assets)
    new = enrolled(city, "iphone_supervised", "NEW0000001")
    city.contact(AGAIN)
    before = city.now(new)
    assert opens(before)
    run = city.run(plain("belgium"), NEXT_DAY, assets=assets)
    assert (run.writes(), outcomes(run, [new])) == ([], {("unclassified", "")})
    assert rows_of(run, [new])[0]["findings"] == []
    city.contact(NEXT_DAY)
    assert city.now(new) == before
    facts["NEW0000001"] = {"paid_use": "part"}
    assets = assets_csv(tmp_path, facts)
    run = city.run(plain("belgium"), DAY_AFTER, assets=assets)
    assert outcomes(run, [new]) == {("violating", "awaiting_check_in")}
    city.contact(DAY_AFTER)
    assert not opens(city.now(new))
    later = "2023-03-23T09:00:00Z"
    city.contact(later)
    run = city.run(plain("belgium"), later, assets=assets)
    assert (run.writes(), outcomes(run, [new])) == ([], {("blocked_not_removed", "user_installed")})


def test_B3_B4_an_extension_that_comes_after_the_lift_bans_again(city: JamfTenant, tmp_path: Path) -> None:
    assets = assets_csv(tmp_path, everything_paid(city))
    phone = phones(city)[0]
    policy = written(tmp_path, "belgium", **{"on_expiry: keep": "on_expiry: lift"})
    start = city.every_object()
    city.run(policy, NOW, assets=assets)
    city.run(policy, BELGIAN_END, assets=assets)
    assert city.every_object() == start
    city.contact(BELGIAN_END)
    assert opens(city.now(phone))
    extended = written(tmp_path, "belgium", **{"on_expiry: keep": "on_expiry: lift", "until: P6M": "until: P1Y"})
    run = city.run(extended, BELGIAN_DAY_AFTER, assets=assets)
    # What stood before says nothing about what stands now.
    assert outcomes(run, [phone]) == {("violating", "awaiting_check_in")}
    city.contact("2023-09-11T10:00:00Z")
    assert not opens(city.now(phone))
    run = city.run(extended, "2023-09-11T10:00:00Z", assets=assets)
    assert (run.writes(), outcomes(run, [phone])) == ([], {("blocked_not_removed", "user_installed")})
