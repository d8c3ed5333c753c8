# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other administrators of the same Jamf Pro server: their objects stay, ours are put right, and clashes are said before any write.

That nothing of theirs changes by a byte is held of every run in these scenarios (see jamf_everything.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.target import JamfTarget
from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    BLOCK,
    FILTER,
    GAME,
    GROUPS,
    LATER,
    MAC_PROFILES,
    NEXT_DAY,
    NOW,
    PHONE,
    PROFILES,
    RECORDS,
    SECOND_MAC,
    SECOND_PHONE,
    TABLET,
    TIKTOK,
    JamfCity,
    everything,
    has,
    jamf_city,
    opens,
    picture,
    policy,
    profile_text,
    profile_xml,
)

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]

MAC_LIST = "BAN city macOS URL blocklist"
SMART = "BAN city supervised iPhone, iPad, Apple TV"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfCity]:
    with jamf_city(tmp_path) as opened:
        yield opened


def record_name(city: JamfCity, process: str = "TikTok.app") -> str:
    """The name of our restricted software record for a process."""
    names = [each["general"]["name"] for each in city.objects()[RECORDS]]
    return next(name for name in names if f" {process} [appban" in name and "000000" not in name)


def test_the_whole_life_of_two_bans_leaves_nothing_and_changes_nothing_of_others(city: JamfCity, tmp_path: Path) -> None:
    before, theirs = city.objects(), city.raw_theirs()
    for changes in ({}, {"exempt": [SECOND_PHONE, SECOND_MAC]}, {"apps": ["tiktok", "capcut"]}, {"actions": ["block"]}, {"exempt": ()}):
        city.run(everything(tmp_path, **changes), NOW)
    city.contact(LATER)
    # What Anna's profile hides, and what it forbids, it hides and forbids as before, beside ours.
    for device in city.devices(kind="iphone_supervised", online=True, managed=True):
        assert device["profiles"].count('Games & Co. <1+1> "x"') == 1
        assert sum(name.endswith("iOS blocked apps") for name in device["profiles"]) == 1, device["key"]
    city.run([lifted(each) for each in everything(tmp_path)], LATER)
    assert city.objects() == before
    assert city.raw_theirs() == theirs
    city.contact(NEXT_DAY)
    for device in city.devices(online=True, managed=True, platform="ios"):
        assert opens(device) is has(device), device["key"]


def test_a_profile_of_somebody_else_that_works_the_same_way_is_left_to_work(city: JamfCity, tmp_path: Path) -> None:
    hidden = [TIKTOK, "com.example.game"]
    theirs = {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": hidden, "blacklistedAppBundleIDs": hidden}
    everybody = "<scope><all_mobile_devices>true</all_mobile_devices></scope>"
    city.plant(PROFILES, profile_xml("Carla's block", theirs, scope=everybody))
    city.run(policy(tmp_path), NOW)
    city.contact(LATER)
    assert {"Carla's block", BLOCK} <= set(city.device(SECOND_PHONE)["profiles"])
    city.run(lifted(policy(tmp_path)), LATER)
    city.contact(NEXT_DAY)
    assert city.device(SECOND_PHONE)["profiles"].count("Carla's block") == 1
    assert not opens(city.device(SECOND_PHONE))


# Names that others use.


def clash(city: JamfCity, kind: str) -> str:
    """Somebody makes an object that has the name of one of ours; its name."""
    if kind == "mobile profile":
        city.plant(PROFILES, profile_xml(BLOCK, GAME, general="<description>Mine</description>"))
        return BLOCK
    if kind == "mac profile":
        city.plant(MAC_PROFILES, profile_xml(MAC_LIST, GAME, root="os_x_configuration_profile"))
        return MAC_LIST
    if kind == "marker of another ban":
        marker = "managed-by=appban.endpoint;v=1;ban=other;mechanism=ios_restrictions;sha256=" + "0" * 64
        city.plant(PROFILES, profile_xml(BLOCK, GAME, general=f"<description>{marker}</description>"))
        return BLOCK
    name = SMART if kind == "static group" else "BAN city iOS blocked apps (exempt)"
    if kind == "smart group":
        xml = f"<name>{name}</name><is_smart>true</is_smart><criteria/>"
        city.plant(GROUPS, f"<mobile_device_group>{xml}</mobile_device_group>")
    else:
        city.theirs[GROUPS].append(city.simulation.objects({"group": {"name": name, "members": [PHONE]}})[0]["group"])
    return name


@pytest.mark.parametrize("kind", ["mobile profile", "mac profile", "marker of another ban", "static group", "smart group"])
def test_a_name_that_somebody_uses_is_refused_before_any_write(city: JamfCity, tmp_path: Path, kind: str) -> None:
    name = clash(city, kind)
    before = city.state()["objects"]
    for check in (True, False):
        run = city.run(everything(tmp_path), NOW, check=check, expect_failure=True)
        assert run.writes() == []
        assert name in run.message
        assert "Nothing was written" in run.message
    assert city.state()["objects"] == before
    # A ban that is lifted doesn't touch it either.
    city.run([lifted(each) for each in everything(tmp_path)], NOW)
    assert city.state()["objects"] == before


@pytest.mark.parametrize("kind", ["static group", "smart group"])
def test_groups_of_others_are_not_even_taken_over(city: JamfCity, tmp_path: Path, kind: str) -> None:
    name = clash(city, kind)
    run = city.run(everything(tmp_path), NOW, adopt=True, expect_failure=True)
    assert (name in run.message, run.writes()) == (True, [])


def test_every_clash_is_said_at_once(city: JamfCity, tmp_path: Path) -> None:
    names = [clash(city, kind) for kind in ("mobile profile", "mac profile", "static group", "smart group")]
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert [name for name in names if name not in run.message] == []


@pytest.mark.parametrize(("path", "name"), [(PROFILES, BLOCK), (MAC_PROFILES, MAC_LIST)])
def test_adopt_takes_a_profile_over_in_its_place(city: JamfCity, tmp_path: Path, path: str, name: str) -> None:
    root = "configuration_profile" if path == PROFILES else "os_x_configuration_profile"
    everybody = "all_mobile_devices" if path == PROFILES else "all_computers"
    number = city.plant(path, profile_xml(name, GAME, root=root, scope=f"<scope><{everybody}>true</{everybody}></scope>"))
    city.theirs[path].remove(number)
    city.contact(NOW)
    identifier = city.raw(path, name)["general"]["uuid"]
    run = city.run(everything(tmp_path), NOW, adopt=True)
    assert f"update configuration profile {name}" in run.changes()
    taken = city.raw(path, name)
    assert (taken["id"], taken["general"]["uuid"]) == (number, identifier)
    assert "com.example.game" not in taken["general"]["payloads"]
    assert taken["scope"]["all_mobile_devices" if path == PROFILES else "all_computers"] is (path == MAC_PROFILES)
    city.contact(LATER)
    assert max(each["profiles"].count(name) for each in city.devices()) == 1
    assert city.run(everything(tmp_path), LATER).writes() == []


@pytest.mark.parametrize("whose", ["theirs", "ours"])
@pytest.mark.parametrize("path", [PROFILES, RECORDS])
def test_two_hits_of_one_name_are_refused(city: JamfCity, tmp_path: Path, path: str, whose: str) -> None:
    city.run(everything(tmp_path), NOW)
    name = BLOCK if path == PROFILES else record_name(city)
    twin = city.raw(path, name)
    if whose == "theirs" and path == PROFILES:
        twin["general"]["description"] = "Mine"
    # The server itself refuses a second one; a restored backup or two nodes may make it all the same.
    number = city.vendor.stores[path].add(twin)
    before = city.state()["objects"]
    for adopt in (False, True):
        run = city.run(everything(tmp_path, exempt=()), NOW, adopt=adopt, expect_failure=True)
        assert run.writes() == []
        assert name in run.message
        assert str(number) in run.message
    assert city.state()["objects"] == before


# What somebody does to ours is drift.


def tampered(city: JamfCity, what: str) -> str:
    """Somebody changes an object of ours; what the drift has to say."""
    mobile, mac, record = "configuration_profile", "os_x_configuration_profile", "restricted_software"
    every = "<name>%s</name>"
    board = f"<mobile_device_groups><mobile_device_group>{every % 'BAN city board'}</mobile_device_group></mobile_device_groups>"
    tricks: dict[str, tuple[str, str, str, str, str]] = {
        "everybody": (PROFILES, BLOCK, mobile, "<scope><all_mobile_devices>true</all_mobile_devices></scope>", "all mobile devices"),
        "a device": (
            PROFILES, BLOCK, mobile,
            f"<scope><mobile_devices><mobile_device><id>{city.device('JP00000018')['id']}</id></mobile_device></mobile_devices></scope>",
            "JP00000018",
        ),
        "a group": (
            PROFILES, BLOCK, mobile,
            f"<scope>{board}</scope>",
            "group BAN city board",
        ),
        "an exclusion": (
            PROFILES, FILTER, mobile,
            f"<scope><exclusions>{board.replace('BAN city board', 'Parks')}</exclusions></scope>",
            "exclusion of the group Parks",
        ),
        "a user": (
            PROFILES, FILTER, mobile,
            f"<scope><exclusions><users><user>{every % 'user00007'}</user></users></exclusions></scope>", "exclusions.users: user00007",
        ),
        "self service": (
            PROFILES, BLOCK, mobile, "<general><deployment_method>Make Available in Self Service</deployment_method></general>",
            "not installed automatically",
        ),
        "removable": (MAC_PROFILES, MAC_LIST, mac, "<general><user_removable>true</user_removable></general>", "could be removed by users"),
        "a Mac group": (
            MAC_PROFILES, MAC_LIST, mac,
            f"<scope><exclusions>{board.replace('mobile_device', 'computer')}</exclusions></scope>",
            "exclusion of the group BAN city board",
        ),
        "another name": (PROFILES, BLOCK, mobile, f"<general>{every % 'BAN city old'}</general>", ""),
        "kill": (RECORDS, record_name(city), record, "<general><kill_process>false</kill_process></general>", "kill"),
        "a process": (RECORDS, record_name(city), record, "<general><process_name>Safari.app</process_name></general>", "process_name"),
        "a department": (
            RECORDS, record_name(city), record,
            f"<scope><exclusions><departments><department>{every % 'Parks'}</department></departments></exclusions></scope>",
            "exclusions.departments: Parks",
        ),
    }  # fmt: skip
    path, name, root, xml, said = tricks[what]
    city.edit(path, name, f"<{root}>{xml}</{root}>")
    return said


EDITS = [
    "everybody", "a device", "a group", "an exclusion", "a user", "self service", "removable", "a Mac group", "another name", "kill",
    "a process", "a department",
]  # fmt: skip


def test_whatever_somebody_does_to_an_object_of_ours_is_told(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    whole = city.snapshot()
    for what in EDITS:
        city.restore(whole)
        said = tampered(city, what)
        check = city.run(everything(tmp_path), NOW, check=True)
        assert len([change for change in check.changes() if " notice " not in change]) == 1, what
        assert any(said in line for line in check.values["drift"]) or not said, (what, check.values["drift"])


def test_whatever_somebody_did_to_objects_of_ours_is_mended(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    once = picture(city)
    said = [tampered(city, what) for what in EDITS if what != "another name"]
    check = city.run(everything(tmp_path), NOW, check=True)
    run = city.run(everything(tmp_path), NOW)
    assert run.values["drift"] == check.values["drift"]
    assert [text for text in said if not any(text in line for line in run.values["drift"])] == []
    assert len(run.writes()) == 4
    assert picture(city) == once
    tampered(city, "another name")
    again = city.run(everything(tmp_path), NOW)
    assert (len(again.writes()), picture(city)) == (1, once)
    last = city.run(everything(tmp_path), NOW)
    assert (last.writes(), last.values["drift"]) == ([], [])


def test_foreign_settings_in_a_payload_of_ours_are_named(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    once, identifier = picture(city), city.raw(PROFILES, BLOCK)["general"]["uuid"]
    passcode = {"PayloadType": "com.apple.mobiledevice.passwordpolicy", "forcePIN": True}
    payload = {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": ["com.example.game"], "allowCamera": False}
    text = profile_text(payload, passcode)
    general = f"<general><payloads><![CDATA[{text.replace('&', '&amp;')}]]></payloads></general>"
    city.edit(PROFILES, BLOCK, f"<configuration_profile>{general}</configuration_profile>")
    run = city.run(everything(tmp_path), NOW)
    [line] = [line for line in run.values["drift"] if BLOCK in line]
    for word in ("blockedAppBundleIDs", "allowCamera", "passwordpolicy"):
        assert word in line
    assert picture(city) == once
    # Whoever wrote it gave it another identifier; that is the server's now, and stays.
    assert city.raw(PROFILES, BLOCK)["general"]["uuid"] != identifier
    assert city.run(everything(tmp_path), NOW).writes() == []


def test_groups_of_ours_get_their_criteria_and_members_back(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    once = picture(city)
    criterion = "<criterion><name>Department</name><value>Parks</value></criterion>"
    city.edit(GROUPS, SMART, f"<mobile_device_group><criteria>{criterion}</criteria></mobile_device_group>")
    name = next(each["name"] for each in city.objects()[GROUPS] if each["name"].endswith("web filter (exempt)"))
    stranger = f"<mobile_device><id>{city.device(SECOND_PHONE)['id']}</id></mobile_device>"
    city.edit(GROUPS, name, f"<mobile_device_group><mobile_devices>{stranger}</mobile_devices></mobile_device_group>")
    assert picture(city) != once
    run = city.run(everything(tmp_path), LATER)
    assert any(SMART in line and "criteria" in line for line in run.values["drift"])
    assert picture(city) == once
    city.contact(NEXT_DAY)
    assert FILTER not in city.device(PHONE)["profiles"]
    assert FILTER in city.device(SECOND_PHONE)["profiles"]
    assert city.run(everything(tmp_path), NEXT_DAY).writes() == []


def test_who_takes_the_marker_off_a_profile_has_made_it_theirs(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    city.edit(PROFILES, BLOCK, "<configuration_profile><general><description>Mine</description></general></configuration_profile>")
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert (run.writes(), BLOCK in run.message) == ([], True)
    city.run([lifted(each) for each in everything(tmp_path)], NOW)
    assert city.raw(PROFILES, BLOCK)["general"]["description"] == "Mine"


@pytest.mark.parametrize("path", [PROFILES, MAC_PROFILES, RECORDS])
def test_what_somebody_deleted_is_made_again(city: JamfCity, tmp_path: Path, path: str) -> None:
    city.run(everything(tmp_path), NOW)
    once = picture(city)
    name = {PROFILES: BLOCK, MAC_PROFILES: MAC_LIST, RECORDS: record_name(city)}[path]
    city.simulation.objects({"remove": {"path": path, "id": city.raw(path, name)["id"]}})
    run = city.run(everything(tmp_path), NOW)
    assert [change.split(" ")[0] for change in run.changes()] == ["create"]
    assert picture(city) == once


def test_a_group_that_somebody_deleted_comes_back_with_the_scope_that_needs_it(city: JamfCity, tmp_path: Path) -> None:
    city.run(everything(tmp_path), NOW)
    once, whole = picture(city), city.snapshot()
    for name in [each["name"] for each in city.objects()[GROUPS] if each["name"].startswith("BAN city") and "board" not in each["name"]]:
        city.restore(whole)
        city.simulation.objects({"remove": {"path": GROUPS, "id": city.raw(GROUPS, name)["id"]}})
        run = city.run(everything(tmp_path), NOW)
        assert f"create mobile device group {name}" in run.changes()
        assert picture(city) == once, name


def test_a_profile_of_ours_ends_although_one_for_macs_has_its_number(tmp_path: Path) -> None:
    with jamf_city(tmp_path) as city:
        # As many profiles for Macs as for mobile devices, so that the numbers of ours are the same in both lists.
        city.plant(MAC_PROFILES, profile_xml("One more", GAME, root="os_x_configuration_profile"))
        city.run(policy(tmp_path), NOW)
        assert city.raw(PROFILES, BLOCK)["id"] == city.raw(MAC_PROFILES, MAC_LIST)["id"]
        run = city.run(policy(tmp_path, actions=["block_web"]), NOW)
        assert f"delete configuration profile {BLOCK}" in run.changes()
        assert [each["general"]["name"] for each in city.objects()[PROFILES] if each["general"]["name"] == BLOCK] == []
        assert city.raw(MAC_PROFILES, MAC_LIST)


# Between the plan and the write.


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Somebody does something after everything was read and before anything is written; once."""
    apply = JamfTarget.apply
    waiting: list[Callable[[], object]] = []

    def disturbed(self: JamfTarget, *arguments: Any) -> Any:
        while waiting:
            waiting.pop()()
        return apply(self, *arguments)

    monkeypatch.setattr(JamfTarget, "apply", disturbed)
    return waiting.append


def test_what_somebody_changed_meanwhile_is_left_alone_and_said(city: JamfCity, tmp_path: Path, meanwhile: Any) -> None:
    city.settings(nodes=1)
    city.run(everything(tmp_path), NOW)
    wider = everything(tmp_path, exempt=(), apps=["tiktok", "capcut"])
    record, kept = record_name(city), {}

    def edit() -> None:
        text = "<general><description>Mine now</description></general>"
        city.edit(PROFILES, BLOCK, f"<configuration_profile>{text}</configuration_profile>")
        city.edit(MAC_PROFILES, MAC_LIST, f"<os_x_configuration_profile>{text}</os_x_configuration_profile>")
        text = "<general><display_message>Mine now</display_message></general>"
        city.edit(RECORDS, record, f"<restricted_software>{text}</restricted_software>")
        kept.update({name: city.raw(path, name) for path, name in ((PROFILES, BLOCK), (MAC_PROFILES, MAC_LIST), (RECORDS, record))})

    meanwhile(edit)
    run = city.run(wider, NOW, expect_failure=True)
    for path, name in ((PROFILES, BLOCK), (MAC_PROFILES, MAC_LIST), (RECORDS, record)):
        assert any("Somebody changed" in line and name in line for line in run.message.splitlines()), name
        assert city.raw(path, name) == kept[name]
    assert any(each["path"].endswith("restrictedsoftware/id/0") for each in run.writes()), "the rest was done"


def test_what_somebody_deleted_meanwhile_is_said_and_made_by_the_next_run(city: JamfCity, tmp_path: Path, meanwhile: Any) -> None:
    city.settings(nodes=1)
    city.run(everything(tmp_path), NOW)
    wider = everything(tmp_path, exempt=[TABLET, PHONE, SECOND_PHONE, SECOND_MAC], apps=["tiktok", "capcut"])
    names = [(PROFILES, BLOCK), (RECORDS, record_name(city)), (GROUPS, "BAN city iOS web filter (exempt)")]
    numbers = [{"remove": {"path": path, "id": city.raw(path, name)["id"]}} for path, name in names]
    meanwhile(lambda: city.simulation.objects(numbers))
    run = city.run(wider, NOW, expect_failure=True)
    for _path, name in names[:2]:
        assert any(name in line for line in run.message.splitlines()), name
    city.run(wider, NOW)
    assert city.run(wider, NOW).writes() == []
    assert city.raw(PROFILES, BLOCK)
    assert "TikTok.app" in {each["general"]["process_name"] for each in city.vendor.stores[RECORDS] if each["scope"]["all_computers"]}


def test_what_somebody_deleted_meanwhile_was_to_be_deleted_anyway(city: JamfCity, tmp_path: Path, meanwhile: Any) -> None:
    city.settings(nodes=1)
    before = picture(city)
    city.run(everything(tmp_path), NOW)
    names = [(PROFILES, BLOCK), (RECORDS, record_name(city)), (GROUPS, SMART), (MAC_PROFILES, MAC_LIST)]
    numbers = [{"remove": {"path": path, "id": city.raw(path, name)["id"]}} for path, name in names]
    meanwhile(lambda: city.simulation.objects(numbers))
    city.run([lifted(each) for each in everything(tmp_path)], NOW)
    assert picture(city) == before


def test_what_became_somebody_elses_meanwhile_is_not_deleted(city: JamfCity, tmp_path: Path, meanwhile: Any) -> None:
    city.settings(nodes=1)
    city.run(everything(tmp_path), NOW)
    record = record_name(city)

    def edit() -> None:
        city.edit(PROFILES, BLOCK, "<configuration_profile><general><description>Mine</description></general></configuration_profile>")
        city.edit(RECORDS, record, "<restricted_software><general><name>Mine</name></general></restricted_software>")

    meanwhile(edit)
    run = city.run([lifted(each) for each in everything(tmp_path)], NOW, expect_failure=True)
    assert BLOCK in run.message
    assert city.raw(PROFILES, BLOCK)["general"]["description"] == "Mine"
    assert city.raw(RECORDS, "Mine")["general"]["process_name"] == "TikTok.app"


def test_somebody_who_makes_an_object_of_our_name_meanwhile_keeps_it(city: JamfCity, tmp_path: Path, meanwhile: Any) -> None:
    city.settings(nodes=1)
    order = {"plant": {"path": PROFILES, "xml": profile_xml(BLOCK, GAME)}}
    meanwhile(lambda: city.simulation.objects(order))
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert any("Somebody changed" in line and BLOCK in line for line in run.message.splitlines())
    assert GAME["blockedAppBundleIDs"][0] in city.raw(PROFILES, BLOCK)["general"]["payloads"]
    assert BLOCK in city.run(everything(tmp_path), NOW, expect_failure=True).message


def test_two_bans_on_one_server_leave_each_other_alone(city: JamfCity, tmp_path: Path) -> None:
    other = policy(tmp_path, "other", apps=["capcut"], exempt=())
    city.run(policy(tmp_path), NOW, target="city")
    once = picture(city)
    city.run(other, NOW, target="other")
    assert set(once) <= set(picture(city))
    assert city.run(policy(tmp_path), NOW, target="city").writes() == []
    assert city.run(other, NOW, target="other").writes() == []
    city.run(lifted(other), NOW, target="other")
    assert picture(city) == once
