# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jamf Pro server makes of what it is sent: it rewrites, drops and replaces, and answers 201 to all of it."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.jamf_pro import groups as server_groups
from tests.simulators.jamf_pro import profiles as server_profiles
from tests.simulators.jamf_pro.classic_xml import Leaf, Refs
from tests.simulators.jamf_pro.resources import RESOURCES
from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import (
    BLOCK,
    FILTER,
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
    JamfCity,
    everything,
    opens,
    picture,
    policy,
    sent_xml,
)
from tests.support.jamf_pro.writes import WRITES, once_each

pytestmark = [pytest.mark.usefixtures("no_waiting"), pytest.mark.long]


@pytest.mark.parametrize("expand", [True, False])
def test_a_second_run_writes_nothing_although_the_server_rewrites_everything(city: JamfCity, tmp_path: Path, expand: bool) -> None:
    city.settings(expand_restrictions=expand)
    run = city.run(everything(tmp_path), NOW)
    assert len(run.writes()) == WRITES
    sent, kept = sent_xml(run, PROFILES)[1], city.raw(PROFILES, BLOCK)["general"]
    assert kept["payloads"] not in sent
    assert kept["uuid"] not in sent
    assert ("<key>allowCamera</key>" in kept["payloads"]) is expand
    assert "allowCamera" not in sent
    for path in (PROFILES, MAC_PROFILES):
        read = city.objects()[path][-1]["general"]
        assert read["redeploy_on_update"] == "Newly Assigned"
    for now in (NOW, LATER):
        again = city.run(everything(tmp_path), now)
        assert (again.writes(), again.changed, again.values["changes"], again.values["drift"]) == ([], False, [], [])


def test_names_and_texts_with_every_kind_of_sign_come_through(city: JamfCity, tmp_path: Path) -> None:
    odd = "BÄN + <&> \"x\" 'y' 100% /é"
    before = picture(city)
    policies = [policy(tmp_path, title='Ö & <Co> + "q" \' ]]>', contact="a+b@city.example <&>")]
    run = city.run(policies, NOW, name_prefix=odd)
    assert len(run.writes()) > 5
    assert {each["name"].startswith(odd) for each in run.values["changes"] if each["op"] == "create"} == {True}
    assert city.raw(PROFILES, f"{odd} city iOS blocked apps")
    record = next(each for each in city.vendor.stores[RECORDS] if each["general"]["name"].startswith(odd))
    assert 'Ö & <Co> + "q" \' ]]>. Questions: a+b@city.example <&>' in record["general"]["display_message"]
    assert city.run(policies, NOW, name_prefix=odd).writes() == []
    city.run([lifted(each) for each in policies], NOW, name_prefix=odd)
    assert picture(city) == before


def leaf(path: str, part: str, name: str, node: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """A server that treats a field in its own way, by another schema."""
    branch = RESOURCES[path].schema
    for key in part.split("/"):
        branch = branch[key]

    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(branch, name, node)

    return change


class Deaf(Refs):
    """A list of which nothing is kept, whatever is written."""

    def read(self, element: Any, names: Any) -> list[Any]:
        return []


def dropping_payload_key(patch: pytest.MonkeyPatch) -> None:
    loaded = server_profiles.loaded

    def dropping(text: str) -> dict[str, Any]:
        profile = loaded(text)
        for payload in profile["PayloadContent"]:
            payload.pop("blockedAppBundleIDs", None)
            payload.pop("blacklistedAppBundleIDs", None)
        return profile

    patch.setattr(server_profiles, "loaded", dropping)


DEAF, DEAF_MACS = Deaf("mobile_device_group", "mobile_device_groups"), Deaf("computer", "computers")
FIXED = Leaf(True, server=True)
SELF_SERVICE = Leaf("Make Available in Self Service", ("Make Available in Self Service",))
DROPPED = {
    "exclusions": (leaf(PROFILES, "scope/exclusions", "mobile_device_groups", DEAF), BLOCK, "excluded groups are without"),
    "a scope": (leaf(PROFILES, "scope", "mobile_device_groups", DEAF), BLOCK, "the scope's groups are without"),
    "a choice": (leaf(PROFILES, "general", "deployment_method", SELF_SERVICE), BLOCK, "deployment is 'Make Available in Self Service'"),
    "a description": (leaf(PROFILES, "general", "description", Leaf(server=True)), BLOCK, "description is ''"),
    "a payload key": (dropping_payload_key, BLOCK, "blockedAppBundleIDs"),
    "kill": (leaf(RECORDS, "general", "kill_process", Leaf(False, server=True)), "TikTok.app", "kill_process is"),
    "exact": (leaf(RECORDS, "general", "match_exact_process_name", Leaf(False, server=True)), "TikTok.app", "match_exact_process_name is"),
    "all computers": (leaf(RECORDS, "scope", "all_computers", Leaf(False, server=True)), "TikTok.app", "not everything"),
    "exempt computers": (leaf(RECORDS, "scope/exclusions", "computers", DEAF_MACS), "TikTok.app", "excluded devices are without"),
    "a Mac choice": (leaf(MAC_PROFILES, "general", "user_removable", FIXED), "macOS URL blocklist", "users may remove it"),
}  # fmt: skip


@pytest.mark.parametrize("what", DROPPED)
def test_what_the_server_drops_or_replaces_with_201_fails_loudly_and_is_named(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, undisturbed: list[str]
) -> None:
    trick, name, said = DROPPED[what]
    with monkeypatch.context() as patch:
        trick(patch)
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        statuses = {each["status"] for each in run.writes() if "/JSSResource/" in each["path"]}
        assert statuses == {201}, "the server itself said that all was well"
    lines = [line for line in run.message.splitlines() if name in line]
    assert any("did not keep what was written" in line and said in line for line in lines), run.message
    once_each(run)
    # What has lost the text that says whose it is can only be taken over by somebody who says so.
    city.run(everything(tmp_path), NOW, adopt=what == "a description")
    assert picture(city) == undisturbed


@pytest.mark.parametrize(("criterion", "message"), [("Supervised", "Username is 'true'"), ("Model", "Username like 'iPhone'")])
def test_a_criterion_that_the_server_replaces_stops_what_would_go_by_the_group(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, criterion: str, message: str, undisturbed: list[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.delitem(server_groups.CRITERIA[GROUPS], criterion)
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    lines = [line for line in run.message.splitlines() if "BAN city supervised iPhone" in line]
    assert any("did not keep" in line and message in line for line in lines), run.message
    assert [each["name"] for each in city.objects()[GROUPS] if each["name"].startswith("BAN city supervised")], "it was made"
    profiles = {each["general"]["name"] for each in city.objects()[PROFILES]}
    assert BLOCK not in profiles
    assert FILTER not in profiles
    city.contact(LATER)
    assert [each["serial"] for each in city.devices() if BLOCK in each["profiles"]] == []
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_criteria_that_mean_something_else_to_the_server_stop_the_profile(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(server_groups.TRUE_WORDS, "true", ("Unsupervised",))
        patch.setitem(server_groups.TRUE_WORDS, "false", ("Supervised",))
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert "has none of the" in run.message
    assert BLOCK not in {each["general"]["name"] for each in city.objects()[PROFILES]}


def test_a_409_is_shown_as_a_sentence(city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[str]) -> None:
    with monkeypatch.context() as patch:
        leaf(RECORDS, "general", "new_in_this_version", Leaf(required=True))(patch)
        for record in city.vendor.stores[RECORDS]:
            record["general"]["new_in_this_version"] = "x"
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    line = next(line for line in run.message.splitlines() if "TikTok.app" in line)
    assert "409" in line
    assert "Problem with new_in_this_version" in line
    assert not re.search(r"<\w+>|technical details|Status page|Error: Problem", run.message)
    for record in city.vendor.stores[RECORDS]:
        record["general"].pop("new_in_this_version", None)
    assert BLOCK in {each["general"]["name"] for each in city.objects()[PROFILES]}, "the rest was made"
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_a_write_of_ours_leaves_no_former_exclusion_in_force(city: JamfCity, tmp_path: Path) -> None:
    before = city.objects()
    city.run(everything(tmp_path), NOW)
    city.run([policy(tmp_path, exempt=()), everything(tmp_path)[1]], NOW)
    for path in (PROFILES, MAC_PROFILES, RECORDS):
        for each in city.objects()[path]:
            name = each["general"]["name"]
            if each not in before[path]:
                excluded = {key: value for key, value in each["scope"]["exclusions"].items() if value}
                # The devices of the other ban have a list of their own, and are in no other.
                assert excluded == {} or name == BLOCK, name
    city.contact(LATER)
    assert BLOCK in city.device(PHONE)["profiles"]
    every = "<name>%s</name>"
    parts = {
        "limitations": "<users><user><name>nobody</name></user></users>",
        "exclusions": f"<buildings><building>{every % 'City Hall'}</building></buildings>"
        f"<departments><department>{every % 'Police'}</department></departments><users><user>{every % 'user00009'}</user></users>"
        f"<jss_users><user>{every % 'user00009'}</user></jss_users>",
    }
    xml = "".join(f"<{name}>{inner}</{name}>" for name, inner in parts.items())
    city.edit(PROFILES, BLOCK, f"<configuration_profile><scope>{xml}</scope></configuration_profile>")
    run = city.run([policy(tmp_path, exempt=()), everything(tmp_path)[1]], LATER)
    [told] = [line for line in run.values["drift"] if BLOCK in line]
    for word in ("limitations.users: nobody", "exclusions.buildings: City Hall", "exclusions.departments: Police", "user00009"):
        assert word in told
    scope = city.raw(PROFILES, BLOCK)["scope"]
    assert not any(scope["limitations"].values())
    assert not any(value for name, value in scope["exclusions"].items() if name != "mobile_device_groups")


def test_an_update_keeps_the_servers_identifiers_so_that_no_device_gets_a_second_profile(city: JamfCity, tmp_path: Path) -> None:
    city.run(policy(tmp_path), NOW)
    city.contact(LATER)
    blocked = [each["key"] for each in city.devices() if BLOCK in each["profiles"]]
    assert len(blocked) > 5
    identifiers = {key: city.state()["volatile"]["devices"][key]["profile_identifiers"] for key in blocked}
    former = {name: plistlib.loads(city.raw(path, name)["general"]["payloads"].encode()) for path, name in OURS}
    run = city.run(policy(tmp_path, apps=["tiktok", "capcut"]), LATER)
    assert f"update configuration profile {BLOCK}" in run.changes()
    city.contact(NEXT_DAY)
    for path, name in OURS:
        now = plistlib.loads(city.raw(path, name)["general"]["payloads"].encode())
        assert identity(now) == identity(former[name]), name
    assert {key: city.state()["volatile"]["devices"][key]["profile_identifiers"] for key in blocked} == identifiers
    for key in blocked:
        device = city.device(key)
        assert device["profiles"].count(BLOCK) == 1
        assert not opens(device)
        assert not opens(device, "com.lemon.lvoverseas")
    assert not any(each["conflicts"] for each in city.devices())


OURS = [(PROFILES, BLOCK), (PROFILES, FILTER), (MAC_PROFILES, "BAN city macOS URL blocklist")]


def identity(profile: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["PayloadUUID"], each["PayloadIdentifier"]) for each in (profile, *profile["PayloadContent"])]


def test_a_profile_goes_to_every_device_again_only_if_its_payload_changed(city: JamfCity, tmp_path: Path) -> None:
    def flags(run: Any, path: str = PROFILES) -> list[str]:
        return [found[1] for xml in sent_xml(run, path) if (found := re.search("<redeploy_on_update>(.*?)</", xml))]

    assert set(flags(city.run(policy(tmp_path), NOW))) == {"Newly Assigned"}
    # Another scope, in Macs' profiles by their numbers, and in mobile ones by a group that comes.
    scope = city.run(policy(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW)
    assert set(flags(scope, MAC_PROFILES)) <= {"Newly Assigned"}
    assert not any("<payloads>" in xml for path in (PROFILES, MAC_PROFILES) for xml in sent_xml(scope, path))
    none = city.run(policy(tmp_path, exempt=()), NOW)
    assert flags(none) == ["Newly Assigned"] * 2
    assert {each["rounds"] for each in city.state()["volatile"]["objects"].values()} == {0}
    payload = city.run(policy(tmp_path, exempt=(), apps=["tiktok", "capcut"]), NOW)
    assert flags(payload) == ["All", "All"]
    assert [city.raw(path, name)["round"] for path, name in OURS] == [1, 1, 1]
    both = city.run(policy(tmp_path, exempt=[PHONE], apps=["capcut"], actions=["block"]), NOW)
    assert flags(both) == ["All"], "its payload and its scope"
